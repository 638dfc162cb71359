"""What may be read of the register, always from a scope."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from jieneng.core.period import Period
from jieneng.people.models import Office, User
from jieneng.people.scope import Scope, scope

from .models import Alias, Change, Institution, Link, Pair, Standing
from .naming import plain


def standings(on: dt.date) -> QuerySet[Standing]:
    """The standing of every institution on a day: the latest that began on or before it."""
    later = Standing.objects.filter(institution=OuterRef("institution"), since__gt=OuterRef("since"), since__lte=on)
    return Standing.objects.filter(since__lte=on).filter(~Exists(later)).select_related("institution", "office")


def seen(scope: Scope, on: dt.date) -> QuerySet[Standing]:
    """The standings inside a scope on a day."""
    return standings(on).filter(scope.q("office__path", "institution__key"))


def search(rows: QuerySet[Standing], text: str) -> QuerySet[Standing]:
    """Narrow by name (also a former one), pinyin initials, code or platform id: what a clerk types first."""
    text = text.strip()
    if not text:
        return rows
    alias = Alias.objects.filter(value__startswith=text).values("institution")
    named = Standing.objects.filter(Q(name__icontains=text) | Q(initials__contains=text.lower()) if text.isascii() else Q(name__icontains=text)).values("institution")
    return rows.filter(Q(institution__in=named) | Q(institution__key__istartswith=text) | Q(area=text) | Q(territory=text) | Q(institution__in=alias))


def standing_of(institution: Institution, on: dt.date) -> Standing | None:
    """One institution's standing on a day; before its first one, None."""
    return institution.standings.filter(since__lte=on).select_related("office").order_by("-since").first()


# ---- the line on the day that counts ----

FEW = 500
"""Institutions up to which the database is asked for theirs alone."""


def day_for(period: Period | None = None) -> dt.date:
    """The day on which the register is read for what is about a period: its last day, as in snapshots and when a round is opened.

    Not later than today: a move that is registered for a day to come changes nothing before that day. Without a period (what holds from now
    on: waivers, who sees a sensitive unit) it is today.
    """
    today = timezone.localdate()
    return today if period is None else min(period.last_day, today)


def standing_for(institution: Institution, period: Period | None = None) -> Standing | None:
    """One institution's standing on the day that counts for a period: whose the return of the period is, to review, to enter and to sign.

    Who held the statistical line at the end of the period keeps the right to the period's return after the body has moved: the totals it is
    counted in are theirs (decisions, "last year's total does not move because a school changed district today"). A body that was registered
    from a later day on stands as it did first. None only for a body without any standing.
    """
    return standing_of(institution, day_for(period)) or institution.standings.select_related("office").order_by("since").first()


def lines_for(wanted: Iterable[tuple[int, Period]]) -> dict[tuple[int, Period], str]:
    """(institution, period) → path of the office that ``standing_for`` names, for many at once. Left out: bodies without any standing."""
    pairs = set(wanted)
    ids = {i for i, _ in pairs}
    rows = Standing.objects.filter(institution__in=ids) if len(ids) <= FEW else Standing.objects.all()
    held: dict[int, list[tuple[dt.date, str]]] = defaultdict(list)
    for institution, since, path in rows.order_by("since").values_list("institution_id", "since", "office__path"):
        held[institution].append((since, path))
    days = {p: day_for(p) for p in {p for _, p in pairs}}
    return {(i, p): next((path for since, path in reversed(held[i]) if since <= days[p]), held[i][0][1]) for i, p in pairs if i in held}


def within(scope: Scope, period: Period | None = None) -> QuerySet[Standing, dict[str, Any]]:
    """The institutions whose line on the day that counts for a period (``standing_for``) lies in a scope, as a subquery of their ids.

    Who handed a body over in an earlier year has nothing of it in later periods, who took it over has all of it from then on.
    """
    on = day_for(period)
    begun = Standing.objects.filter(institution=OuterRef("institution"), since__lte=on)
    counts = Q(since__lte=on) & ~Exists(begun.filter(since__gt=OuterRef("since")))
    first = Q(since__gt=on) & ~Exists(Standing.objects.filter(institution=OuterRef("institution"), since__lt=OuterRef("since")))
    return Standing.objects.filter(scope.q("office__path", "institution__key")).filter(counts | first).values("institution")


def by_identifier() -> dict[tuple[str, str], int]:
    """(scheme, identifier) → institution id, for every identifier and alias."""
    known = {(scheme, key): pk for pk, scheme, key in Institution.objects.values_list("pk", "scheme", "key")}
    known.update({(scheme, value): pk for pk, scheme, value in Alias.objects.values_list("institution_id", "scheme", "value")})
    return known


# ---- sensitive units ----

INSIDERS = ("review", "edit_register", "file")
"""Who needs more than totals of a sensitive unit, and names and numbers of any: who reviews or keeps the register there, and itself."""


def inside_scope(user: User) -> Scope:
    """Where a person is one of those."""
    scopes = [scope(user, v) for v in INSIDERS]
    return Scope(tuple({x for s in scopes for x in s.lines}), tuple({x for s in scopes for x in s.institutions}))


def insider(user: User, path: str, key: str) -> bool:
    """Whether a person is one of those, for an institution on this line."""
    return inside_scope(user).covers(path, key)


def sees_inside(user: User, standing: Standing) -> bool:
    """Whether a person may see more of an institution than its totals."""
    return not standing.sensitive or insider(user, standing.office.path, standing.institution.key)


def closed_to(user: User, institutions: Iterable[int] | None = None) -> set[int]:
    """The sensitive units (of some, or of all) of which a person may see totals only, as they stand today.

    Who held the line in an earlier period sees the returns of that period by themselves (``returns.pages.visible_return``).
    """
    today = day_for()
    rows = Standing.objects.filter(sensitive=True)
    ids = rows.values("institution") if institutions is None else rows.filter(institution__in=set(institutions)).values("institution")
    latest: dict[int, Standing] = {}
    for s in Standing.objects.filter(institution__in=ids).select_related("office", "institution").order_by("since"):
        if s.since <= today or s.institution_id not in latest:
            latest[s.institution_id] = s
    mine = inside_scope(user)
    return {pk for pk, s in latest.items() if s.sensitive and not mine.covers(s.office.path, s.institution.key)}


# ---- offices ----

@dataclass
class Node:
    """An office in the tree: its depth below the first one shown, and how many institutions report to it and below it."""

    office: Office
    depth: int
    own: int = 0
    whole: int = 0
    covered: int = 0


def tree(lines: Sequence[str], on: dt.date) -> list[Node]:
    """The offices inside some lines, parents before children, with counts of the institutions in scope on a day."""
    inside = Q(pk__in=[])
    for line in lines:
        inside |= Q(path__startswith=line)
    nodes = {o.pk: Node(o, o.path.count("/")) for o in Office.objects.filter(inside, active=True).select_related("parent").order_by("path")}
    by_path = {n.office.path: n for n in nodes.values()}
    counted = standings(on).select_related(None).filter(office__in=list(nodes)).values("office").annotate(
        own=Count("pk", filter=Q(in_scope=True, covered_by=None)), covered=Count("pk", filter=Q(covered_by__isnull=False)))
    for row in counted.order_by():
        node = nodes[row["office"]]
        node.own, node.covered = row["own"], row["covered"]
        path = node.office.path
        while path:
            if path in by_path:
                by_path[path].whole += row["own"]
            path = path[: path.rstrip("/").rfind("/") + 1] if path.count("/") > 2 else ""
    if nodes:
        top = min(n.depth for n in nodes.values())
        for n in nodes.values():
            n.depth -= top
    return list(nodes.values())


# ---- who came from whom ----

def lineage() -> list[tuple[int, int, dt.date, str]]:
    """Every merger and split that holds: (parent, child, day, kind), by day. What was taken back is left out."""
    rows = Link.objects.filter(change__undone_by=None).order_by("change__since", "pk")
    return list(rows.values_list("parent_id", "child_id", "change__since", "change__kind"))


def families(links: Iterable[tuple[int, int]]) -> list[frozenset[int]]:
    """Bodies that belong together through mergers and splits: over two years they are one and the same."""
    groups: dict[int, set[int]] = {}
    for a, b in links:
        joined = groups.get(a, {a}) | groups.get(b, {b})
        for pk in joined:
            groups[pk] = joined
    return sorted({frozenset(g) for g in groups.values()}, key=min)


# ---- what looks alike ----

@dataclass(frozen=True)
class Alike:
    """Two entries that may be one body, and why."""

    first: Standing
    second: Standing
    why: str


def alike(rows: Sequence[Standing], limit: int = 500) -> list[Alike]:
    """Pairs of a list of standings that look like one body and were not decided yet: the same organisation code inside the credit
    code, the same name but for writing, or in the same area and type names that sound the same or differ in common words only.

    Linear in the number of rows: only those that share a key are compared, and sounds only where the stored initials agree.
    """
    decided = set(Pair.objects.values_list("first", "second"))
    found: dict[tuple[int, int], Alike] = {}
    buckets: dict[tuple[str, ...], list[Standing]] = defaultdict(list)
    for s in rows:
        if s.institution.scheme == "uscc" and len(s.institution.key) == 18:
            buckets["code", s.institution.key[8:17]].append(s)
        name = plain(s.name)
        buckets["name", name].append(s)
        buckets["near", s.area, s.type, "word", _common(name)].append(s)
        buckets["near", s.area, s.type, "sound", s.initials].append(s)
    for key, members in buckets.items():
        for i, a in enumerate(members[:MANY]):
            for b in members[i + 1:MANY]:
                first, second = sorted((a, b), key=lambda s: s.institution_id)
                pair = (first.institution_id, second.institution_id)
                if pair[0] != pair[1] and pair not in decided and pair not in found and (key[0] != "near" or key[3] == "word" or _sounds(a.name) == _sounds(b.name)):
                    found[pair] = Alike(first, second, key[0])
    order = {"code": 0, "name": 1, "near": 2}
    return sorted(found.values(), key=lambda p: (order[p.why], p.first.name))[:limit]


MANY = 30
"""Members of a bucket that are compared: where more share a key, the key says nothing."""
_COMMON = (("人民政府", "政府"), ("委员会", "委"), ("管理局", "局"), ("中心学校", "中心校"), ("街道办事处", "街道办"), ("服务中心", "中心"), ("人民医院", "医院"))


def _common(name: str) -> str:
    """A name in its short form, as people write it: 泾县人民政府 and 泾县政府 are one."""
    for long, short in _COMMON:
        name = name.replace(long, short)
    return name


def _sounds(name: str) -> str:
    """The sounds of a name without tones: 示例幼儿园 and 示例幼儿圆 are one; 园 and 原 too, so this is a sign only."""
    from pypinyin import lazy_pinyin  # half a second of words: only where a name is read

    return "".join(lazy_pinyin(plain(name)))


def changes_in(scope_: Scope) -> QuerySet[Change]:
    """The changes that touch a scope: its own, and those of a single institution that it holds."""
    inside = Q(pk__in=[])
    for line in scope_.lines:
        inside |= Q(line__startswith=line) | Q(standings__office__path__startswith=line)
    if scope_.institutions:
        inside |= Q(standings__institution__key__in=scope_.institutions)
    return Change.objects.filter(inside).distinct().select_related("by")
