"""Rounds, returns and revisions. Revisions are append-only; states move only through moves.py."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.conf import settings
from django.db import models

from jieneng.people.models import Office
from jieneng.records.events import fingerprint
from jieneng.records.models import ReceivedFile
from jieneng.registry.models import Institution

from .moves import STATES


class Round(models.Model):
    """One survey round (统计任务): a form for a year, who must answer and by when, under which edition."""

    MODES: ClassVar = [("A", "平台先行"), ("B", "本处预填"), ("C", "本处填报")]
    form = models.CharField(max_length=40)
    edition = models.CharField(max_length=20)
    year = models.PositiveSmallIntegerField()
    rhythm = models.CharField(max_length=8, help_text="month or year: how often an institution answers")
    mode = models.CharField(max_length=1, choices=MODES, default="A")
    office = models.ForeignKey(Office, on_delete=models.PROTECT)
    deadline = models.DateField(null=True)
    strict = models.BooleanField(default=False, help_text="totals go up office by office: the city signs only what its areas handed up")
    signatures = models.BooleanField(default=False, help_text="units that file here (mode C) sign in turn: 填表人, 统计负责人, 单位负责人")
    shown = models.CharField(max_length=12, blank=True, help_text="version whose newest snapshot the figures show; blank: the newest of all")
    opened_at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-year", "form"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["form", "year"], name="one_round_per_form_and_year")]

    def __str__(self) -> str:
        return f"{self.form}@{self.edition} {self.year}"


class RoundOffice(models.Model):
    """What one office does differently in a round: mode and deadline. What is blank it takes from the office above it."""

    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="offices")
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="+")
    mode = models.CharField(max_length=1, choices=Round.MODES, blank=True)
    deadline = models.DateField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["round", "office"], name="one_plan_per_round_and_office")]

    def __str__(self) -> str:
        return f"{self.office} {self.round}"


class RoundStep(models.Model):
    """A step in the calendar of a round: notice, units, county review … with the day it ends."""

    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="steps")
    code = models.CharField(max_length=20)
    name = models.JSONField()
    since = models.DateField()
    until = models.DateField()

    class Meta:
        ordering: ClassVar = ["until", "id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["round", "code"], name="one_step_per_round_and_code")]

    def __str__(self) -> str:
        return f"{self.round} {self.code}"


class Extension(models.Model):
    """A single extension (单独延期): this institution may file until a later day. Append-only; the newest counts, None takes it back."""

    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="extensions")
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    until = models.DateField(null=True)
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.institution} {self.until}"


class Import(models.Model):
    """One file read by one layout: what went in and what did not. Importing the same again changes nothing."""

    file = models.ForeignKey(ReceivedFile, on_delete=models.PROTECT)
    layout = models.CharField(max_length=80)
    layout_hash = models.CharField(max_length=64)
    layout_text = models.TextField()
    reads = models.CharField(max_length=60)
    on_behalf = models.ForeignKey(Office, null=True, on_delete=models.PROTECT)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    counts = models.JSONField(default=dict)
    problems = models.JSONField(default=list)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.file} ({self.layout})"


class Return(models.Model):
    """One institution's duty in one round for one period, and its state."""

    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="returns")
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="returns")
    period = models.CharField(max_length=8)
    state = models.CharField(max_length=12, choices=[(s, s) for s in STATES], default="expected", db_index=True)
    revision = models.PositiveIntegerField(default=0, help_text="number of the current revision; 0: nothing yet")
    accepted = models.PositiveIntegerField(
        default=0, help_text="revision that was last accepted: it counts until a later one is accepted"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["round", "institution", "period"], name="one_return_per_period"),
        ]

    def __str__(self) -> str:
        return f"{self.institution} {self.period}"


class Revision(models.Model):
    """What was answered at one time: one flat mapping item → decimal as text, or null for not answered.

    ``sources`` says where each value came from: {"sheet": s, "cells": {item: "N7"}, "raw": {item: "as received"},
    "units": {item: "万kWh"}}; raw and units only where they differ from what is stored. ``parts``: the machine rooms and heating
    sources that the closing return of a year carries (``returns.parts``).
    """

    ret = models.ForeignKey(Return, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    answers = models.JSONField()
    sources = models.JSONField(default=dict)
    parts = models.JSONField(default=dict)
    status = models.CharField(max_length=12, default="original")
    edition = models.CharField(max_length=20)
    rulebook = models.CharField(max_length=64)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    batch = models.ForeignKey(Import, null=True, on_delete=models.PROTECT, related_name="revisions")
    at = models.DateTimeField()
    reason = models.CharField(max_length=300, blank=True)
    content = models.CharField(max_length=64, default="", help_text="fingerprint of what it says; the event that made it holds it too")

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["ret", "number"], name="one_revision_per_number")]

    def __str__(self) -> str:
        return f"{self.ret} #{self.number}"

    def fingerprint(self) -> str:
        """What was answered, from where, by which rules, by whom and when: changed past the system, it is no longer ``content``."""
        whose = [self.ret_id, self.ret.round_id, self.ret.institution_id, self.ret.period]
        said = [*whose, self.number, self.answers, self.sources, self.status, self.edition, self.rulebook, self.by_id,
                self.at.astimezone(dt.UTC).isoformat(), self.reason]
        return fingerprint([*said, self.parts] if self.parts else said)  # those without parts say what they said before there were any


class ReturnFinding(models.Model):
    """What a rule says about a revision (疑点). ``part``: the part it is about (``data_centre-1``), or the form over whose parts it speaks."""

    ret = models.ForeignKey(Return, on_delete=models.PROTECT, related_name="findings")
    revision = models.PositiveIntegerField()
    rule = models.CharField(max_length=20)
    part = models.CharField(max_length=60, blank=True, default="")
    severity = models.CharField(max_length=8)
    items = models.JSONField(default=list)
    says = models.JSONField()
    do = models.JSONField(default=dict)
    rulebook = models.CharField(max_length=64)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["ret", "revision", "rule", "part"], name="one_finding_per_rule_and_part"),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.ret}"


class ReturnAsk(models.Model):
    """What a reviewer asks about one item when a return is sent back (退回事项): why, and the value it may be meant to be.

    It belongs to the revision that was sent back; the respondent changes the value or answers. Append-only.
    """

    ret = models.ForeignKey(Return, on_delete=models.PROTECT, related_name="asks")
    revision = models.PositiveIntegerField()
    item = models.CharField(max_length=60)
    reason = models.CharField(max_length=300)
    suggested = models.CharField(max_length=40, blank=True, help_text="the value proposed, as decimal text; blank: none")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.ret} {self.item}"


class Waiver(models.Model):
    """A check that need not hold for one institution until a day (豁免): who allowed it, why, until when. It ends by itself or is revoked."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    form = models.CharField(max_length=40)
    rule = models.CharField(max_length=20)
    reason = models.CharField(max_length=300)
    until = models.DateField()
    revoked = models.CharField(max_length=300, blank=True, help_text="why it was ended before its day; blank: it was not")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.institution} {self.rule} {self.until}"


class OnBehalf(models.Model):
    """What an office entered for a unit on the unit's word (经填报单位确认): who confirmed, when. The voucher is the file of the import."""

    batch = models.OneToOneField(Import, on_delete=models.PROTECT, related_name="on_word")
    word = models.CharField(max_length=120)
    confirmed_on = models.DateField()
    reason = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.word} {self.confirmed_on}"


class SnapshotRecord(models.Model):
    """A frozen snapshot: the folder of this id in the home is the only bridge from records to numbers."""

    id = models.CharField(max_length=40, primary_key=True)
    year = models.PositiveSmallIntegerField(help_text="statistics year it was made for")
    version = models.CharField(max_length=12, default="city", help_text="市报送版 city, 省审定版 province, 国家核定版 nation")
    cutoff = models.DateTimeField()
    manifest_hash = models.CharField(max_length=64)
    counts = models.JSONField(default=dict)
    left_out = models.JSONField(default=list)
    chain = models.JSONField(default=dict)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-at", "-id"]

    def __str__(self) -> str:
        return self.id


class Signoff(models.Model):
    """An office answers for its total of a round, bound to a snapshot and its control totals."""

    round = models.ForeignKey(Round, on_delete=models.PROTECT)
    office = models.ForeignKey(Office, on_delete=models.PROTECT)
    snapshot = models.ForeignKey(SnapshotRecord, on_delete=models.PROTECT)
    totals = models.JSONField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["round", "office", "snapshot"], name="one_signoff_per_office_and_snapshot"),
        ]

    def __str__(self) -> str:
        return f"{self.office} {self.round}"


class Submission(models.Model):
    """Totals that an office hands up (报送合计): what it answers for, before the city freezes and signs.

    ``content`` is one fingerprint of the revisions added up: when they change, the totals are out of date and are handed up anew.
    """

    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="submissions")
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    totals = models.JSONField(help_text="item → sum as text")
    counts = models.JSONField(help_text="institutions, returns, returns by state")
    content = models.CharField(max_length=64)
    note = models.CharField(max_length=300, blank=True)
    withdrawn = models.CharField(max_length=300, blank=True, help_text="why it was taken back; blank: it stands")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["round", "office", "number"], name="one_submission_per_number")]

    def __str__(self) -> str:
        return f"{self.office} {self.round} #{self.number}"


class Reminder(models.Model):
    """One reminder (催报): to an office with its list, or straight to units. At most one a day for each: ``target`` is ``office:CODE``, ``own:CODE``
    or ``unit:KEY``."""

    round = models.ForeignKey(Round, on_delete=models.PROTECT, related_name="reminders")
    target = models.CharField(max_length=80)
    office = models.ForeignKey(Office, on_delete=models.PROTECT, related_name="+")
    institution = models.ForeignKey(Institution, null=True, on_delete=models.PROTECT, related_name="+")
    day = models.DateField()
    units = models.TextField(help_text="the institutions on the list, packed")
    number = models.PositiveIntegerField(help_text="how many are on the list")
    channels = models.JSONField(default=dict, help_text="channel → to how many it was handed")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["round", "target", "day"], name="one_reminder_per_target_and_day")]

    def __str__(self) -> str:
        return f"{self.target} {self.day}"
