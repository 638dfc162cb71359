"""Who has filed, who has not, and how much that weighs: one row per institution, folded from its returns."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, Q
from django.utils import timezone

from jieneng.core.late import arrive
from jieneng.core.period import Period
from jieneng.core.words import T
from jieneng.people.models import Office
from jieneng.people.queries import area_offices
from jieneng.people.scope import Scope
from jieneng.records.models import Event
from jieneng.registry.models import Contact
from jieneng.registry.queries import seen
from jieneng.rulebook.types import Book

from ..models import Reminder, Revision, Round
from ..plan.queries import Plan, plan_of
from ..queries import folded, returns_in
from ..ranges import unpacked

LATE = ("expected", "draft", "returned")
DONE = ("filed", "dept_ok", "county_ok", "accepted", "signed")
PASSED = ("accepted", "signed")
SHOWN = ("expected", "draft", "returned", "filed", "dept_ok", "county_ok", "accepted", "signed")
STALE = 3
"""Days after which a return that was sent back and not mended is pointed out (样例)."""

Weigh = Callable[[int, Scope], dict[int, float]]
WEIGHTS: list[Weigh] = []
"""Who can say how much energy an institution used in a year (tce, a double: for ranking and shares only). The room of figures adds itself."""


@dataclass(frozen=True)
class Unit:
    """One institution in a round. ``state`` is folded from its returns; ``weight`` is last year's tce, None where unknown."""

    pk: int
    key: str
    name: str
    line: str
    area: str
    department: str
    type: str
    state: str
    filed: int
    returns: int
    never: bool
    deadline: dt.date | None
    extended: bool
    weight: float | None
    day: dt.date | None

    @property
    def late(self) -> bool:
        return self.state in LATE

    @property
    def done(self) -> bool:
        return self.state in DONE

    @property
    def passed(self) -> bool:
        return self.state in PASSED

    def overdue(self, today: dt.date) -> bool:
        return self.late and self.deadline is not None and self.deadline < today


def units(scope: Scope, round_: Round, plan: Plan | None = None) -> list[Unit]:
    """The institutions of a round inside a scope that have to report, with exempt and covered ones left out."""
    plan = plan or plan_of(round_)
    counts: dict[int, list[int]] = {}
    rows = list(returns_in(scope).filter(round=round_).values_list("institution_id", "state", "revision"))
    for pk, state, revision in rows:
        row = counts.setdefault(pk, [0, 0, 0])
        row[0] += state in DONE
        row[1] += state not in ("exempt", "covered")
        row[2] += revision > 0
    states = folded((pk, state) for pk, state, _ in rows)
    days = _days(scope, round_)
    weights = weigh(round_.year - 1, scope)
    found = []
    # values, not objects: a province has 60,000, and three objects for each took most of the page's time
    standing = seen(scope, Period("year", round_.year).last_day).order_by("office__path", "institution__key").values_list(
        "institution_id", "institution__key", "name", "office__path", "area", "department", "type")
    for pk, key, name, path, area, department, type_ in standing:
        if (state := states.get(pk)) is None or state in ("exempt", "covered"):
            continue
        filed, due, begun = counts[pk]
        found.append(Unit(pk, key, name, path, area, department, type_, state, filed, due, begun == 0, plan.deadline(path, pk), pk in plan.extended,
                          weights.get(pk), days.get(pk) if state in DONE else None))
    return found


def _days(scope: Scope, round_: Round) -> dict[int, dt.date]:
    """The day on which an institution's last return first came in."""
    rows = Revision.objects.filter(ret__round=round_, ret__in=returns_in(scope), number=1).values_list("ret__institution_id").annotate(at=Max("at")).order_by()
    days: dict[dt.datetime, dt.date] = {}  # one import has one moment for thousands
    return {pk: days.get(at) or days.setdefault(at, timezone.localtime(at).date()) for pk, at in rows}


def weigh(year: int, scope: Scope) -> dict[int, float]:
    """Energy of each institution in a year, from whichever room can tell; empty when nothing was frozen for it."""
    found: dict[int, float] = {}
    arrive()
    for weight in WEIGHTS:
        found.update(weight(year, scope))
    return found


@dataclass(frozen=True)
class Line:
    """One line of the table: a group with its counts and both rates. Rates are None where nobody is due."""

    code: str
    label: str
    counts: dict[str, int]
    total: int
    done: int
    passed: int
    weight: float
    weight_done: float
    weighed: int

    @property
    def late(self) -> int:
        return self.total - self.done

    @property
    def rate(self) -> float | None:
        return self.done / self.total if self.total else None

    @property
    def pass_rate(self) -> float | None:
        return self.passed / self.total if self.total else None

    @property
    def weight_rate(self) -> float | None:
        return self.weight_done / self.weight if self.weight else None

    @property
    def cells(self) -> list[tuple[str, int]]:
        """State and count for each state of the table; those past the city's word are one."""
        return [(s, self.counts.get(s, 0)) for s in SHOWN]


def line(code: str, label: str, members: Sequence[Unit]) -> Line:
    """Add up a group. A return that was sent back does not count as reported."""
    counts: dict[str, int] = {}
    for u in members:
        counts[u.state] = counts.get(u.state, 0) + 1
    return Line(code, label, counts, len(members), sum(u.done for u in members), sum(u.passed for u in members),
                sum(u.weight or 0 for u in members), sum(u.weight or 0 for u in members if u.done), sum(u.weight is not None for u in members))


GROUPS = ("area", "department", "type")


def grouped(book: Book, rows: Iterable[Unit], by: str) -> list[Line]:
    """Lines by area, department or type, the one with most missing first."""
    groups: dict[str, list[Unit]] = {}
    for u in rows:
        groups.setdefault(getattr(u, by), []).append(u)
    names = {o.area: o.name for o in area_offices()} if by == "area" else {c: str(t.label) for c, t in book.types.items()} if by == "type" else {}
    lines = [line(code, names.get(code, code), members) for code, members in groups.items()]
    return sorted(lines, key=lambda x: (x.rate if x.rate is not None else 2, -x.total, x.code))


def daily(rows: Sequence[Unit]) -> list[tuple[dt.date, int]]:
    """How many had filed everything by the end of each day on which somebody did."""
    days: dict[dt.date, int] = {}
    for u in rows:
        if u.day is not None:
            days[u.day] = days.get(u.day, 0) + 1
    total, found = 0, []
    for day in sorted(days):
        total += days[day]
        found.append((day, total))
    return found


def returned_on(rows: Iterable[Unit], round_: Round) -> dict[int, str]:
    """Institution → the day (ISO) on which its returns that are now sent back came back last."""
    wanted = dict(round_.returns.filter(state="returned", institution__in=[u.pk for u in rows if u.state == "returned"]).values_list("pk", "institution_id"))
    found: dict[int, str] = {}
    if not wanted:
        return found
    for at, data in Event.objects.filter(verb__in=("returns.send_back", "returns.reopen")).order_by("seq").values_list("at", "data"):
        for pk in wanted.keys() & unpacked(data.get("returns", "")):
            found[wanted[pk]] = at[:10]
    return found


@dataclass(frozen=True)
class Target:
    """Whom a reminder goes to: an office with its list, one unit, or the units right under an office that have no other office to be
    reminded through (直属单位). ``key`` is ``office:CODE``, ``unit:KEY`` or ``own:CODE``."""

    key: str
    name: str | T
    office: Office
    units: tuple[Unit, ...]
    institution: int | None = None
    last: Reminder | None = None

    @property
    def own(self) -> bool:
        """Whether these are units of the reminding office itself: the list is theirs to paste, each hears of itself only."""
        return self.key.startswith("own:")

    def reminded(self, day: dt.date) -> bool:
        return self.last is not None and self.last.day == day


def _own_name(office: Office) -> T:
    """The units right under an office: 泾县直属单位（不归部门）, 教育局所属单位."""
    if office.kind == "department":
        return T("{o}所属单位", "units of {o}", o=office.name)
    return T("{o}直属单位（不归部门）", "units of {o} without a department", o=office.name)


def targets(rows: Sequence[Unit], scope: Scope, round_: Round) -> list[Target]:
    """To whom reminders go from here: the areas below, or the departments; straight to units only for those of the city itself (市直).

    A city reminds counties and zones, and of 市直 the departments and the units; a county reminds its departments. Units that no office
    below the person's own answers for (a county's without a department, those of a department) are one list of their own.
    """
    late = [u for u in rows if u.late]
    offices = list(Office.objects.filter(active=True).order_by("path"))
    areas = {o.area: o for o in offices if o.kind in ("county", "zone", "direct")}
    departments = {o.path: o for o in offices if o.kind == "department"}
    lists: dict[str, tuple[Office, list[Unit]]] = {}
    own: dict[str, tuple[Office, list[Unit]]] = {}
    single: list[tuple[Office, Unit]] = []
    for u in late:
        area, department = areas.get(u.area), departments.get(u.line)
        above = area is not None and area.kind != "direct" and any(area.path.startswith(x) and area.path != x for x in scope.lines)
        if above and area is not None:
            lists.setdefault(area.code, (area, []))[1].append(u)
            continue
        if department is not None and department.path not in scope.lines:
            lists.setdefault(department.code, (department, []))[1].append(u)
        if area is not None and area.kind == "direct":
            single.append((department or area, u))
        elif department is None or department.path in scope.lines:
            holder = max((o for o in offices if o.path in scope.lines and u.line.startswith(o.path)), key=lambda o: len(o.path), default=None)
            if holder is not None:
                own.setdefault(holder.code, (holder, []))[1].append(u)
    last = last_reminders(round_)
    found = [Target(f"office:{code}", office.name, office, tuple(us), None, last.get(f"office:{code}")) for code, (office, us) in lists.items()]
    found.sort(key=lambda t: (t.office.kind == "department", -len(t.units), t.key))
    found += [Target(f"own:{code}", _own_name(office), office, tuple(us), None, last.get(f"own:{code}")) for code, (office, us) in sorted(own.items())]
    return found + [Target(f"unit:{u.key}", u.name, office, (u,), u.pk, last.get(f"unit:{u.key}")) for office, u in single]


def last_reminders(round_: Round) -> dict[str, Reminder]:
    """The newest reminder of each target."""
    return {r.target: r for r in Reminder.objects.filter(round=round_).select_related("by").order_by("id")}


def reminded_units(round_: Round) -> dict[int, Reminder]:
    """The newest reminder on whose list an institution stood."""
    found: dict[int, Reminder] = {}
    for r in Reminder.objects.filter(round=round_).select_related("office").order_by("id"):
        for pk in unpacked(r.units):
            found[pk] = r
    return found


def contacts(rows: Iterable[Unit], today: dt.date) -> dict[int, Contact]:
    """The liaison officer of each institution, as of today: only for those who may review there (the caller sees to it)."""
    wanted = [u.pk for u in rows]
    found: dict[int, Contact] = {}
    for start in range(0, len(wanted), 500):
        now = Q(until=None) | Q(until__gte=today)
        for c in Contact.objects.filter(now, institution__in=wanted[start:start + 500], since__lte=today).order_by("since", "id"):
            found[c.institution_id] = c
    return found


def as_dict(row: Line) -> dict[str, Any]:
    """For ``--json``."""
    return {"code": row.code, "label": row.label, "counts": row.counts, "expected": row.total, "filed": row.done, "passed": row.passed,
            "rate": row.rate, "pass_rate": row.pass_rate, "energy_rate": row.weight_rate}
