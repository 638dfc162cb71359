"""Make a real workspace on disk with a small city in it, through the product's own verbs: ``python -m tests.desk.small_home HOME``.
``… HOME review`` adds a review with decisions, a sitting and a sample to one that is there.

Four institutions, two years, ledger lines, evidence, two snapshots (one by a job), printed figures, people with rights. What
the tests of operations damage, back up, kill and restore.
"""

from __future__ import annotations

import csv
import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jieneng.__main__ import main

ROOT = "341800"
INSTITUTIONS = (
    ("12341823MB0000019F", "示例第一小学", "341823", "教育局", "education"), ("12341823MB0000027A", "示例第二小学", "341823", "教育局", "education"),
    ("12341800MB0000035T", "示例市医院", "341800SZ", "", "health"), ("12341824MB0000043E", "绩溪示例中学", "341824", "", "education"))
LAYOUT = """layout: small
title: {zh: 小样例, en: Small sample}
book: cn
reads: answers
form: consumption
file: {kind: csv, encoding: auto, delimiter: ","}
header: {row: 1}
identifier: {column: 代码, scheme: uscc}
name: {column: 单位}
period: {column: 统计期, format: YYYY-MM}
missing: [""]
shape: wide
items:
- {column: 电, item: electricity_kwh, unit: kWh}
- {column: 电费, item: electricity_cost_yuan, unit: 元}
- {column: 水, item: water_m3, unit: m³}
- {column: 面积, item: area_m2, unit: ㎡}
- {column: 人数, item: people, unit: 人}
"""
CONTRACT = {"no": "HT-1", "name": "示例屋顶光伏", "area": "341823", "type": "pv", "stage": "tendered", "tendered_on": "2022-03-18", "year": "2022",
            "investment_10k_yuan": "66.8", "capacity_kwp": "212.4"}

QUOTA = {"code": "YL-1", "standard": "示例标准", "region": ROOT, "type": "education", "indicator": "electricity_per_area", "constraint": "5", "basis": "none",
         "since": "2021-01-01", "source_document": "样例", "status": "sample"}
"""The three schools use 6 kWh a square metre: three findings of the review."""


def answers_csv(year: int, extra: int = 0, months: range = range(1, 13), institutions: int = 4) -> bytes:
    """Twelve months of a year for the institutions, as a table; ``extra`` is added to the electricity."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(["代码", "单位", "统计期", "电", "电费", "水", "面积", "人数"])
    for n, (key, name, *_) in enumerate(INSTITUTIONS[:institutions], 1):
        for month in months:
            table.writerow([key, name, f"{year}-{month:02}", 1000 * n + month + extra, 600 * n, 10 * n, 2000 * n, 100 * n])
    return out.getvalue().encode("utf-8-sig")


def write_inputs(folder: Path) -> None:
    """The layout and a table of more answers, for tests that import by the command."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "small.yaml").write_text(LAYOUT, encoding="utf-8")
    (folder / "more.csv").write_bytes(answers_csv(2022, extra=7))


def _people() -> dict[str, Any]:
    from jieneng.desk import accounts
    from jieneng.people.models import Office

    people = {}
    for username, name, role, office, key in (
            ("zhoumin", "周敏", "city", ROOT, ""), ("wangli", "汪立", "county", "341823", ""), ("suncha", "孙查", "auditor", ROOT, ""),
            ("zhaoxi", "赵系", "system_admin", ROOT, ""), ("qianan", "钱安", "security_admin", ROOT, ""),
            ("wangxiuying", "王秀英", "reporter", "", INSTITUTIONS[0][0]), ("jiuren", "旧人", "county", "341824", "")):
        people[username], _ = accounts.create_user(None, username, name)
        accounts.appoint(None, people[username], role, office=Office.objects.get(code=office) if office else None, institution_key=key)
    accounts.disable(None, people["jiuren"])
    return people


def _register(zhou: Any, office: Any) -> None:
    import datetime as dt

    from jieneng.registry.actions import Entry, import_register

    entries = [Entry(key=key, scheme="uscc", name=name, since=dt.date(2019, 1, 1), area=area, department=department, type=type_)
               for key, name, area, department, type_ in INSTITUTIONS]
    outcome = import_register(zhou, entries, office=office)
    assert not outcome.problems, outcome.problems


def _bring(zhou: Any, office: Any, year: int, **more: Any) -> None:
    from jieneng.fieldwork.intake import bring_in
    from jieneng.records import files

    received = files.receive(io.BytesIO(answers_csv(year, **more)), f"{year}.csv", zhou)
    batch = bring_in(zhou, received, LAYOUT, office=office, layout_name="small.yaml", open_rounds=True)
    assert not batch.problems, batch.problems


def _review() -> None:
    """A run of the review, decisions of which one is undone, a sitting with an opinion, a sample with a check on site."""
    import datetime as dt

    import django

    django.setup()

    from jieneng.fieldwork import actions as ledgers
    from jieneng.people.models import User
    from jieneng.people.queries import root_office
    from jieneng.returns.models import Round
    from jieneng.returns.queries import book as the_book
    from jieneng.review import actions as review
    from jieneng.sitting import deciding, meeting, sampling

    zhou, book, office = User.objects.get(username="zhoumin"), the_book(), root_office()
    assert office is not None
    ledgers.save(zhou, book.ledgers["quotas"], QUOTA, office=office)
    round_ = Round.objects.get(year=2022)
    findings = list(review.run_review(zhou, book, round_, office).findings.order_by("rank")[:3])
    deciding.undo(zhou, deciding.found_right(zhou, findings[0], "误点"))
    deciding.accept_explanation(zhou, findings[0], "新楼投用", until=dt.date(2022, 12, 31))
    deciding.send_back(zhou, book, findings[1], "请核对账单")
    sitting = meeting.call(zhou, round_, office, place="三楼会议室", day=dt.date(2023, 3, 15))
    meeting.put_questions(zhou, sitting, findings[:2])
    meeting.opine(zhou, sitting.questions.first(), "账单一致", "right")
    sample = sampling.draw(zhou, office, 2022, "20230315")
    sampling.check(zhou, sample.units.first(), item="electricity_kwh", period="2022-06", reading="1006", result="agrees", checked_on=dt.date(2023, 4, 2), note="抄表日差 2 天")


def _fill() -> None:
    """Everything that a year of work leaves behind, in small."""
    from jieneng import engine
    from jieneng.core.period import Period
    from jieneng.fieldwork import actions as ledgers
    from jieneng.figures.calculate import calculate
    from jieneng.figures.models import FigureRecord
    from jieneng.people.queries import console, root_office
    from jieneng.records import evidence, jobs
    from jieneng.records.models import ReceivedFile
    from jieneng.registry.models import Institution
    from jieneng.returns import actions, freeze, queries
    from jieneng.returns.models import Import, Return

    office = root_office()
    assert office is not None
    _register(console(), office)
    zhou, book = _people()["zhoumin"], queries.book()
    for year in (2021, 2022):
        _bring(zhou, office, year)
        actions.act(zhou, "accept", Return.objects.filter(state="filed"))
    one = Return.objects.filter(period="2022-03", institution=Institution.objects.get(key=INSTITUTIONS[3][0]))
    actions.act(zhou, "reopen", one, reason="电表读数写错一位")
    _bring(zhou, office, 2022, extra=0, months=range(4, 5))  # nothing changes
    _bring(zhou, office, 2022, extra=5, months=range(3, 4))  # four corrections
    actions.act(zhou, "accept", Return.objects.filter(state="filed"))
    contracts = book.ledgers["energy_contracts"]
    ledgers.save(zhou, contracts, CONTRACT, office=office)
    ledgers.save(zhou, contracts, {**CONTRACT, "capacity_kwp": "213"}, office=office, key="HT-1", seen=1)
    ledgers.save(zhou, contracts, {**CONTRACT, "no": "HT-2", "name": "误登"}, office=office)
    ledgers.withdraw(zhou, contracts, "HT-2", "登错了")
    line = SimpleNamespace(values={**CONTRACT, "no": "HT-3", "name": "导入的一条"}, file="台账.xlsx", sheet="合同", cell="A2", sources={})
    batch = Import.objects.create(file=ReceivedFile.objects.all()[0], layout="test", layout_hash="x", layout_text="", reads="ledger:energy_contracts", on_behalf=office, by=zhou)
    assert ledgers.import_ledger(zhou, contracts, [line], batch=batch, office=office).new == 1
    evidence.attach(zhou, "ledger", "energy_contracts/HT-1", io.BytesIO(b"%PDF-1.4 sample"), "合同.pdf", "合同", line=office.path, right="ledger")
    record = freeze.freeze(zhou, book, 2022)
    snapshot = queries.opened(record)
    figures = calculate(book, engine.connect(), snapshot, ["electricity_kwh", "energy_tce", "energy_per_area"], period=Period("year", 2022), by=None,
                        where={"line": office.path})
    for n, figure in enumerate(figures):
        FigureRecord.objects.create(snapshot=record, place="test:1", key=f"n{n}", name=figure.name, printed=str(figure.value), recipe=figure.as_json())
    jobs.enqueue("freeze", {"year": 2022}, by=zhou, key="freeze:2022:test", line=office.path)
    done = jobs.run_one()
    assert done is not None and done.state == "done", done and done.error


if __name__ == "__main__":
    target = Path(sys.argv[1])
    if sys.argv[2:] == ["review"]:
        os.environ |= {"JIENENG_HOME": str(target), "DJANGO_SETTINGS_MODULE": "jieneng.desk.settings"}
        _review()
        raise SystemExit(0)
    if main(["--home", str(target), "init"]) != 0:
        raise SystemExit("init failed")
    os.environ["JIENENG_HOME"] = str(target)
    _fill()
