"""From the text of a layout file to a :class:`.layout.Layout`: every key, word and number checked, all problems told at once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from jieneng.core.problem import Place, Refused, refuse
from jieneng.core.words import T

from .door import Door, Node, tree
from .layout import (
    DELIMITERS,
    ENCODINGS,
    FACTS,
    FORMATS,
    HOLDERS,
    KINDS,
    MAX_BYTES,
    MISSING,
    SHAPES,
    SOURCES,
    TOTALS,
    FactSpec,
    FieldSpec,
    ItemSpec,
    Layout,
    LongSpec,
    MonthsSpec,
    PeriodSpec,
    RowTest,
    Spec,
    period_pattern,
)

_SPEC_KEYS = (*SOURCES, "join", "map", "keep", "fill_down", "optional", "blank", "format")


def _spec(door: Door, node: Node, where: str, extra: tuple[str, ...] = ()) -> Spec:
    """A field's source; a bare text is a column."""
    if isinstance(node.value, str):
        return Spec(columns=(node.value,), line=node.line)
    got = door.keys(node, _SPEC_KEYS + extra, where)
    named = [k for k in SOURCES if k in got]
    if len(named) != 1:
        door.wrong(
            node,
            T("“{w}”的来源应写一个，写了 {n} 个", "“{w}” needs one source, found {n}", w=where, n=len(named)),
            T("{a} 之一", "one of {a}", a=", ".join(SOURCES)),
        )
    mapping: dict[str, str] = {}
    if "map" in got:
        if isinstance(got["map"].value, dict):
            mapping = {k: door.text(v, f"{where}.map") for k, v in got["map"].value.items()}
        else:
            door.wrong(got["map"], T("“{w}.map”不是键值对", "“{w}.map” is not a mapping", w=where))
    columns = door.texts(got.get("columns"), f"{where}.columns")
    if "column" in got:
        columns = (door.text(got["column"], f"{where}.column"),)
    formats = door.texts(got.get("format"), f"{where}.format")
    for form in formats:
        _check_format(door, got["format"], form)
    return Spec(
        columns=columns,
        join=door.text(got.get("join"), f"{where}.join", "-"),
        value=door.text(got["value"], f"{where}.value") if "value" in got else None,
        sheet=door.pattern(got.get("sheet"), f"{where}.sheet"),
        file=door.pattern(got.get("file"), f"{where}.file"),
        title=door.pattern(got.get("title"), f"{where}.title"),
        map=mapping,
        keep=door.flag(got.get("keep"), f"{where}.keep"),
        fill_down=door.flag(got.get("fill_down"), f"{where}.fill_down"),
        optional=door.flag(got.get("optional"), f"{where}.optional"),
        blank=door.text(got.get("blank"), f"{where}.blank"),
        formats=formats,
        line=node.line,
    )


def _check_format(door: Door, node: Node, form: str) -> None:
    if form in FORMATS:
        return
    try:
        period_pattern(form)
    except (ValueError, re.error) as error:
        door.wrong(
            node,
            T("格式“{f}”写错了", "bad format “{f}”", f=form),
            T("由 YYYY、MM、M、DD、D 组成，或 date、excel-serial", "made of YYYY, MM, M, DD, D; or date, excel-serial"),
        )
        del error


def _unit(door: Door, node: Node, where: str) -> Spec:
    """A unit: a bare text is the unit itself, not a column."""
    if isinstance(node.value, str):
        return Spec(value=node.value, line=node.line)
    return _spec(door, node, where)


def _need(door: Door, got: Mapping[str, Node], key: str, node: Node, where: str) -> Node | None:
    if key not in got:
        door.wrong(node, T("“{w}”缺“{k}”", "“{w}” lacks “{k}”", w=where, k=key))
        return None
    return got[key]


def _items(door: Door, node: Node | None, where: str) -> tuple[ItemSpec, ...]:
    """The list of items: which column (or name), which item, which unit and energy basis."""
    if node is None:
        return ()
    if not isinstance(node.value, list):
        door.wrong(node, T("“{w}”应是一列", "“{w}” must be a list", w=where))
        return ()
    found: dict[str, ItemSpec] = {}
    items: list[ItemSpec] = []
    for entry in node.value:
        got = door.keys(entry, ("column", "item", "unit", "basis", "optional", "confirmed"), where)
        column, item = _need(door, got, "column", entry, where), _need(door, got, "item", entry, where)
        unit = got.get("unit")
        spec = ItemSpec(
            column=door.text(column, f"{where}.column"),
            item=door.text(item, f"{where}.item"),
            unit=_unit(door, unit, f"{where}.unit") if unit else Spec(line=entry.line),
            basis=door.text(got.get("basis"), f"{where}.basis"),
            optional=door.flag(got.get("optional"), f"{where}.optional"),
            confirmed=door.flag(got.get("confirmed"), f"{where}.confirmed"),
            line=entry.line,
        )
        if spec.column and spec.column in found:
            door.wrong(entry, T("“{c}”写了两次", "“{c}” is written twice", c=spec.column))
        found[spec.column] = spec
        items.append(spec)
    return tuple(items)


def _sheets(door: Door, node: Node | None) -> tuple[tuple[str, ...], str]:
    if node is None or node.value == "all":
        return (), ""
    if isinstance(node.value, dict):
        got = door.keys(node, ("match",), "sheets")
        return (), door.pattern(_need(door, got, "match", node, "sheets"), "sheets.match")
    return door.texts(node, "sheets"), ""


def _tests(door: Door, node: Node | None) -> tuple[RowTest, ...]:
    """rows.skip_where: conditions of which one is enough for a row to be skipped."""
    if node is None:
        return ()
    got = door.keys(node, ("skip_where",), "rows")
    tests = got.get("skip_where")
    if tests is None or not isinstance(tests.value, list):
        door.wrong(node, T("“rows.skip_where”应是一列", "“rows.skip_where” must be a list"))
        return ()
    out = []
    for entry in tests.value:
        each = door.keys(entry, ("column", "equals", "blank", "matches"), "rows.skip_where")
        column = door.text(_need(door, each, "column", entry, "rows.skip_where"), "column")
        if sum(k in each for k in ("equals", "blank", "matches")) != 1:
            door.wrong(
                entry, T("每个条件写 equals、blank、matches 之一", "each test has one of equals, blank, matches")
            )
        out.append(
            RowTest(
                column,
                door.texts(each.get("equals"), "equals"),
                door.flag(each.get("blank"), "blank"),
                door.pattern(each.get("matches"), "matches"),
                entry.line,
            )
        )
    return tuple(out)


def _period(door: Door, node: Node | None) -> PeriodSpec | None:
    if node is None:
        return None
    if isinstance(node.value, dict) and "year" in node.value:
        got = door.keys(node, ("year", "month"), "period")
        month = got.get("month")
        return PeriodSpec(
            year=_spec(door, got["year"], "period.year"),
            line=node.line,
            month=_spec(door, month, "period.month") if month else None,
        )
    whole = _spec(door, node, "period", ("of",))
    of = door.choice(node.value.get("of"), ("year", "month"), "period.of", "") if isinstance(node.value, dict) else ""
    if whole.value is not None and not re.fullmatch(r"\d{4}(-(0[1-9]|1[0-2]))?", whole.value):
        door.wrong(
            node,
            T("“period.value: {v}”不是年或月", "“period.value: {v}” is no year or month", v=whole.value),
            T("如 2022 或 2022-03", "like 2022 or 2022-03"),
        )
    return PeriodSpec(whole=whole, of=of, line=node.line)


FIELDS = ("name", "area", "department", "territory", "type", "line", "since", "until", "in_scope", "covered_by", "part")
_KEYS = (
    "layout",
    "title",
    "book",
    "reads",
    "form",
    "file",
    "sheets",
    "hidden",
    "header",
    "stop",
    "rows",
    "identifier",
    *FIELDS,
    "aliases",
    "extra",
    "period",
    "missing",
    "shape",
    "items",
    "unit",
    "long",
    "months",
    "fields",
    "facts",
    "holder",
    "source",
    "notes",
)


def _reads(door: Door, node: Node | None) -> tuple[tuple[str, ...], str]:
    """What the table holds: answers, register, both, or one ledger."""
    words = door.texts(node, "reads")
    ledger = ""
    for word in words:
        if word.startswith("ledger:") and len(word) > 7 and len(words) == 1:
            ledger = word[7:]
        elif word not in ("answers", "register") and node:
            door.wrong(
                node,
                T("“reads: {w}”不认识", "“reads: {w}” is not known", w=word),
                T(
                    "answers、register、[register, answers] 或 ledger:台账代码",
                    "answers, register, [register, answers] or ledger:<kind>",
                ),
            )
    return (("ledger",) if ledger else words), ledger


def _shapes(door: Door, got: dict[str, Node], root: Node) -> tuple[str, LongSpec | None, MonthsSpec | None]:
    shape = door.choice(got.get("shape"), SHAPES, "shape", "wide")
    long = months = None
    for other in ("long", "months"):
        if (other in got) != (shape == other):
            door.wrong(
                got.get(other, root),
                T(
                    "“shape: {s}”与“{o}”一节不相符",
                    "“shape: {s}” and section “{o}” do not go together",
                    s=shape,
                    o=other,
                ),
            )
            return shape, None, None
    if shape == "long":
        part = door.keys(got["long"], ("item", "value", "skip"), "long")
        item, value = _need(door, part, "item", got["long"], "long"), _need(door, part, "value", got["long"], "long")
        if item and value:
            long = LongSpec(
                _spec(door, item, "long.item"),
                _spec(door, value, "long.value"),
                door.texts(part.get("skip"), "long.skip"),
            )
    if shape == "months":
        part = door.keys(got["months"], ("item", "columns", "year", "skip"), "months")
        item, year = (
            _need(door, part, "item", got["months"], "months"),
            _need(door, part, "year", got["months"], "months"),
        )
        columns = door.texts(part.get("columns"), "months.columns") or tuple(f"{m}月" for m in range(1, 13))
        if len(columns) != 12:
            door.wrong(
                got["months"],
                T(
                    "“months.columns”应有 12 列，写了 {n} 列",
                    "“months.columns” needs 12 names, found {n}",
                    n=len(columns),
                ),
            )
        if item and year:
            months = MonthsSpec(
                _spec(door, item, "months.item"),
                columns,
                _spec(door, year, "months.year"),
                door.texts(part.get("skip"), "months.skip"),
            )
    return shape, long, months


def _ledger_fields(door: Door, node: Node | None) -> tuple[FieldSpec, ...]:
    if node is None:
        return ()
    if not isinstance(node.value, list):
        door.wrong(node, T("“fields”应是一列", "“fields” must be a list"))
        return ()
    out: list[FieldSpec] = []
    for entry in node.value:
        spec = _spec(door, entry, "fields", ("field", "unit"))
        got = entry.value if isinstance(entry.value, dict) else {}
        name = door.text(_need(door, got, "field", entry, "fields"), "field")
        unit = _unit(door, got["unit"], "fields.unit") if "unit" in got else None
        if any(name == f.field for f in out):
            door.wrong(entry, T("字段“{f}”写了两次", "field “{f}” is written twice", f=name))
        out.append(FieldSpec(name, spec, unit, entry.line))
    return tuple(out)


def _facts(door: Door, node: Node | None) -> tuple[FactSpec, ...]:
    """What a platform says beside the items: a list of sources, each with the fact it is."""
    if node is None:
        return ()
    if not isinstance(node.value, list):
        door.wrong(node, T("“facts”应是一列", "“facts” must be a list"))
        return ()
    out: list[FactSpec] = []
    for entry in node.value:
        spec = _spec(door, entry, "facts", ("fact",))
        got = entry.value if isinstance(entry.value, dict) else {}
        fact = door.text(_need(door, got, "fact", entry, "facts"), "fact")
        if fact and fact not in FACTS and not fact.startswith(("target.", "indicator.")):
            door.wrong(entry, T("不认识的内容“{f}”", "unknown fact “{f}”", f=fact),
                       T("{a}、target.指标代码、indicator.指标代码", "{a}, target.<indicator> or indicator.<indicator>", a="、".join(FACTS)))
        if any(fact == f.fact for f in out):
            door.wrong(entry, T("“{f}”写了两次", "“{f}” is written twice", f=fact))
        out.append(FactSpec(fact, spec, entry.line))
    return tuple(out)


def _named_specs(door: Door, node: Node | None, where: str) -> dict[str, Spec]:
    if node is None:
        return {}
    if not isinstance(node.value, dict):
        door.wrong(node, T("“{w}”不是键值对", "“{w}” is not a mapping", w=where))
        return {}
    return {k: _spec(door, v, f"{where}.{k}") for k, v in node.value.items()}


def _complete(door: Door, layout: Layout, root: Node) -> None:
    """What a layout of this kind must have."""

    def must(ok: bool, key: str) -> None:
        if not ok:
            door.wrong(
                root, T("缺“{k}”（reads: {r}）", "“{k}” is missing (reads: {r})", k=key, r=", ".join(layout.reads))
            )

    if "answers" in layout.reads:
        must(bool(layout.form), "form")
        must(layout.identifier is not None, "identifier")
        must(layout.period is not None or layout.shape == "months", "period")
        must(bool(layout.items or layout.facts), "items")
        if layout.shape == "months" and layout.period is not None:
            door.wrong(
                layout.period.line,
                T(
                    "“shape: months”的年份写在 months.year，不写 period",
                    "with “shape: months” the year is months.year; leave period out",
                ),
            )
    if "register" in layout.reads:
        must(layout.identifier is not None, "identifier")
        must("name" in layout.fields, "name")
    if layout.ledger:
        must(bool(layout.ledger_fields), "fields")
    for item in layout.items:
        if item.unit == Spec(line=item.unit.line) and layout.unit is None:
            door.wrong(
                item.line,
                T("“{c}”没写计量单位", "“{c}” names no unit", c=item.column),
                T("unit: kWh 或 unit: {{column: 列名}}", "unit: kWh or unit: {{column: name}}", _=""),
            )
    if layout.kind == "csv" and (layout.sheets or layout.sheets_match):
        door.wrong(root, T("CSV 没有工作表，去掉“sheets”", "a CSV has no sheets: leave “sheets” out"))


def parse_layout(text: str, file: str = "layout.yaml") -> Layout:
    """A layout from YAML text. Raises ``Refused`` with every problem, each with ``file`` and line."""
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise refuse(
            "layout", T("表样文件超过 256 KB", "the layout file is larger than 256 KB"), where=Place(file=file)
        )
    root = tree(text, file)
    door = Door(file)
    got = door.keys(root, _KEYS, "layout")
    for key in ("layout", "title", "book", "reads", "file"):
        _need(door, got, key, root, "layout")
    title = door.keys(got["title"], ("zh", "en"), "title") if "title" in got else {}
    zh, en = (door.text(title.get(k), f"title.{k}") for k in ("zh", "en"))
    if "title" in got and not (zh and en):
        door.wrong(got["title"], T("标题要有 zh 和 en", "a title needs zh and en"))
    reads, ledger = _reads(door, got.get("reads"))
    file_part = door.keys(got["file"], ("kind", "encoding", "delimiter"), "file") if "file" in got else {}
    header = door.keys(got["header"], ("row", "rows"), "header") if "header" in got else {}
    auto = "row" in header and header["row"].value == "auto"
    stop = door.keys(got["stop"], ("labels", "first_column_blank", "at"), "stop") if "stop" in got else {}
    identifier, scheme, repeats = _identifier(door, got.get("identifier"))
    shape, long, months = _shapes(door, got, root)
    sheets, match = _sheets(door, got.get("sheets"))
    layout = Layout(
        code=door.text(got.get("layout"), "layout"),
        title=T(zh or "?", en or "?"),
        book=door.text(got.get("book"), "book"),
        reads=reads,
        ledger=ledger,
        form=door.text(got.get("form"), "form"),
        kind=door.choice(file_part.get("kind"), KINDS, "file.kind", "csv"),
        encoding=door.choice(file_part.get("encoding"), ENCODINGS, "file.encoding", "auto"),
        delimiter=DELIMITERS[door.choice(file_part.get("delimiter"), tuple(DELIMITERS), "file.delimiter", "auto")],
        sheets=sheets,
        sheets_match=match,
        hidden=door.flag(got.get("hidden"), "hidden", True),
        header_row=0 if auto else door.number(header.get("row"), "header.row", 1, 1, 1000),
        header_rows=door.number(header.get("rows"), "header.rows", 1, 1, 8),
        totals=door.texts(stop["labels"], "stop.labels") if "labels" in stop else TOTALS,
        stop_blank=door.flag(stop.get("first_column_blank"), "stop.first_column_blank"),
        stop_at=door.texts(stop.get("at"), "stop.at"),
        skip=_tests(door, got.get("rows")),
        identifier=identifier,
        scheme=scheme,
        repeats=repeats,
        fields={k: _spec(door, got[k], k) for k in FIELDS if k in got},
        aliases=_named_specs(door, got.get("aliases"), "aliases"),
        extra=_named_specs(door, got.get("extra"), "extra"),
        period=_period(door, got.get("period")),
        missing=("", *door.texts(got["missing"], "missing")) if "missing" in got else MISSING,
        shape=shape,
        items=_items(door, got.get("items"), "items"),
        unit=_unit(door, got["unit"], "unit") if "unit" in got else None,
        long=long,
        months=months,
        ledger_fields=_ledger_fields(door, got.get("fields")),
        facts=_facts(door, got.get("facts")),
        holder=door.choice(got.get("holder"), HOLDERS, "holder", ""),
        place=file,
        hash=hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(),
    )
    _complete(door, layout, root)
    if door.problems:
        raise Refused(*door.problems)
    return layout


def _identifier(door: Door, node: Node | None) -> tuple[Spec | None, str, bool]:
    if node is None:
        return None, "", False
    spec = _spec(door, node, "identifier", ("scheme", "repeats"))
    got = node.value if isinstance(node.value, dict) else {}
    scheme = door.text(got.get("scheme"), "identifier.scheme")
    if not re.fullmatch(r"[a-z][a-z0-9_-]{0,39}", scheme):
        door.wrong(
            node,
            T("“identifier.scheme”要写单位代码的种类", "“identifier.scheme” must say what kind of code it is"),
            T("如 uscc、platform、osebuilding", "such as uscc, platform, osebuilding"),
        )
    repeats = door.choice(got.get("repeats"), ("number", "refuse"), "identifier.repeats", "refuse") == "number"
    return spec, scheme, repeats


def load_layout(path: Path) -> Layout:
    """The layout in a file. Raises ``Refused`` (unreadable, not UTF-8, or wrong, with lines)."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise refuse(
            "layout",
            T("表样文件打不开：{e}", "cannot open the layout file: {e}", e=error.strerror or "?"),
            where=Place(file=str(path)),
        ) from error
    except UnicodeDecodeError as error:
        raise refuse(
            "layout", T("表样文件不是 UTF-8", "the layout file is not UTF-8"), where=Place(file=str(path))
        ) from error
    return parse_layout(text, str(path))
