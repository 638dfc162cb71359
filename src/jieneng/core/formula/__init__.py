"""The formula language: one line of text, several readings.

Python's own expression syntax with a closed list of what may appear: names (dotted ones reach ``last_year.``,
``last_month.``, ``year.``, ``body.``, ``threshold.``, ``base.``), plain numbers, ``+ - *``, comparisons (chained too), ``and or not``
and the functions of ``FUNCTIONS``. There is no division sign: ``ratio(a, b)`` is unknown where ``b`` is zero or unknown.
There are no strings. Nothing is ever evaluated as Python.

    read("ratio(a, b) <= 0.3", Value({"a": Decimal(3), "b": Decimal(10)}))   True      one return, or exact sums
    read("ratio(a, b) <= 0.3", Needs())                                      {a, b}    what to load
    read("ratio(a, b) <= 0.3", Words({}))                                    a ÷ b ≤ 0.3

The Column reading (all returns at once, as SQL) lives in ``jieneng.engine.column``; its answers are the same, which the
rules below make possible.

**Unknown** is a third answer (Kleene): false and unknown = false, true or unknown = true, else unknown; arithmetic and
comparisons with an unknown are unknown; ``min``, ``max``, ``total`` are unknown if any operand is, unless all operands stand
in ``known(…)``: ``total(known(a, b))`` leaves the unknown ones out and is unknown only if none is known. ``missing(x)`` is
true or false, never unknown. ``truth_table()`` prints all of it.

**Numbers** are exact. A name stands for an amount as stored: less than 10¹² in magnitude, four places. Sums, differences
and products are exact decimals. ``ratio`` is rounded to nine places, and unknown where it reaches 10¹² (no amount is that
large). Both sides of a comparison are rounded to nine places. Ties go away from zero (四舍五入), as DuckDB and Spark round:
half-even, Python's habit, cannot be had from an engine without writing every operand of a ratio six times.

**Width.** ``Extents`` finds the largest number a formula can come to. What might need more than 38 digits, as the product
of three amounts, is refused when it is read, with a hint, instead of overflowing in an engine on the day of the review.
"""

from .extent import AMOUNT, RATIO, Extent, Extents, compare_places, ratio_shift, widest, written
from .grammar import Formula, is_truth, parse, read
from .language import (
    DIGITS,
    FUNCTIONS,
    MAX_LENGTH,
    PLACES,
    STORED,
    WHOLE,
    Answer,
    CannotRead,
    FormulaError,
    Reading,
    no_name,
)
from .readings import TRUTH_ANSWERS, TRUTH_CASES, Needs, Phrase, Value, Words, truth_table

__all__ = [
    "AMOUNT",
    "DIGITS",
    "FUNCTIONS",
    "MAX_LENGTH",
    "PLACES",
    "RATIO",
    "STORED",
    "TRUTH_ANSWERS",
    "TRUTH_CASES",
    "WHOLE",
    "Answer",
    "CannotRead",
    "Extent",
    "Extents",
    "Formula",
    "FormulaError",
    "Needs",
    "Phrase",
    "Reading",
    "Value",
    "Words",
    "compare_places",
    "is_truth",
    "no_name",
    "parse",
    "ratio_shift",
    "read",
    "truth_table",
    "widest",
    "written",
]
