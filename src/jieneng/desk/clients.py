"""Programs that use the API: made and ended by the security administrator; the token is shown once and kept as a hash."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
from typing import Any

from django.utils import timezone

from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.people.models import ApiClient, Office, User
from jieneng.people.roles import APART, ROLES
from jieneng.people.scope import require
from jieneng.records.events import action, record

from . import accounts

CLIENT_ROLES = tuple(r for r in ROLES if r not in APART)
LONGEST = 366
SEEN_EVERY = dt.timedelta(seconds=60)


def digest(token: str) -> str:
    """What is kept of a token (256 bits of randomness need no slow hash)."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def create(person: User | None, name: str, label: str, role: str, *, office: Office | None = None, institution_key: str = "",
           writes: bool = False, days: int = 180, per_minute: int = 120) -> tuple[ApiClient, str]:
    """A client with one role over one scope, and its token. The account it acts as cannot sign in."""
    if person is not None:
        require(person, "accounts")
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{1,40}", name):
        raise refuse("client.name", T("接口名“{n}”不行", "the name “{n}” will not do", n=name), T("小写字母、数字、短横，2 到 41 个", "2 to 41 small letters, digits and dashes"))
    if role not in CLIENT_ROLES:
        raise refuse("client.role", T("接口不能有这个角色", "a client cannot hold this role"), T("{l}", "{l}", l="、".join(CLIENT_ROLES)))
    if not 1 <= days <= LONGEST or not 1 <= per_minute <= 6000:
        raise refuse("client.limits", T("有效期或频次不对", "the term or the rate is not right"), T("1–366 天，每分钟 1–6000 次", "1–366 days, 1–6000 requests a minute"))
    token = "jn_" + secrets.token_urlsafe(32)
    with action():
        user, _ = accounts.create_user(person, f"api-{name}", label)
        user.set_unusable_password()
        user.must_change_password, user.password_until = False, None
        user.save(update_fields=["password", "must_change_password", "password_until"])
        accounts.appoint(person, user, role, office=office, institution_key=institution_key)
        client = ApiClient.objects.create(user=user, digest=digest(token), prefix=token[:9], writes=writes, per_minute=per_minute, made_by=person,
                                          expires=timezone.now() + dt.timedelta(days=days))
        record(person, "client.create", "client", user.username, line=accounts.line_of(office, institution_key), data={
            "role": role, "office": office.code if office else "", "institution": institution_key, "writes": writes,
            "expires": client.expires.isoformat(), "prefix": client.prefix})
    return client, token


def revoke(person: User | None, client: ApiClient) -> None:
    """End a client's token at once, and stop its account."""
    accounts.reach(person, client.user)
    with action():
        if ApiClient.objects.filter(pk=client.pk, revoked_at__isnull=True).update(revoked_at=timezone.now()):
            record(person, "client.revoke", "client", client.user.username, data={"prefix": client.prefix})
            accounts.disable(person, client.user)


def renew(person: User | None, client: ApiClient, days: int = 180) -> str:
    """A new token for a client that goes on; the old one ends at once."""
    accounts.reach(person, client.user)
    if client.revoked_at is not None or not client.user.is_active:
        raise refuse("client.revoked", T("这个接口已经停用", "this client has been revoked"), do=T("新建一个", "make a new one"))
    if not 1 <= days <= LONGEST:
        raise refuse("client.limits", T("有效期不对", "the term is not right"), T("1–366 天", "1–366 days"))
    token = "jn_" + secrets.token_urlsafe(32)
    with action():
        expires = timezone.now() + dt.timedelta(days=days)
        ApiClient.objects.filter(pk=client.pk).update(digest=digest(token), prefix=token[:9], expires=expires)
        record(person, "client.renew", "client", client.user.username, data={"prefix": token[:9], "expires": expires.isoformat()})
    return token


def by_token(token: str) -> ApiClient | None:
    """The client whose token this is, whatever its state; None for a token nobody holds."""
    if not token.startswith("jn_") or len(token) > 100:
        return None
    return ApiClient.objects.select_related("user").filter(digest=digest(token)).first()


def used(client: ApiClient, address: str) -> None:
    """Note, at most once a minute, that the token was used and from where."""
    now = timezone.now()
    if client.used_at is None or now - client.used_at > SEEN_EVERY or client.used_from != address:
        ApiClient.objects.filter(pk=client.pk).update(used_at=now, used_from=address)


def shown(client: ApiClient, today: Any = None) -> str:
    """Its state: ``on``, ``over`` or ``revoked``."""
    if client.revoked_at is not None:
        return "revoked"
    return "over" if client.expires <= timezone.now() else "on"
