"""Tags and filters of every page: two languages, icons, states, numbers, forms, lists, charts.

They know how things look and nothing of the rooms (``rooms.py`` knows those). Every human text comes in both languages.

Words and icons   {% t "中文 {n}" "English {n}" n=3 %}  {% lang %}  {% icon "search" %}  {% status "returned" %}  {% mark "proved" %}
Numbers           {{ n|num }} {{ x|num:1 }} {{ x|pct:1 }} {{ x|signed:1 }}  {% n value url places=1 unit="tce" %}
                  {% value v places=0 unit="m²" asked=True %}  {% unknown "缺 3 家的面积" %}
Days              {{ d|day }} 2023-01-30   {{ d|moment }} 2023-01-30 09:30
Lists             {% sort_head "tce" "能耗" "Energy" default="-tce" num=True %}  {% pager page sizes=True %}  {% filter_bar filters %}
Forms             {% field bound_field %}  {% include "desk/parts/error_summary.html" %}
Charts            {% chart data %}
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

from django import template
from django.forms import BoundField
from django.forms.widgets import CheckboxInput, RadioSelect
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import conditional_escape, escape, format_html, json_script
from django.utils.safestring import SafeString, mark_safe

from jieneng.core.amount import decimal_of
from jieneng.core.words import T, language

register = template.Library()
SPRITE = Path(__file__).resolve().parents[1] / "static" / "desk" / "icons.svg"
Number = int | Decimal | Fraction | str | float


# ---- words and icons ----

@register.simple_tag
def t(zh: str, en: str, **args: Any) -> SafeString:
    """A text in the language in force. Arguments are escaped, except those that already are markup.

    Numbers are printed as they are: write ``n=total|num`` for thousands separators, ``y=year`` for none.
    """
    text = T(zh, en)
    chosen = escape(text.zh if language() == "zh" else text.en)  # always: texts are no markup, and stand in attributes too
    filled = chosen.format(**{k: conditional_escape(v) for k, v in args.items()}) if args else chosen
    return mark_safe(filled)  # noqa: S308  text and arguments were escaped above


@register.simple_tag
def lang() -> str:
    """The value of ``lang=`` for the page."""
    return "zh-CN" if language() == "zh" else "en"


@register.filter
def said(text: Any) -> str:
    """A text of two languages, live (``T``) or stored (``{"zh": …, "en": …}``), in the one in force."""
    if isinstance(text, Mapping):
        return str(text.get(language()) or text.get("zh") or "")
    return "" if text is None else str(text)


@register.filter
def words(text: str) -> list[str]:
    """``{% for v in "a b c"|words %}``."""
    return text.split()


@register.filter
def place(where: Any) -> str:
    """Where a problem sits, in words: 工作表 消费状况 单元格 N7, 第 3 行. Takes a ``Place`` or its JSON."""
    if not where:
        return ""
    parts = where if isinstance(where, Mapping) else vars(where)
    words = [str(parts.get("file") or "")]
    if parts.get("line"):
        words.append(str(T("第 {n} 行", "line {n}", n=parts["line"])))
    if parts.get("sheet"):
        words.append(str(T("工作表 {s}", "sheet {s}", s=parts["sheet"])))
    if parts.get("cell"):
        words.append(str(T("单元格 {c}", "cell {c}", c=parts["cell"])))
    if parts.get("field"):
        words.append(str(parts["field"]))
    return " ".join(w for w in words if w)


@cache
def icon_names() -> frozenset[str]:
    """The icons in the sprite."""
    return frozenset(re.findall(r'<symbol id="i-([a-z0-9-]+)"', SPRITE.read_text(encoding="utf-8")))


@register.simple_tag
def icon(name: str, large: bool = False) -> SafeString:
    """An icon of the sprite, for decoration beside a word; an unknown name gives a point."""
    shown = name if name in icon_names() else "point"
    return format_html('<svg class="i{}" aria-hidden="true"><use href="{}#i-{}"/></svg>',
                       " i-l" if large else "", static("desk/icons.svg"), shown)


STATUS: dict[str, tuple[T, str, str]] = {
    # returns
    "expected": (T("未报", "not filed"), "circle-dashed", "st-0"),
    "draft": (T("填报中", "being filled in"), "pencil", "st-1"),
    "filed": (T("已报", "filed"), "send", "st-2"),
    "returned": (T("退回", "sent back"), "arrow-back-up", "st-3"),
    "dept_ok": (T("部门已审", "reviewed by department"), "check", "st-4"),
    "county_ok": (T("县级已审", "reviewed by county"), "checks", "st-4"),
    "accepted": (T("市级已审", "accepted by city"), "checks", "st-4"),
    "signed": (T("已审定", "signed off"), "lock", "st-5"),
    "exempt": (T("免报", "exempt"), "minus", "st-1"),
    "covered": (T("代报", "covered by another"), "replace", "st-1"),
    # beside a state, never instead of it
    "provisional": (T("暂定", "provisional"), "hourglass", "st-3"),
    "overdue": (T("逾期", "overdue"), "clock-exclamation", "st-x"),
    # findings
    "must": (T("错误", "error"), "alert-octagon", "st-e"),
    "explain": (T("需核实", "to verify"), "message-2-question", "st-3"),
    "note": (T("提示", "note"), "info-circle", "st-2"),
    # long tasks
    "ready": (T("排队中", "waiting"), "hourglass", "st-1"),
    "running": (T("进行中", "under way"), "loader", "st-2"),
    "done": (T("完成", "done"), "circle-check", "st-5"),
    "failed": (T("没有办成", "not done"), "alert-octagon", "st-e"),
}
"""UI.md 7: one word, one icon, one style for each state; no synonyms."""

MARKS: dict[str, tuple[T, str, str]] = {
    "proved": (T("已核对", "proved"), "rosette-discount-check", ""),
    "entered": (T("人工填写", "entered by hand"), "user-edit", "ext"),
    "unproved": (T("缺依据", "unproved"), "alert-triangle", "ext"),
    "kept": (T("经同意保留", "kept by consent"), "user-check", ""),
    "wrong": (T("算式不符", "arithmetic does not agree"), "alert-octagon", "no"),
    "provisional": (T("暂定", "provisional"), "hourglass", "ext"),
}
"""Proof marks (UI.md 6). Only ``wrong`` blocks."""


@register.simple_tag
def status(state: str, words: Mapping[str, Any] | None = None, by: str = "") -> SafeString:
    """The badge of a state. ``words`` may rename states of one room; ``by`` names who covers (由×××代报)."""
    label, name, tone = STATUS.get(state, (T(state, state) if state else T("—", "—"), "point", "st-1"))
    if words and state in words:
        label = words[state]
    if state == "covered" and by:
        label = T("由{by}代报", "covered by {by}", by=by)
    return format_html('<span class="st {}">{}{}</span>', tone, icon(name), label)


@register.simple_tag
def mark(kind: str, count: int | None = None) -> SafeString:
    """A proof mark, with a count if given: 已核对 83."""
    label, name, tone = MARKS[kind]
    return format_html('<span class="proof {}">{}{}{}</span>', tone, icon(name), label, "" if count is None else f" {count:,}")


# ---- numbers ----

def written(value: Number, places: int | None = 0) -> str:
    """A number for people: thousands separators, U+2212 for minus, fixed places (half-even).

    ``places=None`` prints what is there, no more and no fewer decimals (a Fraction needs places).
    """
    if isinstance(value, float):
        value = Decimal(repr(value))
    elif isinstance(value, str):
        value = Decimal(value)
    if places is None:
        text = f"{value:,f}" if isinstance(value, Decimal) else f"{value:,}"
    else:
        text = f"{decimal_of(Fraction(value), places):,.{places}f}"
    if text.startswith("-"):
        text = text[1:] if not text.strip("-0.,") else "−" + text[1:]
    return text


def _empty(value: Any) -> bool:
    return value is None or value == ""


@register.filter
def num(value: Any, places: int | None = 0) -> str:
    """``{{ total|num }}`` 1,130; ``{{ x|num:1 }}`` 60,340.2; nothing gives a dash."""
    return "—" if _empty(value) else written(value, places)


@register.filter
def pct(value: Any, places: int = 1) -> str:
    """A ratio in per cent: ``{{ 0.912|pct:1 }}`` 91.2%."""
    return "—" if _empty(value) else written(Fraction(str(value)) * 100, places) + "%"


@register.filter
def signed(value: Any, places: int = 1) -> str:
    """A ratio as a change in per cent, always with its sign: +1.9%, −3.8%, 0.0%."""
    if _empty(value):
        return "—"
    text = written(Fraction(str(value)) * 100, places)
    return ("" if text.startswith("−") or not text.strip("0.") else "+") + text + "%"


def _unit(unit: str) -> SafeString:
    return format_html('<span class="u">{}</span>', unit) if unit else SafeString("")


@register.simple_tag
def n(value: Any, url: str = "", places: int | None = 0, unit: str = "") -> SafeString:
    """A number that opens its proof or the list it counts (dotted underline). Zero and nothing are no links."""
    if _empty(value):
        return mark_safe('<span class="z">—</span>')
    text = written(value, places)
    if not url or not text.strip("0.,"):
        return format_html('<span class="v-n{}">{}{}</span>', "" if text.strip("0.,") else " z", text, _unit(unit))
    return format_html('<span class="v-n"><a class="n" href="{}">{}</a>{}</span>', url, text, _unit(unit))


@register.simple_tag
def value(answer: Any, places: int | None = None, unit: str = "", asked: bool = True) -> SafeString:
    """A reported value; the kinds of nothing differ: not asked —, not answered 未填, zero 0."""
    if not _empty(answer):
        return format_html('<span class="v-n">{}{}</span>', written(answer, places), _unit(unit))
    if asked:
        return format_html('<span class="chip e">{}</span>', T("未填", "not answered"))
    return format_html('<span class="z" title="{}">—</span>', T("没有要求填报", "not asked"))


@register.simple_tag
def unknown(reason: Any = "") -> SafeString:
    """A result that cannot be known, with the reason in words: never blank and never 0."""
    tail = format_html('<span class="why">{}</span>', reason) if reason else ""
    return format_html('<span class="chip w">{}{}</span>{}', icon("help-circle"), T("算不出", "unknown"), tail)


# ---- days ----

@register.filter
def day(value: Any) -> str:
    """2023-01-30."""
    if not value:
        return "—"
    if isinstance(value, dt.datetime) and timezone.is_aware(value):
        value = timezone.localtime(value)
    return value if isinstance(value, str) else value.strftime("%Y-%m-%d")


@register.filter
def moment(value: dt.datetime | None) -> str:
    """2023-01-30 09:30, local time, 24 hours."""
    if not value:
        return "—"
    return (timezone.localtime(value) if timezone.is_aware(value) else value).strftime("%Y-%m-%d %H:%M")


# ---- lists ----

def _address(context: Any, **changes: Any) -> str:
    """The page's own address with some parameters changed (None: without)."""
    request = context.get("request")
    get = request.GET.copy() if request is not None else None
    if get is None:
        return ""
    for key, wanted in changes.items():
        if wanted is None:
            get.pop(key, None)
        else:
            get[key] = str(wanted)
    return "?" + get.urlencode()


@register.simple_tag(takes_context=True)
def sort_head(context: Any, name: str, zh: str, en: str, default: str = "area", num: bool = False) -> SafeString:
    """A column head that sorts, with ``aria-sort``; ``default`` is the order of an address without ``sort``."""
    request = context.get("request")
    now = (request.GET.get("sort") if request is not None else None) or default
    state = "ascending" if now == name else "descending" if now == "-" + name else "none"
    arrow = {"ascending": icon("chevron-up"), "descending": icon("chevron-down"), "none": ""}[state]
    return format_html('<th scope="col" aria-sort="{}"{}><a class="th-s" href="{}">{}{}</a></th>', state,
                       mark_safe(' class="num"') if num else "",
                       _address(context, sort="-" + name if now == name else name, page=None), T(zh, en), arrow)


@register.inclusion_tag("desk/parts/pager.html", takes_context=True)
def pager(context: Any, page: Any, sizes: bool = False) -> dict[str, Any]:
    """Which lines are shown of how many, and the way to the others. ``sizes``: offer 25 and 100 a page."""
    return {
        "page": page, "start": written(page.start_index()), "end": written(page.end_index()),
        "count": written(page.paginator.count), "pages": written(page.paginator.num_pages),
        "before": _address(context, page=page.previous_page_number()) if page.has_previous() else "",
        "after": _address(context, page=page.next_page_number()) if page.has_next() else "",
        "sizes": [(s, _address(context, per=s, page=None), page.paginator.per_page == s) for s in (25, 100)] if sizes else [],
    }


@register.inclusion_tag("desk/parts/filter_bar.html", takes_context=True)
def filter_bar(context: Any, filters: Iterable[Mapping[str, Any]], search: str = "") -> dict[str, Any]:
    """Search box and selects whose choice stands in the address.

    ``filters``: mappings ``name``, ``label`` and ``options`` (pairs value, text); ``search`` is the box's placeholder, or none.
    """
    get = context["request"].GET
    shown = [{"name": f["name"], "label": f["label"],
              "options": [(str(v), text, get.get(f["name"], "") == str(v)) for v, text in f["options"]]} for f in filters]
    names = {f["name"] for f in shown} | {"q", "page"}
    return {"filters": shown, "search": search, "q": get.get("q", ""), "used": any(get.get(x) for x in names - {"page"}),
            "kept": [(k, v) for k, v in get.items() if k not in names], "clear": context["request"].path}


# ---- forms ----

@register.inclusion_tag("desk/parts/field.html")
def field(bound: BoundField, unit: str = "", help: str = "") -> dict[str, Any]:
    """One field: label, unit inside the box, help, and its errors tied to the box.

    The unit may also come from the widget's ``data-unit``; ``aria-required`` or ``required`` decides the word 选填.
    """
    widget = bound.field.widget
    unit = unit or widget.attrs.get("data-unit", "")
    help = help or str(bound.help_text or "")
    notes = [f"{bound.auto_id}-help"] if help else []
    notes += [f"{bound.auto_id}-error"] if bound.errors else []
    check = isinstance(widget, CheckboxInput)
    attrs: dict[str, Any] = {} if check or isinstance(widget, RadioSelect) else {"class": "inp"}
    if notes:
        attrs["aria-describedby"] = " ".join(notes)
    if bound.errors:
        attrs["aria-invalid"] = "true"
    if unit:
        attrs["aria-label"] = f"{bound.label}（{unit}）" if language() == "zh" else f"{bound.label} ({unit})"
    must = bound.field.required or widget.attrs.get("aria-required") == "true"
    return {"bound": bound, "box": bound.as_widget(attrs=attrs), "unit": unit, "help": help, "check": check,
            "must": must, "locked": "readonly" in widget.attrs, "hidden": bound.is_hidden}


# ---- the frame ----

KEYS = {"h": "home", "f": "rounds", "r": "review-start", "l": "register", "n": "figures", "d": "documents"}
"""``g`` then a letter goes to a page (UI.md 12)."""


@register.filter
def go_key(url: str) -> str:
    """The letter that leads to a page of the menu, or none."""
    for letter, name in KEYS.items():
        try:
            if reverse(name) == url:
                return letter
        except NoReverseMatch:
            continue
    return ""


@register.filter
def has_page(menu: Iterable[Mapping[str, Any]] | None, name: str) -> bool:
    """Whether the person's menu has a page, by the name of its address."""
    try:
        url = reverse(name)
    except NoReverseMatch:
        return False
    return any(e["url"] == url for g in menu or () for e in g["entries"])


# ---- charts ----

def _finding(data: Mapping[str, Any]) -> str:
    """What a chart shows, in words: its ``finding``, or the largest and smallest of its first series."""
    if data.get("finding"):
        return str(data["finding"])
    series = data["series"][0] if data.get("series") else {"name": "", "values": data.get("values", [])}
    found = [(v, x) for v, x in zip(series["values"], data["x"], strict=True) if v is not None]
    if not found:
        return str(T("{label}：没有数", "{label}: no values", label=data["label"]))
    high, low = max(found, key=lambda p: p[0]), min(found, key=lambda p: p[0])
    places = data.get("places")
    return str(T("{label}（{unit}）{name}：最大 {x} {a}，最小 {y} {b}", "{label} ({unit}) {name}: largest {x} {a}, smallest {y} {b}",
                 label=data["label"], unit=data["unit"], name=series["name"], x=high[1], a=written(high[0], places), y=low[1],
                 b=written(low[0], places)))


@register.inclusion_tag("desk/parts/chart.html")
def chart(data: Mapping[str, Any]) -> dict[str, Any]:
    """A card with a chart and, by its switch or without JavaScript, the same numbers as a table.

    ``data``: ``kind`` bars | line | stack | waterfall, ``label``, ``unit``, ``x`` (names or months), ``series`` (each ``name``,
    ``values`` with None for nothing, optional ``fill``, ``dashed``), for bars optional ``targets``, for waterfall ``values`` instead of
    ``series``; optional ``places``, ``finding`` (the aria label), ``source`` (foot), ``head`` (name of the first column).
    """
    kinds = {"bars", "line", "stack", "waterfall"}
    if data["kind"] not in kinds:
        raise ValueError(f"chart kind {data['kind']!r}: expected one of {', '.join(sorted(kinds))}")
    series = data.get("series") or [{"name": str(data["label"]), "values": data["values"]}]
    columns = [str(s["name"]) for s in series]
    cells = [list(s["values"]) for s in series]
    if data.get("targets"):
        columns.append(str(T("目标", "target")))
        cells.append(list(data["targets"]))
    places = data.get("places")
    rows = [(x, ["—" if v is None else written(v, places) for v in line])
            for x, line in zip(data["x"], zip(*cells, strict=True), strict=True)]
    words = {"missing": str(T("未报", "not filed")), "target": str(T("目标", "target"))}
    drawn = {**{k: v for k, v in data.items() if k not in ("finding", "source", "head")}, "label": str(data["label"]), "words": words}
    plain = json.loads(json.dumps(drawn, default=_plain))
    return {"data": data, "kind": data["kind"], "json": json_script(plain), "columns": columns, "rows": rows,
            "finding": _finding(data), "head": data.get("head") or T("项目", "Item")}


def _plain(value: Any) -> Any:
    """Numbers for drawing only: a chart's pixels may be doubles, its table is not made from them."""
    return float(value) if isinstance(value, Decimal | Fraction) else str(value)
