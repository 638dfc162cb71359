"""rulebook: the law as dated data: items, forms in editions, factors, indicators, checks, ledgers, each with its source.

May import: core. Others may use: load, form_for, factor_value, convert, unit_code, unit_words, at_year, breaks, changes, types, commands.
"""

from .editions import at_year, breaks, changes
from .loading import load
from .lookup import convert, factor_value, form_for, unit_code, unit_words

__all__ = ["at_year", "breaks", "changes", "convert", "factor_value", "form_for", "load", "unit_code", "unit_words"]
