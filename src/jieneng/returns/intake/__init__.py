"""intake: a foreign file becomes drafts, in order of cost: a look at it, a limited child process, a layout, drafts.

Pure: may import core, rulebook, the standard library, PyYAML and (in the child only) python-calamine. No Django.
Others may use: read_file, load_layout, parse_layout, check_layout, look, Limits and the result types named here.

The child process starts by importing this package, so the names are fetched when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .archive import unpack
    from .checking import check_layout
    from .drafts import BodyRow, Draft, From, IntakeResult, LedgerRow
    from .fields import Units
    from .guard import Limits, Look, look, shown_name
    from .guess import Guess, confirmed, guess_file, layout_text
    from .layout import Layout
    from .parsing import load_layout, parse_layout
    from .patch import Patched, fill_cells
    from .reader import read_file, read_table
    from .slots import Slot, SlotRow, slots_of

_HOMES = {
    "drafts": ("BodyRow", "Draft", "From", "IntakeResult", "LedgerRow"),
    "archive": ("unpack",),
    "guard": ("Limits", "Look", "look", "shown_name"),
    "checking": ("check_layout",),
    "guess": ("Guess", "confirmed", "guess_file", "layout_text"),
    "layout": ("Layout",),
    "parsing": ("load_layout", "parse_layout"),
    "fields": ("Units",),
    "patch": ("Patched", "fill_cells"),
    "reader": ("read_file", "read_table"),
    "slots": ("Slot", "SlotRow", "slots_of"),
}
__all__ = [
    "BodyRow",
    "Draft",
    "From",
    "Guess",
    "IntakeResult",
    "Layout",
    "LedgerRow",
    "Limits",
    "Look",
    "Patched",
    "Slot",
    "SlotRow",
    "Units",
    "check_layout",
    "confirmed",
    "fill_cells",
    "guess_file",
    "layout_text",
    "load_layout",
    "look",
    "parse_layout",
    "read_file",
    "read_table",
    "shown_name",
    "slots_of",
    "unpack",
]


def __getattr__(name: str) -> Any:
    import importlib

    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(name)
