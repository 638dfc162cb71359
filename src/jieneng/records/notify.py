"""Telling people: messages inside the system always; e-mail and webhook only where the configuration names them (faults.md P15).

``notify`` and ``put_out`` only write rows, in the caller's transaction. ``deliver`` sends what was put out, after the commit, each once.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import QuerySet
from django.utils import timezone

from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.people.models import Office, User
from jieneng.people.scope import require

from .events import action, record
from .models import MailAddress, Notification, Outgoing

TIMEOUT = 10
"""Seconds that a mail server or a webhook is waited for."""


def notify(users: Iterable[User], key: str, subject: T, body: T | None = None, url: str = "") -> int:
    """Leave a message for each of the people. Returns how many had not been told under this key before."""
    told = 0
    for user in users:
        _, created = Notification.objects.get_or_create(user=user, key=key[:160], defaults={
            "subject": subject.as_json(), "body": body.as_json() if body else {}, "url": url})
        told += created
    return told


def unread(user: User) -> int:
    """How many messages the person has not read."""
    return Notification.objects.filter(user=user, read_at=None).count()


def messages_of(user: User) -> QuerySet[Notification]:
    """A person's own messages, newest first."""
    return Notification.objects.filter(user=user)


def mark_read(user: User, pk: int | None = None) -> int:
    """Mark one message, or all of the person's own, as read."""
    rows = Notification.objects.filter(user=user, read_at=None)
    return (rows if pk is None else rows.filter(pk=pk)).update(read_at=timezone.now())


def mail_on() -> bool:
    return bool(settings.MAIL_URL)


def webhook_on() -> bool:
    return bool(settings.WEBHOOK_URL)


def put_out(key: str, channel: str, subject: str, body: str, address: str = "") -> bool:
    """Put something out to be sent, once per key. False when it was there already."""
    _, created = Outgoing.objects.get_or_create(key=key[:160], defaults={"channel": channel, "address": address, "subject": subject[:200], "body": body})
    return created


def deliver(rows: QuerySet[Outgoing] | None = None) -> dict[str, int]:
    """Send what is ready. Each is claimed by a conditional update before it is sent, so that two workers never send one twice."""
    counts = {"sent": 0, "failed": 0}
    for row in (Outgoing.objects.all() if rows is None else rows).filter(state="ready").order_by("id"):
        if Outgoing.objects.filter(pk=row.pk, state="ready").update(state="sending") != 1:
            continue
        try:
            _send(row)
        except (OSError, ValueError, urllib.error.URLError) as error:
            Outgoing.objects.filter(pk=row.pk).update(state="failed", error=f"{type(error).__name__}: {error}"[:300])
            counts["failed"] += 1
        else:
            Outgoing.objects.filter(pk=row.pk).update(state="sent", sent_at=timezone.now())
            counts["sent"] += 1
    return counts


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A webhook that points elsewhere is not followed: nothing goes to an address that the configuration does not name."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


def _send(row: Outgoing) -> None:
    if row.channel == "mail":
        if not mail_on():
            raise ValueError("mail is not configured")
        EmailMessage(row.subject, row.body, settings.DEFAULT_FROM_EMAIL, [row.address]).send()
        return
    if not webhook_on():
        raise ValueError("no webhook is configured")
    data = json.dumps({"msgtype": "text", "text": {"content": row.body}}, ensure_ascii=False).encode()
    request = urllib.request.Request(  # noqa: S310  settings refuse every scheme but http and https
        settings.WEBHOOK_URL, data=data, headers={"Content-Type": "application/json; charset=utf-8"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
    with opener.open(request, timeout=TIMEOUT) as answer:
        if answer.status >= 300:
            raise ValueError(f"the webhook answered {answer.status}")


def set_mailbox(person: Any, office: Office, address: str) -> None:
    """Write down an office's own mailbox, or take it away with an empty text."""
    from django.core.exceptions import ValidationError
    from django.core.validators import validate_email

    require(person, "sign", office.path)
    address = address.strip()
    if address:
        try:
            validate_email(address)
        except ValidationError as error:
            raise refuse("mail.address", T("“{a}”不是邮箱地址", "“{a}” is not a mailbox", a=address), expected=T("科室公用邮箱，如 jieneng@example.gov.cn", "an office mailbox such as jieneng@example.gov.cn")) from error
    with action():
        if address:
            MailAddress.objects.update_or_create(office=office, defaults={"address": address})
        else:
            MailAddress.objects.filter(office=office).delete()
        record(person, "office.mailbox", "office", office.pk, line=office.path, data={"office": office.code, "set": bool(address)})
