"""Accounts, offices and appointments."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from jieneng.core.words import T

from .passwords import AGE_DAYS, profile
from .roles import ROLES

CONSOLE = "console"
"""The account in whose name commands at the server run. It has no password and can never sign in."""
BY_COMMAND = T("服务器上的命令", "command at the server")
"""What a page says instead of that account's name, which is nobody's."""


class Office(models.Model):
    """A node of the tree along which returns go up (归口). ``path`` holds the codes from the root: ``/341800/341802/``.

    The path prefix makes "everything under this office" one indexed condition.
    """

    KINDS: ClassVar = [
        ("city", "市级"), ("county", "县市区"), ("zone", "经开区"), ("direct", "市直"),
        ("department", "主管部门"), ("township", "乡镇"), ("province", "省级"), ("nation", "国家"),
    ]
    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120, blank=True)
    kind = models.CharField(max_length=12, choices=KINDS)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    path = models.CharField(max_length=400, unique=True)
    area = models.CharField(max_length=12, blank=True, help_text="code of the area it belongs to in the statistical line")
    active = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["path"]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager):
    """Makes accounts. No account has a default password (faults.md 4, 访问控制 b)."""

    def create_user(self, username: str, password: str | None = None, **fields: object) -> User:
        user: User = self.model(username=username, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(username=username)


class User(AbstractBaseUser):
    """A person's own account. What it may do comes from its appointments."""

    username = models.CharField(max_length=60, unique=True)
    name = models.CharField(max_length=60)
    phone = models.CharField(max_length=30, blank=True)
    language = models.CharField(max_length=2, default="zh")
    is_active = models.BooleanField(default=True)
    must_change_password = models.BooleanField(default=False)
    password_until = models.DateTimeField(null=True, blank=True, help_text="a one-time password is good until then")
    password_at = models.DateTimeField(null=True, blank=True, help_text="when the person chose the present password")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()
    acting: Delegation | None = None
    """For this request only: the delegation under which the person acts for another (代×××). Never stored with the account."""
    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name or self.username

    @property
    def shown(self) -> str:
        """The name a page says."""
        return str(BY_COMMAND) if self.username == CONSOLE else self.name

    def password_over(self, now: dt.datetime) -> bool:
        """Whether a one-time password was not changed in time: it opens nothing any more."""
        return self.must_change_password and self.password_until is not None and self.password_until <= now

    def password_old(self, now: dt.datetime) -> bool:
        """Whether the password must be changed for its age (profile dengbao2: 180 days)."""
        return profile() == "dengbao2" and self.password_at is not None and self.password_at + dt.timedelta(days=AGE_DAYS) <= now


class Appointment(models.Model):
    """A role held by a person over a scope, from a day on until a day (None: still).

    The scope is an office (with everything under it) or, for a reporter, one institution by its key.
    """

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="appointments")
    role = models.CharField(max_length=20, choices=[(r, r) for r in ROLES])
    office = models.ForeignKey(Office, null=True, blank=True, on_delete=models.PROTECT)
    institution_key = models.CharField(max_length=64, blank=True)
    since = models.DateField()
    until = models.DateField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="appointment_has_one_scope",
                condition=models.Q(office__isnull=False, institution_key="")
                | models.Q(office__isnull=True) & ~models.Q(institution_key=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.role}"


class Delegation(models.Model):
    """A person lets another act in one of his roles, over an office or institution inside his own, until a day (委托)."""

    giver = models.ForeignKey(User, on_delete=models.PROTECT, related_name="delegations_given")
    to = models.ForeignKey(User, on_delete=models.PROTECT, related_name="delegations_held")
    role = models.CharField(max_length=20, choices=[(r, r) for r in ROLES])
    office = models.ForeignKey(Office, null=True, blank=True, on_delete=models.PROTECT)
    institution_key = models.CharField(max_length=64, blank=True)
    since = models.DateField()
    until = models.DateField()
    reason = models.CharField(max_length=200)
    ended_at = models.DateTimeField(null=True, blank=True)
    made_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.to} for {self.giver}: {self.role}"


class Handover(models.Model):
    """One hand-over (交接) of what a person held to a successor: kept as it was printed and signed."""

    leaver = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    successor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)
    note = models.CharField(max_length=400, blank=True)
    listing = models.JSONField(help_text="rights handed over and work that was open, as they stood")

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.leaver} → {self.successor}"


class PasswordUsed(models.Model):
    """A password that a person once chose, hashed: the last five are not taken again (等保 profile)."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="passwords_used")
    password = models.CharField(max_length=128)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.user} {self.at}"


class SecondFactor(models.Model):
    """A time-based code (TOTP, RFC 6238) beside the password. The seed is sealed with a key that is not in the database."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="second_factor")
    seed = models.TextField(help_text="sealed; see factors.open_seed")
    last_step = models.BigIntegerField(default=-1, help_text="time step of the last code taken: no code is taken twice")
    confirmed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.user)


class RecoveryCode(models.Model):
    """A code for the day the telephone is lost: hashed, good once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.user)


class FactorRule(models.Model):
    """An office asks for a second factor from whoever holds a role in it or below (never from reporters)."""

    role = models.CharField(max_length=20, choices=[(r, r) for r in ROLES])
    office = models.ForeignKey(Office, on_delete=models.PROTECT)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["role", "office"], name="one_factor_rule")]

    def __str__(self) -> str:
        return f"{self.role} {self.office}"


class SignIn(models.Model):
    """One attempt to sign in, as the security administrator reads it. Rows are only added."""

    RESULTS: ClassVar = ["ok", "wrong", "locked", "slowed", "over", "code", "code_wrong"]
    at = models.DateTimeField(auto_now_add=True, db_index=True)
    username = models.CharField(max_length=60, db_index=True, help_text="as typed; what is no account's name is kept as “—”")
    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    address = models.CharField(max_length=45)
    agent = models.CharField(max_length=200, blank=True)
    result = models.CharField(max_length=12, choices=[(r, r) for r in RESULTS])

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.at} {self.username} {self.result}"


class OpenSession(models.Model):
    """A session that is open: where it was begun, with what device, when it was last seen."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="open_sessions")
    key = models.CharField(max_length=40, unique=True)
    address = models.CharField(max_length=45)
    agent = models.CharField(max_length=200, blank=True)
    began = models.DateTimeField()
    seen = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-seen"]

    def __str__(self) -> str:
        return f"{self.user} {self.began}"


class ApiClient(models.Model):
    """A program that uses the API: an account of its own that nobody can sign in with, one role, one token."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, related_name="api_client")
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the token; the token itself is shown once and never kept")
    prefix = models.CharField(max_length=12, help_text="first characters, to tell tokens apart")
    writes = models.BooleanField(default=False, help_text="False: may only read")
    per_minute = models.PositiveIntegerField(default=120)
    expires = models.DateTimeField()
    made_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(auto_now_add=True)
    used_at = models.DateTimeField(null=True)
    used_from = models.CharField(max_length=45, blank=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return str(self.user)


class ApiAnswer(models.Model):
    """What a write through the API was answered: the same key gets the same answer again and nothing is done twice (P2, R1)."""

    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, related_name="answers")
    key = models.CharField(max_length=100)
    request = models.CharField(max_length=64, help_text="SHA-256 of method, path, If-Match and body")
    body = models.JSONField(null=True)
    etag = models.CharField(max_length=80, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["client", "key"], name="one_answer_per_key")]

    def __str__(self) -> str:
        return f"{self.client} {self.key}"
