"""Decisions on findings, sittings with their groups and questions, and samples. Decisions are undone, never edited or removed."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from jieneng.core.words import T
from jieneng.people.models import Office
from jieneng.records.models import ReceivedFile
from jieneng.registry.models import Institution
from jieneng.returns.models import Round
from jieneng.review.models import Explanation, ReviewFinding

VERDICTS: dict[str, T] = {
    "sent_back": T("已退回核实", "sent back to verify"), "right": T("核实无误", "verified, right"), "explained": T("接受说明", "explanation accepted"),
    "on_word": T("单位已更正", "corrected on the unit’s word"),
}
"""What was decided on a finding (UI.md 7)."""
ADVICE: dict[str, T] = {"sent_back": T("退回核实", "send back to verify"), "right": T("核实无误", "right as reported"), "explained": T("接受说明", "accept the explanation")}
"""What a group may advise on a question."""


class Decision(models.Model):
    """What was decided on a finding. ``mark`` names the finding and its values, so that the same finding of a later run keeps it.

    ``values``: [period, item, value as text] suggested or confirmed. ``word``, ``confirmed_on``, ``voucher``: who of the unit confirmed a
    change, when, and the paper it rests on.
    """

    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="decisions")
    finding = models.ForeignKey(ReviewFinding, on_delete=models.PROTECT, related_name="decisions")
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    mark = models.CharField(max_length=64, db_index=True)
    verdict = models.CharField(max_length=10, choices=[(v, v) for v in VERDICTS])
    mode = models.CharField(max_length=1)
    reason = models.CharField(max_length=300)
    values = models.JSONField(default=list)
    word = models.CharField(max_length=120, blank=True)
    confirmed_on = models.DateField(null=True)
    voucher = models.ForeignKey(ReceivedFile, null=True, on_delete=models.PROTECT, related_name="+")
    explanation = models.ForeignKey(Explanation, null=True, on_delete=models.PROTECT, related_name="+")
    passed_on = models.JSONField(default=list, help_text="ids of the lines of the list of corrections it made")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["round", "mark"], condition=models.Q(undone_at=None), name="one_decision_per_finding")]
        indexes: ClassVar = [models.Index(fields=["round", "institution"])]

    def __str__(self) -> str:
        return f"{self.verdict} {self.institution} {self.at:%Y-%m-%d}"

    @property
    def can_be_undone(self) -> bool:
        """Whether nothing that cannot be taken back followed from it: no value was changed, no return went back to the unit."""
        return self.undone_at is None and (self.verdict in ("right", "explained") or (self.verdict == "sent_back" and self.mode == "A"))


class Sitting(models.Model):
    """A sitting (会审会): where and when statisticians of several counties go through the questions of a round."""

    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="sittings")
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveSmallIntegerField()
    place = models.CharField(max_length=120)
    day = models.DateField()
    hour = models.CharField(max_length=20, blank=True)
    chair = models.CharField(max_length=60, blank=True)
    minutes = models.TextField(blank=True)
    closed_at = models.DateTimeField(null=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-day", "-number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["round", "office", "number"], name="one_sitting_per_number")]

    def __str__(self) -> str:
        return f"{self.round} #{self.number}"


class Group(models.Model):
    """A group of a sitting: statisticians of ``members`` (areas) go through the returns of ``reviews`` (other areas), never their own."""

    sitting = models.ForeignKey(Sitting, on_delete=models.PROTECT, related_name="groups")
    number = models.PositiveSmallIntegerField()
    members = models.JSONField(default=list)
    reviews = models.JSONField(default=list)

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["sitting", "number"], name="one_group_per_number")]

    def __str__(self) -> str:
        return f"{self.sitting} {self.number}"


class Attendance(models.Model):
    """Who is expected at a sitting and who came (签到)."""

    sitting = models.ForeignKey(Sitting, on_delete=models.PROTECT, related_name="attendance")
    area = models.CharField(max_length=12)
    name = models.CharField(max_length=60)
    post = models.CharField(max_length=80, blank=True)
    came_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["area", "id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["sitting", "area", "name"], name="one_attendance_per_name")]

    def __str__(self) -> str:
        return f"{self.sitting} {self.name}"


class Question(models.Model):
    """One finding put to a sitting, with the group's opinion on it. Opinions advise; the decision is made by who may review the unit."""

    sitting = models.ForeignKey(Sitting, on_delete=models.PROTECT, related_name="questions")
    number = models.PositiveSmallIntegerField()
    finding = models.ForeignKey(ReviewFinding, on_delete=models.PROTECT, related_name="+")
    group = models.ForeignKey(Group, null=True, on_delete=models.PROTECT, related_name="questions")
    advice = models.CharField(max_length=10, blank=True)
    opinion = models.CharField(max_length=500, blank=True)
    opined_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    opined_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["sitting", "number"], name="one_question_per_number"),
                                 models.UniqueConstraint(fields=["sitting", "finding"], name="one_question_per_finding")]

    def __str__(self) -> str:
        return f"{self.sitting} {self.number}"


class OpinionSheet(models.Model):
    """The opinion on one area's returns, signed by its reviewers (审核意见书). ``content``: fingerprint of the opinions signed."""

    sitting = models.ForeignKey(Sitting, on_delete=models.PROTECT, related_name="sheets")
    area = models.CharField(max_length=12)
    signed_by = models.CharField(max_length=120)
    signed_on = models.DateField()
    content = models.CharField(max_length=64)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["area"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["sitting", "area"], name="one_sheet_per_area")]

    def __str__(self) -> str:
        return f"{self.sitting} {self.area}"


class Sample(models.Model):
    """A draw of institutions for a check on site, once per office and year. ``frame``: fingerprint of whom it was drawn from.

    ``strata``: for each stratum its size, how many were left out (checked lately, sensitive) and how many were drawn.
    """

    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="+")
    year = models.PositiveSmallIntegerField()
    seed = models.CharField(max_length=64)
    percent = models.PositiveSmallIntegerField()
    frame = models.CharField(max_length=64)
    strata = models.JSONField(default=list)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-year", "-id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["office", "year"], name="one_sample_per_office_and_year")]

    def __str__(self) -> str:
        return f"{self.office} {self.year}"


class SampleUnit(models.Model):
    """One institution drawn, and what was found on site: the meter's reading against the return, with its voucher."""

    RESULTS: ClassVar = [("agrees", "agrees"), ("differs", "differs")]
    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, related_name="units")
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    stratum = models.CharField(max_length=20)
    number = models.PositiveSmallIntegerField()
    result = models.CharField(max_length=8, choices=RESULTS, blank=True)
    checked_on = models.DateField(null=True)
    item = models.CharField(max_length=60, blank=True)
    period = models.CharField(max_length=8, blank=True)
    reported = models.CharField(max_length=40, blank=True)
    reading = models.CharField(max_length=40, blank=True)
    note = models.CharField(max_length=300, blank=True)
    voucher = models.ForeignKey(ReceivedFile, null=True, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["sample", "institution"], name="drawn_once_per_sample")]

    def __str__(self) -> str:
        return f"{self.sample} {self.number}"
