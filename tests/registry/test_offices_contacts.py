"""The tree of offices changes by day and paper; names and numbers are seen by those who need them and by nobody else."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from django.urls import reverse
from openpyxl import load_workbook

from jieneng.core.problem import Refused
from jieneng.people.models import Office
from jieneng.people.scope import Scope
from jieneng.records.models import Event
from jieneng.registry import contacts, offices, queries
from jieneng.registry.contacts import Person
from jieneng.registry.models import Contact, OfficeChange, Standing
from tests.people_by_name import JIXI_SCHOOL, PEOPLE, SCHOOL_ONE

pytestmark = pytest.mark.django_db
DAY, PAPER = dt.date(2022, 9, 1), ("机构改革", "示例编办〔2022〕3号")


def test_a_township_is_added_under_its_county_and_counted(city: dict[str, Any]) -> None:
    wang, county = city["people"]["wangli"], city["offices"]["341823"]
    town = offices.add(wang, county, "341823100", "示例镇", "township", DAY, *PAPER)
    Standing.objects.filter(institution__key=SCHOOL_ONE).update(office=town)
    nodes = {n.office.code: n for n in queries.tree(("/341800/",), DAY)}
    assert (nodes["341823100"].own, nodes["341823"].own, nodes["341823"].whole, nodes["341800"].whole) == (1, 0, 2, 4)
    assert [n.depth for n in queries.tree((county.path,), DAY)] == [0, 1, 1]
    assert OfficeChange.objects.get().document == PAPER[1] and Event.objects.filter(verb="office.add", object_id="341823100").exists()


def test_renaming_a_department_gives_its_institutions_the_name_from_that_day(city: dict[str, Any]) -> None:
    office = city["offices"]["341823-jyj"]
    offices.rename(city["people"]["zhoumin"], office, "教育体育局", DAY, *PAPER)
    assert Office.objects.get(pk=office.pk).name == "教育体育局"
    rows = queries.standings(DAY).filter(office=office)
    assert {s.department for s in rows} == {"教育体育局"} and {s.department for s in queries.standings(DAY - dt.timedelta(days=1)).filter(office=office)} == {"教育局"}
    with pytest.raises(Refused, match="更晚"):
        offices.rename(city["people"]["zhoumin"], office, "教体局", DAY, *PAPER)


def test_an_office_moves_inside_its_area_with_all_below(city: dict[str, Any]) -> None:
    zhou, county = city["people"]["zhoumin"], city["offices"]["341823"]
    town = offices.add(zhou, county, "341823100", "示例镇", "township", DAY, *PAPER)
    moved = offices.move(zhou, city["offices"]["341823-jyj"], town, DAY, *PAPER)
    assert moved.path == "/341800/341823/341823100/341823-jyj/"
    assert queries.seen(Scope(lines=(town.path,)), DAY).count() == 2
    with pytest.raises(Refused, match="不在同一个统计归口"):
        offices.move(zhou, moved, city["offices"]["341824"], DAY, *PAPER)
    with pytest.raises(Refused):
        offices.move(zhou, town, moved, DAY, *PAPER)


def test_an_office_in_use_is_not_closed(city: dict[str, Any]) -> None:
    zhou = city["people"]["zhoumin"]
    with pytest.raises(Refused, match="2 家单位"):
        offices.close(zhou, city["offices"]["341823-jyj"], DAY, *PAPER)
    town = offices.add(zhou, city["offices"]["341823"], "341823100", "示例镇", "township", DAY, *PAPER)
    assert not offices.close(zhou, town, DAY, *PAPER).active
    with pytest.raises(Refused, match="已经有了"):
        offices.add(zhou, city["offices"]["341823"], "341823100", "示例镇", "township", DAY, *PAPER)


@pytest.mark.parametrize("more", [{"code": "a b"}, {"name": ""}, {"kind": "county"}, {"since": dt.date(2999, 1, 1)}, {"reason": ""}, {"document": " "}, {"name": "教育局"}])
def test_what_no_office_can_be(city: dict[str, Any], more: dict[str, Any]) -> None:
    given = {"code": "341823101", "name": "示例局", "kind": "department", "since": DAY, "reason": PAPER[0], "document": PAPER[1], **more}
    with pytest.raises(Refused):
        offices.add(city["people"]["zhoumin"], city["offices"]["341823"], **given)
    with pytest.raises(Refused):
        offices.add(city["people"]["heping"], city["offices"]["341823"], "341823101", "示例局", "department", DAY, *PAPER)


def test_whoever_takes_over_ends_who_was_before(city: dict[str, Any]) -> None:
    school, wang = city["institutions"][SCHOOL_ONE], city["people"]["wangxiuying"]
    contacts.set_contact(wang, school, Person("liaison", "示例甲", "总务处", "0563-5020001"), dt.date(2021, 1, 1))
    contacts.set_contact(city["people"]["wangli"], school, Person("liaison", "示例乙", "总务处", "0563-5020001"), DAY)
    assert list(Contact.objects.values_list("name", "until").order_by("pk")) == [("示例甲", dt.date(2022, 8, 31)), ("示例乙", None)]
    with pytest.raises(Refused, match="早于"):
        contacts.set_contact(wang, school, Person("liaison", "示例丙"), dt.date(2022, 1, 1))
    for bad in (Person("chief", "甲"), Person("liaison", " "), Person("liaison", "甲", phone="call me"), Person("liaison", "甲", phone="12")):
        with pytest.raises(Refused):
            contacts.set_contact(wang, school, bad, DAY)
    with pytest.raises(Refused):
        contacts.set_contact(city["people"]["heping"], school, Person("liaison", "外人"), DAY)


SECRETS = ("示例保密姓名", "0563-7654321")
NEED = {"zhoumin", "wangli", "chengang", "wangxiuying"}


@pytest.mark.parametrize("who", PEOPLE)
def test_names_and_numbers_are_found_by_those_who_need_them_only(city: dict[str, Any], sign_in: Any, who: str) -> None:
    school = city["institutions"][SCHOOL_ONE]
    contacts.set_contact(city["people"]["zhoumin"], school, Person("liaison", SECRETS[0], "总务处", SECRETS[1]), DAY)
    client, pk = sign_in(who), school.pk
    for name, args in (("register", []), ("institution", [pk]), ("liaison", []), ("liaison-handover", [pk]), ("events", []), ("changes", []), ("offices", []), ("papers", [])):
        text = client.get(reverse(name, args=args)).content.decode()
        for secret in SECRETS:
            assert secret not in text or who in NEED, (name, secret)
    assert (SECRETS[1] in client.get(reverse("liaison-handover", args=[pk])).content.decode()) == (who in NEED)
    assert not any(s in str(e.data) for s in SECRETS for e in Event.objects.all())


def cells(response: Any) -> str:
    return " ".join(str(c) for row in load_workbook(io.BytesIO(response.content)).active.iter_rows(values_only=True) for c in row if c)


def test_exports_leave_them_out_unless_asked_and_asking_is_an_event(city: dict[str, Any], sign_in: Any) -> None:
    contacts.set_contact(city["people"]["zhoumin"], city["institutions"][SCHOOL_ONE], Person("liaison", SECRETS[0], "总务处", SECRETS[1]), DAY)
    client = sign_in("wangli")
    for name in ("liaison-xlsx", "register-xlsx"):
        assert not any(s in cells(client.get(reverse(name))) for s in SECRETS), name
    with_numbers = cells(client.post(reverse("liaison-xlsx")))
    assert all(s in with_numbers for s in SECRETS) and Event.objects.filter(verb="contact.export").count() == 1
    assert not any(s in cells(sign_in("heping").post(reverse("liaison-xlsx"))) for s in SECRETS)
    assert sign_in("wangxiuying").post(reverse("liaison-xlsx")).status_code == 403


def test_a_sensitive_unit_shows_totals_only_to_those_who_look_on(city: dict[str, Any], sign_in: Any) -> None:
    Standing.objects.filter(institution__key=JIXI_SCHOOL).update(sensitive=True, territory="341825")
    pk = city["institutions"][JIXI_SCHOOL].pk
    for who in ("zhoumin", "wusheng", "suncha"):
        page = sign_in(who).get(reverse("institution", args=[pk])).content.decode()
        assert "旌德县" not in page.split("<main")[1].split("</main")[0], who
        assert "只看年度合计" in page or who == "zhoumin"
    assert "旌德县" not in cells(sign_in("zhoumin").get(reverse("register-xlsx")))
    assert "绩溪示例中学" not in sign_in("wusheng").get(reverse("register") + "?territory=341825").content.decode().split("<main")[1]
