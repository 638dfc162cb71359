"""rulebook: the law as dated data: items, forms in editions, factors, indicators, checks, ledgers, each with its source.

May import: core. Others may use: load, form_for, factor_value, convert, unit_code, types, commands.
"""

from .loading import convert, factor_value, form_for, load, unit_code

__all__ = ["convert", "factor_value", "form_for", "load", "unit_code"]
