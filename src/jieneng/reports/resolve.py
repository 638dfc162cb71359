"""From a document's recipe to a figure of the snapshot."""

from __future__ import annotations

from dataclasses import replace
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
    """Gives the figure of a recipe, from one snapshot on one engine. What cannot be had is a figure without a value, with why."""

    def __init__(self, book: Book, engine: Engine, snapshot: Snapshot) -> None:
        self.book, self.engine, self.snapshot = book, engine, snapshot

    def __call__(self, recipe: Recipe) -> Figure:
        if recipe.kind in ("ledger", "external"):
            return self._ledger(recipe)
        if recipe.kind == "members":
            return self._members(recipe)
        if recipe.kind == "change":
            return self._change(recipe)
        found = calculate(self.book, self.engine, self.snapshot, [recipe.name], period=Period("year", recipe.year), where=recipe.where)
        return found[0] if found else self._nothing(recipe)

    def _nothing(self, recipe: Recipe) -> Figure:
        return Figure(recipe.id, _words(recipe), "", str(recipe.year), {}, None, "", rulebook=self.book.hash,
                      note=str(T("快照里没有 {y} 年的报表", "the snapshot holds no returns of {y}", y=recipe.year)))

    def _members(self, recipe: Recipe) -> Figure:
        """How many institutions have a return of the year in the snapshot: only accepted ones are frozen."""
        form, period = str(self.book.settings["main_form"]), Period("year", recipe.year)
        groups = self.engine.sums(self.snapshot, [], form=form, period=period, where=recipe.where)
        if not groups or not groups[0].members:
            return self._nothing(recipe)
        count = groups[0].members
        leaf = Selection(self.snapshot.id, f"returns:{form}", "institution", MEMBERS, str(period), dict(recipe.where), (), groups[0].rows, count)
        return Figure(recipe.id, _words(recipe), "家", str(period), {}, Fraction(count), str(T("去重计数", "distinct count")), (leaf,),
                      coverage=Coverage(count, count), rulebook=self.book.hash)

    def _change(self, recipe: Recipe) -> Figure:
        """The relative change against the year before, as the members were in each year, or like for like (同口径)."""
        found = year_on_year(self.book, self.engine, self.snapshot, [recipe.name], period=Period("year", recipe.year), where=recipe.where)
        return (found[0].like if recipe.take == "like" else found[0].change) if found else self._nothing(recipe)

    def _ledger(self, recipe: Recipe) -> Figure:
        figure = ledger_figure(self.book, self.engine, self.snapshot, kind=recipe.ledger, take=recipe.take, column=recipe.column,
                               where=recipe.where, name=recipe.id, label=recipe.label)
        lines = len(self.engine.ledger_rows(self.snapshot, recipe.ledger, recipe.where)) if recipe.take == "value" else 1
        if lines > 1:  # which of them is meant, nobody can say
            return replace(figure, exact=None, text="", note=str(T(
                "台账“{t}”里有 {n} 条符合条件，应只有一条", "{n} lines of ledger “{t}” match; there must be one", t=str(self.book.ledgers[recipe.ledger].title), n=lines)))
        numeric = recipe.take == "value" and figure.exact is not None
        return replace(figure, text="") if numeric else figure  # a number is printed in its own shape


def _words(recipe: Recipe) -> dict[str, str]:
    return {"zh": recipe.label.zh, "en": recipe.label.en}
