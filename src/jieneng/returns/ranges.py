"""Many ids in few characters: an event of a batch carries the list of what it touched."""

from __future__ import annotations

from collections.abc import Iterable


def packed(ids: Iterable[int]) -> str:
    """Sorted ids as ranges.

    >>> packed([5, 1, 2, 3, 9])
    '1-3,5,9'
    """
    parts: list[str] = []
    first = last = None
    for i in sorted(set(ids)):
        if last is not None and i == last + 1:
            last = i
            continue
        if first is not None:
            parts.append(str(first) if first == last else f"{first}-{last}")
        first = last = i
    if first is not None:
        parts.append(str(first) if first == last else f"{first}-{last}")
    return ",".join(parts)


def unpacked(text: str) -> set[int]:
    """The ids of ``packed``.

    >>> sorted(unpacked('1-3,5'))
    [1, 2, 3, 5]
    """
    result: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        result.update(range(int(first), int(last or first) + 1))
    return result
