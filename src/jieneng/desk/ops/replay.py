"""Events told again: what the records must look like if every event happened and nothing else did (faults.md I2, I3).

A change made past the system has no event and is named here; so is an event whose object is gone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Max, Min

from jieneng.core.problem import Refused
from jieneng.fieldwork.models import LedgerRecord, LedgerRevision
from jieneng.filling.models import Filing, Signature
from jieneng.people.models import Appointment, User
from jieneng.people.queries import CONSOLE
from jieneng.records.events import together
from jieneng.records.models import Event, Evidence
from jieneng.registry.models import Change, Contact, Link, OfficeChange, Pair, Standing, Voucher
from jieneng.reports.models import DocumentVersion
from jieneng.returns.models import (
    Extension,
    Import,
    OnBehalf,
    Reminder,
    Return,
    ReturnAsk,
    Revision,
    Round,
    Signoff,
    SnapshotRecord,
    Submission,
    Waiver,
)
from jieneng.returns.moves import VERBS, move
from jieneng.returns.ranges import unpacked

from . import replay_review

START = ("expected", "covered")
"""The states in which a round opens a return; which of them is the register's matter."""
SHOWN = 5
REGISTER = ("register.import", "register.change", "register.batch", "register.undo", "office.rename")
"""The verbs that write standings."""


def few(ids: Iterable[Any]) -> str:
    """The first few of them, for a person."""
    found = sorted(ids, key=str)
    return ", ".join(str(i) for i in found[:SHOWN]) + (f" … ({len(found)})" if len(found) > SHOWN else "")


@dataclass
class Told:
    """What the events say of returns: state, number of revisions and accepted revision of each that was touched."""

    state: dict[int, str] = field(default_factory=dict)
    revision: Counter[int] = field(default_factory=Counter)
    accepted: dict[int, int] = field(default_factory=dict)
    imported: dict[int, set[int]] = field(default_factory=dict)
    contents: dict[int, str] = field(default_factory=dict)
    filed: list[tuple[int, set[tuple[int, int]], str]] = field(default_factory=list)
    """Event, (return, revision number) of what it filed, and their fingerprints together."""
    faults: list[str] = field(default_factory=list)
    count: int = 0

    def step(self, seq: int, verb: str, ids: set[int], start: str = "expected") -> None:
        """Move each return as the table of moves says. A move that the table does not know is a fault."""
        for pk in ids:
            state = self.state.get(pk, start)
            try:
                self.state[pk] = move(state, verb).to
            except Refused:
                self.faults.append(f"event {seq}: return {pk} was {state} and cannot {verb}")
            if verb == "accept":
                self.accepted[pk] = self.revision[pk]


def tell() -> Told:
    """Read every event of returns in order."""
    told = Told()
    for seq, verb, object_id, data in Event.objects.filter(verb__startswith="returns.").order_by("seq").values_list("seq", "verb", "object_id", "data").iterator():
        told.count += 1
        name = verb.partition(".")[2]
        ids = unpacked(data.get("returns", ""))
        if name == "import":
            told.imported[int(object_id)] = ids
            told.contents[int(object_id)] = data.get("content", "")
            told.revision.update(ids)
            told.step(seq, "import", ids)
            if data.get("accepted"):
                # events from before the held ones were listed had none, or said more than happened
                told.step(seq, data.get("word", "accept"), ids - unpacked(data.get("held_returns", "")))
        elif name in VERBS and "from" in data:
            if data.get("revised"):  # filed by the respondent: each return has a new revision
                told.revision.update(ids)
                told.filed.append((seq, {(pk, told.revision[pk]) for pk in ids}, data.get("content", "")))
            for state, packed in data["from"].items():
                mine = unpacked(packed)
                if wrong := [pk for pk in mine if told.state.get(pk, state) != state or (pk not in told.state and state not in START)]:
                    told.faults.append(f"event {seq}: says {state} of returns that were not: {few(wrong)}")
                told.step(seq, name, mine, state)
        else:
            told.faults.append(f"event {seq}: unknown verb {verb}")
    return told


def returns(told: Told) -> tuple[int, list[str]]:
    """I2: one current revision, numbers 1…n, and state, revision and accepted revision as the events lead to them."""
    faults, count = list(told.faults), 0
    numbers = {row["ret"]: row for row in Revision.objects.values("ret").annotate(n=Count("id"), low=Min("number"), high=Max("number"))}
    seen: set[int] = set()
    for pk, current, accepted, state in Return.objects.values_list("pk", "revision", "accepted", "state").iterator(chunk_size=5000):
        count += 1
        seen.add(pk)
        row = numbers.get(pk, {"n": 0, "low": 1, "high": 0})
        if row["n"] != current or row["low"] != 1 or row["high"] != row["n"]:
            faults.append(f"return {pk}: {row['n']} revisions, current {current}")
        if current != told.revision[pk] or accepted != told.accepted.get(pk, 0):
            faults.append(f"return {pk}: revision {current}, accepted {accepted}; its events say {told.revision[pk]} and {told.accepted.get(pk, 0)}")
        if state != told.state.get(pk, state) or (pk not in told.state and state not in START):
            faults.append(f"return {pk}: is {state}; its events say {told.state.get(pk, 'expected')}")
    if gone := told.state.keys() - seen:
        faults.append(f"returns that events speak of are gone: {few(gone)}")
    return count, faults


def _differ(faults: list[str], what: str, records: Iterable[Any], events: Iterable[Any]) -> int:
    """Compare what there is with what events speak of. Returns how many there are."""
    have, said = set(map(str, records)), set(map(str, events))
    if extra := have - said:
        faults.append(f"{what} without an event: {few(extra)}")
    if gone := said - have:
        faults.append(f"{what} that events speak of are gone: {few(gone)}")
    return len(have)


def _objects(*verbs: str) -> list[str]:
    return list(Event.objects.filter(verb__in=verbs).values_list("object_id", flat=True))


def objects(told: Told) -> tuple[int, list[str]]:
    """I3: each thing has the event that made it, and each event its thing."""
    faults: list[str] = []
    count = _differ(faults, "rounds", Round.objects.values_list("pk", flat=True), _objects("round.open"))
    batches: dict[str, str | None] = {}
    read = Event.objects.filter(verb__in=("register.import", "returns.import", "ledger.import", "platform.import", "platform.register"))
    for verb, object_id, data in read.order_by("seq").values_list("verb", "object_id", "data"):
        batch = str(data.get("import") if verb == "register.import" else object_id)
        batches[batch] = data.get("file") or batches.get(batch)
    files = {str(pk): sha for pk, sha in Import.objects.values_list("pk", "file__sha256")}
    count += _differ(faults, "imports", files, batches.keys() - {"None"})
    if other := [pk for pk, sha in files.items() if (batches.get(pk) or sha) != sha]:
        faults.append(f"imports of another file than their events say: {few(other)}")
    count += _revisions(faults, told)
    count += _filings(faults)
    count += _differ(faults, "what was asked of returns", (f"{a.ret_id} {a.item} {a.reason} {a.suggested}" for a in ReturnAsk.objects.all()),
                     (" ".join(map(str, a)) for d in Event.objects.filter(verb__in=("returns.send_back", "returns.reopen")).values_list("data", flat=True) for a in d.get("asks", [])))
    count += _differ(faults, "waivers", Waiver.objects.values_list("pk", flat=True), (d.get("waiver") for d in Event.objects.filter(verb="waiver.grant").values_list("data", flat=True)))
    count += _differ(faults, "waivers revoked", Waiver.objects.exclude(revoked="").values_list("pk", flat=True),
                     (d.get("waiver") for d in Event.objects.filter(verb="waiver.revoke").values_list("data", flat=True)))
    count += _differ(faults, "what was entered on a unit's word", (f"{o.pk} {o.word} {o.confirmed_on}" for o in OnBehalf.objects.all()),
                     (f"{d.get('behalf')} {d.get('word')} {d.get('confirmed_on')}" for d in Event.objects.filter(verb="behalf.enter").values_list("data", flat=True)))
    count += _differ(faults, "snapshots", (f"{s.pk} {s.manifest_hash}" for s in SnapshotRecord.objects.only("pk", "manifest_hash")),
                     (f"{i} {d.get('manifest')}" for i, d in Event.objects.filter(verb="snapshot.freeze").values_list("object_id", "data")))
    count += _differ(faults, "totals handed up", Submission.objects.values_list("pk", flat=True), _objects("round.submit"))
    count += _differ(faults, "reminders", Reminder.objects.values_list("pk", flat=True), _objects("remind.send"))
    count += _differ(faults, "extensions", Extension.objects.values_list("pk", flat=True), _objects("round.extend"))
    count += _differ(faults, "sign-offs", Signoff.objects.values_list("pk", flat=True), _objects("round.sign_off"))
    count += _differ(faults, "documents", DocumentVersion.objects.values_list("pk", flat=True), _objects("document.compose"))
    count += _differ(faults, "evidence", (f"{e.object_type} {e.object_id} {e.file.sha256[:12]}" for e in Evidence.objects.select_related("file")),
                     (f"{t} {i} {d.get('file', '')[:12]}" for t, i, d in Event.objects.filter(verb="evidence.attach").values_list("object_type", "object_id", "data")))
    count += _ledgers(faults)
    count += _register(faults)
    count += _accounts(faults)
    count += replay_review.objects(faults, _differ)
    return count, faults


def _revisions(faults: list[str], told: Told) -> int:
    """Each import wrote the revisions that its event names, and each of them still says what it said then (P5, V1)."""
    written: dict[int | None, set[int]] = defaultdict(set)
    contents: dict[int | None, list[str]] = defaultdict(list)
    changed: dict[int | None, list[str]] = defaultdict(list)
    count, by_hand = 0, {one for _, ones, _ in told.filed for one in ones}
    filed: dict[tuple[int, int], str] = {}
    for row in Revision.objects.select_related("ret").iterator(chunk_size=2000):
        count += 1
        content = row.fingerprint()
        if row.batch_id is None and (row.ret_id, row.number) in by_hand:
            filed[row.ret_id, row.number] = content
            continue
        written[row.batch_id].add(row.ret_id)
        contents[row.batch_id].append(content)
        if content != row.content:
            changed[row.batch_id].append(f"return {row.ret_id} #{row.number}")
    for batch in sorted(written.keys() | told.imported.keys(), key=str):
        if different := written.get(batch, set()) ^ told.imported.get(batch or 0, set()):
            faults.append(f"import {batch}: revisions and event differ for returns {few(different)}")
        elif _other(contents[batch], told.contents.get(batch or 0, "")):
            faults.append(f"import {batch}: not what its event says: {few(changed[batch]) or 'some of its revisions'}")
    for seq, ones, said in told.filed:
        if gone := ones - filed.keys():
            faults.append(f"event {seq}: revisions that it filed are gone: {few(f'return {r} #{n}' for r, n in gone)}")
        elif _other([filed[one] for one in ones], said):
            faults.append(f"event {seq}: what it filed is not what it says: {few(f'return {r} #{n}' for r, n in ones)}")
    return count


def _filings(faults: list[str]) -> int:
    """Each filing has its event and still says what it said: its revisions, the names under it. Signatures likewise."""
    said = {d["filing"]: d.get("filed") for d in Event.objects.filter(verb="returns.file").values_list("data", flat=True) if d.get("filing")}
    rows = {f.pk: f for f in Filing.objects.all()}
    count = _differ(faults, "filings", rows, said)
    contents: dict[tuple[int, int, str, int], str] = {
        (r.ret.round_id, r.ret.institution_id, r.ret.period, r.number): r.content for r in Revision.objects.filter(batch=None).select_related("ret")}
    changed = []
    for f in rows.values():
        made = f.fingerprint(together(contents.get((f.round_id, f.institution_id, p, n), "") for p, n in f.revisions.items()))
        if {made, said.get(f.pk, made)} != {f.content}:
            changed.append(f.pk)
    if changed:
        faults.append(f"filings are not what their events say: {few(changed)}")
    signed = [pk for d in Event.objects.filter(verb="filling.sign").values_list("data", flat=True) for pk in d.get("signatures", [])]
    return count + _differ(faults, "signatures", Signature.objects.values_list("pk", flat=True), signed)


def _other(contents: list[str], said: str) -> bool:
    """Whether rows say something else than the event that wrote them. An event from before fingerprints were kept says nothing."""
    return bool(said) and together(contents) != said


def _ledgers(faults: list[str]) -> int:
    """Each line has as many revisions as events, the saved ones with the values of their event; withdrawn as told."""
    said: Counter[tuple[str, str]] = Counter()
    batches: dict[int, str] = {}
    saved: dict[tuple[str, str, int], str] = {}
    values: dict[tuple[str, str, int], Any] = {}
    withdrawn: dict[tuple[str, str], bool] = {}
    for verb, kind, object_id, data in Event.objects.filter(verb__startswith="ledger.").order_by("seq").values_list("verb", "object_type", "object_id", "data"):
        kind = kind.partition(":")[2]
        if verb == "ledger.import":
            batches[int(object_id)] = data.get("content", "")
        keys = data.get("keys", []) if verb == "ledger.import" else [object_id]
        for key in keys:
            withdrawn[kind, key] = verb == "ledger.withdraw"
            if verb != "ledger.withdraw":
                said[kind, key] += 1
            if verb == "ledger.save":
                values[kind, key, int(data["revision"])], saved[kind, key, int(data["revision"])] = data["after"], data.get("content", "")
    rows = {(r.kind, r.key): r for r in LedgerRecord.objects.annotate(n=Count("revisions"), high=Max("revisions__number"))}
    for name, row in rows.items():
        if not row.n == row.high == row.revision == said[name]:
            faults.append(f"ledger {'/'.join(name)}: {row.n} revisions, current {row.revision}; its events say {said[name]}")
        if row.withdrawn != withdrawn.get(name, False):
            faults.append(f"ledger {'/'.join(name)}: withdrawn or not, unlike its events")
    if gone := said.keys() - rows.keys():
        faults.append(f"ledger lines that events speak of are gone: {few('/'.join(n) for n in gone)}")
    contents: dict[int, list[str]] = defaultdict(list)
    changed: dict[int, list[str]] = defaultdict(list)
    for r in LedgerRevision.objects.select_related("record").iterator(chunk_size=2000):
        one, content = (r.record.kind, r.record.key, r.number), r.fingerprint()
        if r.batch_id is not None:
            contents[r.batch_id].append(content)
            if content != r.content:
                changed[r.batch_id].append(f"{one[0]}/{one[1]} #{one[2]}")
        elif values.get(one, r.values) != r.values or _other([content], saved.get(one, "")):
            faults.append(f"ledger {one[0]}/{one[1]} #{one[2]}: not what its event says")
    for batch, said_then in batches.items():
        if _other(contents[batch], said_then):
            faults.append(f"ledger import {batch}: not what its event says: {few(changed[batch]) or 'some of its lines'}")
    return len(rows)


def _register(faults: list[str]) -> int:
    """Each institution has as many standings as imports and changes gave it, and they say what they said then."""
    said: Counter[int] = Counter()
    rows = {s.pk: s for s in Standing.objects.all()}
    for seq, verb, object_id, data in Event.objects.filter(verb__in=REGISTER).values_list("seq", "verb", "object_id", "data"):
        said.update([int(object_id)] if verb == "register.change" else data.get("institutions", []))
        mine = [rows[pk] for pk in data.get("standings", []) if pk in rows]
        if _other([s.fingerprint() for s in mine], data.get("content", "")):
            faults.append(f"event {seq}: standings in the register are not what it says ({few(s.name for s in mine)})")
    have = Counter(s.institution_id for s in rows.values())
    if different := [pk for pk in have.keys() | said.keys() if have[pk] != said[pk]]:
        faults.append(f"standings in the register unlike their events, institutions {few(different)}")
    return len(have) + _changes(faults) + _folders(faults)


def _changes(faults: list[str]) -> int:
    """Changes, who came from whom, offices' changes and decided pairs: each as its event says, and nothing beside."""
    told: list[str] = []
    links: list[str] = []
    for verb, data in Event.objects.filter(verb__in=("register.batch", "register.undo", "office.rename")).values_list("verb", "data"):
        if verb == "office.rename":
            told += [f"{data['register_change']} office {data['since']} None"] if data.get("register_change") else []
            continue
        told += [f"{c['id']} {c['kind']} {c['since']} {c['undoes']}" for c in data.get("changes", [])]
        links += [f"{a} → {b}" for a, b in data.get("links", [])]
    count = _differ(faults, "changes of the register", (f"{c.pk} {c.kind} {c.since} {c.undoes_id}" for c in Change.objects.all()), told)
    count += _differ(faults, "mergers and splits", (f"{a} → {b}" for a, b in Link.objects.values_list("parent_id", "child_id")), links)
    offices = Event.objects.filter(verb__in=("office.add", "office.rename", "office.move", "office.close")).values_list("verb", "object_id", "data")
    count += _differ(faults, "changes of offices", (f"{c.pk} {c.kind} {c.office.code} {c.since}" for c in OfficeChange.objects.select_related("office")),
                     (f"{d.get('change')} {v.partition('.')[2]} {code} {d.get('since')}" for v, code, d in offices))
    return count + _differ(faults, "pairs", (f"{p.pk} {p.first_id} {p.second_id} {p.same}" for p in Pair.objects.all()),
                           (f"{d.get('pair')} {i} {d.get('second')} {d.get('same')}" for i, d in
                            Event.objects.filter(verb="register.pair").values_list("object_id", "data")))


def _folders(faults: list[str]) -> int:
    """Each paper in a folder has its event and says what it said then; what was taken out was taken out by an event. Contacts likewise."""
    rows = {v.pk: v for v in Voucher.objects.select_related("file")}
    contents = {d.get("voucher"): d.get("content") for d in Event.objects.filter(verb="voucher.add").values_list("data", flat=True)}
    count = _differ(faults, "papers in folders", rows, contents)
    if changed := [pk for pk, v in rows.items() if contents.get(pk) not in (None, v.fingerprint())]:
        faults.append(f"papers in folders are not what their events say: {few(changed)}")
    _differ(faults, "papers taken out", (pk for pk, v in rows.items() if v.withdrawn),
            (d.get("voucher") for d in Event.objects.filter(verb="voucher.withdraw").values_list("data", flat=True)))
    given = [d.get("contact") for d in Event.objects.filter(verb="contact.set").values_list("data", flat=True)]
    if gone := set(given) - set(Contact.objects.filter(pk__in=given).values_list("pk", flat=True)):
        faults.append(f"contacts that events speak of are gone: {few(gone)}")
    return count


def _accounts(faults: list[str]) -> int:
    """Nobody has an account or a right that no event gave."""
    count = _differ(faults, "accounts", User.objects.exclude(username=CONSOLE).values_list("username", flat=True), _objects("account.create"))
    given: Counter[tuple[str, str, str]] = Counter()
    for name, data in Event.objects.filter(verb="account.appoint").values_list("object_id", "data"):
        given[name, data.get("role", ""), data.get("office") or data.get("institution") or ""] += 1
    held: Counter[tuple[str, str, str]] = Counter()
    for a in Appointment.objects.exclude(user__username=CONSOLE).select_related("user", "office"):
        held[a.user.username, a.role, a.office.code if a.office else a.institution_key] += 1
    count += _differ(faults, "rights", (f"{' '.join(k)} ×{n}" for k, n in held.items()), (f"{' '.join(k)} ×{n}" for k, n in given.items()))
    last: dict[str, str] = dict(Event.objects.filter(verb__in=("account.disable", "account.enable")).order_by("seq").values_list("object_id", "verb"))
    for name, active in User.objects.exclude(username=CONSOLE).values_list("username", "is_active"):
        if active == (last.get(name) == "account.disable"):
            faults.append(f"account {name}: {'active' if active else 'stopped'}, unlike its events")
    return count
