"""One finding as its page shows it: values as people write them, history and peers as chart and table, totals before and after."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db.models import F

from jieneng.core.amount import amount_text
from jieneng.core.period import Period
from jieneng.core.words import T
from jieneng.registry.queries import standings
from jieneng.returns.models import Return, Revision, Round
from jieneng.review.models import ReviewFinding, ReviewRun
from jieneng.rulebook import unit_words
from jieneng.rulebook.types import Book

PEERS = 40
"""Peers shown in the chart: those nearest in floor area."""


def spoken(value: float | None) -> str:
    """An amount as people write it: thousands apart, no more places than it needs."""
    if value is None or not math.isfinite(value):
        return "—"
    places = 0 if abs(value) >= 1000 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{places}f}".replace("-", "−")


def rough(value: float | None) -> str:
    """An expected amount: three places that mean something, as the finding's words say it."""
    if value is None or not math.isfinite(value) or value == 0:
        return spoken(value)
    return spoken(round(value, 2 - math.floor(math.log10(abs(value)))))


def called(book: Book, name: str) -> Any:
    """What a finding is about, in words: an item, or the indicator of a quota."""
    about = book.items.get(name) or book.indicators.get(name)
    return about.label if about else name


def unit_for(book: Book, finding: ReviewFinding) -> str:
    """The unit of the amounts of a finding: of its item or indicator; of a level among peers, per square metre or person."""
    item = finding.items[0] if finding.items else ""
    about = book.items.get(item) or book.indicators.get(item)
    if about is None or finding.kind != "level":
        return about.unit if about else ""
    per = next((q.per[0] for r in book.reviews.values() if r.form == finding.run.round.form for q in r.quantities if q.item == item and q.per), "")
    return f"{about.unit}/{book.items[per].unit}" if per in book.items else about.unit


def values_of(book: Book, finding: ReviewFinding) -> list[dict[str, Any]]:
    """For each item: its label and unit, what was reported and what is suggested (over the months it speaks of), and the factor between."""
    lines = suggested_lines(book, finding)
    rows = []
    for n, item in enumerate(finding.items):
        found = finding.found if finding.kind == "level" else reported(book, finding, item)
        if found is None and n == 0:
            found = finding.found
        mine = [float(v) for _, i, v in lines if i == item]
        total = item in book.items and book.items[item].over_time == "sum"
        good = (sum(mine) if total else mine[-1]) if mine else None
        rows.append({"item": item, "label": called(book, item), "unit": unit_for(book, finding) if n == 0 else book.items[item].unit if item in book.items else "",
                     "found": spoken(found), "suggested": spoken(good) if good is not None else "", "factor": factor_words(good / found) if good and found else ""})
    return rows


def factor_words(ratio: float) -> str:
    """×10,000 or ÷10 where one value is the other moved by whole places; nothing else."""
    for power in (10, 100, 1000, 10000):
        for r, sign in ((ratio, "×"), (1 / ratio, "÷")):
            if abs(r / power - 1) < 0.001:
                return f"{sign}{power:,}"
    return ""


def _months(finding: ReviewFinding) -> dict[str, dict[str, Any]]:
    """Period → current answers of the year, of the months a finding speaks of."""
    round_ = finding.run.round
    said = answers(finding.institution_id, round_.form, round_.year, 1).get(round_.year, {})
    return {p: a for p, a in said.items() if not finding.months or len(p) != 7 or int(p[5:7]) in finding.months}


def reported(book: Book, finding: ReviewFinding, item: str) -> float | None:
    """What the current returns say of an item over the months of a finding: their sum, or the last one answered."""
    known = [Decimal(a[item]) for _, a in sorted(_months(finding).items()) if a.get(item) is not None]
    if not known:
        return None
    return float(sum(known) if item in book.items and book.items[item].over_time == "sum" else known[-1])


def suggested_lines(book: Book, finding: ReviewFinding) -> list[list[str]]:
    """The suggestion as [period, item, value] in the periods in which the round is answered.

    A whole year's suggestion of a monthly round is spread where that is exact: a unit mistake moves every month by whole places, a stock
    (area, people) takes the value in the months that said the doubted one. Else it stays a line of the whole year.
    """
    round_, months = finding.run.round, _months(finding)
    lines: list[list[str]] = []
    for period, item, value in finding.suggested:
        if round_.rhythm != "month" or len(period) == 7 or item not in book.items:
            lines.append([period, item, value])
            continue
        good, known = Decimal(value), {p: Decimal(a[item]) for p, a in sorted(months.items()) if a.get(item) is not None}
        if book.items[item].over_time == "sum":
            places = _places(good, sum(known.values(), Decimal(0)))
            spread = [[p, item, amount_text(v.scaleb(places))] for p, v in known.items() if v] if places else []
        else:
            last = known[max(known)] if known else None
            spread = [[p, item, amount_text(good)] for p, v in known.items() if v == last]
        lines += spread or [[period, item, value]]
    return lines


def _places(good: Decimal, found: Decimal) -> int:
    """By how many whole decimal places the one is the other moved, within 3 %; 0 where it is not."""
    if not good or not found:
        return 0
    exact = math.log10(good / found)
    return round(exact) if round(exact) and abs(exact - round(exact)) < 0.013 else 0


def answers(institution: int, form: str, year: int, years: int = 3) -> dict[int, dict[str, dict[str, Any]]]:
    """Year → period → answers of the current revisions, of the year and those before it."""
    rows = Revision.objects.filter(ret__institution=institution, ret__round__form=form, ret__round__year__gt=year - years, ret__round__year__lte=year, number=F("ret__revision"))
    found: dict[int, dict[str, dict[str, Any]]] = {}
    for y, period, said in rows.order_by("ret__period").values_list("ret__round__year", "ret__period", "answers"):
        found.setdefault(y, {})[period] = said
    return found


def chart_of(book: Book, finding: ReviewFinding) -> dict[str, Any] | None:
    """The item's own months of this year and last, the peers' median brought to its floor area, and what is suggested."""
    round_, item = finding.run.round, finding.items[0] if finding.items else ""
    own = answers(finding.institution_id, round_.form, round_.year)
    if item not in book.items or not own:
        return None
    if round_.rhythm != "month":
        years = sorted(own)
        values = [_number(next(iter(own[y].values()), {}).get(item)) for y in years]
        return {"kind": "bars", "label": T("本单位历年", "own years"), "unit": unit_words(book, book.items[item].unit), "x": [str(y) for y in years],
                "series": [{"name": str(T("填报", "reported")), "values": values}], "head": T("年度", "Year")}
    months = [f"{m:02}" for m in range(1, 13)]

    def line(year: int) -> list[float | None]:
        return [_number(own.get(year, {}).get(f"{year}-{m}", {}).get(item)) for m in months]

    series: list[dict[str, Any]] = [{"name": str(T("{y} 填报", "{y} reported", y=round_.year)), "values": line(round_.year), "fill": "#b1271d"},
              {"name": str(T("{y}", "{y}", y=round_.year - 1)), "values": line(round_.year - 1), "dashed": True}]
    suggested = {p[5:7]: float(v) for p, i, v in suggested_lines(book, finding) if i == item and len(p) == 7}
    if suggested:
        series.append({"name": str(T("建议", "suggested")), "values": [suggested.get(m) for m in months], "fill": "#1a6b3b"})
    peers, count = _peers(finding, item, own.get(round_.year, {}))
    if peers:
        series.append({"name": str(T("同类 {n} 家", "{n} peers", n=count)), "values": [peers.get(m) for m in months], "dashed": True})
    known = [v for s in series for v in s["values"] if isinstance(v, float) and v > 0]
    wide = bool(known) and max(known) / min(known) > 50
    return {"kind": "line", "label": T("本单位与同类", "own months and peers"), "unit": unit_words(book, book.items[item].unit), "x": months,
             "series": series, "places": 1, "log": wide, "head": T("月", "Month"),
            "source": T("同类按面积折到本单位，取中位数{log}", "peers: median, brought to this floor area{log}", log=str(T("；对数刻度", "; log scale")) if wide else "")}


def _number(value: Any) -> float | None:
    return None if value is None else float(Decimal(str(value)))


def _peers(finding: ReviewFinding, item: str, own: dict[str, dict[str, Any]]) -> tuple[dict[str, float], int]:
    """Month → the median of the peers' item per m² times the own area; of the same type and area, or of the type where they are few."""
    year = finding.run.round.year
    area = next((_number(a.get("area_m2")) for a in own.values() if a.get("area_m2")), None)
    if not area or item in ("area_m2", "people"):
        return {}, 0
    rows = standings(Period("year", year).last_day).filter(type=finding.type, in_scope=True).exclude(institution=finding.institution_id)
    near = list(rows.filter(area=finding.area).order_by("institution_id").values_list("institution_id", flat=True)[:PEERS])
    if len(near) < 8:
        near = list(rows.order_by("institution_id").values_list("institution_id", flat=True)[:PEERS])
    found: dict[str, list[float]] = {}
    said = Revision.objects.filter(ret__round=finding.run.round, ret__institution__in=near, number=F("ret__revision")).values_list("ret__period", "answers")
    for period, a in said:
        size, value = _number(a.get("area_m2")), _number(a.get(item))
        if size and value is not None and len(period) == 7:
            found.setdefault(period[5:7], []).append(value / size * area)
    return {m: statistics.median(v) for m, v in found.items()}, len(near)


def totals_of(book: Book, run: ReviewRun, finding: ReviewFinding) -> list[dict[str, Any]]:
    """The area's totals that the suggested value would move: as they stand and as they would be (tce, or the item's own unit). Floor area and
    people move indicators and no total."""
    if not finding.suggested or finding.found is None:
        return []
    item, energy_of = finding.items[0], {t.item for c in (book.composites.get("energy_tce"),) if c for t in c.terms}
    good = sum(float(v) for _, i, v in finding.suggested if i == item)
    sign = 1 if good > finding.found else -1
    rows = []
    for entry in run.line.get("left", []):
        if entry["area"] != finding.area:
            continue
        if (entry["cell"] == "energy_tce" and item in energy_of) or entry["cell"] == item:
            change = finding.tce * sign if entry["cell"] == "energy_tce" else good - finding.found
            about = book.composites.get(entry["cell"]) or book.items[entry["cell"]]
            rows.append({"cell": entry["cell"], "label": about.label, "unit": about.unit, "before": spoken(entry["total"]), "after": spoken(entry["total"] + change)})
    return rows


def decline(steps: list[float], done: int, stop: int, limit: float) -> dict[str, Any]:
    """The share of the worst total that may be off, finding by finding, as points of a strip 600 × 48: what is done, what is to come."""
    shown = steps[:max(stop + max(stop // 6, 3), done + 2, 12)]
    top = max([*shown, limit * 2, 1e-9])

    def points(rows: Iterable[tuple[int, float]]) -> str:
        return " ".join(f"{4 + n * 560 / max(len(shown) - 1, 1):.1f},{44 - v / top * 40:.1f}" for n, v in rows)

    pairs = list(enumerate(shown))
    return {"done": points(pairs[:done + 1]), "todo": points(pairs[done:]), "limit": f"{44 - limit / top * 40:.1f}", "stop": f"{4 + stop * 560 / max(len(shown) - 1, 1):.1f}", "top": top}


def located(book: Book, finding: ReviewFinding) -> list[dict[str, Any]]:
    """The smallest set of fields whose change satisfies the form's checks, period by period: label, unit, what stands there and what would fit."""
    said = {p: a for y in answers(finding.institution_id, finding.run.round.form, finding.run.round.year, 1).values() for p, a in y.items()}
    rows = []
    for period, item, value in finding.located:
        now = said.get(period, {}).get(item)
        rows.append({"period": period, "item": item, "label": book.items[item].label if item in book.items else item, "unit": book.items[item].unit if item in book.items else "",
                     "now": spoken(_number(now)), "fits": spoken(float(value))})
    return rows


def same_return(finding: ReviewFinding) -> list[ReviewFinding]:
    """Other findings of the same run on the same institution, the gravest first."""
    return list(finding.run.findings.filter(institution=finding.institution_id).exclude(pk=finding.pk).order_by("rank")[:8])


def states_of(finding: ReviewFinding) -> list[str]:
    """The states its returns are in, each once."""
    rows = Return.objects.filter(round=finding.run.round, institution=finding.institution_id)
    if finding.ret_id:
        rows = rows.filter(pk=finding.ret_id)
    return list(dict.fromkeys(rows.order_by("period").values_list("state", flat=True)))


def newest_rounds(form: str) -> list[Round]:
    return list(Round.objects.filter(form=form).select_related("office").order_by("-year"))
