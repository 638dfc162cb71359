"""The verbs of the register. Decide what changes, then write it with one event."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Max

from jieneng.core.problem import Place, Problem, refuse
from jieneng.core.words import T
from jieneng.people.models import Office, User
from jieneng.people.scope import require
from jieneng.records.bulk import put
from jieneng.records.events import action, record, together

from . import credit_code
from .given import given
from .models import Alias, Contact, Institution, Standing
from .queries import by_identifier

Progress = Callable[[int, int], None]
CHUNK = 500


@dataclass(frozen=True)
class Entry:
    """One line of a register as an office hands it in."""

    key: str
    scheme: str
    name: str
    since: dt.date
    area: str
    department: str = ""
    territory: str = ""
    type: str = ""
    in_scope: bool = True
    covered_by: str = ""
    sensitive: bool = False
    reason: str = ""
    document: str = ""
    aliases: tuple[tuple[str, str], ...] = ()
    contact: tuple[str, str, str] | None = None
    place: Place = field(default_factory=Place)


@dataclass
class Outcome:
    """What an import of the register did."""

    new: int = 0
    changed: int = 0
    same: int = 0
    problems: list[Problem] = field(default_factory=list)
    institutions: list[int] = field(default_factory=list)
    standings: list[Standing] = field(default_factory=list)


def initials(name: str) -> str:
    """Pinyin initials of a name, for search: 宣州区医院 → xzqyy."""
    from pypinyin import Style, lazy_pinyin  # half a second of words: only where a name is read

    return "".join(lazy_pinyin(name, style=Style.FIRST_LETTER, errors=lambda x: x.lower()))[:160]


def department_office(area: Office, name: str) -> Office:
    """The department's office under an area, made when it is first named."""
    found = Office.objects.filter(parent=area, kind="department", name=name).first()
    if found:
        return found
    stem = f"{area.code}-{initials(name)}"[:34]
    code, n = stem, 1
    while Office.objects.filter(code=code).exists():
        n += 1
        code = f"{stem}{n}"
    return Office.objects.create(
        code=code, name=name, kind="department", parent=area, path=f"{area.path}{code}/", area=area.area
    )


def _faults(entry: Entry, areas: dict[str, Office], types: frozenset[str]) -> list[Problem]:
    """Why an entry cannot go in. Pure but for the tables handed in."""
    found: list[Problem] = []
    if entry.scheme == "uscc" and (wrong := credit_code.fault(entry.key)) is not None:
        found.append(Problem("register.code", wrong, do=T("请核对证书原件后改正再导入", "check the certificate and import again"),
                             where=entry.place))
    if not entry.name.strip():
        found.append(Problem("register.name", T("没有单位名称", "no name"), where=entry.place))
    if entry.area not in areas:
        found.append(Problem("register.area", T("统计归口“{a}”不是本级的地区", "“{a}” is not an area of this office", a=entry.area),
                             expected=T("{list}", "{list}", list="、".join(sorted(areas))), where=entry.place))
    if entry.type and types and entry.type not in types:
        found.append(Problem("register.type", T("单位类型“{t}”不在制度里", "type “{t}” is not in the rulebook", t=entry.type),
                             expected=T("{list}", "{list}", list="、".join(sorted(types))), where=entry.place))
    return found


def import_register(
    person: User, entries: Iterable[Entry], *, office: Office, types: Iterable[str] = (), batch: int | None = None,
    progress: Progress | None = None, right: str = "edit_register", unread: int = 0,
) -> Outcome:
    """Bring a register in: new institutions, new standings; the same again changes nothing. Good rows go in.

    ``unread``: problems met while the file was read; the event says them too.
    """
    require(person, right, office.path)
    rows = list(entries)
    outcome = Outcome()
    known_types = frozenset(types)
    with action():
        areas = {o.area: o for o in Office.objects.filter(kind__in=("county", "zone", "direct"))
                 if o.path.startswith(office.path)}
        if office.kind in ("county", "zone", "direct"):
            areas[office.area] = office
        known = by_identifier()
        lines: dict[tuple[str, str], Office] = {
            (o.area, o.name): o for o in Office.objects.filter(kind="department", parent__in=list(areas.values())).order_by("-pk")}
        rows.sort(key=lambda e: (bool(e.covered_by), e.since))
        done = 0
        # covering institutions first, so that those they report for can name them
        for wave in ([e for e in rows if not e.covered_by], [e for e in rows if e.covered_by]):
            good: list[tuple[Entry, Office, int | None]] = []
            for entry in wave:
                if progress and done % 500 == 0:
                    progress(done, len(rows))
                done += 1
                problems = _faults(entry, areas, known_types)
                cover = known.get((entry.scheme, entry.covered_by)) if entry.covered_by else None
                if entry.covered_by and cover is None:
                    problems.append(Problem(
                        "register.cover", T("代报单位“{k}”不在名录里", "the covering institution “{k}” is not in the register",
                                            k=entry.covered_by), where=entry.place))
                if problems:
                    outcome.problems += problems
                    continue
                where = (entry.area, entry.department)
                if where not in lines:
                    area = areas[entry.area]
                    lines[where] = department_office(area, entry.department) if entry.department else area
                good.append((entry, lines[where], cover))
            _enter(good, known, outcome)
        record(person, "register.import", "register", batch or "-", line=office.path, data={
            "import": batch, "new": outcome.new, "changed": outcome.changed, "same": outcome.same,
            "refused": len(outcome.problems), "unread": unread, "institutions": outcome.institutions,
            "standings": [s.pk for s in outcome.standings], "content": together(s.fingerprint() for s in outcome.standings),
        })
        if outcome.changed and right == "edit_register":
            given("follow", person, {s.institution_id for s in outcome.standings}, f"导入名录（{batch}）" if batch else "导入名录")
    if progress:
        progress(len(rows), len(rows))
    return outcome


def _enter(good: list[tuple[Entry, Office, int | None]], known: dict[tuple[str, str], int], outcome: Outcome) -> None:
    """Write entries in the order given: new institutions, standings that say something new for their day, other identifiers, contacts.

    A few statements for all of them: a province has 60,000, and a statement each took minutes.
    """
    fresh = {(e.scheme, e.key): Institution(key=e.key, scheme=e.scheme) for e, _, _ in good if (e.scheme, e.key) not in known}
    created = {i.pk: i for i in Institution.objects.bulk_create(fresh.values(), batch_size=CHUNK)}
    known.update({(i.scheme, i.key): pk for pk, i in created.items()})
    outcome.institutions += created
    outcome.new += len(created)
    history = _history({known[e.scheme, e.key] for e, _, _ in good} - created.keys())
    made: list[Standing] = []
    written = [(e, pk) for e, line, cover in good if _stand(e, (pk := known[e.scheme, e.key]), line, cover, history, made, outcome)]
    outcome.standings += Standing.objects.bulk_create(made, batch_size=CHUNK)
    aliases = []
    for entry, pk in written:
        for scheme, value in entry.aliases:
            if (scheme, value) not in known:
                known[scheme, value] = pk
                aliases.append(Alias(institution_id=pk, scheme=scheme, value=value))
    put(aliases)
    _contacts(written)


def _history(institutions: Iterable[int]) -> dict[int, list[Standing]]:
    """The standings of institutions, earliest first."""
    found: dict[int, list[Standing]] = {}
    wanted = sorted(institutions)
    for start in range(0, len(wanted), CHUNK):
        for s in Standing.objects.filter(institution__in=wanted[start:start + CHUNK]).order_by("since"):
            found.setdefault(s.institution_id, []).append(s)
    return found


def _stand(entry: Entry, pk: int, line: Office, cover: int | None, history: dict[int, list[Standing]], made: list[Standing], outcome: Outcome) -> bool:
    """Add the entry's standing to ``made`` if it says something new for its day. False where it contradicts another of the same day."""
    mine = history.setdefault(pk, [])
    before = next((s for s in reversed(mine) if s.since <= entry.since), None)
    name = entry.name.strip()
    sounds = before.initials if before is not None and before.name == name else initials(name)
    values = {
        "name": name, "initials": sounds, "office_id": line.pk, "area": entry.area,
        "department": entry.department, "territory": entry.territory, "type": entry.type, "in_scope": entry.in_scope,
        "covered_by_id": cover, "sensitive": entry.sensitive, "reason": entry.reason, "document": entry.document,
    }
    compared = {k: v for k, v in values.items() if k not in ("reason", "document")}
    if before is not None and all(getattr(before, k) == v for k, v in compared.items()):
        outcome.same += 1
        return True
    if before is not None and before.since == entry.since:
        outcome.problems.append(Problem(
            "register.same_day",
            T("“{name}”{day}起已有一条不同的登记", "“{name}” already has another standing from {day}",
              name=before.name, day=entry.since.isoformat()),
            do=T("用另一个起始日期登记变更，旧登记不改", "enter the change from another day; the old one is not edited"),
            where=entry.place))
        return False
    made.append(Standing(institution_id=pk, since=entry.since, **values))
    mine.append(made[-1])
    mine.sort(key=lambda s: s.since)
    if before is not None:
        outcome.changed += 1
        outcome.institutions.append(pk)
    return True


def _contacts(written: list[tuple[Entry, int]]) -> None:
    named = [(e, pk) for e, pk in written if e.contact]
    have = set(Contact.objects.filter(institution__in={pk for _, pk in named}).values_list("institution_id", "name")) if len(named) < CHUNK else set(
        Contact.objects.values_list("institution_id", "name"))
    rows = []
    for entry, pk in named:
        if entry.contact and (pk, entry.contact[0]) not in have:
            name, office_name, phone = entry.contact
            have.add((pk, name))
            rows.append(Contact(institution_id=pk, role="liaison", name=name, office_name=office_name, phone=phone, since=entry.since))
    Contact.objects.bulk_create(rows, batch_size=CHUNK)


def change_standing(person: User, institution: Institution, since: dt.date, reason: str, document: str = "",
                    **changes: Any) -> Standing:
    """Enter a dated change (rename, other department, out of scope …). Past days keep what they had."""
    last = institution.standings.aggregate(last=Max("since"))["last"]
    current = institution.standings.select_related("office").get(since=last)
    require(person, "edit_register", current.office.path)
    if since <= last:
        raise refuse("register.backdated",
                     T("变更日期 {day} 不晚于上一条登记 {last}", "{day} is not later than the last standing {last}",
                       day=since.isoformat(), last=last.isoformat()),
                     do=T("改用更晚的日期", "use a later day"))
    if not reason.strip():
        raise refuse("register.reason", T("没有写变更原因", "no reason given"), do=T("写明原因和依据", "say why, and on what paper"))
    allowed = {"name", "office", "department", "territory", "type", "in_scope", "covered_by", "sensitive"}
    if set(changes) - allowed:
        raise KeyError(set(changes) - allowed)
    if "office" in changes:
        require(person, "edit_register", changes["office"].path)
        changes["area"] = changes["office"].area
    with action():
        values = {f: getattr(current, f) for f in ("name", "office", "area", "department", "territory", "type", "in_scope",
                                                   "covered_by", "sensitive")} | changes
        standing = Standing.objects.create(institution=institution, since=since, reason=reason, document=document,
                                           initials=initials(values["name"]), **values)
        record(person, "register.change", "institution", institution.pk, line=current.office.path, data={
            "since": since.isoformat(), "reason": reason, "document": document,
            "before": {k: str(getattr(current, k)) for k in changes}, "after": {k: str(v) for k, v in changes.items()},
            "standings": [standing.pk], "content": together([standing.fingerprint()]),
        })
        given("follow", person, [institution.pk], f"名录变更，{since.isoformat()}起：{reason}")
    return standing
