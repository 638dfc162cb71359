"""engine: snapshots and sums. The only room that knows SQL dialects, Arrow, DuckDB and Spark; it knows no Django.

    questions   the protocol: what may be asked, the types of the answers
    statements  each question as one SQL tree      answers  rows of an engine as those types
    relational  what engines that speak SQL share  on_duckdb (with parts), on_spark   plain  the same from loops
    address     an engine by its address        remembering  answers that were given before
    screening, column                              checks over all returns
    snapshot, bulk, wide, tables                   what is frozen
    sifting, terms, sifting_plain                  first screening of a whole year: what deserves the full review
    reviewing, answered                            the wide year, and answers of the record store, as arrays for the review

May import: core, rulebook. Others may use: connect, check_address, check_engine, Ask, Indicator, Term, Piece, Pieces, write_snapshot, open_snapshot,
verify_snapshot, leftovers, clean_leftovers, read_table, write_table, area_prefixes, wide_arrays, answer_columns, and the
types of their answers; ``sifting.Sieve`` and what it is made of.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .address import check_address, check_engine, connect
    from .answered import answer_columns
    from .bulk import Piece, Pieces
    from .questions import (
        EVERY,
        Ask,
        Cell,
        Engine,
        Group,
        Indicator,
        LedgerAnswer,
        Rank,
        Spread,
        Term,
        Total,
        Uncovered,
    )
    from .remembering import afresh
    from .reviewing import WideArrays, area_prefixes, wide_arrays
    from .screening import Failing, Screened
    from .snapshot import Snapshot, clean_leftovers, due_bit, leftovers, open_snapshot, verify_snapshot, write_snapshot
    from .tables import read_table, table_rows, write_table

_WHERE = {name: module for module, names in {
    "answered": "answer_columns",
    "bulk": "Piece Pieces",
    "address": "check_address check_engine connect",
    "questions": "EVERY Ask Cell Engine Group Indicator LedgerAnswer Rank Spread Term Total Uncovered",
    "remembering": "afresh",
    "reviewing": "WideArrays area_prefixes wide_arrays",
    "screening": "Failing Screened",
    "snapshot": "Snapshot clean_leftovers due_bit leftovers open_snapshot verify_snapshot write_snapshot",
    "tables": "read_table table_rows write_table",
}.items() for name in names.split()}
__all__ = [
    "EVERY", "Ask", "Cell", "Engine", "Failing", "Group", "Indicator", "LedgerAnswer", "Piece", "Pieces", "Rank", "Screened", "Snapshot", "Spread", "Term",
    "Total", "Uncovered", "WideArrays", "afresh", "answer_columns", "area_prefixes", "check_address", "check_engine", "clean_leftovers", "connect", "due_bit", "leftovers", "open_snapshot", "read_table", "table_rows",
    "verify_snapshot", "wide_arrays", "write_snapshot", "write_table",
]


def __getattr__(name: str) -> Any:
    """Names of this room load their module when first used: a command that asks nothing of an engine does not wait for Arrow and DuckDB."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f".{_WHERE[name]}", __name__), name)
    globals()[name] = found
    return found
