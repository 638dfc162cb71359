"""From a document's recipe to a figure of the snapshot."""

from __future__ import annotations

from fractions import Fraction

from jieneng.core.figure import Coverage, Figure, Selection
from jieneng.core.period import Period
from jieneng.core.words import T
from jieneng.engine import Engine, Snapshot
from jieneng.figures.calculate import calculate, ledger_figure
from jieneng.figures.compare import year_on_year
from jieneng.figures.prove import MEMBERS
from jieneng.rulebook.types import Book

from .spec import Recipe


class Resolver:
    """Gives the figure of a recipe, from one snapshot on one engine."""

    def __init__(self, book: Book, engine: Engine, snapshot: Snapshot) -> None:
        self.book, self.engine, self.snapshot = book, engine, snapshot

    def __call__(self, recipe: Recipe) -> Figure:
        if recipe.kind == "indicator":
            return self._one(recipe.name, recipe.year)
        if recipe.kind == "members":
            return self._members(recipe)
        if recipe.kind == "change":
            return self._change(recipe)
        return ledger_figure(self.book, self.engine, self.snapshot, kind=recipe.ledger, take=recipe.take, column=recipe.column,
                             where=recipe.where, name=recipe.id, label=recipe.label)

    def _one(self, name: str, year: int) -> Figure:
        found = calculate(self.book, self.engine, self.snapshot, [name], period=Period("year", year))
        if found:
            return found[0]
        return self._unknown(name, year)

    def _unknown(self, name: str, year: int) -> Figure:
        return Figure(name, {"zh": name, "en": name}, "", str(year), {}, None, "", note=str(
            T("快照里没有 {y} 年的报表", "the snapshot holds no returns of {y}", y=year)), rulebook=self.book.hash)

    def _members(self, recipe: Recipe) -> Figure:
        """How many institutions have accepted returns of the year in the snapshot."""
        form = str(self.book.settings["main_form"])
        groups = self.engine.sums(self.snapshot, [], form=form, period=Period("year", recipe.year))
        count = groups[0].members if groups else 0
        leaf = Selection(self.snapshot.id, f"returns:{form}", "institution", MEMBERS, str(recipe.year), {}, (), groups[0].rows if groups else 0, count)
        return Figure(recipe.id, {"zh": recipe.label.zh, "en": recipe.label.en}, "家", str(recipe.year), {}, Fraction(count) if count else None,
                      str(T("去重计数", "distinct count")), (leaf,), coverage=Coverage(count, count), rulebook=self.book.hash,
                      note="" if count else str(T("快照里没有 {y} 年的报表", "the snapshot holds no returns of {y}", y=recipe.year)))

    def _change(self, recipe: Recipe) -> Figure:
        """The relative change on the year before; ``take: like`` only of members covered in both years (同口径)."""
        found = year_on_year(self.book, self.engine, self.snapshot, [recipe.name], period=Period("year", recipe.year))
        if not found:
            return self._unknown(recipe.name, recipe.year)
        return found[0].like if recipe.take == "like" else found[0].change
