"""What may be read of sittings and samples: which questions a person sees, counters, who is where."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from jieneng.core.period import Period
from jieneng.figures.overview import compute, shown
from jieneng.people.queries import area_offices
from jieneng.people.scope import Scope, scope
from jieneng.registry.queries import closed_to, within
from jieneng.returns.models import SnapshotRecord
from jieneng.returns.queries import book

from .meeting import may_opine
from .models import Decision, Question, Sample, Sitting
from .queries import decided, mark_of, names_of


@dataclass
class Shown:
    """A question as a page shows it."""

    question: Question
    name: str
    area: str
    decision: Decision | None
    opines: bool


def looks(person: Any) -> Scope:
    """Where a person looks at sittings and samples: who reviews, and the auditor."""
    return scope(person, "review") or scope(person, "log")


def sittings_of(person: Any) -> list[Sitting]:
    """Sittings of offices in the person's scope, or above it: a county sees the city's."""
    mine = looks(person)
    rows = Sitting.objects.select_related("round", "office", "by")
    return [s for s in rows if mine.covers_line(s.office.path) or any(line.startswith(s.office.path) for line in mine.lines)]


def questions_of(person: Any, sitting: Sitting) -> list[Shown]:
    """The questions a person sees: all, where he looks over the whole sitting; else those of his own institutions and of the areas his group reviews.

    Sensitive units whose numbers are closed to him are left out everywhere.
    """
    mine, whole = looks(person), looks(person).covers_line(sitting.office.path)
    rows = list(sitting.questions.select_related("finding__institution", "finding__run__round", "group", "opined_by", "sitting__office"))
    closed = closed_to(person, {q.finding.institution_id for q in rows})
    own = set() if whole else set(within(mine, Period("year", sitting.round.year)).values_list("institution", flat=True))
    done = decided(sitting.round)
    names = names_of(sitting.round.year, {q.finding.institution_id for q in rows})
    areas = {o.area: o.name for o in area_offices()}
    found = []
    for q in rows:
        opines = may_opine(person, q)
        if q.finding.institution_id in closed or not (whole or opines or q.finding.institution_id in own):
            continue
        s = names.get(q.finding.institution_id)
        found.append(Shown(q, s.name if s else q.finding.institution.key, areas.get(q.finding.area, q.finding.area), done.get(mark_of(q.finding)), opines))
    return found


def counters(rows: list[Shown]) -> dict[str, Any]:
    """How many were put, decided, and by which verdict."""
    verdicts = Counter(r.decision.verdict for r in rows if r.decision)
    return {"all": len(rows), "done": sum(verdicts.values()), "waiting": sum(r.decision is None for r in rows), "sent_back": verdicts["sent_back"] + verdicts["on_word"],
            "right": verdicts["right"], "explained": verdicts["explained"], "opinions": sum(bool(r.question.opinion) for r in rows)}


def groups_of(sitting: Sitting, rows: list[Shown]) -> list[dict[str, Any]]:
    """The groups with their areas by name and how far they are."""
    areas = {o.area: o.name for o in area_offices()}
    found = []
    for g in sitting.groups.all():
        mine = [r for r in rows if r.question.group_id == g.pk]
        done = sum(r.decision is not None or bool(r.question.opinion) for r in mine)
        found.append({"g": g, "members": "、".join(areas.get(a, a) for a in g.members), "reviews": "、".join(areas.get(a, a) for a in g.reviews), "all": len(mine), "done": done,
                      "width": f"{100 * done / len(mine):.1f}%" if mine else "0%"})
    return found


def before_after(sitting: Sitting) -> tuple[SnapshotRecord, SnapshotRecord] | None:
    """The snapshot before the sitting and the newest after it, whose difference is what it changed; none where there are not two."""
    rows = list(SnapshotRecord.objects.filter(year=sitting.round.year).order_by("cutoff"))
    if len(rows) < 2:
        return None
    earlier = [r for r in rows if r.cutoff < sitting.at]
    return (earlier[-1] if earlier and earlier[-1].pk != rows[-1].pk else rows[0], rows[-1])


def totals_before_after(sitting: Sitting) -> tuple[tuple[SnapshotRecord, SnapshotRecord], list[tuple[str, list[Any]]]] | None:
    """The two snapshots of ``before_after``, and for each area and the whole what the published totals (settings: overview, composites) were before
    and after, in the figures' own units; None stands for a total that is not known."""
    pair = before_after(sitting)
    if pair is None:
        return None
    rules, whole, names = book(), Period("year", sitting.round.year), {o.area: o.name for o in area_offices()}
    found: dict[str, list[Any]] = {}
    for snapshot in pair:
        for by in ("area", None):
            for f in compute(rules, snapshot, [*list(shown(rules, "composites"))[:1], "water_m3"], whole, by, {"line": (sitting.office.path,)}):
                found.setdefault(f.subject.get("code", "") if by else "", []).append(f.exact)
    return pair, [(names.get(code, code) if code else "", v) for code, v in sorted(found.items(), key=lambda p: (not p[0], p[0])) if len(v) == 4]


def samples_of(person: Any) -> list[Sample]:
    """Samples drawn by offices inside the person's scope."""
    mine = looks(person)
    return [s for s in Sample.objects.select_related("office", "by") if mine.covers_line(s.office.path)]
