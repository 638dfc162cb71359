"""The verbs of the exchange: the only writers. Each checks the right and records its event in one transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone

from jieneng.core.amount import amount_text, stored
from jieneng.core.period import Period
from jieneng.core.problem import Place, Problem, Refused, refuse
from jieneng.core.words import T
from jieneng.people.models import Office, User
from jieneng.people.scope import require
from jieneng.records.bulk import put
from jieneng.records.events import action, hold, record, together
from jieneng.registry.likely import Likely
from jieneng.registry.models import Institution, Standing
from jieneng.registry.queries import by_identifier, lines_for, standing_for
from jieneng.returns import actions as returns
from jieneng.returns.intake import Draft, From
from jieneng.returns.models import Import
from jieneng.rulebook.types import Book

from .models import HOLDERS, Correction, CorrectionList, Explained, PlatformRow
from .queries import Difference, compared, current_rows, lines_of, our_answers

Progress = Callable[[int, int], None]


@dataclass
class Outcome:
    """What taking in a platform's export did. ``cells``: values that changed; ``ticked``: corrections looked at, by state."""

    new: int = 0
    changed: int = 0
    same: int = 0
    cells: int = 0
    problems: list[Problem] = field(default_factory=list)
    ticked: dict[str, int] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        return {"new": self.new, "changed": self.changed, "same": self.same, "cells": self.cells, "refused": len(self.problems)}


def whose(drafts: Iterable[Any], path: str, problems: list[Problem]) -> list[tuple[Any, int]]:
    """The drafts whose institution is in the register and, for the draft's period, reports to the office of a path; problems for the others."""
    known, drafts = by_identifier(), list(drafts)
    lines = lines_for((pk, d.period) for d in drafts if (pk := known.get((d.scheme, d.identifier))) is not None)
    good, likely = [], Likely(path)
    for draft in drafts:
        pk = known.get((draft.scheme, draft.identifier))
        place = Place(file=draft.file, sheet=draft.sheet, cell=draft.cell)
        if pk is None:
            problems.append(Problem(
                "import.unknown", T("“{name}”（{id}）不在名录库里", "“{name}” ({id}) is not in the register", name=draft.name or "—", id=draft.identifier),
                do=likely.advice(draft.identifier, draft.name), where=place))
        elif not lines.get((pk, draft.period), "").startswith(path):
            problems.append(Problem(
                "import.outside", T("“{name}”不归本单位汇总", "“{name}” does not report to this office", name=draft.name or draft.identifier),
                do=T("请交给它的归口单位导入", "hand it to the office it reports to"), where=place))
        else:
            good.append((draft, pk))
    return good


def take_platform(person: User, *, form: str, holder: str, drafts: Sequence[Any], batch: Import, office: Office,
                  progress: Progress | None = None, unread: int = 0) -> Outcome:
    """Keep what a holder says, apart from our own revisions. Whole or not at all; the same again changes nothing.

    A draft names some items of a period; what it does not name stays as it was. Corrections whose cell is covered are ticked:
    done, not done, or changed to something else. ``unread``: problems met while the file was read; the event says them too.
    """
    require(person, "import", office.path)
    if holder not in HOLDERS:
        raise KeyError(holder)
    outcome = Outcome()
    with action():
        hold()  # two exports at the same moment: the second compares with what the first brought
        good = whose(drafts, office.path, outcome.problems)
        years = sorted({d.period.year for d, _ in good})
        covered: dict[tuple[int, str], dict[str, str | None]] = {}
        contents: list[str] = []
        moved: set[tuple[int, str]] = set()
        for year in years:
            rows = _merged(form, holder, year, [(d, pk) for d, pk in good if d.period.year == year], batch, outcome, covered)
            contents += _store(person, form, holder, year, rows, batch, outcome)
            moved |= rows.keys()
            if progress:
                progress(sum(d.period.year <= year for d, _ in good), len(good))
        if holder == "platform":
            outcome.ticked = _tick(form, years, covered, moved, batch)
        record(person, "platform.import", "import", batch.pk, line=office.path, data={
            **outcome.counts(), "unread": unread, "holder": holder, "form": form, "years": years, "file": batch.file.sha256,
            "layout": batch.layout, "ticked": outcome.ticked, "content": together(contents)})
    return outcome


@dataclass
class _Work:
    values: dict[str, str | None]
    sources: dict[str, Any]
    number: int


def _merged(form: str, holder: str, year: int, drafts: list[tuple[Any, int]], batch: Import, outcome: Outcome,
            covered: dict[tuple[int, str], dict[str, str | None]]) -> dict[tuple[int, str], _Work]:
    """Fold the drafts into what the holder said before; rows that say nothing new are left out."""
    before = current_rows(holder, form, year, {pk for _, pk in drafts})
    work: dict[tuple[int, str], _Work] = {}
    for draft, pk in drafts:
        key = (pk, str(draft.period))
        if key not in work:
            old = before.get(key)
            work[key] = _Work(dict(old.values) if old else {}, dict(old.sources) if old else {}, old.number if old else 0)
        said = {i: amount_text(v) for i, v in draft.answers.items()} | {f: v or None for f, v in draft.facts.items()}
        covered.setdefault(key, {}).update(said)
        for name, value in said.items():
            if name in work[key].values and work[key].values[name] == value:
                continue
            outcome.cells += work[key].number > 0
            work[key].values[name] = value
            s = draft.sources.get(name, {"sheet": draft.sheet, "cell": draft.cell})
            work[key].sources[name] = [batch.pk, s.get("sheet", ""), s.get("cell", ""), s.get("raw", ""), s.get("unit", "")]
    kept = {}
    for key, job in work.items():
        row = before.get(key)
        if row is not None and row.values == job.values:
            outcome.same += 1
        else:
            kept[key] = job
    return kept


def _store(person: User, form: str, holder: str, year: int, work: dict[tuple[int, str], _Work], batch: Import, outcome: Outcome) -> list[str]:
    now, rows = timezone.now(), []
    for (institution, period), job in sorted(work.items()):
        outcome.new += job.number == 0
        outcome.changed += job.number > 0
        rows.append(PlatformRow(institution_id=institution, holder=holder, form=form, period=period, year=year, number=job.number + 1,
                                values=job.values, sources=job.sources, batch=batch, by=person, at=now))
        rows[-1].content = rows[-1].fingerprint()
    put(rows)
    return [r.content for r in rows]


def _tick(form: str, years: Iterable[int], covered: dict[tuple[int, str], dict[str, str | None]], moved: Collection[tuple[int, str]], batch: Import) -> dict[str, int]:
    """Look at every correction whose cell the export covers: done, not done, or changed to something else.

    A line without a value asked for a check: it is done, and stays so, once the value is another (of a whole return: once anything ``moved``).
    """
    counts: dict[str, int] = {}
    rows = Correction.objects.filter(form=form, year__in=list(years), side="platform", holder="platform").exclude(state="withdrawn")
    for c in rows.select_for_update().order_by("pk"):
        key = (c.institution_id, c.period)
        cell = covered.get(key, {})
        if not cell or (c.item and c.item not in cell) or (c.new is None and c.state == "done"):
            continue
        c.found, c.checked = cell.get(c.item), batch
        if c.new is None:
            c.state = ("not_done" if c.found == c.old else "other" if c.found is None else "done") if c.item else ("done" if key in moved else "not_done")
        else:
            c.state = "done" if c.found == c.new else "not_done" if c.found == c.old else "other"
        c.save(update_fields=["found", "state", "checked"])
        counts[c.state] = counts.get(c.state, 0) + 1
    return counts


def followed(form: str, holder: str, drafts: Sequence[Any]) -> list[Any]:
    """The part of a platform's export that our own revisions follow: where we hold nothing, or hold what the platform held before.

    What was changed here on the unit's word is not overwritten; it stays a difference in the two-sided table.
    """
    known = by_identifier()
    kept = []
    for year in sorted({d.period.year for d in drafts}):
        whose = {known[d.scheme, d.identifier] for d in drafts if d.period.year == year and (d.scheme, d.identifier) in known}
        ours, theirs = our_answers(form, year, whose), current_rows(holder, form, year, whose)
        for d in drafts:
            if d.period.year != year:
                continue
            key = (known.get((d.scheme, d.identifier), 0), str(d.period))
            mine, row = ours.get(key), theirs.get(key)
            answers = d.answers if mine is None else {
                i: v for i, v in d.answers.items() if mine.get(i) is None or (row is not None and row.values.get(i) == mine.get(i))}
            if any(v is not None for v in answers.values()) or (mine is not None and answers):
                kept.append(Draft(d.identifier, d.scheme, d.period, d.at, d.name, answers=answers,
                                  sources={i: s for i, s in d.sources.items() if i in answers}))
    return kept


# --- corrections and explanations ------------------------------------------------------------------------------------


def _standing(institution: int, year: int) -> Standing:
    found = lines_of(year).get(institution)
    if found is None:
        raise refuse("exchange.unit", T("名录里没有这家单位", "no such institution in the register"))
    return found


def _said(reason: str, word: str | None = "x") -> tuple[str, str]:
    """Reason and word, both written. Raises ``Refused`` naming what is missing."""
    wrong = [Problem("exchange.reason", T("没有写理由", "no reason given"), do=T("写明依据，如凭证、账单、电话核实", "say what it rests on: voucher, bill, call"),
                     where=Place(field="reason"))] if not reason.strip() else []
    if word is not None and not word.strip():
        wrong.append(Problem("exchange.word", T("没有写是谁说的", "not said on whose word"),
                             T("填报单位的确认人；还没确认的写“建议值，请单位核实”", "who of the unit confirmed it; else “suggested, for the unit to check”"),
                             where=Place(field="word")))
    if wrong:
        raise Refused(*wrong)
    return reason.strip()[:300], (word or "").strip()[:120]


def as_amount(text: str) -> str:
    """A typed value as a stored text. Raises ``Refused``."""
    clean = text.strip().replace(",", "").replace("，", "").replace("−", "-")
    try:
        value, _ = stored(Decimal(clean))
    except (InvalidOperation, ValueError) as error:
        raise refuse("exchange.value", T("“{v}”不是数", "“{v}” is no number", v=text.strip()[:40]), T("如 2631000 或 12.5", "such as 2631000 or 12.5"),
                     where=Place(field="new")) from error
    return amount_text(value) or "0"


def as_said(c: Correction) -> dict[str, Any]:
    """A line of the list as an event keeps it: which value, from what to what, on whose word."""
    return {"line": c.pk, "institution": c.institution_id, "period": c.period, "item": c.item, "side": c.side, "old": c.old, "new": c.new, "word": c.word,
            "confirmed_on": c.confirmed_on.isoformat() if c.confirmed_on else "", "state": c.state}


def replace(lines: Iterable[Correction]) -> list[dict[str, Any]]:
    """Withdraw lines that something takes the place of, inside its action. Returns what they said: its event keeps that, nothing goes in silence."""
    gone = [c for c in lines if c.state != "withdrawn"]
    said = [as_said(c) for c in gone]
    Correction.objects.filter(pk__in=[c.pk for c in gone]).update(state="withdrawn")
    return said


def correct(person: User, book: Book, institution: Institution, *, form: str, period: str, item: str, new: str, reason: str, word: str,
            side: str = "platform", holder: str = "platform", confirmed_on: dt.date | None = None, origin: str = "hand") -> Correction:
    """Ask for one value to be changed (更正清单的一行). Nobody but the respondent changes a number: the line says on whose word.

    ``side`` "platform": the unit keys it in there; "ours": our value is to follow. The same cell asked again replaces the line.
    """
    year = Period.parse(period).year
    s = _standing(institution.pk, year)
    require(person, "review", s.office.path)
    reason, word = _said(reason, word)
    if item not in book.items:
        raise refuse("exchange.item", T("制度里没有指标“{i}”", "there is no item “{i}”", i=item), where=Place(field="item"))
    wanted = as_amount(new)
    theirs = current_rows(holder, form, year, [institution.pk]).get((institution.pk, period))
    old = (theirs.values.get(item) if theirs else None) if side == "platform" else our_answers(form, year, [institution.pk]).get((institution.pk, period), {}).get(item)
    if old == wanted:
        raise refuse("exchange.same", T("{w}已经是 {v}，不用更正", "{w} holds {v} already", w=HOLDERS[holder] if side == "platform" else T("本库", "our side"), v=wanted),
                     do=T("核对统计期和指标", "check period and item"), where=Place(field="new"))
    with action():
        hold()
        gone = replace(Correction.objects.filter(institution=institution, holder=holder, form=form, period=period, item=item).exclude(state="withdrawn"))
        made = Correction.objects.create(institution=institution, form=form, year=year, period=period, item=item, side=side, holder=holder, old=old,
                                         new=wanted, reason=reason, word=word, confirmed_on=confirmed_on, origin=origin, by=person)
        record(person, "correction.add", "correction", made.pk, line=s.office.path, data={
            "institution": institution.pk, "period": period, "item": item, "side": side, "old": old, "new": wanted, "reason": reason,
            "word": word, "confirmed_on": confirmed_on.isoformat() if confirmed_on else "", "origin": origin, **({"replaced": gone} if gone else {})})
    return made


def withdraw(person: User, correction: Correction, reason: str) -> None:
    """Take a line out of the list, with a reason."""
    s = _standing(correction.institution_id, correction.year)
    require(person, "review", s.office.path)
    reason, _ = _said(reason, None)
    with action():
        row = Correction.objects.select_for_update().get(pk=correction.pk)
        if row.state == "withdrawn":
            return
        row.state = "withdrawn"
        row.save(update_fields=["state"])
        record(person, "correction.withdraw", "correction", row.pk, line=s.office.path, data={
            "institution": row.institution_id, "period": row.period, "item": row.item, "reason": reason})


def explain(person: User, differences: Sequence[Difference], *, holder: str, form: str, year: int, reason: str) -> int:
    """Let differences stand, with one reason (已说明). Holds for these values only."""
    reason, _ = _said(reason, None)
    lines = lines_of(year)
    gone: list[dict[str, Any]] = []
    with action():
        for d in differences:
            s = lines.get(d.institution)
            require(person, "review", s.office.path if s else "")
            gone += replace(Correction.objects.filter(institution=d.institution, holder=holder, form=form, period=d.period, item=d.item).exclude(state="withdrawn"))
            Explained.objects.create(institution_id=d.institution, holder=holder, form=form, year=year, period=d.period, item=d.item,
                                     ours=d.ours, theirs=d.theirs, reason=reason, by=person)
        if differences:
            record(person, "difference.explain", "differences", len(differences), line=shared_line(lines[d.institution].office.path for d in differences), data={
                "holder": holder, "year": year, "reason": reason,
                "cells": [[d.institution, d.period, d.item, d.ours, d.theirs] for d in differences], **({"replaced": gone} if gone else {})})
    return len(differences)


def shared_line(paths: Iterable[str]) -> str:
    """The lowest office all paths lie under."""
    shared: list[str] = []
    for level in zip(*(p.strip("/").split("/") for p in set(paths)), strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return "/" + "".join(f"{p}/" for p in shared)


def decide(person: User, book: Book, differences: Sequence[Difference], side: str, *, holder: str, form: str, reason: str, word: str,
           confirmed_on: dt.date | None = None) -> int:
    """Say which side mends each of the differences: the platform takes ours, or ours takes the platform's. All or none."""
    blank = [d for d in differences if (d.ours if side == "platform" else d.theirs) is None]
    if blank:
        raise refuse("exchange.blank", T("{n} 项没有数可改成", "{n} have no value to be changed to", n=len(blank)),
                     do=T("这几项用“说明”，或逐项写应为多少", "explain these, or enter the right value one by one"))
    units = Institution.objects.in_bulk({d.institution for d in differences})
    with action():
        for d in differences:
            correct(person, book, units[d.institution], form=form, period=d.period, item=d.item, side=side, holder=holder, reason=reason, word=word,
                    new=(d.ours if side == "platform" else d.theirs) or "", confirmed_on=confirmed_on, origin="compare")
    return len(differences)


def issue(person: User, office: Office, *, form: str, year: int) -> CorrectionList:
    """Hand a county or department its list: every line that is not done, as the next number of the year."""
    require(person, "review", office.path)
    lines = lines_of(year)
    with action():
        hold()
        rows = [c for c in Correction.objects.filter(form=form, year=year, side="platform").exclude(state__in=("done", "withdrawn"))
                if c.institution_id in lines and lines[c.institution_id].office.path.startswith(office.path)]
        if not rows:
            raise refuse("exchange.nothing", T("{o}没有要更正的数", "{o} has nothing to mend", o=office.name), do=T("不用发清单", "no list is needed"))
        last = CorrectionList.objects.filter(office=office, form=form, year=year).order_by("-number").first()
        made = CorrectionList.objects.create(office=office, form=form, year=year, number=last.number + 1 if last else 1, by=person)
        made.lines.set(rows)
        record(person, "correction.issue", "correction-list", made.pk, line=office.path, data={
            "office": office.code, "year": year, "number": made.number, "lines": [c.pk for c in rows]})
    return made


def adopt(person: User, book: Book, corrections: Sequence[Correction], *, word: str, confirmed_on: dt.date | None = None) -> int:
    """Let our values follow the platform's where the unit confirmed them (经填报单位确认). All or none.

    Each becomes a new revision that names the platform's file and cell as its source; the return is to be reviewed again.
    """
    _, word = _said("x", word)
    done = 0
    with action():
        for c in corrections:
            if c.side != "ours" or c.state == "withdrawn":
                continue
            s = standing_for(c.institution, Period.parse(c.period))
            require(person, "import", s.office.path if s else "", c.institution.key)
            assert s is not None
            row = current_rows(c.holder, c.form, c.year, [c.institution_id]).get((c.institution_id, c.period))
            if row is None or row.values.get(c.item) != c.new:
                raise refuse("exchange.moved", T("平台的数已经变了", "the platform's value has moved"), do=T("再看一次两边对照", "look at the two-sided table again"))
            _revise(person, book, c, row, s)
            Correction.objects.filter(pk=c.pk).update(state="done", found=c.new, word=word, confirmed_on=confirmed_on)
            record(person, "correction.adopt", "correction", c.pk, line=s.office.path, data={
                "institution": c.institution_id, "period": c.period, "item": c.item, "old": c.old, "new": c.new, "word": word, "reason": c.reason})
            done += 1
    return done


def _revise(person: User, book: Book, c: Correction, row: PlatformRow, s: Standing) -> None:
    """One value as a new revision, brought in from the import that the platform's value came with."""
    source = row.sources.get(c.item) or ["", "", "", "", ""]
    batch = Import.objects.select_related("file").get(pk=source[0] or row.batch_id)
    before = (batch.counts, batch.problems)
    draft = Draft(s.institution.key, s.institution.scheme, Period.parse(c.period), From(batch.file.name, source[1], source[2], 0), s.name,
                  answers={c.item: Decimal(c.new or "0")},
                  sources={c.item: {"sheet": source[1], "cell": source[2], "raw": source[3], "unit": source[4]}})
    outcome = returns.import_answers(person, book, form=c.form, drafts=[draft], batch=batch, office=s.office)
    if outcome.problems:
        raise Refused(*outcome.problems)
    batch.counts, batch.problems = before  # this was no second import: what the first did stays as it was told
    batch.save(update_fields=["counts", "problems"])


def differences_at(holder: str, form: str, year: int, keys: Iterable[str]) -> list[Difference]:
    """The differences that stand at cells given as ``institution.period.item``; unknown ones are left out."""
    wanted = set(keys)
    return [d for d in compared(holder, form, year).differences if f"{d.institution}.{d.period}.{d.item}" in wanted]
