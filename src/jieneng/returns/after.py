"""What else follows when returns are sent back or passed. Other rooms add to the list, by name, in a module that their ``AppConfig`` announces (core/late.py).

    from jieneng.returns.after import AFTER
    AFTER.append(lines_of_corrections)     # runs in the action of the verb: what follows is one with it
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from jieneng.core.late import arrive
from jieneng.people.models import User

from .models import Return

Asked = Mapping[tuple[int, str], Mapping[str, str]]
"""(institution, period) → item → the value suggested, blank where none is."""
After = Callable[[User, str, Sequence[Return], str, Asked], None]
"""(person, verb, returns as they stand now, reason, what is asked)"""
AFTER: list[After] = []


def after(person: User, verb: str, returns: Sequence[Return], reason: str, asked: Asked) -> None:
    """Let every room do what follows."""
    arrive()
    for follow in AFTER:
        follow(person, verb, returns, reason, asked)
