"""engine: snapshots and sums. The only room that knows SQL dialects, Arrow and DuckDB; it knows no Django.

May import: core, rulebook. Others may use: connect, Ask, Piece, Pieces, write_snapshot, open_snapshot, verify_snapshot,
leftovers, clean_leftovers, read_table, write_table, and the types of their answers.
"""

from .bulk import Piece, Pieces
from .screening import Failing, Screened
from .snapshot import Snapshot, clean_leftovers, due_bit, leftovers, open_snapshot, verify_snapshot, write_snapshot
from .sums import EVERY, Ask, Cell, Engine, Group, LedgerAnswer, Total, Uncovered, connect
from .tables import read_table, table_rows, write_table

__all__ = [
    "EVERY", "Ask", "Cell", "Engine", "Failing", "Group", "LedgerAnswer", "Piece", "Pieces", "Screened", "Snapshot", "Total", "Uncovered", "clean_leftovers", "connect", "due_bit",
    "leftovers", "open_snapshot", "read_table", "table_rows", "verify_snapshot", "write_snapshot", "write_table",
]
