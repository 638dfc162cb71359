"""What may be read of decisions, always from a scope: the queue, its counters, what is still at stake, corrections."""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from jieneng.core.period import Period
from jieneng.core.words import T
from jieneng.filling.models import Filing
from jieneng.filling.taken_up import TAKEN_UP
from jieneng.people.scope import Scope
from jieneng.records.events import fingerprint
from jieneng.registry.models import Standing
from jieneng.registry.queries import closed_to, standings, within
from jieneng.returns.models import Round
from jieneng.returns.queries import book
from jieneng.review.models import ReviewFinding, ReviewRun
from jieneng.review.queries import line_words

from .models import Decision
from .stopping import own_doubts, steps


@dataclass(frozen=True)
class Entry:
    """A finding as the queue needs it: light, and the same as long as the run stands."""

    pk: int
    rank: int
    institution: int
    area: str
    rule: str
    layer: int
    severity: str
    items: tuple[str, ...]
    tce: float
    share: float
    mark: str
    kind: str = ""
    suspicion: float = 0.0
    found: float | None = None
    expected: float | None = None


MARKED = ("institution_id", "rule", "kind", "period", "months", "items", "found")


def mark_of(finding: ReviewFinding) -> str:
    """Names a finding and its values: a later run that finds the same with the same values gives the same mark."""
    return _mark(finding.institution_id, finding.rule, finding.kind, finding.period, finding.months, finding.items, finding.found, finding.suggested)


def _mark(institution: int, rule: str, kind: str, period: str, months: list[int], items: list[str], found: float | None, suggested: list[Any]) -> str:
    # of two fields or items that were swapped the suggestion holds the other's value; elsewhere it moves with the peers and says nothing of the return
    return fingerprint([institution, rule, kind, period, months, items, None if found is None else f"{found:.8g}", suggested if kind in ("swapped", "exchanged") else []])


def entries(run: ReviewRun) -> tuple[Entry, ...]:
    """The findings of a run, by rank. Read once: a run is never changed."""
    return _entries(run.pk, run.at.isoformat())


@functools.lru_cache(maxsize=8)
def _entries(run: int, at: str) -> tuple[Entry, ...]:
    names = ("pk", "rank", "area", "layer", "severity", "tce", "share", "suggested", "suspicion", "expected", *MARKED)
    rows = ReviewFinding.objects.filter(run=run).order_by("rank").values(*names)
    return tuple(Entry(r["pk"], r["rank"], r["institution_id"], r["area"], r["rule"], r["layer"], r["severity"], tuple(r["items"]), r["tce"], r["share"],
                       _mark(*[*(r[n] for n in MARKED), r["suggested"]]), r["kind"], r["suspicion"], r["found"], r["expected"]) for r in rows)


def decided(round_: Round) -> dict[str, Decision]:
    """Mark → the decision that stands."""
    return {d.mark: d for d in Decision.objects.filter(round=round_, undone_at=None).select_related("by")}


@dataclass
class Queue:
    """The findings of a run that a person may see, what was decided on them, and what is left."""

    run: ReviewRun
    entries: Sequence[Entry]
    decided: dict[str, Decision]
    names: dict[int, Standing]
    whole: bool = True
    """The person looks over all that was reviewed, so that the run's own line is his."""

    @property
    def line(self) -> int:
        return int(self.run.line.get("count", 0))

    @property
    def before_line(self) -> list[Entry]:
        return [e for e in self.entries if e.rank <= self.line]

    def is_decided(self, e: Entry) -> bool:
        return e.mark in self.decided

    def number(self, e: Entry) -> int:
        """Its place in the list that the person sees: 1, 2, 3 …, whatever lies between in the city's list."""
        return self._numbers.get(e.pk, e.rank)

    @functools.cached_property
    def _numbers(self) -> dict[int, int]:
        return {} if self.whole else {e.pk: n for n, e in enumerate(self.entries, 1)}

    def left(self, more: int = 0) -> float:
        """By how much the total that is worst off may still be wrong.

        Who looks over the whole review reads the run's step after the findings that are decided without a gap; a county or department the share
        that its own findings leave in its own totals. ``more``: what-if so many further ones were decided too, the worst first.
        """
        if not self.whole:
            waits = [e for e in self.before_line if not self.is_decided(e)]
            return self._steps_of(waits)[min(max(more, 0), len(waits))]
        steps = self.run.line.get("steps") or [0.0]
        upto, extra = 0, more
        for e in entries(self.run):
            if e.mark not in self.decided:
                if extra <= 0:
                    break
                extra -= 1
            upto = e.rank
        return float(steps[min(upto, len(steps) - 1)])

    @property
    def steps(self) -> list[float]:
        """What is left after 0, 1, 2 … findings of the list that the person sees."""
        return [float(s) for s in self.run.line.get("steps") or [0.0]] if self.whole else list(self._steps_of(self.before_line))

    @property
    def stop(self) -> int:
        """After how many findings of the list that the person sees one may stop."""
        return self.line if self.whole else len(self.before_line)

    def line_words(self) -> T:
        """The stopping line in words, of the whole review or of the own part of it."""
        if self.whole:
            return line_words(self.run)
        n, rest = sum(not self.is_decided(e) for e in self.before_line), self.steps[-1]
        return T("停核线以上您还有 {n} 项没核；核完后余下的对合计的影响不超过 {p}（限 {s}）。只算您的范围，不含其他单位的疑点", "{n} of yours above the line still wait; "
                 "after them what is left moves the total by no more than {p} (limit {s}). Only your scope is counted", n=n, p=f"{rest:.1%}", s=f"{float(self.run.line.get('share', 0)):.1%}")

    def _steps_of(self, waits: Sequence[Entry]) -> tuple[float, ...]:
        own = own_doubts(self.run.line, cells_of(self.run.round), self.entries)
        ranks = {e.rank for e in waits}
        return steps(own._replace(doubts=tuple(d for d in own.doubts if d.rank in ranks)), self.run.line.get("steps") or [], self.line)

    def by_area(self) -> list[dict[str, Any]]:
        """For each area: findings to look at, decided, and what is at stake in those that wait (tce)."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        stake: dict[str, float] = defaultdict(float)
        for e in self.before_line:
            found[e.area]["all"] += 1
            if self.is_decided(e):
                found[e.area]["done"] += 1
            else:
                stake[e.area] += e.tce
        return [{"area": a, "all": n["all"], "done": n["done"], "left": n["all"] - n["done"], "tce": stake[a]} for a, n in sorted(found.items())]


def queue(run: ReviewRun, scope: Scope, person: Any, named: bool = True) -> Queue:
    """The queue of a run inside a person's scope, without sensitive units whose numbers are closed to him. ``named``: with the units' names."""
    keys = set(within(scope, Period("year", run.round.year)).values_list("institution", flat=True)) - closed_to(person)
    rows = [e for e in entries(run) if e.institution in keys]
    names = names_of(run.round.year, {e.institution for e in rows}) if named else {}
    return Queue(run, rows, decided(run.round), names, scope.covers_line(run.office.path))


def cells_of(round_: Round) -> dict[str, str]:
    """Item → the published total that it feeds (an energy its tce, water its m³), as the review of the round's form says."""
    from jieneng.review.reading import review_for  # brings numpy

    review = review_for(book(), round_.form, round_.year)
    return {q.item: q.cell for q in review.quantities} if review else {}


@dataclass(frozen=True)
class Waiting:
    """What waits before the stopping line inside a scope: findings, tce that hang on them, and what the worst total may be off by."""

    count: int
    tce: float
    share: float


def waiting(run: ReviewRun, scope: Scope, person: Any) -> Waiting:
    """The same counts as the queue's, without the names."""
    q = queue(run, scope, person, named=False)
    open_ = [e for e in q.before_line if not q.is_decided(e)]
    return Waiting(len(open_), sum(e.tce for e in open_), q.left())


def names_of(year: int, institutions: Iterable[int]) -> dict[int, Standing]:
    """Institution → its standing at the end of a year."""
    return {s.institution_id: s for s in standings(Period("year", year).last_day).filter(institution__in=set(institutions))}


def finding_in(run: ReviewRun, scope: Scope, person: Any, pk: int) -> ReviewFinding | None:
    """One finding of a run, if its institution lies in the scope and its numbers are not closed to the person."""
    row = run.findings.filter(pk=pk, institution__in=within(scope, Period("year", run.round.year))).select_related("institution", "explanation", "run__round").first()
    return None if row is None or closed_to(person, [row.institution_id]) else row


def _decided(round_: Round, institution: int) -> T | None:
    """Who decided on a finding of what the unit filed last, if anybody: then it is under review."""
    filed = Filing.objects.filter(round=round_, institution=institution).order_by("-number").values_list("at", flat=True).first()
    rows = Decision.objects.filter(round=round_, institution=institution, undone_at=None).select_related("by")
    last = (rows.filter(at__gt=filed) if filed else rows).order_by("at").first()
    return T("{n} 已在 {d} 办理疑点", "{n} decided on a finding on {d}", n=last.by.shown, d=f"{timezone.localtime(last.at):%m-%d %H:%M}") if last else None


TAKEN_UP.append(_decided)
