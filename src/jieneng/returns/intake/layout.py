"""Layout files: how an outside table is to be read, as strict YAML. Data, not code: nothing in it is evaluated.

Format with examples: docs/how-to/layouts.md. Every scalar is text (``no``, ``0341`` and ``2015`` mean what they look
like). Unknown and doubled keys, missing parts and wrong words are refused all at once, each with file and line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from jieneng.core.words import T

MAX_BYTES = 256 * 1024
KINDS = ("csv", "xlsx", "parquet")
ENCODINGS = ("auto", "utf-8", "utf-16", "gb18030")
DELIMITERS = {"auto": "auto", ",": ",", ";": ";", "|": "|", "\t": "\t", "tab": "\t"}
SHAPES = ("wide", "long", "months")
SOURCES = ("column", "columns", "value", "sheet", "file", "title")
MISSING = ("", "-", "--", "—", "——", "/", "NA", "N/A", "#N/A", "null")
TOTALS = ("合计", "总计", "小计", "累计", "本页合计", "total", "grand total", "subtotal")
FORMATS = ("date", "excel-serial")
_TOKEN = re.compile(r"YYYY|YY|MON|MM|DD|M|D")
_PARTS = {
    "YYYY": r"(?P<y>\d{4})",
    "YY": r"(?P<yy>\d{2})",
    "MON": r"(?P<mon>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)",
    "MM": r"(?P<m>\d{2})",
    "M": r"(?P<m>\d{1,2})",
    "DD": r"(?P<d>\d{2})",
    "D": r"(?P<d>\d{1,2})",
}


@dataclass(frozen=True)
class Spec:
    """Where one field comes from: a column (or several, joined), a fixed value, or a pattern over sheet, file or title.

    A pattern gives its first group, or the whole match. ``map`` turns what is found into what we call it.
    """

    columns: tuple[str, ...] = ()
    join: str = "-"
    value: str | None = None
    sheet: str = ""
    file: str = ""
    title: str = ""
    map: Mapping[str, str] = field(default_factory=dict)
    keep: bool = False
    fill_down: bool = False
    optional: bool = False
    blank: str = ""
    formats: tuple[str, ...] = ()
    line: int = 0

    @property
    def pattern(self) -> str:
        return self.sheet or self.file or self.title


@dataclass(frozen=True)
class PeriodSpec:
    """One field read by ``formats``, or a year and (perhaps) a month from two fields. ``of``: cut to ``year``."""

    whole: Spec | None = None
    year: Spec | None = None
    month: Spec | None = None
    of: str = ""
    line: int = 0


@dataclass(frozen=True)
class ItemSpec:
    """A column that holds an item (wide), or the name an item goes by in the table (long, months)."""

    column: str
    item: str
    unit: Spec
    basis: str = ""
    optional: bool = False
    confirmed: bool = False
    line: int = 0


@dataclass(frozen=True)
class LongSpec:
    """One row per institution, period and item: the columns of the item's name and its value."""

    item: Spec
    value: Spec
    skip: tuple[str, ...] = ()


@dataclass(frozen=True)
class MonthsSpec:
    """One row per institution, year and item with twelve columns, January first."""

    item: Spec
    columns: tuple[str, ...]
    year: Spec
    skip: tuple[str, ...] = ()


@dataclass(frozen=True)
class RowTest:
    """A row for which this holds is skipped: a column equal to one of ``equals``, blank, or matching ``matches``."""

    column: str
    equals: tuple[str, ...] = ()
    blank: bool = False
    matches: str = ""
    line: int = 0


@dataclass(frozen=True)
class FieldSpec:
    """A ledger's field and where it comes from."""

    field: str
    spec: Spec
    unit: Spec | None = None
    line: int = 0


@dataclass(frozen=True)
class FactSpec:
    """Something a platform says beside the items: its status of the unit, a target, a warning, an indicator of its own."""

    fact: str
    spec: Spec
    line: int = 0

    @property
    def amount(self) -> bool:
        return self.fact.startswith(("target.", "indicator."))


FACTS = ("status", "quota_warning")
HOLDERS = ("platform", "province", "nation")


@dataclass(frozen=True)
class Layout:
    """One outside table. ``sheets``: names; empty = all; ``sheets_match`` a pattern. ``header_row`` 0 = look for it."""

    code: str
    title: T
    book: str
    reads: tuple[str, ...]
    kind: str
    form: str = ""
    ledger: str = ""
    encoding: str = "auto"
    delimiter: str = "auto"
    sheets: tuple[str, ...] = ()
    sheets_match: str = ""
    hidden: bool = True
    header_row: int = 1
    header_rows: int = 1
    totals: tuple[str, ...] = TOTALS
    stop_blank: bool = False
    stop_at: tuple[str, ...] = ()
    skip: tuple[RowTest, ...] = ()
    identifier: Spec | None = None
    scheme: str = ""
    repeats: bool = False
    fields: Mapping[str, Spec] = field(default_factory=dict)
    aliases: Mapping[str, Spec] = field(default_factory=dict)
    extra: Mapping[str, Spec] = field(default_factory=dict)
    period: PeriodSpec | None = None
    missing: tuple[str, ...] = MISSING
    shape: str = "wide"
    items: tuple[ItemSpec, ...] = ()
    unit: Spec | None = None
    long: LongSpec | None = None
    months: MonthsSpec | None = None
    ledger_fields: tuple[FieldSpec, ...] = ()
    facts: tuple[FactSpec, ...] = ()
    holder: str = ""
    place: str = ""
    hash: str = ""

    def specs(self) -> list[Spec]:
        """Every place the layout reads from."""
        found = [self.identifier, *self.fields.values(), *self.aliases.values(), *self.extra.values(), self.unit]
        found += [
            Spec(columns=(i.column,), optional=i.optional, line=i.line) for i in self.items if self.shape == "wide"
        ]
        found += [i.unit for i in self.items]
        if self.period:
            found += [self.period.whole, self.period.year, self.period.month]
        if self.long:
            found += [self.long.item, self.long.value]
        if self.months:
            found += [self.months.item, self.months.year, Spec(columns=self.months.columns)]
        found += [f.spec for f in self.facts]
        found += [f.spec for f in self.ledger_fields] + [f.unit for f in self.ledger_fields]
        found += [Spec(columns=(t.column,), line=t.line) for t in self.skip]
        return [s for s in found if s is not None]

    def columns(self, needed: bool = False) -> list[str]:
        """The column names the layout speaks of, in order, once each; ``needed`` leaves out the optional ones."""
        names = [c for s in self.specs() if not (needed and s.optional) for c in s.columns]
        return list(dict.fromkeys(names))


def period_pattern(form: str) -> re.Pattern[str]:
    """The pattern of a period format such as ``YYYY年M月``. Raises ``ValueError`` for one without a year."""
    if "YY" not in form:
        raise ValueError(f"period format {form!r} has no YYYY")
    out, at = "", 0
    for token in _TOKEN.finditer(form):
        out += re.escape(form[at : token.start()]) + _PARTS[token.group()]
        at = token.end()
    return re.compile(out + re.escape(form[at:]))
