"""The page of the first screening: who sees which part, table by place, candidates with links, what is older than the records, the two jobs."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest
from django.utils import timezone

from jieneng.core.words import speaking
from jieneng.people.scope import Scope, scope
from jieneng.records.models import Job
from jieneng.registry.models import Standing
from jieneng.returns.models import Return, SnapshotRecord
from jieneng.returns.queries import book
from jieneng.review import screened
from jieneng.review.models import Screening
from jieneng.review.queries import latest
from tests.people_by_name import HOSPITAL, JIXI_SCHOOL, SCHOOL_ONE
from tests.sitting.make import make_screening

pytestmark = pytest.mark.django_db


def url_of(shown: dict[str, Any]) -> str:
    """The review workspace of the round."""
    return f"/review/{shown['round'].pk}/"


@pytest.fixture
def shown(reviewed: dict[str, Any]) -> dict[str, Any]:
    snapshot = SnapshotRecord.objects.create(id="s2022", year=2022, cutoff=timezone.now(), manifest_hash="m", by=reviewed["people"]["zhoumin"])
    return {**reviewed, "snapshot": snapshot, "screening": make_screening(reviewed, snapshot)}


def test_places_candidates_and_findings_stand_on_one_page(shown: dict[str, Any], sign_in: Any) -> None:
    page = sign_in("zhoumin").get("/screening/").content.decode()
    assert "宣城市分地区" in page and "重新初筛" in page and "之后又有" not in page
    table = page[page.index("<tbody>"):page.index("</tbody>")]
    assert [table.index(n) for n in ("市直", "泾县", "绩溪县")] == sorted(table.index(n) for n in ("市直", "泾县", "绩溪县"))
    assert "0.40%" in table and "0.50%" in table, "0.4 of 100 tce; water of 绩溪 is worse off than its energy"
    march = Return.objects.get(institution=shown["institutions"][SCHOOL_ONE], period="2022-03")
    assert f'/returns/{march.pk}/' in page and f"/review/{shown['round'].pk}/?area=341823" in page and "像是多写了一位1" in page
    assert f"/{shown['institutions'][HOSPITAL].pk}/" in page and "第 2 项以下的" in page and "电 500 千瓦时像少写一位" in page
    assert latest(shown["round"], scope(shown["people"]["zhoumin"], "review")) == shown["run"], "a review of candidates alone is no review of the place"
    with_place = sign_in("zhoumin").get("/screening/?place=341824").content.decode()
    assert "绩溪县分地区" in with_place and "本级" not in with_place[with_place.index("<tbody>"):with_place.index("</tbody>")] and "像是多写了一位4" in with_place and "像是多写了一位1" not in with_place
    for bad in ("?place=110000", "?place=x", "?screening=999999"):
        assert sign_in("zhoumin").get(f"/screening/{bad}").status_code == 404, bad


def test_who_looks_over_one_county_has_nothing_to_screen_and_the_auditor_changes_nothing(shown: dict[str, Any], sign_in: Any) -> None:
    pk = shown["screening"].pk
    for who in ("wangli", "chengang", "heping"):
        assert {sign_in(who).get(u).status_code for u in ("/screening/", f"/screening/{pk}.xlsx", f"/screening/{pk}/candidates.xlsx", f"/screening/{pk}/findings.xlsx")} == {404}, who
        assert {sign_in(who).post("/screening/run/").status_code, sign_in(who).post(f"/screening/{pk}/review/", {"count": "3"}).status_code} == {404} and "初筛" not in sign_in(who).get("/").content.decode()
    page = sign_in("suncha").get("/screening/").content.decode()
    assert "像是多写了一位1" in page and "重新初筛" not in page and "再审一次" not in page
    assert sign_in("suncha").post("/screening/run/").status_code == 403 and not Job.objects.exists()


def test_a_part_of_everybody_sees_its_own_lines_only(shown: dict[str, Any]) -> None:
    """Of two counties: their rows, their totals; no candidate of the city's own units, none of a sensitive unit that is closed."""
    mine, everybody = Scope(("/341800/341823/", "/341800/341824/")), Scope(("/341800/",))
    table = screened.table_of(shown["screening"], mine, book())
    assert table is not None and [p.code for p in table.rows] == ["341823", "341824"] and table.whole.institutions == 3 and table.whole.worst == ("water_m3", 0.005)
    assert table.whole.share("energy_tce") == pytest.approx(0.5 / 150) and screened.table_of(shown["screening"], mine, book(), "341800SZ") is None
    assert screened.table_of(shown["screening"], Scope(), book()) is None
    auditor = shown["people"]["suncha"]
    assert [c.rank for c in screened.candidates_in(shown["screening"], mine, auditor)] == [1, 3, 4]
    Standing.objects.filter(institution=shown["institutions"][JIXI_SCHOOL]).update(sensitive=True)
    assert [c.rank for c in screened.candidates_in(shown["screening"], everybody, auditor)] == [1, 2, 3]


def test_where_lines_of_an_area_lie_outside_no_share_is_told(shown: dict[str, Any]) -> None:
    """A part of what is left over the whole of a total would look safe."""
    rows = [["/n/a/", "341823", 10, 2, 2, 1, 1, 0, 0, {"energy_tce": 1.0}], ["/n/b/", "341823", 10, 2, 2, 1, 1, 0, 0, {"energy_tce": 9.0}], ["/n/b/c/", "341824", 5, 1, 1, 0, 0, 0, 0, {"energy_tce": 1.0}]]
    made = Screening(round=shown["round"], snapshot=shown["snapshot"], review="r", counts={"share": 0.005}, places=rows, totals={"energy_tce": {"341823": 100.0, "341824": 50.0}})
    part, whole = (screened.table_of(made, Scope((line,)), book()) for line in ("/n/b/", "/n/"))
    assert part is not None and whole is not None
    assert [(p.code, p.left["energy_tce"], p.share("energy_tce")) for p in part.rows] == [("341823", 9.0, None), ("341824", 1.0, 0.02)]
    assert part.whole.partial and part.whole.worst == ("", None) and whole.whole.worst == ("energy_tce", pytest.approx(11 / 150))
    sheet = openpyxl.load_workbook(io.BytesIO(screened.places_workbook(made, part, book()))).active
    assert [r[-1] for r in sheet.iter_rows(min_row=4, values_only=True)][:2] == [None, 0.02]


def test_whose_area_is_not_in_the_newest_screening_is_told_so(shown: dict[str, Any], sign_in: Any) -> None:
    Screening.objects.update(places=[r for r in shown["screening"].places if r[0] == "/elsewhere/"])
    assert "没有您范围内的单位" in sign_in("zhoumin").get("/screening/").content.decode()


def test_a_nation_goes_down_by_province_city_and_county() -> None:
    """Codes that the book does not know are read by GB/T 2260."""
    rows = [["/n/11/1101/110105/", "110105"], ["/n/11/1101/110106/", "110106"], ["/n/11/", "110000"], ["/n/34/341800/341823/", "341823"], ["/n/34/3401/340104/", "340104"]]
    made = Screening(places=[[*r, 10, 2, 2, 1, 1, 0, 0, {"energy_tce": n + 1.0}] for n, r in enumerate(rows)], totals={"energy_tce": {r[1]: 100.0 for r in rows}})
    nation = Scope(("/n/",))

    def codes(place: str | None, who: Scope = nation) -> list[tuple[str, int, float]]:
        table = screened.table_of(made, who, book(), place)
        assert table is not None
        return [(p.code, p.institutions, round(p.share("energy_tce"), 4)) for p in table.rows]

    assert codes(None) == codes("") == [("110000", 30, 0.02), ("340000", 20, 0.045)]
    assert codes("110000") == [("110000", 10, 0.03), ("110100", 20, 0.015)] and codes("110100") == [("110105", 10, 0.01), ("110106", 10, 0.02)]
    assert codes("340000") == [("340100", 10, 0.05), ("341800", 10, 0.04)]
    beijing = screened.table_of(made, Scope(("/n/11/",)), book())
    assert beijing is not None and beijing.place == "110000" and beijing.above == [] and screened.table_of(made, Scope(("/n/11/",)), book(), "") is None
    with speaking("en"):
        assert screened.table_of(made, nation, book()).name == "the nation"  # type: ignore[union-attr]


def test_it_says_when_the_snapshot_is_older_than_the_records(shown: dict[str, Any], sign_in: Any) -> None:
    SnapshotRecord.objects.filter(pk="s2022").update(cutoff=timezone.now().replace(year=2020))
    Screening.objects.update(rulebook="older")
    page = sign_in("zhoumin").get("/screening/").content.decode()
    assert "快照之后又有 48 份报表变动" in page and "快照比报表旧" in page and "规则库已更新" in page
    SnapshotRecord.objects.create(id="s2022b", year=2022, cutoff=timezone.now(), manifest_hash="m2", by=shown["people"]["zhoumin"])
    assert "初筛之后又封存过 2022 年的数" in sign_in("zhoumin").get("/screening/").content.decode()


def test_before_anything_was_screened_the_page_says_what_to_do(reviewed: dict[str, Any], sign_in: Any) -> None:
    assert "还没有封存的快照" in sign_in("zhoumin").get("/screening/").content.decode()
    SnapshotRecord.objects.create(id="s2022", year=2022, cutoff=timezone.now(), manifest_hash="m", by=reviewed["people"]["zhoumin"])
    assert "开始初筛" in sign_in("zhoumin").get("/screening/").content.decode() and "由管全部单位的" in sign_in("suncha").get("/screening/").content.decode()


def test_both_jobs_are_asked_for_and_a_bad_number_is_told(shown: dict[str, Any], sign_in: Any) -> None:
    zhou, pk = sign_in("zhoumin"), shown["screening"].pk
    for bad in ("0", "501", "x", "", "9" * 400):
        assert zhou.post(f"/screening/{pk}/review/", {"count": bad}, headers={"referer": "http://testserver/screening/"}).status_code in (302, 422) and not Job.objects.exists()
    assert zhou.post("/screening/run/", {"year": "2022"}).headers["Location"] == f"/jobs/{Job.objects.get(kind='screening').pk}/"
    assert zhou.post(f"/screening/{pk}/review/", {"count": "3"}).status_code == 302
    assert Job.objects.get(kind="candidates").args == {"screening": pk, "count": 3} and Job.objects.get(kind="screening").args == {"snapshot": "s2022"}
    assert "正在会审候选" in zhou.get("/screening/").content.decode()
    Job.objects.update(state="done", result={"screening": pk, "run": 1})
    assert f"/screening/?screening={pk}#reviewed" in zhou.get(f"/jobs/{Job.objects.get(kind='candidates').pk}/").content.decode()
    assert "初筛</a>" in zhou.get(url_of(shown)).content.decode() and "初筛" not in sign_in("wangli").get(url_of(shown)).content.decode()


def test_the_workbooks_hold_what_the_page_shows(shown: dict[str, Any], sign_in: Any) -> None:
    def rows(path: str) -> list[tuple[Any, ...]]:
        return list(openpyxl.load_workbook(io.BytesIO(sign_in("zhoumin").get(path).content)).active.iter_rows(min_row=4, values_only=True))

    pk = shown["screening"].pk
    places = rows(f"/screening/{pk}.xlsx")
    assert [(r[0], r[2], r[3], r[5], r[7]) for r in places] == [("市直", 1, 1, 1, 0), ("泾县", 2, 2, 1, 3), ("绩溪县", 1, 1, 0, 0), ("宣城市", 4, 4, 2, 3)]
    assert places[2][-1] == pytest.approx(0.005) and places[3][-2] == pytest.approx(0.0025)
    candidates = rows(f"/screening/{pk}/candidates.xlsx")
    assert [r[0] for r in candidates] == [1, 2, 3, 4] and candidates[0][4] == "2022-03" and candidates[0][6] == 4500
    assert [r[0] for r in rows(f"/screening/{pk}/candidates.xlsx?place=341823")] == [1, 3]
    assert [r[1] for r in rows(f"/screening/{pk}/findings.xlsx")] == ["示例第一小学", "绩溪示例中学"]
