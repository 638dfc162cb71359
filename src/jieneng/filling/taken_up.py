"""Whether a reviewer has taken up what a unit filed. Other rooms add to the list, by name, in a module that their ``AppConfig`` announces (core/late.py).

    from jieneng.filling.taken_up import TAKEN_UP
    TAKEN_UP.append(decided)      # (round, institution id) → who and what, in words; None: not taken up
"""

from __future__ import annotations

from collections.abc import Callable

from jieneng.core.late import arrive
from jieneng.core.words import T
from jieneng.returns.models import Round

TAKEN_UP: list[Callable[[Round, int], T | None]] = []


def taken_up(round_: Round, institution: int) -> T | None:
    """Who has begun to review it, if anybody."""
    arrive()
    return next((found for look in TAKEN_UP if (found := look(round_, institution)) is not None), None)
