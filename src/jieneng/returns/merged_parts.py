"""Rows of a table of machine rooms or heating sources folded into the closing returns they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jieneng.core.amount import amount_text
from jieneng.core.problem import Place, Problem
from jieneng.core.words import T
from jieneng.rulebook import form_for
from jieneng.rulebook.types import Book, Form

from .models import Import, Return, Revision, Round
from .parts import LONGEST_NAME, MOST, closing, form_of, number_of


@dataclass(frozen=True)
class Merged:
    """A return, its revision as it stands, the sources and parts of the one to come; whose, and where the first row of it stands."""

    ret: Return
    old: Revision
    sources: dict[str, Any]
    parts: dict[str, Any]
    name: str
    where: Place


def compact(sources: dict[str, dict[str, Any]], batch: int) -> dict[str, Any]:
    """Sources per item, with raw text and unit only where they differ from what is stored."""
    return {item: [batch, s.get("sheet", ""), s.get("cell", ""), s.get("raw", ""), s.get("unit", "")]
            for item, s in sources.items()}


def merged_parts(book: Book, round_: Round, code: str, drafts: list[tuple[Any, int]], batch: Import, outcome: Any) -> Iterator[Merged]:
    """The closing returns that a table of parts changes. ``drafts``: rows with their institution; ``outcome`` takes what is wrong with them.

    A row names its part: one of that name the return has, or had last year; else it is a new one. Parts that the table does not name
    stay as they are. A row without a name, of an institution that has not filed the main form, or of one part too many is refused.
    """
    form, whose = form_for(book, code, round_.year), {pk for _, pk in drafts}
    rows: dict[int, dict[str, Return]] = {}
    # locked in one order everywhere: whoever reviews or imports them meanwhile waits
    locked = Return.objects.filter(round=round_, institution__in=whose).exclude(state__in=("exempt", "covered")).select_related("institution")
    for r in locked.select_for_update(of=("self",)).order_by("pk"):
        rows.setdefault(r.institution_id, {})[r.period] = r
    said = Revision.objects.filter(ret__institution__in=whose, ret__round__form=round_.form).exclude(parts={}).order_by("ret__round__year", "number")
    ever: dict[int, dict[str, str]] = {}
    for pk, parts in said.values_list("ret__institution_id", "parts"):
        ever.setdefault(pk, {}).update({k: p["name"] for k, p in parts.items() if form_of(k) == code})
    by_body: dict[int, list[Any]] = {}
    for draft, pk in drafts:
        by_body.setdefault(pk, []).append(draft)
    for pk, mine in by_body.items():
        found = rows.get(pk, {})
        ret = found.get(closing(found))
        old = Revision.objects.filter(ret=ret, number=ret.revision).first() if ret is not None and ret.revision else None
        if ret is None or old is None:
            outcome.problems += [_wrong(d, T("“{n}”还没有报{w}", "“{n}” has not filed: {w}", n=d.name or d.identifier, w=form_for(book, round_.form, round_.year).title),
                                        T("先导入主表，再导入这张表", "import the main form first, then this table")) for d in mine]
            continue
        sources, parts = dict(old.sources), {k: {"name": p["name"], "answers": dict(p["answers"])} for k, p in old.parts.items()}
        for draft in mine:
            _lay(form, draft, batch, parts, sources, ever.setdefault(pk, {}), outcome)
        if parts == old.parts:
            outcome.same += 1
        else:
            yield Merged(ret, old, sources, dict(sorted(parts.items(), key=lambda x: (form_of(x[0]), number_of(x[0])))), mine[0].name or mine[0].identifier,
                         Place(file=mine[0].file, sheet=mine[0].sheet, cell=mine[0].cell))


def _lay(form: Form, draft: Any, batch: Import, parts: dict[str, Any], sources: dict[str, Any], ever: dict[str, str], outcome: Any) -> None:
    """One row into the parts of its return."""
    name, code = draft.part.strip()[:LONGEST_NAME], form.code
    if not name:
        outcome.problems.append(_wrong(draft, T("没有写{p}名称", "the {p} has no name", p=form.part or form.title), T("每处写一个名称，几处不能同名", "name each one, none like another")))
        return
    mine = [k for k, p in parts.items() if form_of(k) == code and p["name"] == name]
    key = mine[0] if mine else next((k for k, n in reversed(ever.items()) if n == name and k not in parts), f"{code}-{max([0, *map(number_of, ever)]) + 1}")
    if key not in parts and sum(form_of(k) == code for k in parts) >= MOST:
        outcome.problems.append(_wrong(draft, T("“{n}”的{p}超过 {m} 处", "“{n}” has more than {m}: {p}", n=draft.name or draft.identifier, p=form.part or form.title, m=MOST),
                                       T("核对是不是重复", "see whether rows are doubled")))
        return
    ever[key] = name
    answers = parts.setdefault(key, {"name": name, "answers": {i.item: None for i in form.items}})["answers"]
    fresh = {i: amount_text(v) for i, v in draft.answers.items()}
    changed = {i for i, v in fresh.items() if answers.get(i) != v}
    answers.update(fresh)
    sources.update({f"{key}.{i}": s for i, s in compact({i: s for i, s in draft.sources.items() if i in changed}, batch.pk).items()})


def _wrong(draft: Any, found: T, do: T) -> Problem:
    return Problem("import.part", found, do=do, where=Place(file=draft.file, sheet=draft.sheet, cell=draft.cell))
