"""The story of March: a messy export comes in, questions are raised, corrections go back, are keyed in (one wrong, one forgotten), and both sides agree.

The mess and the platform (``tests/simulator.py``) were written by someone who did not write the importer.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from jieneng.desk.example import messy
from jieneng.desk.example.build import layout_path
from jieneng.desk.example.city import Body
from jieneng.desk.example.exports import write_register
from jieneng.desk.example.items import ITEMS
from jieneng.exchange.models import Correction, PlatformRow
from jieneng.fieldwork.intake import bring_in, receive_path
from jieneng.people.models import Office
from jieneng.records.jobs import run_one
from jieneng.records.models import Job
from jieneng.returns import actions as returns
from jieneng.returns.chain.blockers import blockers
from jieneng.returns.freeze import freeze
from jieneng.returns.models import Import, Signoff
from jieneng.returns.queries import book
from jieneng.review.actions import run_review
from tests import people_by_name as names
from tests.simulator import Asked, Platform, asked_in, platform

pytestmark = pytest.mark.django_db
LAYOUTS = {messy.BOOK: "platform-book", messy.AGAIN: "platform-book", messy.CSV: "platform-csv", messy.STATUS: "platform-status"}


def bodies(p: Platform) -> dict[str, Body]:
    return {r.code: r.body for r in p.rows}


def stage(folder: Path, p: Platform) -> dict[str, Any]:
    """Offices, people, the register of the four counties, an open round."""
    offices, people = names.make_offices(), names.make_people()
    root = offices[names.ROOT]
    for code in (messy.JINGDE, messy.NINGGUO):
        name = messy.area_name(code)
        offices[code] = Office.objects.create(code=code, name=name, kind="county", parent=root, path=f"{root.path}{code}/", area=code)
    zhou = people["zhoumin"]
    path = folder / "名录.xlsx"
    groups = [(messy.area_name(a), [b for b in bodies(p).values() if b.area == a]) for a in messy.AREAS]
    write_register(path, groups, "公共机构名录（示例）")
    layout = layout_path("register").read_text(encoding="utf-8")
    done = bring_in(zhou, receive_path(zhou, path), layout, office=root, layout_name="register.yaml")
    assert done.problems == [], done.problems[:3]
    round_ = returns.open_round(zhou, book(), form="consumption", year=2022, office=root, rhythm="month")
    return {"offices": offices, "people": people, "round": round_, "root": root}


class Clerk:
    """周敏 at her desk: what she does, she does through the pages."""

    def __init__(self, city: dict[str, Any]) -> None:
        self.city, self.client, self.tried = city, Client(), dict[str, int]()
        self.client.force_login(city["people"]["zhoumin"])

    def learn(self, path: Path) -> str:
        """Teach the table once: choose a file, look at the guess, try it, save it. Gives the page after trying."""
        learned = self.client.post(reverse("layouts"), {"file": SimpleUploadedFile(path.name, path.read_bytes())})
        assert learned.status_code == 302, learned.content.decode()[:2000]
        code = LAYOUTS[path.name]
        tried = self.client.post(learned.url, {"code": code, "zh": code, "verb": "try"})
        assert code == tried.context["typed"]["code"]
        saved = self.client.post(learned.url, {"code": code, "zh": code, "verb": "save"})
        assert saved.status_code == 302, saved.content.decode()
        self.tried[path.name] = tried.context["tried"]["n"]
        return tried.content.decode()

    def bring(self, path: Path, take: str = "both") -> Import:
        form = {"file": SimpleUploadedFile(path.name, path.read_bytes()), "layout": LAYOUTS[path.name], "take": take, "office": str(self.city["root"].pk)}
        response = self.client.post(reverse("imports"), form)
        assert response.status_code == 302, response.content.decode()[:2000]
        run_one()
        job = Job.objects.get(pk=int(response.url.rstrip("/").rpartition("/")[2]))  # the same file within a minute is the same job
        assert job.state == "done", job.error
        return Import.objects.get(pk=job.result["import"])

    def bring_all(self, mess: messy.Mess, before: messy.Mess | None = None) -> dict[str, Import]:
        """The files of an export, in order; of a later one those that are not the same byte for byte."""
        fresh = [path for path in mess.files if before is None or path.read_bytes() != (before.folder / path.name).read_bytes()]
        return {path.name: self.bring(path) for path in fresh}


def places(batch: Import) -> dict[tuple[str, str], str]:
    """(sheet, cell) → what was said there."""
    return {(q["where"].get("sheet", ""), q["where"].get("cell", "")): q["found"]["zh"] + "｜" + ((q.get("do") or {}).get("zh") or "") for q in batch.problems}


def held(code: str, month: int) -> dict[str, str | None]:
    row = PlatformRow.objects.filter(institution__key=code, period=f"2022-{month:02d}").order_by("-number").first()
    return row.values if row else {}


def same(text: str | None, value: Any) -> bool:
    return (text is None and value is None) or (text is not None and value is not None and abs(float(text) - float(value)) < 1e-4)


def test_from_the_mess_to_agreement(tmp_path: Path) -> None:
    p = platform()
    city = stage(tmp_path, p)
    clerk = Clerk(city)
    mess = p.export(tmp_path / "一")
    for name in (messy.BOOK, messy.CSV, messy.STATUS):
        assert "单位代码存成了数字，尾数已丢" in clerk.learn(mess.folder / name) or name != messy.BOOK
    done = clerk.bring_all(mess)
    assert clerk.tried == {name: len(done[name].problems) for name in clerk.tried} and clerk.tried[messy.BOOK] > 13  # a trial and an import say the same
    check_what_was_said(p, mess, done)
    check_values(p, mess)
    asked = ask(clerk, p)
    assert any("两边对照" in str(t) for t in blockers(city["round"], city["root"]))

    first = hand_over(clerk)
    assert len(first) == len(p.mistakes) == asked
    p.mend_codes()
    p.key_in(first, wrong=[0], forgotten=[1])
    again = p.export(tmp_path / "二")
    second = clerk.bring_all(again, mess)
    states = [Correction.objects.get(institution__key=a.code, period=f"2022-{a.month:02d}", item=a.item).state for a in first]
    assert states == ["other", "not_done", *["done"] * (len(first) - 2)]
    page = clerk.client.get(reverse("corrections") + "?year=2022").content.decode()
    assert "已改 4，还没改 1，改成别的数 1" in page
    assert not any("不在名录库" in q["found"]["zh"] for b in second.values() for q in b.problems)  # the codes were mended there

    left = hand_over(clerk)
    assert {(a.code, a.month, a.item) for a in left} == {(a.code, a.month, a.item) for a in first[:2]}  # only what is left
    p.key_in(left)
    clerk.bring_all(p.export(tmp_path / "三"), again)
    assert set(Correction.objects.exclude(state="withdrawn").values_list("state", flat=True)) == {"done"}
    everything_agrees(clerk, p, city)


def check_what_was_said(p: Platform, mess: messy.Mess, done: dict[str, Import]) -> None:
    """Everything planted that cannot be read is named by sheet and cell; nothing else is."""
    said = {(file, *where): text for file, b in done.items() for where, text in places(b).items()}
    planted = {(s.file, s.sheet, s.cell): s for s in mess.of("code-letter", "code-short", "code-number")}
    older = next(iter(mess.of("hidden-older-row")))
    for at, slip in planted.items():
        assert at in said, (slip, list(said)[:5])
        assert bodies(p)[slip.code].name in said[at]
        if slip.kind != "code-number":
            assert slip.code in said[at], said[at]  # what it should be is said
    row = re.sub(r"\D", "", older.other)
    extra = {at for at in said if at not in planted}
    assert extra == {(messy.BOOK, "旌德县", f"C{row}")} and f"C{int(row) - 1}" in said[extra.pop()], extra


def check_values(p: Platform, mess: messy.Mess) -> None:
    """Good rows are in, to the last value, whatever the sheet did to them; the spoilt units are not in under another's name."""
    spoilt = {p.codes.letter, p.codes.short, p.codes.number}
    older = next(iter(mess.of("hidden-older-row")))
    for row in p.rows:
        got = held(row.code, row.month)
        if row.code in spoilt or (row.code, row.month) == (older.code, older.month):
            assert not got, row.body.name
            continue
        for item, value in zip(ITEMS, row.cells, strict=True):
            assert same(got[item.code], value), (row.body.name, row.month, item.code, got[item.code], value)
    statuses = {k: v for code in p.statuses for k, v in {code: status(code)}.items()}
    assert set(statuses.values()) == {"expected", "returned"}


def status(code: str) -> str | None:
    return PlatformRow.objects.filter(institution__key=code, period="2022").latest("number").values.get("status")


def ask(clerk: Clerk, p: Platform) -> int:
    """The review raises its questions; those the units confirm become lines of the list, through the page."""
    root, zhou = clerk.city["root"], clerk.city["people"]["zhoumin"]
    run = run_review(zhou, book(), clerk.city["round"], root)
    found = {(f.institution.key, f.period[-2:], i) for f in run.findings.select_related("institution") for i in f.items}
    for (code, month, item), (right, wrong) in p.mistakes.items():
        assert any(k == code and i == item for k, _, i in found), (bodies(p)[code].name, month, item, right, wrong)
        form = {"year": "2022", "unit": f"{bodies(p)[code].name}　{code}", "period": f"2022-{month:02d}", "item": item, "new": str(right),
                "reason": "对照凭证，多写或少写一位", "word": "单位联络员电话确认"}
        response = clerk.client.post(reverse("correction-new"), form)
        assert response.status_code == 302, response.content.decode()
    return Correction.objects.count()


def hand_over(clerk: Clerk) -> list[Asked]:
    """A list for each county that has lines, as the county gets it."""
    lines: list[Asked] = []
    for area in messy.AREAS:
        issued = clerk.client.post(reverse("corrections-issue"), {"office": area, "year": "2022"})
        if issued.status_code == 302:
            lines += asked_in(clerk.client.get(issued.url + "?xlsx=1").content)
    return lines


def everything_agrees(clerk: Clerk, p: Platform, city: dict[str, Any]) -> None:
    """The table is at zero; the totals can be accepted, frozen and signed."""
    zhou, root, round_ = city["people"]["zhoumin"], city["root"], city["round"]
    assert blockers(round_, root) == []
    shown = clerk.client.get(reverse("compare") + "?year=2022&show=open")
    assert shown.status_code == 200 and all(not x.open for x in shown.context["page"].object_list)
    for row in p.rows:
        got = held(row.code, row.month)
        for item, value in zip(ITEMS, row.cells, strict=True):
            assert same(got[item.code], value), (row.body.name, row.month, item.code, got[item.code], value)
    returns.act(zhou, "accept", round_.returns.filter(state="filed"), reason="单位已核实", keep=True)
    freeze(zhou, book(), 2022)
    signed = clerk.client.post(reverse("round-sign", args=[round_.pk]))
    assert signed.status_code == 302, re.sub(r"<[^>]+>", " ", signed.content.decode())[:1500]
    assert not round_.returns.exclude(state="signed").exists() and root.pk == Signoff.objects.get(round=round_).office_id
