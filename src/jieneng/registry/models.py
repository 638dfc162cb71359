"""The register (名录库)."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from jieneng.people.models import Office
from jieneng.records.events import fingerprint


class Institution(models.Model):
    """A body that reports, known by ``key``: its unified social credit code, or another source's identifier."""

    key = models.CharField(max_length=64, unique=True)
    scheme = models.CharField(max_length=30, default="uscc")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.key


class Alias(models.Model):
    """Another identifier of the same body: the platform's id, an old code."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="aliases")
    scheme = models.CharField(max_length=30)
    value = models.CharField(max_length=80)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["scheme", "value"], name="alias_once")]

    def __str__(self) -> str:
        return f"{self.scheme}: {self.value}"


class Standing(models.Model):
    """From a day on: what the body is called, to whom it reports, where it lies, what kind it is.

    Holds until the next one. Never edited: last year's total does not move because a school changed district today.
    Statistical line (``office``) and territory are two things.
    """

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="standings")
    since = models.DateField()
    name = models.CharField(max_length=160)
    initials = models.CharField(max_length=160, db_index=True, help_text="pinyin initials of the name, for search")
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="+")
    area = models.CharField(max_length=12, db_index=True, help_text="area of the statistical line")
    department = models.CharField(max_length=40, blank=True)
    territory = models.CharField(max_length=12, blank=True)
    type = models.CharField(max_length=20, blank=True)
    in_scope = models.BooleanField(default=True)
    covered_by = models.ForeignKey(Institution, null=True, blank=True, on_delete=models.PROTECT, related_name="covers")
    sensitive = models.BooleanField(default=False)
    reason = models.CharField(max_length=200, blank=True)
    document = models.CharField(max_length=200, blank=True, help_text="the paper the change rests on")

    class Meta:
        ordering: ClassVar = ["since"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["institution", "since"], name="one_standing_per_start_day"),
        ]
        indexes: ClassVar = [models.Index(fields=["office", "since"])]

    def __str__(self) -> str:
        return f"{self.name} ({self.since})"

    def fingerprint(self) -> str:
        """What the register says from that day on: changed past the system, it is no longer what its event holds."""
        return fingerprint([self.institution_id, self.since.isoformat(), self.name, self.office_id, self.area, self.department, self.territory,
                            self.type, self.in_scope, self.covered_by_id, self.sensitive, self.reason, self.document])


class Contact(models.Model):
    """A liaison officer (联络员): personal data, seen only by those who need them."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="contacts")
    role = models.CharField(max_length=20)
    name = models.CharField(max_length=40)
    office_name = models.CharField(max_length=60, blank=True)
    phone = models.CharField(max_length=30, blank=True)
    since = models.DateField()
    until = models.DateField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name
