"""The plain-Python engine: loops and dictionaries. Slow, obvious, and the answer every other engine must give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from jieneng.core.period import Period
from jieneng.rulebook.types import Check

from . import tables
from .answers import interpolated, lacking
from .questions import (
    STANDING,
    Ask,
    Cell,
    Group,
    Indicator,
    LedgerAnswer,
    Rank,
    Spread,
    Term,
    Total,
    Uncovered,
    as_known,
    asked_of,
    bare,
    bodies_usable,
    check_asks,
    check_groups,
    check_indicator,
    check_where,
    due_bits,
    in_order,
    known_items,
    knows_due,
    periods_of,
    split_complete,
)
from .screening import BEFORE, FAILS, NOT_APPLIED, Failing, Screened, before, judge, usable
from .sifting import Sieve, Sifted, Wide
from .sifting import plain as sifting_plain
from .snapshot import Snapshot

Row = dict[str, Any]


def fits(row: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    """Whether a row lies inside ``where``."""
    for name, value in where.items():
        have = row.get(name)
        if isinstance(value, Mapping) and "not" in value:
            if have is None or any(have == v or str(have) == str(v) for v in value["not"]):
                return False
            continue
        if isinstance(value, Mapping):
            text = None if have is None else str(have)
            if text is None or (value.get("from") and text < str(value["from"])) or (value.get("to") and text > str(value["to"])):
                return False
            continue
        options = list(value) if isinstance(value, (tuple, list)) else [value]
        if have is None:
            if None not in options:
                return False
        elif name == "line":
            if not any(have.startswith(str(v)) for v in options if v is not None):
                return False
        elif not any(have == v or str(have) == str(v) for v in options):
            return False
    return True


def key_of(row: Mapping[str, Any], by: Sequence[str]) -> tuple[Any, ...]:
    """The keys of a row; ``area:2`` is the beginning of a code."""
    found = []
    for name, _, length in (k.partition(":") for k in by):
        found.append(row[name][:int(length)] if length and row[name] is not None else row[name])
    return tuple(found)


def quantile(values: Sequence[float], q: float) -> float:
    """A quantile of ordered values."""
    below = int((len(values) - 1) * q)
    return interpolated(values[below], values[below + 1] if below + 1 < len(values) else None, len(values), q)


class Plain:
    """Same answers as every engine, from loops."""

    def _rows(self, snapshot: Snapshot, form: str, period: Period) -> list[Row]:
        inside = set(periods_of(period))
        return [r for n in snapshot.forms(form) for r in tables.read_table(snapshot.file(n)) if r["period"] in inside]

    @staticmethod
    def _answered(rows: Sequence[Row], items: Sequence[str]) -> dict[str, dict[int, list[str]]]:
        """Item → institution → the periods it answered."""
        found: dict[str, dict[int, list[str]]] = {i: {} for i in items}
        for row in rows:
            for item in found:
                if row.get(item) is not None:
                    found[item].setdefault(row["institution"], []).append(row["period"])
        return found

    @staticmethod
    def _owed(rows: Sequence[Row], period: Period, due: bool) -> dict[int, int]:
        """Institution → the answers it owes in the period, at least one."""
        most: dict[int, int] = {}
        for row in rows:
            most[row["institution"]] = max(most.get(row["institution"], 0), (row["due"] or 0) if due else 0)
        return {who: max(1, (bits & due_bits(period)).bit_count()) for who, bits in most.items()}

    def _complete(self, snapshot: Snapshot, form: str, rows: Sequence[Row], period: Period, items: Sequence[str]) -> set[int]:
        """The institutions that answered every item: once, or each time it was due where it is marked."""
        items = as_known(snapshot, form, items)
        answered = self._answered(rows, [bare(i) for i in items])
        owed = self._owed(rows, period, knows_due(snapshot, form))
        return {who for who, n in owed.items() if all(len(answered[bare(i)].get(who, ())) >= (n if i != bare(i) else 1) for i in items)}

    def _covered(self, snapshot: Snapshot, form: str, rows: Sequence[Row], period: Period, complete: Sequence[str], by: Sequence[str],
                 where: Mapping[str, Any]) -> Callable[[Row], bool]:
        """Whether a row belongs to an institution that answered all it must, in this period and in others."""
        own, other = split_complete(complete)
        keys = [k for k in by if k.partition(":")[0] in STANDING]
        standing = {k: v for k, v in where.items() if k in STANDING}
        mine = self._complete(snapshot, form, rows, period, own) if own else None
        then: list[set[tuple[Any, ...]]] = []
        for earlier, items in other.items():
            old = self._rows(snapshot, form, earlier)
            whole = self._complete(snapshot, form, old, earlier, items)
            then.append({(r["institution"], *key_of(r, keys)) for r in old if fits(r, standing) and r["institution"] in whole})
        return lambda r: (mine is None or r["institution"] in mine) and all((r["institution"], *key_of(r, keys)) in t for t in then)

    def sums(self, snapshot: Snapshot, asks: Sequence[Ask], *, form: str, period: Period, by: Sequence[str] = (),
             where: Mapping[str, Any] | None = None, complete: Sequence[str] = ()) -> list[Group]:
        check_groups(by)
        check_where(where or {})
        check_asks(asks)
        if asked_of(complete) - known_items(snapshot, form):
            return []
        rows = self._rows(snapshot, form, period)
        answered = self._answered(rows, [a.item for a in asks])
        covered = self._covered(snapshot, form, rows, period, complete, by, where or {})
        groups: dict[tuple[Any, ...], list[Row]] = {}
        for row in rows:
            if fits(row, where or {}) and covered(row):
                groups.setdefault(tuple(row[k] for k in by), []).append(row)
        result = []
        for key in sorted(groups, key=in_order):
            inside = groups[key]
            group = Group(dict(zip(by, key, strict=True)), len({r["institution"] for r in inside}), len(inside))
            for ask in asks:
                group.totals[ask.item] = self._total(ask, inside, answered[ask.item])
            result.append(group)
        return result

    @staticmethod
    def _total(ask: Ask, rows: Sequence[Row], answered: Mapping[int, list[str]]) -> Total:
        total, members, cells = Fraction(0), set(), 0
        for row in rows:
            value, who = row.get(ask.item), row["institution"]
            if value is None or (ask.over_time == "last" and row["period"] != max(answered[who])):
                continue
            total += Fraction(value) / (len(answered[who]) if ask.over_time == "mean" else 1)
            members.add(who)
            cells += 1
        return Total(total if cells else None, len(members), cells)

    def spread(self, snapshot: Snapshot, indicator: Indicator, *, form: str, period: Period, by: Sequence[str] = (),
               where: Mapping[str, Any] | None = None, quantiles: Sequence[float] = (0.25, 0.5, 0.75), ranked: Sequence[int] = ()) -> list[Spread]:
        check_indicator(indicator, by, quantiles)
        check_where(where or {})
        if (indicator.items | asked_of(indicator.complete)) - known_items(snapshot, form):
            return []
        rows = self._rows(snapshot, form, period)
        answered = self._answered(rows, list(indicator.items))
        covered = self._covered(snapshot, form, rows, period, indicator.complete, by, where or {})
        groups: dict[tuple[Any, ...], dict[int, list[Row]]] = {}
        for row in rows:
            if fits(row, where or {}) and covered(row):
                groups.setdefault(key_of(row, by), {}).setdefault(row["institution"], []).append(row)
        found = []
        for key in sorted(groups, key=in_order):
            numbers = {who: v for who, own in groups[key].items() if (v := self._number(indicator, own, answered)) is not None}
            if numbers:
                values = sorted(numbers.values())
                ranks = [Rank(who, numbers[who], 1 + sum(v > numbers[who] for v in values)) for who in {*ranked} & set(numbers)]
                found.append(Spread(key, len(values), values[0], tuple(quantile(values, q) for q in quantiles), values[-1],
                                    tuple(sorted(ranks, key=lambda r: (r.rank, r.institution)))))
        return found

    @staticmethod
    def _number(indicator: Indicator, rows: Sequence[Row], answered: Mapping[str, Mapping[int, list[str]]]) -> float | None:
        """The indicator of one institution from its rows, as doubles; None where it is unknown."""
        def side(terms: Sequence[Term]) -> float | None:
            total: float | None = None
            for term in terms:
                periods = answered[term.item].get(rows[0]["institution"], [])
                values = [v for r in rows if (v := r.get(term.item)) is not None and (term.over_time != "last" or r["period"] == max(periods))]
                if not values:
                    return None
                part = float(sum(values, Decimal(0))) / (len(periods) if term.over_time == "mean" else 1) * float(term.factor)
                total = part if total is None else total + part
            return total

        upper, lower = side(indicator.upper), side(indicator.lower) if indicator.lower else 1.0
        return None if upper is None or lower is None or lower <= 0 else upper / lower

    def _standing(self, snapshot: Snapshot, form: str, period: Period, by: Sequence[str], where: Mapping[str, Any],
                  expected: bool) -> dict[tuple[tuple[Any, ...], int], str]:
        """(Keys, institution) → name, of those with a row, and those that had to answer and filed nothing."""
        found: dict[tuple[tuple[Any, ...], int], str] = {}
        rows = sorted(self._rows(snapshot, form, period), key=lambda r: r["period"])
        newest = {r["institution"]: r["name"] for r in rows}
        if expected and bodies_usable(snapshot, period, by, where):
            for body in tables.read_table(snapshot.file("bodies.parquet")):
                owes = body["expected"] and (not knows_due(snapshot, form) or (body["due"] or 0) & due_bits(period))
                if owes and body["institution"] not in newest and fits(body, where):
                    found[tuple(body[k] for k in by), body["institution"]] = body["name"]
        for row in rows:
            if fits(row, where):
                found[tuple(row[k] for k in by), row["institution"]] = newest[row["institution"]]
        return found

    def members(self, snapshot: Snapshot, form: str, period: Period, *, by: Sequence[str] = (),
                where: Mapping[str, Any] | None = None, expected: bool = True) -> dict[tuple[Any, ...], int]:
        check_groups(by)
        check_where(where or {})
        if not snapshot.forms(form):
            return {}
        counts: dict[tuple[Any, ...], int] = {}
        for key, _ in self._standing(snapshot, form, period, by, where or {}, expected):
            counts[key] = counts.get(key, 0) + 1
        return counts

    def covered(self, snapshot: Snapshot, form: str, period: Period, needs: Sequence[Sequence[str]], *, by: Sequence[str] = (),
                where: Mapping[str, Any] | None = None) -> dict[tuple[Any, ...], list[int]]:
        check_groups(by)
        check_where(where or {})
        rows = self._rows(snapshot, form, period)
        known = known_items(snapshot, form)
        whole = [set() if asked_of(n) - known else self._complete(snapshot, form, rows, period, n) for n in needs]
        groups: dict[tuple[Any, ...], set[int]] = {} if by or not snapshot.forms(form) else {(): set()}
        for row in rows:
            if fits(row, where or {}):
                groups.setdefault(tuple(row[k] for k in by), set()).add(row["institution"])
        return {key: [len(who & w) for w in whole] for key, who in groups.items()}

    def uncovered(self, snapshot: Snapshot, form: str, period: Period, items: Sequence[str], *, by: Sequence[str] = (),
                  where: Mapping[str, Any] | None = None, expected: bool = True, limit: int = 1000) -> list[Uncovered]:
        check_groups(by)
        check_where(where or {})
        if not snapshot.forms(form):
            return []
        rows = self._rows(snapshot, form, period)
        items = as_known(snapshot, form, items)
        answered, owed = self._answered(rows, [bare(i) for i in items]), self._owed(rows, period, knows_due(snapshot, form))
        whole = self._complete(snapshot, form, rows, period, items)
        found = []
        for (key, who), name in self._standing(snapshot, form, period, by, where or {}, expected).items():
            if who not in whole:
                given = {i: len(answered[bare(i)].get(who, ())) for i in items}
                found.append(lacking(key, who, name or "", who not in owed, items, given, owed.get(who, 1)))
        return sorted(found, key=lambda u: (in_order(u.keys), u.name, u.institution))[:limit]

    def cells(self, snapshot: Snapshot, item: str, *, form: str, period: Period, where: Mapping[str, Any] | None = None,
              take: str = "sum", complete: Sequence[str] = (), limit: int = 100, offset: int = 0) -> list[Cell]:
        check_where(where or {})
        if asked_of(complete) - known_items(snapshot, form):
            return []
        rows = self._rows(snapshot, form, period)
        covered = self._covered(snapshot, form, rows, period, complete, (), where or {})
        rows = [r for r in rows if r.get(item) is not None and covered(r)]
        answered = self._answered(rows, [item])[item]
        rows = [r for r in rows if fits(r, where or {}) and (take != "last" or r["period"] == max(answered[r["institution"]]))]
        rows.sort(key=lambda r: (r["period"], -r[item], r["return_id"]))
        return [Cell(r["institution"], r["code"], r["name"], r["area"], r["period"], r[item], r["return_id"], r["revision"], r["status"])
                for r in rows[offset:offset + limit]]

    def names(self, snapshot: Snapshot, form: str, period: Period, institutions: Sequence[int]) -> dict[int, str]:
        rows = sorted(self._rows(snapshot, form, period), key=lambda r: r["period"])
        return {r["institution"]: r["name"] for r in rows if r["institution"] in set(institutions)}

    def screen(self, snapshot: Snapshot, form: str, checks: Sequence[Check], period: Period, *,
               where: Mapping[str, Any] | None = None, limit: int = 100) -> list[Screened]:
        check_where(where or {})
        checks, items = usable(checks), frozenset(known_items(snapshot, form))
        if not checks or not snapshot.forms(form):
            return []
        every = {(r["institution"], r["period"]): r for n in snapshot.forms(form) for r in tables.read_table(snapshot.file(n))}
        rows = [r for r in self._rows(snapshot, form, period) if fits(r, where or {})]
        rows.sort(key=lambda r: (r["period"], r["code"], r["return_id"]))
        found = []
        for check in checks:
            states = [judge(check, r, {p: every.get(key, {}) for p in BEFORE if (key := before(r, p))}, items) for r in rows]
            failing = [r for r, s in zip(rows, states, strict=True) if s == FAILS]
            found.append(Screened(check.id, len(rows) - states.count(NOT_APPLIED), len(failing), states.count(NOT_APPLIED), tuple(
                Failing(r["institution"], r["code"], r["name"], r["period"], r["return_id"], r["revision"]) for r in failing[:limit])))
        return found

    def sift(self, snapshot: Wide, sieve: Sieve) -> Sifted:
        names = snapshot.wide(sieve.form)
        rows = (r for n in names for r in tables.read_table(snapshot.file(n)))
        return sifting_plain.sift(rows, sieve, frozenset(c for n in names for c in snapshot.columns(n)))

    def ledger(self, snapshot: Snapshot, kind: str, *, take: str, column: str = "", where: Mapping[str, Any] | None = None
               ) -> LedgerAnswer:
        check_where({column: ""} if column else {}, frozenset(snapshot.columns(f"ledgers/{kind}.parquet")))
        rows = self.ledger_rows(snapshot, kind, where)
        values = [r[column] for r in rows if column and r[column] is not None]
        if take == "count":
            return LedgerAnswer(Fraction(len(rows)), (), len(rows))
        if take == "sum":
            return LedgerAnswer(sum((Fraction(v) for v in values), Fraction(0)) if values else None, (), len(values))
        if take == "distinct":
            return LedgerAnswer(Fraction(len(set(values))), (), len(rows))
        if take == "list":
            found = sorted({str(v) for v in values if v != ""})
            return LedgerAnswer(Fraction(len(found)), tuple(found), len({r[column] for r in rows}))
        if take != "value":
            raise ValueError(f"take {take!r}: expected count, sum, distinct, list or value")
        present = [v for v in values if v != ""]
        if len(present) != 1:
            return LedgerAnswer(None, tuple(str(v) for v in present), len(rows))
        return LedgerAnswer(Fraction(present[0]) if isinstance(present[0], (int, Decimal)) else None, (str(present[0]),), 1)

    def ledger_rows(self, snapshot: Snapshot, kind: str, where: Mapping[str, Any] | None = None) -> list[Row]:
        check_where(where or {}, frozenset(snapshot.columns(f"ledgers/{kind}.parquet")))
        rows = tables.read_table(snapshot.file(f"ledgers/{kind}.parquet"))
        return sorted((r for r in rows if fits(r, where or {})), key=lambda r: r["key"])
