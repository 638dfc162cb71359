"""The plain-Python engine: loops and dictionaries. Slow, obvious, and the answer every other engine must give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from jieneng.core.period import Period

from . import tables
from .snapshot import Snapshot
from .sums import Ask, Cell, Group, LedgerAnswer, Total, check_groups, known_items, periods_of


def _fits(row: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    for name, value in where.items():
        have = row.get(name)
        if isinstance(value, Mapping):
            text = None if have is None else str(have)
            if text is None or (value.get("from") and text < str(value["from"])) or (value.get("to") and text > str(value["to"])):
                return False
            continue
        options = list(value) if isinstance(value, (tuple, list)) else [value]
        if name == "line":
            if not any(str(have).startswith(str(v)) for v in options):
                return False
        elif have is None or not any(have == v or str(have) == str(v) for v in options):
            return False
    return True


class Plain:
    """Same answers as every engine, from loops."""

    def _rows(self, snapshot: Snapshot, form: str, period: Period) -> list[dict[str, Any]]:
        inside = set(periods_of(period))
        return [r for n in snapshot.forms(form) for r in tables.read_table(snapshot.file(n)) if r["period"] in inside]

    def sums(self, snapshot: Snapshot, asks: Sequence[Ask], *, form: str, period: Period, by: Sequence[str] = (),
             where: Mapping[str, Any] | None = None, complete: Sequence[str] = ()) -> list[Group]:
        """See ``DuckDB.sums``."""
        check_groups(by)
        if set(complete) - known_items(snapshot, form):
            return []
        rows = self._rows(snapshot, form, period)
        answered: dict[str, dict[int, list[str]]] = {}
        for row in rows:
            for item in {*complete, *(a.item for a in asks)}:
                if row.get(item) is not None:
                    answered.setdefault(item, {}).setdefault(row["institution"], []).append(row["period"])
        picked = [r for r in rows if _fits(r, where or {}) and all(r["institution"] in answered.get(i, {}) for i in complete)]
        groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        for row in picked:
            groups.setdefault(tuple(row[k] for k in by), []).append(row)
        result = []
        for key in sorted(groups, key=lambda k: tuple(("" if v is None else v) for v in k)):
            inside = groups[key]
            group = Group(dict(zip(by, key, strict=True)), len({r["institution"] for r in inside}), len(inside))
            for ask in asks:
                group.totals[ask.item] = self._total(ask, inside, answered.get(ask.item, {}))
            result.append(group)
        return result

    @staticmethod
    def _total(ask: Ask, rows: list[dict[str, Any]], answered: dict[int, list[str]]) -> Total:
        total, members, cells = Fraction(0), set(), 0
        for row in rows:
            value, who = row.get(ask.item), row["institution"]
            if value is None or (ask.over_time == "last" and row["period"] != max(answered[who])):
                continue
            total += Fraction(value) / (len(answered[who]) if ask.over_time == "mean" else 1)
            members.add(who)
            cells += 1
        return Total(total if cells else None, len(members), cells)

    def cells(self, snapshot: Snapshot, item: str, *, form: str, period: Period, where: Mapping[str, Any] | None = None,
              take: str = "sum", limit: int = 100, offset: int = 0) -> list[Cell]:
        """See ``DuckDB.cells``."""
        rows = [r for r in self._rows(snapshot, form, period) if r.get(item) is not None]
        newest: dict[int, str] = {}
        for r in rows:
            newest[r["institution"]] = max(newest.get(r["institution"], ""), r["period"])
        rows = [r for r in rows if _fits(r, where or {}) and (take != "last" or r["period"] == newest[r["institution"]])]
        rows.sort(key=lambda r: (r["period"], -r[item], r["return_id"]))
        return [Cell(r["institution"], r["code"], r["name"], r["area"], r["period"], r[item], r["return_id"], r["revision"], r["status"])
                for r in rows[offset:offset + limit]]

    def names(self, snapshot: Snapshot, form: str, period: Period, institutions: Sequence[int]) -> dict[int, str]:
        """See ``DuckDB.names``."""
        rows = sorted(self._rows(snapshot, form, period), key=lambda r: r["period"])
        return {r["institution"]: r["name"] for r in rows if r["institution"] in set(institutions)}

    def ledger(self, snapshot: Snapshot, kind: str, *, take: str, column: str = "", where: Mapping[str, Any] | None = None
               ) -> LedgerAnswer:
        """See ``DuckDB.ledger``."""
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
            return LedgerAnswer(Fraction(len(found)), tuple(found), len(set(r[column] for r in rows)))
        if take != "value":
            raise ValueError(take)
        present = [v for v in values if v != ""]
        if len(present) != 1:
            return LedgerAnswer(None, tuple(str(v) for v in present), len(rows))
        return LedgerAnswer(Fraction(present[0]) if isinstance(present[0], (int, Decimal)) else None, (str(present[0]),), 1)

    def ledger_rows(self, snapshot: Snapshot, kind: str, where: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """See ``DuckDB.ledger_rows``."""
        rows = tables.read_table(snapshot.file(f"ledgers/{kind}.parquet"))
        return sorted((r for r in rows if _fits(r, where or {})), key=lambda r: r["key"])
