"""One place that answers who enters what where, and by when: ``plan_of(round)``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from django.utils import timezone

from jieneng.core.words import T
from jieneng.registry.models import Institution

from ..models import Extension, Round, RoundOffice, RoundStep
from .calendar import default_steps

V = TypeVar("V")
MODES: dict[str, tuple[T, T, T]] = {
    # mode: name, who enters the numbers, what this system does
    "A": (T("A 平台先行", "A platform first"), T("单位在国家平台填报，不登录本系统", "units file on the national platform and never sign in here"),
          T("导入平台数据，审核，交回更正清单", "imports the platform's data, reviews, hands back corrections")),
    "B": (T("B 本处预填", "B prefilled here"), T("本处备好，单位照填报对照单录入国家平台", "prepared here, entered on the platform from a one-page sheet"),
          T("预填、校验、出填报对照单，再导入核对", "prefills, checks, prints the sheet, then imports and compares")),
    "C": (T("C 本处填报", "C filed here"), T("单位在本系统填报", "units file here"), T("填报、审核、报送都在本系统", "filing, review and hand-up are all here")),
}
"""What each mode means (reality.md 1)."""


@dataclass(frozen=True)
class Plan:
    """The plan of a round with inheritance resolved by the path of offices."""

    round: Round
    modes: Mapping[str, str] = field(default_factory=dict)
    deadlines: Mapping[str, dt.date] = field(default_factory=dict)
    extended: Mapping[int, dt.date] = field(default_factory=dict)

    def mode(self, path: str) -> str:
        """A, B or C: what the nearest office above says, else the round."""
        return self._nearest(self.modes, path) or self.round.mode

    def deadline(self, path: str, institution: int | None = None) -> dt.date | None:
        """The day by which to file: a single extension first, then the nearest office, then the round."""
        day = self._nearest(self.deadlines, path) or self.round.deadline
        later = self.extended.get(institution) if institution is not None else None
        return max(day, later) if day and later else later or day

    def files_here(self, path: str) -> bool:
        """Whether units under this office type their numbers into this system (B and C), or only the platform has them (A)."""
        return self.mode(path) != "A"

    def overdue(self, path: str, institution: int, today: dt.date | None = None) -> bool:
        """Whether the day to file by has passed."""
        day = self.deadline(path, institution)
        return day is not None and day < (today or timezone.localdate())

    @staticmethod
    def _nearest(table: Mapping[str, V], path: str) -> V | None:
        best = max((p for p in table if path.startswith(p)), key=len, default=None)
        return table[best] if best is not None else None


def plan_of(round_: Round, of: Institution | None = None) -> Plan:
    """The plan of a round, in two queries. ``of``: the only institution whose extension is asked for; of all without."""
    rows = list(RoundOffice.objects.filter(round=round_).values_list("office__path", "mode", "deadline"))
    extended: dict[int, dt.date] = {}
    longer = Extension.objects.filter(round=round_, **({} if of is None else {"institution": of}))
    for institution, until in longer.order_by("id").values_list("institution_id", "until"):
        extended.pop(institution, None)
        if until is not None:
            extended[institution] = until
    return Plan(round_, {path: mode for path, mode, _ in rows if mode}, {path: day for path, _, day in rows if day}, extended)


def steps_of(round_: Round) -> list[RoundStep]:
    """The calendar of a round; of one that was opened before there were calendars, the usual one, not stored."""
    rows = list(round_.steps.all())
    return rows or [RoundStep(round=round_, code=s.code, name=s.name.as_json(), since=s.since, until=s.until) for s in default_steps(round_.year)]


def stage(step: RoundStep, today: dt.date) -> str:
    """done, now or next."""
    return "done" if step.until < today else "now" if step.since <= today else "next"
