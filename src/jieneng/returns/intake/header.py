"""Finding the header of a sheet and the columns a layout speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from jieneng.core.problem import Place, Problem
from jieneng.core.words import T

from .cells import norm
from .grid import Row, Sheet, cell_name, shown
from .guard import column_letters
from .layout import Layout

LOOK = 50


@dataclass
class Header:
    """Where the header stands and which column (from 1) each name of the layout is. ``parts``: what repeats below."""

    row: int
    last: int
    columns: dict[str, int]
    labels: dict[int, str]
    parts: dict[int, set[str]]
    title: str = ""


class Merged:
    """Merged ranges of a sheet: a cell inside one has the value of its first cell, remembered as rows go by."""

    MOST = 400_000

    def __init__(self, ranges: Sequence[tuple[int, int, int, int]]) -> None:
        self.ranges = [r for r in ranges if (r[2] - r[0] + 1) * (r[3] - r[1] + 1) <= self.MOST]
        self.by_row: dict[int, list[tuple[int, int, int, int]]] = {}
        budget = self.MOST
        for area in self.ranges:
            budget -= area[2] - area[0] + 1
            if budget < 0:
                break
            for row in range(area[0], area[2] + 1):
                self.by_row.setdefault(row, []).append(area)
        self.first: dict[tuple[int, int], str] = {}

    def fill(self, row: Row) -> list[str]:
        """The cells of a row with merged cells repeated."""
        areas = self.by_row.get(row.number)
        if not areas:
            return row.cells
        cells = list(row.cells)
        for top, left, _bottom, right in areas:
            if row.number == top:
                self.first[(top, left)] = cells[left - 1] if left <= len(cells) else ""
            value = self.first.get((top, left), "")
            if value and len(cells) < right <= 20_000:
                cells += [""] * (right - len(cells))
            for column in range(left, min(right, len(cells)) + 1):
                cells[column - 1] = value
        return cells

    def around(self, row: int, column: int) -> tuple[int, int, int, int] | None:
        """The merged range that holds a cell, if any."""
        for area in self.by_row.get(row, ()):
            if area[1] <= column <= area[3]:
                return area
        return None


def column_labels(rows: Sequence[list[str]]) -> dict[int, list[str]]:
    """For each column its header texts from top to bottom, each once."""
    found: dict[int, list[str]] = {}
    for cells in rows:
        for column, cell in enumerate(cells, 1):
            text = " ".join(shown(cell).split())
            if text and (column not in found or found[column][-1] != text):
                found.setdefault(column, []).append(text)
    return found


def _columns(labels: dict[int, list[str]], wanted: Sequence[str]) -> tuple[dict[str, int], list[tuple[str, list[int]]]]:
    """The column of each wanted name, and the names that stand over several columns."""
    by_name: dict[str, list[int]] = {}
    for column, parts in labels.items():
        by_name.setdefault(norm("/".join(parts)), []).append(column)
    found: dict[str, int] = {}
    doubled: list[tuple[str, list[int]]] = []
    for name in wanted:
        places = by_name.get(norm(name), [])
        if not places and "#" in name and name.rsplit("#", 1)[1].isdigit():
            base, _, which = name.rpartition("#")
            nth = by_name.get(norm(base), [])
            places = nth[int(which) - 1 : int(which)] if int(which) > 0 else []
        elif len(places) > 1 and f"{name}#2" not in wanted:
            doubled.append((name, places))
            continue
        if places:
            found[name] = places[0]
    return found, doubled


def find_header(rows: Sequence[Row], sheet: Sheet, layout: Layout, merged: Merged, file: str) -> Header | list[Problem]:
    """The header among the first rows, or why there is none. ``rows`` are those seen so far (at most 50 or so)."""
    filled = {r.number: merged.fill(r) for r in rows}
    wanted, needed = layout.columns(), layout.columns(needed=True)
    most = max(filled, default=0)
    last = layout.header_row if layout.header_row else min(most, LOOK)
    first = layout.header_row or 1
    best: tuple[int, int, dict[int, list[str]]] = (-1, first, {})
    for at in range(first, last + 1):
        labels = column_labels([filled.get(n, []) for n in range(at, at + layout.header_rows)])
        found, doubled = _columns(labels, wanted)
        have = sum(n in found for n in needed) + sum(n in needed for n, _ in doubled)
        if have > best[0]:
            best = (have, at, labels)
        if have == len(needed) and have:
            break
    have, at, labels = best
    found, doubled = _columns(labels, wanted)
    where = Place(file=file, sheet=sheet.name, cell=cell_name(at, 1))
    if doubled:
        return [
            Problem(
                "column-twice",
                T(
                    "列“{c}”出现了 {n} 次：{p}",
                    "column “{c}” occurs {n} times: {p}",
                    c=name,
                    n=len(places),
                    p=", ".join(column_letters(p) for p in places),
                ),
                do=T("表样里第二个写成“{c}#2”", "write “{c}#2” for the second in the layout", c=name),
                where=where,
            )
            for name, places in doubled
        ]
    if missing := [n for n in needed if n not in found] + _neither(layout, found):
        return [_missing(missing, needed, labels, at, layout, rows, filled, where)]
    title = "\n".join(" ".join(dict.fromkeys(shown(c) for c in cells if c)) for n, cells in filled.items() if n < at)
    last_row = at + layout.header_rows - 1
    return Header(
        at,
        last_row,
        found,
        {c: "/".join(p) for c, p in labels.items()},
        {c: {norm(x) for x in p} for c, p in labels.items()},
        title[:4000],
    )


def _neither(layout: Layout, found: dict[str, int]) -> list[str]:
    """Items that are told by one of several columns, none of which is there: an item that sheets head differently is not left out in silence."""
    if layout.shape != "wide":
        return []
    ways: dict[str, list[str]] = {}
    for item in layout.items:
        ways.setdefault(item.item, []).append(item.column if item.optional else "")
    return [" / ".join(names) for names in ways.values() if len(names) > 1 and all(names) and not any(n in found for n in names)]


def _missing(
    missing: list[str],
    needed: list[str],
    labels: dict[int, list[str]],
    at: int,
    layout: Layout,
    rows: Sequence[Row],
    filled: dict[int, list[str]],
    where: Place,
) -> Problem:
    """Which columns are not there, and, where another row has them, which."""
    do = T(
        "核对是不是选错了表样，或者表头改了名称",
        "check whether this is the right layout, or whether headers were renamed",
    )
    if layout.header_row:
        for row in rows:
            if row.number != at:
                there, _ = _columns(
                    column_labels([filled.get(n, []) for n in range(row.number, row.number + layout.header_rows)]), needed
                )
                if needed and len(there) == len(needed):
                    do = T(
                        "表头其实在第 {n} 行，把表样的 header.row 改成 {n} 或 auto",
                        "the header is in row {n}: set header.row to {n} or auto",
                        n=row.number,
                    )
                    break
    wanted = {norm(n) for n in layout.columns()}
    whole = ["/".join(p) for p in labels.values()]
    seen = "、".join([*(w for w in whole if norm(w) not in wanted), *(w for w in whole if norm(w) in wanted)][:12]) or "—"  # first what the layout does not know
    code = "columns-missing" if len(missing) * 2 <= len(needed) else "sheet-other"
    return Problem(
        code,
        T("第 {r} 行表头缺列：{m}", "the header in row {r} lacks: {m}", r=at, m="、".join(missing[:12])),
        T("这一行现有：{s}", "what stands there: {s}", s=seen[:300]),
        do,
        where,
    )
