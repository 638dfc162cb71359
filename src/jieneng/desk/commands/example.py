"""``jieneng example``: the example city, from files to a traced document, with the time of each step."""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jieneng.core.period import Period
from jieneng.core.problem import refuse
from jieneng.core.words import T

from . import Out, Verb


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["build", "load", "run", "accounts"], help=str(T(
        "build 只写文件；load 写文件并导入、审核、封存；run 再算指标、汇总表和公文", "build writes the files; load imports, reviews and freezes; run goes on to figures, table and document")))
    parser.add_argument("--out", type=Path, help=str(T("文件放在哪里（缺省：工作区的 example 文件夹）", "where the files go (default: folder example of the workspace)")))
    parser.add_argument("--seed", type=int, default=2022, help=str(T("随机种子（缺省 2022）：同一个种子，文件完全相同", "random seed (default 2022): the same seed gives the same files")))
    parser.set_defaults(as_user=None)


class Steps:
    """Says each step and how long it took."""

    def __init__(self, out: Out) -> None:
        self.out, self.times = out, {}  # type: ignore[var-annotated]

    @contextmanager
    def step(self, key: str, what: T) -> Iterator[None]:
        began = time.monotonic()
        yield
        took = time.monotonic() - began
        self.times[key] = round(took, 2)
        self.out.say(T("{w}：{t} 秒", "{w}: {t} s", w=str(what), t=f"{took:.1f}"))


def run(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Build, load, or go all the way."""
    from jieneng.desk.example import build

    if args.what == "accounts":
        return _accounts(args, out)
    folder = args.out or args.home / "example"
    steps = Steps(out)
    with steps.step("build", T("写示例文件", "writing the example files")), out.progress(str(T("示例文件", "example files"))) as progress:
        manifest = build(folder, args.seed, progress=lambda n, total: progress(n, total, None))
    result: dict[str, Any] = {"folder": str(folder), "files": len(manifest.steps)}
    if args.what == "build":
        return {**result, "seconds": steps.times}
    _load(args, out, steps, manifest)
    if args.what == "run":
        result |= _use(args, out, steps)
    return {**result, "seconds": steps.times}


def _load(args: argparse.Namespace, out: Out, steps: Steps, manifest: Any) -> None:
    """Register, rounds, three years of answers and the ledgers; review; accept; freeze."""
    from jieneng.desk.example import layout_path, round2022, sitting2022
    from jieneng.desk.example.enrich import enrich
    from jieneng.fieldwork.intake import bring_in, receive_path
    from jieneng.people.queries import root_office
    from jieneng.returns import actions, freeze, queries
    from jieneng.returns.models import ReturnFinding, Round

    office, book = root_office(), queries.book()
    if office is None or book.code != "cn":
        raise refuse("example.book", T("示例城市要用规则库 cn 的工作区", "the example city needs a workspace with book cn"))
    if Round.objects.exists():
        raise refuse("example.used", T("这个工作区里已经有数据", "this workspace holds data already"), do=T("换一个新工作区", "use a fresh workspace"))
    who, county = (_held(*line) for line in PEOPLE[:2])
    for name in {s.layout for s in manifest.steps}:
        shutil.copyfile(layout_path(name), Path(args.home) / "layouts" / f"{name}.yaml")

    def bring(reads: str, clean: bool = True, first: bool | None = None) -> dict[str, int]:
        counts, met = {"new": 0, "problems": 0}, 0
        for step in manifest.steps:
            if not step.reads.startswith(reads) or step.clean is not clean:
                continue
            met += 1
            if first is not None and (met == 1) is not first:
                continue
            text = layout_path(step.layout).read_text(encoding="utf-8")
            with out.progress(step.file) as progress:
                batch = bring_in(who, receive_path(who, manifest.path(step)), text, office=office, layout_name=f"{step.layout}.yaml",
                                 progress=lambda n, total, message: progress(n, total, message))
            counts["new"] += sum(c.get("new", 0) for k, c in batch.counts.items() if k != "read")
            counts["problems"] += len(batch.problems)
        return counts

    with steps.step("register", T("导入名录", "importing the register")):
        bring("register")
        enrich(who)
    with steps.step("rounds", T("新建 2020–2022 统计任务", "opening rounds 2020–2022")):
        for year in (2020, 2021, 2022):
            actions.open_round(who, book, form="consumption", year=year, office=office, rhythm="month")
    with steps.step("import", T("导入三年报表和台账", "importing three years of returns and the ledgers")):
        done = bring("answers")
        bring("parts")
        bring("ledger")
    out.say(T("  报表 {n} 份，没有读入 {p} 处", "  {n} returns, {p} places not taken in", n=done["new"], p=done["problems"]))
    with steps.step("review", T("审核", "review")):
        counts = {s: ReturnFinding.objects.filter(severity=s).count() for s in ("must", "explain", "note")}
    out.say(T("  错误 {a}，需核实 {b}，提示 {c}", "  errors {a}, to verify {b}, notes {c}", a=counts["must"], b=counts["explain"], c=counts["note"]))
    round_ = Round.objects.get(year=2022)
    with steps.step("accept", T("审核通过（2022 年有“错误”的留着）", "accepting (those of 2022 with errors are left)")):
        round2022.plan_round(who, round_)
        round2022.review_levels(who, book, round_)
        _accept(who)
    with steps.step("platform", T("导入国家平台的数，两边对照", "importing what the platform holds, and comparing")):
        _beside(who, book, bring)
    with steps.step("freeze", T("封存 2022 年快照", "freezing 2022")):
        freeze.freeze(who, book, 2022)
    with steps.step("round", T("2022 年：省局退回几份，催报", "2022: a few come back from the province, reminders")):
        round2022.after_freeze(who, round_)
    with steps.step("sitting", T("2022 年会审：疑点、会审会、抽查", "the review of 2022: findings, sitting, sample")):
        sitting2022.review_2022(who, county, book, round_, office)


def _beside(who: Any, book: Any, bring: Any) -> None:
    """The platform's first export; what differs is decided as an office would; its second export ticks the lines."""
    from jieneng.exchange import actions, queries
    from jieneng.people.models import Office
    from jieneng.people.queries import root_office
    from jieneng.people.scope import Scope

    root = root_office()
    assert root is not None
    bring("platform", first=True)
    lines = queries.table(Scope(lines=(root.path,)), "platform", "consumption", 2022)
    found = {d.cell: d for d in queries.compared("platform", "consumption", 2022).differences}
    parts: dict[str, list[Any]] = {"platform": [], "explain": [], "ours": [], "": []}
    for n, x in enumerate(lines):
        parts[("platform", "platform", "explain", "platform", "", "platform", "ours", "platform")[n % 8]].append(found[x.institution, x.period, x.item])
    actions.decide(who, book, parts["platform"], "platform", holder="platform", form="consumption", reason="按账单和凭证核对（样例）", word="建议值，请单位核实")
    actions.decide(who, book, parts["ours"], "ours", holder="platform", form="consumption", reason="平台按新账单（样例）", word="建议值，请单位核实")
    actions.explain(who, parts["explain"], holder="platform", form="consumption", year=2022, reason="平台口径含出租商铺（样例）")
    for code in sorted({x.area for x in lines}):
        actions.issue(who, Office.objects.get(code=code), form="consumption", year=2022)
    bring("platform", first=False)


def _accept(who: Any) -> None:
    """Earlier years as they were reviewed then; of the newest, what holds no error."""
    from django.db.models import F

    from jieneng.returns import actions
    from jieneng.returns.models import Return, ReturnFinding

    waiting = Return.objects.filter(state__in=("filed", "county_ok"))
    actions.act(who, "accept", waiting.filter(round__year__lt=2022), keep=True,
                reason=str(T("往年数，按当年审核结果接收", "earlier years, taken as they were reviewed then")))
    must = ReturnFinding.objects.filter(severity="must", revision=F("ret__revision"), ret__round__year=2022).values("ret")
    actions.act(who, "accept", waiting.filter(round__year=2022).exclude(pk__in=must))


def _use(args: argparse.Namespace, out: Out, steps: Steps) -> dict[str, Any]:
    """Figures by area, the summary table and the annual summary, written beside the example files."""
    from jieneng.figures import overview as view
    from jieneng.reports import actions as reports
    from jieneng.returns import queries

    book, snapshot, who = queries.book(), queries.latest_snapshot(), _held(*PEOPLE[0])
    assert snapshot is not None
    folder = args.out or args.home / "example"
    with steps.step("figures", T("指标", "figures")):
        names = [*view.shown(book, "composites"), *view.shown(book, "indicators")]
        whole = view.compute(book, snapshot, names, Period("year", 2022), None, {})
        parts = view.compute(book, snapshot, names, Period("year", 2022), "area", {})
    for f in whole:
        out.line(f"  {out.pick(f.label)}\t{f.value:,.3f} {f.unit}" if f.value is not None else f"  {out.pick(f.label)}\t—")
    for name in view.shown(book, "composites"):
        exact = sum(p.exact for p in parts if p.name == name and p.exact is not None)
        if exact != next(f.exact for f in whole if f.name == name):
            raise refuse("example.parts", T("{n} 各地之和不等于合计", "the parts of {n} are not the whole", n=name))
    with steps.step("table", T("汇总表", "summary tables")):
        for code in book.tables:
            (folder / f"{code}-2022.xlsx").write_bytes(reports.table(who, code, Period("year", 2022), snapshot))
    with steps.step("document", T("2022 年工作总结", "annual summary 2022")):
        version = reports.compose(who, "annual-summary", 2022, snapshot)
        (folder / "annual-summary-2022.docx").write_bytes(reports.docx_of(version))
    return {"snapshot": snapshot.pk, "document": version.pk}


PEOPLE = (
    ("zhoumin", "周敏", "city", "341800", ""), ("wangli", "汪立", "county", "341823", ""), ("suncha", "孙查", "auditor", "341800", ""),
    ("zhaoxi", "赵系", "system_admin", "341800", ""), ("qianan", "钱安", "security_admin", "341800", ""),
)


def _reporter() -> list[tuple[str, str, str, str, str]]:
    """A reporter of a unit of 市直, which files here (mode C), with a return that came back: the form to fill in is not empty."""
    from jieneng.returns.models import Return

    row = Return.objects.filter(round__year=2022, state="returned", institution__standings__office__path__contains="/341800SZ/").order_by("institution__key").first()
    return [("lihui", "李慧", "reporter", "", row.institution.key)] if row else []


def _held(username: str, name: str, role: str, office: str, key: str) -> Any:
    """The account of one of the example's people with its role, made where it is missing: what happened in the city was done by somebody."""
    from jieneng.desk import accounts as actions
    from jieneng.people.models import Office, User

    user = User.objects.filter(username=username).first()
    if user is None:
        user, _ = actions.create_user(None, username, name)
        actions.appoint(None, user, role, office=Office.objects.get(code=office) if office else None, institution_key=key)
    return user


def _accounts(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """Accounts for trying the example out: random passwords, written to a file only its owner can read."""
    from jieneng.desk import accounts as actions
    from jieneng.desk.ops.workspace import write_durably
    from jieneng.people.models import Office
    from jieneng.people.roles import ROLES

    lines = []
    for username, name, role, office, key in (*PEOPLE, *_reporter()):
        user = _held(username, name, role, office, key)
        if not user.must_change_password:
            continue
        # for trying out: the password stays, nobody is made to change it first
        password = actions.one_time_password()
        actions.set_password(None, user, password, one_time=False)
        lines.append(f"{username:10} {password}   {name} · {ROLES[role].label.zh} / {ROLES[role].label.en}")
    if lines:
        lines += _around_accounts(Office.objects.get(code="341823"))
        lines += _to_try(Path(args.home) / "example")
        write_durably(Path(args.home) / "demo-accounts.txt", ("\n".join(lines) + "\n").encode())
    return {"accounts": len(lines)}


def _to_try(folder: Path) -> list[str]:
    """A messy export of the platform, received as the city's: its layout is guessed and waits to be confirmed."""
    from django.urls import reverse

    from jieneng.desk.example.mess import FOLDER
    from jieneng.desk.example.messy import BOOK
    from jieneng.people.models import User
    from jieneng.records import files

    path, zhou = folder / FOLDER / BOOK, User.objects.filter(username="zhoumin").first()
    if zhou is None or not path.is_file():
        return []
    row = files.receive(path, path.name, zhou)
    return ["", f"乱的平台导出表 / a messy export   {path.parent}", f"  认表头 / its layout, to be confirmed (zhoumin): {reverse('layout-guess', args=[row.sha256])}"]


def _around_accounts(county: Any) -> list[str]:
    """What people would look for around accounts: a delegation that holds, and a client of the API with its token."""
    import datetime as dt

    from django.utils import timezone

    from jieneng.desk import clients, delegations
    from jieneng.people.models import User

    wang, zhou = User.objects.filter(username="wangli").first(), User.objects.filter(username="zhoumin").first()
    if wang is None or zhou is None or User.objects.filter(username="api-demo").exists():
        return []
    delegations.delegate(wang, zhou, "county", office=county, until=timezone.localdate() + dt.timedelta(days=30), reason="示例：外出学习")
    _, token = clients.create(None, "demo", "示例县统计平台", "county", office=county, writes=True)
    return ["", f"API 令牌 / token   {token}   泾县，可写 / may write（/api/）"]


VERBS = [Verb("example", T("示例城市", "the example city"), arguments, run)]
