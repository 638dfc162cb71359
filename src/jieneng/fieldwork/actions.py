"""The verbs of ledgers: save a line, bring a file in, withdraw a line. Each a revision and an event."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone

from jieneng.core.amount import stored
from jieneng.core.asked import whole
from jieneng.core.problem import Place, Problem, Refused, refuse
from jieneng.core.words import T
from jieneng.people.models import Office, User
from jieneng.people.scope import require
from jieneng.records.events import action, hold, record, together
from jieneng.returns.models import Import
from jieneng.rulebook.types import Ledger, LedgerField

from . import queries, reference
from .models import LedgerRecord, LedgerRevision

Progress = Callable[[int, int], None]


@dataclass
class Outcome:
    """What an import of a ledger did."""

    new: int = 0
    changed: int = 0
    same: int = 0
    problems: list[Problem] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        return {"new": self.new, "changed": self.changed, "same": self.same, "refused": len(self.problems)}


def _number(f: LedgerField, text: str) -> str:
    try:
        value, _ = stored(Decimal(text.replace(",", "").replace("，", "").strip()))
    except (InvalidOperation, ValueError) as error:
        raise refuse("ledger.number", T("{label}“{text}”不是数", "{label}: “{text}” is not a number", label=str(f.label), text=text),
                     do=T("只写数字，单位已印在框里", "write digits only, the unit is printed in the box"),
                     where=Place(field=f.code)) from error
    plain = f"{value:f}"
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _field(f: LedgerField, raw: Any) -> str:
    """One value as stored text. Raises ``Refused`` naming the field."""
    text = "" if raw is None else str(raw).strip()
    if not text:
        if f.required:
            raise refuse("ledger.required", T("{label}还没有填", "{label} is not filled in", label=str(f.label)),
                         where=Place(field=f.code))
        return ""
    if f.type == "number":
        return _number(f, text)
    if f.type == "date":
        try:
            return dt.date.fromisoformat(text[:10]).isoformat()
        except ValueError as error:
            raise refuse("ledger.date", T("{label}“{text}”不是日期", "{label}: “{text}” is not a date", label=str(f.label), text=text),
                         expected=T("2022-03-18", "2022-03-18"), where=Place(field=f.code)) from error
    if f.type == "year" and not (len(text) == 4 and whole(text)):
        raise refuse("ledger.year", T("{label}“{text}”不是年份", "{label}: “{text}” is not a year", label=str(f.label), text=text),
                     expected=T("四位数字", "four digits"), where=Place(field=f.code))
    if f.type == "choice" and text not in f.choices:
        by_label = {label.say(code): c for c, label in f.choices.items() for code in ("zh", "en")}
        if text not in by_label:
            raise refuse("ledger.choice", T("{label}没有“{text}”这一项", "{label} has no choice “{text}”", label=str(f.label), text=text),
                         expected=T("{list}", "{list}", list="、".join(str(v) for v in f.choices.values())),
                         where=Place(field=f.code))
        return by_label[text]
    return text


def checked(ledger: Ledger, values: Mapping[str, Any]) -> dict[str, str]:
    """All fields of a line as stored texts; every problem at once. Unknown fields are refused (mass assignment)."""
    problems: list[Problem] = []
    known = {f.code for f in ledger.fields}
    for name in sorted(set(values) - known):
        problems.append(Problem("ledger.field", T("没有“{name}”这一栏", "there is no field “{name}”", name=name)))
    result: dict[str, str] = {}
    for f in ledger.fields:
        try:
            result[f.code] = _field(f, values.get(f.code))
        except Refused as refusal:
            problems += refusal.problems
    problems += [] if problems else reference.problems(ledger.code, result)
    if problems:
        raise Refused(*problems)
    return result


def key_of(ledger: Ledger, values: Mapping[str, str]) -> str:
    """The key of a line: its key fields joined."""
    return " / ".join(values[k] for k in ledger.key)


def office_for(ledger: Ledger, values: Mapping[str, str], office: Office) -> Office:
    """Whose line it is: the area it names, where it names one; else the office that enters it."""
    area = values.get("area", "")
    if area:
        found = Office.objects.filter(area=area, kind__in=("county", "zone", "direct")).first()
        if found is not None and found.path.startswith(office.path):
            return found
    return office


def save(person: User, ledger: Ledger, values: Mapping[str, Any], *, office: Office, key: str = "", seen: int | None = None,
         reason: str = "") -> LedgerRecord:
    """Enter or change one line. ``seen`` is the revision the person had before them: if another came, refused (P4)."""
    clean = checked(ledger, values)
    owner = office_for(ledger, clean, office)
    require(person, "ledger", owner.path)
    with action():
        hold()  # a line that is not there yet cannot be locked: whoever enters the same one waits here
        row = LedgerRecord.objects.filter(kind=ledger.code, key=key or key_of(ledger, clean)).first()
        if row is None and key:
            raise refuse("ledger.gone", T("没有这一条", "there is no such line"))
        if row is not None and not key:
            raise refuse("ledger.exists", T("“{key}”已经有了", "“{key}” is already there", key=row.key),
                         do=T("打开那一条来改", "open that line and change it"), where=Place(field=ledger.key[0]))
        if row is not None:
            require(person, "ledger", row.office.path)
            if key_of(ledger, clean) != row.key:
                raise refuse("ledger.key", T("编号不能改", "the key cannot be changed"), do=T("撤销这一条，另登一条", "withdraw it and enter another"))
            if seen is not None and seen != row.revision:
                last = row.revisions.select_related("by").get(number=row.revision)
                raise refuse("ledger.overtaken",
                             T("{who} {at} 已改过这一条", "{who} changed this line at {at}", who=last.by.shown,
                               at=timezone.localtime(last.at).strftime("%Y-%m-%d %H:%M")),
                             do=T("对照新旧两版，再保存一次", "compare both versions and save again"))
        before = row.revisions.get(number=row.revision).values if row else None
        if before == clean:
            return row  # before is only set where row is
        if row is not None and not reason.strip() and (pk := queries.frozen_in(row)):
            raise refuse("ledger.reason", T("这一条已封存进快照 {s}，指标和文稿用了它：改动要写原因", "this line is frozen in snapshot {s}, which figures and documents use: a change needs its reason", s=pk),
                         do=T("写明为什么改、依据什么", "say why, and on what paper"), where=Place(field="reason"))
        row, content = _write(person, ledger, row, clean, owner, reason=reason)
        record(person, "ledger.save", f"ledger:{ledger.code}", row.key, line=row.office.path,
               data={"revision": row.revision, "before": before, "after": clean, "reason": reason, "content": together([content])})
    return row


def _write(person: User, ledger: Ledger, row: LedgerRecord | None, clean: dict[str, str], owner: Office, *,
           reason: str = "", batch: Import | None = None, sources: dict[str, Any] | None = None) -> tuple[LedgerRecord, str]:
    """The line's next revision. Returns the line and the fingerprint of what it now says."""
    if row is None:
        row = LedgerRecord(kind=ledger.code, key=key_of(ledger, clean), office=owner)
    row.revision += 1
    row.office, row.withdrawn = owner, False
    row.save()
    revision = LedgerRevision(record=row, number=row.revision, values=clean, sources=sources or {}, batch=batch, by=person, at=timezone.now(),
                              reason=reason)
    revision.content = revision.fingerprint()
    revision.save()
    return row, revision.content


def withdraw(person: User, ledger: Ledger, key: str, reason: str) -> LedgerRecord:
    """Take a line out of the ledger; it stays in the records, with the reason."""
    if not reason.strip():
        raise refuse("ledger.reason", T("没有写原因", "no reason given"))
    with action():
        hold()
        row = LedgerRecord.objects.filter(kind=ledger.code, key=key, withdrawn=False).select_related("office").first()
        if row is None:
            raise refuse("ledger.gone", T("没有这一条", "there is no such line"))
        require(person, "ledger", row.office.path)
        row.withdrawn = True
        row.save(update_fields=["withdrawn"])
        record(person, "ledger.withdraw", f"ledger:{ledger.code}", key, line=row.office.path, data={"reason": reason})
    return row


def import_ledger(person: User, ledger: Ledger, rows: Sequence[Any], *, batch: Import, office: Office,
                  progress: Progress | None = None, unread: int = 0) -> Outcome:
    """Bring a file of lines in. Whole or not at all; the same again changes nothing; bad rows are named.

    ``unread``: problems met while the file was read; the event says them too.
    """
    require(person, "ledger", office.path)
    outcome = Outcome()
    with action():
        hold()
        have = {r.key: r for r in LedgerRecord.objects.filter(kind=ledger.code).select_related("office")}
        last = {r.record_id: r.values for r in LedgerRevision.objects.filter(record__kind=ledger.code).order_by("number")}
        touched, contents = [], []
        for n, line in enumerate(rows):
            if progress and n % 20 == 0:
                progress(n, len(rows))
            try:
                clean = checked(ledger, line.values)
                owner = office_for(ledger, clean, office)
                row = have.get(key_of(ledger, clean))
                if row is not None:
                    require(person, "ledger", row.office.path)
            except Refused as refusal:
                outcome.problems += [
                    Problem(p.code, p.found, p.expected, p.do, Place(
                        file=line.file, sheet=line.sheet, field=p.where.field,
                        cell=(line.sources.get(p.where.field) or {}).get("cell", line.cell)))
                    for p in refusal.problems]
                continue
            if row is not None and not row.withdrawn and last[row.pk] == clean:
                outcome.same += 1
                continue
            outcome.new += row is None
            outcome.changed += row is not None
            row, content = _write(person, ledger, row, clean, owner, batch=batch, sources=line.sources)
            contents.append(content)
            have[row.key], last[row.pk] = row, clean
            touched.append(row.key)
        batch.counts, batch.problems = {"ledger": outcome.counts()}, [p.as_json() for p in outcome.problems]
        batch.save(update_fields=["counts", "problems"])
        record(person, "ledger.import", f"ledger:{ledger.code}", batch.pk, line=office.path,
               data={**outcome.counts(), "unread": unread, "file": batch.file.sha256, "layout": batch.layout, "keys": touched, "content": together(contents)})
    return outcome
