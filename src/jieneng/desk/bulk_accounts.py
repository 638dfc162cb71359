"""Many accounts at once from a workbook: template out, errors by cell, preview, good rows in, one-time passwords shown once."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xlsxwriter
from django.utils import timezone

from jieneng.core.problem import Place, Problem, Refused, refuse
from jieneng.core.words import T
from jieneng.people.models import Office, User
from jieneng.people.queries import offices_in
from jieneng.people.roles import ROLES
from jieneng.people.scope import require
from jieneng.records import files
from jieneng.records.events import action, record
from jieneng.records.models import ReceivedFile
from jieneng.records.workbook import Column, Sheet, list_workbook
from jieneng.registry.models import Alias, Institution
from jieneng.registry.queries import standings
from jieneng.returns.intake.grid import cell_name
from jieneng.returns.intake.grid import shown as said
from jieneng.returns.intake.guard import Limits
from jieneng.returns.intake.opening import open_table

from . import accounts

HEADS = ("用户名", "姓名", "电话", "角色", "管到哪个机关", "填报单位")
"""The columns of the template, whatever the language of the page: the file is one."""
KEYS = ("username", "name", "phone", "role", "office", "institution")
MOST = 2000
GUIDE = (
    ("用户名", "必填。不能有空格，全市不重复；建议用姓名拼音。停用过的名字也不能再用"),
    ("姓名", "必填。真名：每个人一个账号，不共用"),
    ("电话", "选填。只有管账号的人看得见"),
    ("角色", "必填。从列表里选"),
    ("管到哪个机关", "角色是填报人以外的必填：机关名称或代码（见“机关”表）"),
    ("填报单位", "角色是填报人的必填：统一社会信用代码，或名录库里的全称"),
)


@dataclass
class Line:
    """One row that can go in."""

    row: int
    username: str
    name: str
    phone: str
    role: str
    office: Office | None = None
    institution: str = ""
    where: str = ""

    @property
    def label(self) -> T:
        return ROLES[self.role].label


@dataclass
class Reading:
    """What a workbook says: rows that can go in, and what is wrong with the others."""

    file: str
    lines: list[Line] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def template(person: User) -> bytes:
    """The empty workbook: roles and the offices in the person's scope to pick from, and a sheet that explains."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False})
    sheet, places, guide = book.add_worksheet("账号"), book.add_worksheet("机关"), book.add_worksheet("说明")
    box = {"border": 1, "text_wrap": True, "valign": "top"}
    writer = Sheet(book, sheet)
    head, text = writer.style(bold=True, bg_color="#eef2f6", **box), book.add_format({"num_format": "@"})
    for n, (title, width) in enumerate(zip(HEADS, (18, 14, 16, 22, 26, 26), strict=True)):
        writer.put(0, n, title, head)
        sheet.set_column(n, n, width, text)
    offices = offices_in(person, "accounts")
    sheet.data_validation(1, 3, MOST, 3, {"validate": "list", "source": [r.label.zh for r in ROLES.values()]})
    if offices:
        sheet.data_validation(1, 4, MOST, 4, {"validate": "list", "source": f"=机关!$A$2:$A${len(offices) + 1}", "error_type": "warning"})
    sheet.freeze_panes(1, 1)
    listed = Sheet(book, places)
    for n, (title, width) in enumerate((("名称", 30), ("代码", 20))):
        listed.put(0, n, title, listed.style(bold=True, bg_color="#eef2f6", **box))
        places.set_column(n, n, width)
    for n, o in enumerate(offices, 1):
        listed.put(n, 0, o.name)
        listed.put(n, 1, o.code)
    explained = Sheet(book, guide)
    for n, (what, words) in enumerate(GUIDE):
        explained.put(n, 0, what, explained.style(bold=True, **box))
        explained.put(n, 1, words, explained.style(**box))
    guide.set_column(0, 0, 18)
    guide.set_column(1, 1, 70)
    book.close()
    return out.getvalue()


def read(person: User, path: Path, name: str) -> Reading:
    """Read a filled workbook. Raises ``Refused`` when it cannot be read at all; a bad row is named by its cell."""
    require(person, "accounts")
    found = Reading(name)
    with open_table(path, name=name, limits=Limits(rows=MOST + 50, columns=40, cells=100_000, wall=60)) as table:
        for sheet in table.sheets:
            rows = iter(sheet.rows)
            columns = next((c for row in rows if len(c := _columns(row.cells)) >= 4), None)
            if columns is None:
                continue
            if missing := [h for h in HEADS if h not in columns and h not in ("电话", "管到哪个机关", "填报单位")]:
                raise refuse("bulk.heads", T("工作表“{s}”缺栏目：{m}", "sheet “{s}” lacks columns: {m}", s=sheet.name, m="、".join(missing)),
                             T("{h}", "{h}", h="、".join(HEADS)), T("下载空表，照它的栏目填", "use the template's columns"), Place(file=name, sheet=sheet.name))
            reader = _Reader(person, found, sheet.name, columns)
            for row in rows:
                reader.row(row.number, [said(c).strip() for c in row.cells])
            return found
    raise refuse("bulk.heads", T("文件里没有账号表", "the file holds no table of accounts"), T("{h}", "{h}", h="、".join(HEADS)), T("下载空表，照它的栏目填", "use the template"), Place(file=name))


def _columns(cells: list[str]) -> dict[str, int]:
    return {h: n for n, c in enumerate(cells) if (h := said(c).strip().rstrip("*＊")) in HEADS}


class _Reader:
    """Judges rows: what is known is looked up once."""

    def __init__(self, person: User, found: Reading, sheet: str, columns: dict[str, int]) -> None:
        self.found, self.sheet, self.columns = found, sheet, columns
        self.taken = {u.lower() for u in User.objects.values_list("username", flat=True)}
        self.seen: dict[str, int] = {}
        offices = offices_in(person, "accounts")
        self.offices: dict[str, list[Office]] = {}
        for o in offices:
            for key in {o.code, o.name}:
                self.offices.setdefault(key, []).append(o)
        self.roles = {key: code for code, r in ROLES.items() for key in (code, r.label.zh, r.label.en)}
        lines = [o.path for o in offices]
        mine = [s for s in standings(timezone.localdate()) if any(s.office.path.startswith(p) for p in lines)]
        self.institutions: dict[str, list[str]] = {}
        for s in mine:
            for key in {s.institution.key, s.name}:
                self.institutions.setdefault(key, []).append(s.institution.key)
        inside = {s.institution_id for s in mine}
        for alias in Alias.objects.filter(institution__in=Institution.objects.all()).select_related("institution"):
            if alias.institution_id in inside:
                self.institutions.setdefault(alias.value, []).append(alias.institution.key)
        self.person = person

    def at(self, number: int, head: str) -> Place:
        return Place(file=self.found.file, sheet=self.sheet, cell=cell_name(number, self.columns.get(head, 0) + 1), line=0)

    def row(self, number: int, cells: list[str]) -> None:
        value = {k: (cells[self.columns[h]] if h in self.columns and self.columns[h] < len(cells) else "") for k, h in zip(KEYS, HEADS, strict=True)}
        if not any(value.values()):
            return
        if len(self.found.lines) + len(self.found.problems) >= MOST:
            raise refuse("bulk.most", T("一次最多 {n} 行", "at most {n} rows at a time", n=MOST), do=T("分成几个文件", "split the file"))
        wrong: list[Problem] = []

        def bad(head: str, code: str, found: T, expected: T | None = None, do: T | None = None) -> None:
            wrong.append(Problem(code, found, expected, do, self.at(number, head)))

        self._names(value, number, bad)
        line = Line(number, value["username"], value["name"], value["phone"][:30], self.roles.get(value["role"], ""))
        if not line.role:
            bad("角色", "bulk.role", T("没有角色“{r}”", "there is no role “{r}”", r=value["role"]) if value["role"] else T("没有写角色", "no role given"),
                T("{l}", "{l}", l="、".join(r.label.zh for r in ROLES.values())), T("从列表里选", "pick from the list"))
        elif ROLES[line.role].scope == "office":
            self._office(value, line, bad)
        else:
            self._institution(value, line, bad)
        if wrong:
            self.found.problems += wrong
        else:
            self.seen[line.username.lower()] = number
            self.found.lines.append(line)

    def _names(self, value: dict[str, str], number: int, bad: Any) -> None:
        user = value["username"]
        if not user:
            bad("用户名", "bulk.username", T("没有写用户名", "no user name given"))
        elif len(user) > 60 or not user.isprintable() or any(c.isspace() for c in user):
            bad("用户名", "bulk.username", T("用户名“{u}”不行", "the user name “{u}” will not do", u=user[:60]), T("没有空格，不超过 60 个字", "no blanks, at most 60 characters"))
        elif user.lower() in self.taken:
            bad("用户名", "bulk.taken", T("用户名“{u}”已经有了（停用的也不再用）", "user name “{u}” is taken (also when disabled)", u=user),
                do=T("换一个用户名；这一行已经建过的就删掉", "choose another; delete the row if it was made before"))
        elif user.lower() in self.seen:
            bad("用户名", "bulk.twice", T("用户名“{u}”和第 {n} 行重复", "user name “{u}” stands in row {n} too", u=user, n=self.seen[user.lower()]), do=T("每人一个用户名", "one name for each person"))
        if not value["name"] or len(value["name"]) > 60:
            bad("姓名", "bulk.name", T("没有写姓名", "no name given") if not value["name"] else T("姓名太长", "the name is too long"), T("不超过 60 个字", "at most 60 characters"))

    def _office(self, value: dict[str, str], line: Line, bad: Any) -> None:
        found = self.offices.get(value["office"], [])
        if len(found) == 1:
            line.office, line.where = found[0], found[0].name
            return
        if len(found) > 1:
            bad("管到哪个机关", "bulk.office", T("有 {n} 个“{o}”", "there are {n} offices “{o}”", n=len(found), o=value["office"]), T("{l}", "{l}", l="、".join(o.code for o in found)), T("改写代码", "write the code"))
        else:
            bad("管到哪个机关", "bulk.office", T("您的范围里没有机关“{o}”", "there is no office “{o}” in your scope", o=value["office"] or "（空）"),
                T("“机关”表里的名称或代码", "a name or code of the sheet “机关”"))

    def _institution(self, value: dict[str, str], line: Line, bad: Any) -> None:
        found = sorted(set(self.institutions.get(value["institution"], [])))
        if len(found) == 1:
            line.institution, line.where = found[0], value["institution"]
            return
        if len(found) > 1:
            bad("填报单位", "bulk.institution", T("名录库里有 {n} 家“{o}”", "{n} institutions are called “{o}”", n=len(found), o=value["institution"]), do=T("改写统一社会信用代码", "write the credit code"))
        else:
            bad("填报单位", "bulk.institution", T("您的范围里没有单位“{o}”", "there is no institution “{o}” in your scope", o=value["institution"] or "（空）"),
                T("统一社会信用代码或名录库里的全称", "a credit code, or the full name in the register"), T("先登记这家单位", "enter the institution first"))


def create(person: User, received: ReceivedFile) -> tuple[list[tuple[Line, str]], Reading]:
    """Make the accounts of the good rows, each whole or not at all. Returns them with their one-time passwords, shown only now.

    A row that meanwhile became impossible (the name was taken) joins the problems.
    """
    reading = read(person, files.path_of(received.sha256), received.name)
    made: list[tuple[Line, str]] = []
    for line in reading.lines:
        try:
            with action():
                user, password = accounts.create_user(person, line.username, line.name)
                if line.phone:
                    User.objects.filter(pk=user.pk).update(phone=line.phone)
                accounts.appoint(person, user, line.role, office=line.office, institution_key=line.institution)
        except Refused as refusal:
            reading.problems += [Problem(p.code, p.found, p.expected, p.do, Place(file=received.name, cell=cell_name(line.row, 1))) for p in refusal.problems]
            continue
        made.append((line, password))
    if made:
        with action():
            record(person, "account.bulk", "import", received.sha256[:12], data={
                "file": received.sha256, "made": len(made), "refused": len({(p.where.sheet, p.where.cell) for p in reading.problems})})
    return made, reading


def slips_workbook(made: list[tuple[Line, str]], site: str) -> bytes:
    """The one-time passwords as a workbook, for the office's own mailing."""
    columns = [Column(T("用户名", "user name"), 18), Column(T("姓名", "name"), 14), Column(T("角色", "role"), 22), Column(T("范围", "scope"), 26),
               Column(T("一次性密码", "one-time password"), 24), Column(T("网址", "address"), 30)]
    rows = [(x.username, x.name, str(x.label), x.where, password, site) for x, password in made]
    return list_workbook(T("一次性密码", "One-time passwords"), columns, rows,
                         [str(T("72 小时内有效，登录后必须改；交给本人后请删掉这个文件", "good for 72 hours, to be changed at sign-in; delete this file once they are handed out"))])
