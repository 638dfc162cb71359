"""``jieneng user``: accounts from the server's console."""

from __future__ import annotations

import argparse
from typing import Any

from jieneng.core.problem import refuse
from jieneng.core.words import T

from . import Out, Verb

WHAT = {
    "list": T("列出账号", "list the accounts"), "add": T("新建，可同时授予角色", "make one, with a role if given"),
    "appoint": T("授予角色", "give a role"), "dismiss": T("收回角色", "take a role away"), "disable": T("停用", "stop it"),
    "password": T("重设为一次性密码", "set a one-time password"), "unlock": T("解除锁定", "end lock-outs"),
    "factor-off": T("关闭两步验证（手机丢了）", "turn the second factor off (telephone lost)"),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=list(WHAT), help="；".join(f"{k} {v}" for k, v in WHAT.items()))
    parser.add_argument("username", nargs="?", metavar="USER", help=str(T("用户名", "user name")))
    parser.add_argument("--name", help=str(T("姓名", "the person's name")))
    parser.add_argument("--role", help=str(T("角色，如 city、county、reporter", "role, such as city, county, reporter")))
    parser.add_argument("--office", metavar="CODE", help=str(T("角色管到哪个单位（机关）", "the office that the role is over")))
    parser.add_argument("--institution", metavar="KEY", help=str(T("填报人的单位代码", "the code of a reporter's institution")))


def run(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """list, add, appoint, dismiss, disable, password, unlock, factor-off."""
    if args.what == "list":
        return _list(out)
    if not args.username:
        raise refuse("cli.user", T("写明用户名", "name the user"))
    if args.what == "add":
        return _add(args, out)
    user = _user(args.username)
    if args.what in ("appoint", "dismiss"):
        return _rights(args, out, user)
    from jieneng.desk import accounts as actions

    if args.what == "disable":
        actions.disable(None, user)
        out.say(T("已停用 {u}", "{u} disabled", u=user.username))
        return {"username": user.username}
    if args.what in ("unlock", "factor-off"):
        return _let_in(args.what, out, user)
    password = actions.reset_password(None, user)
    out.say(T("{u} 的一次性密码（只显示这一次）：{p}", "one-time password of {u} (shown only now): {p}", u=user.username, p=password))
    return {"username": user.username, "password": password}


def _let_in(what: str, out: Out, user: Any) -> dict[str, Any]:
    """For whoever is shut out when no security administrator can help."""
    from jieneng.desk import factors, signing

    if what == "unlock":
        ended = signing.unlock(None, user)
        out.say(T("{u} 可以再登录了，解除 {n} 处锁定", "{u} can sign in again, {n} lock-outs ended", u=user.username, n=ended))
        return {"username": user.username, "ended": ended}
    factors.turn_off(None, user)
    out.say(T("{u} 的两步验证已关", "second factor of {u} is off", u=user.username))
    return {"username": user.username}


def _list(out: Out) -> dict[str, Any]:
    from jieneng.people.models import User
    from jieneng.people.queries import CONSOLE, held

    rows = []
    for u in User.objects.exclude(username=CONSOLE).order_by("username"):
        now = [f"{a.role}@{a.office.code if a.office else a.institution_key}" for a in held(u)]
        out.line(f"{u.username}\t{u.name}\t{'' if u.is_active else str(T('已停用', 'disabled'))}\t{' '.join(now)}")
        rows.append({"username": u.username, "name": u.name, "active": u.is_active, "roles": now})
    return {"users": rows}


def _user(name: str) -> Any:
    from jieneng.people.models import User
    from jieneng.people.queries import CONSOLE

    found = User.objects.exclude(username=CONSOLE).filter(username=name).first()
    if found is None:
        raise refuse("cli.user", T("没有账号 {u}", "there is no account {u}", u=name), do=T("jieneng user list 列出全部", "jieneng user list shows them all"))
    return found


def _office(args: argparse.Namespace) -> Any:
    from jieneng.people.models import Office

    found = Office.objects.filter(code=args.office).first() if args.office else None
    if args.office and found is None:
        known = "、".join(Office.objects.exclude(kind="department").values_list("code", flat=True))
        raise refuse("cli.office", T("没有单位 {c}", "there is no office {c}", c=args.office), expected=T("{k}", "{k}", k=known))
    return found


def _add(args: argparse.Namespace, out: Out) -> dict[str, Any]:
    """The account and its role together, or neither."""
    from jieneng.desk import accounts as actions
    from jieneng.records.events import action

    with action():
        user, password = actions.create_user(None, args.username, args.name or "")
        if args.role:
            actions.appoint(None, user, args.role, office=_office(args), institution_key=args.institution or "")
    out.say(T("已建账号 {u}，一次性密码（只显示这一次）：{p}", "account {u} made, one-time password (shown only now): {p}", u=user.username, p=password))
    return {"username": user.username, "password": password}


def _rights(args: argparse.Namespace, out: Out, user: Any) -> dict[str, Any]:
    from jieneng.desk import accounts as actions
    from jieneng.people.queries import held
    from jieneng.people.roles import ROLES

    if args.role not in ROLES:
        raise refuse("cli.role", T("写明角色 --role", "name the role with --role"), expected=T("{l}", "{l}", l="、".join(ROLES)))
    if args.what == "appoint":
        actions.appoint(None, user, args.role, office=_office(args), institution_key=args.institution or "")
        out.say(T("已授予 {u}：{r}", "given to {u}: {r}", u=user.username, r=str(ROLES[args.role].label)))
        return {"username": user.username, "role": args.role}
    office = _office(args)
    found = [a for a in held(user) if a.role == args.role and (office is None or a.office_id == office.pk)
             and args.institution in (None, a.institution_key)]
    if not found:
        raise refuse("cli.role", T("{u} 没有这个角色", "{u} does not hold this role", u=user.username))
    for appointment in found:
        actions.dismiss(None, appointment)
    out.say(T("已收回 {u} 的 {n} 项", "{n} taken from {u}", u=user.username, n=len(found)))
    return {"username": user.username, "dismissed": len(found)}


VERBS = [Verb("user", T("账号", "accounts"), arguments, run)]
