"""The machine rooms and heating sources of a revision as a page or sheet lays them out: a table for each form, a column for each part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jieneng.rulebook.types import Book

from .models import Revision
from .parts import label, part_forms, read_parts, sum_of


def tables_of(book: Book, revision: Revision, before: Revision | None = None) -> list[dict[str, Any]]:
    """Form by form: the names, a row for each item with its values, where each came from and what the revision ``before`` said, and the sum.

    What ``before`` had and this one has not is named as ``gone``.
    """
    found, said = [], read_parts(revision.parts)
    old: Mapping[str, Any] = before.parts if before else {}
    for form in part_forms(book, revision.ret.round.form, revision.ret.round.year):
        mine = [p for p in said if p.form == form.code]
        gone = [p["name"] for k, p in old.items() if k not in revision.parts and k.rpartition("-")[0] == form.code]
        if not mine and not gone:
            continue
        sums = sum_of(book, form, mine)
        rows = []
        for fi in form.items:
            cells = []
            for p in mine:
                value, was = p.answers.get(fi.item), old.get(p.key, {"answers": {}})["answers"].get(fi.item)
                now = revision.parts[p.key]["answers"].get(fi.item)
                cells.append({"value": value, "old": was if p.key in old and was != now else None, "source": revision.sources.get(f"{p.key}.{fi.item}")})
            item = book.items[fi.item]
            rows.append({"number": fi.number, "label": fi.label or item.label, "unit": item.unit, "cells": cells, "total": sums[fi.item], "sub": bool(item.parent)})
        found.append({"form": form, "part": form.part, "names": [str(label(form, p.key, p.name)) for p in mine], "rows": rows if mine else [], "several": len(mine) > 1, "gone": gone})
    return found
