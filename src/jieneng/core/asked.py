"""Whole numbers and years in what a browser sends: keys, versions, years. Anybody may send anything, so rubbish is no number and no error.

``str.isdigit`` is true of “²” and “①”, which ``int`` refuses, and of 400 digits, which no database holds: pages read numbers here.
"""

from __future__ import annotations

KEY = 18
"""Digits of the longest key: below 2⁶³, what databases hold."""


def whole(text: str | None, digits: int = KEY) -> int | None:
    """The number in a text of 0–9 only, at most so many digits; None for anything else.

    >>> whole("12"), whole("²"), whole("-1"), whole("9" * 400), whole(None)
    (12, None, None, None, None)
    """
    clean = (text or "").strip()
    return int(clean) if clean.isascii() and clean.isdecimal() and len(clean) <= digits else None


def year(text: str | None) -> int | None:
    """A year from 1900 to 2200; None for anything else.

    >>> year("2022"), year("22"), year("99999")
    (2022, None, None)
    """
    found = whole(text, 4)
    return found if found is not None and 1900 <= found <= 2200 else None
