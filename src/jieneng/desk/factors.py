"""The second factor: time-based codes (RFC 6238, by django-otp), recovery codes, and which roles an office asks it of.

Offered to everybody, never asked of reporters. The seed is sealed with a key derived from the workspace's own key, which is neither in
the database nor in a backup: after a restore without that key the factor is set up anew.
"""

from __future__ import annotations

import base64
import hashlib
import io
import secrets
import time
from urllib.parse import quote

import segno
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django_otp.oath import TOTP

from jieneng.core.asked import whole
from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.people.models import FactorRule, Office, RecoveryCode, SecondFactor, User
from jieneng.people.roles import ROLES
from jieneng.people.scope import require
from jieneng.records.events import action, record

from .accounts import ALPHABET, current, line_of, reach

CODES = 10
ISSUER = "jieneng"
STEP = 30


def _key() -> bytes:
    return hashlib.sha256(b"second factor:" + settings.SECRET_KEY.encode()).digest()


def seal(seed: bytes) -> str:
    """A seed as it is kept: AES-GCM, with a key that stays outside the database."""
    nonce = secrets.token_bytes(12)
    return base64.b64encode(nonce + AESGCM(_key()).encrypt(nonce, seed, b"totp")).decode()


def open_seed(sealed: str) -> bytes | None:
    """The seed again; None when it was sealed with another key (a restored copy without ``secret.key``)."""
    raw = base64.b64decode(sealed)
    try:
        return AESGCM(_key()).decrypt(raw[:12], raw[12:], b"totp")
    except InvalidTag:
        return None


def active(user: User) -> SecondFactor | None:
    """The person's factor, if it was confirmed with a first code."""
    return SecondFactor.objects.filter(user=user, confirmed_at__isnull=False).first()


def begin(user: User) -> tuple[str, SafeString]:
    """A new seed that is not in force yet: its text to type, and a QR code to scan. An unconfirmed one is shown again."""
    if active(user):
        raise refuse("factor.there", T("两步验证已经开着", "the second factor is on already"), do=T("要换手机，先关掉再开", "to change telephones, turn it off and on again"))
    row = SecondFactor.objects.filter(user=user).first()
    seed = open_seed(row.seed) if row else None
    if seed is None:
        seed = secrets.token_bytes(20)
        SecondFactor.objects.update_or_create(user=user, defaults={"seed": seal(seed), "confirmed_at": None, "last_step": -1})
    text = base64.b32encode(seed).decode()
    address = f"otpauth://totp/{ISSUER}:{quote(user.username)}?secret={text}&issuer={ISSUER}&digits=6&period={STEP}"
    out = io.BytesIO()
    segno.make(address, error="m").save(out, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=2, svgclass="qr", lineclass=None,
                                        title=str(T("二维码", "QR code")))
    return " ".join(text[i:i + 4] for i in range(0, len(text), 4)), mark_safe(out.getvalue().decode())  # noqa: S308  made by segno from our own text


def _right(row: SecondFactor, code: str) -> bool:
    """Whether a code is right now (±1 step), and later than the last one taken; takes it."""
    digits = code.strip().replace(" ", "")
    seed = open_seed(row.seed)
    if seed is None or not (len(digits) == 6 and whole(digits) is not None):
        return False
    totp = TOTP(seed, step=STEP, digits=6)
    totp.time = time.time()
    if not totp.verify(int(digits), tolerance=1, min_t=row.last_step + 1):
        return False
    step = totp.t()  # the step that the code belongs to
    # the same code twice at one moment: one of the two moves the step, the other finds it moved
    return SecondFactor.objects.filter(pk=row.pk, last_step__lt=step).update(last_step=step) == 1


def check(user: User, code: str) -> str:
    """``code`` or ``recovery`` when what was typed is right, "" when not. A recovery code is used up."""
    row = active(user)
    if row is None:
        return ""
    if _right(row, code):
        return "code"
    used = RecoveryCode.objects.filter(user=user, digest=_digest(user, code), used_at__isnull=True).update(used_at=timezone.now())
    return "recovery" if used else ""


def _digest(user: User, code: str) -> str:
    plain = "".join(c for c in code if c.isalnum())
    return hashlib.sha256(f"{user.pk}:{plain}".encode()).hexdigest()


def confirm(user: User, code: str) -> list[str]:
    """Turn the factor on with its first code. Returns the recovery codes, which are shown only now."""
    row = SecondFactor.objects.filter(user=user, confirmed_at__isnull=True).first()
    if row is None or not _right(row, code):
        raise refuse("factor.code", T("验证码不对", "the code is not right"), T("手机上现在显示的六位数字", "the six digits your telephone shows now"),
                     T("核对手机时间是否准确，等下一个数字再试", "check that the telephone's clock is right and try the next code"))
    with action():
        SecondFactor.objects.filter(pk=row.pk).update(confirmed_at=timezone.now())
        codes = _new_codes(user)
        record(user, "account.factor_on", "account", user.username)
    return codes


def _new_codes(user: User) -> list[str]:
    codes = ["-".join("".join(secrets.choice(ALPHABET) for _ in range(5)) for _ in range(2)) for _ in range(CODES)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create([RecoveryCode(user=user, digest=_digest(user, c)) for c in codes])
    return codes


def renew_codes(user: User) -> list[str]:
    """Ten new recovery codes; the old ones are worth nothing any more."""
    if active(user) is None:
        raise refuse("factor.off", T("两步验证没有开", "the second factor is off"))
    with action():
        codes = _new_codes(user)
        record(user, "account.recovery_codes", "account", user.username)
    return codes


def turn_off(person: User | None, user: User) -> None:
    """Turn the factor off: one's own, or another's whose telephone is lost (needs the right ``accounts``)."""
    if person is None or person.pk != user.pk:
        reach(person, user)
    elif required(user):
        raise refuse("factor.required", T("您的角色要求两步验证", "your role asks for a second factor"), do=T("换手机请安全管理员先关掉", "to change telephones, ask the security administrator to turn it off"))
    with action():
        RecoveryCode.objects.filter(user=user).delete()
        if SecondFactor.objects.filter(user=user).delete()[0]:
            record(person, "account.factor_off", "account", user.username)


# ---- which roles it is asked of ----

def required(user: User) -> bool:
    """Whether an office asks for a second factor from what the person holds. Reporters are never asked."""
    rules = list(FactorRule.objects.values_list("role", "office__path"))
    if not rules:
        return False
    return any(a.role == role and line_of(a.office, a.institution_key).startswith(path)
               for a in current(user) if a.role != "reporter" for role, path in rules)


def ask(person: User, role: str, office: Office, on: bool) -> None:
    """Ask for a second factor from a role in an office and below, or stop asking. Never from reporters."""
    require(person, "accounts", office.path)
    if role not in ROLES or role == "reporter":
        raise refuse("factor.reporter", T("不能要求填报人用两步验证", "reporters are never asked for a second factor") if role == "reporter" else T("没有这个角色", "there is no such role"),
                     do=T("填报人可以自己选用", "they may choose it themselves"))
    with action():
        if on:
            _, changed = FactorRule.objects.get_or_create(role=role, office=office)
        else:
            changed = FactorRule.objects.filter(role=role, office=office).delete()[0] > 0
        if changed:
            verb = {"role": role, "office": office.code, "on": on}
            record(person, "account.factor_rule", "office", office.code, line=office.path, data=verb)
