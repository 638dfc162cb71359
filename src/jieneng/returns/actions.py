"""The verbs of returns: the only writers. Each checks the right, moves by the table, and records its event."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import F, QuerySet
from django.utils import timezone

from jieneng.core.amount import amount_text
from jieneng.core.period import Period
from jieneng.core.problem import Finding, Place, Problem, Severity, refuse
from jieneng.core.words import T
from jieneng.people.models import Office, User
from jieneng.people.queries import root_office
from jieneng.people.scope import require
from jieneng.records.bulk import put
from jieneng.records.events import action, hold, record, together
from jieneng.registry.likely import Likely
from jieneng.registry.queries import by_identifier, lines_for, standings
from jieneng.rulebook import form_for
from jieneng.rulebook.editions import not_asked
from jieneng.rulebook.types import Book

from . import parts
from .after import after
from .asks import Ask, ask, suggested, together_said, within
from .chain.blockers import blockers
from .examine import Examiner
from .gate import Gate
from .merged_parts import compact, merged_parts
from .models import Import, Return, ReturnFinding, Revision, Round, RoundStep, Signoff, SnapshotRecord
from .moves import MOVES, VERBS
from .plan.calendar import default_steps
from .queries import answers_of, lines_of
from .ranges import packed
from .telling import say_returned
from .waivers import waived

Progress = Callable[[int, int], None]
CHUNK = 500
PASSES = ("accept", "pass_county", "pass_department")
"""The words by which a level passes a return; none of them over an error that nobody explained."""
ALONE = (*PASSES, "send_back", "take_back", "reopen", "withdraw", "exempt", "include")
"""The verbs done to single returns that change the state and nothing else."""


@dataclass
class Outcome:
    """What an import of answers did."""

    new: int = 0
    changed: int = 0
    same: int = 0
    held: int = 0
    findings: int = 0
    problems: list[Problem] = field(default_factory=list)
    held_returns: list[int] = field(default_factory=list)
    returns: list[int] = field(default_factory=list)
    contents: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        return {"new": self.new, "changed": self.changed, "same": self.same, "findings": self.findings,
                "held": self.held, "refused": len(self.problems)}


def open_round(person: User, book: Book, *, form: str, year: int, office: Office, rhythm: str = "", mode: str = "A",
               deadline: dt.date | None = None) -> Round:
    """Open a round: one return for every institution in scope at each period's end. Opening again adds who is new."""
    require(person, "sign", office.path)
    edition = form_for(book, form, year)
    if edition.part_of:
        raise refuse("round.part", T("“{f}”随“{w}”一起报，不单独开统计任务", "“{f}” is filed with “{w}” and has no round of its own", f=edition.title, w=edition.part_of),
                     do=T("开主表的统计任务", "open a round of the main form"))
    rhythm = rhythm or edition.rhythm[0]
    if rhythm not in edition.rhythm:
        raise refuse("round.rhythm", T("{form} 不按{rhythm}填报", "{form} is not answered by {rhythm}", form=edition.name,
                                       rhythm=rhythm), expected=T("{r}", "{r}", r=" / ".join(edition.rhythm)))
    steps = default_steps(year)
    deadline = deadline or next(s.until for s in steps if s.code == "units")
    with action():
        hold()  # opened twice at the same moment, the second finds what the first made
        round_, created = Round.objects.get_or_create(
            form=form, year=year,
            defaults={"edition": edition.edition, "rhythm": rhythm, "mode": mode, "office": office,
                      "deadline": deadline, "by": person})
        if created:
            RoundStep.objects.bulk_create([RoundStep(round=round_, code=s.code, name=s.name.as_json(), since=s.since, until=s.until) for s in steps])
        have = set(Return.objects.filter(round=round_).values_list("institution_id", "period"))
        periods = Period("year", year).months if round_.rhythm == "month" else (Period("year", year),)
        fresh = []
        for period in periods:
            for standing in standings(period.last_day):
                if (standing.institution_id, str(period)) in have or not standing.office.path.startswith(office.path):
                    continue
                if standing.covered_by_id:
                    state = "covered"
                elif standing.in_scope:
                    state = "expected"
                else:
                    continue
                fresh.append(Return(round=round_, institution_id=standing.institution_id, period=str(period), state=state))
        put(fresh)
        if created or fresh:
            record(person, "round.open", "round", round_.pk, line=office.path, data={
                "form": edition.name, "year": year, "rhythm": round_.rhythm, "mode": round_.mode, "returns": len(fresh),
                "rulebook": book.hash})
    return round_


def _after(progress: Progress | None, base: int, total: int) -> Callable[[int], None] | None:
    """The progress of one year within that of the whole file."""
    return None if progress is None else lambda n: progress(base + n, total)


@dataclass
class _Work:
    """One return to be changed: what it said, what it will say."""

    ret: Return
    answers: dict[str, str | None]
    sources: dict[str, Any]
    institution: int
    key: str
    name: str
    where: Place
    parts: dict[str, Any] = field(default_factory=dict)


def _unknown(drafts: Sequence[Any], known: dict[tuple[str, str], int], inside: Callable[[str], bool],
             problems: list[Problem], likely: Likely) -> list[tuple[Any, int]]:
    """The drafts whose institution is in the register and, for the draft's period, in the office's scope; problems for the others."""
    good = []
    lines = lines_for((pk, d.period) for d in drafts if (pk := known.get((d.scheme, d.identifier))) is not None)
    for draft in drafts:
        pk = known.get((draft.scheme, draft.identifier))
        place = Place(file=draft.file, sheet=draft.sheet, cell=draft.cell)
        if pk is None:
            problems.append(Problem(
                "import.unknown", T("“{name}”（{id}）不在名录库里", "“{name}” ({id}) is not in the register",
                                    name=draft.name or "—", id=draft.identifier),
                do=likely.advice(draft.identifier, draft.name), where=place))
        elif not inside(lines.get((pk, draft.period), "")):
            problems.append(Problem(
                "import.outside", T("“{name}”不归本单位汇总", "“{name}” does not report to this office",
                                    name=draft.name or draft.identifier),
                do=T("请交给它的归口单位导入", "hand it to the office it reports to"), where=place))
        else:
            good.append((draft, pk))
    return good


def import_answers(
    person: User, book: Book, *, form: str, drafts: Sequence[Any], batch: Import, office: Office, accept: bool = False,
    progress: Progress | None = None, unread: int = 0,
) -> Outcome:
    """Bring answers in on behalf of an office. Whole or not at all; the same again changes nothing.

    A draft names some items of a return; what it does not name stays as it was. A changed return becomes a new
    revision, filed (or accepted, when the office may and asks for it), with the findings of the edition's own checks.
    What holds an error stays filed whatever was asked: ``held`` counts it, and a person accepts it with a reason or sends it back.
    ``unread``: problems met while the file was read, before any draft; the event says them too.
    Accepted by whom: by the top office where the person's right reaches it, else the returns are 县级已审 (pass_county).
    """
    mine = require(person, "accept" if accept else "import", office.path)
    top = root_office()
    word = "accept" if top is not None and mine.covers_line(top.path) else "pass_county"
    outcome = Outcome()
    with action():
        known = by_identifier()
        good = _unknown(drafts, known, lambda path: path.startswith(office.path), outcome.problems, Likely(office.path))
        kind = next((f.part_of for f in book.forms.values() if f.code == form and f.part_of), "")
        rounds = {r.year: r for r in Round.objects.filter(form=kind or form)}
        by_year: dict[int, list[tuple[Any, int]]] = {}
        for draft, pk in good:
            by_year.setdefault(draft.period.year, []).append((draft, pk))
        total, done = len(good), 0
        for year in sorted(by_year):
            if year not in rounds:
                outcome.problems.append(Problem(
                    "import.no_round", T("{year} 年还没有统计任务", "there is no round for {year} yet", year=year),
                    do=T("先新建统计任务", "open a round first"), where=Place(file=batch.file.name)))
                continue
            _not_asked(book, form, year, by_year[year], outcome)
            if kind:
                work = [_Work(m.ret, dict(m.old.answers), m.sources, m.ret.institution_id, m.ret.institution.key, m.name, m.where, m.parts)
                        for m in merged_parts(book, rounds[year], form, by_year[year], batch, outcome)]
            else:
                work = _merge(rounds[year], by_year[year], batch, outcome)
            _write(person, book, rounds[year], work, batch, word if accept else "", outcome, _after(progress, done, total))
            done += len(by_year[year])
        batch.counts = {"answers": outcome.counts()}
        batch.problems = [p.as_json() for p in outcome.problems]
        batch.save(update_fields=["counts", "problems"])
        record(person, "returns.import", "import", batch.pk, line=office.path, data={
            **outcome.counts(), "unread": unread, "file": batch.file.sha256, "layout": batch.layout, "accepted": accept,
            **({"word": word} if accept and word != "accept" else {}), **({"held_returns": packed(outcome.held_returns)} if outcome.held_returns else {}),
            "returns": packed(outcome.returns), "content": together(outcome.contents), "rulebook": book.hash})
    if progress:
        progress(total, total)
    return outcome


def _not_asked(book: Book, code: str, year: int, drafts: list[tuple[Any, int]], outcome: Outcome) -> None:
    """Take out what the year's edition does not ask, saying so once for each item: the first cell, how many, and why."""
    form = form_for(book, code, year)
    asked = {i.item for i in form.items}
    first: dict[str, tuple[Any, int]] = {}
    for draft, _ in drafts:
        for item in [i for i in draft.answers if i not in asked]:
            if draft.answers.pop(item) is not None:
                found, n = first.get(item, (draft, 0))
                first[item] = found, n + 1
    for item, (draft, n) in first.items():
        why = not_asked(book, code, item, year)
        source = draft.sources.get(item) or {}
        outcome.problems.append(Problem(
            "import.not_asked", T("{why}：{n} 个数没有收", "{why}: {n} values were not taken", why=why, n=n), do=T(
                "不用处理；要收的，核对数据年份和表样里的指标", "nothing to do; if they are wanted, check the data year and the layout's item"),
            where=Place(file=draft.file, sheet=source.get("sheet") or draft.sheet, cell=source.get("cell") or draft.cell)))


def _merge(round_: Round, drafts: list[tuple[Any, int]], batch: Import, outcome: Outcome) -> list[_Work]:
    """Fold the drafts of one round into the returns they belong to. Returns that would not change are left out."""
    whose = {pk for _, pk in drafts}
    # locked until this import ends, in one order everywhere: whoever reviews or imports them meanwhile waits
    locked = Return.objects.filter(round=round_, institution__in=whose).select_related("institution").select_for_update(of=("self",)).order_by("pk")
    returns = {(r.institution_id, r.period): r for r in locked}
    current = {
        r.ret_id: r for r in Revision.objects.filter(ret__round=round_, ret__institution__in=whose)
        .only("ret_id", "number", "answers", "sources", "parts").order_by("number")
    }
    work: dict[int, _Work] = {}
    for draft, pk in drafts:
        ret = returns.get((pk, str(draft.period)))
        if ret is None:
            outcome.problems.append(Problem(
                "import.not_expected",
                T("“{name}”{period}不在应报范围", "“{name}” does not have to answer for {period}",
                  name=draft.name or draft.identifier, period=str(draft.period)),
                do=T("核对统计期和名录（是否免报、代报、尚未成立或已撤并）", "check the period and the register (exempt, covered, closed)"),
                where=Place(file=draft.file, sheet=draft.sheet, cell=draft.cell)))
            continue
        if ret.pk not in work:
            old = current.get(ret.pk)
            work[ret.pk] = _Work(ret, dict(old.answers) if old else {}, dict(old.sources) if old else {}, pk, ret.institution.key,
                                 draft.name or draft.identifier, Place(file=draft.file, sheet=draft.sheet, cell=draft.cell), dict(old.parts) if old else {})
        job = work[ret.pk]
        fresh = {item: amount_text(value) for item, value in draft.answers.items()}
        changed = {i for i, v in fresh.items() if i not in job.answers or job.answers[i] != v}
        job.answers.update(fresh)
        job.sources.update(compact({i: s for i, s in draft.sources.items() if i in changed}, batch.pk))
    kept = []
    for pk, job in work.items():
        old = current.get(pk)
        if old is not None and old.answers == job.answers:
            outcome.same += 1
            continue
        kept.append(job)
    return kept


def _write(person: User, book: Book, round_: Round, work: list[_Work], batch: Import, word: str, outcome: Outcome,
           progress: Callable[[int], None] | None) -> None:
    """Write revisions, states and findings of one round in chunks, inside the caller's transaction. ``word``: the verb that passes them, if any."""
    form = form_for(book, round_.form, round_.year)
    examiner = Examiner(form)
    carrying = {j.institution for j in work if j.parts}
    earlier = _earlier(round_, {j.institution for j in work}) if examiner.looks_back else _earlier(round_, carrying) if carrying else {}
    due = _due_periods(round_, carrying)
    now, gate, allowed = timezone.now(), Gate(person), waived()
    todo, lines = _open_to(gate, work, outcome)
    # in period order, so that "last month" is the one just read
    todo.sort(key=lambda j: (j.ret.period, j.ret.pk))
    for start in range(0, len(todo), CHUNK):
        part = todo[start:start + CHUNK]
        revisions, findings = [], []
        for job in part:
            ret = job.ret
            outcome.new += ret.revision == 0
            outcome.changed += ret.revision > 0
            ret.revision += 1
            ret.state = gate.step(ret.state, "import", lines.get(ret.pk, ""), job.key).to
            revisions.append(Revision(
                ret=ret, number=ret.revision, answers=job.answers, sources=job.sources, edition=round_.edition,
                rulebook=book.hash, by=person, batch=batch, at=now, parts=job.parts))
            revisions[-1].content = revisions[-1].fingerprint()
            outcome.contents.append(revisions[-1].content)
            answers = answers_of(revisions[-1])
            verdict = examiner.examine(answers, *_before(earlier, job.institution, ret.period))
            earlier[(job.institution, ret.period)] = answers
            told = [("", f) for f in verdict.findings]
            if job.parts:
                told += _judge_parts(book, round_, job, earlier, due[job.institution])
            findings += [ReturnFinding(
                ret=ret, revision=ret.revision, rule=f.rule, severity=f.severity.value, items=list(f.items),
                says=f.says.as_json(), do=f.do.as_json() if f.do else {}, rulebook=book.hash, part=part) for part, f in told]
            held = bool(word) and any(f.severity == Severity.must and (job.institution, f.rule) not in allowed for _, f in told)
            outcome.held += held
            if held:
                outcome.held_returns.append(ret.pk)
            elif word:
                ret.state = gate.step(ret.state, word, lines.get(ret.pk, ""), job.key).to
                ret.accepted = ret.revision if word == "accept" else ret.accepted
            outcome.returns.append(ret.pk)
        _store(j.ret for j in part)
        put(revisions)
        put(findings)
        outcome.findings += len(findings)
        if progress:
            progress(start + len(part))


def _open_to(gate: Gate, work: list[_Work], outcome: Outcome) -> tuple[list[_Work], dict[int, str]]:
    """Those of the returns that the person may change by an import now, with the line of each; problems for the others, by unit and cell."""
    todo, lines = [], lines_of(j.ret for j in work)
    for job in work:
        ret = job.ret
        if (ret.state, "import") not in MOVES:
            outcome.problems.append(Problem(
                "import.closed", T("“{name}”{period} 的报表状态不允许导入：{state}", "“{name}”: the return for {period} cannot be imported: {state}",
                                   name=job.name, period=ret.period, state=ret.get_state_display()),
                do=T("已审定的先退回重新打开", "reopen a signed return first"), where=job.where))
        elif not gate.allows(ret.state, "import", lines.get(ret.pk, ""), job.key):
            outcome.problems.append(Problem(
                "import.accepted", T("“{name}”{period} 的报表是“{state}”，本账号不能改写", "“{name}”: the return for {period} is “{state}”; this account cannot rewrite it",
                                     name=job.name, period=ret.period, state=ret.get_state_display()),
                do=T("要改，请市级机关事务部门重新打开", "to change it, ask the city office to reopen it"), where=job.where))
        else:
            todo.append(job)
    return todo, lines


def _due_periods(round_: Round, institutions: set[int]) -> dict[int, list[str]]:
    """Institution → the periods of the round that it answers for."""
    found: dict[int, list[str]] = {i: [] for i in institutions}
    rows = Return.objects.filter(round=round_, institution__in=institutions).exclude(state__in=("exempt", "covered")) if institutions else Return.objects.none()
    for institution, period in rows.values_list("institution_id", "period"):
        found[institution].append(period)
    return found


def _judge_parts(book: Book, round_: Round, job: _Work, earlier: dict[tuple[int, str], dict[str, Decimal | None]], due: list[str]) -> list[tuple[str, Finding]]:
    """What the checks say of the parts of a return: each by itself, and all of them beside the year as it stands."""
    year = parts.year_of_answers(book, form_for(book, round_.form, round_.year), {p: earlier.get((job.institution, p), {}) for p in due})
    found = parts.examine(book, parts.part_forms(book, round_.form, round_.year), parts.read_parts(job.parts), year=year)
    return [(f.part, f.finding) for f in found]


def _store(returns: Iterable[Return]) -> None:
    """Write state and revision numbers: one UPDATE for all that are alike, far cheaper than one CASE per row."""
    alike: dict[tuple[str, int, int], list[int]] = {}
    for r in returns:
        alike.setdefault((r.state, r.revision, r.accepted), []).append(r.pk)
    for (state, revision, accepted), ids in alike.items():
        for start in range(0, len(ids), CHUNK):
            Return.objects.filter(pk__in=ids[start:start + CHUNK]).update(state=state, revision=revision, accepted=accepted)


def _earlier(round_: Round, institutions: set[int]) -> dict[tuple[int, str], dict[str, Decimal | None]]:
    """The answers of last year's round and of this one as they stand, for checks that look back."""
    rows = Revision.objects.filter(ret__round__form=round_.form, ret__round__year__in=(round_.year - 1, round_.year),
                                   ret__institution__in=institutions)
    rows = rows.select_related("ret").order_by("number").only("ret__institution_id", "ret__period", "answers")
    return {(r.ret.institution_id, r.ret.period): answers_of(r) for r in rows.iterator(chunk_size=2000)}


def _before(earlier: dict[tuple[int, str], dict[str, Decimal | None]], institution: int, period: str
            ) -> tuple[dict[str, Decimal | None] | None, dict[str, Decimal | None] | None]:
    p = Period.parse(period)
    last_month = earlier.get((institution, str(p.previous))) if p.kind == "month" else None
    return earlier.get((institution, str(p.last_year))), last_month


def act(person: User, verb: str, returns: QuerySet[Return], *, reason: str = "", keep: bool = False, more: Mapping[str, Any] | None = None,
        asks: Sequence[Ask] = ()) -> int:
    """Do one verb (accept, pass, send back, reopen, exempt, take back …) to returns of the person's scope, all or none.

    Not by it: signing, which is ``sign_off`` of a whole total, and what writes a revision (saving, filing, importing) or the register's covering.
    ``asks``: what is asked about single items when returns are sent back; without a reason of its own theirs is the reason.
    Raises ``Refused`` for a return outside the scope, in a state that does not allow it, or without a needed reason.
    A return with an error (must) is accepted only with ``keep`` and a reason (经确认保留): the event lists which were kept.
    ``more``: what else the event says.
    """
    if verb not in ALONE:
        raise refuse("returns.alone", T("“{v}”不能对单份报表办", "“{v}” is not done to single returns", v=VERBS[verb]),
                     do=T("审定在“审定”页，连同快照和合计一起办", "sign off on its own page, with the snapshot and its totals") if verb == "sign" else None)
    return _act(person, verb, returns, reason=reason, keep=keep, more=more, asks=asks)


def _act(person: User, verb: str, returns: QuerySet[Return], *, reason: str = "", keep: bool = False, more: Mapping[str, Any] | None = None,
         asks: Sequence[Ask] = ()) -> int:
    """``act``, for any verb of the table: for the verbs of this module."""
    reason, asks = reason.strip() or together_said(asks), within(asks)
    with action():
        rows = list(returns.select_related("institution").select_for_update(of=("self",)).order_by("pk"))
        lines = lines_of(rows)
        gate = Gate(person)
        before: dict[str, list[int]] = {}
        for row in rows:
            step = gate.step(row.state, verb, lines.get(row.pk, ""), row.institution.key)
            if row.state == "exempt" and (verb == "include") is (row.revision > 0):
                raise refuse("returns.exempt", T("免报的报表{w}", "the exempt return {w}", w=T("报过数", "held figures") if row.revision else T("没有报过数", "never held figures")),
                             do=T("用“{v}”", "use “{v}”", v=VERBS["reopen" if row.revision else "include"]))
            if step.reason and not reason.strip():
                raise refuse("returns.reason", T("没有写原因", "no reason given"), do=T("写明原因，对方能看到", "say why; the other side sees it"))
            before.setdefault(row.state, []).append(row.pk)
            row.state = step.to
            if verb == "accept":
                row.accepted = row.revision
        kept = sorted(open_must(rows)) if verb in PASSES else []
        if kept and not (keep and reason.strip()):
            raise refuse(
                "returns.must", T("{n} 份报表还有没处理的“错误”", "{n} returns still hold errors", n=len(kept)),
                do=T("退回核实；确认无误要保留的，选“经确认保留”并写明原因", "send them back; to keep what was confirmed, choose “keep” and say why"))
        _store(rows)
        asked = ask(person, rows, asks) if asks and verb in ("send_back", "reopen") else []
        if rows:
            record(person, f"returns.{verb}", "returns", len(rows), line=common_line(lines.values()), data={
                "reason": reason, "returns": packed(r.pk for r in rows), **({"kept": packed(kept)} if kept else {}), **({"asks": asked} if asked else {}),
                "from": {state: packed(ids) for state, ids in before.items()}, **(more or {})})
            if verb in ("send_back", "reopen"):
                say_returned(rows, lines, reason)
            if verb in ("send_back", "reopen", *PASSES):
                after(person, verb, [r for r in rows if r.pk not in before.get("exempt", ())], reason, suggested(rows, asks))
    return len(rows)


def open_must(returns: Sequence[Return]) -> set[int]:
    """Those of the returns whose current revision holds an error (must) that no waiver allows."""
    found: set[int] = set()
    ids, allowed = [r.pk for r in returns], waived()
    for start in range(0, len(ids), CHUNK):
        rows = ReturnFinding.objects.filter(ret__in=ids[start:start + CHUNK], severity="must", revision=F("ret__revision"))
        found.update(pk for pk, body, rule in rows.values_list("ret_id", "ret__institution_id", "rule") if (body, rule) not in allowed)
    return found


def common_line(paths: Iterable[str]) -> str:
    """The lowest office that all paths lie under."""
    split = [p.strip("/").split("/") for p in set(paths)]
    if not split:
        return ""
    shared = []
    for level in zip(*split, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return "/" + "/".join(shared) + "/" if shared else "/"


def sign_off(person: User, round_: Round, office: Office, snapshot: SnapshotRecord, totals: dict[str, Any]) -> Signoff:
    """Answer for an office's total of a round, bound to a snapshot and its control totals (审定).

    The accepted returns that are the office's (by the line on the day that counts, as the snapshot places them) become signed. Refused while some are not accepted yet, and for a snapshot that does
    not hold what now stands: nobody signs what they have not seen frozen.
    """
    require(person, "sign", office.path)
    with action():
        open_ = list(Return.objects.filter(round=round_).exclude(state__in=("exempt", "covered", "signed")).select_for_update().only("pk", "institution_id", "period").order_by("pk"))
        mine = [pk for pk, line in lines_of(open_).items() if line.startswith(office.path)]
        waiting = Return.objects.filter(pk__in=mine).exclude(state="accepted").count()
        if waiting:
            raise refuse("signoff.waiting", T("还有 {n} 份报表没有审核通过", "{n} returns are not accepted yet", n=waiting),
                         do=T("审核通过，或登记免报后再审定", "accept them, or mark them exempt, then sign"))
        if in_the_way := blockers(round_, office):
            raise refuse("signoff.blocked", T("还不能审定：{w}", "not to be signed yet: {w}", w="；".join(str(w) for w in in_the_way)),
                         do=T("逐项办完或说明后再审定", "settle or explain each, then sign"))
        later = Revision.objects.filter(ret__in=mine, at__gt=snapshot.cutoff).count()
        if later or snapshot.year != round_.year:
            raise refuse("signoff.snapshot", T("快照 {s} 以后又有 {n} 处更正", "{n} corrections came after snapshot {s}", s=snapshot.pk, n=later),
                         do=T("重新封存再审定", "freeze again, then sign"))
        if mine:
            _act(person, "sign", Return.objects.filter(pk__in=mine))
        signoff, created = Signoff.objects.get_or_create(
            round=round_, office=office, snapshot=snapshot, defaults={"totals": totals, "by": person})
        if created:
            record(person, "round.sign_off", "signoff", signoff.pk, line=office.path,
                   data={"round": str(round_), "snapshot": snapshot.pk, "totals": totals})
    return signoff
