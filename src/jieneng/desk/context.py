"""What every page shows around its content: menu, scope, person, languages."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from jieneng import __version__
from jieneng.core.words import T, language
from jieneng.people.queries import root_office, scope, verbs_of
from jieneng.records.notify import unread

from . import delegations
from .manual import ABOUT

MENU: list[tuple[T, list[tuple[str, str, T, tuple[str, ...]]]]] = [
    (T("工作", "Work"), [("home", "layout-dashboard", T("工作台", "Desk"), ())]),
    (T("能耗统计", "Statistics"), [
        ("register", "building-bank", T("名录库", "Register"), ("see",)),
        ("papers", "paperclip", T("佐证材料", "Papers"), ("see",)),
        ("filling", "forms", T("填报", "Fill in"), ("file",)),
        ("rounds", "clipboard-list", T("统计任务", "Rounds"), ("see",)),
        ("chase-latest", "bell", T("催报", "Completeness"), ("see",)),
        ("imports", "file-import", T("导入", "Imports"), ("import", "ledger", "edit_register", "log")),
        ("compare", "arrows-diff", T("两边对照", "Two sides"), ("see",)),
        ("corrections", "list-check", T("更正清单", "Corrections"), ("see",)),
        ("verify", "rosette-discount-check", T("核验报表", "Verify a return"), ("see",)),
        ("figures", "chart-histogram", T("汇总与指标", "Figures"), ("see",)),
        ("tables", "table-export", T("汇总表", "Summary tables"), ("see",)),
    ]),
    (T("审核", "Review"), [
        ("review-start", "flag-check", T("会审（疑点）", "Review (doubts)"), ("review", "log")),
        ("screening", "filter", T("初筛（分地区）", "First screening"), ("review", "log")),
        ("sittings", "users", T("会审会（会议）", "Sittings"), ("review", "log")),
        ("samples", "eye-check", T("抽查核实", "Checks on site"), ("review", "log")),
        ("findings", "list-search", T("审核问题（表内检查）", "Findings (form checks)"), ("review", "see")),
    ]),
    (T("专项工作", "Programmes"), []),
    (T("材料与公文", "Documents"), [("documents", "file-text", T("年度总结", "Annual summary"), ("see", "compose"))]),
    (T("规则与记录", "Rules and records"), [
        ("rules", "scale", T("规则与折标系数", "Rules and factors"), ()),
        ("manual", "help-circle", T("使用手册", "Manual"), ()),
        ("events", "history", T("办理记录", "Event log"), ("log", "see")),
        ("status", "server", T("系统状态", "System status"), ("operate", "log")),
        ("accounts", "users", T("账号与权限", "Accounts"), ("accounts",)),
        ("api-docs", "plug", T("数据接口", "API"), ("accounts", "operate")),
    ]),
]
WHOLE = {"documents", "screening"}
"""Pages that speak of the whole office: in the menu of those only who see all of it. Asked for by others, they say so."""
OWN = {"home", "filling", "papers", "register", "verify", "rules", "manual", "events"}
"""What the menu of somebody holds who only files for a unit: to fill in, papers, the unit. The rest opens by its address and is found by searching."""
SAME = {"chase-latest": ("chase", "chase-target")}
"""Pages that stand for an entry of the menu under another address."""
LEDGER_ICONS = {"energy_contracts": "solar-panel", "waste_bins": "recycle", "external_facts": "notes", "quotas": "scale", "prices": "coins", "temperatures": "snowflake"}


LEDGER_GROUPS = ("专项工作", "规则与记录")
"""Ledgers of the programmes, and those that hold rules of a place: quotas, prices, temperatures."""


def only_files(verbs: frozenset[str]) -> bool:
    """Whether somebody files for a unit and does nothing else here."""
    return verbs == {"see", "file"}


def may_open(name: str, needed: tuple[str, ...], verbs: frozenset[str], whole: bool) -> bool:
    """Whether an entry is for somebody with these rights, who sees the whole office or not."""
    return (not needed or bool(verbs & set(needed))) and (whole or name not in WHOLE)


def menu(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of the side menu with what this person may open, the current one marked."""
    from jieneng.returns.queries import book

    verbs = verbs_of(request.user)
    here = request.resolver_match.url_name if request.resolver_match else ""
    path, office = request.path, root_office()
    whole = office is not None and scope(request.user, "see").covers_line(office.path)
    groups = []
    for label, entries in MENU:
        shown = [
            {"label": str(text), "url": reverse(name), "icon": icon,
             "current": here == name or here in SAME.get(name, ()) or (name != "home" and path.startswith(reverse(name)) and not any(here in s for s in SAME.values()))}
            for name, icon, text, needed in entries if may_open(name, needed, verbs, whole) and (name in OWN or not only_files(verbs))
        ]
        if label.zh in LEDGER_GROUPS and not only_files(verbs) and verbs & {"ledger", "compose", "log"} | (verbs & {"see"}):
            shown += [
                {"label": str(ledger.title), "url": reverse("ledger", args=[kind]),
                 "icon": LEDGER_ICONS.get(kind, "notes"), "current": path.startswith(reverse("ledger", args=[kind]))}
                for kind, ledger in book().ledgers.items() if (ledger.group == "rules") is (label.zh == "规则与记录")
            ]
        if shown:
            groups.append({"label": str(label), "entries": shown})
    return groups


def page(request: HttpRequest) -> dict[str, Any]:
    """The context processor."""
    base = {"language": language(), "version": __version__, "product": T("公共机构节能", "Public-institution energy")}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return base
    here = request.resolver_match.url_name if request.resolver_match else ""
    explained = reverse("manual-chapter", args=[ABOUT[here]]) if here in ABOUT else reverse("manual")
    # asked for when the page does: a part for htmx, as after each saved field, shows none of it
    return {**base, "help": explained, "menu": SimpleLazyObject(lambda: menu(request)), "office": SimpleLazyObject(root_office), "person": user,
            "verbs": SimpleLazyObject(lambda: verbs_of(user)), "unread": SimpleLazyObject(lambda: unread(user)),
            "acting": SimpleLazyObject(lambda: delegations.usable(user, request.session.get("acting")))}


