"""The printed return and its code: the same, an older revision, altered, unknown; what is printed blank where it is not known; the stamped scan."""

from __future__ import annotations

import datetime as dt
import io
import re
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from jieneng.filling import actions
from jieneng.filling.sheet import CODE, qr, sheet_of, verify
from jieneng.filling.sheet_pages import rows_of, spaced
from jieneng.people.scope import scope
from jieneng.registry.models import Contact, Voucher
from jieneng.returns import actions as returns
from jieneng.returns import behalf
from jieneng.returns.models import Return, Revision
from jieneng.returns.queries import book
from tests.filling.make import good_values, open_year, the_year
from tests.people_by_name import SCHOOL_ONE

pytestmark = pytest.mark.django_db
WANG = "wangxiuying"


@pytest.fixture
def filed(city: dict[str, Any]) -> Any:
    """A school's year, filed month by month in one go."""
    year = the_year(city, open_year(city, last_year=False))
    actions.save(city["people"][WANG], year.round, year.institution, good_values(year), seen=0)
    actions.file(city["people"][WANG], year.round, year.institution, year.periods, seen=1)
    return year


def look(city: dict[str, Any], code: str, who: str = "wangli") -> Any:
    person = city["people"][who]
    return verify(code, scope(person, "see"), person)


def correct_march(city: dict[str, Any], year: Any) -> None:
    returns.act(city["people"]["wangli"], "send_back", Return.objects.filter(round=year.round, institution=year.institution, period="2022-03"), reason="抄错")
    actions.save(city["people"][WANG], year.round, year.institution, {"2022-03.water_m3": "12"}, seen=1)
    actions.file(city["people"][WANG], year.round, year.institution, ["2022-03"], seen=2)


def test_the_code_carries_return_revision_and_content(city: dict[str, Any], filed: Any) -> None:
    sheet = sheet_of(filed.round, filed.institution)
    assert sheet is not None and CODE.fullmatch(sheet.code) and f"-{filed.round.pk}-{filed.institution.pk}-1+12:1-" in sheet.code
    assert sheet_of(filed.round, filed.institution).code == sheet.code  # type: ignore[union-attr]
    assert look(city, sheet.code).kind == "same" and look(city, f" {sheet.code.lower()} ").kind == "same"
    assert "style=" not in qr(sheet.code) and "<path" in qr(sheet.code)
    correct_march(city, filed)
    verdict = look(city, sheet.code)
    assert verdict.kind == "older" and [(p, i, str(a), str(b)) for p, i, a, b in verdict.changes] == [("2022-03", "water_m3", "10", "12")]
    again = sheet_of(filed.round, filed.institution)
    assert "-1+2:1.3:2.4+12:1-" in again.code and look(city, again.code).kind == "same"  # type: ignore[union-attr]


def test_what_was_altered_and_what_is_unknown(city: dict[str, Any], filed: Any) -> None:
    code = sheet_of(filed.round, filed.institution).code  # type: ignore[union-attr]
    assert look(city, code[:-1] + ("0" if code[-1] != "0" else "1")).kind == "altered"
    assert look(city, code.replace("1+12:1", "1+12:9")).kind == "altered" and look(city, code.replace("1+12:1", "1+99:1")).kind == "altered"
    for text in ("", "JN1-1-1", "JN1-999-1-1:1-" + "0" * 32, "x" * 500):
        assert look(city, text).kind == "unknown"
    for stranger in ("heping", "lihui", "luren"):  # as if it had never been
        assert look(city, code, stranger).kind == "unknown" and look(city, code, stranger).sheet is None
    row = Revision.objects.get(ret__round=filed.round, ret__period="2022-05")
    Revision.objects.filter(pk=row.pk).update(answers={**row.answers, "water_m3": "1"})
    verdict = look(city, code)
    assert verdict.kind == "altered" and "绕过系统" in str(verdict.why)


def test_the_sheet_prints_what_is_known_and_leaves_the_rest_blank(city: dict[str, Any], filed: Any, sign_in: Any) -> None:
    url = reverse("sheet", args=[filed.round.pk, filed.institution.pk])
    page = sign_in("wangli").get(url).content.decode()
    assert "国管节能〔2022〕301号" in page and "批准文号" in page and "示例第一小学" in page and "王秀英" in page and SCHOOL_ONE in page
    assert re.search(r"批准机关</dt><dd>　</dd>", page) and "12,120" in page
    code = sheet_of(filed.round, filed.institution).code  # type: ignore[union-attr]
    parts = spaced(code)
    assert all(f'<span class="nw">{p}</span>' in page for p in parts) and look(city, " ".join(parts)).kind == "same"  # typed as it is printed
    upload = SimpleUploadedFile("盖章.pdf", b"%PDF-1.4 stamped")
    assert sign_in("linjian").post(url, {"file": upload}).status_code in (403, 422) and not Voucher.objects.exists()
    assert sign_in(WANG).post(url, {"file": SimpleUploadedFile("盖章.pdf", b"%PDF-1.4 stamped")}).status_code == 302
    assert Voucher.objects.get().kind == "stamped_return" and "和现在的报表一致" in sign_in(WANG).get(url).content.decode()
    correct_march(city, filed)
    assert "请重新打印盖章" in sign_in(WANG).get(url).content.decode()
    code = Voucher.objects.get().label.rpartition(" ")[2]
    checked = sign_in("wangli").get(reverse("verify"), {"code": code}).content.decode()
    assert "旧版" in checked and "打印以后改过的" in checked
    assert "查不到" in sign_in("heping").get(reverse("verify"), {"code": code}).content.decode()


def test_nothing_filed_nothing_to_print(city: dict[str, Any], sign_in: Any) -> None:
    year = the_year(city, open_year(city, last_year=False))
    assert sign_in(WANG).get(reverse("sheet", args=[year.round.pk, year.institution.pk])).status_code == 422


def command(code: str) -> dict[str, Any]:
    import argparse

    from jieneng.desk.commands import Out
    from jieneng.desk.commands.sheets import verify_sheet

    return verify_sheet(argparse.Namespace(code=code, as_user="wangli"), Out())


def test_the_command_says_the_same(city: dict[str, Any], filed: Any, capsys: Any) -> None:
    code = sheet_of(filed.round, filed.institution).code  # type: ignore[union-attr]
    assert command(code)["exit"] == 0
    correct_march(city, filed)
    told = command(code)
    assert told["verdict"] == "older" and told["exit"] == 1 and told["changes"][0]["now"] == "12" and "旧版" in capsys.readouterr().out


def on_behalf(city: dict[str, Any], year: Any) -> None:
    ret = Return.objects.get(round=year.round, institution=year.institution, period="2022-03")
    behalf.change(city["people"]["wangli"], book(), ret, [("water_m3", "55")], reason="更正", word="校长李某", confirmed_on=dt.date(2023, 1, 20), voucher=(io.BytesIO(b"%PDF-1.4 x"), "a.pdf"))


def test_nobody_signs_what_was_entered_after_he_signed(city: dict[str, Any], filed: Any, sign_in: Any, capsys: Any) -> None:
    before = sheet_of(filed.round, filed.institution)
    assert before is not None and before.filing is not None and before.unsigned == []
    on_behalf(city, filed)
    sheet = sheet_of(filed.round, filed.institution)
    assert sheet is not None and sheet.answers["2022-03"]["water_m3"] == Decimal(55)
    assert sheet.filing is None and sheet.unsigned == ["2022-03"] and sheet.filings["2022-04"].number == 1
    page = sign_in("wangli").get(reverse("sheet", args=[filed.round.pk, filed.institution.pk])).content.decode()
    assert "填表人：<u>　　　　</u>" in page and "1—2、4—12 月：第 1 次报送，填表人 王秀英 签名" in page and "3 月：代改（代录），未签名" in page
    verdict = look(city, sheet.code)
    assert verdict.kind == "same" and "3 月 代改（代录），未签名" in sign_in("wangli").get(reverse("verify"), {"code": sheet.code}).content.decode()
    assert look(city, before.code).kind == "older" and look(city, before.code).sheet.filing.number == 1
    told = command(sheet.code)
    assert told["unsigned"] == ["2022-03"] and told["exit"] == 0 and "没有签名" in capsys.readouterr().out


def test_months_filed_apart_say_who_filed_which(city: dict[str, Any], sign_in: Any) -> None:
    year = the_year(city, open_year(city, last_year=False))
    actions.save(city["people"][WANG], year.round, year.institution, good_values(year), seen=0)
    for periods in (year.periods[:2], year.periods[2:]):
        actions.file(city["people"][WANG], year.round, year.institution, periods, seen=1)
    sheet = sheet_of(year.round, year.institution)
    assert sheet is not None and sheet.filing is None and sheet.unsigned == [] and [f.number for f in sheet.different] == [1, 2]
    page = sign_in(WANG).get(reverse("sheet", args=[year.round.pk, year.institution.pk])).content.decode()
    assert "1—2 月：第 1 次报送" in page and "3—12 月：第 2 次报送" in page
    first = sheet.different[0]
    type(first).objects.filter(pk=first.pk).update(signed=[["filler", "别人", "x", ""]])  # a name changed past the system is seen, in whichever filing
    assert look(city, sheet.code).kind == "altered"


def test_a_year_that_lacks_a_month_is_unknown_and_says_how_many(city: dict[str, Any], filed: Any, sign_in: Any) -> None:
    row = Revision.objects.get(ret__round=filed.round, ret__period="2022-05")
    Revision.objects.filter(pk=row.pk).update(answers={**row.answers, "water_m3": None, "people": "113"})
    sheet = sheet_of(filed.round, filed.institution)
    assert sheet is not None
    rows = {x["number"]: x for x in rows_of(sheet)}
    water, people, gas = (rows[sheet.shape.entries[i].number] for i in ("water_m3", "people", "gas_m3"))
    assert water["whole"] is None and water["missing"] == 1 and gas["whole"] is not None and gas["missing"] == 0
    assert people["whole"] == 102  # eleven months of 101 and one of 113: the mean, as in every figure
    page = sign_in(WANG).get(reverse("sheet", args=[filed.round.pk, filed.institution.pk])).content.decode()
    assert "缺 1 个月" in page and ">102</td>" in page and ".0000" not in page
    Return.objects.filter(round=filed.round, period="2022-12", institution=filed.institution).update(revision=0, state="draft")
    part = sheet_of(filed.round, filed.institution)
    assert part is not None and {x["missing"] for x in rows_of(part) if x["number"] == gas["number"]} == {1}


def test_names_and_numbers_of_people_are_for_who_works_with_the_unit(city: dict[str, Any], filed: Any, sign_in: Any) -> None:
    Contact.objects.create(institution=filed.institution, role="statistics", name="王秀英", phone="0563-5550123", since=dt.date(2022, 1, 1))
    url = reverse("sheet", args=[filed.round.pk, filed.institution.pk])
    for who, inside in (("wangli", True), (WANG, True), ("zhengkao", False), ("linjian", False), ("suncha", False)):
        page = sign_in(who).get(url).content.decode().partition('class="a4')[2]
        assert ("0563-5550123" in page, "王秀英" in page, "（已签名）" in page) == (inside, inside, not inside), who
    on_behalf(city, filed)
    for who, inside in (("wangli", True), ("linjian", False)):
        page = sign_in(who).get(url).content.decode().partition('class="a4')[2]
        assert ("校长李某" in page, "王秀英" in page) == (inside, inside) and "第 1 次报送" in page, who
