"""The one door through which a return gets into another state: the table of moves and the right it names, over the return's line."""

from __future__ import annotations

from jieneng.core.problem import Refused
from jieneng.people.models import User
from jieneng.people.queries import root_office
from jieneng.people.scope import Scope, forbidden, scope

from .moves import Move, move


class Gate:
    """What one person may do to returns. Made anew for each action: rights are asked for once in it."""

    def __init__(self, person: User) -> None:
        self.person = person
        self.held: dict[str, Scope] = {}
        top = root_office()
        self.top = top.path if top is not None else ""

    def step(self, state: str, verb: str, line: str, key: str) -> Move:
        """The move of a return that reports to the office of path ``line`` (on the day that counts) for the institution ``key``.

        Raises ``Refused`` where the table has no such move, and where the person lacks its right there: over the whole workspace for the top
        office's own word.
        """
        step = move(state, verb)
        if step.right not in self.held:
            self.held[step.right] = scope(self.person, step.right)
        mine = self.held[step.right]
        if (step.top and self.top and not mine.covers_line(self.top)) or not mine.covers(line, key):
            raise forbidden(self.person, step.right)
        return step

    def allows(self, state: str, verb: str, line: str, key: str) -> bool:
        """Whether ``step`` would be done."""
        try:
            self.step(state, verb, line, key)
        except Refused:
            return False
        return True
