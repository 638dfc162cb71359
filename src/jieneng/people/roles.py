"""Roles and what each may do: one table, walked by the tests (page × role × scope)."""

from __future__ import annotations

from dataclasses import dataclass

from jieneng.core.words import T

VERBS = {
    "see": T("查看本范围的名录、报表、指标和台账", "see register, returns, figures and ledgers in scope"),
    "file": T("填报本单位", "file for one's own institution"),
    "edit_register": T("登记名录变更", "change the register"),
    "import": T("导入文件", "import files"),
    "review": T("审核、退回", "review and send back"),
    "accept": T("审核通过", "accept returns"),
    "sign": T("审定", "sign off totals"),
    "freeze": T("封存快照", "freeze a snapshot"),
    "ledger": T("登记台账", "keep ledgers"),
    "compose": T("编制材料与公文", "compose documents"),
    "integrity": T("查看诚信疑问", "see questions of integrity"),
    "log": T("查看办理记录", "read the event log"),
    "operate": T("系统状态与备份", "system status and backup"),
    "accounts": T("账号与权限", "accounts and rights"),
}


@dataclass(frozen=True)
class Role:
    """A role: its name, the kind of scope it is given over, and its verbs."""

    label: T
    scope: str
    verbs: frozenset[str]


def _role(zh: str, en: str, scope: str, *verbs: str) -> Role:
    unknown = set(verbs) - VERBS.keys()
    if unknown:
        raise ValueError(f"unknown verbs: {unknown}")
    return Role(T(zh, en), scope, frozenset(verbs))


ROLES: dict[str, Role] = {
    "reporter": _role("填报人", "reporter", "institution", "see", "file"),
    "department": _role("主管部门统计员", "department statistician", "office", "see", "import", "review"),
    "county": _role(
        "县市区机关事务部门", "county office", "office",
        "see", "edit_register", "import", "review", "accept", "sign", "ledger",
    ),
    "city": _role(
        "市机关事务部门", "city office", "office",
        "see", "edit_register", "import", "review", "accept", "sign", "freeze", "ledger", "compose", "integrity",
    ),
    "province": _role("省级", "province", "office", "see"),
    "assessor": _role("考核组", "assessor", "office", "see"),
    "inspector": _role("检查组", "inspector", "office", "see"),
    "auditor": _role("审计", "auditor", "office", "see", "log", "integrity"),
    "system_admin": _role("系统管理员", "system administrator", "office", "operate"),
    "security_admin": _role("安全管理员", "security administrator", "office", "accounts"),
}

APART = ("system_admin", "security_admin", "auditor")
"""Three administrators apart (三员分立): nobody holds two of these, nor one of the first two with a business role."""
