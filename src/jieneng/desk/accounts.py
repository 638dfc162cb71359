"""The verbs of accounts. Each needs the right ``accounts`` (or is about oneself) and leaves an event."""

from __future__ import annotations

import datetime as dt
import secrets

from django.utils import timezone

from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.people.models import Appointment, Office, User
from jieneng.people.roles import APART, ROLES
from jieneng.people.scope import held, require
from jieneng.records.events import action, record

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"


def one_time_password() -> str:
    """Sixteen characters without look-alikes, from the system's randomness."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(4))


def event(person: User | None, verb: str, user: User, **data: object) -> None:
    with action():
        record(person, verb, "account", user.username, data={k: v for k, v in data.items() if v not in ("", None)})


def create_user(person: User | None, username: str, name: str) -> tuple[User, str]:
    """A new account and its one-time password. ``person`` None: the console at ``init``."""
    if person is not None:
        require(person, "accounts")
    if not username or not name:
        raise refuse("account.empty", T("用户名和姓名都要填", "user name and name are both needed"))
    if User.objects.filter(username=username).exists():
        raise refuse("account.taken", T("用户名“{u}”已经有了（停用的也不再用）", "user name “{u}” is taken (also when disabled)", u=username),
                     do=T("换一个用户名", "choose another"))
    password = one_time_password()
    user = User.objects.create_user(username, password, name=name, must_change_password=True)
    event(person, "account.create", user, name=name)
    return user, password


def appoint(person: User | None, user: User, role: str, *, office: Office | None = None, institution_key: str = "",
            since: dt.date | None = None) -> Appointment:
    """Give a role over a scope. The three administrators stay apart, and system and security hold no business role."""
    if person is not None:
        require(person, "accounts")
    if role not in ROLES:
        raise refuse("account.role", T("没有角色“{r}”", "there is no role “{r}”", r=role), expected=T("{l}", "{l}", l="、".join(ROLES)))
    wants = ROLES[role].scope
    if (wants == "office") != (office is not None) or (wants == "institution") != bool(institution_key):
        raise refuse("account.scope", T("角色“{r}”的范围应是{w}", "role “{r}” is given over {w}", r=str(ROLES[role].label),
                                        w=str(T("一个单位（机关）", "an office") if wants == "office" else T("一个填报单位", "one institution"))))
    roles = {a.role for a in held(user)} | {role}
    if len(roles & set(APART)) > 1 or (roles & {"system_admin", "security_admin"} and roles - set(APART)):
        raise refuse("account.apart", T("系统管理员、安全管理员、审计不能是同一个人，前两者也不办业务", "system, security and audit are three persons, and the first two do no business"),
                     do=T("另建账号", "use another account"))
    appointment = Appointment.objects.create(user=user, role=role, office=office, institution_key=institution_key,
                                             since=since or timezone.localdate())
    event(person, "account.appoint", user, role=role, office=office.code if office else "", institution=institution_key)
    return appointment


def disable(person: User, user: User) -> None:
    """Stop an account; it stays in the records, its name is never used again."""
    require(person, "accounts")
    if user.pk == person.pk:
        raise refuse("account.self", T("不能停用自己的账号", "you cannot disable your own account"))
    user.is_active = False
    user.save(update_fields=["is_active"])
    event(person, "account.disable", user)


def reset_password(person: User, user: User) -> str:
    """A new one-time password."""
    require(person, "accounts")
    password = one_time_password()
    set_password(person, user, password, one_time=True)
    return password


def set_password(person: User | None, user: User, password: str, *, one_time: bool) -> None:
    """Set a password: one's own, or another's as a one-time password (needs the right ``accounts``)."""
    if person is not None and person.pk != user.pk:
        require(person, "accounts")
    user.set_password(password)
    user.must_change_password = one_time
    user.save(update_fields=["password", "must_change_password"])
    event(person, "account.password", user, one_time=one_time)
