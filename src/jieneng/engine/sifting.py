"""First screening (初筛) of a whole nation's wide year: which values of which institutions deserve the full review.

One reading of two years side by side gives a line of ``traits`` per institution and item; medians of like institutions come from the
traits, not from the files. Everything is +, −, ×, ÷ of doubles, medians that are values themselves (PERCENTILE_DISC), and a logarithm at
the end, so that every engine finds the same list. What is compared and how far out is doubtful comes with the ``Sieve``, which the
review makes from the rulebook's own parameters.

    n o c d     months of the quantity now and a year ago, of its cost now and a year ago (doubles; NULL where not answered)
    r           now ÷ a year ago over the months both have (four or more)
    q           of each month: its change ÷ that of the other months; w the farthest from 1 (w ≥ 1 either way), rest the mean of the others
    x           the year per size       p, v   the price now ÷ a year ago; the month whose price is farthest from the others'

Sources: Hidiroglou & Berthelot, Survey Methodology 12, 1986; Iglewicz & Hoaglin 1993 (median and MAD).
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from sqlglot import exp

from jieneng.rulebook.types import Check

from .screening import verdict
from .sql import as_, column, double, text
from .terms import (
    Term,
    added,
    added_to,
    all_,
    away,
    case,
    col,
    cols,
    count,
    distance,
    first,
    known,
    least,
    ln,
    middle,
    most,
    num,
    one_if,
    or_0,
    over,
    per,
    rows_of,
    same,
    some,
    taken,
    whole,
)

SIGMA, MEAN = 1.4826, 1.2533
"""What a median and a mean of absolute deviations are multiplied by to be a standard deviation of a normal distribution."""
HISTORY = 4
"""Months that both years must have for one to be compared with the other."""
PEERS_FLOOR, PRICE_FLOOR = 0.3, 0.03
SLIP = 4.0
"""By how many times itself an amount may be wrong, in earnest: most of what a power of ten would make of it."""
UNKNOWN, TINY = -1e30, 1e-200
LARGE_COPY = 1000
"""A single whole number equal to last year's says something from here on; smaller ones meet by chance."""
TRAITS = ("r", "x", "rest", "p", "vrest")
"""What is compared with like institutions."""
FOUND = ("institution", "area", "amount", "before", "safe", "r", "expected", "month", "q", "monthly", "x", "like", "level", "peers", "price", "v", "zy", "zx", "zm", "zp",
         "zv", "same", "flat", "missing", "zeros", "outside", "total", "fine")
"""The columns of a candidate."""


@dataclass(frozen=True)
class Quantity:
    """An item to be sifted. ``weight``: what one unit counts in its published total; ``floor``: smallest spread of ln of its change."""

    item: str
    beside: str = ""
    cell: str = ""
    weight: float = 1.0
    per: str = ""
    floor: float = 0.02
    stock: bool = False


@dataclass(frozen=True)
class Sieve:
    """What is sifted and by which parameters. ``show``, ``least``: spreads from which a value is doubtful, by itself and with ``large`` of its
    area's total hanging on it. ``up``, ``wide``: area → the region, type → the kind that its group widens to."""

    form: str
    year: int
    months: tuple[str, ...]
    quantities: tuple[Quantity, ...]
    checks: tuple[Check, ...]
    up: Mapping[str, str]
    wide: Mapping[str, str]
    peers: int
    strength: float
    hb: tuple[float, float, float]
    show: float
    least: float
    large: float


@dataclass
class Sifted:
    """Candidates: per item the columns of ``FOUND`` as arrays, by institution; failing edits as (institution, check, first month, how many)."""

    candidates: dict[str, dict[str, np.ndarray]]
    edits: list[tuple[int, str, int, int]]
    institutions: int
    pairs: int
    """Institutions, and pairs of institution and item with anything to look at, that were looked at."""
    totals: dict[tuple[str, str], float]
    """Cell and area → the published total, robustly."""


class Wide(Protocol):
    """What holds the wide files of a form: a snapshot."""

    def wide(self, form: str) -> list[str]: ...

    def columns(self, name: str) -> list[str]: ...

    def file(self, name: str) -> Path: ...


def arrays(columns: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The columns of candidates as arrays: names and codes as they are, numbers as doubles or whole numbers, NaN where unknown."""
    whole = {"institution": np.int64, **dict.fromkeys(("month", "level", "peers", "same", "flat", "missing", "zeros", "outside"), np.int32)}
    found = {}
    for name in FOUND:
        values = columns[name]
        if name == "area":
            found[name] = np.array(values, dtype=object)
        elif name in whole:
            filled = np.ma.filled(values, 0) if isinstance(values, np.ma.MaskedArray) else [v or 0 for v in values] if isinstance(values, (tuple, list)) else values
            found[name] = np.asarray(filled).astype(whole[name])
        else:
            filled = np.ma.filled(values, np.nan) if isinstance(values, np.ma.MaskedArray) else [np.nan if v is None else v for v in values] if isinstance(values, (tuple, list)) else values
            found[name] = np.asarray(filled, np.float64)
    return found


# -- traits of institutions -------------------------------------------------------------------------------------------------

def or_blank(key: str) -> Any:
    return exp.Coalesce(this=column(key), expressions=[text("")])


def places_query(sieve: Sieve) -> exp.Select:
    """Every area and type there is: numbers of the groups that widen, g0 … g2."""
    def table(mapping: Mapping[str, str], name: str) -> Any:
        rows = [(text(k), text(v)) for k, v in sorted(mapping.items())] or [(text("\x00"), text(""))]
        return exp.values([exp.Tuple(expressions=list(r)) for r in rows], alias=name, columns=["k", "v"])

    both = taken(*[as_(or_blank(k), k) for k in ("area", "type")]).from_("wide").where(same(col("year"), whole(sieve.year))).distinct()
    up = exp.Coalesce(this=exp.Nullif(this=col("v", "u"), expression=text("")), expressions=[col("area", "b")])
    wide = exp.Coalesce(this=exp.Nullif(this=col("v", "w"), expression=text("")), expressions=[col("type", "b")])
    named = taken(as_(col("area", "b"), "area"), as_(col("type", "b"), "type"), as_(up, "up"), as_(wide, "wide")).from_(both.subquery("b")).join(
        table(sieve.up, "u"), on=same(col("k", "u"), col("area", "b")), join_type="left").join(
        table(sieve.wide, "w"), on=same(col("k", "w"), col("type", "b")), join_type="left")

    def rank(*keys: str) -> Any:
        return exp.Window(this=exp.Anonymous(this="DENSE_RANK"), order=exp.Order(expressions=[exp.Ordered(this=col(k)) for k in keys]))

    return over(named, "p", taken(column("area"), column("type"), as_(rank("area", "type"), "g0"), as_(rank("up", "type"), "g1"), as_(rank("up", "wide"), "g2")))


def _cells(q: Quantity, sieve: Sieve, there: frozenset[str]) -> exp.Select:
    """The months of both years beside each other as doubles, ``UNKNOWN`` where not answered, of those with anything in either year; with the
    size and the numbers of the groups."""
    years = []
    for n, name in enumerate(("now", "old")):
        reads = {f"{i}__{m}" for i in (q.item, q.beside, q.per if not n else "") for m in sieve.months} & there
        head = [] if n else [as_(or_blank(k), k) for k in ("area", "type")]
        years.append(taken(column("institution"), *head, *[column(c) for c in sorted(reads)]).from_("wide").where(
            same(col("year"), whole(sieve.year - n)), copy=False).subquery(name, copy=False))

    def value(item: str, month: str, year: str) -> Any:
        name = f"{item}__{month}"
        return Term(this=exp.Coalesce(this=double(column(name, year)), expressions=[num(UNKNOWN)])) if name in there else num(UNKNOWN)

    columns = {f"{letter}{k}": value(item, m, year) for letter, item, year in (("n", q.item, "now"), ("o", q.item, "old"), *((("c", q.beside, "now"), ("d", q.beside, "old")) if q.beside else ()),
                                                                             *((("s", q.per, "now"),) if q.per else ())) for k, m in enumerate(sieve.months)}
    one = same(col("institution", "now"), col("institution", "old"))
    place = all_(*[same(col(k, "now"), col(k, "places")) for k in ("area", "type")])
    query = taken(as_(column("institution", "now"), "institution"), *[as_(column(g, "places"), g) for g in ("g0", "g1", "g2")], *[as_(v, k) for k, v in columns.items()]).from_(
        years[0]).join(years[1], on=one, join_type="left", copy=False).join(rows_of("sift_places", "places"), on=place, copy=False)
    return over(query, "t", taken("*")).where(most([*cols("n", len(sieve.months)), *cols("o", len(sieve.months))]) > num(0), copy=False)


def traits_query(q: Quantity, sieve: Sieve, there: frozenset[str]) -> exp.Select:
    """A line per institution with anything of the item in either year.

    Months are added and multiplied with 0 and 1 for what is left out; ``TINY`` keeps quotients from being divided by 0.
    """
    k = len(sieve.months)
    n, o, i, j, b = (cols(letter, k) for letter in "noijb")
    paid = any(f"{q.beside}__{m}" in there for m in sieve.months)
    query = added_to(_cells(q, sieve, there), **{f"i{m}": one_if(v > num(0)) for m, v in enumerate(n)}, **{f"j{m}": one_if(v > num(0)) for m, v in enumerate(o)})
    query = added_to(query, **{f"b{m}": x * y for m, (x, y) in enumerate(zip(i, j, strict=True))}, **_size(q, k))
    sums = {"sn": added([v * w for v, w in zip(n, i, strict=True)]), "so": added([v * w for v, w in zip(o, j, strict=True)]), "kb": added(b), "pn": added(i), "po": added(j),
            "bn": added([v * w for v, w in zip(n, b, strict=True)]), "bo": added([v * w for v, w in zip(o, b, strict=True)]),
            "safe": added([v * x * (num(1) - y) + least([v, w]) * x * y for v, w, x, y in zip(n, o, i, j, strict=True)]), **_patterns(n, o, i, k), **_gaps(n, o, k)}
    query = added_to(query, **sums, **(_paid(k) if paid else {}))
    query = added_to(query, h=one_if(col("kb") >= num(min(HISTORY, k))))
    query = added_to(query, top=col("h") * col("bn") + (num(1) - col("h")) * col("sn"), base=col("h") * col("bo") + (num(1) - col("h")) * col("pn"),
                     nq=col("h") * col("kb") + (num(1) - col("h")) * col("pn") * one_if(col("pn") > num(1)))
    query = added_to(query, **{f"q{m}": v for m, v in enumerate(_changes(n, o, i, b))}, **({f"v{m}": v for m, v in enumerate(_prices(k))} if paid else {}))
    query = added_to(query, **_farthest("q", "nq", k, "w", "rest"), **(_farthest("v", "nv", k, "v", "vrest") if paid else {}), hi=most(cols("q", k)), lo=least(cols("q", k)))
    query = added_to(query, q=case(col("hi") * col("lo") >= num(1), col("hi"), col("lo")))
    old, none = col("h") > num(0), exp.Cast(this=exp.Null(), to=exp.DataType(this=exp.DataType.Type.DOUBLE))
    made = {"r": case(old, per(col("bn"), col("bo"))), "x": case(col("sn") > num(0), per(col("sn"), col("size"))),
            "month": most([one_if(same(v, col("q"))) * num(m + 1) for m, v in enumerate(cols("q", k))]),
            "monthly": most([one_if(same(v, col("q"))) * x * y for v, x, y in zip(cols("q", k), n, i, strict=True)]),
            "p": case(all_(col("kp") > num(0), col("kt") > num(0)), per(col("uc") * col("tq"), col("uq") * col("tc"))) if paid else none,
            **{c: column(c) if paid else none for c in ("v", "vrest", "nv", "uq", "uc")}}
    kept = ("institution", "g0", "g1", "g2", "sn", "so", "bn", "bo", "safe", "q", "w", "rest", "nq", "same", "large", "flat", "again", "missing", "zeros")
    return over(query, "t", taken(*[column(c) for c in kept], *[as_(v, name) for name, v in made.items()]))


def _size(q: Quantity, k: int) -> dict[str, Any]:
    """The mean of the months in which the size is known."""
    s = cols("s", k)
    return {"size": per(added([v * one_if(v > num(0)) for v in s]), added([one_if(v > num(0)) for v in s]))} if q.per else {"size": num(1)}


def _changes(n: Sequence[Any], o: Sequence[Any], i: Sequence[Any], b: Sequence[Any]) -> list[Any]:
    """Each month's change ÷ that of the other months; without last year each month ÷ the mean of the others; 1 where left out."""
    found = []
    for v, w, x, y in zip(n, o, i, b, strict=True):
        used = (col("h") * y + (num(1) - col("h")) * x) * one_if(col("nq") > num(1))
        mine, base = v * x, col("h") * w * y + (num(1) - col("h")) * x
        over_, under = used * mine * (col("base") - base), used * base * (col("top") - mine)
        found.append(per_sure(over_ + (num(1) - used), under + (num(1) - used)))
    return found


def _paid(k: int) -> dict[str, Any]:
    """Amounts and costs of the months that have both, now and a year ago."""
    n, o, c, d, i, j = (cols(letter, k) for letter in "nocdij")
    now = [x * one_if(v > num(0)) for x, v in zip(i, c, strict=True)]
    old = [x * one_if(v > num(0)) for x, v in zip(j, d, strict=True)]
    return {"uq": added([v * x for v, x in zip(n, now, strict=True)]), "uc": added([v * x for v, x in zip(c, now, strict=True)]), "kp": added(now),
            "tq": added([v * x for v, x in zip(o, old, strict=True)]), "tc": added([v * x for v, x in zip(d, old, strict=True)]), "kt": added(old),
            "nv": added(now) * one_if(added(now) > num(2))}


def _prices(k: int) -> list[Any]:
    """Each month's price ÷ that of the other months; 1 where left out."""
    found = []
    for v, c, x in zip(cols("n", k), cols("c", k), cols("i", k), strict=True):
        used = x * one_if(c > num(0)) * one_if(col("nv") > num(0))
        found.append(per_sure(used * c * (col("uq") - used * v) + (num(1) - used), used * v * (col("uc") - used * c) + (num(1) - used)))
    return found


def per_sure(over_: Any, under: Any) -> Any:
    """A quotient of what is never negative."""
    return Term(this=exp.Div(this=over_ + num(TINY), expression=under + num(TINY)))


def _farthest(letter: str, n: str, k: int, top: str, rest: str) -> dict[str, Any]:
    """The farthest of the months, either way, and the mean of the others; of ``k`` quotients those left out are 1."""
    each = [most([v, Term(this=exp.Div(this=num(1), expression=v))]) for v in cols(letter, k)]
    left = num(k) - col(n)
    return {top: case(col(n) > num(1), most(each)), rest: case(col(n) > num(1), per(added(each) - left - most(each), col(n) - num(1)))}


def _patterns(n: Sequence[Any], o: Sequence[Any], i: Sequence[Any], k: int) -> dict[str, Any]:
    """Months equal to last year's, those large enough to mean something, months in runs of three, and those equal to the month before."""
    equal = [one_if(same(v, w)) * x for v, w, x in zip(n, o, i, strict=True)]
    before = [one_if(same(n[m], n[m - 1])) * i[m] for m in range(1, k)]
    return {"same": added(equal), "large": added([e * one_if(some([v >= num(LARGE_COPY), exp.NEQ(this=v, expression=exp.Floor(this=v))])) for e, v in zip(equal, n, strict=True)]),
            "flat": added([num(0), *[x * y for x, y in itertools.pairwise(before)]]), "again": added([num(0), *[x * one_if(v >= num(LARGE_COPY)) for x, v in zip(before, n[1:], strict=True)]])}


def _gaps(n: Sequence[Any], o: Sequence[Any], k: int) -> dict[str, Any]:
    """Months left out and zeros that stand for a gap, as ``review.patterns.gaps`` has them, over two years."""
    there, then = ([one_if(v > num(UNKNOWN / 2)) for v in values] for values in (n, o))
    some_then = one_if(added(then) > num(0))
    left = added([(num(1) - x) * (num(1) - some_then + y * some_then) for x, y in zip(there, then, strict=True)])
    zeros = added([one_if(same(v, num(0))) * (num(1) - one_if(same(w, num(0)))) for v, w in zip(n, o, strict=True)])
    return {"missing": one_if(added(there) >= num(0.75 * k)) * left, "zeros": one_if(most(list(n)) > num(0)) * zeros}


# -- like institutions ---------------------------------------------------------------------------------------------------------

def like_query(rows: Any, names: Sequence[str], sieve: Sieve) -> exp.Select:
    """For each finest group the median of each of these columns in the first group, widening, that has enough of them: g0, and per column m_, n_, l_."""
    by_level = []
    for level in range(4):
        group = [column(f"g{level}")] if level < 3 else []
        medians = [as_(x, f"{k}{name}") for name in names for k, x in (("m", middle(col(name))), ("n", exp.Count(this=col(name))))]
        query = taken(*group, *medians).from_(rows.copy())
        by_level.append((query.group_by(*group, copy=False) if group else query).subquery(f"l{level}", copy=False))

    def pick(kind: str, name: str) -> Any:
        at = [whole(level) if kind == "l" else col(f"{kind}{name}", f"l{level}") for level in range(4)]
        return as_(first([(col(f"n{name}", f"l{level}") >= whole(sieve.peers), at[level]) for level in range(3)], at[3]), f"{kind}_{name}")

    query = taken(as_(column("g0", "places"), "g0"), *[pick(kind, name) for name in names for kind in "mnl"]).from_(rows_of("sift_places", "places"))
    for level in range(3):
        query = query.join(by_level[level], on=same(col(f"g{level}", "places"), col(f"g{level}", f"l{level}")), join_type="left", copy=False)
    return query.join(by_level[3], join_type="cross", copy=False)


def apart_query(table: str, like: str) -> exp.Select:
    """How far each lies from the median of its like, either way (≥ 1): ar, ax, ap."""
    columns = [as_(col(g, "s"), g) for g in ("g0", "g1", "g2")]
    return taken(*columns, *[as_(away(per(col(t, "s"), col(f"m_{t}", "k"))), f"a{t}") for t in ("r", "x", "p")]).from_(rows_of(table, "s")).join(
        rows_of(like, "k"), on=same(col("g0", "s"), col("g0", "k")))


def effects_query(table: str, sieve: Sieve) -> exp.Select:
    """Hidiroglou–Berthelot: among those of a kind in the parent region, the median ratio, and quartiles of the effects; per g1."""
    def grouped() -> Any:
        size = most([col("bn"), col("bo")])
        return taken(column("g1"), column("r"), as_(size, "size")).from_(exp.to_table(table)).where(known(col("r")), copy=False)

    head = over(grouped(), "t", taken(column("g1"), as_(middle(col("r")), "m"), as_(exp.Count(this=exp.Star()), "n"))).group_by(column("g1"))
    both = taken(as_(col("g1", "t"), "g1"), as_(col("m", "f"), "m"), as_(col("n", "f"), "n"), as_(effect(col("r", "t"), col("m", "f"), col("size", "t"), sieve), "e")).from_(
        grouped().subquery("t")).join(head.subquery("f"), on=same(col("g1", "t"), col("g1", "f")))
    quartiles = [as_(middle(col("e"), q), f"e{n}") for n, q in enumerate((0.25, 0.5, 0.75))]
    return over(both, "t", taken(column("g1"), *[as_(exp.Max(this=column(c)), c) for c in "mn"], *quartiles)).group_by(column("g1"))


def effect(r: Any, m: Any, size: Any, sieve: Sieve) -> Any:
    centred = case(r < m, num(1) - per(m, r), per(r, m) - num(1))
    return centred * exp.Pow(this=size, expression=num(sieve.hb[0]))


# -- candidates ------------------------------------------------------------------------------------------------------------------

def candidates_query(q: Quantity, table: str, sieve: Sieve) -> exp.Select:
    """Who deserves the full review for this item, with what speaks for it."""
    t, k, a = (lambda c: col(c, "t")), (lambda c: col(c, "k")), (lambda c: col(c, "a"))
    _, floor_a, reach = sieve.hb

    def pulled(own: Any, n: Any, group: Any) -> Any:
        """Own spread pulled to that of its like: √((n·own² + strength·group²) ÷ (n + strength))."""
        mine, alike = or_0(ln(own)) * num(MEAN), or_0(ln(group)) * num(MEAN)
        return exp.Sqrt(this=per(n * mine * mine + num(sieve.strength) * alike * alike, n + num(sieve.strength)))

    e = effect(t("r"), col("m", "h"), most([t("bn"), t("bo")]), sieve)
    floor_h = distance(col("e1", "h") * num(floor_a))
    low, high = (most([d, floor_h, num(1e-12)]) for d in (col("e1", "h") - col("e0", "h"), col("e2", "h") - col("e1", "h")))
    outside = case(col("n", "h") >= whole(2 * sieve.peers), case(some([e < col("e1", "h") - low * num(reach), e > col("e1", "h") + high * num(reach)]), whole(1)))
    made = {
        "institution": t("institution"), "g0": t("g0"), "amount": t("sn"), "before": t("so"), "safe": t("safe"), "r": t("r"), "expected": t("so") * k("m_r"), "month": t("month"), "q": t("q"),
        "monthly": t("monthly"), "x": t("x"), "like": k("m_x"), "level": k("l_x"), "peers": k("n_x"), "price": per(t("uc"), t("uq")), "v": t("v"), "same": t("same"), "copies": t("large"),
        "flat": t("flat"), "again": t("again"), "missing": t("missing"), "zeros": t("zeros"), "outside": exp.Coalesce(this=outside, expressions=[whole(0)]),
        "zy": per(distance(ln(per(t("r"), k("m_r")))), most([ln(a("m_ar")) * num(SIGMA), num(q.floor)])),
        "zx": per(distance(ln(per(t("x"), k("m_x")))), most([ln(a("m_ax")) * num(SIGMA), num(PEERS_FLOOR)])),
        "zm": per(ln(t("w")), most([pulled(t("rest"), t("nq"), k("m_rest")), num(q.floor)])),
        "zp": per(distance(ln(per(t("p"), k("m_p")))), most([ln(a("m_ap")) * num(SIGMA), num(PRICE_FLOOR)])),
        "zv": per(ln(t("v")), most([pulled(t("vrest"), t("nv"), k("m_vrest")), num(PRICE_FLOOR)])),
        "far": distance(ln(per(t("x"), k("m_x")))) > most([ln(a("m_ax")) * num(4.5 * SIGMA), num(float(np.log(3)))]),
    }
    query = taken(*[as_(v, name) for name, v in made.items()]).from_(rows_of(table, "t"))
    for alias in ("k", "a"):
        query = query.join(rows_of(f"{table}_{alias}", alias), on=same(t("g0"), col("g0", alias)), copy=False)
    query = query.join(rows_of(f"{table}_h", "h"), on=same(t("g1"), col("g1", "h")), join_type="left", copy=False)
    z = most([case(known(col("r")), col("zy"), col("zx")), col("zm"), col("zp"), col("zv")])
    query = added_to(query, z=z)
    level = all_(col("far", "t"), col("peers", "t") >= whole(sieve.peers), col("level", "t") <= whole(1))
    pattern = [col(c, "t") > num(0) for c in ("missing", "zeros", "outside", *(() if q.stock else ("copies", "flat", "again")))]
    if not q.stock:
        pattern.append(col("same", "t") > num(2))
    off = most([distance(col("amount", "t") - col("expected", "t")), col("amount", "t") * num(SLIP)]) * num(q.weight)
    hangs = all_(col("z", "t") >= num(sieve.least), off >= col("area", "s") * num(sieve.large))
    wanted = some([col("z", "t") >= num(sieve.show), level, *pattern, *([] if q.stock else [hangs])])
    said = {"area": column("name", "s"), "total": column("area", "s"), "fine": column("fine", "s")}
    place = all_(same(col("g0", "t"), col("g0", "s")), same(col("cell", "s"), text(q.cell)))
    return over(query, "t", taken(*[as_(said.get(c, column(c, "t")), c) for c in FOUND])).join(
        rows_of("sift_totals", "s"), on=place, copy=False).where(wanted, copy=False).order_by(exp.Ordered(this=column("institution", "t")), copy=False)


def totals_query(quantities: Sequence[tuple[Quantity, str]]) -> exp.Select:
    """Per finest group and cell: about what is published for it and for its area. Sums of the smaller of both years' months, so that a
    slip of a power of ten in one of them moves nothing."""
    parts: list[Any] = [taken(column("g0"), as_(text(q.cell), "cell"), as_(col("safe") * num(q.weight), "w")).from_(exp.to_table(table)) for q, table in quantities]
    rows = functools.reduce(lambda x, y: exp.union(x, y, distinct=False, copy=False), parts)
    fine = taken(column("g0"), column("cell"), as_(exp.Sum(this=column("w")), "fine")).from_(rows.subquery("t")).group_by(column("g0"), column("cell"))
    joined = taken(as_(col("g0", "f"), "g0"), as_(col("cell", "f"), "cell"), as_(col("fine", "f"), "fine"), as_(col("area", "p"), "name")).from_(fine.subquery("f")).join(
        rows_of("sift_places", "p"), on=same(col("g0", "f"), col("g0", "p")))
    area = exp.Window(this=exp.Sum(this=col("fine")), partition_by=[col("name"), col("cell")])
    return over(joined, "t", taken("*", as_(area, "area")))


# -- edits -----------------------------------------------------------------------------------------------------------------------

def edits_query(checks: Sequence[Check], items: frozenset[str], sieve: Sieve, there: frozenset[str], dialect: str) -> exp.Select | None:
    """Institution, and per check the first month that fails it and how many do: the form's own texts, month by month, over the wide row.

    A check with a quotient (exact to nine places, and by far the dearest) says of a month whose amounts are those of the month before what
    it said of that one.
    """
    months = range(len(sieve.months))
    used: dict[tuple[int, int], set[tuple[int, str]]] = {}
    verdicts: dict[tuple[int, int], Any] = {}
    for n, check in enumerate(checks):
        for m in months:
            verdicts[n, m], used[n, m] = _of_month(verdict(check, items, dialect), m, sieve, there)
    every = set().union(*used.values())
    if not every:
        return None
    years = [taken(column("institution"), *[column(c) for y, c in sorted(every) if y == n]).from_("wide").where(
        same(col("year"), whole(sieve.year - n)), copy=False).subquery(name, copy=False) for n, name in enumerate(("now", "old"))]
    query = taken(as_(column("institution", "now"), "institution"), *[as_(column(c, ("now", "old")[y]), f"{y}_{c}") for y, c in sorted(every)]).from_(years[0])
    if any(y for y, _ in every):
        query = query.join(years[1], on=same(col("institution", "now"), col("institution", "old")), join_type="left", copy=False)
    dear = {n for n, c in enumerate(checks) if "ratio(" in " ".join((c.holds, c.when, *c.let.values()))}
    said = {(n, m): exp.Not(this=exp.Paren(this=v)) for (n, m), v in verdicts.items()}
    query = added_to(query, **{f"f{n}_{m}": v for (n, m), v in said.items() if m == 0 or n not in dear})
    for m in months[1:] if dear else ():
        alike = {n: [exp.NullSafeEQ(this=_at(a), expression=_at(b)) for a, b in _pairs(used[n, m], used[n, m - 1])] for n in dear}
        query = added_to(query, **{f"f{n}_{m}": case(all_(*alike[n]), column(f"f{n}_{m - 1}"), said[n, m]) if alike[n] else said[n, m] for n in sorted(dear)})
    fails = {n: [column(f"f{n}_{m}") for m in months] for n in range(len(checks))}
    columns = [as_(x, f"{k}{n}") for n, found in fails.items() for k, x in (("m", first([(c, whole(m + 1)) for m, c in enumerate(found)], whole(0))), ("k", count(found)))]
    query = over(query, "t", taken(column("institution"), *columns))
    return over(query, "t", taken("*")).where(some([col(f"k{n}") > whole(0) for n in fails]), copy=False).order_by(exp.Ordered(this=column("institution")), copy=False)


def _of_month(tree: Any, m: int, sieve: Sieve, there: frozenset[str]) -> tuple[Any, set[tuple[int, str]]]:
    """A verdict on a month of the wide row, and the columns it reads: 0 this year's, 1 last year's."""
    used: set[tuple[int, str]] = set()

    def beside(node: Any) -> Any:
        if not isinstance(node, exp.Column):
            return node
        year, month = {"base": (0, m), "last_year": (1, m), "last_month": (0, m - 1) if m else (1, len(sieve.months) - 1)}[node.table]
        name = f"{node.name}__{sieve.months[month]}"
        if name not in there or (node.table == "last_month" and len(sieve.months) == 1):
            return exp.Null()
        used.add((year, name))
        return column(f"{year}_{name}")

    return tree.transform(beside), used


def _at(used: tuple[int, str]) -> Any:
    return column(f"{used[0]}_{used[1]}")


def _pairs(these: set[tuple[int, str]], those: set[tuple[int, str]]) -> list[tuple[tuple[int, str], tuple[int, str]]]:
    """What a month reads beside what the month before read, item by item; nothing where they do not read the same items."""
    def by_item(used: set[tuple[int, str]]) -> dict[tuple[int, str], tuple[int, str]]:
        return {(y, c.rpartition("__")[0]): (y, c) for y, c in used}

    one, two = by_item(these), by_item(those)
    whole_ = one.keys() == two.keys() and len(one) == len(these) and len(two) == len(those)
    return [(one[k], two[k]) for k in sorted(one)] if whole_ else []
