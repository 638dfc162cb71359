"""Events, jobs, received files and evidence. Events and files are append-only."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from jieneng.people.models import BY_COMMAND, CONSOLE


class Event(models.Model):
    """Who did which verb to what, when, before and after. Each carries the SM3 of the one before (faults.md I4)."""

    seq = models.BigIntegerField(unique=True)
    at = models.CharField(max_length=40, help_text="ISO 8601 with zone, as hashed")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    actor_name = models.CharField(max_length=60)
    verb = models.CharField(max_length=60, db_index=True)
    object_type = models.CharField(max_length=40, db_index=True)
    object_id = models.CharField(max_length=80, db_index=True)
    line = models.CharField(max_length=400, blank=True, help_text="office path the event belongs to")
    data = models.JSONField(default=dict)
    transaction = models.CharField(max_length=32, db_index=True)
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64, unique=True)

    class Meta:
        ordering: ClassVar = ["seq"]

    def __str__(self) -> str:
        return f"{self.seq} {self.verb} {self.object_type} {self.object_id}"

    @property
    def who(self) -> str:
        """Who did it, as a page says: what a command at the server did has no person's name (the record keeps the account's)."""
        return str(BY_COMMAND) if self.actor is not None and self.actor.username == CONSOLE else self.actor_name


class ChainHead(models.Model):
    """The one row that every writer of events locks and moves."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="0" * 64)

    def __str__(self) -> str:
        return f"{self.seq} {self.hash}"


class ReceivedFile(models.Model):
    """A file as received, named by its SHA-256; the content lies under ``received/`` in the home and never changes."""

    sha256 = models.CharField(max_length=64, unique=True)
    size = models.BigIntegerField()
    name = models.CharField(max_length=255, help_text="the name it came with; never a path")
    received_at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return self.name


class Evidence(models.Model):
    """A received file put forward for something (佐证材料)."""

    object_type = models.CharField(max_length=40)
    object_id = models.CharField(max_length=80)
    file = models.ForeignKey(ReceivedFile, on_delete=models.PROTECT)
    label = models.CharField(max_length=120)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["object_type", "object_id"])]

    def __str__(self) -> str:
        return self.label


class Job(models.Model):
    """Long work: claimed by a conditional UPDATE, held by a lease, done exactly once.

    ``fence`` rises with every claim: a worker that woke up late cannot finish a job that was taken over (K6).
    """

    STATES: ClassVar = [("ready", "等待"), ("running", "进行中"), ("done", "完成"), ("failed", "失败")]
    kind = models.CharField(max_length=40)
    args = models.JSONField(default=dict)
    key = models.CharField(max_length=120, unique=True, help_text="idempotency: the same request makes one job")
    state = models.CharField(max_length=8, choices=STATES, default="ready", db_index=True)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    message = models.JSONField(default=dict)
    result = models.JSONField(null=True)
    error = models.JSONField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    worker = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    line = models.CharField(max_length=400, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class Notification(models.Model):
    """A message to one person inside the system (站内消息). The same ``key`` tells a person once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notifications")
    key = models.CharField(max_length=160)
    subject = models.JSONField()
    body = models.JSONField(default=dict)
    url = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "key"], name="one_notification_per_key")]
        indexes: ClassVar = [models.Index(fields=["user", "read_at"])]

    def __str__(self) -> str:
        return self.key


class MailAddress(models.Model):
    """The mailbox of an office (科室公用邮箱), never of a person."""

    office = models.OneToOneField("people.Office", on_delete=models.PROTECT, related_name="mail_address")
    address = models.EmailField()

    def __str__(self) -> str:
        return self.address


class Outgoing(models.Model):
    """Something that leaves the machine, by a channel that the configuration names (e-mail, webhook). ``key`` goes out once.

    It is claimed before it is sent: what was cut off in between stays ``sending`` and is never sent twice by itself.
    """

    STATES: ClassVar = [("ready", "待发"), ("sending", "正在发"), ("sent", "已发"), ("failed", "没有发出")]
    key = models.CharField(max_length=160, unique=True)
    channel = models.CharField(max_length=12)
    address = models.CharField(max_length=254, blank=True)
    subject = models.CharField(max_length=200)
    body = models.TextField()
    state = models.CharField(max_length=8, choices=STATES, default="ready", db_index=True)
    error = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.channel} {self.key}"
