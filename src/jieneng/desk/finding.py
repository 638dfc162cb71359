"""What the search box finds beside institutions: pages of the program, the manual, files that were imported, corrections by their number.

Only what the person may open: a page by the right that it asks for, files and corrections by scope.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.urls import resolve, reverse

from jieneng.core.amount import amount_text, typed_amount
from jieneng.core.period import Period
from jieneng.core.problem import Refused
from jieneng.core.words import T, language
from jieneng.exchange.models import STATES, Correction
from jieneng.people.queries import root_office, verbs_of
from jieneng.people.scope import scope
from jieneng.registry.queries import closed_to, standing_for
from jieneng.returns.models import Import
from jieneng.returns.queries import book

from . import manual
from .context import MENU, may_open

FEW = 10
"""How many of each kind are listed."""
MORE: tuple[tuple[str, T], ...] = (
    ("messages", T("消息", "Messages")), ("changes", T("名录变更", "Changes of the register")), ("tidy", T("名录整理（疑似重复）", "Tidying the register")),
    ("liaison", T("联络员名单", "Liaison list")), ("offices", T("统计归口（单位树）", "Tree of offices")), ("layouts", T("布局（表样）", "Layouts")),
    ("platform", T("平台上的数", "What the platform holds")), ("reference-sheets", T("填报对照单", "Reference sheets")),
    ("export-template", T("照表样填出", "Filling a table by its layout")), ("register-export", T("平台上要办的名录变更", "Register changes for the platform")),
    ("me", T("我的账号", "My account")), ("change-password", T("改密码", "Change password")), ("sign-ins", T("登录记录", "Sign-ins")), ("clients", T("接口令牌", "API clients")),
)
"""Pages that are not in the menu and need nothing in their address."""
WORDS: dict[str, str] = {
    "home": "首页 今天要办 待办 home to do", "register": "单位 机构 信用代码 名录 institutions", "papers": "凭证 账单 发票 材料夹 vouchers evidence bills",
    "filling": "填表 报表 全年一张表 分月 大字版 工作簿 report form", "rounds": "任务 安排 日历 截止 延期 免报 封存 审定 审核 快照 合计 calendar deadline freeze sign",
    "chase-latest": "催报 催报通知 提醒 提醒函 催报函 完整率 报送率 逾期 未报 电话名单 remind overdue", "imports": "上传 平台导出表 文件 upload",
    "compare": "对照 差异 平台更正 本库更正 differences", "corrections": "更正 还没改 待核对 平台更正 corrections", "review-start": "会审 疑点 退回核实 核实无误 建议值 stopping line doubts",
    "sittings": "会议 纪要 签到 投影 会审会 minutes", "samples": "抽查 抽样 现场 5% sample", "findings": "审核问题 错误 需核实 提示 逻辑检查 表内检查 checks errors",
    "verify": "核验码 二维码 打印 code", "figures": "指标 能耗 强度 人均 单位面积 碳 tce 趋势 indicators energy carbon", "tables": "汇总 分类 部门汇总 totals",
    "documents": "公文 总结 材料与公文 summary report", "rules": "系数 折标系数 因子 制度 规则 factors", "manual": "帮助 手册 help", "events": "日志 记录 谁改的 log history",
    "status": "备份 体检 磁盘 backup", "accounts": "账号 权限 用户 交接 users", "api-docs": "接口 令牌 openapi token", "layouts": "布局 表样 表头 layout header",
    "liaison": "联络员 电话 通讯录 联系人 phone", "changes": "合并 更名 撤销 分设 merge rename", "reference-sheets": "对照单 预填 sheet", "messages": "通知 inbox",
}
"""Other words by which people look for a page."""


@dataclass
class Found:
    """What a search found, each with its address. ``units`` are counted by the page."""

    pages: list[dict[str, str]] = field(default_factory=list)
    manual: list[manual.Hit] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    corrections: list[dict[str, Any]] = field(default_factory=list)

    @property
    def direct(self) -> bool:
        """Whether anything beside the manual was found: then a single institution does not open by itself."""
        return bool(self.pages or self.files or self.corrections)


def find(request: HttpRequest, words: str) -> Found:
    """Everything but institutions that holds all of the words."""
    wanted = [w.casefold() for w in words.split()]
    if not wanted:
        return Found()
    return Found([p for p in pages(request) if all(w in p["text"] for w in wanted)][:FEW], manual.search(language(), words, FEW), _files(request, wanted), _corrections(request, words))


def pages(request: HttpRequest) -> Iterator[dict[str, str]]:
    """Every page with an address of its own that the person may open: label, address, and the words it is found by."""
    verbs, office = verbs_of(request.user), root_office()
    whole = office is not None and scope(request.user, "see").covers_line(office.path)
    entries = [(name, label) for _, group in MENU for name, _, label, needed in group if may_open(name, needed, verbs, whole)]
    for name, label in (*entries, *MORE):
        url = reverse(name)
        asked = getattr(resolve(url).func, "verbs", ())
        if not asked or verbs & set(asked):
            yield {"label": str(label), "url": url, "text": f"{label.say('zh')} {label.say('en')} {WORDS.get(name, '')}".casefold()}
    if "see" in verbs:
        for kind, ledger in book().ledgers.items():
            yield {"label": str(ledger.title), "url": reverse("ledger", args=[kind]), "text": f"{ledger.title.say('zh')} {ledger.title.say('en')}".casefold()}


def _files(request: HttpRequest, wanted: list[str]) -> list[dict[str, Any]]:
    """Imported files of one's own offices, by name."""
    if not verbs_of(request.user) & {"import", "ledger", "edit_register", "log"}:
        return []
    mine = scope(request.user, "see")
    rows = Import.objects.exclude(on_behalf=None).filter(mine.q("on_behalf__path", "on_behalf__code")).select_related("file", "on_behalf")
    for w in wanted:
        rows = rows.filter(file__name__icontains=w)
    return [{"label": r.file.name, "url": reverse("import", args=[r.pk]), "office": r.on_behalf.name if r.on_behalf else "", "at": r.at} for r in rows[:FEW]]


def _corrections(request: HttpRequest, words: str) -> list[dict[str, Any]]:
    """Corrections from or to a number, of units in scope."""
    try:
        number = amount_text(typed_amount(words, least=None))
    except Refused:
        return []
    mine, closed, found = scope(request.user, "see"), closed_to(request.user), []
    rows = Correction.objects.filter(Q(old=number) | Q(new=number)).exclude(state="withdrawn").select_related("institution")
    for c in rows.exclude(institution__in=closed)[:200]:
        standing = standing_for(c.institution, Period.parse(c.period))
        if standing is None or not mine.covers(standing.office.path, c.institution.key):
            continue
        item = book().items.get(c.item)
        found.append({"name": standing.name, "period": c.period, "item": item.label if item else c.item, "old": c.old, "new": c.new, "state": STATES[c.state],
                      "url": reverse("corrections") + f"?year={c.year}&office={standing.office.code}"})
    return found[:FEW]
