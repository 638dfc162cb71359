"""Accounts, offices and appointments."""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models

from .roles import ROLES


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
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()
    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name or self.username

    def password_over(self, now: dt.datetime) -> bool:
        """Whether a one-time password was not changed in time: it opens nothing any more."""
        return self.must_change_password and self.password_until is not None and self.password_until <= now


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
