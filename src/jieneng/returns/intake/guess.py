"""A layout proposed from the header of an unknown table (``jieneng import --guess``): to be confirmed, never used as it is.

``guess_file`` opens the file in the limited child and looks at its first rows; ``guess_table`` is the pure part. What it is unsure
of is named column by column. ``layout_text`` writes the layout once roles and units are confirmed.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from jieneng.core.problem import Place, Problem, refuse
from jieneng.core.words import T
from jieneng.rulebook.types import Book

from .cells import Fault, identifier, norm
from .grid import Row, Sheet, Table, shown
from .guard import Limits, look, shown_name
from .header import Merged, column_labels
from .opening import open_table
from .recognise import Meaning, Recogniser, words

FIRST, SAMPLE, SEEN = 30, 6, 3000
"""Rows among which a header is looked for; rows shown beside the guess; rows whose values are looked at for codes."""
_USCC = re.compile(r"[0-9A-Z]{2}\d{6}[0-9A-Z]{10}")
_YEAR_MONTH = r"(\d{4})\s*年\s*(\d{1,2})\s*月"
_YEAR = r"((?:19|20)\d{2})\s*年?"
_FOOT = ("填表人", "填报人：", "制表", "审核人", "注：", "备注：", "说明：")
SINGLE = frozenset(("identifier.uscc", "identifier.platform", "name", "department", "area", "territory", "type", "period", "year", "month", "in_scope",
                    "covered_by", "since", "item_name", "value", "unit"))


_NOT_KNOWN = Meaning("skip").why


@dataclass(frozen=True)
class Column:
    """A column (or, in a long table, a name of an item) with what it seems to be and its first values."""

    at: int
    label: str
    meaning: Meaning
    sample: tuple[str, ...] = ()
    sheet: str = ""
    """Named where only another sheet of the workbook has the column; ``at`` is then counted on past the columns of the main one."""
    eaten: int = 0
    """Of a column of codes: how many values were stored as numbers and have lost digits. Of this file, not of its kind."""

    @property
    def doubled(self) -> bool:
        """It looks like something that another column is taken for already, and is not read until a person says so."""
        return self.meaning.role == "skip" and not self.meaning.sure and self.meaning.why != _NOT_KNOWN

    @property
    def unknown(self) -> bool:
        """Not recognised, and so not read."""
        return self.meaning.role == "skip" and not self.meaning.sure and self.meaning.why == _NOT_KNOWN


@dataclass
class Guess:
    """What a table seems to be. ``period`` says where the period stands when no column tells it: "sheet", "title", "file" or ""."""

    file: str
    kind: str
    sheet: str
    header_row: int
    header_rows: int
    shape: str
    columns: list[Column]
    names: list[Column] = field(default_factory=list)
    period: dict[str, str] = field(default_factory=dict)
    title: str = ""
    rows: list[list[str]] = field(default_factory=list)
    values: dict[int, list[str]] = field(default_factory=dict)
    sheets: list[str] = field(default_factory=list)
    alike: list[str] = field(default_factory=list)
    """The sheets that are read the same way, each with its own units where it has columns of its own."""
    encoding: str = ""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    """role (area, territory, type) → what stands in the table → the book's code; "" where none is known yet."""

    @property
    def unsure(self) -> list[Problem]:
        """Everything a person has to look at, with its column."""
        found = [Problem("guess.unsure", T("“{c}”：{w}", "“{c}”: {w}", c=c.label, w=c.meaning.why), where=Place(file=self.file, sheet=self.sheet, field=c.label))
                 for c in (*self.columns, *self.names) if not c.meaning.sure and c.meaning.role != "skip"]
        found += [Problem("guess.doubled", T("“{c}”：{w}", "“{c}”: {w}", c=c.label, w=c.meaning.why), where=Place(file=self.file, sheet=self.sheet, field=c.label)) for c in self.columns if c.doubled]
        for role, known in self.codes.items():
            if open_ := [v for v, code in known.items() if not code]:
                label = next((c.label for c in self.columns if c.meaning.role == role), role)
                found.append(Problem("guess.codes", T("“{c}”里的“{v}”对不上代码", "“{c}”: “{v}” stands for no code", c=label, v="、".join(open_[:8])),
                                     do=T("选对应的代码", "choose the code"), where=Place(file=self.file, sheet=self.sheet, field=label)))
        roles = {c.meaning.role for c in self.columns}
        where = Place(file=self.file, sheet=self.sheet)
        if not roles & {"identifier.uscc", "identifier.platform"}:
            found.append(Problem("guess.identifier", T("没有找到单位代码列", "no column of codes was found"), do=T("选哪一列是信用代码或平台编号", "choose the column of codes"), where=where))
        if not roles & {"period", "year"} and not self.period and any(c.meaning.item for c in (*self.columns, *self.names)):
            found.append(Problem("guess.period", T("没有找到统计期", "no period was found"), do=T("写明是哪一年或哪一月", "say which year or month"), where=where))
        return found


def guess_file(path: Path, book: Book, *, form: str, name: str = "", limits: Limits | None = None) -> Guess:
    """Look at a file and propose. Raises ``Refused`` when it is no table or no header can be found."""
    shown_as = shown_name(name or Path(path).name)
    seen = look(path, name, limits)
    with open_table(path, name=shown_as, limits=limits, seen=seen) as table:
        found = guess_table(table, book, form=form, file=shown_as)
    found.kind = {"xls": "xlsx"}.get(seen.kind, seen.kind)
    return found


def guess_table(table: Table, book: Book, *, form: str, file: str) -> Guess:
    """The best of the proposals for each sheet."""
    knows, sheets = Recogniser(book, form), []
    tried: list[tuple[float, Guess]] = []
    for sheet in table.sheets:
        rows = list(itertools.islice(sheet.rows, SEEN))
        sheets.append(sheet.name)
        if len(rows) < 2:
            continue
        if (found := _sheet(sheet, rows, knows, file)) is not None:
            tried.append(found)
    if not tried:
        raise refuse("guess.none", T("没有找到像表头的行", "no row looks like a header"), T("一行里至少认出两列", "at least two known columns in a row"),
                     T("核对是不是表格；或照着说明自己写表样", "check that it is a table, or write the layout by hand"), Place(file=file))
    result = max(tried, key=lambda t: t[0])[1]  # the first of the best
    _together(result, [g for _, g in tried if g is not result])
    result.sheets, result.encoding = sheets, table.encoding
    result.alike = [s for s in sheets if s in result.alike]
    result.period = _period(result)
    result.codes = _codes(result, book)
    return result


def _together(result: Guess, others: Sequence[Guess]) -> None:
    """Sheets with the same head beside the main one are read along. One that heads an item otherwise (万千瓦时 for 千瓦时) adds its columns."""

    def who(g: Guess) -> set[tuple[str, str]]:
        return {(c.meaning.role, norm(c.label)) for c in g.columns if c.meaning.role in ("identifier.uscc", "identifier.platform", "period", "year", "month")}

    result.alike = [result.sheet]
    have = {norm(c.label) for c in result.columns}
    top = max((c.at for c in result.columns), default=0)
    for other in others:
        if other.shape != "wide" or result.shape != "wide" or other.header_rows != result.header_rows or not who(other) or who(other) != who(result):
            continue
        result.alike.append(other.sheet)
        if other.header_row != result.header_row:
            result.header_row = 0
        for c in other.columns:
            if c.meaning.item and norm(c.label) not in have:
                have.add(norm(c.label))
                top += 1
                result.columns.append(replace(c, at=top, sheet=other.sheet))


def known_codes(book: Book, role: str) -> dict[str, str]:
    """What a role's values may be called, and the code of each."""
    if role == "type":
        return {t.label.zh: t.code for t in book.types.values()}
    return {d.name.zh: d.code for d in book.divisions.values() if d.level in ("county", "zone", "direct")} or {d.name.zh: d.code for d in book.divisions.values()}


def _codes(result: Guess, book: Book) -> dict[str, dict[str, str]]:
    """The codes behind the values of areas and types, where the table writes words. Names are matched whole, or by their beginning."""
    found: dict[str, dict[str, str]] = {}
    for c in result.columns:
        role = c.meaning.role
        known = known_codes(book, role) if role in ("area", "territory", "type") else {}
        seen = list(dict.fromkeys(v for v in result.values.get(c.at, []) if v))[:60]
        if known and seen and not set(seen) <= set(known.values()):
            by_norm = {norm(k): v for k, v in known.items()}
            found[role] = {v: by_norm.get(norm(v)) or next((code for k, code in by_norm.items() if len(v) > 1 and (k.startswith(norm(v)) or norm(v).startswith(k))), "") for v in seen}
    return found


def _sheet(sheet: Sheet, rows: list[Row], knows: Recogniser, file: str) -> tuple[float, Guess] | None:
    merged = Merged(sheet.merged)
    filled = {r.number: merged.fill(r) for r in rows}
    numbers = [r.number for r in rows][:FIRST]
    tried = []
    for at in numbers:
        for deep in (1, 2, 3):
            if at + deep - 1 in filled and (score := _score(filled, at, deep, knows)) > 0:
                tried.append((score, -deep, -at))
    if not tried:
        return None
    score, deep, at = max(tried)
    return score, _guess(sheet, filled, -at, -deep, knows, file)


def _score(filled: Mapping[int, list[str]], at: int, deep: int, knows: Recogniser) -> float:
    """How much the rows look like a header: known columns count, numbers in them and repeated names count against."""
    rows = [filled.get(n, []) for n in range(at, at + deep)]
    if any(cell[:1] in ("n", "d") for row in rows for cell in row if cell) and sum(cell[:1] in ("n", "d") for row in rows for cell in row) > 1:
        return 0.0
    if deep > 1 and len({shown(cell).strip() for cell in rows[0] if shown(cell).strip()}) == 1:
        return 0.0  # one text over the whole width is the table's title: next year it will be another
    labels = ["/".join(p) for p in column_labels(rows).values()]
    if len(labels) < 2 or (deep > 1 and not any(filled.get(at + deep - 1, []))):
        return 0.0
    points = 0.0
    for label in labels:
        m = knows.meaning(label)
        points += 0.0 if m.role == "skip" else 2.0 if m.sure else 1.2 if m.unit else 0.8
    points -= 0.8 * (len(labels) - len(set(labels)))
    below = filled.get(at + deep, [])
    points += 0.5 if any(c[:1] == "n" for c in below) else 0.0
    return points if points >= 2.0 else 0.0


def _guess(sheet: Sheet, filled: Mapping[int, list[str]], at: int, deep: int, knows: Recogniser, file: str) -> Guess:
    labels = {c: "/".join(p) for c, p in column_labels([filled.get(n, []) for n in range(at, at + deep)]).items()}
    data = [cells for n, cells in filled.items() if n >= at + deep and any(shown(c).strip() for c in cells) and not _goes_on(cells, labels)]
    values = {c: [shown(row[c - 1]).strip() if c <= len(row) else "" for row in data] for c in labels}
    met: Counter[str] = Counter()
    columns = []
    for c, label in sorted(labels.items()):
        met[norm(label)] += 1
        named = label if met[norm(label)] == 1 else f"{label}#{met[norm(label)]}"
        meaning = _by_content(knows.meaning(label), values[c])
        eaten = _eaten([row[c - 1] for row in data if c <= len(row)]) if meaning.role.startswith(("identifier.", "alias.")) else 0
        columns.append(Column(c, named, meaning, tuple(v for v in values[c][:SAMPLE]), eaten=eaten))
    title = "\n".join(" ".join(dict.fromkeys(shown(c) for c in cells if c)) for n, cells in filled.items() if n < at)
    result = Guess(file, "", sheet.name, at, deep, "wide", _once(columns), title=title[:2000], values=values,
                   rows=[[shown(c) for c in cells] for cells in list(filled.values())[:at + deep + SAMPLE]])
    _shape(result, knows)
    return result


def _goes_on(cells: Sequence[str], labels: Mapping[int, str]) -> bool:
    """Whether a row still belongs to the head: merged cells repeat their label while others give the items' numbers."""
    return sum(c <= len(cells) and norm(shown(cells[c - 1])) == norm(label) for c, label in labels.items()) > 1


def _eaten(cells: Sequence[str]) -> int:
    """How many codes a spreadsheet has made numbers of, so that their last digits are gone."""
    lost = 0
    for cell in cells:
        try:
            identifier(cell, "")
        except Fault as fault:
            lost += fault.code == "identifier-eaten"
    return lost


def _by_content(meaning: Meaning, values: Sequence[str]) -> Meaning:
    """Content decides, not names: eighteen-place credit codes are the identifier whatever the column is called."""
    said = [v for v in values if v]
    coded = sum(bool(_USCC.fullmatch(v.upper())) for v in said)
    if said and coded >= 0.8 * len(said) and coded >= 1:
        return Meaning("identifier.uscc", sure=True, why=T("内容是统一社会信用代码", "its values are credit codes"))
    if meaning.role == "identifier.uscc" and said and coded < 0.5 * len(said):
        return Meaning("identifier.uscc", sure=False, why=T("内容不像统一社会信用代码，请确认", "its values do not look like credit codes; please confirm"))
    return meaning


def _once(columns: list[Column]) -> list[Column]:
    """A role that one column can have is given to the surest, then the first; the credit code goes before the platform's id."""
    taken: dict[str, Column] = {}
    for c in sorted(columns, key=lambda c: (not c.meaning.sure, c.at)):
        key = c.meaning.item or c.meaning.role
        if (c.meaning.role in SINGLE or c.meaning.item or c.meaning.role.startswith("fact.")) and key not in taken:
            taken[key] = c
    out = []
    for c in columns:
        key = c.meaning.item or c.meaning.role
        if key in taken and taken[key] is not c:
            why = T("和“{o}”像是同一项，先不读", "looks the same as “{o}”; not read for now", o=taken[key].label)
            c = replace(c, meaning=Meaning("skip", why=why))
        elif c.meaning.role == "identifier.platform" and "identifier.uscc" in taken:
            c = replace(c, meaning=replace(c.meaning, role="alias.platform"))
        out.append(c)
    return out


_MONTH = re.compile(r"(1[0-2]|0?[1-9])月(?:份)?")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def _month_of(label: str) -> int:
    text = norm(label.split("/")[-1].partition("#")[0])
    if found := _MONTH.fullmatch(text):
        return int(found.group(1))
    return _MONTHS.index(text[:3]) + 1 if text[:3] in _MONTHS and len(text) <= 9 else 0


def _shape(result: Guess, knows: Recogniser) -> None:
    """Twelve columns of months, or one column of names and one of values, are read as such; the names are recognised in turn."""
    months = {_month_of(c.label): c for c in result.columns if _month_of(c.label)}
    roles = {c.meaning.role: c for c in result.columns}
    if len(months) == 12:
        result.shape = "months"
        result.columns = [replace(c, meaning=Meaning(f"month.{_month_of(c.label)}", sure=True, why=T("按名称", "by its name"))) if _month_of(c.label) else c
                          for c in result.columns]
    elif "item_name" in roles and "value" in roles:
        result.shape = "long"
    else:
        return
    if "item_name" not in roles:
        return
    at, has_unit = roles["item_name"].at, "unit" in roles
    for name in list(dict.fromkeys(v for v in result.values[at] if v))[:200]:
        m = knows.item(name) or Meaning("skip")
        if m.role == "item" and has_unit and not m.unit:
            m = Meaning("item", m.item, "", True, T("按名称，单位逐行读", "by its name; the unit is read per row"))
        result.names.append(Column(at, name, m))


def _period(result: Guess) -> dict[str, str]:
    """Where the period stands outside the columns: the sheets' names, the title above the header, the file's name."""
    roles = {c.meaning.role for c in result.columns}
    if result.shape != "months" and ("period" in roles or roles >= {"year", "month"}):
        return {}
    named = [s for s in result.sheets if s]
    for where, text in (("sheet", result.sheet), ("title", result.title), ("file", result.file)):
        if where == "sheet" and sum(bool(re.search(_YEAR, s)) for s in named) * 2 < len(named):
            continue
        if re.search(_YEAR_MONTH, text) and result.shape != "months":
            return {where: _YEAR_MONTH}
        if re.search(_YEAR, text):
            return {where: _YEAR}
    return {}


# --- writing the layout ----------------------------------------------------------------------------------------------


def confirmed(result: Guess, roles: Mapping[str, str], units: Mapping[str, str], codes: Mapping[str, Mapping[str, str]] | None = None) -> Guess:
    """The guess with the roles and units a person chose: ``c3`` → role of column 3, ``n0`` → of the first name; ``codes`` as in ``Guess.codes``."""

    def chosen(key: str, c: Column) -> Column:
        role, unit = roles.get(key, "item:" + c.meaning.item if c.meaning.item else c.meaning.role), units.get(key, c.meaning.unit)
        said = T("经人确认", "confirmed by a person")
        if role.startswith("item:"):
            return replace(c, meaning=Meaning("item", role[5:], unit, True, said))
        return replace(c, meaning=Meaning(role, sure=True, why=said))

    return replace(result, codes={role: {**result.codes.get(role, {}), **mine} for role, mine in {**result.codes, **(codes or {})}.items()},
                   columns=[chosen(f"c{c.at}", c) for c in result.columns], names=[chosen(f"n{n}", c) for n, c in enumerate(result.names)])


def layout_text(result: Guess, book: Book, *, form: str, code: str = "", title: T | None = None, period: str = "") -> str:
    """The layout as YAML. What is unsure stands above it as remarks; an item whose unit is not known has ``unit: "?"``, which no
    reading accepts: an unknown unit is refused by name, never guessed. ``period``: a fixed one that a person typed."""
    columns: dict[str, Column] = {}
    for c in result.columns:
        columns.setdefault(c.meaning.role, c)
    items = [c for c in (result.names or result.columns) if c.meaning.role == "item"]
    facts = [c for c in result.columns if c.meaning.role.startswith("fact.")]
    answers = bool(items or facts)
    name = title or T(f"从“{result.file}”认出的表样", f"Layout learned from “{result.file}”")
    out: dict[str, Any] = {"layout": code or "guessed", "title": {"zh": name.zh, "en": name.en}, "book": book.code, "reads": "answers" if answers else "register"}
    if answers:
        out["form"] = form
    out["file"] = {"kind": result.kind or "xlsx"}
    out["header"] = {"row": str(result.header_row or "auto"), "rows": str(result.header_rows)}
    out["stop"] = {"at": list(_FOOT)}
    _identity(out, columns, result, book)
    if answers:
        _period_key(out, columns, result, period)
        _items(out, columns, items, result)
        if facts:
            out["facts"] = [_fact(c) for c in facts]
    head = "".join(f"# 待确认 / to confirm: {' '.join(str(p).split())}\n" for p in result.unsure)
    return head + yaml.safe_dump(out, allow_unicode=True, sort_keys=False, width=200)


def _identity(out: dict[str, Any], columns: Mapping[str, Column], result: Guess, book: Book) -> None:
    down = {"fill_down": "true"} if _filled_down(result, columns) else {}

    def column(c: Column, **more: Any) -> Any:
        return {"column": c.label, **more, **down} if more or down else c.label

    for scheme in ("uscc", "platform"):
        if (c := columns.get(f"identifier.{scheme}")) is not None and "identifier" not in out:
            out["identifier"] = {"column": c.label, "scheme": scheme, **down}
    for key in ("name", "department", "in_scope", "covered_by"):
        if key in columns:
            out[key] = column(columns[key])
    for key in ("area", "territory", "type"):
        if (c := columns.get(key)) is None:
            continue
        known = {v: code for v, code in result.codes.get(key, {}).items() if code}
        full = {**known_codes(book, key), **known} if result.codes.get(key) else {}
        out[key] = column(c, **({"map": full} if full else {}), **({"keep": "true"} if full and out["reads"] != "register" else {}))
    if "since" in columns:
        out["since"] = {"column": columns["since"].label, "format": ["YYYY-MM-DD", "YYYY/M/D", "date"]}
    if out["reads"] == "register":
        if "alias.platform" in columns:
            out["aliases"] = {"platform": columns["alias.platform"].label}
        if extra := {role[6:]: c.label for role, c in columns.items() if role.startswith("extra.")}:
            out["extra"] = extra


def _filled_down(result: Guess, columns: Mapping[str, Column]) -> bool:
    """Whether a table of several rows a unit writes the unit in the first of them only."""
    who = columns.get("identifier.uscc") or columns.get("identifier.platform")
    what = columns.get("item_name")
    if result.shape == "wide" or who is None or what is None:
        return False
    pairs = list(zip(result.values.get(who.at, []), result.values.get(what.at, []), strict=False))
    return sum(bool(n and not w) for w, n in pairs) * 5 > len(pairs)


def _period_key(out: dict[str, Any], columns: Mapping[str, Column], result: Guess, period: str) -> None:
    if result.shape == "months":
        return
    if period:
        out["period"] = {"value": period}
    elif "period" in columns:
        out["period"] = {"column": columns["period"].label}
    elif "year" in columns:
        out["period"] = {"year": {"column": columns["year"].label}, **({"month": {"column": columns["month"].label}} if "month" in columns else {})}
    elif "month" in columns and result.period and all(p == _YEAR for p in result.period.values()):
        out["period"] = {"year": dict(result.period), "month": {"column": columns["month"].label}}
    elif result.period:
        out["period"] = dict(result.period)


def _items(out: dict[str, Any], columns: Mapping[str, Column], items: Sequence[Column], result: Guess) -> None:
    per_row = result.shape != "wide" and "unit" in columns
    if result.shape != "wide":
        out["shape"] = result.shape
        skip = [c.label for c in result.names if c.meaning.role != "item"]
        part: dict[str, Any] = {"item": columns["item_name"].label} if "item_name" in columns else {}
        if result.shape == "long":
            part["value"] = columns["value"].label if "value" in columns else "?"
        else:
            part["columns"] = [columns[f"month.{m}"].label for m in range(1, 13) if f"month.{m}" in columns]
            part["year"] = {"column": columns["year"].label} if "year" in columns else dict(result.period) or {"value": "?"}
        out[result.shape] = {**part, **({"skip": skip} if skip else {})}
        if per_row:
            out["unit"] = {"column": columns["unit"].label}
    met = Counter(c.meaning.item for c in items if c.sheet or any(o.sheet and o.meaning.item == c.meaning.item for o in items))
    if items:
        out["items"] = [{"column": c.label, "item": c.meaning.item, **({} if per_row and not c.meaning.unit else {"unit": c.meaning.unit or "?"}),
                         **({"optional": "true"} if met[c.meaning.item] else {})} for c in items]


def _fact(c: Column) -> dict[str, Any]:
    fact = c.meaning.role.removeprefix("fact.")
    if fact != "status":
        return {"column": c.label, "fact": fact}
    return {"column": c.label, "fact": fact, "map": {w: state for state, listed in words()["status"].items() for w in listed}, "keep": "true"}
