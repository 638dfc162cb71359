"""Any file on the page that teaches a layout: an answer in words, never a trace-back, nothing written but the file as received."""

from __future__ import annotations

import io
import os
from typing import Any

import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jieneng.exchange.models import LayoutVersion, PlatformRow
from jieneng.records.models import Event, Job
from jieneng.returns.models import Import, Revision

pytestmark = pytest.mark.django_db(transaction=True)
EXAMPLES = int(os.environ.get("JIENENG_FUZZ", "12"))
HEADS = st.sampled_from(["统一社会信用代码", "单位名称", "统计期", "电消费量（千瓦时）", "电消费量（万千瓦时）", "用水量(立方米)", "填报状态", "月份", "年度", "指标名称", "数值", "计量单位", "1月", "序号", "合计",
                         "=1+1", "", "　", "平台编号", "主管部门"])
CELLS = st.one_of(st.integers(-10**18, 10**18), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=12),
                  st.sampled_from(["12341823MB0000018A", "1234182 3MB000018A", "2022年3月", "202213", "１，２３４", "—", "合计", "未报", "1.23E+17", "<script>", "2022-02-30"]))
ROWS = st.lists(st.lists(st.one_of(HEADS, CELLS), max_size=9), max_size=8)
TABLES = st.tuples(st.lists(st.lists(HEADS, min_size=1, max_size=9), min_size=0, max_size=3), ROWS).map(lambda t: [*t[0], *t[1]])


def sheet(rows: list[list[Any]], merged: list[tuple[int, int, int, int]]) -> bytes:
    """A workbook with the rows on two sheets, some of it merged, a row and a column hidden."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        for name in ("甲", "乙"):
            page = book.add_worksheet(name)
            for at, row in enumerate(rows):
                for column, value in enumerate(row):
                    page.write(at, column, value) if isinstance(value, int | float) else page.write_string(at, column, value)
            taken: set[tuple[int, int]] = set()
            for top, left, down, right in merged:
                cells = {(r, c) for r in range(top, top + down + 1) for c in range(left, left + right + 1)}
                if len(cells) > 1 and not cells & taken:
                    taken |= cells
                    page.merge_range(top, left, top + down, left + right, "合并")
            page.set_row(2, None, None, {"hidden": True})
            page.set_column(1, 1, None, None, {"hidden": True})
    return out.getvalue()


def written() -> tuple[int, ...]:
    return (LayoutVersion.objects.count(), PlatformRow.objects.count(), Import.objects.count(), Revision.objects.count(), Job.objects.count(),
            Event.objects.exclude(verb__in=("file.receive", "files.receive", "sign_in")).count())


FILES = st.one_of(
    st.tuples(TABLES, st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6), st.integers(0, 2), st.integers(0, 3)), max_size=4)).map(lambda t: ("最终版(2).xlsx", sheet(*t))),
    TABLES.map(lambda rows: ("导出.csv", "\n".join(",".join(str(v).replace(",", "，").replace("\n", " ") for v in r) for r in rows).encode("gb18030", "replace"))),
    st.binary(max_size=400).map(lambda data: ("坏.xls", data)),
)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(file=FILES, chosen=st.lists(st.tuples(st.sampled_from(["role-c1", "role-c2", "role-c99", "unit-c3", "code-area-0", "role-n0"]),
                                             st.sampled_from(["skip", "item:electricity_kwh", "item:nothing", "kWh", "万kWh", "period", "<b>", "341823"])), max_size=4))
def test_the_guess_page_answers_any_file(file: tuple[str, bytes], chosen: list[tuple[str, str]], city: dict[str, Any], sign_in: Any) -> None:
    client = sign_in("zhoumin")
    before = written()
    learned = client.post(reverse("layouts"), {"file": SimpleUploadedFile(*file)})
    assert learned.status_code in (302, 422), learned.status_code
    if learned.status_code == 302:
        for answer in (client.get(learned.url), client.post(learned.url, {"code": "fuzz", "zh": "试", "verb": "try", **dict(chosen)})):
            assert answer.status_code in (200, 422), (answer.status_code, answer.content.decode()[:600])
            assert "Traceback" not in answer.content.decode() and "<script>" not in answer.content.decode()
    assert written() == before
