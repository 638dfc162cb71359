"""The reminder as a letter: who is addressed, what is missing, where it is entered; the list is its annex."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from typing import Any

import docx
import pytest
from django.urls import reverse

from jieneng.people.models import User
from jieneng.people.scope import scope
from jieneng.registry.models import Standing
from jieneng.reports import letters
from jieneng.returns.actions import act
from jieneng.returns.chase import queries
from jieneng.returns.models import Return, Round
from jieneng.returns.plan.actions import set_office
from jieneng.returns.plan.queries import plan_of
from tests.figures.make import file_all
from tests.people_by_name import HOSPITAL, JINGXIAN, JIXI, SCHOOL_ONE, SCHOOL_TWO, make_institution
from tests.returns.test_rounds import opened

pytestmark = pytest.mark.django_db


def text_of(data: bytes) -> str:
    made = docx.Document(io.BytesIO(data))
    return "\n".join([p.text for p in made.paragraphs] + [c.text for t in made.tables for r in t.rows for c in r.cells])


def letter(city: dict[str, Any], round_: Round, key: str, day: dt.date = dt.date(2023, 2, 1), who: str = "zhoumin") -> str:
    mine = scope(city["people"][who], "review")
    target = next(t for t in queries.targets(queries.units(mine, round_), mine, round_) if t.key == key)
    return text_of(letters.letter(round_, target, letters.Signed("宣城市机关事务管理部门", "周敏", "0563-3020000"), day))


def test_a_letter_says_who_is_missing_by_when_and_where_it_is_entered(city: dict[str, Any]) -> None:
    round_ = opened(city)
    said = letter(city, round_, f"office:{JINGXIAN}")
    assert "泾县机关事务管理部门：" in said and "泾县还有2家单位没有报完2022年度公共机构能源资源消费统计报表，其中未报2家（名单附后）。" in said
    assert "报送截止日为2023年2月28日。请督促有关单位登录国家平台填报。" in said and "2023年2月1日" in said and "未报完单位名单" in said and "示例第二小学" in said
    assert "绩溪" not in said and "退回" not in said
    assert "现已逾期" in letter(city, round_, f"office:{JINGXIAN}", dt.date(2023, 3, 2))
    set_office(city["people"]["zhoumin"], round_, city["offices"][JINGXIAN], mode="C", deadline=None)
    assert "在本级节能管理系统填报" in letter(city, round_, f"office:{JINGXIAN}") and plan_of(round_).mode(city["offices"][JIXI].path) == "A"
    assert "你单位2022年度" in letter(city, round_, f"unit:{HOSPITAL}") and "应报12份" in letter(city, round_, f"unit:{HOSPITAL}")


def test_what_was_sent_back_is_asked_for_in_its_own_words(city: dict[str, Any]) -> None:
    file_all(city, 2022, accept=False)
    act(city["people"]["zhoumin"], "send_back", Return.objects.filter(institution__key=SCHOOL_ONE, period="2022-03"), reason="再核")
    said = letter(city, Round.objects.get(year=2022), f"office:{JINGXIAN}")
    assert "示例第一小学2022年度公共机构能源资源消费统计报表退回，应报12份，已报11份" in said and "请督促该单位登录国家平台填报" in said and "核实无误的请写明原因" in said
    assert "附件" not in said and "名单" not in said, "one unit is named in the text: no second page"


def test_a_county_writes_to_its_own_units_and_the_office_signs_with_whom_to_ask(city: dict[str, Any], sign_in: Any) -> None:
    Standing.objects.filter(institution__key__in=(SCHOOL_ONE, SCHOOL_TWO)).update(office=city["offices"][JINGXIAN], department="")
    round_ = opened(city)
    said = letter(city, round_, f"own:{JINGXIAN}", who="wangli")
    assert "各有关单位：" in said and "泾县直属单位中还有2家单位没有报完" in said and "请登录国家平台填报。" in said and "示例第二小学" in said
    assert "已报送的，无需再报。" in said and "不必理会" not in said and "联系人：周敏　联系电话：0563-3020000" in said
    User.objects.filter(username="wangli").update(phone="0563-5100000")
    mine = text_of(sign_in("wangli").get(reverse("chase-letter", args=[round_.pk, f"own:{JINGXIAN}"])).content)
    assert "泾县机关事务管理部门" in mine and "联系人：汪立　联系电话：0563-5100000" in mine
    assert sign_in("heping").get(reverse("chase-letter", args=[round_.pk, f"own:{JINGXIAN}"])).status_code == 404
    make_institution("11341823MB0000099Q", "泾县机关事务管理中心", city["offices"][JINGXIAN], type="organ")
    named = text_of(sign_in("wangli").get(reverse("chase-letter", args=[round_.pk, f"own:{JINGXIAN}"])).content)
    assert "泾县机关事务管理中心" in named and "泾县机关事务管理部门" not in named, "the office's own name, as the register has it"


def test_the_page_gives_one_or_all_and_only_ones_own(city: dict[str, Any], sign_in: Any) -> None:
    round_ = opened(city)
    one = sign_in("zhoumin").get(reverse("chase-letter", args=[round_.pk, f"office:{JINGXIAN}"]))
    assert one.content[:2] == b"PK" and "宣城市" in text_of(one.content)
    assert sign_in("wangli").get(reverse("chase-letter", args=[round_.pk, f"office:{JIXI}"])).status_code == 404
    with zipfile.ZipFile(io.BytesIO(sign_in("zhoumin").get(reverse("chase-letters", args=[round_.pk])).content)) as z:
        assert {"催报函-泾县-2022.docx", "催报函-绩溪县-2022.docx"} <= set(z.namelist())
