"""What a batch of changes would do: lines as an office writes them → steps, each with before and after. Nothing is written here.

Lines are taken in the order of their days, each on the register as the lines before it leave it; ``changes.apply`` carries the
steps out. A merger is several lines with one receiving body, day and paper; a split several lines of one body.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jieneng.core.problem import Place, Problem, Refused, refuse
from jieneng.core.words import T
from jieneng.people.models import Office, User
from jieneng.people.scope import Scope, scope

from . import credit_code
from .models import Institution, Link, Standing
from .naming import plain

KINDS: dict[str, T] = {
    "open": T("新设", "new"), "rename": T("更名", "renamed"), "move": T("调整归口", "other line"), "type": T("改类型", "other type"),
    "merge": T("合并", "merged"), "split": T("拆分", "split"), "close": T("撤销", "closed"), "cover": T("代报", "covered by another"),
    "into": T("补登去向", "where it went"), "from": T("补登来源", "where it came from"),
    "uncover": T("恢复自报", "reports itself again"), "territory": T("改所在地", "other place"), "sensitive": T("敏感单位", "sensitive unit"),
}
"""What a person may ask for."""
TOLD: dict[str, T] = {**KINDS, "office": T("机构更名", "office renamed"), "undo": T("撤回变更", "taken back")}
"""Every kind of change, in words."""
HOW: dict[str, T] = {
    "school": T("村小、教学点并入中心校", "village school in its central school"), "joint": T("合署办公", "offices under one roof and head"),
    "compound": T("同院共用（一表多户）", "shared compound, one meter"), "town": T("站所由镇政府代报", "station in its town"), "other": T("其他", "other"),
}
"""Why a body does not report itself."""
FIELDS = ("name", "office_id", "area", "department", "territory", "type", "in_scope", "covered_by_id", "covered_how", "sensitive")


@dataclass(frozen=True)
class Line:
    """One line of a batch. ``other``: the body it goes into, splits off, or is covered by; ``ends``: a split body ends itself."""

    kind: str
    key: str
    since: dt.date
    reason: str = ""
    document: str = ""
    present: str = ""
    name: str = ""
    other: str = ""
    office: str = ""
    type: str = ""
    territory: str = ""
    how: str = ""
    ends: bool = False
    place: Place = field(default_factory=Place)


@dataclass(frozen=True)
class Effect:
    """One body in a step: as it stands before (empty: new) and from the day on."""

    key: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.before.get("name") or self.after["name"])


@dataclass
class Step:
    """One change to be written: whom it touches, and who comes from whom (keys)."""

    kind: str
    since: dt.date
    reason: str
    document: str
    line: str
    effects: list[Effect] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)


@dataclass
class Plan:
    """The steps that can be done, and what stands in the way of the other lines."""

    steps: list[Step] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def units(self) -> int:
        return len({e.key for s in self.steps for e in s.effects} | {k for s in self.steps for link in s.links for k in link})


class _Register:
    """The register as the steps so far leave it."""

    def __init__(self, keys: Iterable[str]) -> None:
        wanted = set(keys)
        self.bodies: dict[str, dict[str, Any]] = {}
        self.paths: dict[int, str] = {}
        self.last: dict[str, dt.date] = {}
        self.keys: dict[int, str] = {}
        for s in _latest(wanted):
            key = s.institution.key
            self.bodies[key] = {f: getattr(s, f) for f in FIELDS} | {"id": s.institution_id}
            self.last[key], self.keys[s.institution_id] = s.since, key
            self.paths[s.office_id] = s.office.path
        self.touched: dict[tuple[str, dt.date], str] = {}

    def path(self, key: str) -> str:
        pk = self.bodies[key]["office_id"]
        if pk not in self.paths:
            self.paths[pk] = Office.objects.get(pk=pk).path
        return self.paths[pk]

    def covered_by(self, key: str) -> list[str]:
        """The names of those that a body reports for, the ones of this batch included."""
        pk = self.bodies[key].get("id")
        now = {k: b for k, b in self.bodies.items() if b.get("covered_by_id") == pk and pk is not None}
        stored = Standing.objects.filter(covered_by_id=pk).values_list("institution_id", flat=True) if pk else []
        rest = [s for s in _latest_of(stored) if s.institution.key not in self.bodies and s.covered_by_id == pk]
        return sorted([*(str(b["name"]) for b in now.values()), *(s.name for s in rest)])


def _latest(keys: set[str]) -> Iterable[Standing]:
    return _latest_of(Institution.objects.filter(key__in=keys).values_list("pk", flat=True))


def _latest_of(institutions: Any) -> list[Standing]:
    found: dict[int, Standing] = {}
    for s in Standing.objects.filter(institution__in=list(institutions)).select_related("institution", "office").order_by("since"):
        found[s.institution_id] = s
    return list(found.values())


def plan(person: User, lines: Sequence[Line], types: Iterable[str] = (), places: Iterable[str] = ()) -> Plan:
    """What the good lines would do, and every problem with its place. ``types``, ``places``: the codes that the rulebook knows.

    A merger or split with a bad line is left out whole. What is left is planned again without the bad lines, until it holds.
    """
    rest = sorted(lines, key=lambda x: (x.since, x.place.line))
    problems: list[Problem] = []
    while True:
        maker = _Maker(person, rest, frozenset(types), frozenset(places))
        for n, line in enumerate(rest):
            try:
                maker.take(line)
            except Refused as refusal:
                maker.bad[n] = [Problem(p.code, p.found, p.expected, p.do, line.place) for p in refusal.problems]
        maker.left_covered(rest)
        groups = {_group(rest[n]) for n in maker.bad} - {None}
        for n, line in enumerate(rest):
            if n not in maker.bad and _group(line) in groups:
                maker.bad[n] = [Problem("change.group", T("同一次合并（拆分）里有别的行办不了，这一行也先不办", "another line of this merger or split cannot be done, so this one waits"),
                                        do=T("改好那一行再传一次，已办的不会重复", "mend that line and send again; nothing is done twice"), where=line.place)]
        problems += [p for n in sorted(maker.bad) for p in maker.bad[n]]
        if not maker.bad:
            maker.made.problems = problems
            return maker.made
        rest = [line for n, line in enumerate(rest) if n not in maker.bad]


def _group(line: Line) -> tuple[Any, ...] | None:
    """What lines of one merger (same receiving body) or split (same body) have in common."""
    if line.kind not in ("merge", "split"):
        return None
    return line.kind, line.other if line.kind == "merge" else line.key, line.since, line.document


class _Maker:
    """Takes lines one by one."""

    def __init__(self, person: User, lines: Sequence[Line], types: frozenset[str], places: frozenset[str]) -> None:
        self.mine: Scope = scope(person, "edit_register")
        self.types, self.places = types, places
        self.offices = {o.code: o for o in Office.objects.filter(active=True)}
        self.register = _Register(k for x in lines for k in (x.key, x.other) if k)
        self.made = Plan()
        self.bad: dict[int, list[Problem]] = {}
        self.open: dict[tuple[Any, ...], Step] = {}
        self.ended: list[tuple[str, Line]] = []

    # -- looking ------------------------------------------------------------------------------------------------

    def body(self, key: str) -> dict[str, Any]:
        """A body of one's own scope. One that lies elsewhere is answered like one that is not there."""
        if key not in self.register.bodies or not self.mine.covers_line(self.register.path(key)):
            raise refuse("change.unit", T("名录里没有（或不在您的范围内）：{k}", "not in the register (or not in your scope): {k}", k=key or "—"),
                         do=T("核对统一社会信用代码", "check the credit code"))
        return self.register.bodies[key]

    def target(self, code: str) -> Office:
        found = self.offices.get(code)
        if found is None or not self.mine.covers_line(found.path):
            raise refuse("change.office", T("没有这个统计归口（或不在您的范围内）：{c}", "there is no such line (or not in your scope): {c}", c=code or "—"),
                         do=T("从“归口机构”页抄机构代码", "copy the code from the page of offices"))
        return found

    def fresh(self, line: Line, key: str, name: str) -> None:
        """Whether a body may be entered new."""
        if key in self.register.bodies or Institution.objects.filter(key=key).exists():
            raise refuse("change.taken", T("代码 {k} 已在名录里", "code {k} is in the register already", k=key))
        if (wrong := credit_code.fault(key)) is not None:
            raise refuse("change.code", wrong, do=T("核对证书原件", "check the certificate"))
        if not name.strip():
            raise refuse("change.name", T("新单位要写名称", "a new body needs a name"))

    def common(self, line: Line) -> dict[str, Any]:
        """What every line must have. Returns the body as it stands."""
        if line.kind not in KINDS:
            raise refuse("change.kind", T("没有“{k}”这种变更", "there is no change “{k}”", k=line.kind),
                         expected=T("{l}", "{l}", l="、".join(str(w) for w in KINDS.values())))
        missing = [w for w, v in ((T("原因", "reason"), line.reason), (T("依据文号", "paper"), line.document)) if not v.strip()]
        if missing:
            raise refuse("change.paper", T("没有写{w}", "missing: {w}", w="、".join(map(str, missing))),
                         do=T("写明原因和依据的文件、文号", "say why, and on what paper"))
        if line.kind == "open":
            return {}
        body = self.body(line.key)
        if line.present and plain(line.present) != plain(body["name"]):
            raise refuse("change.mismatch", T("代码和名称对不上：写的“{a}”，名录里是“{b}”", "code and name disagree: written “{a}”, in the register “{b}”",
                                              a=line.present, b=body["name"]), do=T("看是代码错还是名称错", "see which of the two is wrong"))
        if line.kind not in ("into", "from") and _group(line) not in self.open:  # the further lines of a split: its body may have ended in the first
            self.later(line, line.key)
        return body

    def later(self, line: Line, key: str) -> None:
        last = self.register.last.get(key)
        if last is not None and line.since <= last:
            raise refuse("change.backdated", T("“{n}”的变更日期 {d} 不晚于上一条登记 {l}", "{n}: {d} is not later than the last standing {l}",
                                               n=self.register.bodies[key]["name"], d=line.since.isoformat(), l=last.isoformat()),
                         do=T("用更晚的日期；登记错了的，用“撤回变更”", "use a later day; to correct a mistake, take the change back"))

    # -- taking -------------------------------------------------------------------------------------------------

    def take(self, line: Line) -> None:
        body = self.common(line)
        getattr(self, "_" + line.kind)(line, body)

    def step(self, line: Line) -> Step:
        """The step a line belongs to: its own, or that of the other lines of its merger or split."""
        key = _group(line) or (line.kind, line.key, line.since, len(self.open))
        if key not in self.open:
            path = self.register.path(line.key) if line.key in self.register.bodies else self.target(line.office).path
            self.open[key] = Step(line.kind, line.since, line.reason.strip(), line.document.strip(), path)
            self.made.steps.append(self.open[key])
        step = self.open[key]
        step.places.append(line.place)
        return step

    def write(self, step: Step, key: str, **changes: Any) -> None:
        """Add what becomes of a body to a step, and go on from there."""
        before = dict(self.register.bodies.get(key, {}))
        after = {**{f: before.get(f) for f in FIELDS}, **changes}
        if before and all(before.get(f) == after[f] for f in FIELDS):
            raise refuse("change.same", T("“{n}”没有变化", "nothing changes for “{n}”", n=before["name"]))
        step.effects.append(Effect(key, before, after))
        self.register.bodies[key] = {**before, **after}
        self.register.last[key] = step.since

    def checked(self, line: Line) -> dict[str, Any]:
        """Type and place of a line as they may be entered."""
        found: dict[str, Any] = {}
        if line.type:
            if self.types and line.type not in self.types:
                raise refuse("change.type", T("单位类型“{t}”不在制度里", "type “{t}” is not in the rulebook", t=line.type))
            found["type"] = line.type
        if line.territory:
            if self.places and line.territory not in self.places:
                raise refuse("change.territory", T("所在地“{t}”不在区划里", "place “{t}” is no known division", t=line.territory))
            found["territory"] = line.territory
        return found

    def stand_at(self, office: Office) -> dict[str, Any]:
        return {"office_id": office.pk, "area": office.area, "department": office.name if office.kind == "department" else ""}

    def _rename(self, line: Line, body: dict[str, Any]) -> None:
        if not line.name.strip():
            raise refuse("change.name", T("更名要写新名称", "a rename needs the new name"))
        self.write(self.step(line), line.key, name=line.name.strip())

    def _move(self, line: Line, body: dict[str, Any]) -> None:
        self.write(self.step(line), line.key, **self.stand_at(self.target(line.office)))

    def _type(self, line: Line, body: dict[str, Any]) -> None:
        self.write(self.step(line), line.key, **(self.checked(line) or {"type": body["type"]}))

    _territory = _type

    def _sensitive(self, line: Line, body: dict[str, Any]) -> None:
        self.write(self.step(line), line.key, sensitive=not line.ends, territory=body["territory"] if line.ends else "")

    def _open(self, line: Line, body: dict[str, Any]) -> None:
        self.fresh(line, line.key, line.name)
        office = self.target(line.office)
        self.write(self.step(line), line.key, name=line.name.strip(), **self.stand_at(office), in_scope=True, covered_by_id=None,
                   covered_how="", sensitive=False, **{"type": "", "territory": "", **self.checked(line)})

    def _close(self, line: Line, body: dict[str, Any]) -> None:
        self.write(self.step(line), line.key, in_scope=False, covered_by_id=None, covered_how="")
        self.ended.append((line.key, line))

    def _cover(self, line: Line, body: dict[str, Any]) -> None:
        by = self.body(line.other)
        if "id" not in by:
            raise refuse("change.cover_new", T("“{n}”是这一批新登记的，下一批才能代报", "“{n}” is new in this batch; it can report for others in the next", n=by["name"]))
        if line.other == line.key or by.get("covered_by_id") or not by.get("in_scope"):
            raise refuse("change.cover", T("“{n}”自己不报数，不能代报", "“{n}” does not report itself and cannot report for another", n=by["name"]))
        if line.how and line.how not in HOW:
            raise refuse("change.how", T("没有“{h}”这种代报情形", "there is no such reason for being covered: “{h}”", h=line.how),
                         expected=T("{l}", "{l}", l="、".join(str(w) for w in HOW.values())))
        self.write(self.step(line), line.key, covered_by_id=by["id"], covered_how=line.how or "other")
        self.ended.append((line.key, line))

    def _uncover(self, line: Line, body: dict[str, Any]) -> None:
        self.write(self.step(line), line.key, in_scope=True, covered_by_id=None, covered_how="")

    def _merge(self, line: Line, body: dict[str, Any]) -> None:
        if line.other == line.key:
            raise refuse("change.itself", T("不能并入自己", "a body cannot go into itself"))
        known = line.other in self.register.bodies
        if known:
            into = self.body(line.other)
            if not into["in_scope"]:
                raise refuse("change.into", T("“{n}”已不纳入统计，不能并入", "“{n}” is out of scope", n=into["name"]))
        else:
            self.fresh(line, line.other, line.name)
        step = self.step(line)
        if not known:
            self.write(step, line.other, **{**{f: body[f] for f in FIELDS}, "name": line.name.strip(), "in_scope": True, **self.checked(line)})
        elif line.name.strip() and line.name.strip() != self.register.bodies[line.other]["name"]:
            self.later(line, line.other)
            self.write(step, line.other, name=line.name.strip())
        self.write(step, line.key, in_scope=False, covered_by_id=None, covered_how="")
        step.links.append((line.key, line.other))
        self.ended.append((line.key, line))

    def _into(self, line: Line, body: dict[str, Any]) -> None:
        """Where a body went that was closed before, by an import or without saying so: a link and no new standing."""
        if body["in_scope"]:
            raise refuse("change.into_open", T("“{n}”还在报数，用“合并”", "“{n}” still reports: enter a merger", n=body["name"]))
        self.link(line, line.key, line.other)

    def _from(self, line: Line, body: dict[str, Any]) -> None:
        """Which body a new one came from: a link and no new standing."""
        self.link(line, line.other, line.key)

    def link(self, line: Line, parent: str, child: str) -> None:
        other = self.body(line.other)
        if parent == child or "id" not in other:
            raise refuse("change.itself", T("要写另一家已在名录里的单位", "name another body that is in the register"))
        if Link.objects.filter(parent__key=parent, child__key=child, change__undone_by=None).exists():
            raise refuse("change.same", T("已经登记过", "this is entered already"))
        self.step(line).links.append((parent, child))

    def _split(self, line: Line, body: dict[str, Any]) -> None:
        self.fresh(line, line.other, line.name)
        step = self.step(line)
        office = self.stand_at(self.target(line.office)) if line.office else {}
        self.write(step, line.other, **{**{f: body[f] for f in FIELDS}, **office, "name": line.name.strip(), "in_scope": True, "covered_by_id": None,
                                        "covered_how": "", **self.checked(line)})
        step.links.append((line.key, line.other))
        if line.ends and not any(e.key == line.key for e in step.effects):
            self.write(step, line.key, in_scope=False, covered_by_id=None, covered_how="")
            self.ended.append((line.key, line))

    def left_covered(self, lines: Sequence[Line]) -> None:
        """Nobody may be left to be reported by a body that reports no longer."""
        for key, line in self.ended:
            body = self.register.bodies[key]
            if body.get("in_scope") and not body.get("covered_by_id"):
                continue
            if names := self.register.covered_by(key):
                self.bad[lines.index(line)] = [Problem(
                    "change.covers", T("“{n}”还代报 {c} 家（{w}）", "“{n}” still reports for {c} ({w})", n=body["name"], c=len(names), w="、".join(names[:3])),
                    do=T("同一批里先给它们另定代报单位，或恢复自报", "in the same batch, first name another body for them or let them report themselves"), where=line.place)]


__all__ = ["FIELDS", "HOW", "KINDS", "TOLD", "Effect", "Line", "Plan", "Step", "plain", "plan"]
