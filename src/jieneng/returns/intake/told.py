"""The problems of a file as people read them: what a field is called, and those that say the same in many cells told once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jieneng.core.words import T, language
from jieneng.rulebook.types import Book

FIELDS: dict[str, T] = {
    "identifier": T("单位代码", "identifier"), "name": T("单位名称", "name"), "area": T("统计归口地区", "line (area)"), "department": T("主管部门", "department"),
    "territory": T("所在地", "territory"), "type": T("单位性质", "type"), "line": T("统计归口", "statistical line"), "since": T("起始日期", "since"), "until": T("终止日期", "until"),
    "in_scope": T("是否纳入统计", "in scope"), "covered_by": T("代报单位", "covered by"), "period": T("统计期", "period"), "unit": T("计量单位", "unit"),
    "status": T("填报状态", "status"), "quota_warning": T("定额预警", "quota warning"), "contact": T("联络员", "liaison"), "contact_office": T("联络员科室", "liaison’s office"),
    "contact_phone": T("联络员电话", "liaison’s phone"), "reason": T("变更原因", "reason of change"), "document": T("变更依据", "paper of change"), "sensitive": T("敏感单位", "sensitive"),
    "part": T("机房、热源的名称", "name of the machine room or heating source"),
}
"""Fields of a row beside the items."""


def word(book: Book, code: str, ledger: str = "") -> str:
    """What a field is called in the reader's language; a code that nobody knows stands for itself."""
    if code in book.items:
        return str(book.items[code].label)
    if ledger in book.ledgers and (f := next((f for f in book.ledgers[ledger].fields if f.code == code), None)) is not None:
        return str(f.label)
    if code.startswith(("target.", "indicator.")):
        about = code.partition(".")[2]
        known = book.indicators.get(about) or book.composites.get(about) or book.items.get(about)
        return str(known.label) if known else code
    return str(FIELDS.get(code, code))


@dataclass
class Alike:
    """Problems that say the same of the same field: the first as stored, and where all of them stand."""

    first: Mapping[str, Any]
    label: str
    places: list[str] = field(default_factory=list)

    @property
    def place(self) -> str:
        return self.places[0] if self.places else ""

    @property
    def others(self) -> list[str]:
        return self.places[1:]


def place_of(problem: Mapping[str, Any]) -> str:
    """Sheet and cell, or the line of a text file."""
    where = problem.get("where") or {}
    at = " ".join(x for x in (where.get("sheet", ""), where.get("cell", "")) if x)
    return at or (str(T("第 {n} 行", "line {n}", n=where["line"])) if where.get("line") else "")


def alike(book: Book, problems: Iterable[Mapping[str, Any]], ledger: str = "") -> list[Alike]:
    """Problems as stored (``Problem.as_json``), those that say the same once: twelve months of one unit are one line."""
    found: dict[tuple[str, str, str], Alike] = {}
    code = language()
    for p in problems:
        name = (p.get("where") or {}).get("field", "")
        key = (name, p["found"].get(code, ""), (p.get("do") or {}).get(code, ""))
        if key not in found:
            found[key] = Alike(p, word(book, name, ledger) if name else "")
        found[key].places.append(place_of(p))
    return list(found.values())
