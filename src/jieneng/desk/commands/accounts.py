"""``jieneng user``: accounts from the server's console."""

from __future__ import annotations

import argparse
from typing import Any

from jieneng.core.problem import refuse
from jieneng.core.words import T

from . import Out, Verb


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["add", "list", "disable", "password", "appoint"])
    parser.add_argument("username", nargs="?")
    parser.add_argument("--name")
    parser.add_argument("--role")
    parser.add_argument("--office", metavar="CODE")
    parser.add_argument("--institution", metavar="KEY")


def run(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """add, list, disable, password, appoint."""
    from jieneng.desk import accounts as actions
    from jieneng.people.models import User
    from jieneng.people.queries import CONSOLE
    from jieneng.people.roles import ROLES

    if args.what == "list":
        rows = []
        for u in User.objects.exclude(username=CONSOLE).prefetch_related("appointments__office"):
            held = [f"{a.role}@{a.office.code if a.office else a.institution_key}" for a in u.appointments.all()]
            out.line(f"{u.username}\t{u.name}\t{'' if u.is_active else str(T('已停用', 'disabled'))}\t{' '.join(held)}")
            rows.append({"username": u.username, "name": u.name, "active": u.is_active, "roles": held})
        return {"users": rows}
    if not args.username:
        raise refuse("cli.user", T("写明用户名", "name the user"))
    if args.what == "add":
        user, password = actions.create_user(None, args.username, args.name or "")
        _appoint(args, user)
        out.say(T("已建账号 {u}，一次性密码（只显示这一次）：{p}", "account {u} made, one-time password (shown only now): {p}", u=user.username, p=password))
        return {"username": user.username, "password": password}
    found = User.objects.exclude(username=CONSOLE).filter(username=args.username).first()
    if found is None:
        raise refuse("cli.user", T("没有账号 {u}", "there is no account {u}", u=args.username))
    if args.what == "appoint":
        if args.role not in ROLES:
            raise refuse("cli.role", T("写明角色 --role", "name the role with --role"), expected=T("{l}", "{l}", l="、".join(ROLES)))
        _appoint(args, found)
        out.say(T("已授予 {r}", "given: {r}", r=args.role))
    elif args.what == "disable":
        found.is_active = False
        found.save(update_fields=["is_active"])
        actions.event(None, "account.disable", found)
        out.say(T("已停用 {u}", "{u} disabled", u=found.username))
    else:
        password = actions.one_time_password()
        actions.set_password(None, found, password, one_time=True)
        out.say(T("{u} 的一次性密码（只显示这一次）：{p}", "one-time password of {u} (shown only now): {p}", u=found.username, p=password))
        return {"username": found.username, "password": password}
    return {"username": found.username}


def _appoint(args: argparse.Namespace, user: Any) -> None:
    from jieneng.desk import accounts as actions
    from jieneng.people.models import Office

    if not args.role:
        return
    office = Office.objects.filter(code=args.office).first() if args.office else None
    if args.office and office is None:
        raise refuse("cli.office", T("没有单位 {c}", "there is no office {c}", c=args.office))
    actions.appoint(None, user, args.role, office=office, institution_key=args.institution or "")


VERBS = [Verb("user", T("账号", "accounts"), arguments, run)]
