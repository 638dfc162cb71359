"""Passwords: a gate before argon2, quick hashing of random one-time passwords, and rules by profile.

Profile ``dengbao2`` (GB/T 22239—2019, 身份鉴别 a): three of four kinds of characters, the last five not again, a new one every 180
days. Profile ``asvs`` (OWASP ASVS 5.0, 6.2): none of these. Both: twelve characters or more, common ones and local words refused.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password, get_hasher, make_password
from django.core.exceptions import ValidationError

from jieneng.core.problem import refuse
from jieneng.core.words import T

AT_ONCE = 2 * (os.cpu_count() or 1)
"""How many passwords one process hashes at the same moment: each takes 100 MiB and a core (faults.md X7)."""
WAIT = 20.0
"""Seconds a sign-in waits for its turn before it is told to come back."""
REMEMBERED = 5
AGE_DAYS = 180
_gate = threading.BoundedSemaphore(AT_ONCE)
_KINDS = (re.compile(r"[a-z]"), re.compile(r"[A-Z]"), re.compile(r"[0-9]"), re.compile(r"[^a-zA-Z0-9]"))


@contextmanager
def gate() -> Iterator[None]:
    """One of ``AT_ONCE`` places. Raises ``Refused`` (people.busy) when none comes free in time."""
    if not _gate.acquire(timeout=WAIT):
        raise refuse("people.busy", T("现在登录的人太多", "too many people are signing in just now"), do=T("过半分钟再试，填的没有丢", "try again in half a minute"))
    try:
        yield
    finally:
        _gate.release()


class GatedArgon2(Argon2PasswordHasher):
    """Argon2 as Django sets it up, behind the gate: a deadline morning makes people wait and never exhausts the machine."""

    def encode(self, password: str, salt: str) -> str:
        with gate():
            return str(super().encode(password, salt))

    def verify(self, password: str, encoded: str) -> bool:
        with gate():
            return bool(super().verify(password, encoded))


class _Quick(Argon2PasswordHasher):
    """For random passwords of 92 bits that live 72 hours: guessing them is hopeless however fast the hash. Rehashed at sign-in."""

    time_cost, memory_cost, parallelism = 1, 8192, 1


def hash_one_time(password: str) -> str:
    """The hash of a generated one-time password: a thousand of them take seconds, not minutes."""
    if get_hasher().algorithm != Argon2PasswordHasher.algorithm:
        return make_password(password)
    quick = _Quick()
    return str(quick.encode(password, quick.salt()))


def profile() -> str:
    """``dengbao2`` or ``asvs``."""
    return str(getattr(settings, "JIENENG_PROFILE", "dengbao2"))


class Kinds:
    """Three of the four kinds of characters (profile dengbao2)."""

    def validate(self, password: str, user: Any = None) -> None:
        if profile() == "dengbao2" and sum(bool(k.search(password)) for k in _KINDS) < 3:
            raise ValidationError(str(T("小写、大写、数字、符号四种里至少要有三种", "at least three of: small letters, capitals, digits, signs")), code="password_kinds")

    def get_help_text(self) -> str:
        return str(T("小写、大写、数字、符号至少三种", "three of: small letters, capitals, digits, signs"))


class LocalWords:
    """No name or initials of one's office or institution, no telephone number, no word everybody here would guess."""

    COMMON = ("jieneng", "gonggong", "jigou", "nenghao", "xuancheng", "mima", "jnjp")

    def validate(self, password: str, user: Any = None) -> None:
        low = re.sub(r"[\W_]", "", password.lower())
        for word in self.words(user):
            rest = low.replace(word, "")
            if word in low and len(rest) < 8:
                raise ValidationError(str(T("密码主要由“{w}”这样的词组成，别人容易猜到", "it is mostly made of “{w}”, which others will guess", w=word)), code="password_local")

    def words(self, user: Any) -> set[str]:
        """What to look for, for one person."""
        found = set(self.COMMON)
        if user is not None and user.pk:
            found |= {user.username.lower(), re.sub(r"\D", "", user.phone)}
            for a in user.appointments.select_related("office"):
                found |= {a.institution_key.lower(), *((a.office.code.lower(), a.office.name.lower()) if a.office else ())}
        return {w for w in found if len(w) >= 4}

    def get_help_text(self) -> str:
        return str(T("不要用单位名、代码、电话", "no names, codes or telephone numbers"))


class NotAgain:
    """Not one of the last five (profile dengbao2)."""

    def validate(self, password: str, user: Any = None) -> None:
        if profile() != "dengbao2" or user is None or not user.pk:
            return
        for used in [user.password, *user.passwords_used.values_list("password", flat=True)[:REMEMBERED]]:
            if check_password(password, used):
                raise ValidationError(str(T("这个密码用过，最近 {n} 个不能再用", "it was used before; the last {n} are not taken again", n=REMEMBERED)), code="password_again")

    def get_help_text(self) -> str:
        return str(T("不能和最近 5 个相同", "not one of the last five"))
