"""Real files nobody here wrote, imported by layout files alone; their own published figures must come out.

No code knows which book it runs: these tests use the same verbs as the city, with book ``open-benchmarking``.
"""

from __future__ import annotations

import datetime as dt
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from jieneng import engine
from jieneng.core.figure import Figure
from jieneng.core.period import Period
from jieneng.fieldwork.intake import bring_in, receive_path
from jieneng.figures.overview import compute
from jieneng.figures.prove import prove
from jieneng.people.models import Appointment, Office, User
from jieneng.returns import queries
from jieneng.returns.freeze import freeze
from jieneng.returns.models import Import, Return, Revision, SnapshotRecord
from jieneng.rulebook import load
from tests.people_by_name import make_home
from tests.shared import shared

LAYOUTS = Path(__file__).resolve().parents[2] / "examples" / "layouts"
BOOK = load("open-benchmarking")
pytestmark = pytest.mark.django_db


@pytest.fixture
def office(home: Path) -> tuple[User, Office]:
    make_home(home, "open-benchmarking")
    root = Office.objects.create(code="open", name="公开数据", kind="city", path="/open/", area="open")
    for area in ("philadelphia", "seattle"):
        Office.objects.create(code=area, name=area, kind="county", parent=root, path=f"/open/{area}/", area=area)
    user = User.objects.create_user("console", None, name="控制台")
    Appointment.objects.create(user=user, role="city", office=root, since=dt.date(2000, 1, 1))
    return user, root


def bring(office: tuple[User, Office], data: str, layout: str) -> Import:
    user, root = office
    path = LAYOUTS / layout
    return bring_in(user, receive_path(user, shared(data)), path.read_text(encoding="utf-8"), office=root, accept=True,
                    open_rounds=True, layout_name=path.name)


def by_body(record: SnapshotRecord, names: list[str], year: int, where: dict[str, Any]) -> dict[str, dict[str, Figure]]:
    table: dict[str, dict[str, Figure]] = {}
    for f in compute(BOOK, record, names, Period("year", year), "institution", where):
        table.setdefault(f.subject["code"], {})[f.name] = f
    return table


def whole(record: SnapshotRecord, name: str, year: int, where: dict[str, Any]) -> Figure:
    return compute(BOOK, record, [name], Period("year", year), None, where)[0]


def within(a: Fraction | None, b: Fraction | None, share: str) -> bool:
    return a is not None and b is not None and abs(a - b) <= abs(b) * Fraction(share)


def test_seattle_2015(office: tuple[User, Office]) -> None:
    batch = bring(office, "data/seattle-benchmarking-2015/2015-building-energy-benchmarking.csv", "seattle-2015.yaml")
    assert batch.problems == []
    assert Return.objects.filter(state="accepted").count() == 3340
    record = freeze(office[0], BOOK, 2015)
    where = {"area": "seattle"}
    assert whole(record, "electricity_kwh", 2015, where).exact == 3_389_597_759
    table = by_body(record, ["ghg_t", "published_ghg_t", "site_energy_kbtu", "published_site_energy_kbtu", "site_eui", "published_site_eui_kbtu_ft2"],
                    2015, where)
    assert len(table) == 3340
    emitting = [d for d in table.values() if d["published_ghg_t"].exact]
    assert len(emitting) == 3328
    assert sum(within(d["ghg_t"].exact, d["published_ghg_t"].exact, "0.01") for d in emitting) == 3325
    using = [d for d in table.values() if d["published_site_energy_kbtu"].exact]
    assert (sum(within(d["site_energy_kbtu"].exact, d["published_site_energy_kbtu"].exact, "0.01") for d in using), len(using)) == (3325, 3328)
    # the published EUI rests on an area that is not in the file for the rest (README of the data)
    close = sum(within(d["site_eui"].exact, d["published_site_eui_kbtu_ft2"].exact, "0.01") for d in table.values() if d["published_site_eui_kbtu_ft2"].exact)
    assert close == 1713
    total = whole(record, "ghg_t", 2015, where)
    assert total.exact == sum(d["ghg_t"].exact or 0 for d in table.values())
    assert prove(BOOK, engine.connect(), queries.opened(record), total).ok


def test_philadelphia_2011_to_2013(office: tuple[User, Office]) -> None:
    batch = bring(office, "data/phila-municipal-2011-2013/phila_municipal_2011_2013.csv", "philadelphia-2011-2013.yaml")
    assert batch.problems == []
    assert Return.objects.filter(state="accepted").count() == 69
    record = freeze(office[0], BOOK, 2013)
    where = {"area": "philadelphia"}
    published = {2011: "158386716", 2012: "169822818", 2013: "166796419"}
    energy = ghg = eui = 0
    for year, kwh in published.items():
        assert round(whole(record, "electricity_kwh", year, where).exact) == int(kwh)
        table = by_body(record, ["ghg_t", "published_ghg_t", "site_energy_kbtu", "published_site_energy_kbtu", "site_eui", "published_site_eui_kbtu_ft2"],
                        year, where)
        assert len(table) == 23
        energy += sum(within(d["site_energy_kbtu"].exact, d["published_site_energy_kbtu"].exact, "0.001") for d in table.values())
        # the README counts buildings that emit; two without energy publish 0 and give 0
        ghg += sum(within(d["ghg_t"].exact, d["published_ghg_t"].exact, "0.01") for d in table.values() if d["published_ghg_t"].exact)
        eui += sum(d["site_eui"].exact is not None and d["published_site_eui_kbtu_ft2"].exact is not None
                   and abs(d["site_eui"].exact - d["published_site_eui_kbtu_ft2"].exact) <= Fraction("0.06") for d in table.values())
    assert (energy, ghg, eui) == (67, 64, 67)


def test_the_same_file_again_changes_nothing(office: tuple[User, Office]) -> None:
    data, layout = "data/phila-municipal-2011-2013/phila_municipal_2011_2013.csv", "philadelphia-2011-2013.yaml"
    bring(office, data, layout)
    before = Revision.objects.count()
    again = bring(office, data, layout)
    assert Revision.objects.count() == before == 69
    assert again.counts["answers"] == {"new": 0, "changed": 0, "same": 69, "findings": 0, "held": 0, "refused": 0}


def test_every_value_remembers_its_cell_and_unit(office: tuple[User, Office]) -> None:
    bring(office, "data/phila-municipal-2011-2013/phila_municipal_2011_2013.csv", "philadelphia-2011-2013.yaml")
    revision = Revision.objects.order_by("pk").first()
    assert revision is not None
    for item, value in revision.answers.items():
        if value is not None:
            batch, _, cell, raw, unit = revision.sources[item]
            assert batch and cell and raw and unit
