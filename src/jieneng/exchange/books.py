"""The workbooks of the exchange: lists of corrections, the two-sided table, reference sheets."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import xlsxwriter

from jieneng.core.period import Period
from jieneng.core.words import T
from jieneng.people.queries import area_offices
from jieneng.records.workbook import Column, Sheet, list_workbook
from jieneng.registry.models import Institution, Standing
from jieneng.returns.queries import book, main_form
from jieneng.rulebook import unit_words

from . import queries
from .models import HOLDERS, STATES, Correction

TO_CHECK = T("请核实", "to be checked")
"""What stands for the value of a line that suggests none."""


def number(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def areas() -> dict[str, str]:
    """Area code → its name."""
    return {o.area: o.name for o in area_offices()}


def items(year: int) -> dict[str, dict[str, str]]:
    """item → its number, label and unit, in the form's order."""
    b = book()
    return {i: {"number": n, "label": str(b.items[i].label), "unit": b.items[i].unit} for i, n in queries.numbers_of(b, main_form(), year).items()}


def item_words(known: dict[str, dict[str, str]], item: str) -> dict[str, str]:
    """Number, label and unit of an item; of a whole return (no item), what it is called."""
    return known.get(item) or {"number": "", "label": item or str(T("整份报表", "the whole return")), "unit": ""}


def period_word(period: str) -> T:
    return Period.parse(period).label if len(period) > 4 else T("全年", "whole year")


def lines(year: int, rows: Sequence[tuple[Correction, Standing]]) -> list[dict[str, Any]]:
    """Corrections with everything a list shows of them."""
    known, names = items(year), areas()
    return [{"c": c, "s": s, "area": names.get(s.area, s.area), "item": item_words(known, c.item),
             "period": period_word(c.period), "state": STATES[c.state]} for c, s in rows]


def corrections(year: int, rows: Sequence[tuple[Correction, Standing]], title: str, nth: int = 0) -> bytes:
    """A list of corrections as it is handed over."""
    data = [[n, x["area"], x["s"].department, x["s"].name, x["c"].institution.key, x["item"]["number"], x["item"]["label"], str(x["period"]), number(x["c"].old),
             number(x["c"].new) if x["c"].new is not None else str(TO_CHECK),
             unit_words(book(), x["item"]["unit"]), x["c"].reason, x["c"].word, str(x["state"]), number(x["c"].found)] for n, x in enumerate(lines(year, rows), 1)]
    columns = [Column(T("序", "no."), 5), Column(T("统计归口", "line"), 9), Column(T("主管部门", "department"), 12), Column(T("单位", "institution"), 24),
               Column(T("信用代码", "code"), 21), Column(T("代码", "item no."), 7), Column(T("指标", "item"), 16), Column(T("统计期", "period"), 11),
               Column(T("原数", "was"), 13), Column(T("应为", "should be"), 13), Column(T("计量单位", "unit"), 8), Column(T("原因", "reason"), 28),
               Column(T("谁说的", "whose word"), 20), Column(T("再导入后", "after the next import"), 11), Column(T("现在", "now"), 12)]
    notes = [str(T("{y} 年度", "{y}", y=year)), str(T("请各单位在国家平台改，改后由市局再导入核对", "to be changed on the platform by each unit; the next import checks"))]
    return list_workbook(T("更正清单 {t}{n}", "Corrections {t}{n}", t=title, n=f" 第 {nth} 次" if nth else ""), columns, data, notes=notes)


def differences(year: int, holder: str, found: Sequence[queries.Line]) -> bytes:
    """The two-sided table."""
    known, names = items(year), areas()
    units = dict(Institution.objects.filter(pk__in={x.institution for x in found}).values_list("pk", "key"))
    data = [[names.get(x.area, x.area), x.name, units.get(x.institution, ""), x.number, item_words(known, x.item)["label"], str(period_word(x.period)),
             number(x.ours), number(x.theirs), unit_words(book(), known.get(x.item, {}).get("unit", "")), str(queries.VERDICTS[x.verdict]), x.reason, x.word] for x in found]
    columns = [Column(T("统计归口", "line"), 10), Column(T("单位", "institution"), 28), Column(T("信用代码", "code"), 22), Column(T("代码", "no."), 7),
               Column(T("指标", "item"), 18), Column(T("统计期", "period"), 10), Column(T("本库", "ours"), 14), Column(HOLDERS[holder], 14),
               Column(T("计量单位", "unit"), 9), Column(T("结论", "verdict"), 10), Column(T("理由", "reason"), 34), Column(T("谁说的", "whose word"), 24)]
    return list_workbook(T("两边对照", "Two sides"), columns, data, notes=[str(year), str(HOLDERS[holder])])


def filled(year: int, units: list[Standing]) -> list[dict[str, Any]]:
    """Each unit with its lines: number, item, unit, the periods' values of ours, and those the platform holds otherwise."""
    b, form = book(), main_form()
    ids = [s.institution_id for s in units]
    ours, theirs = queries.our_answers(form, year, ids), queries.current_rows("platform", form, year, ids)
    monthly = [str(m) for m in Period("year", year).months]
    result = []
    for s in units:
        periods = monthly if any((s.institution_id, m) in ours for m in monthly) else [str(year)]
        lines = []
        for item, number in queries.numbers_of(b, form, year).items():
            values = [ours.get((s.institution_id, p), {}).get(item) for p in periods]
            held = [theirs[s.institution_id, p].values.get(item, "") if (s.institution_id, p) in theirs else "" for p in periods]
            cells = [{"value": v, "other": h if h not in ("", v) else ""} for v, h in zip(values, held, strict=True)]
            whole = queries.over_months(b.items[item], values) if len(periods) > 1 else None
            lines.append({"number": number, "label": str(b.items[item].label), "unit": b.items[item].unit, "cells": cells, "whole": whole})
        result.append({"s": s, "periods": [Period.parse(p).index if len(p) > 4 else T("全年", "year") for p in periods], "lines": lines, "months": len(periods) > 1})
    return result


def sheets(year: int, units: list[Standing]) -> bytes:
    """One sheet a unit, A4 landscape on one page."""
    out = io.BytesIO()
    made = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    made.set_properties({"title": "填报对照单", "created": dt.datetime(2020, 1, 1)})
    names, b = set[str](), book()
    styles: dict[str, Any] = {}
    for x in filled(year, units):
        sheet = made.add_worksheet(_sheet_name(x["s"].name, names))
        writer = Sheet(made, sheet)
        if not styles:
            styles = {"bold": made.add_format({"bold": True, "font_size": 14}), "head": made.add_format({"bold": True, "bg_color": "#eef2f6", "border": 1}),
                      "cell": made.add_format({"border": 1}), "other": made.add_format({"border": 1, "bg_color": "#fff2d9"})}
        writer.put(0, 0, f"{x['s'].name}　{year} 年填报对照单", styles["bold"])
        writer.put(1, 0, f"统一社会信用代码 {x['s'].institution.key}；底色标出的和国家平台现有的数不同")
        heads = ["代码", "指标", "计量单位", *(f"{p}月" if x["months"] else str(p) for p in x["periods"]), *(["全年"] if x["months"] else [])]
        for n, h in enumerate(heads):
            writer.put(2, n, h, styles["head"])
        for row, line in enumerate(x["lines"], 3):
            texts = [line["number"], line["label"], unit_words(b, line["unit"])]
            for n, value in enumerate(texts):
                writer.put(row, n, value, styles["cell"])
            for n, c in enumerate(line["cells"], 3):
                writer.put(row, n, number(c["value"]), styles["other" if c["other"] else "cell"])
            if x["months"]:
                writer.put(row, 3 + len(line["cells"]), number(line["whole"]), styles["cell"])
        sheet.set_column(0, 0, 7)
        sheet.set_column(1, 1, 22)
        sheet.set_column(2, len(heads), 10)
        sheet.set_paper(9)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 1)
    if not names:
        made.add_worksheet("空")
    made.close()
    return out.getvalue()


def _sheet_name(name: str, taken: set[str]) -> str:
    """A name no other sheet has, without the signs that sheets may not have."""
    base = "".join("_" if c in "[]:*?/\\'" else c for c in name)[:26] or "单位"
    found, n = base, 1
    while found.lower() in taken:
        n += 1
        found = f"{base[:24]}~{n}"
    taken.add(found.lower())
    return found
