"""The review told again: runs, explanations, decisions, sittings and samples against the events that made them (faults.md I3)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import Count

from jieneng.records.events import fingerprint
from jieneng.records.models import Event
from jieneng.review.models import Explanation, ReviewRun, Screening
from jieneng.sitting.models import (
    VERDICTS,
    Attendance,
    Decision,
    Group,
    OpinionSheet,
    Question,
    Sample,
    SampleUnit,
    Sitting,
)

Differ = Any


def told(*verbs: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Verb, object and data of the events of some verbs, in order."""
    return list(Event.objects.filter(verb__in=verbs).order_by("seq").values_list("verb", "object_id", "data"))


def objects(faults: list[str], differ: Differ) -> int:
    """Everything the review and its sittings wrote. ``differ(faults, what, rows, events)`` names what only one side knows."""
    return _runs(faults, differ) + _screenings(faults, differ) + _explanations(faults, differ) + _decisions(faults, differ) + _sittings(faults, differ) + _samples(faults, differ)


def _runs(faults: list[str], differ: Differ) -> int:
    """A run with as many findings as its event says."""
    rows = ReviewRun.objects.annotate(n=Count("findings")).values_list("pk", "round_id", "n")
    return int(differ(faults, "reviews", (f"{pk} round {r}: {n} findings" for pk, r, n in rows),
                      (f"{pk} round {d.get('round')}: {d.get('findings')} findings" for _, pk, d in told("review.run", "review.candidates"))))


def _screenings(faults: list[str], differ: Differ) -> int:
    """A first screening holds the table and the candidates that its event says."""
    return int(differ(faults, "screenings", (f"{s.pk} {s.snapshot_id} {s.fingerprint()[:12]}" for s in Screening.objects.all()),
                      (f"{pk} {d.get('snapshot')} {d.get('content', '')[:12]}" for _, pk, d in told("review.screen"))))


def _explanations(faults: list[str], differ: Differ) -> int:
    count = int(differ(faults, "explanations", (f"{e.pk} {e.fingerprint()[:12]}" for e in Explanation.objects.all()),
                       (f"{pk} {d.get('content', '')[:12]}" for _, pk, d in told("review.explain"))))
    differ(faults, "revoked explanations", Explanation.objects.exclude(revoked_at=None).values_list("pk", flat=True), (pk for _, pk, _ in told("review.revoke")))
    return count


def _decisions(faults: list[str], differ: Differ) -> int:
    """Each decision says what its event says; what was undone was undone by an event."""

    def said(pk: Any, verdict: str, *parts: Any) -> str:
        return f"{pk} {verdict} {fingerprint(list(parts))[:12]}"

    rows = (said(d.pk, d.verdict, d.institution_id, d.mark, d.reason, d.values, d.word, d.confirmed_on.isoformat() if d.confirmed_on else "", d.voucher.sha256 if d.voucher else "")
            for d in Decision.objects.select_related("voucher"))
    events = (said(pk, verb.partition(".")[2], d.get("institution"), d.get("mark"), d.get("reason"), d.get("values"), d.get("word", ""), d.get("confirmed_on", ""), d.get("voucher", ""))
              for verb, pk, d in told(*(f"decision.{v}" for v in VERDICTS)))
    count = int(differ(faults, "decisions", rows, events))
    differ(faults, "decisions undone", Decision.objects.exclude(undone_at=None).values_list("pk", flat=True), (pk for _, pk, _ in told("decision.undo")))
    return count


def _sittings(faults: list[str], differ: Differ) -> int:
    rows = {str(s.pk): s for s in Sitting.objects.all()}
    count = int(differ(faults, "sittings", (f"{k} #{s.number} {s.place} {s.day}" for k, s in rows.items()),
                       (f"{pk} #{d.get('number')} {d.get('place')} {d.get('day')}" for _, pk, d in told("sitting.call"))))
    minutes = {pk: d.get("content") for _, pk, d in told("sitting.minutes", "sitting.close")}
    differ(faults, "minutes", (f"{k} {fingerprint(s.minutes)[:12]}" for k, s in rows.items() if s.minutes or k in minutes), (f"{pk} {str(c)[:12]}" for pk, c in minutes.items()))
    differ(faults, "sittings closed", (k for k, s in rows.items() if s.closed_at), (pk for _, pk, _ in told("sitting.close")))
    groups = {pk: d.get("groups", []) for _, pk, d in told("sitting.groups")}
    have: dict[str, list[Any]] = defaultdict(list)
    for g in Group.objects.order_by("sitting_id", "number"):
        have[str(g.sitting_id)].append([g.members, g.reviews])
    differ(faults, "groups", (f"{k} {fingerprint(v)[:12]}" for k, v in have.items()), (f"{pk} {fingerprint(v)[:12]}" for pk, v in groups.items()))
    _questions(faults, differ)
    differ(faults, "attendance", (f"{a.sitting_id} {a.area} {a.name}" for a in Attendance.objects.all()), (f"{pk} {d.get('area')} {d.get('name')}" for _, pk, d in told("sitting.expect")))
    differ(faults, "who came", (f"{a.sitting_id} {a.area} {a.name}" for a in Attendance.objects.exclude(came_at=None)),
           (f"{pk} {d.get('area')} {d.get('name')}" for _, pk, d in told("sitting.came")))
    differ(faults, "signed opinion sheets", (f"{s.sitting_id} {s.area} {s.signed_by} {s.content[:12]}" for s in OpinionSheet.objects.all()),
           (f"{pk} {d.get('area')} {d.get('signed_by')} {d.get('content', '')[:12]}" for _, pk, d in told("sitting.sign")))
    return count


def _questions(faults: list[str], differ: Differ) -> None:
    """As many questions as were put; the last opinion on each is the one it holds."""
    put: Counter[str] = Counter()
    for _, pk, d in told("sitting.questions"):
        put[pk] += int(d.get("number", 0))
    have = Question.objects.values("sitting").annotate(n=Count("id")).values_list("sitting", "n")
    differ(faults, "questions", (f"{k}: {n}" for k, n in have), (f"{pk}: {n}" for pk, n in put.items()))
    last = {pk: (d.get("advice"), d.get("opinion")) for _, pk, d in told("sitting.opinion")}
    differ(faults, "opinions", (f"{q.pk} {fingerprint([q.advice, q.opinion])[:12]}" for q in Question.objects.exclude(opinion="", advice="")),
           (f"{pk} {fingerprint(list(v))[:12]}" for pk, v in last.items()))


def _samples(faults: list[str], differ: Differ) -> int:
    """Each draw holds whom its event drew; what was found on site is what was entered last."""
    units: dict[int, list[str]] = defaultdict(list)
    for sample, key in SampleUnit.objects.order_by("sample_id", "number").values_list("sample_id", "institution__key"):
        units[sample].append(key)
    count = int(differ(faults, "samples", (f"{s.pk} {s.year} {s.seed} {s.frame[:12]} {fingerprint(units[s.pk])[:12]}" for s in Sample.objects.all()),
                       (f"{pk} {d.get('year')} {d.get('seed')} {d.get('frame', '')[:12]} {d.get('content', '')[:12]}" for _, pk, d in told("sample.draw"))))
    last = {(pk, d.get("institution")): d for _, pk, d in told("sample.check")}
    differ(faults, "checks on site", _checked(SampleUnit.objects.exclude(result="").select_related("voucher")),
           (f"{pk} {i} {d.get('period')} {d.get('items')} {d.get('reading')} {d.get('reported')} {d.get('result')} {d.get('checked_on')} {fingerprint([d.get('note'), bool(d.get('voucher'))])[:8]}"
            for (pk, i), d in last.items()))
    return count


def _checked(rows: Iterable[SampleUnit]) -> Iterable[str]:
    for u in rows:
        yield (f"{u.sample_id} {u.institution_id} {u.period} {[u.item]} {u.reading} {u.reported} {u.result} {u.checked_on.isoformat() if u.checked_on else ''} "
               f"{fingerprint([u.note, u.voucher_id is not None])[:8]}")
