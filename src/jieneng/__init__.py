"""jieneng (节能): the year of an office that saves energy and resources in public institutions.

Rooms, bottom to top: core, rulebook, engine, people, records, registry, returns, figures, fieldwork,
reports, desk. Imports run downwards only; see docs/ARCHITECTURE.md.
"""

__version__ = "0.1.0"
