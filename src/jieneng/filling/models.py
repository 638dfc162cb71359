"""Drafts (填报稿): what a reporter typed, as typed, until it is filed; every save of it; who signed it; and each filing."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from jieneng.people.models import Office
from jieneng.records.events import fingerprint
from jieneng.registry.models import Institution
from jieneng.returns.models import Round


class Draft(models.Model):
    """The year of one institution in one round while it is filled in.

    ``values``: one flat mapping from a field to its text as typed, also where that is no number yet. Fields: ``2022-03.water_m3`` a
    value of a period, ``all.area_m2`` one that holds for all periods, ``unused.coal_t`` declared not used, ``why.2022-03.Y01p`` the
    explanation of a finding, ``basis.people`` and ``reason.people`` what a figure rests on and why it changed. ``cells``: field →
    [import, sheet, cell, as received] where the value was read from a workbook.
    """

    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="+")
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    values = models.JSONField(default=dict)
    cells = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=0)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["round", "institution"], name="one_draft_per_round_and_institution")]

    def __str__(self) -> str:
        return f"{self.institution} {self.round} v{self.version}"


class DraftSave(models.Model):
    """One save: which fields it changed, from what to what, by whom and when. Append-only: nothing typed is lost, and the second of
    two people is told what the first did."""

    draft = models.ForeignKey(Draft, on_delete=models.PROTECT, related_name="saves")
    version = models.PositiveIntegerField()
    changes = models.JSONField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["version"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["draft", "version"], name="one_save_per_version")]

    def __str__(self) -> str:
        return f"{self.draft_id} v{self.version}"


class Filing(models.Model):
    """One filing (报出): which revisions it made, who signed for them in which part, when. Append-only.

    ``revisions``: period → number; ``signed``: [part, name as typed, account, time] in order; ``content``: fingerprint of all of it with
    those of the revisions.
    """

    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="+")
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="filings")
    number = models.PositiveIntegerField()
    revisions = models.JSONField()
    signed = models.JSONField(default=list)
    content = models.CharField(max_length=64)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["round", "institution", "number"], name="one_filing_per_number")]

    def __str__(self) -> str:
        return f"{self.institution} {self.round} #{self.number}"

    def fingerprint(self, contents: str) -> str:
        """What was filed and who signed for it. ``contents``: the fingerprints of its revisions together."""
        return fingerprint([self.round_id, self.institution_id, self.number, self.revisions, self.signed, contents])


class Signature(models.Model):
    """A name put under a draft before it is filed: for these periods as they then stood (``content``). A change of them lets it lapse."""

    draft = models.ForeignKey(Draft, on_delete=models.PROTECT, related_name="signatures")
    part = models.CharField(max_length=12)
    name = models.CharField(max_length=40)
    periods = models.JSONField()
    content = models.CharField(max_length=64)
    void = models.CharField(max_length=200, blank=True, help_text="why it was taken off again; blank: it was not")
    filing = models.ForeignKey(Filing, null=True, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.part} {self.name}"


class Control(models.Model):
    """Control totals typed from paper beside a grid (``row.INSTITUTION``, ``column.ITEM`` → text), of one office's units in one period."""

    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="+")
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="+")
    period = models.CharField(max_length=8)
    values = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=0)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["round", "office", "period"], name="one_control_per_grid")]

    def __str__(self) -> str:
        return f"{self.office} {self.period}"


class ControlSave(models.Model):
    """One save of control totals, like one of a draft: which, from what to what, by whom and when. Append-only."""

    control = models.ForeignKey(Control, on_delete=models.PROTECT, related_name="saves")
    version = models.PositiveIntegerField()
    changes = models.JSONField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["version"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["control", "version"], name="one_control_save_per_version")]

    def __str__(self) -> str:
        return f"{self.control_id} v{self.version}"
