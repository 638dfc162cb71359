"""A typed number read as people type it, or what is wrong with it in plain words. Nothing is guessed: 1.2万 is asked about."""

from __future__ import annotations

import re
from decimal import Decimal

from jieneng.core.amount import LIMIT, PLACES, amount_text, flat, typed_amount
from jieneng.core.problem import Place, Problem, Refused
from jieneng.core.words import T
from jieneng.rulebook.types import Item

_NUMBER = re.compile(r"-?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?|-?\.\d+")
_GROUPED = re.compile(r"[,\d]*\.?\d*")
_TIMES = {"万": 10_000, "千": 1000, "百": 100, "亿": 100_000_000}


def number(text: str) -> Decimal | None:
    """A total as typed, 0 or more; None for nothing or no number."""
    try:
        return typed_amount(text)
    except Refused:
        return None


def same(one: str, other: str) -> bool:
    """Whether two texts are the same entry: equal, or one number written twice (1010 and 1,010, as a page shows what was typed)."""
    if one == other:
        return True
    a, b = flat(one), flat(other)
    return all(_NUMBER.fullmatch(x) for x in (a, b)) and Decimal(a.replace(",", "")) == Decimal(b.replace(",", ""))


def read_amount(text: str, item: Item, unit: str, field: str) -> Decimal | Problem | None:
    """The number, None for nothing typed, or a ``Problem``: found, expected, what to do.

    ``unit``: the unit as people write it, for the words. Amounts have at most four places and are below 10¹²; counts are whole.
    """
    plain = flat(text)
    if not plain:
        return None
    where, shown = Place(field=field), text.strip()[:30]

    def wrong(code: str, found: T, expected: T, do: T) -> Problem:
        return Problem(f"filling.{code}", found, expected, do, where)

    times = next((n for mark, n in _TIMES.items() if plain.endswith(mark)), 0)
    if times and _NUMBER.fullmatch(plain[:-1]):
        full = Decimal(plain[:-1].replace(",", "")) * times
        said = f"{full:,f}".rstrip("0").rstrip(".") if "." in f"{full:f}" else f"{full:,f}"
        return wrong("times", T("“{x}”不是数字", "“{x}” is no number", x=shown), T("{n} {u}？", "{n} {u}?", n=said, u=unit),
                     T("写成 {n}；单位已经印在框里", "write {n}; the unit is printed in the box", n=said))
    if not _NUMBER.fullmatch(plain):
        if _GROUPED.fullmatch(plain) and "," in plain:
            return wrong("comma", T("“{x}”的逗号位置不对", "the comma in “{x}” is misplaced", x=shown), T("如 1,234.5", "such as 1,234.5"),
                         T("去掉逗号再写一次", "write it without commas"))
        return wrong("number", T("“{x}”不是数字", "“{x}” is no number", x=shown), T("只写数字，单位是 {u}", "digits only; the unit is {u}", u=unit),
                     T("没有用就填 0；还不知道就空着", "write 0 where nothing was used; leave it empty while unknown"))
    value = Decimal(plain.replace(",", ""))
    if value < 0:
        return wrong("negative", T("{x} 小于 0", "{x} is below 0", x=shown), T("0 或更大", "0 or more"), T("看是不是多了负号", "see whether the minus is a slip"))
    if value >= LIMIT:
        return wrong("large", T("{x} 太大", "{x} is too large", x=shown), T("小于 1 万亿", "below 10¹²"), T("看单位：{u}", "look at the unit: {u}", u=unit))
    if item.kind == "count" and value != value.to_integral_value():
        return wrong("whole", T("{x} 不是整数", "{x} is not whole", x=shown), T("整数，单位是 {u}", "a whole number of {u}", u=unit),
                     T("按实际个数填", "write how many there are"))
    if -int(value.normalize().as_tuple().exponent) > PLACES:
        return wrong("places", T("{x} 的小数太多", "{x} has too many decimals", x=shown), T("最多 {n} 位小数", "at most {n} decimals", n=PLACES),
                     T("四舍五入后再填", "round it first"))
    return value


def plain(value: Decimal | None) -> str:
    """A stored amount as it would be typed; blank for the unknown."""
    return amount_text(value) or ""
