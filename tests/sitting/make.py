"""A run of the review with findings by hand, over the small city: what was found is the test's, not the method's."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from jieneng.people.models import Office
from jieneng.returns.models import Return, Round
from jieneng.review.models import ReviewFinding, ReviewRun


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
