"""The tags of every page: words, states, numbers and kinds of nothing, lists, fields, charts."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import engines
from django.test import RequestFactory
from django.utils.safestring import mark_safe

from jieneng.core.problem import Place, Problem
from jieneng.core.words import T, speaking
from jieneng.desk.templatetags.jn import chart, written


def page(text: str, address: str = "/", **context: Any) -> str:
    return engines["django"].from_string("{% load jn %}" + text).render(context, RequestFactory().get(address)).strip()


# ---- words ----

def test_t_speaks_the_language_in_force_and_escapes_its_arguments() -> None:
    text = '{% t "第 {n} 行 {who}" "row {n} {who}" n=3 who=who %}'
    assert page(text, who="<b>") == "第 3 行 &lt;b&gt;"
    with speaking("en"):
        assert page(text, who="<b>") == "row 3 &lt;b&gt;"
    assert page('{% t "见 {a}" "see {a}" a=link %}', link=mark_safe("<a>x</a>")) == "见 <a>x</a>"


def test_t_is_safe_inside_an_attribute() -> None:
    assert page("{% t 'a \"b\" <c>' 'x' %}") == "a &quot;b&quot; &lt;c&gt;"


def test_t_without_arguments_keeps_braces() -> None:
    assert page('{% t "{x}" "{x}" %}') == "{x}"


def test_said_takes_live_and_stored_texts() -> None:
    assert page("{{ a|said }}/{{ b|said }}/{{ c|said }}", a=T("电", "power"), b={"zh": "水", "en": "water"}, c=None) == "电/水/"
    with speaking("en"):
        assert page("{{ b|said }}", b={"zh": "水", "en": "water"}) == "water"


def test_lang_of_the_page() -> None:
    assert page("{% lang %}") == "zh-CN"
    with speaking("en"):
        assert page("{% lang %}") == "en"


def test_icon_is_decoration_from_the_own_sprite() -> None:
    assert page('{% icon "search" %}') == '<svg class="i" aria-hidden="true"><use href="/static/desk/icons.svg#i-search"/></svg>'
    assert "#i-point" in page('{% icon "no-such-icon" %}')


# ---- states and marks ----

def test_status_is_word_icon_and_style() -> None:
    text = page('{% status "returned" %}')
    assert "退回" in text and "#i-arrow-back-up" in text and 'class="st st-3"' in text
    with speaking("en"):
        assert "sent back" in page('{% status "returned" %}')


def test_status_takes_other_words_and_who_covers() -> None:
    assert "收报中" in page('{% status "provisional" words %}', words={"provisional": T("收报中", "open")})
    assert "由示例中心小学代报" in page('{% status "covered" by="示例中心小学" %}')


def test_proof_mark_with_count() -> None:
    assert "已核对 83" in page('{% mark "proved" 83 %}')
    assert "proof no" in page('{% mark "wrong" %}')


# ---- numbers ----

@pytest.mark.parametrize(("value", "places", "text"), [
    (1130, 0, "1,130"), (Decimal("60340.25"), 1, "60,340.2"), (Decimal("-3.8"), 1, "−3.8"), (Fraction(1, 3), 3, "0.333"),
    (Decimal("-0.04"), 1, "0.0"), (0, 0, "0"), ("1682.1", None, "1,682.1"), (Decimal("1E+3"), None, "1,000"), (0.1, None, "0.1"),
    (Decimal("999999999999.9999"), 4, "999,999,999,999.9999"),
])
def test_numbers_for_people(value: Any, places: int | None, text: str) -> None:
    assert written(value, places) == text


def test_number_filters() -> None:
    assert page("{{ a|num }} {{ b|num:1 }} {{ c|pct }} {{ d|signed }} {{ e|signed }} {{ f|signed }} {{ g|num }} {{ g|pct }}", a=1130,
                b=Decimal("8.14"), c=Fraction(912, 1000), d=Fraction(-38, 1000), e=Fraction(19, 1000), f=0, g=None) \
        == "1,130 8.1 91.2% −3.8% +1.9% 0.0% — —"


def test_a_number_opens_its_list_but_zero_does_not() -> None:
    assert '<a class="n" href="/x/?a=1&amp;b=2">1,130</a><span class="u">家</span>' in page('{% n 1130 url unit="家" %}', url="/x/?a=1&b=2")
    assert page('{% n 0 "/x/" %}') == '<span class="v-n z">0</span>'
    assert page('{% n nothing "/x/" %}') == '<span class="z">—</span>'


def test_kinds_of_nothing_differ() -> None:
    texts = [page("{% value v asked=asked %}", v=v, asked=a) for v, a in ((None, False), (None, True), (Decimal(0), True))]
    assert "没有要求填报" in texts[0] and "—" in texts[0]
    assert "未填" in texts[1] and "chip e" in texts[1]
    assert texts[2] == '<span class="v-n">0</span>'
    assert len(set(texts)) == 3


def test_unknown_says_why() -> None:
    text = page('{% unknown why %}', why="缺 3 家的面积")
    assert "算不出" in text and "缺 3 家的面积" in text


def test_days() -> None:
    late = dt.datetime(2022, 12, 31, 23, 30, tzinfo=dt.UTC)
    assert page("{{ a|day }} {{ b|day }} {{ b|moment }} {{ c|day }}", a=dt.date(2023, 1, 30), b=late, c=None) \
        == "2023-01-30 2023-01-01 2023-01-01 07:30 —"


# ---- lists ----

def test_sort_head_keeps_filters_and_turns_round() -> None:
    text = page('{% sort_head "tce" "能耗" "Energy" default="-tce" num=True %}', "/?area=341802&page=3")
    assert 'aria-sort="descending"' in text and 'class="num"' in text and "area=341802" in text and "page=" not in text and "sort=tce" in text
    assert 'aria-sort="none"' in page('{% sort_head "name" "单位" "Name" default="-tce" %}')
    assert 'aria-sort="ascending"' in page('{% sort_head "name" "单位" "Name" default="-tce" %}', "/?sort=name")


def test_pager_says_what_is_shown_and_keeps_filters() -> None:
    pages = Paginator(range(1130), 25)
    text = page("{% pager page sizes=True %}", "/?q=x&page=2", page=pages.page(2))
    assert "第 26–50 条，共 1,130 条" in text and "2 / 46" in text and "q=x&amp;page=3" in text and "per=100" in text
    assert 'aria-disabled="true"' in page("{% pager page %}", page=pages.page(1))
    assert "<nav" not in page("{% pager page %}", page=Paginator([1], 25).page(1))


def test_filter_bar_keeps_other_parameters_and_offers_clearing() -> None:
    filters = [{"name": "area", "label": "归口", "options": [("341802", "宣州区"), ("341822", "广德市")]}]
    text = page('{% filter_bar filters search="名称" %}', "/list/?area=341802&year=2022", filters=filters)
    assert '<option value="341802" selected>宣州区' in text and 'type="hidden" name="year" value="2022"' in text and 'href="/list/"' in text
    assert "清除条件" not in page("{% filter_bar filters %}", "/list/?year=2022", filters=filters)


# ---- forms ----

class Box(forms.Form):
    kwh = forms.CharField(label="电量", help_text="抄表数", widget=forms.TextInput(attrs={"data-unit": "kWh"}))
    note = forms.CharField(label="说明", required=False)


def test_field_ties_unit_help_and_error_to_the_box() -> None:
    form = Box({"kwh": ""})
    text = page("{% field form.kwh %}", form=form)
    assert 'aria-label="电量（kWh）"' in text and 'aria-describedby="id_kwh-help id_kwh-error"' in text and 'aria-invalid="true"' in text
    assert 'id="id_kwh-error"' in text and "<span aria-hidden=\"true\">kWh</span>" in text and 'class="inp"' in text
    assert "选填" in page("{% field form.note %}", form=form) and "选填" not in text


def test_error_summary_links_to_its_fields() -> None:
    text = page('{% include "desk/parts/error_summary.html" %}', form=Box({"kwh": ""}))
    assert 'role="alert"' in text and '<a href="#id_kwh">电量</a>' in text
    assert page('{% include "desk/parts/error_summary.html" %}', form=Box({"kwh": "1"})) == ""


def test_problem_list_has_its_parts_live_and_stored() -> None:
    problem = Problem("x", T("“3.2万”不是数", "not a number"), T("32,000", "32,000"), T("改后再传", "mend and resend"), Place(sheet="消费状况", cell="N7"))
    for p in (problem, problem.as_json()):
        text = page('{% include "desk/parts/problems.html" %}', problems=[p])
        for part in ("“3.2万”不是数", "应为", "32,000", "工作表 消费状况 单元格 N7", "改后再传"):
            assert part in text, part


@pytest.mark.parametrize(("state", "polls"), [("ready", True), ("running", True), ("done", False), ("failed", False)])
def test_progress_polls_only_while_it_runs(state: str, polls: bool) -> None:
    job = {"state": state, "done": 3210, "total": 13560, "message": {"zh": "已读", "en": "read"},
           "error": {"problems": [{"found": {"zh": "磁盘满了", "en": "disk full"}}]}}
    text = page('{% include "desk/parts/progress.html" with url="/jobs/1/" %}', job=job)
    assert ("hx-get" in text) is polls
    assert ("3,210 / 13,560" in text) is (state == "running")
    assert ("磁盘满了" in text) is (state == "failed")


# ---- charts ----

def test_chart_carries_its_table_and_says_its_finding() -> None:
    data = {"kind": "bars", "label": "能耗", "unit": "tce", "x": ["宣州区", "泾县"], "places": 1,
            "series": [{"name": "2022", "values": [Decimal("10540.25"), None]}]}
    text = page("{% chart data %}", data=data)
    assert "10,540.2" in text and "—" in text and 'aria-label="能耗（tce）2022：最大 宣州区 10,540.2' in text
    assert '"values": [10540.25, null]' in text


def test_chart_data_cannot_end_the_script() -> None:
    data = {"kind": "bars", "label": "</script><b>", "unit": "t", "x": ["</script>"], "series": [{"name": "a", "values": [1]}]}
    assert "</script><b>" not in page("{% chart data %}", data=data)


def test_chart_refuses_an_unknown_form() -> None:
    with pytest.raises(ValueError, match="pie"):
        chart({"kind": "pie", "label": "x", "unit": "", "x": [], "series": []})


# ---- pages without a context ----

@pytest.mark.parametrize("name", ["400.html", "403.html", "404.html", "500.html", "403_csrf.html"])
def test_error_pages_stand_without_context_and_in_both_languages(name: str) -> None:
    template = engines["django"].get_template(name)
    zh = template.render({})
    with speaking("en"):
        en = template.render({})
    assert 'lang="zh-CN"' in zh and 'lang="en"' in en and zh != en
    assert "Traceback" not in zh and "非涉密系统" in zh
