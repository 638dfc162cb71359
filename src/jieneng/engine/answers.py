"""What an engine's rows say: groups with exact totals, who lacks what, one answer of a ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from .questions import EVERY, Ask, Group, LedgerAnswer, Rank, Spread, Total, Uncovered, bare, in_order


def lacking(keys: tuple[Any, ...], institution: int, name: str, empty: bool, items: Sequence[str], given: Mapping[str, int], owed: int
            ) -> Uncovered:
    """What an institution lacks, from the number of answers to each item and the number it owes."""
    if empty:
        return Uncovered(keys, institution, name, ())
    return Uncovered(keys, institution, name, tuple(bare(i) for i in items if not given.get(i)),
                     tuple(bare(i) for i in items if i.endswith(EVERY) and 0 < given.get(i, 0) < owed))


def read_groups(rows: Sequence[Sequence[Any]], asks: Sequence[Ask], by: Sequence[str], months: int) -> list[Group]:
    """The rows of ``sum_query`` as groups; means are divided here, as fractions."""
    groups = []
    for row in rows:
        at = len(by)
        group = Group(dict(zip(by, row, strict=False)), members=int(row[at]), rows=int(row[at + 1] or 0))
        at += 2
        for ask in asks:
            if ask.over_time == "mean":
                sums = [(n, row[at + n - 1]) for n in range(1, months + 1) if row[at + n - 1] is not None]
                value = sum((Fraction(s) / n for n, s in sums), Fraction(0)) if sums else None
                at += months
            else:
                value = None if row[at] is None else Fraction(row[at])
                at += 1
            group.totals[ask.item] = Total(value, int(row[at] or 0), int(row[at + 1] or 0))
            at += 2
        groups.append(group)
    return sorted(groups, key=lambda g: in_order(tuple(g.keys.values())))


def ledger_answer(take: str, rows: list[tuple[Any, ...]]) -> LedgerAnswer:
    """Rows of ``ledger_query`` as an answer. A value that is not there once is unknown."""
    if take in ("count", "sum", "distinct"):
        value, lines = rows[0]
        return LedgerAnswer(None if value is None else Fraction(value), (), lines)
    found = [r[0] for r in rows if r[0] not in (None, "")]
    if take == "list":
        return LedgerAnswer(Fraction(len(found)), tuple(str(v) for v in found), len(rows))
    if len(found) != 1:
        return LedgerAnswer(None, tuple(str(v) for v in found), len(rows))
    only = found[0]
    return LedgerAnswer(Fraction(only) if isinstance(only, (int, Decimal)) else None, (str(only),), 1)


def interpolated(below: float, above: float | None, members: int, q: float) -> float:
    """The quantile between the two ordered numbers beside it (``PERCENTILE_CONT`` of SQL:2003): by these steps on every engine."""
    at = (members - 1) * q
    share = at - int(at)
    return below if share == 0 or above is None else below * (1 - share) + above * share


def read_spread(rows: Sequence[Sequence[Any]], ranks: Sequence[Sequence[Any]], by: Sequence[str], quantiles: Sequence[float]) -> list[Spread]:
    """The rows of ``spread_query`` and ``ranks_query``; a group in which no institution has a number is none."""
    at = len(by)
    placed: dict[tuple[Any, ...], list[Rank]] = {}
    for row in ranks:
        placed.setdefault(tuple(row[:at]), []).append(Rank(int(row[at]), row[at + 1], int(row[at + 2])))
    found = []
    for row in rows:
        keys, members, (least, *beside, most) = tuple(row[:at]), int(row[at] or 0), row[at + 1:]
        if members:
            values = tuple(interpolated(beside[2 * n], beside[2 * n + 1], members, q) for n, q in enumerate(quantiles))
            found.append(Spread(keys, members, least, values, most, tuple(placed.get(keys, ()))))
    return sorted(found, key=lambda s: in_order(s.keys))
