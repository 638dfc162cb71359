"""Signing in: the log of attempts, names that are slowed, lock-outs and their end, open sessions, time-outs (faults.md S1–S3, X7, X9)."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.contrib.auth import login
from django.contrib.sessions.models import Session
from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils import timezone

from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.people.models import OpenSession, SignIn, User
from jieneng.people.origin import address, device
from jieneng.records.events import action, record
from jieneng.records.models import Event

from .accounts import reach, visible

WINDOW = dt.timedelta(minutes=15)
SLOW_AFTER = 10
"""Failures of one name in ``WINDOW``, from wherever, after which the name is slowed for places it never signed in from."""
PAUSE = dt.timedelta(seconds=10)
"""Between two tries of a slowed name. Known places are never slowed: nobody can lock anybody else out."""
KNOWN = dt.timedelta(days=90)
CODE_TRIES = 5
SEEN_EVERY = 60
"""Seconds between two notes that a session was seen."""
FAILED = ("wrong", "locked", "over", "code_wrong")


def _name(text: str) -> str:
    return re.sub(r"[^\w.@+-]", "", text)[:60]


def note(request: HttpRequest, username: str, result: str, user: User | None = None) -> None:
    """One line of the sign-in log. A name that is no account's is not kept: people type passwords into the wrong box."""
    user = user or User.objects.filter(username=username[:60]).first()
    SignIn.objects.create(username=user.username if user else "—", user=user, address=address(request),
                          agent=request.META.get("HTTP_USER_AGENT", "")[:200], result=result)


def slowed(request: HttpRequest, username: str) -> int:
    """Seconds that this name must wait here, 0 for none. Places it signed in from lately never wait (X9: per name only slowed)."""
    now = timezone.now()
    mine = SignIn.objects.filter(username=_name(username))
    late = mine.filter(at__gte=now - WINDOW, result__in=FAILED)
    if late.count() < SLOW_AFTER or mine.filter(at__gte=now - KNOWN, result="ok", address=address(request)).exists():
        return 0
    last = late.first()
    wait = (last.at + PAUSE - now).total_seconds() if last else 0
    return max(0, int(wait + 0.999))


def code_tries_left(user: User) -> int:
    """How many wrong codes may still be typed in this quarter of an hour (S6)."""
    return CODE_TRIES - SignIn.objects.filter(user=user, at__gte=timezone.now() - WINDOW, result="code_wrong").count()


def enter(request: HttpRequest, user: User, backend: str = "django.contrib.auth.backends.ModelBackend") -> None:
    """Begin the session: a new id, its row in the list of open ones, a line in the log, an event."""
    login(request, user, backend=backend)
    now = timezone.now()
    request.session["began"] = request.session["seen"] = now.timestamp()
    request.session.save()
    agent = request.META.get("HTTP_USER_AGENT", "")[:200]
    with action():
        OpenSession.objects.update_or_create(key=request.session.session_key, defaults={
            "user": user, "address": address(request), "agent": agent, "began": now, "seen": now})
        note(request, user.username, "ok", user)
        record(user, "account.sign_in", "account", user.username, data={"from": address(request), "device": device(agent)})


def locked(request: HttpRequest, username: str) -> None:
    """A lock-out begins: the log says so, and, for a name that exists, one event each quarter of an hour and address."""
    note(request, username, "locked")
    here, since = address(request), timezone.localtime() - WINDOW
    known = User.objects.filter(username=username[:60]).first()
    if known is None or Event.objects.filter(verb="account.lock", object_id=known.username, data__from=here, at__gte=since.isoformat()).exists():
        return
    with action():
        record(None, "account.lock", "account", known.username, data={"from": here})


def lockouts() -> list[AccessAttempt]:
    """Names and addresses that are locked now."""
    return list(AccessAttempt.objects.filter(failures_since_start__gte=settings.AXES_FAILURE_LIMIT, attempt_time__gte=timezone.now() - WINDOW))


def unlock(person: User | None, user: User) -> int:
    """End the lock-outs of a name, at all addresses, and let it be tried again. Returns how many there were."""
    reach(person, user)
    with action():
        ended = int(reset(username=user.username))
        record(person, "account.unlock", "account", user.username, data={"ended": ended})
    return ended


# ---- sessions ----

def over(request: HttpRequest) -> str:
    """Why this session is at its end: ``idle``, ``absolute``, or "" while it goes on. Notes now and then that it was seen."""
    now = timezone.now().timestamp()
    session = request.session
    seen, began = session.get("seen", now), session.get("began", now)
    if now - seen > settings.SESSION_IDLE:
        return "idle"
    if now - began > settings.SESSION_COOKIE_AGE:
        return "absolute"
    if "began" not in session or now - seen > SEEN_EVERY or now < seen:
        session["seen"], session["began"] = now, began
        if session.session_key is None:
            session.save()
        OpenSession.objects.update_or_create(
            key=session.session_key, defaults={"seen": timezone.now(), "user": request.user},
            create_defaults={"user": request.user, "address": address(request), "agent": request.META.get("HTTP_USER_AGENT", "")[:200],
                             "began": timezone.now(), "seen": timezone.now()})
    return ""


def forget(key: str | None) -> None:
    """A session is gone: take it off the list."""
    OpenSession.objects.filter(key=key or "").delete()


def moved(old: str | None, new: str | None) -> None:
    """A session got a new id (after a change of password): it stays the same line of the list."""
    if old and new and old != new:
        OpenSession.objects.filter(key=new).delete()
        OpenSession.objects.filter(key=old).update(key=new)


def sessions_of(user: User) -> list[OpenSession]:
    """The open sessions of a person, the one seen last first."""
    now = timezone.now()
    alive = Session.objects.filter(expire_date__gt=now).values("session_key")
    rows = user.open_sessions.filter(key__in=alive, seen__gt=now - dt.timedelta(seconds=settings.SESSION_IDLE + SEEN_EVERY))
    return list(rows.filter(began__gt=now - dt.timedelta(seconds=settings.SESSION_COOKIE_AGE)))


def _end(rows: Any) -> int:
    keys = list(rows.values_list("key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    OpenSession.objects.filter(key__in=keys).delete()
    return len(keys)


def end_session(person: User, pk: int) -> None:
    """End one of one's own sessions, at once."""
    row = person.open_sessions.filter(pk=pk).first()
    if row is None:
        raise refuse("session.gone", T("这次登录已经结束", "that session has ended already"))
    with action():
        record(person, "account.end_session", "account", person.username, data={"from": row.address, "device": device(row.agent)})
        _end(person.open_sessions.filter(pk=pk))


def end_sessions(person: User | None, user: User, *, keep: str | None = None) -> int:
    """End all sessions of a person, but for the one with key ``keep``. Another's: needs the right ``accounts`` over all he holds."""
    if person is None or person.pk != user.pk:
        reach(person, user)
    with action():
        n = _end(user.open_sessions.exclude(key=keep or ""))
        record(person, "account.end_sessions", "account", user.username, data={"ended": n})
    return n


# ---- what the security administrator reads ----

def log_of(person: User, *, q: str = "", result: str = "") -> Any:
    """The sign-in log, newest first, of accounts the person keeps; lines of names that are no account's are seen by all who keep any."""
    rows = SignIn.objects.select_related("user").filter(Q(user__in=visible(person)) | Q(user=None))
    if result:
        rows = rows.filter(result=result)
    if q:
        rows = rows.filter(Q(username__icontains=q) | Q(user__name__icontains=q) | Q(address__startswith=q))
    return rows


def waves() -> list[dict[str, Any]]:
    """Addresses from which many names failed lately (one try each for many names: no lock-out ever sees it)."""
    rows = SignIn.objects.filter(at__gte=timezone.now() - dt.timedelta(hours=24), result__in=FAILED).values("address")
    return list(rows.annotate(tries=Count("id"), names=Count("username", distinct=True)).filter(tries__gte=20).order_by("-tries")[:10])
