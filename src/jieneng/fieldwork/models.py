"""Ledger records and their revisions: append-only, like returns."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.conf import settings
from django.db import models

from jieneng.people.models import Office
from jieneng.records.events import fingerprint
from jieneng.returns.models import Import


class LedgerRecord(models.Model):
    """One line of a ledger, known by its key within its kind. Withdrawn ones stay, marked."""

    kind = models.CharField(max_length=40, db_index=True)
    key = models.CharField(max_length=120)
    office = models.ForeignKey(Office, on_delete=models.PROTECT, help_text="whose line of the ledger it is")
    revision = models.PositiveIntegerField(default=0)
    withdrawn = models.BooleanField(default=False)

    class Meta:
        ordering: ClassVar = ["kind", "key"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "key"], name="ledger_key_once")]

    def __str__(self) -> str:
        return f"{self.kind}/{self.key}"


class LedgerRevision(models.Model):
    """What a line said from one time on: flat values as text, and where each came from."""

    record = models.ForeignKey(LedgerRecord, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    values = models.JSONField()
    sources = models.JSONField(default=dict)
    batch = models.ForeignKey(Import, null=True, on_delete=models.PROTECT, related_name="ledger_revisions")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    reason = models.CharField(max_length=300, blank=True)
    content = models.CharField(max_length=64, default="", help_text="fingerprint of what it says; the event that made it holds it too")

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["record", "number"], name="one_ledger_revision_per_number"),
        ]

    def __str__(self) -> str:
        return f"{self.record} #{self.number}"

    def fingerprint(self) -> str:
        """What the line said, from where, by whom and when: changed past the system, it is no longer ``content``."""
        return fingerprint([self.record_id, self.number, self.values, self.sources, self.by_id, self.at.astimezone(dt.UTC).isoformat(), self.reason])
