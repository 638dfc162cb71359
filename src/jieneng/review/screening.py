"""The verbs of the first screening (初筛): screen a frozen year and keep what came out; review its first candidates alone, their peers beside them.

``sifting`` makes the sieve and the order, an engine sifts; ``places`` says what is kept of it; ``beside`` says who is laid beside a candidate.
"""

from __future__ import annotations

import functools
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np
from django.utils import timezone

from jieneng import engine
from jieneng.core.period import Period
from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.engine.sifting import Sieve, Sifted
from jieneng.people.models import Office, User
from jieneng.people.queries import root_office
from jieneng.people.scope import Scope, require
from jieneng.records.events import action, fingerprint, record
from jieneng.registry.queries import lines_for
from jieneng.returns.models import Round, SnapshotRecord
from jieneng.returns.queries import main_form, opened
from jieneng.rulebook.reviews import Review
from jieneng.rulebook.types import Book

from . import beside, places, reading, sifting
from .actions import Progress, assessed, new_run, row_of, severities
from .models import Candidate, ReviewFinding, ReviewRun, Screening
from .screened import candidates_in
from .wording import Speaker

STEPS = (T("比较两年的全部单位", "comparing two years of everybody"), T("按影响排序", "ordering by what is at stake"), T("写下候选", "writing the candidates"))
BEAT = 5.0
"""Seconds after which a long reading is reported anew: a job that says nothing is given to another worker."""
MOST = 500
"""Candidates reviewed at once at most."""
LARGEST = 50_000
"""Institutions that a place may have to be laid out; of a larger one only those who report to its office itself are."""


def screen(person: User, book: Book, snapshot: SnapshotRecord, *, progress: Progress | None = None) -> Screening:
    """Screen the year of a snapshot over everybody in it and keep the table by place and the first candidates. No return is changed.

    Raises ``Refused`` for who does not review everybody, for a form without a review, for a year without a round or without accepted figures.
    """
    mine, root, form, begin = require(person, "review"), root_office(), main_form(), time.monotonic()
    if root is None or not mine.covers_line(root.path):
        raise refuse("screening.part", T("初筛要和全部同类单位比较，只有管全部单位的账号能做", "the first screening compares with all institutions alike: only who reviews all of them may run it"),
                     do=T("本地区的用会审（jieneng review）", "for your own area use the review (jieneng review)"))
    round_, review = Round.objects.filter(form=form, year=snapshot.year).first(), reading.review_for(book, form, snapshot.year)
    if round_ is None:
        raise refuse("screening.round", T("{y} 年没有统计任务", "there is no round for {y}", y=snapshot.year), do=T("先开任务", "open a round first"))
    if review is None:
        raise refuse("review.none", T("规则库里没有 {f} 的会审规则", "the rulebook has no review of {f}", f=form), do=T("在 reviews/ 里补上", "add one to reviews/"))
    tell = progress or (lambda done, total, message: None)
    weights, files = reading.weights(book, review, snapshot.year), opened(snapshot)
    sieve = sifting.sieve(book, review, snapshot.year, weights, round_.rhythm)
    sifted = _sifted(files, sieve, lambda: tell(0, 3, STEPS[0]))
    if not sifted.institutions:
        raise refuse("screening.empty", T("快照 {s} 里没有 {y} 年审核通过的数", "snapshot {s} holds no accepted figures of {y}", s=snapshot.pk, y=snapshot.year),
                     do=T("先审核通过一些报表，再封存一次", "accept some returns, then freeze again"))

    def ordering() -> None:
        tell(1, 3, STEPS[1])

    ordering()
    everybody = engine.wide_arrays([files.file(n) for n in files.wide(form)], [], [snapshot.year])
    made = Screening(snapshot=snapshot, manifest=snapshot.manifest_hash, round=round_, review=f"{review.code}@{review.edition}", rulebook=book.hash, by=person, at=timezone.now())
    rows = _filled(made, sifted, review, weights, everybody.institutions, [a or "" for a in everybody.areas], ordering)
    tell(2, 3, STEPS[2])
    made.seconds = round(time.monotonic() - begin, 2)
    with action():
        made.content = made.fingerprint(rows)
        made.save()
        Candidate.objects.bulk_create(rows, batch_size=1000)
        record(person, "review.screen", "screening", made.pk, line=root.path, data={
            "round": round_.pk, "year": round_.year, "snapshot": snapshot.pk, "review": made.review, "rulebook": book.hash, "content": made.content, **made.counts})
    tell(3, 3, None)
    return made


def _sifted(files: Any, sieve: Sieve, beat: Callable[[], None]) -> Sifted:
    """What the engine finds; told again and again while it reads, so that the job stays ours. The other thread asks no records."""
    beat()
    with ThreadPoolExecutor(1, "sifting") as pool:
        work = pool.submit(lambda: engine.connect().sift(files, sieve))
        while not wait([work], BEAT).done:
            beat()
        return work.result()  # also where the engine itself ran out of time: that is its answer, no reason to wait on


def _filled(made: Screening, sifted: Sifted, review: Review, weights: Mapping[str, float], ids: Any, areas: list[str], beat: Callable[[], None]) -> list[Candidate]:
    """Counts, places and totals put into a screening, and its candidates. ``beat``: each step of a nation may take a good part of a job's lease."""
    beat()
    table, line = sifting.order(sifted, review, weights)
    beat()
    year = Period("year", made.round.year)
    lines = {i: path for (i, _), path in lines_for((int(i), year) for i in ids).items()}
    beat()
    keep = places.kept(table)
    rows = [Candidate(screening=made, rank=c["rank"], institution_id=c["institution"], area=c["area"], item=c["item"], month=c["month"], off=_short(c["off"]), doubt=_short(c["doubt"]),
                      share=_short(c["share"]), factor=c["factor"], says=c["says"].as_json()) for c in places.candidates(table, sifted, review, keep, places.Speaker(review))
            if c["institution"] in lines]
    beat()
    made.places = places.by_place(ids, areas, lines, table, line, sifted, review)
    cells = {q.cell for q in review.quantities}
    totals: dict[str, dict[str, float]] = defaultdict(dict)
    for (cell, area), value in sorted(sifted.totals.items()):
        if cell in cells:
            totals[cell][area] = _short(value)
    made.totals = dict(totals)
    made.counts = {"institutions": sifted.institutions, "values": sifted.pairs, "candidates": len(table["item"]), "units": len(np.unique(table["institution"])), "line": line,
                   "share": float(review.line), "edits": len(sifted.edits), "kept": len(rows)}
    return rows


def _short(value: float) -> float:
    return float(f"{value:.8g}")


def place_of(path: str, kinds: Mapping[str, str]) -> str:
    """The line of the place that an institution is reviewed in: its city, else the nearest area above it, else the office it reports to (a province's or
    the nation's own departments). ``kinds``: path → kind of office."""
    parts = path.strip("/").split("/")
    above = ["/" + "/".join(parts[:n]) + "/" for n in range(len(parts), 0, -1)]
    for wanted in (("city",), ("county", "zone", "direct")):
        found = next((p for p in above if kinds.get(p) in wanted), None)
        if found:
            return found
    return above[0]


def review_candidates(person: User, book: Book, screening: Screening, count: int, *, progress: Progress | None = None) -> ReviewRun:
    """Review the institutions of the first ``count`` candidates in a person's scope, as their places' own reviews would, and keep the findings.

    From the records as they stand now. A place of up to ``beside.WHOLE`` institutions is laid out whole: its findings are those of its own review.
    Raises ``Refused`` for a number that is none, and where nothing of the screening lies in the scope.
    """
    mine, begin, round_ = require(person, "review"), time.monotonic(), screening.round
    if not 1 <= count <= MOST:
        raise refuse("screening.count", T("{n} 个", "{n}", n=count), T("1 到 {m} 个", "from 1 to {m}", m=MOST))
    office, review = _office(mine), reading.review_for(book, round_.form, round_.year)
    if review is None:
        raise refuse("review.none", T("规则库里没有 {f} 的会审规则", "the rulebook has no review of {f}", f=round_.form), do=T("在 reviews/ 里补上", "add one to reviews/"))
    first = list(candidates_in(screening, mine, person)[:count])
    if not first:
        raise refuse("screening.nothing", T("您的范围内没有初筛留下的候选", "the screening left no candidates in your scope"))
    tell = progress or (lambda done, total, message: None)
    year, kinds = Period("year", round_.year), dict(Office.objects.values_list("path", "kind"))
    lines = lines_for((c.institution_id, year) for c in first)
    by_place: dict[str, set[int]] = defaultdict(set)
    for (institution, _), path in lines.items():
        by_place[place_of(path, kinds)].add(institution)
    made: list[_Made] = []
    for n, (line, wanted) in enumerate(sorted(by_place.items())):
        beat = functools.partial(tell, n, len(by_place) + 1, T("审核第 {n} 个地方", "reviewing place {n}", n=n + 1))
        made.append(_reviewed(book, review, screening, line, wanted, beat))
    tell(len(by_place), len(by_place) + 1, T("写下疑点", "writing the findings"))
    with action():
        run = new_run(person, book, review, round_, office, fingerprint([m.state for m in made]), {}, screening)
        ranked = sorted((x for m in made for x in m.found), key=lambda x: (x[0].suspicion < float(review.show), -x[0].score if x[0].suspicion >= float(review.show) else 0.0))
        rows: list[ReviewFinding] = []
        for f, panel, refs, speaker in ranked:
            if (row := row_of(run, speaker, f, panel, refs, len(rows) + 1)) is not None:
                rows.append(row)
        ReviewFinding.objects.bulk_create(rows, batch_size=500)
        run.counts = {"institutions": sum(m.reviewed for m in made), "candidates": len(first), "places": len(made), "beside": sum(m.beside for m in made), "sampled": sum(m.sampled for m in made),
                      "findings": len(rows), **severities(rows)}
        run.seconds = round(time.monotonic() - begin, 2)
        run.save(update_fields=["counts", "seconds"])
        record(person, "review.candidates", "review", run.pk, line=office.path, data={
            "round": round_.pk, "year": round_.year, "screening": screening.pk, "review": run.review, "state": run.state, "rulebook": book.hash, **run.counts})
    tell(len(by_place) + 1, len(by_place) + 1, None)
    return run


class _Made:
    """What the review of one place found of its candidates."""

    def __init__(self, found: list[Any], state: str, reviewed: int, beside: int, sampled: bool) -> None:
        self.found, self.state, self.reviewed, self.beside, self.sampled = found, state, reviewed, beside, sampled


def _reviewed(book: Book, review: Review, screening: Screening, line: str, wanted: set[int], beat: Callable[[], None]) -> _Made:
    """The findings of some institutions of a place (finding, panel, its returns, who says it), by the review of the whole place or of a sample of it.

    ``beat`` before each step: reading and judging a city take some seconds each.
    """
    beat()
    everybody = reading.members(screening.round.year, line, LARGEST)
    ids = np.array([s.institution_id for s in everybody], np.int64)
    if not wanted & set(ids.tolist()):
        return _Made([], "", 0, 0, False)  # all of them left the statistics since
    there = beside.chosen(ids, [s.area for s in everybody], [s.type for s in everybody], wanted, {t.code: t.parent for t in book.types.values()}, whole=beside.WHOLE)
    panel, refs, state = reading.panel(book, review, screening.round, line, set(ids[there.rows].tolist()))
    beat()
    totals = {(cell, area): v for cell, of in screening.totals.items() for area, v in of.items()}
    sample = {} if there.stands is None else {"stands": there.stands, "totals": totals}
    found, speaker = assessed(book, review, screening.round, panel, **sample), Speaker(book, review, panel)
    mine = [(f, panel, refs, speaker) for f in found.found if int(panel.ids[f.row]) in wanted]
    return _Made(mine, state, sum(int(i) in wanted for i in panel.ids), len(panel), there.stands is not None)


def _office(mine: Scope) -> Office:
    """The office in whose name a person reviews: the root where the scope covers it, else the first of the scope's lines."""
    root = root_office()
    path = root.path if root is not None and mine.covers_line(root.path) else next(iter(mine.lines), "")
    found = Office.objects.filter(path=path).first()
    if found is None:
        raise refuse("screening.nothing", T("您的范围内没有初筛留下的候选", "the screening left no candidates in your scope"))
    return found
