"""The verbs of accounts. Each needs the right ``accounts`` over what it touches (or is about oneself) and leaves an event.

``person`` None is the console: whoever can run commands on the server.
"""

from __future__ import annotations

import datetime as dt
import secrets

from django.db.models import Q, QuerySet
from django.utils import timezone

from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.people.models import Appointment, Office, PasswordUsed, User
from jieneng.people.passwords import REMEMBERED, hash_one_time
from jieneng.people.queries import CONSOLE, root_office
from jieneng.people.roles import APART, ROLES
from jieneng.people.scope import require
from jieneng.records.events import action, record
from jieneng.registry.models import Standing
from jieneng.registry.queries import seen

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
ONE_TIME = dt.timedelta(hours=72)
"""How long a one-time password is good; the accounts page promises it."""
OFFICE_BUSINESS = frozenset(ROLES) - set(APART)


def one_time_password() -> str:
    """Sixteen characters without look-alikes, from the system's randomness."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(4))


def _event(person: User | None, verb: str, user: User, **data: object) -> None:
    record(person, verb, "account", user.username, data={k: v for k, v in data.items() if v not in ("", None)})


def line_of(office: Office | None, key: str) -> str:
    """The reporting line of a scope. Raises ``Refused`` for an institution that is not in the register."""
    if office is not None:
        return office.path
    standing = Standing.objects.filter(institution__key=key).select_related("office").order_by("-since").first()
    if standing is None:
        raise refuse("account.institution", T("名录库里没有 {k}", "{k} is not in the register", k=key), do=T("先登记这家单位", "enter the institution first"))
    return standing.office.path


def current(user: User) -> list[Appointment]:
    """What a person holds today or will hold."""
    today = timezone.localdate()
    return list(user.appointments.select_related("office").filter(Q(until__isnull=True) | Q(until__gte=today)))


def visible(person: User) -> QuerySet[User]:
    """The accounts a security administrator sees: those that hold something in his scope today, and those that hold nothing."""
    mine = require(person, "accounts")
    people = User.objects.exclude(username=CONSOLE)
    root = root_office()
    if root is not None and mine.covers_line(root.path):
        return people
    now = Q(until__isnull=True) | Q(until__gte=timezone.localdate())
    keys = seen(mine, timezone.localdate()).values("institution__key")
    here = Appointment.objects.filter(now).filter(mine.q("office__path", "institution_key") | Q(institution_key__in=keys))
    return people.filter(Q(pk__in=here.values("user")) | ~Q(pk__in=Appointment.objects.filter(now).values("user")))


def reach(person: User | None, user: User) -> None:
    """Refuse when ``user`` holds anything outside the scope in which ``person`` keeps accounts."""
    if user.username == CONSOLE:
        raise refuse("account.console", T("控制台账号不能改", "the console account cannot be changed"))
    if person is None:
        return
    require(person, "accounts")
    for held in current(user):
        require(person, "accounts", line_of(held.office, held.institution_key))


def create_user(person: User | None, username: str, name: str) -> tuple[User, str]:
    """A new account without any right, and its one-time password."""
    if person is not None:
        require(person, "accounts")
    username, name = username.strip(), name.strip()
    if not username or not name:
        raise refuse("account.empty", T("用户名和姓名都要填", "user name and name are both needed"))
    if len(username) > 60 or len(name) > 60 or not username.isprintable() or any(c.isspace() for c in username):
        raise refuse("account.name", T("用户名里不能有空格，用户名和姓名都不超过 60 个字", "a user name has no blanks; neither is longer than 60 characters"))
    password = one_time_password()
    user = User(username=username, name=name, must_change_password=True, password_until=timezone.now() + ONE_TIME)
    user.password = hash_one_time(password)  # before the transaction: nobody else could write while it is hashed
    with action():
        if User.objects.filter(username__iexact=username).exists():
            raise refuse("account.taken", T("用户名“{u}”已经有了（停用的也不再用）", "user name “{u}” is taken (also when disabled)", u=username),
                         do=T("换一个用户名", "choose another"))
        user.save(force_insert=True)
        _event(person, "account.create", user, name=name)
    return user, password


def appoint(person: User | None, user: User, role: str, *, office: Office | None = None, institution_key: str = "",
            since: dt.date | None = None) -> Appointment:
    """Give a role over a scope. The three administrators stay apart, and system and security hold no business role.

    Raises ``Refused`` for a scope outside the person's own, for a second administrator's role (also one that begins later), and
    for giving a role to oneself.
    """
    if role not in ROLES:
        raise refuse("account.role", T("没有角色“{r}”", "there is no role “{r}”", r=role), expected=T("{l}", "{l}", l="、".join(ROLES)))
    wants = ROLES[role].scope
    if (wants == "office") != (office is not None) or (wants == "institution") != bool(institution_key):
        raise refuse("account.scope", T("角色“{r}”的范围应是{w}", "role “{r}” is given over {w}", r=str(ROLES[role].label),
                                        w=str(T("一个单位（机关）", "an office") if wants == "office" else T("一个填报单位", "one institution"))))
    line = line_of(office, institution_key)
    if person is not None:
        require(person, "accounts", line)
        if person.pk == user.pk:
            raise refuse("account.self", T("不能给自己授权", "you cannot give rights to yourself"), do=T("请另一位安全管理员办理", "ask another security administrator"))
    reach(person, user)
    with action():
        User.objects.select_for_update().get(pk=user.pk)  # two grants at once could otherwise each miss the other
        roles = {a.role for a in current(user)} | {role}
        if len(roles & set(APART)) > 1 or (roles & {"system_admin", "security_admin"} and roles & OFFICE_BUSINESS):
            raise refuse("account.apart", T("系统管理员、安全管理员、审计不能是同一个人，前两者也不办业务", "system, security and audit are three persons, and the first two do no business"),
                         do=T("另建账号", "use another account"))
        appointment = Appointment.objects.create(user=user, role=role, office=office, institution_key=institution_key,
                                                 since=since or timezone.localdate())
        _event(person, "account.appoint", user, role=role, office=office.code if office else "", institution=institution_key,
               since=appointment.since.isoformat())
    return appointment


def dismiss(person: User | None, appointment: Appointment) -> Appointment:
    """Take a role away, from now on. It stays in the records."""
    reach(person, appointment.user)
    yesterday = timezone.localdate() - dt.timedelta(days=1)
    with action():
        held = Appointment.objects.select_for_update().get(pk=appointment.pk)
        if held.until is not None and held.until <= yesterday:
            return held
        held.until = yesterday
        held.save(update_fields=["until"])
        _event(person, "account.dismiss", held.user, role=held.role, office=held.office.code if held.office else "", institution=held.institution_key)
    return held


def disable(person: User | None, user: User) -> None:
    """Stop an account, at once; it stays in the records, its name is never used again."""
    reach(person, user)
    if person is not None and user.pk == person.pk:
        raise refuse("account.self", T("不能停用自己的账号", "you cannot disable your own account"))
    with action():
        if User.objects.filter(pk=user.pk, is_active=True).update(is_active=False):
            _event(person, "account.disable", user)
    user.is_active = False


def reset_password(person: User | None, user: User) -> str:
    """A new one-time password, to be changed at the first sign-in."""
    password = one_time_password()
    set_password(person, user, password, one_time=True)
    return password


def set_password(person: User | None, user: User, password: str, *, one_time: bool) -> None:
    """Set a password: one's own, or another's as a one-time password (needs the right ``accounts`` over all that one holds)."""
    if person is None or person.pk != user.pk:
        reach(person, user)
        if person is not None and not one_time:
            raise refuse("account.one_time", T("别人的密码只能是一次性的", "another's password can only be a one-time password"))
    if person is not None and person.pk == user.pk and user.password_over(timezone.now()):
        raise refuse("account.over", T("一次性密码已过 72 小时", "the one-time password is older than 72 hours"), do=T("请安全管理员重设", "ask the security administrator for a new one"))
    before = user.password if not user.must_change_password else ""
    if one_time:
        user.password = hash_one_time(password)
    else:
        user.set_password(password)
    user.must_change_password = one_time
    user.password_until = timezone.now() + ONE_TIME if one_time else None
    user.password_at = None if one_time else timezone.now()
    with action():
        user.save(update_fields=["password", "must_change_password", "password_until", "password_at"])
        if before:
            PasswordUsed.objects.create(user=user, password=before)
            PasswordUsed.objects.filter(user=user).exclude(pk__in=PasswordUsed.objects.filter(user=user)[:REMEMBERED].values_list("pk", flat=True)).delete()
        _event(person, "account.password", user, one_time=one_time)
