"""The sample for checks on site (5% 抽查): seeded, stratified, none repeated within three years, drawn once; and what was found there.

At each level: an office that stands above several areas draws at least 5 % of every area; an office of one area draws by type.
The order within a stratum is the SM3 of seed and institution, so that anybody can draw the same again from the seed.
"""

from __future__ import annotations

import datetime as dt
import math
import secrets
from collections import defaultdict
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO

from django.db.models import F
from django.utils import timezone

from jieneng.core.amount import amount_text, stored
from jieneng.core.period import Period
from jieneng.core.problem import Place, Problem, Refused, refuse
from jieneng.core.words import T
from jieneng.people.models import Office, User
from jieneng.people.scope import require
from jieneng.records import files
from jieneng.records.events import action, fingerprint, record, sm3
from jieneng.registry.models import Standing
from jieneng.registry.queries import standings
from jieneng.returns.models import Revision

from .models import Sample, SampleUnit

PERCENT = 5
"""Share of each stratum at least (model year, section 七: 抽取5%)."""
YEARS_APART = 3


def frame(office: Office, year: int) -> list[Standing]:
    """Who may be drawn: all in scope under an office at the end of the year that report for themselves."""
    rows = standings(Period("year", year).last_day).filter(office__path__startswith=office.path, in_scope=True, covered_by=None)
    return sorted(rows, key=lambda s: s.institution.key)


def drawn(frame_: list[Standing], office: Office, year: int, seed: str, percent: int = PERCENT) -> tuple[list[tuple[str, Standing]], list[dict[str, Any]]]:
    """The draw: (stratum, standing) in order, and the table of strata. The same for the same frame, history and seed.

    ``ceil(percent of the whole stratum)``, taken from those who were not drawn in the last three years and are not sensitive.
    """
    recent = set(SampleUnit.objects.filter(sample__office=office, sample__year__gt=year - YEARS_APART, sample__year__lt=year).values_list("institution_id", flat=True))
    by_area = len({s.area for s in frame_}) > 1
    strata: dict[str, list[Standing]] = defaultdict(list)
    for s in frame_:
        strata[s.area if by_area else s.type].append(s)
    taken, table = [], []
    for code in sorted(strata):
        rows = strata[code]
        able = [s for s in rows if s.institution_id not in recent and not s.sensitive]
        able.sort(key=lambda s: sm3(f"{seed}:{s.institution.key}".encode()))
        wanted = math.ceil(len(rows) * percent / 100)
        taken += [(code, s) for s in able[:wanted]]
        table.append({"code": code, "by": "area" if by_area else "type", "size": len(rows), "recent": sum(s.institution_id in recent for s in rows),
                      "sensitive": sum(s.sensitive for s in rows), "wanted": wanted, "drawn": min(wanted, len(able))})
    return taken, table


def draw(person: User, office: Office, year: int, seed: str = "") -> Sample:
    """Draw the sample of an office for a year, once. ``seed`` blank: random. Raises ``Refused`` for a second draw or an empty frame."""
    require(person, "review", office.path)
    if (old := Sample.objects.filter(office=office, year=year).first()) is not None:
        raise refuse("sample.drawn", T("{o} {y} 年已经抽过（{d}，种子 {s}）", "{o} drew for {y} already ({d}, seed {s})", o=office.name, y=year, d=timezone.localtime(old.at).strftime("%Y-%m-%d"), s=old.seed),
                     T("一年只抽一次", "once a year"), T("名单可随时重算核对", "the list can be drawn again from its seed to check it"))
    seed = seed.strip()[:64] or secrets.token_hex(8)
    rows = frame(office, year)
    if not rows:
        raise refuse("sample.empty", T("{o}下面没有可抽的单位", "there is nobody to draw under {o}", o=office.name))
    taken, table = drawn(rows, office, year, seed)
    with action():
        made = Sample.objects.create(office=office, year=year, seed=seed, percent=PERCENT, frame=fingerprint([s.institution.key for s in rows]), strata=table, by=person, at=timezone.now())
        SampleUnit.objects.bulk_create(SampleUnit(sample=made, institution=s.institution, stratum=code, number=n) for n, (code, s) in enumerate(taken, 1))
        record(person, "sample.draw", "sample", made.pk, line=office.path, data={
            "year": year, "seed": seed, "frame": made.frame, "size": len(rows), "number": len(taken), "content": fingerprint([s.institution.key for _, s in taken])})
    return made


def drawn_again(sample: Sample) -> bool:
    """Whether drawing again from the seed gives the same list: False where the register of that year was changed since."""
    taken, _ = drawn(frame(sample.office, sample.year), sample.office, sample.year, sample.seed, sample.percent)
    return [s.institution_id for _, s in taken] == list(sample.units.values_list("institution_id", flat=True))


def reported(unit: SampleUnit, item: str, period: str) -> Decimal | None:
    """What the unit's current revisions say of an item in a month or a year: of a year filed by months their sum, once all twelve are answered."""
    wanted = Period.parse(period)
    rows = Revision.objects.filter(ret__institution=unit.institution, ret__period__in=[period, *map(str, wanted.months)], number=F("ret__revision"))
    said = {row.ret.period: row.answers.get(item) for row in rows.select_related("ret")}
    if said.get(period) is not None:
        return Decimal(said[period])
    months = [said.get(str(m)) for m in wanted.months]
    return sum((Decimal(v) for v in months if v is not None), Decimal(0)) if months and None not in months else None


def apart(unit: SampleUnit) -> Decimal | None:
    """By how much the meters' amount is off from what was reported, as a share of it; None where it cannot be said."""
    if not unit.reported or not unit.reading or not Decimal(unit.reported):
        return None
    return Decimal(unit.reading) / Decimal(unit.reported) - 1


def _grouped(value: Decimal | None) -> str:
    return f"{Decimal(amount_text(value) or 0):,}"


def _unfit(said: Decimal | None, amount: Decimal, result: str, note: str) -> Problem | None:
    """A result that the two numbers do not bear out and nobody explained."""
    if result == "agrees" and said is None:
        return Problem("sample.unreported", T("单位没有填报这一项，不能写一致", "nothing was reported there, so it cannot agree"), T("填报过的指标和月份或年份", "an item and a month or year that were reported"),
                       T("换一个指标或统计期；确实在用而没有填报的，选不一致并写明", "choose another; if it is in use and was not reported, say that it differs and how"), Place(field="result"))
    if result == "agrees" and said != amount and not note.strip():
        return Problem("sample.note", T("填报 {a}，表读数 {b}，两数不同又写一致，没有说明", "reported {a}, by the meter {b}: they differ, “agrees” is not explained", a=_grouped(said), b=_grouped(amount)),
                       do=T("写明为什么算一致，如“抄表日差 2 天”，不然选不一致", "say why they agree, such as “read two days later”, or choose “differs”"), where=Place(field="note"))
    if result == "differs" and said == amount:
        return Problem("sample.result", T("填报数和表读数都是 {a}，选了不一致", "both are {a}, yet “differs” was chosen", a=_grouped(amount)), where=Place(field="result"))
    return None


def check(person: User, unit: SampleUnit, *, item: str, period: str, reading: str, result: str, checked_on: dt.date | None, note: str = "",
          voucher: tuple[BinaryIO, str] | None = None) -> SampleUnit:
    """Enter what was found on site: the amount by the meters' readings for an item and period, and whether it agrees with the return.

    Raises ``Refused`` naming whatever is missing, and for a result that the two numbers do not bear out unless the note says why. It may be entered again; each entry is an event.
    """
    require(person, "review", unit.sample.office.path)
    wrong: list[Problem] = []
    amount: Decimal | None = None
    try:
        amount, _ = stored(Decimal(reading.strip().replace(",", "")))
    except (InvalidOperation, ValueError):
        wrong.append(Problem("sample.reading", T("“{v}”不是数", "“{v}” is no number", v=reading[:30]), T("按表计读数算出的用量", "the amount by the meters’ readings"), where=Place(field="reading")))
    if result not in ("agrees", "differs"):
        wrong.append(Problem("sample.result", T("没有选结果", "no result"), T("一致或不一致", "agrees or differs"), where=Place(field="result")))
    if checked_on is None or checked_on > timezone.localdate():
        wrong.append(Problem("sample.day", T("没有写核查日期，或在今天以后", "no day of the check, or one that is still to come"), where=Place(field="checked_on")))
    if result == "differs" and not note.strip():
        wrong.append(Problem("sample.note", T("不一致的要写明差在哪", "say where it differs"), where=Place(field="note")))
    try:
        Period.parse(period)
    except ValueError:
        wrong.append(Problem("sample.period", T("“{p}”不是统计期", "“{p}” is no period", p=period[:20]), T("如 2022-06，全年写 2022", "such as 2022-06, or 2022 for the year"), where=Place(field="period")))
    if wrong or amount is None:
        raise Refused(*wrong)
    said = reported(unit, item, period)
    if (unfit := _unfit(said, amount, result, note)) is not None:
        raise Refused(unfit)
    with action():
        unit.item, unit.period, unit.reading, unit.result, unit.checked_on, unit.note = item[:60], period, amount_text(amount) or "", result, checked_on, note.strip()[:300]
        unit.reported = amount_text(said) or ""
        unit.by, unit.at = person, timezone.now()
        if voucher is not None:
            unit.voucher = files.receive(voucher[0], voucher[1], person)
        unit.save()
        record(person, "sample.check", "sample", unit.sample_id, line=unit.sample.office.path, data={
            "year": unit.sample.year, "institution": unit.institution_id, "period": period, "items": [item], "reading": unit.reading, "reported": unit.reported, "result": result,
            "checked_on": checked_on.isoformat() if checked_on else "", "note": unit.note, "voucher": unit.voucher.sha256 if unit.voucher else ""})
    return unit
