"""The verbs of filling in: save a draft, file it. Each checks the right and the state, and leaves its trace in one transaction."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from jieneng.core.period import Period
from jieneng.core.problem import Place, Problem, Refused, refuse
from jieneng.core.words import T
from jieneng.people.models import Office, User
from jieneng.people.scope import require
from jieneng.records.events import action, record, together
from jieneng.records.models import ReceivedFile
from jieneng.registry.models import Institution
from jieneng.returns.actions import act, import_answers
from jieneng.returns.intake import Draft as IntakeDraft
from jieneng.returns.intake import From
from jieneng.returns.models import Import, Return, ReturnAsk, ReturnFinding, Revision, Round
from jieneng.returns.moves import STATES, move
from jieneng.returns.parts import LONGEST_NAME, changed, stored
from jieneng.returns.queries import book as the_book
from jieneng.returns.ranges import packed
from jieneng.rulebook import form_for

from . import parts
from .access import year_to_write
from .amounts import plain, same
from .judge import Found, Judged, field_of, not_answered
from .models import Draft, DraftSave, Filing, Signature
from .part_sheets import PartRow, into_draft
from .queries import OPEN, Year, at_version
from .reading import Cell, Read
from .shape import EVERY, Shape, computed, shape_of
from .signing import PARTS, sign, standing, wanting
from .taken_up import taken_up

LONGEST = {"part": 1, "name": LONGEST_NAME, "": 60, "why": 200, "reason": 200, "basis": 60, "unused": 1, "answer": 200}
"""Characters kept of a field, by its first word ("": a value)."""


@dataclass(frozen=True)
class Other:
    """A field that somebody else changed meanwhile: what it was, what they made of it, who and when."""

    field: str
    was: str
    now: str
    who: str
    at: dt.datetime
    mine: str = ""


@dataclass
class Saved:
    """What a save did. ``others``: changed elsewhere and taken over; ``conflicts``: changed elsewhere and here: theirs stands until the
    person decides."""

    year: Year
    changed: int = 0
    others: list[Other] = field(default_factory=list)
    conflicts: list[Other] = field(default_factory=list)


def fields_of(year: Year, given: Iterable[str] = ()) -> set[str]:
    """Every field that the draft may hold. ``given``: fields that may add parts."""
    typed = [e.code for e in year.shape.entries.values() if not e.parts]
    found = {f"{p}.{c}" for p in (*year.open, EVERY) for c in typed} - {f"{EVERY}.{p.quantity.code}" for p in year.shape.pairs}
    found |= {f"unused.{f}" for f in year.shape.families}
    found |= {f"{k}.{e.code}" for k in ("basis", "reason") for e in year.shape.standing}
    found |= {f"answer.{a.pk}" for a in year.asks}
    found |= parts.fields_of(year, given)
    return found | {f"why.{p}.{c.id}" for p in (*year.open, EVERY) for c in year.shape.form.checks}


def save(person: User, round_: Round, institution: Institution, given: Mapping[str, str] | Callable[[Year], Mapping[str, str]], *, seen: int,
         mine: Iterable[str] = (), waiting: Iterable[str] = (), cells: Mapping[str, list[Any]] | None = None, right: str = "file", period: str = "") -> Saved:
    """Keep what was typed, as typed, also where it is no number yet.

    ``given``: fields as the page shows them now, or what makes them of the year as it stands once it is locked (a button that fills in
    what is empty); ``seen``: the version of the draft that the page was made from. Only what differs
    from that version is this person's; a field that somebody else changed since is left as they made it and told (P4), unless it is
    in ``mine`` (the person saw theirs and keeps their own). ``waiting``: fields told before and not yet decided. ``right``: ``import``
    for an office that keys in what its units gave it on paper, over whose return of the ``period`` it is.
    """
    with action():
        draft, _ = Draft.objects.select_for_update().get_or_create(round=round_, institution=institution)  # goes again with whatever is refused below
        year = year_to_write(person, round_, institution, right, period, draft)
        given = given(year) if callable(given) else given
        if year.mode == "A":
            raise refuse("filling.mode", T("这次统计任务先在国家平台填报", "this round is filed on the national platform first"),
                         do=T("在国家平台填；这里只看", "enter it there; here it can be looked at"))
        if not year.open:
            raise closed(year)
        start = {k: v for k, v in year.values.items() if k not in draft.values} if draft.version else dict(year.values)
        base = {**start, **at_version(draft, seen)}
        now = {**start, **draft.values}
        allowed, keep, undecided = fields_of(year, given), set(mine), set(waiting)
        wanted = {k: v.strip()[:LONGEST.get(k.partition(".")[0], LONGEST[""])] for k, v in given.items() if k in allowed}
        saved = Saved(year)
        changes: dict[str, list[str | None]] = {}
        for k, v in wanted.items():
            theirs = now.get(k, "") != base.get(k, "")
            if same(v, now.get(k, "")) or (same(v, base.get(k, "")) and k not in keep and k not in undecided):
                continue  # a page that was opened again shows numbers grouped: that alone is nobody's change
            if (theirs or k in undecided) and k not in keep:
                saved.conflicts.append(_other(draft, k, base, now, mine=v))
            else:
                changes[k] = [draft.values.get(k), v]
        saved.others = [_other(draft, k, base, now) for k in sorted(now.keys() | base.keys())
                        if now.get(k, "") != base.get(k, "") and k not in changes and all(c.field != k for c in saved.conflicts)]
        if changes:
            _write(person, draft, changes, cells or {})
            _begin(person, year, changes)
        saved.changed = len(changes)
        year.values = {**start, **draft.values}
        return saved


def closed(year: Year) -> Refused:
    """That the pen is not with the unit: in which state its returns are."""
    states = sorted({str(STATES[r.state]) for r in year.returns.values()})
    return refuse("filling.closed", T("报表已经是“{s}”，不能再改", "the return is “{s}” and cannot be changed", s="、".join(states)),
                  do=T("要改，请审核的部门退回；退回后原来填的都在", "to change it, ask the reviewer to send it back; all you typed will be there"))


def _other(draft: Draft, key: str, base: Mapping[str, str], now: Mapping[str, str], mine: str = "") -> Other:
    last = next((s for s in draft.saves.select_related("by").order_by("-version") if key in s.changes), None)
    return Other(key, base.get(key, ""), now.get(key, ""), last.by.shown if last else "", last.at if last else timezone.now(), mine)


def _write(person: User, draft: Draft, changes: dict[str, list[str | None]], cells: Mapping[str, list[Any]]) -> None:
    """One more version of the draft. A typed value no longer comes from a workbook."""
    draft.values = {**draft.values, **{k: v for k, (_, v) in changes.items()}}
    draft.cells = {**{k: c for k, c in draft.cells.items() if k not in changes}, **{k: list(c) for k, c in cells.items() if k in changes}}
    draft.version, draft.by, draft.at = draft.version + 1, person, timezone.now()
    draft.save()
    DraftSave.objects.create(draft=draft, version=draft.version, changes=changes, by=person, at=draft.at)


def _begin(person: User, year: Year, changes: Mapping[str, Any]) -> None:
    """The first value of a period moves its return to 填报中: one event; the saves after it are kept in the draft's own history."""
    typed = {year.closing if parts.is_part_field(k, year.kinds) else k.partition(".")[0] for k in changes}
    rows = Return.objects.select_for_update().filter(pk__in=[r.pk for p, r in year.returns.items() if p in typed and r.state == "expected"])
    ids = [r.pk for r in rows if r.state == "expected"]
    if not ids:
        return
    step = move("expected", "save")
    Return.objects.filter(pk__in=ids).update(state=step.to)
    for r in year.returns.values():
        if r.pk in ids:
            r.state = step.to
    record(person, "returns.save", "returns", len(ids), line=year.standing.office.path, data={
        "returns": packed(ids), "from": {"expected": packed(ids)}, "draft": year.draft.pk})


def problems_of(year: Year, judged: Judged, periods: Iterable[str]) -> list[Problem]:
    """What stands in the way of filing these periods, each with the field it is about."""
    wanted = set(periods)
    inside = judged.inside(wanted)
    found = [p for k, p in judged.problems.items() if k.partition(".")[0] in inside]
    once = {f.once: f for f in judged.found if f.period in wanted and f.blocks}
    found += [Problem("filling.check", f.finding.says, None, f.finding.do if not f.explainable else T(
        "写明原因；填错了就改", "give the reason, or mend it"), Place(field=f.fields[0] if f.fields else f.key)) for f in once.values()]
    found += [Problem("filling.asked", T("退回的{x}还没有改，也没有答复：{r}", "{x} was sent back and neither changed nor answered: {r}", x=str(year.shape.entries[a.item].label), r=a.reason),
                      do=T("改数、确认建议值，或写明为什么没错", "change it, confirm the value proposed, or say why it is right"), where=Place(field=f"answer.{a.pk}"))
              for a in unanswered(year, judged, wanted)]
    told: set[str] = set()
    for p, fields in judged.missing.items():
        for at in fields if p in wanted else ():
            if at not in told:
                told.add(at)
                found.append(Problem("filling.missing", _not_answered(year, at), where=Place(field=at)))
    return found


def _not_answered(year: Year, at: str) -> T:
    """The words for a required field nobody filled in."""
    if at.startswith("name."):
        return T("{p}还没有写名称", "{p} has no name yet", p=parts.label_of(year, parts.key_in(at)))
    said = not_answered(entry.label if (entry := parts.entry_of(year, at)) else T("{a}", "{a}", a=at))
    return T("{p}：{s}", "{p}: {s}", p=parts.label_of(year, key), s=said) if (key := parts.key_in(at)) else said


def unanswered(year: Year, judged: Judged, periods: Iterable[str]) -> list[ReturnAsk]:
    """The asks about these periods (退回事项) whose value still is as it was sent back, and that nobody answered in words."""
    wanted = set(periods)
    return [a for a in year.asks if a.ret.period in wanted and a.item in year.shape.entries and not year.values.get(f"answer.{a.pk}", "").strip()
            and judged.answers[a.ret.period].get(a.item) == year.earlier.get(a.ret.period, {}).get(a.item)]


def confirm(person: User, round_: Round, institution: Institution, periods: Iterable[str], *, seen: int) -> int:
    """Take the values that the reviewer proposed for these periods and file them at once (一键确认建议值). Returns how many were filed.

    Where the unit signs in turn, the values are taken and the signatures come first: nothing is filed by it.
    """
    with action():
        year = year_to_write(person, round_, institution)
        wanted = {p for p in periods if year.returns.get(p) and year.returns[p].state == "returned"}
        standing = {e.code for e in year.shape.standing}
        given = {field_of(year.values, a.ret.period, a.item, a.item in standing): a.suggested for a in year.asks
                 if a.suggested and a.ret.period in wanted and a.item in year.shape.entries and not year.shape.entries[a.item].parts}
        if not given:
            raise refuse("filling.nothing", T("没有要确认的建议值", "there is no proposed value to confirm"))
        version = save(person, round_, institution, given, seen=seen, mine=given).year.draft.version
        asked = sorted({a.ret.period for a in year.asks if a.suggested} & wanted)
        return 0 if year.signs else file(person, round_, institution, asked, seen=version)


def withdraw(person: User, round_: Round, institution: Institution, reason: str = "") -> int:
    """Take back what was filed (撤回), while no reviewer has taken it up: it is being filled in again. Returns how many returns.

    Raises ``Refused`` naming who has taken it up, or whose filing it was where the unit did not file it itself.
    """
    with action():
        year = year_to_write(person, round_, institution)
        rows = [r for r in year.returns.values() if r.state == "filed"]
        if not rows:
            states = "、".join(sorted({str(STATES[r.state]) for r in year.returns.values()}))
            raise refuse("filling.not_filed", T("没有可以撤回的报表：现在是“{s}”", "nothing to withdraw: it is “{s}”", s=states),
                         do=T("要改，请审核的部门退回", "to change it, ask the reviewer to send it back"))
        if (who := taken_up(round_, institution.pk)) is not None:
            raise refuse("filling.taken_up", T("已经在审核：{w}", "it is under review: {w}", w=str(who)), do=T("要改，请审核的部门退回", "to change it, ask the reviewer to send it back"))
        own = {ret for ret, number in Revision.objects.filter(ret__in=rows, batch=None).values_list("ret_id", "number") if ret in {r.pk for r in rows if r.revision == number}}
        mine = [r.pk for r in rows if r.pk in own]
        if not mine:
            raise refuse("filling.not_own", T("不是在这里报的：是代录或导入的", "it was not filed here but entered or imported for the unit"), do=T("请录入的部门退回", "ask the office that entered it to send it back"))
        return act(person, "withdraw", Return.objects.filter(pk__in=mine), reason=reason)


def file(person: User, round_: Round, institution: Institution, periods: Iterable[str], *, seen: int, names: Mapping[str, str] | None = None) -> int:
    """File periods of a draft (上报): each becomes a revision with its findings and the reasons given. All of them or none.

    ``names``: who signs, by part, where the round wants signatures (``signing``); until all three have, nothing is filed and 0 comes back.

    Raises ``Refused`` with every problem and its field: a value that is no number, one nobody answered, an error, or a finding to be
    verified that has no reason; and when the draft was changed since it was last looked at.
    """
    with action():
        year = year_to_write(person, round_, institution)
        draft = Draft.objects.select_for_update().filter(round=round_, institution=institution).first()
        if draft is not None and draft.version != seen:
            last = draft.saves.select_related("by").last()
            raise refuse("filling.changed", T("{who} 刚改过这份报表", "{who} has just changed this return", who=last.by.shown if last else "—"),
                         do=T("先看改了什么，再送一次", "look at what changed, then send it again"))
        wanted = [p for p in year.open if p in set(periods)]
        if not wanted:
            raise closed(year)
        judged = year.judge()
        if wrong := problems_of(year, judged, wanted):
            raise Refused(*wrong)
        if wanting(year, wanted):
            sign(person, year, wanted, names or {})
            if wanting(year, wanted):
                return 0
        rows = {r.period: r for r in Return.objects.select_for_update().filter(
            round=round_, institution=institution, period__in=wanted).order_by("pk")}
        before: dict[str, list[int]] = {}
        now, contents, reasons = timezone.now(), [], []
        for period in wanted:
            ret = rows[period]
            before.setdefault(ret.state, []).append(ret.pk)
            ret.state, ret.revision = move(ret.state, "file").to, ret.revision + 1
            mine = [f for f in judged.found if f.period == period]
            revision = _revision(person, year, draft, judged, ret, mine, now)
            contents.append(revision.content)
            reasons += [revision.reason] if revision.reason else []
            ret.save(update_fields=["state", "revision"])
        filing = _filing(person, year, rows, contents, now)
        record(person, "returns.file", "returns", len(wanted), line=year.standing.office.path, data={
            "returns": packed(r.pk for r in rows.values()), "from": {s: packed(ids) for s, ids in before.items()},
            "content": together(contents), "revised": True, "reason": "；".join(dict.fromkeys(reasons))[:300],
            "draft": draft.version if draft else 0, "rulebook": year.book.hash, "filing": filing.pk, "filed": filing.content,
            **({"parts": moved} if year.closing in wanted and (moved := changed(year.filed_parts or year.last_parts, stored(judged.parts))) else {})})
    return len(wanted)


def _filing(person: User, year: Year, rows: Mapping[str, Return], contents: Iterable[str], now: dt.datetime) -> Filing:
    """The filing that these revisions were made by, with the names that stand under it."""
    signatures = standing(year, rows)
    last = Filing.objects.filter(round=year.round, institution=year.institution).order_by("-number").first()
    signed = [[s.part, s.name, s.by.username, s.at.astimezone(dt.UTC).isoformat(timespec="seconds")] for part in PARTS if (s := signatures.get(part))]
    filing = Filing(round=year.round, institution=year.institution, number=last.number + 1 if last else 1, revisions={p: r.revision for p, r in rows.items()},
                    signed=signed or [["filler", person.name[:40], person.username, now.astimezone(dt.UTC).isoformat(timespec="seconds")]], by=person, at=now)
    filing.content = filing.fingerprint(together(contents))
    filing.save(force_insert=True)
    Signature.objects.filter(pk__in=[s.pk for s in signatures.values()]).update(filing=filing)
    return filing


def _revision(person: User, year: Year, draft: Draft | None, judged: Judged, ret: Return, found: list[Found], now: dt.datetime) -> Revision:
    """One return as it is filed: answers, where each came from, why what is unusual is right; and its findings."""
    answers, cells, standing = judged.answers[ret.period], draft.cells if draft else {}, {e.code for e in year.shape.standing}
    sources: dict[str, list[Any]] = {}
    for code in answers:
        at = field_of(year.values, ret.period, code, code in standing)
        if at in cells:
            sources[code] = list(cells[at])
    mine = judged.parts if ret.period == judged.closing else []
    for p in mine:
        sources |= {at: list(cells[at]) for i in p.answers if (at := f"{p.key}.{i}") in cells}
    reason = "；".join(dict.fromkeys([*(f.reason for f in found if f.reason), *(f"{f.finding.rule} {f.waived}" for f in found if f.waived), *_answered(year, judged, ret)]))
    revision = Revision(
        ret=ret, number=ret.revision, answers={k: None if v is None else plain(v) or "0" for k, v in answers.items()}, sources=sources,
        parts=stored(mine), edition=year.round.edition, rulebook=year.book.hash, by=person, at=now, reason=reason[:300])
    revision.content = revision.fingerprint()
    revision.save(force_insert=True)
    ReturnFinding.objects.bulk_create([ReturnFinding(
        ret=ret, revision=ret.revision, rule=f.finding.rule, severity=f.finding.severity.value, items=list(f.finding.items),
        says=f.finding.says.as_json(), do=f.finding.do.as_json() if f.finding.do else {}, rulebook=year.book.hash, part=f.part) for f in found])
    return revision


def _answered(year: Year, judged: Judged, ret: Return) -> list[str]:
    """What the unit did about the items that were sent back: confirmed the proposed value, changed it to another, or said why it is right."""
    said = []
    for a in year.asks:
        if a.ret_id != ret.pk or a.item not in year.shape.entries:
            continue
        now, label = judged.answers[ret.period].get(a.item), year.shape.entries[a.item].label.zh
        if answer := year.values.get(f"answer.{a.pk}", "").strip():
            said.append(f"{label}：{answer}")
        elif a.suggested and plain(now) == a.suggested:
            said.append(f"{label}：确认建议值 {a.suggested}")
        else:
            said.append(f"{label}：改为 {plain(now)}")
    return said


def take_workbook(person: User, round_: Round, institution: Institution, received: ReceivedFile, read: Read) -> Saved:
    """Put what a workbook of the institution says into its draft; nothing is filed by it. An empty cell leaves the draft as it is.

    What is no number goes in as typed, so that nothing is lost, and is told on the page. The file is kept as received.
    """
    with action():
        year = year_to_write(person, round_, institution)
        given: dict[str, str] = {}
        cells: dict[str, list[Any]] = {}
        standing = {e.code for e in year.shape.standing}
        open_ = [p for p in year.open if (institution.key, p) in read.rows]
        for code in year.shape.entries:
            row = {p: read.rows[institution.key, p][code] for p in open_ if code in read.rows[institution.key, p]}
            filled = {p: c for p, c in row.items() if c.raw}
            once = code in standing and len({c.raw for c in filled.values()}) == 1 and len(filled) == len(open_)
            for p, c in list(filled.items())[:1 if once else None]:
                at = f"{EVERY if once else p}.{code}"
                given[at], cells[at] = c.raw, [0, f"{read.name} {c.sheet}", c.cell, c.raw, ""]
            if once:  # one value for all: what single months said before no longer stands
                given |= {f"{p}.{code}": "" for p in open_ if f"{p}.{code}" in year.values}
        given |= {f"basis.{k}": b for k, (b, _) in read.basis.items() if b and k in standing}
        given |= {f"reason.{k}": r for k, (_, r) in read.basis.items() if r and k in standing}
        mine, where = into_draft(year, read)
        saved = save(person, round_, institution, {**given, **mine}, seen=year.draft.version, cells={**cells, **where})
        record(person, "filling.workbook", "draft", saved.year.draft.pk, line=year.standing.office.path, data={
            "file": received.sha256, "name": received.name, "institution": institution.key, "year": round_.year, "changed": saved.changed,
            "problems": len(read.problems) + sum(c.problem is not None for c in read.cells)})
    return saved


def take_units(person: User, round_: Round, office: Office, received: ReceivedFile, reads: Iterable[Read]) -> Import:
    """Bring in workbooks on behalf of an office: the rows of its units are filed, each value with its file, sheet and cell.

    Good rows go in; what is no number, foreign or unmarked is listed with sheet and cell. The checks are reckoned here, from the values.
    """
    require(person, "import", office.path)
    book = the_book()
    shape = shape_of(book, form_for(book, round_.form, round_.year))
    schemes = dict(Institution.objects.values_list("key", "scheme"))
    drafts, problems, rooms = [], [], dict[str, list[IntakeDraft]]()
    for read in reads:
        for mark, part in read.parts.items() if read.identity.get("kind") == "institution" else ():
            problems += [c.problem for c in part.cells.values() if c.problem]
            rooms.setdefault(parts.form_of(mark), []).append(_part_draft(read, round_, part, schemes))
        problems += read.problems
        for (key, period), row in read.rows.items():
            problems += [c.problem for c in row.values() if c.problem]
            drafts += _row_draft(shape, read, key, period, row, schemes)
    with action():
        batch = Import.objects.create(file=received, layout="workbook", layout_hash=book.hash, layout_text="", reads="answers", on_behalf=office, by=person)
        outcome = import_answers(person, book, form=round_.form, drafts=drafts, batch=batch, office=office, unread=len(problems))
        counts, told = {"answers": outcome.counts()}, [*problems, *outcome.problems]
        for form, mine in rooms.items():
            done = import_answers(person, book, form=form, drafts=mine, batch=batch, office=office)
            counts[form], told = done.counts(), [*told, *done.problems]
        batch.counts, batch.problems = counts, [p.as_json() for p in told]
        batch.save(update_fields=["counts", "problems"])
    return batch


def _row_draft(shape: Shape, read: Read, key: str, period: str, row: Mapping[str, Cell], schemes: Mapping[str, str]) -> list[IntakeDraft]:
    """A row as a return that was received: answered cells only, and the sums they make. Nothing for a row nobody filled in."""
    answers = {code: c.value for code, c in row.items()}
    if all(v is None for v in answers.values()):
        return []
    computed(shape, answers)
    first = next(iter(row.values()))
    sources = {code: {"sheet": c.sheet if read.name.endswith("xlsx") else f"{read.name} {c.sheet}", "cell": c.cell, "raw": "", "unit": ""} for code, c in row.items() if c.value is not None}
    at = From(file=read.name, sheet=first.sheet, cell=first.cell, row=int("".join(x for x in first.cell if x.isdigit()) or 0))
    return [IntakeDraft(identifier=key, scheme=schemes.get(key, "uscc"), period=Period.parse(period), at=at, name=read.names.get((key, period), ""),
                        answers={k: v for k, v in answers.items() if v is not None}, sources=sources)]


def _part_draft(read: Read, round_: Round, part: PartRow, schemes: Mapping[str, str]) -> IntakeDraft:
    """A machine room or heating source as it was received: answered cells only."""
    key, cells = read.identity["key"], {i: c for i, c in part.cells.items() if c.value is not None}
    first = next(iter(part.cells.values()))
    sources = {i: {"sheet": f"{read.name} {c.sheet}", "cell": c.cell, "raw": "", "unit": ""} for i, c in cells.items()}
    at = From(file=read.name, sheet=first.sheet, cell=first.cell, row=int("".join(x for x in first.cell if x.isdigit()) or 0))
    return IntakeDraft(identifier=key, scheme=schemes.get(key, "uscc"), period=Period("year", round_.year), at=at, part=part.name, answers={i: c.value for i, c in cells.items()}, sources=sources)


__all__ = ["OPEN", "Import", "Other", "Saved", "closed", "confirm", "fields_of", "file", "problems_of", "save", "take_units", "take_workbook", "unanswered", "withdraw"]
