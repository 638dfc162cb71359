"""Pages and commands of figures: what is printed is what its trace proves; periods; the day as of which; parts of a year."""

from __future__ import annotations

import datetime as dt
import re
from fractions import Fraction
from html import unescape
from typing import Any

import pytest
from django.utils import timezone

from jieneng import engine
from jieneng.core.period import Period
from jieneng.figures.compare import year_on_year
from jieneng.figures.prove import prove
from jieneng.returns import queries
from jieneng.returns.models import Return, SnapshotRecord
from jieneng.returns.queries import book
from tests.figures.make import frozen
from tests.people_by_name import HOSPITAL, SCHOOL_ONE

pytestmark = pytest.mark.django_db


def page(client: Any, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return unescape(answer.content.decode())


def test_every_number_of_an_institution_opens_its_own_trace(city: dict[str, Any], sign_in: Any) -> None:
    """A clerk clicked 477.3 of a hospital and was shown 60,392.3 of the city."""
    frozen(city)
    client = sign_in("zhoumin")
    text = page(client, f"/register/{city['institutions'][HOSPITAL].pk}/")
    links = re.findall(r'<a class="n" href="([^"]+)">([\d,.]+)</a>', text)
    assert len(links) > 10
    for address, printed in links:
        title = re.search(r"<h1>(.*?)</h1>", page(client, address), re.S)
        assert title and re.search(rf"(?<![\d,.]){re.escape(printed)}(?![\d.])", re.sub("<[^>]+>", " ", title[1])), (address, printed)


@pytest.mark.parametrize("query", ["by=institution&code=x", "by=planet&code=1", "by=area&code=999999", "by=institution&code=99999"])
def test_a_trace_of_nothing_is_404(city: dict[str, Any], sign_in: Any, query: str) -> None:
    frozen(city)
    assert sign_in("zhoumin").get(f"/figures/trace/?name=energy_tce&period=2022&{query}").status_code == 404
    assert sign_in("zhoumin").get(f"/figures/trace/?name=energy_tce&period=never&{query}").status_code == 404


def test_halves_and_quarters_add_up_to_the_year(city: dict[str, Any], sign_in: Any) -> None:
    record = frozen(city)
    opened, where = queries.opened(record), {"line": "/341800/"}
    from jieneng.figures.calculate import calculate

    def value(period: str) -> Any:
        return calculate(book(), engine.connect(), opened, ["energy_tce"], period=Period.parse(period), where=where)[0].exact
    assert value("2022") == value("2022H1") + value("2022H2") == sum(value(f"2022Q{i}") for i in (1, 2, 3, 4))
    client = sign_in("zhoumin")
    for period, label in (("2022H1", "2022年上半年汇总"), ("2022Q3", "2022年三季度汇总"), ("2021", "2021年汇总"), ("1999", "2022年汇总")):
        assert label in page(client, f"/figures/?period={period}")


def test_as_of_a_day_is_the_snapshot_of_that_day(city: dict[str, Any], sign_in: Any) -> None:
    first = frozen(city)
    SnapshotRecord.objects.filter(pk=first.pk).update(cutoff=timezone.now() - dt.timedelta(days=10))
    from jieneng.returns.freeze import freeze
    second = freeze(city["people"]["zhoumin"], book(), 2022)
    today = timezone.localdate()
    assert queries.snapshot_at(today).pk == second.pk and queries.snapshot_at(today - dt.timedelta(days=9)).pk == first.pk  # type: ignore[union-attr]
    assert queries.snapshot_at(today - dt.timedelta(days=11)) is None and queries.snapshot_at(today, 2019) is None
    client = sign_in("zhoumin")
    assert f"<code>{first.pk}</code>" in page(client, f"/figures/?as_of={today - dt.timedelta(days=9)}")
    assert client.get("/figures/?as_of=yesterday").status_code == 422


def test_a_missing_month_is_said_in_amber(city: dict[str, Any], sign_in: Any) -> None:
    from jieneng.returns.freeze import freeze
    frozen(city)
    Return.objects.filter(institution=city["institutions"][SCHOOL_ONE], period="2022-05").update(accepted=0, state="filed")
    freeze(city["people"]["zhoumin"], book(), 2022)
    client = sign_in("zhoumin")
    text = page(client, "/figures/trace/?name=energy_tce&period=2022")
    assert "但有单位没有填齐" in text and "1 家没有填齐：示例第一小学（缺月）" in text and "覆盖 3 / 4 家" in text
    assert '<td class="num t-warn">1 / 2</td>' in page(client, "/figures/?period=2022")
    assert "但有单位没有填齐" not in page(client, "/figures/trace/?name=energy_tce&period=2021")


def test_the_part_of_a_change_that_factors_make_is_exact(city: dict[str, Any], sign_in: Any) -> None:
    """Carbon by last year's grid factor, from the same sums: what is left of the change is what people did."""
    opened = queries.opened(frozen(city))
    (carbon,) = year_on_year(book(), engine.connect(), opened, ["co2_t"], period=Period("year", 2022))
    (energy,) = year_on_year(book(), engine.connect(), opened, ["energy_tce"], period=Period("year", 2022))
    assert energy.factors is None and carbon.factors is not None and carbon.before is not None
    kwh = sum((Fraction(c.value) for c in engine.connect().cells(opened, "electricity_kwh", form="consumption", period=Period("year", 2022), limit=10**6)), Fraction(0))
    grid = {v.vintage: Fraction(v.value) for v in book().factors["co2.grid"].values if v.vintage in ("2021", "2022")}
    assert carbon.now.exact is not None and carbon.factors.exact is not None
    held = carbon.now.exact / (1 + carbon.factors.exact)
    assert carbon.now.exact - held == kwh * (grid["2022"] - grid["2021"]) / 1000
    assert prove(book(), engine.connect(), opened, carbon.factors).ok
    assert "其中因子变化" in page(sign_in("zhoumin"), "/figures/")


def test_the_workbook_says_coverage_and_change(city: dict[str, Any], sign_in: Any) -> None:
    import io

    from openpyxl import load_workbook
    frozen(city)
    answer = sign_in("zhoumin").get("/figures.xlsx?by=area")
    sheet = load_workbook(io.BytesIO(answer.content)).active
    rows = [[c.value for c in r] for r in sheet.iter_rows()]
    head = next(n for n, r in enumerate(rows) if "覆盖" in r)
    assert "人" in str(rows[head]) and "person" not in str(rows[head]) and rows[head][0] == "地区（归口）"
    total = next(r for r in rows if r[0] == "合计")
    assert total[1:3] == [4, 4] and any(r[0] == "较上年" for r in rows) and any(r[0] == "其中因子变化" for r in rows)
    assert "filename" in answer["Content-Disposition"]
