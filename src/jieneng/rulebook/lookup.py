"""What is in force: the edition for a data year, the factor for a day, the unit for a text, and exact conversion."""

from __future__ import annotations

import datetime as dt
import functools
import unicodedata
from decimal import Decimal
from fractions import Fraction

from jieneng.core.problem import refuse
from jieneng.core.words import T, language

from .types import Book, FactorValue, Form, Unit


def form_for(book: Book, form: str, year: int) -> Form:
    """The edition of a form by which a data year is judged. Raises ``Refused`` naming the years there are."""
    editions = [f for f in book.forms.values() if f.code == form]
    for f in editions:
        if f.years_from <= year and (f.years_to is None or year <= f.years_to):
            return f
    raise refuse(
        "form.none", T("{form} 没有 {year} 数据年份的版本", "{form} has no edition for data year {year}", form=form, year=year),
        expected=T("{list}", "{list}", list="、".join(f"{f.name}: {f.years_from}–{f.years_to or ''}" for f in editions) or "—"))


def factor_value(book: Book, factor: str, on: dt.date, region: str = "", vintage: str = "") -> FactorValue:
    """The value of a factor in force on a day, for a region and (frozen) vintage. Raises ``Refused`` if there is none."""
    values = [v for v in book.factors[factor].values if v.region in ("", region) and (not vintage or v.vintage == vintage)]
    values = [v for v in values if vintage or v.since <= on]
    if not values:
        raise refuse("factor.none", T("系数“{f}”在 {d} 没有值{r}", "factor “{f}” has no value on {d}{r}",
                                      f=str(book.factors[factor].label), d=on.isoformat(), r=f"（{region}）" if region else ""),
                     do=T("在规则库 factors/ 里补上，注明出处", "add it to factors/ with its source"))
    return max(values, key=lambda v: (v.region == region, v.since))


@functools.lru_cache(maxsize=8)
def _aliases(units: tuple[Unit, ...]) -> dict[str, str]:
    table: dict[str, str] = {}
    for u in units:
        for name in (u.code, u.label.zh, u.label.en, *u.aliases):
            table.setdefault(_folded(name), u.code)
    return table


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


def unit_code(book: Book, text: str) -> str:
    """The unit a text names, by code or alias. Raises ``Refused`` naming it: an unknown unit is never guessed."""
    exact = book.units.get(text.strip())
    if exact is not None:
        return exact.code
    found = _aliases(tuple(book.units.values())).get(_folded(text))
    if found is None:
        raise refuse("unit.unknown", T("不认识的计量单位“{u}”", "unknown unit “{u}”", u=text.strip()),
                     do=T("改成规则库里的单位，或请管理员补充", "use a unit of the rulebook, or have it added"))
    return found


def unit_words(book: Book, code: str, lang: str = "") -> str:
    """A unit as people write it in a language (default: that of the reader): m³, 人, kgce/person; an unknown code stands as it is."""
    lang, labels = lang or language(), {u.label.zh: u.label for u in book.units.values()}

    def one(part: str) -> str:
        label = book.units[part].label if part in book.units else labels.get(part)
        if label is None:
            return part
        chinese = part in labels or book.units[part].family in ("person", "vehicle", "piece", "time", "money")
        return label.zh if lang == "zh" and chinese else label.en

    return "/".join(one(part) for part in code.split("/"))


def convert(book: Book, value: Decimal, unit_from: str, unit_to: str) -> Fraction:
    """``value`` of one unit in another of the same family, exactly. Raises ``Refused`` for another family."""
    a, b = book.units[unit_code(book, unit_from)], book.units[unit_code(book, unit_to)]
    if a.family != b.family:
        raise refuse("unit.family", T("{a} 不能换成 {b}", "{a} does not convert to {b}", a=a.code, b=b.code),
                     do=T("核对这一列到底是什么单位", "check which unit the column really has"))
    return Fraction(value) * Fraction(a.to_base) / Fraction(b.to_base)
