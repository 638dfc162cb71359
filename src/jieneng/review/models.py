"""Runs of the review, their findings, and explanations that are remembered. Runs and findings are never edited."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from django.conf import settings
from django.db import models

from jieneng.people.models import Office
from jieneng.records.events import fingerprint
from jieneng.registry.models import Institution
from jieneng.returns.models import Return, Round, SnapshotRecord


class Explanation(models.Model):
    """An accepted explanation (核实无误的说明): it belongs to the institution, covers a kind of finding, and ends.

    ``items``: the items it speaks of. ``direction``: up, down or either. ``low``, ``high``: found ÷ expected that it covers.
    ``shift``: the new level holds from ``since`` on, so earlier values are compared after being moved by ``ratio``.
    """

    DIRECTIONS: ClassVar = [("up", "增加"), ("down", "减少"), ("either", "增减")]
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="explanations")
    items = models.JSONField()
    direction = models.CharField(max_length=6, choices=DIRECTIONS)
    low = models.FloatField()
    high = models.FloatField()
    since = models.DateField()
    until = models.DateField(null=True)
    shift = models.BooleanField(default=False)
    ratio = models.FloatField(default=1.0, help_text="new level ÷ old level, where the level shifted")
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    revoked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    revoked_at = models.DateTimeField(null=True)
    revoked_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        indexes: ClassVar = [models.Index(fields=["institution", "since"])]

    def __str__(self) -> str:
        return f"{self.institution}: {self.reason}"

    def fingerprint(self) -> str:
        """What it says; the event that made it holds it."""
        return fingerprint([self.institution_id, self.items, self.direction, self.low, self.high, self.since.isoformat(),
                            self.until.isoformat() if self.until else None, self.shift, self.ratio, self.reason])


class Screening(models.Model):
    """One first screening (初筛) of a frozen year, over everybody in it: of which snapshot (``manifest`` names its content), by which rules.

    ``places``: a line per reporting line and area, its columns ``places.COLUMNS``. ``totals``: cell → area → about what is published.
    """

    snapshot = models.ForeignKey(SnapshotRecord, on_delete=models.PROTECT, related_name="screenings")
    manifest = models.CharField(max_length=64)
    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="screenings")
    review = models.CharField(max_length=40)
    rulebook = models.CharField(max_length=64)
    counts = models.JSONField(default=dict)
    places = models.JSONField(default=list)
    totals = models.JSONField(default=dict)
    content = models.CharField(max_length=64)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    seconds = models.FloatField(default=0.0)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.review} {self.snapshot_id} {self.at:%Y-%m-%d %H:%M}"

    def fingerprint(self, candidates: Iterable[Candidate] | None = None) -> str:
        """What came out, the candidates as they are kept (or these); the event that made it holds it."""
        rows = self.candidates.order_by("rank").iterator(chunk_size=2000) if candidates is None else candidates
        return fingerprint([self.snapshot_id, self.manifest, self.review, self.rulebook, self.counts, self.places, self.totals,
                            [[c.rank, c.institution_id, c.area, c.item, c.month, c.off, c.doubt, c.share, c.says] for c in rows]])


class Candidate(models.Model):
    """An item of an institution that deserves the full review. ``rank`` 1 first, in the list over everybody; amounts in the item's unit."""

    screening = models.ForeignKey(Screening, on_delete=models.CASCADE, related_name="candidates")
    rank = models.PositiveIntegerField()
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    area = models.CharField(max_length=12)
    item = models.CharField(max_length=60)
    month = models.PositiveSmallIntegerField(help_text="0: the whole year")
    off = models.FloatField(help_text="how far off it may be")
    doubt = models.FloatField()
    share = models.FloatField(help_text="of the cell area × kind")
    factor = models.CharField(max_length=20, blank=True, help_text="the power of ten or wrong unit that it looks like")
    says = models.JSONField()

    class Meta:
        ordering: ClassVar = ["rank"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["screening", "rank"], name="one_candidate_per_rank")]
        indexes: ClassVar = [models.Index(fields=["screening", "area", "rank"])]

    def __str__(self) -> str:
        return f"{self.rank}. {self.item} {self.institution}"


class ReviewRun(models.Model):
    """One review of a round as its returns stood: ``state`` says which revision of which return, ``rulebook`` by which rules.

    With ``screening``: of the first candidates of that screening alone, their peers beside them; no review of a place.
    """

    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="reviews")
    screening = models.ForeignKey(Screening, null=True, on_delete=models.PROTECT, related_name="reviews")
    office = models.ForeignKey(Office, on_delete=models.PROTECT)
    review = models.CharField(max_length=40)
    rulebook = models.CharField(max_length=64)
    state = models.CharField(max_length=64)
    parameters = models.JSONField(default=dict)
    counts = models.JSONField(default=dict)
    line = models.JSONField(default=dict, help_text="where one may stop, and what each total may be off by then")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    seconds = models.FloatField(default=0.0)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.review} {self.round} {self.at:%Y-%m-%d %H:%M}"


class ReviewFinding(models.Model):
    """One finding of a run. ``rank`` 1 first; up to the line's count they must be looked at. Amounts in the item's unit."""

    run = models.ForeignKey(ReviewRun, on_delete=models.CASCADE, related_name="findings")
    rank = models.PositiveIntegerField()
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    area = models.CharField(max_length=12)
    type = models.CharField(max_length=20, blank=True)
    ret = models.ForeignKey(Return, null=True, on_delete=models.PROTECT, related_name="+", help_text="the return, where it is of one month")
    period = models.CharField(max_length=8)
    months = models.JSONField(default=list)
    rule = models.CharField(max_length=20)
    kind = models.CharField(max_length=20)
    layer = models.PositiveSmallIntegerField()
    severity = models.CharField(max_length=8)
    items = models.JSONField()
    found = models.FloatField(null=True)
    expected = models.FloatField(null=True)
    low = models.FloatField(null=True)
    high = models.FloatField(null=True)
    suggested = models.JSONField(default=list, help_text="[period, item, value as text]")
    located = models.JSONField(default=list, help_text="[period, item, value as text]: the smallest set of fields whose change satisfies the form's checks")
    suspicion = models.FloatField()
    tce = models.FloatField()
    share = models.FloatField(help_text="of the cell area × kind")
    score = models.FloatField()
    says = models.JSONField()
    why = models.JSONField()
    do = models.JSONField()
    explanation = models.ForeignKey(Explanation, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["rank"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "rank"], name="one_review_finding_per_rank")]
        indexes: ClassVar = [models.Index(fields=["institution", "run"])]

    def __str__(self) -> str:
        return f"{self.rank}. {self.rule} {self.institution}"
