"""Machine rooms and heating sources in a snapshot, made from the accepted closing returns.

Of each form that is a part of another two tables go in: every part by itself (``parts/<form>@<edition>``), and the form of each
institution, its parts added up, one row as of any other return (``returns/<form>@<edition>``), so that figures, coverage and trace
work on it as they do on any form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.db.models import F

from jieneng import engine
from jieneng.core.period import Period
from jieneng.registry.queries import standings
from jieneng.rulebook.types import Book

from .models import Revision, Round
from .parts import number_of, part_forms, read_parts, sum_of

Table = tuple[list[str], list[dict[str, Any]]]
STANDING = {"code": "institution__key", "name": "name", "line": "office__path", "area": "area", "department": "department", "territory": "territory", "type": "type"}


def part_tables(book: Book, rounds: Iterable[Round]) -> tuple[dict[str, Table], dict[str, Table]]:
    """(form by form the sums of institutions, the parts themselves): edition's name → items and rows, by institution and year."""
    sums: dict[str, Table] = {}
    every: dict[str, Table] = {}
    for round_ in rounds:
        forms = part_forms(book, round_.form, round_.year)
        said = _said(round_) if forms else []
        standing = _standing(said)
        for form in forms:
            items = [i.item for i in form.items]
            for revision in said:
                mine = [p for p in read_parts(revision.parts) if p.form == form.code]
                if not mine or (who := standing.get((revision.ret.institution_id, revision.ret.period))) is None:
                    continue
                keys = {**who, "institution": revision.ret.institution_id, "period": str(round_.year), "year": round_.year, "month": None, "status": revision.status,
                        "return_id": revision.ret_id, "revision": revision.number, "due": engine.due_bit(Period("year", round_.year))}
                sums.setdefault(form.name, (items, []))[1].append({**keys, **sum_of(book, form, mine)})
                every.setdefault(form.name, (items, []))[1].extend(
                    {**keys, "part": number_of(p.key), "part_name": p.name, **{i: p.answers.get(i) for i in items}} for p in mine)
    return sums, every


def _said(round_: Round) -> list[Revision]:
    """The accepted revisions of a round that carry parts."""
    rows = Revision.objects.filter(ret__round=round_, ret__accepted__gt=0, number=F("ret__accepted")).exclude(parts={}).exclude(ret__state="exempt")
    return list(rows.select_related("ret").order_by("ret__institution_id", "ret__period"))


def _standing(said: Sequence[Revision]) -> dict[tuple[int, str], dict[str, Any]]:
    """(institution, period) → where it stood at the end of the period; none where it was not there yet."""
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for period in {r.ret.period for r in said}:
        mine = [r.ret.institution_id for r in said if r.ret.period == period]
        rows = standings(Period.parse(period).last_day).select_related(None)
        for start in range(0, len(mine), 500):
            for who, *values in rows.filter(institution__in=mine[start:start + 500]).values_list("institution_id", *STANDING.values()):
                found[who, period] = dict(zip(STANDING, values, strict=True))
    return found


def still_said(book: Book, snapshot: engine.Snapshot) -> tuple[int, list[str]]:
    """Whether parts that were frozen still say in the records what they said then, and whether their sums are theirs: how many looked at, what is wrong.

    Raises ``Refused`` where a file of the snapshot is damaged.
    """
    count, faults = 0, []
    for file in [n for n in snapshot.manifest["files"] if n.startswith("parts/")]:
        rows = engine.read_table(snapshot.file(file))
        added = {(r["return_id"], r["revision"]): r for r in engine.read_table(snapshot.file("returns/" + file.partition("/")[2]))}
        form, items = file.partition("/")[2].partition("@")[0], snapshot.items(file)
        by_return: dict[tuple[int, int], list[dict[str, Any]]] = {}
        for r in rows:
            by_return.setdefault((r["return_id"], r["revision"]), []).append(r)
        kept: dict[tuple[int, int], Mapping[str, Any]] = {}
        ids = sorted({ret for ret, _ in by_return})
        for start in range(0, len(ids), 500):
            found = Revision.objects.filter(ret__in=ids[start:start + 500]).exclude(parts={})
            kept |= {(ret, n): parts for ret, n, parts in found.values_list("ret_id", "number", "parts")}
        for key, mine in by_return.items():
            count += len(mine)
            then = {f"{form}-{r['part']}": (r["part_name"], [r[i] for i in items]) for r in mine}
            now = {p.key: (p.name, [p.answers.get(i) for i in items]) for p in read_parts(kept.get(key, {})) if p.form == form}
            if then != now:
                faults.append(f"return {key[0]} #{key[1]}: parts not what was frozen in {snapshot.id}")
            if any(added.get(key, {}).get(i) != _added(book, i, [r[i] for r in mine]) for i in items):
                faults.append(f"return {key[0]} #{key[1]}: sums of {file} in {snapshot.id} are not those of its parts")
        if added.keys() != by_return.keys():
            faults.append(f"{snapshot.id} {file}: parts and sums are not of the same returns")
    return count, faults


def _added(book: Book, item: str, values: Sequence[Decimal | None]) -> Decimal | None:
    known = [v for v in values if v is not None]
    additive = item not in book.items or book.items[item].over_bodies == "sum"
    return sum(known, Decimal(0)) if len(known) == len(values) and (len(values) == 1 or additive) else None
