"""Which institution a line with an unknown code is probably about: said as advice, never taken by itself."""

from __future__ import annotations

import unicodedata

from jieneng.core.words import T

from .models import Standing

_LETTERS = str.maketrans("OISZ", "0152")
"""Letters that credit codes do not use (GB 32100—2015, 4) and the digits they are mistaken for."""


def plain_name(name: str) -> str:
    """A name without what hands and systems write differently: width, brackets, spaces.

    >>> plain_name("示例中学（东 校区）") == plain_name("示例中学(东校区)")
    True
    """
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()


class Likely:
    """The codes and names (of all times) of the institutions under an office, fetched when the first unknown code is met."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._names: dict[str, set[str]] | None = None
        self._keys: set[str] = set()

    def _fetch(self) -> dict[str, set[str]]:
        if self._names is None:
            self._names = {}
            for key, name in Standing.objects.filter(office__path__startswith=self.path).values_list("institution__key", "name"):
                self._names.setdefault(plain_name(name), set()).add(key)
                self._keys.add(key)
        return self._names

    def key(self, identifier: str, name: str) -> str:
        """The one key that is meant, or "": a letter for a digit, one place too few or too many, or the same name."""
        named = self._fetch().get(plain_name(name), set())
        swapped = identifier.upper().translate(_LETTERS)
        if swapped in self._keys:
            return swapped
        near = {k for k in named if _one_off(identifier.upper(), k)} or ({k for k in self._keys if _one_off(identifier.upper(), k)} if len(identifier) in (17, 19) else set())
        found = near or named
        return next(iter(found)) if len(found) == 1 else ""

    def advice(self, identifier: str, name: str) -> T:
        """What to do about a line whose code is not in the register."""
        if key := self.key(identifier, name):
            return T("名录里可能是这一家，代码 {k}（表里{w}）；请填报单位在平台核对改正，再导出一次", "perhaps the one with code {k} in the register ({w}); have it checked on the platform and export again",
                     k=key, w=_unlike(identifier.upper(), key))
        return T("先在名录库登记，或核对代码", "enter it in the register first, or check the code")


def _one_off(wrong: str, right: str) -> bool:
    """Whether one place is missing, too many, or another."""
    if len(wrong) == len(right):
        return sum(a != b for a, b in zip(wrong, right, strict=True)) == 1
    short, long = sorted((wrong, right), key=len)
    return len(long) - len(short) == 1 and any(long[:n] + long[n + 1 :] == short for n in range(len(long)))


def _unlike(wrong: str, right: str) -> T:
    if len(wrong) < len(right):
        return T("少 {n} 位", "{n} short", n=len(right) - len(wrong))
    if len(wrong) > len(right):
        return T("多 {n} 位", "{n} too many", n=len(wrong) - len(right))
    at = next((n for n, (a, b) in enumerate(zip(wrong, right, strict=True)) if a != b), 0)
    return T("第 {n} 位写成了 {a}，应为 {b}", "place {n} is {a}, should be {b}", n=at + 1, a=wrong[at], b=right[at])
