"""The mess by itself: made the same each time, read the same from .xls, and advice about codes that nobody has."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.test.utils import CaptureQueriesContext

from jieneng.core.words import T
from jieneng.desk.example import messy
from jieneng.registry.actions import Entry, import_register
from jieneng.registry.likely import Likely, plain_name
from jieneng.returns.intake import guess_file, layout_text, parse_layout, read_file
from jieneng.returns.queries import book
from tests.people_by_name import SCHOOL_ONE
from tests.simulator import platform

OFFICE = shutil.which("soffice") or shutil.which("libreoffice")


def read(path: Path) -> dict[tuple[str, str], dict[str, Any]]:
    guess = guess_file(path, book(), form="consumption", name=path.name)
    layout = parse_layout(layout_text(guess, book(), form="consumption", code="x", title=T("x", "x")), "x.yaml")
    found = read_file(path, layout, book(), name=path.name)
    return {(d.identifier, str(d.period)): d.answers for d in found.drafts}


def test_the_mess_is_the_same_byte_for_byte(tmp_path: Path) -> None:
    p = platform()
    one, other = p.export(tmp_path / "a"), p.export(tmp_path / "b")
    assert [f.read_bytes() for f in one.files] == [f.read_bytes() for f in other.files] and one.slips == other.slips
    assert {s.kind for s in one.slips} == {"code-letter", "code-short", "code-number", "text-number", "name-former", "name-brackets", "totals-row",
                                           "hidden-row", "hidden-older-row", "county-twice"}


def test_an_old_xls_reads_to_the_same_values(tmp_path: Path) -> None:
    if not OFFICE:
        pytest.skip("LibreOffice is not installed: apt-get install libreoffice-calc-nogui")
    p = platform()
    p.rows = [r for r in p.rows if r.body.area != messy.NINGGUO]
    book_ = p.export(tmp_path).folder / messy.BOOK
    subprocess.run([OFFICE, f"-env:UserInstallation=file://{tmp_path}/profile", "--headless", "--convert-to", "xls", "--outdir", str(tmp_path / "xls"), str(book_)],
                   check=True, capture_output=True, timeout=180)
    old = next((tmp_path / "xls").glob("*.xls"))
    new = read(book_)
    assert read(old) == new and len(new) > 300


def test_a_sheet_that_heads_no_known_unit_is_named_and_not_left_out_in_silence(tmp_path: Path) -> None:
    """A layout that knows electricity in two units does not read a third sheet without it."""
    p = platform()
    path = p.export(tmp_path).folder / messy.BOOK
    guess = guess_file(path, book(), form="consumption", name=path.name)
    assert guess.alike == ["泾县", "绩溪县", "旌德县"]
    text = layout_text(guess, book(), form="consumption", code="x", title=T("x", "x")).replace("（万千瓦时）", "（兆瓦时）").replace("unit: 万千瓦时", "unit: MWh")
    found = read_file(path, parse_layout(text, "x.yaml"), book(), name=path.name)
    told = [q for q in found.problems if q.where.sheet == "绩溪县"]
    assert len(told) == 1 and "电/消费量" in str(told[0].found) and "万千瓦时" in str(told[0].expected)


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [SCHOOL_ONE.replace("MB0", "MBO", 1), SCHOOL_ONE[:9] + SCHOOL_ONE[10:], SCHOOL_ONE[:5] + "9" + SCHOOL_ONE[6:]])
def test_a_code_one_slip_away_is_advised_and_not_taken(city: dict[str, Any], wrong: str) -> None:
    likely = Likely("/341800/")
    assert likely.key(wrong, "示例第一小学") == SCHOOL_ONE and SCHOOL_ONE in str(likely.advice(wrong, "示例第一小学"))


@pytest.mark.django_db
def test_advice_names_nobody_outside_the_office_and_nobody_when_two_fit(city: dict[str, Any]) -> None:
    assert Likely("/341800/341824/").key(SCHOOL_ONE.replace("MB0", "MBO", 1), "示例第一小学") == ""
    assert Likely("/341800/").key("91340000000000000X", "没有的单位") == ""
    assert plain_name("示例中学（东 校区）") == plain_name("示例中学(东校区)")


@pytest.mark.django_db
def test_a_register_comes_in_by_few_statements_and_again_changes_nothing(city: dict[str, Any]) -> None:
    from django.db import connection

    from jieneng.desk.example.codes import credit_code

    zhou, root = city["people"]["zhoumin"], city["offices"]["341800"]
    rows = [Entry(credit_code("12", "341823", f"9900{n:04}"), "uscc", f"示例第{n}站", city_day(n), "341823", type="education", aliases=(("platform", f"P{n}"),),
                  contact=("张三", "办公室", "0563-1")) for n in range(300)]
    with CaptureQueriesContext(connection) as first:
        done = import_register(zhou, rows, office=root, types=book().types)
    assert (done.new, done.changed, done.problems) == (300, 0, []) and len(done.standings) == 300 and all(s.pk for s in done.standings)
    assert len(first) < 40
    # twice in one file: a later day is a change, another name on the same day is told
    later, same_day = replace(rows[0], name="示例新站", since=city_day(0).replace(year=2021)), replace(rows[1], name="别的名字")
    done = import_register(zhou, [*rows, later, same_day], office=root, types=book().types)
    assert (done.new, done.changed, done.same, [q.code for q in done.problems]) == (0, 1, 300, ["register.same_day"])


def city_day(n: int) -> Any:
    import datetime as dt

    return dt.date(2020, 1, 1) + dt.timedelta(days=n % 3)
