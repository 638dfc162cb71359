"""The table page × person × scope, walked (faults.md A1, A2, S4). A page without a row here fails the first test.

Everyone sees and changes what lies in their scope and nothing else: not a foreign name in a body, a sheet or an error.
"""

from __future__ import annotations

import ast
import datetime as dt
import functools
import inspect
import io
import itertools
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from django.urls import get_resolver, reverse

from jieneng.desk.certify import certify
from jieneng.desk.urls import urlpatterns
from jieneng.exchange import actions as exchange
from jieneng.exchange import register_changes as handed_out
from jieneng.exchange.layouts import save as save_layout
from jieneng.exchange.models import RegisterLine
from jieneng.fieldwork import actions as ledgers
from jieneng.filling import issue as filling
from jieneng.filling.queries import year_of
from jieneng.filling.sheet import sheet_of
from jieneng.people.access import RIGHTS
from jieneng.people.models import Handover
from jieneng.records import files
from jieneng.records.jobs import enqueue
from jieneng.records.models import Event
from jieneng.registry import changes as register_changes
from jieneng.registry import vouchers
from jieneng.registry.planning import Line
from jieneng.reports import actions as reports
from jieneng.returns.actions import open_round
from jieneng.returns.freeze import freeze
from jieneng.returns.models import Import, Return
from jieneng.returns.queries import book
from jieneng.sitting import deciding, meeting, sampling
from tests.exchange.make import drafts, off_by_ten, take
from tests.exchange.test_template import template
from tests.figures.make import file_all
from tests.people_by_name import HOSPITAL, JIXI_SCHOOL, PEOPLE, SCHOOL_ONE, SCHOOL_TWO, make_city, make_home
from tests.sitting.make import add, make_run, make_screening

pytestmark = pytest.mark.django_db
CITY, COUNTY, NEIGHBOUR, DEPARTMENT = "zhoumin", "wangli", "heping", "chengang"
REPORTER, OTHER_REPORTER = "wangxiuying", "lihui"
WHOLE = {CITY, "suncha", "wusheng", "zhengkao"}  # see the whole city
SEERS = WHOLE | {COUNTY, NEIGHBOUR, DEPARTMENT, REPORTER, OTHER_REPORTER, "linjian"}
EVERYBODY = set(PEOPLE)
IMPORTERS = {CITY, COUNTY, NEIGHBOUR, DEPARTMENT}
KEEPERS = {CITY, COUNTY, NEIGHBOUR}
CALLERS = KEEPERS | {DEPARTMENT, REPORTER, OTHER_REPORTER}  # who needs names and numbers
REVIEWERS = IMPORTERS | {"suncha"}  # who reviews, and the auditor
IN_JINGXIAN = WHOLE | {COUNTY, DEPARTMENT, "linjian"}
NAMES = {SCHOOL_ONE: "示例第一小学", SCHOOL_TWO: "示例第二小学", HOSPITAL: "示例市医院", JIXI_SCHOOL: "绩溪示例中学"}
FOREIGN: dict[str, set[str]] = {
    COUNTY: {NAMES[HOSPITAL], NAMES[JIXI_SCHOOL], "合同机密绩溪"}, DEPARTMENT: {NAMES[HOSPITAL], NAMES[JIXI_SCHOOL], "合同机密绩溪", "合同机密泾县"},
    NEIGHBOUR: {NAMES[HOSPITAL], NAMES[SCHOOL_ONE], NAMES[SCHOOL_TWO], "合同机密泾县"}, "linjian": {NAMES[HOSPITAL], NAMES[JIXI_SCHOOL], "合同机密绩溪"},
    REPORTER: {NAMES[SCHOOL_TWO], NAMES[HOSPITAL], NAMES[JIXI_SCHOOL], "合同机密"}, OTHER_REPORTER: {NAMES[SCHOOL_ONE], NAMES[HOSPITAL], "合同机密"},
    "luren": {*NAMES.values(), "合同机密"}, "jiuren": {*NAMES.values(), "合同机密"}, "zhaoxi": {*NAMES.values(), "合同机密"}, "qianan": {*NAMES.values(), "合同机密"},
}


@pytest.fixture(scope="module")
def stage(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Made once for this file and cleared after it; each test runs in a transaction of its own on top."""
    home = tmp_path_factory.mktemp("walk")
    make_home(home)
    before = settings.HOME
    settings.HOME = home
    with django_db_blocker.unblock():
        made = build()
        yield {**made, "home": home}
        call_command("flush", interactive=False, verbosity=0)
    settings.HOME = before


@pytest.fixture(autouse=True)
def home(settings: Any, stage: dict[str, Any]) -> Path:
    """The home made for this file, instead of one per test."""
    settings.HOME = stage["home"]
    return stage["home"]


@pytest.fixture
def sign_in(db: None, stage: dict[str, Any]) -> Any:
    """``sign_in("zhoumin")`` gives a client signed in as that person."""

    def as_person(username: str) -> Client:
        client = Client()
        client.force_login(stage["people"][username])
        return client

    return as_person


def build() -> dict[str, Any]:
    """The small city with three years filed, two frozen, two contracts, an import of 泾县, a job, a file and a document."""
    city = make_city()
    people, offices = city["people"], city["offices"]
    for year in (2020, 2021, 2022):
        file_all(city, year)
    contracts = book().ledgers["energy_contracts"]
    lines = {}
    for no, area, name in (("HT-1", "341823", "合同机密泾县"), ("HT-2", "341824", "合同机密绩溪")):
        lines[area] = ledgers.save(people[CITY], contracts, {
            "no": no, "name": name, "area": area, "type": "pv", "stage": "tendered", "tendered_on": "2022-03-01", "year": "2022",
            "investment_10k_yuan": "10", "capacity_kwp": "100"}, office=offices["341800"])
    bins = book().ledgers["waste_bins"]
    ledgers.save(people[CITY], bins, {"no": "B1", "batch": "1", "issued_on": "2022-03-01", "unit": "甲", "kind": "two_way", "count": "3",
                                      "counted_as": "piece", "year": "2022"}, office=offices["341800"])
    facts = book().ledgers["external_facts"]
    ledgers.save(people[CITY], facts, {"code": "creation_rank", "year": "2022", "label": "名次", "value": "第三个", "source_document": "通报（样例）"},
                 office=offices["341800"])
    first = freeze(people[CITY], book(), 2022)
    corrected = Decimal(4321)
    file_all(city, 2022, change=lambda key, month, a: {**a, "water_m3": corrected} if (key, month) in ((SCHOOL_ONE, 3), (JIXI_SCHOOL, 4)) else a)
    record = freeze(people[CITY], book(), 2022)
    later = open_round(people[CITY], book(), form="consumption", year=2019, office=offices["341800"], rhythm="year", mode="C")
    workbook = files.receive(io.BytesIO(filling.make(filling.office_spec(book(), later, offices["341823"]))), "泾县.xlsx", people[COUNTY])
    Import.objects.create(file=workbook, layout="workbook", layout_hash="x", layout_text="", reads="answers", on_behalf=offices["341823"], by=people[COUNTY])
    own = files.receive(io.BytesIO(filling.make(filling.institution_spec(year_of(book(), later, city["institutions"][SCHOOL_ONE])))), "一小.xlsx", people[REPORTER])
    received = files.receive(io.BytesIO(b"jingxian"), "泾县.csv", people[COUNTY])
    batch = Import.objects.create(file=received, layout="x", layout_hash="x", layout_text="", reads="answers", on_behalf=offices["341823"], by=people[COUNTY])
    beside = platform_beside(city)
    job = enqueue("freeze", {"year": 2022}, by=people[COUNTY], key="walk", line=offices["341823"].path)
    version = reports.compose(people[CITY], "annual-summary", 2022, record)
    bulk = files.receive(io.BytesIO("用户名,姓名,角色,管到哪个机关\nxinren,新人,审计,宣城市\n".encode()), "账号.csv", people["qianan"])
    handover = Handover.objects.create(leaver=people["jiuren"], successor=people[COUNTY], by=people["qianan"], listing={"rights": [], "work": [], "delegations": []})
    ret = Return.objects.get(institution=city["institutions"][SCHOOL_ONE], period="2022-03")
    (change,), _ = register_changes.apply(people[COUNTY], [Line("territory", SCHOOL_ONE, dt.date(2023, 1, 5), "迁址", "泾县编办〔2023〕1号", territory="341821")])
    handed_out.export(people[COUNTY], since=dt.date(2023, 1, 1))
    voucher = vouchers.add(people[COUNTY], city["institutions"][SCHOOL_ONE], 2022, "electricity_bill", io.BytesIO(b"%PDF-1.4 bill"), "电费.pdf")
    run = make_run(city)
    findings = [add(run, city, key, rank) for rank, key in enumerate((SCHOOL_ONE, HOSPITAL, SCHOOL_TWO, JIXI_SCHOOL), 1)]
    undoable = deciding.found_right(people[COUNTY], add(run, city, SCHOOL_ONE, 5, month=4), "对过账单")
    sitting = meeting.call(people[CITY], run.round, offices["341800"], place="会议室", day=dt.date(2023, 3, 15))
    meeting.set_groups(people[CITY], sitting, [(["341800SZ"], ["341823", "341824"])])
    meeting.put_questions(people[CITY], sitting, findings)
    screening = make_screening(city, record)
    sample = sampling.draw(people[CITY], offices["341800"], 2022, seed="7")
    return {**city, "review": run, "finding": findings[0], "undoable": undoable, "sitting": sitting, "screening": screening, "sample": sample, "register_line": RegisterLine.objects.get(institution=city["institutions"][SCHOOL_ONE]), **beside, "workbook": workbook, "own": own, "change": change, "voucher": voucher, "bulk": bulk, "handover": handover, "certificate": certify(people["suncha"]), "record": record, "contracts": lines, "batch": batch, "job": job, "version": version, "ret": ret, "file": received, "first": first, "open": later}


def platform_beside(city: dict[str, Any]) -> dict[str, Any]:
    """What the platform holds of two counties in 2021, a correction and a list in each, a layout learned from a file."""
    people = city["people"]
    _, taken = take(city, drafts=drafts(city, 2021, lambda k, m, a: off_by_ten(JIXI_SCHOOL)(k, m, off_by_ten(SCHOOL_ONE)(k, m, a))))
    lines, lists = {}, {}
    for area, key in (("341823", SCHOOL_ONE), ("341824", JIXI_SCHOOL)):
        lines[area] = exchange.correct(people[CITY], book(), city["institutions"][key], form="consumption", period="2021-03", item="electricity_kwh",
                                       new="1", reason="账单（样例）", word="建议值")
        lists[area] = exchange.issue(people[CITY], city["offices"][area], form="consumption", year=2021)
    _, taken = take(city, drafts=drafts(city, 2021, off_by_ten(SCHOOL_ONE)), name="平台2.xls")
    table = files.receive(io.BytesIO("统一社会信用代码,单位名称,统计期,用电量（千瓦时）\n12341823MB0000018A,甲,2022-03,12\n".encode()), "教一次.csv", people[COUNTY])
    return {"corrections": lines, "lists": lists, "taken": taken, "table": table, "form": files.receive(io.BytesIO(template([SCHOOL_ONE])), "省表.xlsx", people[COUNTY]), "layout": save_layout(people[CITY], LAYOUT)}


LAYOUT = """layout: walk
title: {zh: 走一遍, en: walk}
book: cn
reads: answers
form: consumption
file: {kind: csv}
identifier: {column: 信用代码, scheme: uscc}
period: {value: 2022}
items:
- {column: 电（千瓦时）, item: electricity_kwh, unit: kWh}
"""
Made = dict[str, Any]
Args = Callable[[Made], tuple[list[Any], str]]


def _plain(query: str = "") -> Args:
    return lambda s: ([], query)


def _on(*keys: Any, query: str = "") -> Args:
    return lambda s: ([k(s) if callable(k) else k for k in keys], query)


MINE: Args = _on(lambda s: s["open"].pk, lambda s: s["institutions"][SCHOOL_ONE].pk)
OPEN = {"sign-in", "sign-in-code", "health"}
POST_ONLY = {"screening-run", "screening-review", "return-waiver", "return-enter", "review-run", "review-many", "review-decide", "review-undo", "sitting-do", "sitting-opinion", "sample-draw", "sample-check", "sign-out", "session-end", "delegate", "delegation-end", "act-for", "unlock", "set-language", "round-open", "round-accept", "round-sign", "freeze", "return-act", "ledger-withdraw", "changes-apply", "change-undo", "contact-set", "paper-withdraw", "compose", "evidence-attach", "events-verify", "document-confirm", "chase-phones", "chase-send",
             "messages-read", "compare-decide", "compare-adopt", "corrections-issue", "correction-withdraw", "register-line-drop"}
TRACE = "?name=energy_tce&period=2022&by=&code="
TABLE: dict[str, tuple[set[str], Args]] = {
    "home": (EVERYBODY, _plain()),
    "search": (SEERS, _plain("?q=示例")),
    "rules": (EVERYBODY, _plain()),
    "manual": (EVERYBODY, _plain()),
    "manual-chapter": (EVERYBODY, lambda s: (["figures"], "")),
    "status": ({"zhaoxi", "suncha"}, _plain()),
    "accounts": ({"qianan"}, _plain()),
    "accounts-xlsx": ({"qianan"}, _plain()),
    "accounts-template": ({"qianan"}, _plain()),
    "accounts-bulk": ({"qianan"}, _plain()),
    "accounts-bulk-file": ({"qianan"}, _on(lambda s: s["bulk"].sha256)),
    "accounts-bulk-problems": ({"qianan"}, _on(lambda s: s["bulk"].sha256)),
    "sign-ins": ({"qianan"}, _plain()),
    "sign-ins-xlsx": ({"qianan"}, _plain()),
    "handover": ({"qianan"}, _on(lambda s: s["people"][COUNTY].pk)),
    "handover-note": ({"qianan"}, _on(lambda s: s["handover"].pk)),
    "clients": ({"qianan"}, _plain()),
    "me": (EVERYBODY, _plain()),
    "factor": (EVERYBODY, _plain()),
    "api-docs": (EVERYBODY, _plain()),
    "api-openapi": (EVERYBODY, _plain()),
    "change-password": (EVERYBODY, _plain()),
    "register": (SEERS, _plain()),
    "register-xlsx": (SEERS, _plain()),
    "institution": (IN_JINGXIAN | {REPORTER}, _on(lambda s: s["institutions"][SCHOOL_ONE].pk)),
    "liaison-handover": ({CITY, COUNTY, DEPARTMENT, REPORTER}, _on(lambda s: s["institutions"][SCHOOL_ONE].pk)),
    "vouchers": (IN_JINGXIAN | {REPORTER}, _on(lambda s: s["institutions"][SCHOOL_ONE].pk, 2022)),
    "vouchers-zip": (IN_JINGXIAN | {REPORTER}, _on(lambda s: s["institutions"][SCHOOL_ONE].pk, 2022)),
    "paper": (IN_JINGXIAN | {REPORTER}, _on(lambda s: s["voucher"].pk)),
    "papers": (SEERS, _plain()),
    "papers-xlsx": (SEERS, _plain()),
    "offices": (SEERS, _plain()),
    "offices-xlsx": (SEERS, _plain()),
    "changes": (SEERS, _plain()),
    "changes-xlsx": (SEERS, _plain()),
    "changes-template": (KEEPERS, _plain()),
    "change": (IN_JINGXIAN | {REPORTER}, _on(lambda s: s["change"].pk)),
    "tidy": (KEEPERS, _plain()),
    "tidy-xlsx": (KEEPERS, _plain()),
    "liaison": (CALLERS, _plain()),
    "liaison-xlsx": (CALLERS, _plain()),
    "rounds": (SEERS, _plain()),
    "before": ({CITY}, _on(2022, "freeze")),
    "round-plan": (SEERS, _on(lambda s: s["ret"].round_id)),
    "round-pass": (SEERS, _on(lambda s: s["ret"].round_id)),
    "round-totals": (IN_JINGXIAN - {DEPARTMENT}, _on(lambda s: s["ret"].round_id, lambda s: s["offices"]["341823"].pk)),
    "round-totals-xlsx": (IN_JINGXIAN - {DEPARTMENT}, _on(lambda s: s["ret"].round_id, lambda s: s["offices"]["341823"].pk)),
    "chase": (SEERS, _on(lambda s: s["ret"].round_id, query="?state=all")),
    "chase-latest": (SEERS, _plain()),
    "chase-xlsx": (SEERS, _on(lambda s: s["ret"].round_id, query="?state=all")),
    "chase-target": ({CITY}, _on(lambda s: s["open"].pk, "office:341823")),
    "chase-letter": ({CITY}, _on(lambda s: s["open"].pk, "office:341823")),
    "chase-letters": (IMPORTERS, _on(lambda s: s["open"].pk)),
    "chase-picture": ({CITY}, _on(lambda s: s["open"].pk, "office:341823", 1)),
    "messages": (EVERYBODY, _plain()),
    "snapshot-against": (SEERS, _on(lambda s: s["first"].pk, lambda s: s["record"].pk)),
    "snapshot-against-xlsx": (SEERS, _on(lambda s: s["first"].pk, lambda s: s["record"].pk)),
    "snapshot": (SEERS, _on(lambda s: s["record"].pk)),
    "findings": (SEERS, _plain()),
    "findings-xlsx": (SEERS, _plain()),
    "review-start": (REVIEWERS, _plain()),
    "review": (REVIEWERS, _on(lambda s: s["review"].round_id)),
    "review-xlsx": (REVIEWERS, _on(lambda s: s["review"].round_id)),
    "integrity": ({CITY, "suncha"}, _on(lambda s: s["review"].round_id)),
    "integrity-xlsx": ({CITY, "suncha"}, _on(lambda s: s["review"].round_id)),
    "screening": ({CITY, "suncha"}, _plain()),
    "screening-xlsx": ({CITY, "suncha"}, _on(lambda s: s["screening"].pk)),
    "screening-candidates-xlsx": ({CITY, "suncha"}, _on(lambda s: s["screening"].pk)),
    "screening-findings-xlsx": ({CITY, "suncha"}, _on(lambda s: s["screening"].pk)),
    "sittings": (REVIEWERS, _plain()),
    "sitting": (REVIEWERS, _on(lambda s: s["sitting"].pk)),
    "sitting-screen": ({CITY, "suncha"}, _on(lambda s: s["sitting"].pk)),
    "sitting-xlsx": (REVIEWERS, _on(lambda s: s["sitting"].pk)),
    "sitting-paper": (REVIEWERS, _on(lambda s: s["sitting"].pk, "questions")),
    "samples": (REVIEWERS, _plain()),
    "sample": ({CITY, "suncha"}, _on(lambda s: s["sample"].pk)),
    "sample-xlsx": ({CITY, "suncha"}, _on(lambda s: s["sample"].pk)),
    "return": (IN_JINGXIAN | {REPORTER}, _on(lambda s: s["ret"].pk)),
    "filling": ({REPORTER, OTHER_REPORTER}, _plain()),
    "filling-year": ({REPORTER}, MINE),
    "filling-easy": ({REPORTER}, lambda s: ([*MINE(s)[0], 2], "")),
    "filling-month": ({REPORTER}, lambda s: ([*MINE(s)[0], "2019"], "")),
    "filling-workbook": ({REPORTER}, MINE),
    "filling-upload": ({REPORTER}, MINE),
    "filling-marked": ({REPORTER}, lambda s: ([*MINE(s)[0], s["own"].sha256], "")),
    "sheet": (IN_JINGXIAN | {REPORTER}, _on(lambda s: s["ret"].round_id, lambda s: s["institutions"][SCHOOL_ONE].pk)),
    "verify": (SEERS, lambda s: ([], f"?code={sheet_of(s['ret'].round, s['institutions'][SCHOOL_ONE]).code}")),
    "grid": ({CITY, COUNTY, DEPARTMENT}, _on(lambda s: s["open"].pk, lambda s: s["offices"]["341823-jyj"].pk)),
    "filling-units": (IMPORTERS, _on(lambda s: s["open"].pk)),
    "filling-units-workbook": ({CITY, COUNTY, DEPARTMENT}, _on(lambda s: s["open"].pk, lambda s: s["offices"]["341823-jyj"].pk)),
    "filling-units-marked": ({COUNTY}, _on(lambda s: s["open"].pk, lambda s: s["workbook"].sha256)),
    "imports": (IMPORTERS | {"suncha"}, _plain()),
    "import": ({CITY, COUNTY, "suncha"}, _on(lambda s: s["batch"].pk)),
    "import-problems": ({CITY, COUNTY, "suncha"}, _on(lambda s: s["batch"].pk)),
    "import-changes": ({CITY, "suncha"}, _on(lambda s: s["taken"].pk)),
    "import-changes-xlsx": ({CITY, "suncha"}, _on(lambda s: s["taken"].pk)),
    "layouts": (IMPORTERS, _plain()),
    "layout-guess": ({COUNTY}, _on(lambda s: s["table"].sha256)),
    "layout": (IMPORTERS, _on("walk")),
    "export-template": (SEERS, _plain()),
    "register-export": (SEERS, _plain("?since=2023-01-01")),
    "register-lines": (SEERS, _plain()),
    "export-fill": ({COUNTY}, _on(lambda s: s["form"].sha256)),
    "compare": (SEERS, _plain()),
    "compare-xlsx": (SEERS, _plain()),
    "compare-waiting": (IMPORTERS, _plain()),
    "platform": (SEERS, _plain()),
    "reference-sheets": (SEERS, _plain("?year=2022")),
    "corrections": (SEERS, _plain()),
    "corrections-xlsx": (SEERS, _plain()),
    "correction-new": (IMPORTERS, _plain()),
    "correction-list": (IN_JINGXIAN - {DEPARTMENT}, _on(lambda s: s["lists"]["341823"].pk)),
    "received": (WHOLE | {COUNTY, "linjian"}, _on(lambda s: s["file"].sha256)),
    "job": (WHOLE | {COUNTY, "linjian"}, _on(lambda s: s["job"].pk)),
    "events": (SEERS, _plain()),
    "event": (WHOLE, _on(lambda s: Event.objects.get(verb="document.compose").seq)),
    "certificate": ({"suncha", "zhaoxi"}, _on(lambda s: s["certificate"].seq)),
    "figures": (SEERS, _plain()),
    "figures-xlsx": (SEERS, _plain("?by=institution")),
    "trace": (SEERS, _plain(TRACE)),
    "trace-branch": (SEERS, _plain("?name=electricity_kwh&period=2022&path=0&level=institution")),
    "trace-cell": (IN_JINGXIAN | {REPORTER}, lambda s: ([], f"?return={s['ret'].pk}&item=electricity_kwh&revision=1")),
    "tables": (SEERS, _plain()),
    "table": (SEERS, _on("department-summary", "2022")),
    "ledger": (SEERS, _on("energy_contracts")),
    "ledger-xlsx": (SEERS, _on("energy_contracts")),
    "ledger-template": (KEEPERS, _on("energy_contracts")),
    "ledger-new": (KEEPERS, _on("energy_contracts")),
    "ledger-record": (WHOLE | {COUNTY, "linjian"}, _on("energy_contracts", lambda s: s["contracts"]["341823"].pk)),
    "documents": (SEERS, _plain()),
    "document": (WHOLE, _on(lambda s: s["version"].pk)),
    "document-docx": (WHOLE, _on(lambda s: s["version"].pk)),
    "document-proof": (WHOLE, _on(lambda s: s["version"].pk)),
    "document-proof-xlsx": (WHOLE, _on(lambda s: s["version"].pk)),
    "document-figure": (WHOLE, _on(lambda s: s["version"].pk, "energy")),
}


def names() -> set[str]:
    return {p.name for p in urlpatterns if getattr(p, "name", None)}


def body(response: Any) -> str:
    """Everything a person could read in a response, a workbook's texts included."""
    data = b"".join(response.streaming_content) if response.streaming else response.content
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as z:
            data = b"".join(z.read(n) for n in z.namelist() if n.endswith(".xml"))
    return data.decode("utf-8", "replace") + " ".join(f"{k}: {v}" for k, v in response.items())


def test_every_page_has_a_row_and_every_view_says_its_right() -> None:
    assert names() - OPEN - POST_ONLY == set(TABLE)
    for p in urlpatterns:
        if not getattr(p, "name", None):  # the API: its own walk is tests/api
            continue
        view = p.callback
        if p.name in OPEN | {"sign-out", "set-language"}:
            continue
        declared = f"{view.__module__}.{view.__name__}"
        assert hasattr(view, "verbs") or declared in RIGHTS or hasattr(getattr(view, "__wrapped__", None), "verbs"), p.name
    assert get_resolver().reverse_dict


def test_nobody_gets_in_without_signing_in(stage: Made) -> None:
    for name, (_, args) in TABLE.items():
        keys, query = args(stage)
        response = Client().get(reverse(name, args=keys) + query)
        assert response.status_code == 302 and response.headers["Location"].startswith("/sign-in/"), name


@pytest.mark.parametrize("person", PEOPLE)
def test_each_person_sees_what_the_table_says_and_nothing_foreign(stage: Made, sign_in: Any, person: str) -> None:
    client, events = sign_in(person), Event.objects.count()
    for name, (allowed, args) in TABLE.items():
        keys, query = args(stage)
        response = client.get(reverse(name, args=keys) + query)
        if person in allowed:
            assert response.status_code in (200, 302), (name, person, response.status_code)
        else:
            assert response.status_code in (403, 404), (name, person, response.status_code)
        text = body(response)
        for secret in FOREIGN.get(person, set()):
            assert secret not in text, (name, person, secret)
    assert Event.objects.count() == events  # no GET changes anything


@pytest.mark.parametrize("person", PEOPLE)
def test_foreign_objects_answer_like_objects_that_never_were(stage: Made, sign_in: Any, person: str) -> None:
    client = sign_in(person)
    foreign_return = Return.objects.get(institution=stage["institutions"][JIXI_SCHOOL], period="2022-03")
    for url in (f"/register/{stage['institutions'][JIXI_SCHOOL].pk}/", f"/returns/{foreign_return.pk}/",
                f"/ledgers/energy_contracts/{stage['contracts']['341824'].pk}/",
                f"/figures/trace/cell/?return={foreign_return.pk}&item=electricity_kwh&revision=1",
                "/figures/trace/?name=energy_tce&period=2022&by=area&code=341824",
                f"/figures/trace/?name=energy_tce&period=2022&by=institution&code={stage['institutions'][JIXI_SCHOOL].pk}"):
        response = client.get(url)
        if person in WHOLE | {NEIGHBOUR}:
            assert response.status_code == 200, url
        else:
            assert response.status_code in (403, 404), (url, response.status_code)
            assert NAMES[JIXI_SCHOOL] not in body(response)


@pytest.mark.parametrize("person", [COUNTY, REPORTER, DEPARTMENT])
@pytest.mark.parametrize("query", [
    "name=electricity_kwh&period=2022&path=0&level=area&in_area=341824", "name=electricity_kwh&period=2022&path=0&level=institution&in_area=341824",
    "name=electricity_kwh&period=2022&path=0&level=cells&in_institution={jixi}", "name=electricity_kwh&period=2022&path=9.9&level=area",
    "name=electricity_kwh&period=2022&path=x&level=area", "name=electricity_kwh&period=2022&path=0&level=cells&in_institution=abc",
    "name=nothing&period=2022&path=0", "name=electricity_kwh&period=9999999&path=0", "name=electricity_kwh&period=2022&by=line&code=/&path=0",
    "name=electricity_kwh&period=2022&path=0&snapshot=../../etc", "name=electricity_kwh&period=2022&by=institution&code=-1&path=0"])
def test_self_made_addresses_tell_nothing_and_never_break(stage: Made, sign_in: Any, person: str, query: str) -> None:
    query = query.format(jixi=stage["institutions"][JIXI_SCHOOL].pk)
    for path in ("/figures/trace/branch/?", "/figures/trace/?", "/figures/?", "/figures.xlsx?"):
        response = sign_in(person).get(path + query)
        assert response.status_code in (200, 404), (path, query)
        assert NAMES[JIXI_SCHOOL] not in body(response) and "绩溪" not in body(response)


POSTS: dict[str, tuple[set[str], Args, Any]] = {
    "round-open": ({CITY}, _plain(), {"year": "2024"}),
    "freeze": ({CITY}, _on(2022), {}),
    "compose": ({CITY}, _on("annual-summary", 2022), {}),
    "ledger-withdraw": ({CITY, COUNTY}, _on("energy_contracts", lambda s: s["contracts"]["341823"].pk), {"reason": "测试"}),
    "ledger-record": ({CITY, COUNTY}, _on("energy_contracts", lambda s: s["contracts"]["341823"].pk),
                      {"no": "HT-1", "name": "改名", "area": "341823", "type": "pv", "stage": "signed", "year": "2022", "seen": "1", "reason": "签约"}),
    "ledger-new": (KEEPERS, _on("energy_contracts"), {"no": "N-1", "name": "新", "area": "", "type": "pv", "stage": "signed", "year": "2022"}),
    "return-act": ({CITY}, _on(lambda s: s["ret"].pk, "reopen"), {"reason": "测试"}),
    "return-waiver": ({CITY, COUNTY}, _on(lambda s: s["ret"].pk), lambda s: {"rule": "L05", "until": (dt.date.today() + dt.timedelta(days=9)).isoformat(), "reason": "测试"}),
    "return-enter": ({CITY, COUNTY, DEPARTMENT}, _on(lambda s: s["ret"].pk), lambda s: {
        "item": "water_m3", "value": "17", "word": "王秀英", "confirmed_on": "2023-03-01", "reason": "抄错", "voucher": SimpleUploadedFile("更正.pdf", b"%PDF-1.4 x")}),
    "round-plan": ({CITY}, _on(lambda s: s["open"].pk), {"do": "strict", "strict": "1"}),
    "round-pass": ({CITY}, _on(lambda s: s["ret"].round_id), {"verb": "reopen", "state": "accepted", "all": "1", "reason": "测试"}),
    "round-totals": ({CITY, COUNTY}, _on(lambda s: s["ret"].round_id, lambda s: s["offices"]["341823"].pk), {"do": "hand-up"}),
    "chase-phones": (IMPORTERS, _on(lambda s: s["open"].pk), {}),
    "offices": (KEEPERS, _plain(), {"verb": "add", "office": "341823", "code": "341823100", "name": "示例镇", "kind": "township", "since": "2022-01-01", "reason": "设镇", "document": "示例民政〔2022〕1号"}),
    "change-undo": ({CITY, COUNTY}, _on(lambda s: s["change"].pk), {"since": "2023-02-01", "reason": "没有迁"}),
    "contact-set": ({CITY, COUNTY, REPORTER}, _on(lambda s: s["institutions"][SCHOOL_ONE].pk), {"role": "liaison", "name": "示例联络员", "phone": "0563-5020000", "since": "2022-01-01"}),
    "liaison-xlsx": ({CITY, COUNTY, NEIGHBOUR, DEPARTMENT}, _plain(), {}),
    "paper-withdraw": ({CITY, COUNTY, DEPARTMENT, REPORTER}, _on(lambda s: s["voucher"].pk), {"reason": "传错了"}),
    "review-decide": ({CITY, COUNTY, DEPARTMENT}, _on(lambda s: s["finding"].pk, "send-back"), {"reason": "与账单不符"}),
    "review-many": ({CITY, COUNTY, DEPARTMENT}, _on(lambda s: s["review"].round_id, "right"), lambda s: {"finding": str(s["finding"].pk), "reason": "与账单一致"}),
    "review-undo": ({CITY, COUNTY, DEPARTMENT}, _on(lambda s: s["undoable"].pk), {}),
    "sitting-do": ({CITY}, _on(lambda s: s["sitting"].pk, "expect"), {"area": "341823", "name": "示例何雅"}),
    "sitting-opinion": ({CITY}, _on(lambda s: s["sitting"].questions.get(number=1).pk), {"opinion": "查了账单", "advice": "sent_back"}),
    "sample-draw": ({CITY}, _plain(), lambda s: {"year": "2021", "office": s["offices"]["341800"].pk}),
    "sample-xlsx": ({CITY}, _on(lambda s: s["sample"].pk), {}),
    "sample-check": ({CITY}, _on(lambda s: s["sample"].pk), lambda s: {
        "unit": s["sample"].units.first().pk, "item": "electricity_kwh", "period": "2022-12", "reading": "100", "result": "differs", "note": "换过表", "checked_on": "2023-04-01"}),
    "document-confirm": ({CITY}, _on(lambda s: s["version"].pk), {"wording": "all_built", "reason": "创建名单"}),
    "compare-decide": ({CITY, COUNTY, DEPARTMENT}, _plain(), lambda s: {"year": "2021", "verb": "explain", "reason": "x", "cell": f"{s['institutions'][SCHOOL_ONE].pk}.2021-03.electricity_kwh"}),
    "export-template": (SEERS, _plain(), {}),
    "export-fill": ({COUNTY}, _on(lambda s: s["form"].sha256), {"period": "2022-03"}),
    "compare-adopt": (set(), _plain(), {"line": "1", "word": "x"}),
    "correction-new": ({CITY, COUNTY, DEPARTMENT}, _plain(), {"year": "2021", "unit": SCHOOL_ONE, "period": "2021-05", "item": "water_m3", "new": "7", "reason": "账单", "word": "x"}),
    "corrections-issue": ({CITY, COUNTY}, _plain(), {"office": "341823", "year": "2021"}),
    "register-line-drop": ({CITY, COUNTY}, _on(lambda s: s["register_line"].pk), {"reason": "x"}),
    "correction-withdraw": ({CITY, COUNTY, DEPARTMENT}, _on(lambda s: s["corrections"]["341823"].pk), {"reason": "x"}),
    "filling-year": ({REPORTER}, MINE, {"seen": "0", "2019.water_m3": "5"}),
    "filling-month": ({REPORTER}, lambda s: ([*MINE(s)[0], "2019"], ""), {"seen": "0", "2019.water_m3": "5"}),
    "filling-easy": ({REPORTER}, lambda s: ([*MINE(s)[0], 1], ""), {"seen": "0", "2019.water_m3": "5", "go": "2"}),
    "filling-upload": ({REPORTER}, MINE, {}),
    "filling-units": (IMPORTERS, _on(lambda s: s["open"].pk), {}),
    "sheet": ({CITY, COUNTY, DEPARTMENT, REPORTER}, _on(lambda s: s["ret"].round_id, lambda s: s["institutions"][SCHOOL_ONE].pk), lambda s: {"file": SimpleUploadedFile("盖章.pdf", b"%PDF-1.4 x")}),
    "grid": ({CITY, COUNTY, DEPARTMENT}, _on(lambda s: s["open"].pk, lambda s: s["offices"]["341823-jyj"].pk), lambda s: {
        "row": s["institutions"][SCHOOL_ONE].pk, "seen": "0", "period": "2019", "2019.water_m3": "6"}),
    "imports": (IMPORTERS, _plain(), {"layout": "x", "office": "1"}),
    "events-verify": ({"suncha", "zhaoxi"}, _plain(), {}),
    "unlock": ({"qianan"}, _plain(), {"username": "wangli"}),
    "accounts-bulk-file": ({"qianan"}, _on(lambda s: s["bulk"].sha256), {"as": "slips"}),
    "handover": ({"qianan"}, _on(lambda s: s["people"][COUNTY].pk), {"successor": "heping"}),
    "clients": ({"qianan"}, _plain(), {"verb": "create", "name": "jyj", "label": "教育局", "role": "city", "office": ""}),
    "accounts": ({"qianan"}, _plain(), {"verb": "create", "username": "xinren", "name": "新人", "role": "city", "office": ""}),
}


@pytest.mark.parametrize("person", PEOPLE)
def test_each_person_changes_what_the_table_says(stage: Made, sign_in: Any, person: str) -> None:
    client = sign_in(person)
    for name, (allowed, args, data) in POSTS.items():
        if person in allowed:
            continue  # what is allowed is done, one at a time, in the test below
        keys, _ = args(stage)
        given = {**(data(stage) if callable(data) else data), "snapshot": stage["record"].pk}
        before = Event.objects.count()
        response = client.post(reverse(name, args=keys), given)
        assert response.status_code in (302, 403, 404, 422), (name, person, response.status_code)
        assert Event.objects.count() == before, (name, person)


@pytest.mark.parametrize("name", sorted(set(POSTS) - {"ledger-new", "accounts", "events-verify", "imports", "chase-phones", "unlock", "accounts-bulk-file", "handover", "clients", "liaison-xlsx", "sample-xlsx", "compare-adopt", "export-template", "export-fill", "filling-upload", "filling-units"}))
def test_what_is_allowed_is_done_and_leaves_its_event(stage: Made, sign_in: Any, name: str) -> None:
    _, args, data = POSTS[name]
    keys, _ = args(stage)
    before = Event.objects.count()
    response = sign_in(REPORTER if name.startswith("filling") else CITY).post(reverse(name, args=keys), {**(data(stage) if callable(data) else data), "snapshot": stage["record"].pk})
    assert response.status_code == 302, response.content.decode()[:500]
    if name == "freeze":
        from jieneng.records.jobs import run_one
        from jieneng.records.models import Job

        Job.objects.exclude(kind="freeze", by=stage["people"][CITY]).delete()
        done = run_one()
        assert done is not None and done.state == "done", done.error if done else None
    assert Event.objects.count() > before


def test_get_never_does_a_verb(stage: Made, sign_in: Any) -> None:
    before = Event.objects.count()
    for name in POST_ONLY - {"sign-out"}:
        if name == "changes-apply":
            assert sign_in(CITY).get(reverse(name)).status_code == 405
            continue
        args = POSTS.get(name, (set(), _plain(), {}))[1](stage)[0]
        if name in ("round-accept", "round-sign", "chase-send", "review-run"):
            args = [stage["ret"].round_id]
        if name == "screening-review":
            args = [stage["screening"].pk]
        if name == "evidence-attach":
            args = ["return", stage["ret"].pk]
        if name == "delegation-end":
            args = [1]
        assert sign_in(CITY).get(reverse(name, args=args)).status_code == 405, name
    assert Event.objects.count() == before


def test_unknown_fields_are_refused_and_the_text_is_kept(stage: Made, sign_in: Any) -> None:
    response = sign_in(COUNTY).post(reverse("ledger-new", args=["energy_contracts"]), {
        "no": "K-9", "name": "留着的字", "area": "341824", "type": "pv", "stage": "signed", "year": "20x2", "office": "1", "revision": "99"})
    assert response.status_code == 422 and "留着的字" in response.content.decode()


def test_a_county_cannot_enter_lines_for_its_neighbour(stage: Made, sign_in: Any) -> None:
    sign_in(COUNTY).post(reverse("ledger-new", args=["energy_contracts"]), {
        "no": "K-8", "name": "越界", "area": "341824", "type": "pv", "stage": "signed", "year": "2022"})
    from jieneng.fieldwork.models import LedgerRecord

    row = LedgerRecord.objects.filter(key="K-8").first()
    assert row is None or row.office.area == "341823"


def test_evidence_is_seen_only_inside_its_line(stage: Made, sign_in: Any) -> None:
    url = reverse("evidence-attach", args=["ledger", stage["contracts"]["341823"].pk])
    upload = SimpleUploadedFile("合同.pdf", b"%PDF-1.4 contract")
    assert sign_in(NEIGHBOUR).post(url, {"file": upload}).status_code == 404
    assert sign_in(COUNTY).post(url, {"file": SimpleUploadedFile("合同.pdf", b"%PDF-1.4 contract"), "label": "合同原件"}).status_code == 302
    from jieneng.records.models import Evidence

    sha = Evidence.objects.get().file.sha256
    assert sign_in(CITY).get(reverse("received", args=[sha])).status_code == 200
    assert sign_in(NEIGHBOUR).get(reverse("received", args=[sha])).status_code == 404


def test_headers_of_all_pages(stage: Made, sign_in: Any) -> None:
    for name, (_allowed, args) in TABLE.items():
        keys, query = args(stage)
        response = sign_in(CITY).get(reverse(name, args=keys) + query)
        assert "default-src" in response.headers["Content-Security-Policy"] and "unsafe" not in response.headers["Content-Security-Policy"], name
        assert response.headers["X-Content-Type-Options"] == "nosniff", name
        assert response.headers["X-Frame-Options"] == "DENY" and response.headers["Cache-Control"] == "no-store", name


def test_rights_that_end_end_at_once(stage: Made, sign_in: Any) -> None:
    client = sign_in(COUNTY)
    assert client.get(reverse("register")).status_code == 200
    stage["people"][COUNTY].appointments.all().delete()
    assert client.get(reverse("register")).status_code == 403
    type(stage["people"][COUNTY]).objects.filter(username=COUNTY).update(is_active=False)
    assert client.get(reverse("register")).status_code == 302


# ---- rubbish in what is asked ----

RUBBISH = ("²", "-1", "9" * 400, "\x00", "")
ASKED = re.compile(r"""\.(?:get|getlist)\(\s*["']([\w.-]+)["']|(?:post|GET|POST)\[["']([\w.-]+)["']\]""")
LONG = {"trace", "figures", "compare", "compare-waiting", "review", "sitting", "vouchers-zip", "chase-picture", "snapshot-against"}
"""Pages that take long, as workbooks do: one request with everything at once, instead of one for each parameter."""


@functools.cache
def asked(module: str) -> dict[str, set[str]]:
    """Function → the names that it asks of a request, read from its source: what asks something new is walked with it."""
    source = Path(sys.modules[module].__file__ or "").read_text(encoding="utf-8")
    found = {n.name: ast.get_source_segment(source, n) or "" for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)}
    names = {f: {x for m in ASKED.findall(text) for x in m if x} for f, text in found.items()}
    return {f: names[f].union(*(names[g] for g in found if g != f and f"{g}(" in text)) for f, text in found.items()}


def parameters(name: str) -> set[str]:
    inner = inspect.unwrap(next(p.callback for p in urlpatterns if getattr(p, "name", None) == name))
    return asked(inner.__module__).get(inner.__name__, set())


def who(allowed: set[str]) -> str:
    return next((p for p in (CITY, COUNTY, REPORTER, "qianan", "suncha", *PEOPLE) if p in allowed), CITY)


def test_rubbish_in_an_address_breaks_no_page(stage: Made, sign_in: Any) -> None:
    """Each parameter on its own, the kinds of rubbish in turn: over all pages each kind meets many."""
    clients, turn = {p: sign_in(p) for p in PEOPLE}, itertools.cycle(RUBBISH)
    for name, (allowed, args) in TABLE.items():
        keys, query = args(stage)
        plain = dict(parse_qsl(query.lstrip("?"), keep_blank_values=True))
        names_ = sorted(parameters(name) | set(plain))
        for wrong in [dict.fromkeys(names_, "²")] if name in LONG or name.endswith("-xlsx") else [{n: next(turn)} for n in names_]:
            response = clients[who(allowed)].get(reverse(name, args=keys), {**plain, **wrong})
            assert response.status_code < 500, (name, wrong)


def test_rubbish_in_a_form_breaks_no_page(stage: Made, sign_in: Any) -> None:
    turn = itertools.cycle(RUBBISH)
    for name, (allowed, args, data) in POSTS.items():
        client, (keys, _) = sign_in(who(allowed)), args(stage)
        given = data(stage) if callable(data) else data
        for field in sorted(parameters(name) | {k for k in given if k not in ("file", "voucher")}):
            with transaction.atomic():
                response = client.post(reverse(name, args=keys), {**(data(stage) if callable(data) else data), field: next(turn)})
                assert response.status_code < 500, (name, field)
                transaction.set_rollback(True)


def test_pages_read_numbers_in_one_place() -> None:
    """``isdigit`` is true of ², of which ``int`` makes an error: what a browser sent is read by ``core.asked``."""
    room = Path(sys.modules["jieneng"].__file__ or "").parent
    found = [f.name for f in room.rglob("*.py") if (f.name.endswith("pages.py") or f.name == "asking.py") and re.search(r"\.is(digit|decimal|numeric)\(", f.read_text(encoding="utf-8"))]
    assert not found
