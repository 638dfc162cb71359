"""The pages of changes: a workbook goes in, what it would do is shown, problems by cell, then done; undone on the page of the change."""

from __future__ import annotations

import io
import re
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from openpyxl import load_workbook

from jieneng.people.models import Office
from jieneng.records.models import Event
from jieneng.registry import batchbook
from jieneng.registry.models import Change, Pair, Standing
from jieneng.returns.queries import book
from tests.people_by_name import HOSPITAL, JIXI_SCHOOL, SCHOOL_ONE, SCHOOL_TWO
from tests.registry.test_register import code

pytestmark = pytest.mark.django_db


def filled(*rows: dict[str, str]) -> SimpleUploadedFile:
    """The template as a county would fill it: heads found by their words, columns moved about."""
    made = load_workbook(io.BytesIO(batchbook.template(book(), list(Office.objects.all()))))
    sheet = made[batchbook.SHEET]
    sheet.insert_cols(3)
    sheet.insert_rows(1)
    heads = {batchbook.HEADS[batchbook.plain(str(c.value))]: c.column for c in sheet[4] if c.value}
    for n, row in enumerate(rows, 5):
        for field, value in row.items():
            sheet.cell(n, heads[field], value)
    out = io.BytesIO()
    made.save(out)
    return SimpleUploadedFile("名录变更(最终版2).xlsx", out.getvalue())


PAPER = {"since": "2022-09-01", "reason": "撤并", "document": "示例编办〔2022〕9号"}
GOOD = ({"kind": "合并", "key": SCHOOL_ONE, "present": "示例第一小学", "other": code(7), "name": "示例联合小学", **PAPER},
        {"kind": "合并", "key": SCHOOL_TWO, "other": code(7), "name": "示例联合小学", **PAPER},
        {"kind": "调整归口", "key": HOSPITAL, "office": "341823 泾县", **PAPER})


def text(response: Any) -> str:
    return unescape(response.content.decode())


def test_a_workbook_is_shown_first_and_done_after(city: dict[str, Any], sign_in: Any) -> None:
    client = sign_in("zhoumin")
    before = Standing.objects.count()
    shown = client.post(reverse("changes"), {"file": filled(*GOOD)})
    assert shown.status_code == 200 and Standing.objects.count() == before, text(shown)
    assert "示例联合小学" in text(shown) and "还没有办" in text(shown)
    packed = re.search(r'name="lines" value="([^"]+)"', shown.content.decode())
    assert packed is not None
    done = client.post(reverse("changes-apply"), {"lines": packed[1]})
    assert done.status_code == 302 and Change.objects.count() == 2 and Event.objects.filter(verb="register.batch").count() == 1
    assert Standing.objects.filter(institution__key=HOSPITAL).latest("since").area == "341823"
    assert client.post(reverse("changes-apply"), {"lines": packed[1]}).status_code != 302  # once is enough
    assert client.post(reverse("changes-apply"), {"lines": packed[1][:-3] + "AAA"}).status_code != 302  # what was not shown is not done


def test_what_cannot_be_done_names_its_cell_and_the_good_lines_go_in(city: dict[str, Any], sign_in: Any) -> None:
    client = sign_in("zhoumin")
    bad = ({"kind": "改名", "key": SCHOOL_TWO, **PAPER}, {"kind": "更名", "key": JIXI_SCHOOL, "name": "新", **PAPER, "since": "去年九月"},
           {"kind": "更名", "key": SCHOOL_ONE[:-1] + "9", "name": "新", **PAPER}, {"kind": "更名", "key": SCHOOL_ONE, "name": "示例中心小学", **PAPER})
    shown = text(client.post(reverse("changes"), {"file": filled(*bad)}))
    for cell, words in (("A5", "不在列表里"), ("E6", "不是日期"), ("B7", "名录里没有")):
        assert f"单元格 {cell}" in shown and words in shown, cell
    packed = re.search(r'name="lines" value="([^"]+)"', shown)
    assert packed is not None and "只办这 1 项" in shown
    assert client.post(reverse("changes-apply"), {"lines": packed[1], "good": "1"}).status_code == 302
    assert [s.name for s in Standing.objects.filter(change__isnull=False)] == ["示例中心小学"]


@pytest.mark.parametrize("data", [b"", b"not a workbook", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04xx"])
def test_a_file_that_is_no_list_of_changes_is_refused_in_words(city: dict[str, Any], sign_in: Any, data: bytes) -> None:
    response = sign_in("wangli").post(reverse("changes"), {"file": SimpleUploadedFile("变更.xlsx", data)})
    assert response.status_code == 422 and "没有读进来" in text(response) and Change.objects.count() == 0


def test_one_line_is_typed_and_taken_back_on_the_page(city: dict[str, Any], sign_in: Any) -> None:
    client = sign_in("wangli")
    typed = {"kind": "rename", "key": SCHOOL_ONE, "name": "<b>示例中心小学</b>", **PAPER}
    shown = client.post(reverse("changes"), typed)
    assert "<b>示例中心小学" not in shown.content.decode()
    client.post(reverse("changes-apply"), {"lines": re.search(r'name="lines" value="([^"]+)"', shown.content.decode())[1]})  # type: ignore[index]
    change = Change.objects.get()
    page = text(client.get(reverse("change", args=[change.pk])))
    assert "示例第一小学" in page and "撤回" in page
    assert client.post(reverse("change-undo", args=[change.pk]), {"since": "2022-10-01", "reason": "没有更名"}).status_code == 302
    assert Standing.objects.filter(institution__key=SCHOOL_ONE).latest("since").name == "示例第一小学"
    assert sign_in("heping").get(reverse("change", args=[change.pk])).status_code == 404
    wrong = client.post(reverse("changes"), {**typed, "reason": ""})
    assert wrong.status_code == 422 and SCHOOL_ONE in text(wrong)


def test_a_pair_that_is_one_leads_to_the_merger(city: dict[str, Any], sign_in: Any) -> None:
    client = sign_in("wangli")
    one, two = (city["institutions"][k] for k in (SCHOOL_ONE, SCHOOL_TWO))
    done = client.post(reverse("tidy"), {"first": one.pk, "second": two.pk, "verdict": "same", "reason": "同一法人"})
    assert done.status_code == 302 and "do=merge" in done.headers["Location"] and Pair.objects.get().same
    assert sign_in("heping").post(reverse("tidy"), {"first": one.pk, "second": two.pk, "verdict": "same", "reason": "x"}).status_code == 404


def test_the_list_of_changes_goes_out_and_old_names_are_found(city: dict[str, Any], sign_in: Any) -> None:
    client = sign_in("wangli")
    shown = client.post(reverse("changes"), {"kind": "rename", "key": SCHOOL_ONE, "name": "示例中心小学", **PAPER})
    client.post(reverse("changes-apply"), {"lines": re.search(r'name="lines" value="([^"]+)"', shown.content.decode())[1]})  # type: ignore[index]
    out = load_workbook(io.BytesIO(client.get(reverse("changes-xlsx")).content)).active
    assert list(next(out.iter_rows(min_row=4, max_row=4, values_only=True)))[:4] == ["2022-09-01", "更名", SCHOOL_ONE, "示例中心小学"]
    assert "示例中心小学" in text(client.get(reverse("register") + "?q=示例第一"))
