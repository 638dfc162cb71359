"""What stands in the way of handing totals up or signing them. Other rooms add to the list, by name, in a module that their ``AppConfig`` announces (core/late.py).

    from jieneng.returns.chain.blockers import BLOCKERS
    BLOCKERS.append(open_differences)      # (round, office) → texts; none: nothing in the way
"""

from __future__ import annotations

from collections.abc import Callable

from jieneng.core.late import arrive
from jieneng.core.words import T
from jieneng.people.models import Office

from ..models import Round, Submission

Blocker = Callable[[Round, Office], list[T]]


def not_handed_up(round_: Round, office: Office) -> list[T]:
    """In a strict round the areas hand up their totals before the top office signs."""
    if not round_.strict or office.pk != round_.office_id:
        return []
    areas = Office.objects.filter(kind__in=("county", "zone"), active=True, path__startswith=office.path)
    standing = set(Submission.objects.filter(round=round_, withdrawn="").values_list("office_id", flat=True))
    missing = [o.name for o in areas if o.pk not in standing]
    return [T("还没有报送合计：{o}", "totals not handed up yet: {o}", o="、".join(missing))] if missing else []


BLOCKERS: list[Blocker] = [not_handed_up]


def blockers(round_: Round, office: Office) -> list[T]:
    """Everything that stands in the way, in words."""
    arrive()
    return [text for blocker in BLOCKERS for text in blocker(round_, office)]
