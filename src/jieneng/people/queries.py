"""What may be read about people and offices."""

from __future__ import annotations

from .models import CONSOLE, Office, User
from .roles import ROLES
from .scope import Scope, held, scope

__all__ = ["CONSOLE", "Scope", "area_offices", "console", "held", "office_in_full", "offices_in", "root_office", "scope", "verbs_of"]

def verbs_of(user: User) -> frozenset[str]:
    """Everything the person may do somewhere."""
    return frozenset().union(*(ROLES[a.role].verbs for a in held(user))) if held(user) else frozenset()


def root_office() -> Office | None:
    """The top office of this workspace."""
    return Office.objects.filter(parent__isnull=True).order_by("path").first()


def area_offices() -> list[Office]:
    """The offices that stand for an area in the statistical line (市直, counties, zone), in code order."""
    return list(Office.objects.filter(kind__in=("county", "zone", "direct"), active=True).order_by("code"))


def offices_in(user: User, verb: str = "see") -> list[Office]:
    """Offices inside the person's scope."""
    mine = scope(user, verb)
    return [o for o in Office.objects.filter(active=True) if mine.covers_line(o.path)]


def office_in_full(office: Office) -> str:
    """An office as it stands in a letter, 主送 or 落款: the name of an area is no office, it stands for its department of this work."""
    return f"{office.name}机关事务管理部门" if office.kind in ("city", "county", "zone") and "机关事务" not in office.name else office.name


def console() -> User:
    """The console account (made by ``jieneng init``)."""
    return User.objects.get(username=CONSOLE)
