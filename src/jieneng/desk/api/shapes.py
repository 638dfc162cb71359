"""The shapes that go in and out: amounts as decimal texts, days as ISO, unknown fields refused."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from ninja import Schema
from pydantic import ConfigDict, Field

ERRORS = frozenset({400, 401, 403, 404, 412, 413, 422, 428, 429, 500, 503})
"""Every error has one shape."""
Year = Annotated[int, Field(ge=1990, le=2100)]
Number = Annotated[int, Field(ge=1, le=2**62)]
Text = Annotated[str, Field(max_length=120)]


class Out(Schema):
    """What goes out."""


class In(Schema):
    """What comes in: nothing but the named fields."""

    model_config = ConfigDict(extra="forbid")


class Words(Out):
    """A text in both languages."""

    zh: str
    en: str


class ProblemOut(Out):
    """One thing that is wrong: what was found, what was expected, where, what to do."""

    code: str
    found: Words
    expected: Words | None = None
    do: Words | None = None
    where: dict[str, Any] = {}


class Problems(Out):
    """An error."""

    problems: list[ProblemOut]


class Page(In):
    """Which page of a list."""

    page: int = Field(1, ge=1, le=100_000)
    size: int = Field(50, ge=1, le=200)


class InstitutionFilters(Page):
    q: Text = ""
    area: Text = ""
    type: Text = ""
    department: Text = ""
    in_scope: bool | None = None
    on: dt.date | None = Field(None, description="as of this day; today when left out")


class InstitutionOut(Out):
    """An institution as the register holds it on a day. A sensitive one has no place."""

    key: str
    scheme: str
    name: str
    office: str
    area: str
    territory: str
    department: str
    type: str
    in_scope: bool
    covered_by: str | None
    sensitive: bool
    since: dt.date


class Listed(Out):
    """A page of a list: ``total`` lines in all."""

    page: int
    size: int
    total: int


class Institutions(Listed):
    items: list[InstitutionOut]


class RoundOut(Out):
    """A round: a form for a year, its mode (A platform first, B prefilled here, C filed here), its last day."""

    form: str
    edition: str
    year: int
    rhythm: str
    mode: str
    deadline: dt.date | None


class Rounds(Out):
    items: list[RoundOut]


class ReturnFilters(Page):
    year: Year | None = None
    period: str = Field("", max_length=8, description="2022 or 2022-03")
    state: str = Field("", max_length=12)
    institution: str = Field("", max_length=64, description="key of the institution")


class ReturnOut(Out):
    """A return's status. ``etag`` is what If-Match takes."""

    id: int
    institution: str
    name: str
    year: int
    period: str
    state: str
    revision: int
    accepted: int
    etag: str


class Returns(Listed):
    items: list[ReturnOut]


class FindingOut(Out):
    """What a rule says about the current revision of a return."""

    return_id: int
    institution: str
    period: str
    rule: str
    severity: str
    items: list[str]
    part: str = Field("", description="the part it is about (data_centre-1), or the form over whose parts it speaks; empty: the return itself")
    says: Words
    do: Words | None = None


class Findings(Listed):
    items: list[FindingOut]


class FindingFilters(Page):
    year: Year | None = None
    severity: str = Field("", max_length=8, description="must, explain or note")
    institution: str = Field("", max_length=64)


class PartOut(Out):
    """A machine room or heating source: its name, and item → amount as in the return itself."""

    name: str
    answers: dict[str, str | None]


class AnswersOut(ReturnOut):
    """A return with what it says: item → amount as decimal text in the item's unit; null where it was not answered.

    ``parts``: the machine rooms and heating sources that the closing return of a year carries, by key (``data_centre-1``).
    """

    edition: str
    units: dict[str, str]
    answers: dict[str, str | None]
    parts: dict[str, PartOut]
    findings: list[FindingOut]


class FigureFilters(In):
    name: str = Field(..., max_length=60, description="an indicator, composite or item, as energy_tce")
    period: str = Field(..., max_length=8, description="2022, 2022H1, 2022Q1 or 2022-03")
    by: str = Field("", max_length=12, description="area, department, type or institution; empty for the whole")
    code: str = Field("", max_length=64, description="only the group of this code")
    snapshot: str = Field("", max_length=40)


class FigureOut(Out):
    """A figure: ``value`` has nine places, ``exact`` is a fraction; both null when it cannot be known, and ``note`` says why.

    ``id`` is the fingerprint of its recipe; ``recipe`` is the address that unfolds and proves it.
    """

    id: str
    name: str
    label: Words
    unit: str
    period: str
    subject: dict[str, Any]
    value: str | None
    exact: str | None
    covered: int | None
    members: int | None
    note: str
    recipe: str


class Figures(Out):
    snapshot: str
    version: str
    rulebook: str
    items: list[FigureOut]


class Recipe(Out):
    """A figure with its whole recipe, down to selections of the snapshot, and whether it proves when computed again."""

    id: str
    snapshot: str
    proved: bool
    cells: int
    faults: list[str]
    figure: dict[str, Any]


class DraftOut(Out):
    """A draft: fields as typed, its version, the periods that may be filled in now, and what stands in the way of filing them."""

    institution: str
    year: int
    form: str
    version: int
    open: list[str]
    states: dict[str, str]
    fields: dict[str, str]
    problems: list[ProblemOut]


class Filed(DraftOut):
    """How many periods were filed, and the draft as it stands then."""

    filed: int


Field_ = Annotated[str, Field(max_length=120)]


class Typed(In):
    """Fields of a draft, as typed. ``seen``: the version you read (0: none yet)."""

    seen: int = Field(..., ge=0, le=10**6)
    fields: dict[Field_, Annotated[str, Field(max_length=200)]] = Field(..., min_length=1, max_length=2000)


class File(In):
    """The periods to be filed, of the version you read."""

    seen: int = Field(..., ge=0, le=10**6)
    periods: list[Annotated[str, Field(max_length=8)]] = Field(..., min_length=1, max_length=12)


class Act(In):
    """Why: the other side sees it. ``keep``: accept although an error stands, with the reason (经确认保留)."""

    reason: str = Field("", max_length=300)
    keep: bool = False


class Entry(In):
    """The answers of one institution for one period. ``revision`` is the one you saw (0: nothing yet): if it has moved on, the entry is refused."""

    institution: str = Field(..., max_length=64)
    period: str = Field(..., max_length=8)
    revision: int = Field(..., ge=0, le=10**6)
    answers: dict[str, str | int | float | None] = Field(..., max_length=500)


class Delivery(In):
    """Answers brought in on behalf of an office (a code); each stands for itself: good ones go in, bad ones are named."""

    form: str = Field("", max_length=40, description="the main form when left out")
    office: str = Field(..., max_length=40)
    entries: list[Entry] = Field(..., min_length=1, max_length=1000)


class Delivered(Out):
    """What a delivery did: counts, and what was not taken in."""

    batch: int | None
    new: int
    changed: int
    same: int
    findings: int
    problems: list[ProblemOut]
