"""Freezing reads the record store in bulk: row for row what plain Python reads from it, and nothing that does not fit gets in."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from jieneng import engine
from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.registry.models import Institution, Standing
from jieneng.returns import freeze as freezing
from jieneng.returns.models import Return, Revision, Round
from jieneng.returns.queries import book, opened
from tests.figures.make import file_all
from tests.people_by_name import HOSPITAL, SCHOOL_ONE, SCHOOL_TWO

pytestmark = pytest.mark.django_db
FILE = "returns/consumption@2022.parquet"


def plain_rows(round_: Round) -> list[dict[str, Any]]:
    """The rows a freeze must give, one return at a time."""
    found = []
    for ret in Return.objects.filter(round=round_, accepted__gt=0).order_by("institution_id", "period"):
        period, revision = Period.parse(ret.period), Revision.objects.get(ret=ret, number=ret.accepted)
        place = Standing.objects.filter(institution=ret.institution, since__lte=period.last_day).order_by("since").last()
        if place is not None:
            found.append({
                "institution": ret.institution_id, "code": ret.institution.key, "name": place.name, "period": ret.period, "year": period.year,
                "month": period.index, "line": place.office.path, "area": place.area, "department": place.department,
                "territory": place.territory, "type": place.type, "status": revision.status, "return_id": ret.pk, "revision": revision.number,
                "due": sum(1 << int(p[5:]) - 1 for p, state in ret.institution.returns.filter(round=round_).values_list("period", "state")
                           if state not in ("covered", "exempt")),
                **{k: None if v is None else Decimal(v) for k, v in revision.answers.items()}})
    return found


def plain_wide(rows: list[dict[str, Any]], items: list[str]) -> list[dict[str, Any]]:
    """The year side by side, from plain rows."""
    years: dict[tuple[int, int], dict[str, Any]] = {}
    for row in sorted(rows, key=lambda r: (r["institution"], r["period"])):
        wide = years.setdefault((row["institution"], row["year"]), {f"{i}__{m}": None for i in items for m in [*(f"{m:02}" for m in range(1, 13)), "year"]})
        wide |= {k: row[k] for k in ("institution", "year", "code", "name", "line", "area", "department", "territory", "type")}
        wide |= {f"{i}__{row['month']:02}": row.get(i) for i in items}
    return list(years.values())


def change(key: str, month: int, answers: dict[str, Any]) -> dict[str, Any]:
    return {**answers, "water_m3": None if month == 5 else Decimal("12.3401"), "coal_t": Decimal(month) / 8, "heat_gj": Decimal("-999999999999.9999")}


@pytest.fixture
def filed(city: dict[str, Any]) -> dict[str, Any]:
    """A year with a second revision, a return that was never accepted, a body that moved twice and one that came in mid-year."""
    file_all(city, 2022, change=change)
    file_all(city, 2022, change=lambda key, m, a: {**change(key, m, a), "people": Decimal(77)} if (key, m) == (SCHOOL_TWO, 4) else change(key, m, a))
    Return.objects.filter(institution__key=HOSPITAL, period="2022-09").update(state="filed", accepted=0)
    Return.objects.filter(institution__key=SCHOOL_TWO, period="2022-02").update(state="exempt", accepted=0)
    for since, code in (("2022-03-31", "341824"), ("2022-08-01", "341823")):
        Standing.objects.create(institution=Institution.objects.get(key=SCHOOL_ONE), since=since, name=f"示例“新”校 {code}", initials="x",
                                office=city["offices"][code], area=code, type="education", department="", territory=code)
    Standing.objects.filter(institution__key=HOSPITAL).update(since=dt.date(2022, 4, 30))
    return city


def frozen(city: dict[str, Any]) -> Any:
    return opened(freezing.freeze(city["people"]["zhoumin"], book(), 2022))


@pytest.mark.parametrize("span", [1, 2, 5000])
def test_it_is_what_plain_python_reads(filed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, span: int) -> None:
    monkeypatch.setattr(freezing, "SPAN", span)
    snapshot, rows = frozen(filed), plain_rows(Round.objects.get(year=2022))
    assert len(rows) == 48 - 2 - 3 and {r["area"] for r in rows if r["code"] == SCHOOL_ONE} == {"341823", "341824"}
    items = snapshot.items(FILE)
    empty = dict.fromkeys(items)
    assert engine.read_table(snapshot.file(FILE)) == [{**empty, **r} for r in rows]
    wide = engine.read_table(snapshot.file("wide/consumption@2022.parquet"))
    assert wide == [{k: w[k] for k in wide[0]} for w in plain_wide(rows, items)]
    assert engine.verify_snapshot(snapshot.folder, deep=True)[1] == []
    left = Return.objects.get(accepted=0, round__year=2022, state="filed")
    assert snapshot.manifest["left_out"] == [{"round": "consumption@2022 2022", "state": "filed", "returns": 1, "ids": str(left.pk), "why": "not accepted at the cut-off"}]


def planted(item: str, value: Any) -> None:
    """A value that no action would have written, as a damaged or foreign record store may hold it."""
    revision = Revision.objects.get(ret__institution__key=SCHOOL_ONE, ret__period="2022-07")
    revision.answers[item] = value
    revision.save()


@pytest.mark.parametrize("value", ["1.23456", "1000000000000", "-1000000000000", "123456789012345678", "abc", "", "NaN", "1_0", True, [1], {"a": 1}, "9e99"])
def test_what_does_not_fit_is_refused_by_name(filed: dict[str, Any], value: Any) -> None:
    planted("water_m3", value)
    with pytest.raises(Refused, match="water_m3"):
        frozen(filed)


def test_an_item_the_edition_does_not_ask_is_refused(filed: dict[str, Any]) -> None:
    planted("moonlight_kwh", "1")
    with pytest.raises(Refused, match="moonlight_kwh"):
        frozen(filed)


@pytest.mark.parametrize(("value", "stored"), [(5, 5), ("+7", 7), ("1e3", 1000), ("-0", 0), ("00012.5", Decimal("12.5"))])
def test_odd_but_exact_numbers_are_taken(filed: dict[str, Any], value: Any, stored: Any) -> None:
    planted("water_m3", value)
    rows = engine.read_table(frozen(filed).file(FILE))
    assert [r["water_m3"] for r in rows if (r["code"], r["period"]) == (SCHOOL_ONE, "2022-07")] == [stored]


def test_a_span_without_returns_is_no_rows(filed: dict[str, Any]) -> None:
    """Numbers of institutions may have wide gaps."""
    if connection.vendor == "sqlite":
        far = Institution.objects.create(pk=10**6, key="far")
        Standing.objects.create(institution=far, since=dt.date(2020, 1, 1), name="示例远", initials="x", office=filed["offices"]["341823"], area="341823")
        Return.objects.create(round=Round.objects.get(year=2022), institution=far, period="2022-01", state="accepted", revision=1, accepted=1)
        ret = Return.objects.get(institution=far)
        old = Revision.objects.first()
        assert old is not None
        Revision.objects.create(ret=ret, number=1, answers={"people": "3"}, edition="2022", rulebook="x", by=old.by, at=old.at)
    snapshot = frozen(filed)
    empty = dict.fromkeys(snapshot.items(FILE))
    assert engine.read_table(snapshot.file(FILE)) == [{**empty, **r} for r in plain_rows(Round.objects.get(year=2022))]
