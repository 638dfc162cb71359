"""What an office answers for: its returns by level, control totals against last year, who is missing, what is open."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, QuerySet

from jieneng import engine
from jieneng.core.amount import decimal_of
from jieneng.core.period import Period
from jieneng.people.models import Office, User
from jieneng.people.queries import root_office
from jieneng.people.scope import Scope, scope
from jieneng.records.events import together
from jieneng.registry.models import Standing
from jieneng.registry.queries import day_for, lines_for, standings
from jieneng.rulebook import form_for
from jieneng.rulebook.types import Book

from ..models import Return, ReturnFinding, Revision, Round, SnapshotRecord, Submission
from ..queries import opened

LEVELS = {"department": "dept_ok", "township": "dept_ok", "county": "county_ok", "zone": "county_ok", "direct": "county_ok"}
"""The state that an office's own word gives; every other kind, and the top office of a workspace, accepts."""
FEW = 500
"""Members up to which the database is asked for theirs alone."""
ORDER = ("filed", "dept_ok", "county_ok", "accepted", "signed")
PASS = {"dept_ok": "pass_department", "county_ok": "pass_county", "accepted": "accept"}
RIGHT = {"dept_ok": "review", "county_ok": "accept", "accepted": "accept"}


def level_of(office: Office) -> str:
    """dept_ok, county_ok or accepted."""
    return "accepted" if office.parent_id is None else LEVELS.get(office.kind, "accepted")


def own_level(user: User) -> tuple[str, Scope] | None:
    """The level at which a person passes returns, and over what: the city, a county, or a department."""
    top = root_office()
    accept, review = scope(user, "accept"), scope(user, "review")
    if top is not None and accept.covers_line(top.path):
        return "accepted", accept
    if accept:
        return "county_ok", accept
    return ("dept_ok", review) if review else None


def right_of(office: Office) -> str:
    """The right it takes to hand up an office's totals: departments review, the others sign."""
    return "review" if level_of(office) == "dept_ok" else "sign"


@dataclass(frozen=True)
class Members:
    """Whose returns an office answers for in a round: institution → standing, and of those that moved only the periods that are the office's."""

    standings: dict[int, Standing]
    only: dict[int, frozenset[str]]

    def __len__(self) -> int:
        return len(self.standings)

    def holds(self, institution: int, period: str) -> bool:
        """Whether the return of an institution for a period is the office's, on the day that counts."""
        return institution in self.standings and (institution not in self.only or period in self.only[institution])


def under(round_: Round, office: Office) -> Members:
    """The institutions whose returns of a round report to an office on the day that counts, as snapshots place them and as it signs them."""
    year = Period("year", round_.year)
    inside = {s.institution_id: s for s in standings(day_for(year)).filter(office__path__startswith=office.path)}
    moved = Standing.objects.filter(since__gt=year.first_day).values("institution")  # only of these can the periods differ
    pairs = [(i, Period.parse(p)) for i, p in Return.objects.filter(round=round_, institution__in=moved).values_list("institution_id", "period")]
    only: dict[int, set[str]] = {i: set() for i, _ in pairs}
    for (institution, period), line in lines_for(pairs).items():
        if line.startswith(office.path):
            only[institution].add(str(period))
    left = [i for i, periods in only.items() if periods and i not in inside]
    for s in Standing.objects.filter(institution__in=left, office__path__startswith=office.path).select_related("institution", "office").order_by("since"):
        inside[s.institution_id] = s
    return Members({i: s for i, s in inside.items() if only.get(i, True)}, {i: frozenset(p) for i, p in only.items()})


@dataclass(frozen=True)
class Totals:
    """Control totals of the current revisions of an office's returns, with the fingerprint of what was added up."""

    sums: dict[str, Decimal]
    answered: dict[str, int]
    returns: int
    institutions: int
    content: str


def additive(book: Book, round_: Round) -> list[str]:
    """The items of the round's edition that may be added over months and bodies."""
    form = form_for(book, round_.form, round_.year)
    return [i.item for i in form.items if book.items[i.item].over_time == "sum" and book.items[i.item].over_bodies == "sum"]


def totals_of(book: Book, round_: Round, members: Members) -> Totals:
    """Add up the current revisions of the members' returns that were filed and not sent back. Exact decimals."""
    items = additive(book, round_)
    sums: dict[str, Decimal] = {i: Decimal(0) for i in items}
    answered = dict.fromkeys(items, 0)
    contents, who, n = [], set(), 0
    rows = Revision.objects.filter(ret__round=round_, ret__state__in=ORDER, number=F("ret__revision")).order_by("ret_id")
    if len(members) <= FEW:
        rows = rows.filter(ret__institution__in=list(members.standings))
    for institution, period, answers, content in rows.values_list("ret__institution_id", "ret__period", "answers", "content").iterator(chunk_size=5000):
        if not members.holds(institution, period):
            continue
        n += 1
        who.add(institution)
        contents.append(content)
        for item in items:
            if (value := answers.get(item)) is not None:
                sums[item] += Decimal(value)
                answered[item] += 1
    return Totals(sums, answered, n, len(who), together(contents))


def frozen_totals(book: Book, record: SnapshotRecord, round_: Round, office: Office) -> dict[str, Decimal | None]:
    """The same sums as a snapshot holds them: for the year before, which is frozen. None: nobody answered."""
    items = additive(book, round_)
    snapshot = opened(record)
    known = [i for i in items if any(i in snapshot.items(n) for n in snapshot.manifest["files"] if n.startswith("returns/"))]
    groups = engine.connect().sums(snapshot, [engine.Ask(i, "sum") for i in known], form=round_.form, period=Period("year", round_.year),
                                   where={"line": (office.path,)})
    sums = {i: groups[0].totals[i].value if groups else None for i in known}
    return {i: None if v is None else decimal_of(v, 4).normalize() for i, v in sums.items()}  # stored with four decimals: nothing is lost


def by_state(round_: Round, members: Members) -> dict[str, int]:
    """Returns of the members by state."""
    return _counted(Return.objects.filter(round=round_), members, "state", "")


def waiting(counts: dict[str, int], level: str) -> int:
    """How many returns have not yet got as far as the level's own word."""
    far = ORDER[ORDER.index(level):]
    return sum(n for s, n in counts.items() if s not in (*far, "exempt", "covered"))


def open_findings(round_: Round, members: Members) -> dict[str, int]:
    """Findings of current revisions by severity, of returns that have not been accepted."""
    rows = ReturnFinding.objects.filter(ret__round=round_, revision=F("ret__revision")).exclude(ret__state__in=("accepted", "signed"))
    return _counted(rows, members, "severity", "ret__")


def _counted(rows: QuerySet[Any], members: Members, by: str, ret: str) -> dict[str, int]:
    """How many of the members' rows there are of each kind. ``ret``: the way from a row to its return. Period by period only for who moved."""
    counts: dict[str, int] = {}
    whole, moved = f"{ret}institution_id", list(members.only)
    if len(moved) <= FEW:
        for institution, kind, n in rows.exclude(**{f"{whole}__in": moved}).values_list(whole, by).annotate(n=Count("id")).order_by():
            if institution in members.standings:
                counts[kind] = counts.get(kind, 0) + n
        rows = rows.filter(**{f"{whole}__in": moved})
    for institution, period, kind in rows.values_list(whole, f"{ret}period", by):
        if members.holds(institution, period):
            counts[kind] = counts.get(kind, 0) + 1
    return counts


def submissions(round_: Round) -> QuerySet[Submission]:
    return Submission.objects.filter(round=round_).select_related("office", "by")


def standing_submission(round_: Round, office: Office) -> Submission | None:
    """The totals that an office last handed up and did not take back."""
    return submissions(round_).filter(office=office, withdrawn="").first()
