"""What a first screening (初筛) says of places: a line per reporting line and area, which candidates are kept, what each looks like in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from jieneng.core.words import T
from jieneng.engine.sifting import Sifted
from jieneng.rulebook.reviews import Review

from .robust import Array
from .screened import FIRST, OF_AREA
from .sifting import LEAST, listed
from .wording import SINGLE, number

COLUMNS = ("line", "area", "institutions", "candidates", "units", "before", "units_before", "edits", "edit_units", "left")
"""Of one line and area: institutions looked at; candidates, of how many institutions; those before the line, of how many; returns that fail a
check, of how many institutions; and cell → what is left beyond the line (doubt × distance added up, in the cell's unit)."""


def by_place(ids: Array, areas: Sequence[str], lines: Mapping[int, str], table: Mapping[str, Array], line: int, sifted: Sifted, review: Review) -> list[list[Any]]:
    """The table by place. ``ids``, ``areas``: everybody in the frozen year; ``lines``: institution → the path that counts for the year.

    ``table``, ``line``: from ``sifting.order``.
    """
    known: dict[tuple[str, str], int] = {}
    where = np.array([known.setdefault((lines.get(int(i), ""), a), len(known)) for i, a in zip(ids, areas, strict=True)], np.int64)
    n = len(known)

    def at(institutions: Array) -> Array:
        found: Array = where[np.searchsorted(ids, institutions)]
        return found

    def counted(institutions: Array) -> tuple[Array, Array]:
        """How many per place, and of how many institutions."""
        return np.bincount(at(institutions), minlength=n), np.bincount(at(np.unique(institutions)), minlength=n)

    whose = table["institution"].astype(np.int64)
    every, before = counted(whose), counted(whose[:line])
    of_edits = np.array([e[0] for e in sifted.edits], np.int64)
    failing = np.bincount(at(of_edits), np.array([e[3] for e in sifted.edits], float), n).astype(int) if len(of_edits) else np.zeros(n, int)
    cells = {q.item: q.cell for q in review.quantities}
    left = {}
    items = np.array([cells.get(str(i), "") for i in table["items"]], object)
    cell_of, beyond = items[table["item"].astype(int)] if len(whose) else np.zeros(0, object), np.arange(len(whose)) >= line
    for cell in sorted({c for c in items if c}):
        mine = beyond & (cell_of == cell)
        left[cell] = np.bincount(at(whose[mine]), (table["doubt"] * table["off"])[mine].astype(float), n)
    size = np.bincount(where, minlength=n)
    edit_units = counted(of_edits)[1] if len(of_edits) else np.zeros(n, int)
    return [[path, area, int(size[k]), int(every[0][k]), int(every[1][k]), int(before[0][k]), int(before[1][k]), int(failing[k]), int(edit_units[k]),
             {c: float(f"{v[k]:.6g}") for c, v in left.items() if v[k] > 0}] for (path, area), k in sorted(known.items())]


def kept(table: Mapping[str, Array], first: int = FIRST, of_area: int = OF_AREA) -> Array:
    """The places in the list of those that are kept, in its order: the first of all, and the first of each area."""
    n = len(table["item"])
    by = np.argsort(table["area"], kind="stable")
    areas = table["area"][by]
    starts = np.flatnonzero(np.append(True, areas[1:] != areas[:-1])) if n else np.zeros(0, int)
    nth = np.arange(n) - np.repeat(starts, np.diff(np.append(starts, n)))
    found: Array = np.union1d(np.arange(min(first, n)), by[nth < of_area])
    return found


def candidates(table: Mapping[str, Array], sifted: Sifted, review: Review, rows: Array, speaker: Speaker) -> Iterator[dict[str, Any]]:
    """The candidates at these places of the list, with ``rank`` and words, as they are kept."""
    part = {k: v if k == "items" else v[rows] for k, v in table.items()}
    for row, area, c in zip(rows.tolist(), part["area"].tolist(), listed(part, sifted, review, len(rows)), strict=True):
        columns = sifted.candidates[c["item"]]
        k = int(np.searchsorted(columns["institution"], c["institution"]))
        yield {**c, "rank": row + 1, "area": sifted.areas[int(area)], "says": speaker.say(c, {name: v[k] for name, v in columns.items()})}


class Speaker:
    """What a candidate looks like, in words. ``units``: item → wrong unit → its name in both languages."""

    def __init__(self, review: Review) -> None:
        self.units = {q.item: {n: words for n, (_, words) in q.units.items()} for q in (*review.quantities, *review.stocks)}
        self.stocks = {s.item: s.beside for s in review.stocks}

    def say(self, c: Mapping[str, Any], f: Mapping[str, Any]) -> T:
        """``c``: as ``sifting.listed`` gives it; ``f``: the columns ``engine.sifting.FOUND`` of it."""
        said = [*self._slip(c), *self._gaps(f, c["item"] in self.stocks)]
        if not c["factor"]:
            far, words = self._distance(c, f)
            if far >= LEAST:
                said.insert(0, words)
            elif not said:
                said = [T("与往常相差不大，但牵动本地合计", "not far from usual, but much of its area’s total hangs on it")]
        return T("；".join(s.say("zh") for s in said), "; ".join(s.say("en") for s in said))

    def _slip(self, c: Mapping[str, Any]) -> Iterable[T]:
        """Which power of ten or wrong unit it is off by."""
        if (name := c["factor"]) in self.units.get(c["item"], {}):
            words = self.units[c["item"]][name]
            yield T(f"像是按“{words.say('zh')}”填的", f"looks as if entered in {words.say('en')}")
        elif name in SINGLE:
            yield T(SINGLE[name].zh.rstrip("。"), SINGLE[name].en.rstrip(".").replace("Looks", "looks"))

    @staticmethod
    def _gaps(f: Mapping[str, Any], stock: bool) -> Iterable[T]:
        """Months left out, zeros, runs, copies; a size may well be the same every month."""
        for key, words in (("missing", T("{n} 个月没有数（没填，或没有审核通过）", "{n} months are not there (left out, or not accepted)")),
                           ("zeros", T("{n} 个月填 0，去年不是", "{n} months are 0 and were not last year")),
                           ("flat", T("接连几个月的数完全一样", "months in a row are the same"))):
            if f[key] > 0 and not (stock and key == "flat"):
                yield words(n=int(f[key]))
        if f["same"] > 2 and not stock:
            yield T("{n} 个月与去年同月一样", "{n} months are as a year ago", n=int(f["same"]))

    def _distance(self, c: Mapping[str, Any], f: Mapping[str, Any]) -> tuple[float, T]:
        """What lies farthest from what one would expect, and by how many spreads."""
        z = {k: float(v) if np.isfinite(v) else 0.0 for k, v in f.items() if k in ("zy", "zx", "zm", "zp", "zv")}
        if np.isfinite(f["r"]):
            z["zx"] = 0.0  # with a year before, its like per size say nothing of it (``sifting.order``)
        most = max(z, key=lambda k: z[k])
        return z[most], self._named(most, c, f)

    def _named(self, most: str, c: Mapping[str, Any], f: Mapping[str, Any]) -> T:
        if c["month"] or most == "zm":
            return T("{m} 月与本单位其他月份相比是 {q} 倍", "month {m} is {q} times what the other months say", m=c["month"] or int(f["month"]), q=number(float(f["q"]), 2))
        if most in ("zp", "zv") and c["item"] in self.stocks:
            return T("与连在一起的另一个数之比，和去年、和同类都不合", "its ratio to the number beside it is unlike last year's and that of its like")
        if most == "zp":
            return T("平均单价 {p} 元，与去年、与同类的涨跌不合", "an average price of {p} yuan moved unlike that of its like", p=number(float(f["price"])))
        if most == "zv":
            return T("有一个月的单价与其他月份不合（全年平均 {p} 元）", "the price of one month is unlike the others ({p} yuan on average)", p=number(float(f["price"])))
        if most == "zx":
            return T("按面积或人数折算是同类的 {q} 倍", "per floor area or person it is {q} times its like", q=number(float(f["x"] / f["like"]), 2))
        if np.isfinite(f["r"]) and f["expected"] > 0:
            return T("全年 {a}，按去年和同类的变化应在 {e} 上下", "{a} in the year; last year and the change of its like say about {e}", a=number(float(f["amount"])), e=number(float(f"{f['expected']:.3g}")))
        return T("去年没有可比的数", "there is no comparable year before")
