"""Drafts (填报稿): what a reporter typed, as typed, until it is filed; and every save of it."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

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
