"""A run of the review with findings by hand, over the small city: what was found is the test's, not the method's."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from jieneng.people.models import Office
from jieneng.returns.models import Return, Round, SnapshotRecord
from jieneng.returns.queries import book
from jieneng.review.models import Candidate, ReviewFinding, ReviewRun, Screening
from tests.people_by_name import HOSPITAL, JIXI_SCHOOL, SCHOOL_ONE, SCHOOL_TWO


def make_run(city: dict[str, Any], year: int = 2022, stop: int = 3) -> ReviewRun:
    """An empty run of the city's office; findings are added with ``add``. Steps fall from 20 % to 0.4 %."""
    round_ = Round.objects.get(year=year)
    return ReviewRun.objects.create(
        round=round_, office=Office.objects.get(code="341800"), review="joint@2022", rulebook="x", state="x", by=city["people"]["zhoumin"], at=timezone.now(),
        counts={}, line={"count": stop, "reached": True, "share": 0.005, "steps": [0.2, 0.1, 0.05, 0.004, 0.003, 0.002],
                         "left": [{"cell": "energy_tce", "area": "341823", "left": 0.001, "total": 100.0}]})


def add(run: ReviewRun, city: dict[str, Any], key: str, rank: int, *, item: str = "electricity_kwh", found: float = 500.0, suggested: float | None = 5000.0, month: int = 3,
        **more: Any) -> ReviewFinding:
    """One finding of a month of one institution."""
    institution = city["institutions"][key]
    standing = institution.standings.order_by("since").first()
    period = f"{run.round.year}-{month:02}"
    given = {"kind": "factor", "rule": "H01", "layer": 2, "severity": "explain", "tce": 12.5 / rank, "share": 0.1 / rank, **more}
    return ReviewFinding.objects.create(
        run=run, rank=rank, institution=institution, area=standing.area, type=standing.type, ret=Return.objects.filter(institution=institution, round=run.round, period=period).first(), period=period,
        months=[month], items=[item], found=found, expected=4900.0, low=4000.0, high=6000.0, suggested=[[period, item, f"{suggested:g}"]] if suggested is not None else [],
        suspicion=0.9, score=1.0 / rank, says={"zh": f"电 {found:g} 千瓦时像少写一位", "en": f"electricity {found:g} kWh looks a place short"},
        why={"zh": "去年同月 4,900", "en": "4,900 in the month last year"}, do={"zh": "请核对账单", "en": "check the bill"}, **given)


def make_screening(city: dict[str, Any], snapshot: SnapshotRecord) -> Screening:
    """A first screening by hand of a snapshot: a candidate of each institution, the first two before the line, 绩溪 worst off; two findings of a review of candidates."""
    made = Screening.objects.create(
        snapshot=snapshot, manifest=snapshot.manifest_hash, round=Round.objects.get(year=snapshot.year), review="joint@2022", rulebook=book().hash, by=city["people"]["zhoumin"], at=timezone.now(), content="x",
        counts={"institutions": 4, "values": 44, "candidates": 4, "units": 4, "line": 2, "share": 0.005, "edits": 1, "kept": 4},
        places=[["/341800/341800SZ/", "341800SZ", 1, 1, 1, 1, 1, 0, 0, {}], ["/341800/341823/341823-jyj/", "341823", 2, 2, 2, 1, 1, 3, 1, {"energy_tce": 0.4}],
                ["/341800/341824/", "341824", 1, 1, 1, 0, 0, 0, 0, {"energy_tce": 0.1, "water_m3": 5.0}]],
        totals={"energy_tce": {"341800SZ": 50.0, "341823": 100.0, "341824": 50.0}, "water_m3": {"341824": 1000.0}})
    for rank, (key, area) in enumerate(((SCHOOL_ONE, "341823"), (HOSPITAL, "341800SZ"), (SCHOOL_TWO, "341823"), (JIXI_SCHOOL, "341824")), 1):
        Candidate.objects.create(screening=made, rank=rank, institution=city["institutions"][key], area=area, item="electricity_kwh", month=3 if rank == 1 else 0, off=4500.0 / rank,
                                 doubt=0.9 / rank, share=0.1 / rank, factor="×10^1", says={"zh": f"像是多写了一位{rank}", "en": f"one digit too many {rank}"})
    run = make_run(city, snapshot.year)
    run.screening, run.line, run.counts = made, {}, {"institutions": 2, "candidates": 2, "places": 1, "beside": 4, "sampled": 0, "findings": 2}
    run.save()
    for rank, key in enumerate((SCHOOL_ONE, JIXI_SCHOOL), 1):
        add(run, city, key, rank)
    return made
