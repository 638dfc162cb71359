"""Tags that know the rooms: states, severities, figures with their proof, the calculation tree."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode

from django import template
from django.http import QueryDict
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from jieneng import rulebook
from jieneng.core.amount import decimal_of
from jieneng.core.figure import Figure, Selection
from jieneng.core.period import Period
from jieneng.core.problem import Severity
from jieneng.core.words import T, language
from jieneng.figures.overview import trace_url
from jieneng.people.origin import device
from jieneng.people.roles import ROLES
from jieneng.records import evidence as evidence_records
from jieneng.records import files
from jieneng.records.models import ReceivedFile
from jieneng.registry.models import Standing
from jieneng.returns.moves import STATES
from jieneng.returns.queries import book
from jieneng.sitting.models import ADVICE, VERDICTS

from .jn import icon, written

register = template.Library()
FILLS = {"expected": "#c3cdd7", "draft": "#8fa1b3", "returned": "#e2a83a", "filed": "#5b93d1", "dept_ok": "#2a9aa8",
         "county_ok": "#1a6b3b", "accepted": "#1a6b3b", "signed": "#123d75", "exempt": "#e9edf1", "covered": "#e9edf1"}


@register.simple_tag
def role(code: str) -> str:
    return str(ROLES[code].label) if code in ROLES else code


@register.filter
def delegated_role(delegation: Any) -> str:
    """A delegation's role and where it holds: 县市区机关事务部门 · 泾县."""
    return f"{role(delegation.role)} · {scope_name(delegation)}"


@register.simple_tag
def scope_name(held: Any) -> str:
    """Where a role holds: the office, or the institution by its present name."""
    if held.office is not None:
        return str(held.office.name)
    last = Standing.objects.filter(institution__key=held.institution_key).order_by("-since").first()
    return last.name if last else str(held.institution_key)


@register.filter
def device_words(agent: str) -> str:
    """A browser's name for itself, in words."""
    return device(agent)


@register.simple_tag
def say(text: Any) -> str:
    """A text stored in both languages, in the one in force."""
    if isinstance(text, Mapping):
        return text.get(language()) or text.get("zh") or ""
    return "" if text is None else str(text)


@register.simple_tag
def raw_text(text: T) -> str:
    """A text with its braces as written (a rule's words before a value is put in)."""
    return text.zh if language() == "zh" else text.en


@register.simple_tag
def state_word(state: str) -> str:
    return str(STATES[state])


@register.simple_tag
def verdict_word(verdict: str) -> str:
    """What was decided on a finding, in words."""
    return str(VERDICTS[verdict]) if verdict in VERDICTS else ""


@register.simple_tag
def advice_word(advice: str) -> str:
    """What a group advises on a question, in words."""
    return str(ADVICE[advice]) if advice in ADVICE else ""


@register.simple_tag(takes_context=True)
def review_url(context: Any, round_: int, finding: int) -> str:
    """The review workspace with a finding open; the filters in the address stay."""
    get = context["request"].GET.copy()
    for key in ("f", "done", "more", "page"):
        get.pop(key, None)
    get["f"] = str(finding)
    return f"{reverse('review', args=[round_])}?{get.urlencode()}"


@register.simple_tag
def state_dot(state: str) -> SafeString:
    return format_html('<svg aria-hidden="true"><rect width="12" height="12" rx="2" fill="{}"/></svg>', FILLS[state])


@register.simple_tag
def state_bar(counts: Mapping[str, int]) -> SafeString:
    """A stacked bar in the fixed order and fills of the states; its label says the counts."""
    shown = [(s, counts[s]) for s in STATES if counts.get(s) and s not in ("covered", "exempt")]
    total = sum(n for _, n in shown) or 1
    x, parts = Decimal(0), []
    for state, n in shown:
        width = Decimal(n) * 100 / total
        parts.append((f"{x:.2f}%", f"{max(width - Decimal('0.25'), Decimal('0.3')):.2f}%", FILLS[state]))
        x += width
    label = "，".join(f"{STATES[s]} {n}" for s, n in shown) or str(T("没有应报", "none expected"))
    rects = format_html_join("", '<rect x="{}" y="0" width="{}" height="10" fill="{}"/>', parts)
    return format_html('<svg class="bar" role="img" aria-label="{}"><rect width="100%" height="10" fill="#e9edf1"/>{}</svg>', label, rects)


@register.simple_tag
def severity(code: Any) -> SafeString:
    s = Severity(str(getattr(code, "value", code)))
    tone = {"must": "e", "explain": "w", "note": "p"}[s.value]
    name = {"must": "alert-octagon", "explain": "message-2-question", "note": "info-circle"}[s.value]
    return format_html('<span class="chip {}">{}{}</span>', tone, icon(name), s.label)


@register.simple_tag
def answer(value: Any, places: int | None = None) -> SafeString:
    """A reported value. Not answered looks different from zero."""
    if value is None or value == "":
        return format_html('<span class="chip e">{}</span>', T("未填", "not answered"))
    number = Decimal(str(value))
    if places is None:
        text = f"{number:,f}"
        return SafeString(text.replace("-", "−"))
    return SafeString(written(number, places))


@register.simple_tag
def exact(value: Any, places: int = 0) -> SafeString:
    """An exact sum, shown with ``places`` decimals and no trailing zeros."""
    if value is None:
        return format_html('<span class="chip w">{}</span>', T("算不出", "unknown"))
    text = written(value, places)
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return SafeString(text)


@register.filter
def cell_share(share: float) -> str:
    """The share of a local total that hangs on a finding: what is there but rounds to nothing is said so."""
    return "<0.1%" if 0 < share < 0.0005 else f"{share:.1%}"


@register.simple_tag(takes_context=True)
def received_link(context: Any, row: ReceivedFile, words: str = "") -> SafeString:
    """A received file by name: a link for who may open it, for others its name and where it is kept."""
    request = context["request"]
    if files.may_open(request.user, request.scope, row):
        return format_html('<a href="{}">{}</a>', reverse("received", args=[row.sha256]), words or row.name)
    return format_html('<span title="{}">{}</span>', T("原件在导入它的机关，您的权限打不开", "kept by the office that brought it; your rights do not open it"), words or row.name)


def unit_words(code: str) -> str:
    """A unit as people write it: m³, 人, tCO₂; a code the book does not know stands as it is."""
    return rulebook.unit_words(book(), code)


@register.filter
def unit(code: str) -> str:
    return unit_words(code)


@register.filter
def scheme(code: str) -> str:
    """What kind of identifier an alias is."""
    words = {"platform": T("平台编号", "platform id"), "uscc": T("信用代码", "credit code")}
    return str(words.get(code, code))


def _unknown(figure: Figure | None) -> SafeString:
    note = figure.note if figure is not None else ""
    return format_html('<span class="chip w" title="{}">{}</span>', note, T("算不出", "unknown"))


@register.simple_tag(takes_context=True)
def fig(context: Any, figure: Figure | None, places: int = 1, unit: bool = True) -> SafeString:
    """A figure: its number opens its proof."""
    if figure is None:
        return SafeString('<span class="z">—</span>')
    if figure.exact is None:
        return _unknown(figure)
    text, snapshot = written(figure.exact, places), context.get("snapshot")
    tail = format_html('<span class="u">{}</span>', unit_words(figure.unit)) if unit else ""
    if snapshot is None:
        return format_html("{}{}", text, tail)
    return format_html('<a class="n" href="{}">{}</a>{}', trace_url(figure, snapshot.pk), text, tail)


@register.simple_tag(takes_context=True)
def fig_at(context: Any, figure: Figure | None, columns: list[dict[str, Any]], n: int) -> SafeString:
    """A figure in a table whose heads carry the units."""
    return fig(context, figure, columns[n]["places"], False)


@register.simple_tag
def fig_plain(figure: Figure, places: int = 1) -> str:
    return str(T("算不出", "unknown")) if figure.exact is None else f"{written(figure.exact, places)} {unit_words(figure.unit)}"


@register.simple_tag
def change(value: Fraction | None) -> SafeString:
    """A relative change in per cent, always with its sign. A rise is bold ink, never red."""
    if value is None:
        return SafeString('<span class="z">—</span>')
    text = written(value * 100, 1)
    sign = "" if text.startswith("−") or not float(decimal_of(value * 100, 1)) else "+"
    return format_html('<span class="{}">{}{}%</span>', "t-ok b" if value < 0 else "b", sign, text)


@register.simple_tag
def share(value: Fraction | None) -> str:
    return "" if value is None else written(value * 100, 1) + "%"


@register.simple_tag
def coverage(figure: Figure | None) -> SafeString:
    """How many members a figure rests on: 覆盖 1,128 / 1,130 家."""
    if figure is None or figure.coverage is None:
        return SafeString("")
    c = figure.coverage
    return format_html('<span class="{}">{}</span>', "" if c.full else "t-warn",
                       T("覆盖 {a} / {b} 家", "covers {a} of {b}", a=f"{c.covered:,}", b=f"{c.members:,}"))


@register.simple_tag
def period(text: str) -> str:
    return str(Period.parse(text).label)


@register.simple_tag
def version(code: str) -> str:
    words = {"city": T("市报送版", "city version"), "province": T("省审定版", "province version"), "nation": T("国家核定版", "national version")}
    return str(words.get(code, code))


@register.simple_tag
def long_date(day: Any) -> str:
    week = "一二三四五六日"[day.weekday()]
    return str(T(f"{day.month} 月 {day.day} 日 星期{week}", day.strftime("%A, %-d %B")))


@register.simple_tag
def factor_label(code: str) -> str:
    found = book().factors.get(code)
    return str(found.label) if found else code


@register.filter
def over(form: Any) -> bool:
    """Whether a sign-in was refused because the one-time password is over."""
    return any(e.code == "over" for e in form.non_field_errors().as_data()) if form and form.errors else False


@register.filter
def lookup(table: Mapping[str, Any], key: str) -> Any:
    return table.get(key, "")


@register.simple_tag
def selected_if(filters: QueryDict, name: str, value: str) -> SafeString:
    return mark_safe(" selected") if filters.get(name, "") == value else SafeString("")


@register.simple_tag
def import_counts(counts: Mapping[str, Mapping[str, int]]) -> SafeString:
    """The three counts of an import as cells."""
    sums = {k: sum(c.get(k, 0) for name, c in counts.items() if name != "read") for k in ("new", "changed", "same")}
    return format_html_join("", '<td class="num">{}</td>', ((f"{v:,}",) for v in sums.values()))


@register.simple_tag
def branch_query(get: QueryDict, level: str, code: Any) -> str:
    """The address of the next level below one line of the tree."""
    query = get.copy()
    if level == "area":
        query["in_area"], query["level"] = str(code), "institution"
    else:
        query["in_institution"], query["level"] = str(code), "cells"
    return query.urlencode()


@register.inclusion_tag("records/evidence.html", takes_context=True)
def evidence(context: Any, kind: str, key: Any) -> dict[str, Any]:
    """The evidence put forward for something, and the form to add some for those who may."""
    right = {"ledger": "ledger", "return": "import"}[kind]
    return {"rows": evidence_records.of(kind, key), "kind": kind, "key": key, "csrf_token": context.get("csrf_token"),
            "may": right in context.get("verbs", ())}


SIGNS = {"ratio": "÷", "product": "×", "sum": "Σ"}


@register.simple_tag(takes_context=True)
def tree(context: Any, figure: Figure, places: int, query: str) -> SafeString:
    """The calculation tree of a figure, open down to its leaves; leaves unfold by area, institution and cell."""
    return _branch(figure, figure, [], query, places, None)


def _sign(figure: Figure) -> str:
    parts = [p for p in figure.parts if isinstance(p, Figure)]
    if figure.factors and not parts:
        return "×"
    return "÷" if "÷" in figure.how or "ratio" in figure.how else "Σ"


def _branch(root: Figure, node: Figure | Selection, path: list[int], query: str, places: int, share_of: Fraction | None) -> SafeString:
    if isinstance(node, Selection):
        return _leaf(node, path, query)
    part = node.exact / share_of if share_of and node.exact is not None else None
    inner = format_html_join("", "{}", (
        (_branch(root, p, [*path, n], query, 1, node.exact if _sign(node) == "Σ" else None),) for n, p in enumerate(node.parts)))
    value = SafeString("") if node.exact is None else exact(node.exact, places if node is root else 4)
    return format_html(
        '<li><div class="nd"><button class="tw-b" type="button" data-tree aria-expanded="true" aria-label="{}">{}</button>'
        '<span class="op" aria-hidden="true">{}</span><span class="lbl" title="{}">{}{}</span>'
        '<span class="val">{}<span class="u">{}</span></span><span class="sh">{}</span></div><ul>{}</ul></li>',
        T("展开或收起", "open or close"), icon("chevron-down"), _sign(node), say(node.label), say(node.label),
        format_html('　<span class="m3 sm">{}</span>', node.how) if node.how and node is not root else "",
        value if node.exact is not None else _unknown(node), unit_words(node.unit), share(part), inner)


def _leaf(node: Selection, path: list[int], query: str) -> SafeString:
    label = T("{m} 家填报，{r} 个数据格", "{m} institutions, {r} cells", m=f"{node.members:,}", r=f"{node.rows:,}")
    address = query + "&" + urlencode({"path": ".".join(map(str, path)), "level": "area"})
    if node.kind.startswith("ledger:"):
        return format_html('<li><div class="nd"><span class="tw-b"></span><span class="op" aria-hidden="true">□</span>'
                           '<span class="lbl">{}</span></div></li>', T("台账 {r} 条", "{r} ledger lines", r=node.rows))
    return format_html(
        '<li><div class="nd"><button class="tw-b" type="button" aria-expanded="false" aria-label="{}" hx-get="/figures/trace/branch/?{}" '
        'hx-target="next ul" hx-swap="innerHTML">{}</button><span class="op" aria-hidden="true">□</span><span class="lbl">{}</span>'
        '<span class="val"></span><span class="sh"></span></div><ul></ul></li>',
        T("按地区展开", "open by area"), address, icon("chevron-right"), label)


@register.simple_tag
def trace_link(figure: Figure, snapshot: Any) -> SafeString:
    """The way to the calculation tree of a figure (or of the later part of a change)."""
    target = figure
    known = book()
    while target.name not in known.indicators and target.name not in known.composites and target.name not in known.items:
        inner = [p for p in target.parts if isinstance(p, Figure)]
        if not inner:
            return SafeString("")
        target = inner[0]
    return format_html('<p class="mt8"><a class="btn btn-s" href="{}">{}</a></p>', trace_url(target, snapshot.pk), T("计算过程", "How it was made"))
