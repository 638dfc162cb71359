"""Findings in words: what was found, what was expected, why, what to do. The rule's own words come from the rulebook."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from jieneng.core.period import Period
from jieneng.core.problem import Severity
from jieneng.core.words import T, speaking
from jieneng.rulebook.reviews import Review, ReviewRule
from jieneng.rulebook.types import Book

from .assess import Found
from .panel import Panel

SINGLE = {"×10^1": T("像是多写了一位（小数点错一位）。", "Looks like one digit too many (the decimal point one place off)."),
          "×10^2": T("像是多写了两位（小数点错两位）。", "Looks like two digits too many (the decimal point two places off)."),
          "×10^3": T("像是大了 1,000 倍，多为单位用错。", "Looks 1,000 times too large: most often a wrong unit."),
          "×10^4": T("像是大了 10,000 倍，多为单位用错。", "Looks 10,000 times too large: most often a wrong unit."),
          "÷10^1": T("像是少写了一位（小数点错一位）。", "Looks like one digit too few (the decimal point one place off)."),
          "÷10^2": T("像是少写了两位（小数点错两位）。", "Looks like two digits too few (the decimal point two places off)."),
          "÷10^3": T("像是小了 1,000 倍，多为单位用错。", "Looks 1,000 times too small: most often a wrong unit."),
          "÷10^4": T("像是按万为单位填的。", "Looks as if entered in units of ten thousand.")}


@dataclass(frozen=True)
class Said:
    """A finding in both languages."""

    rule: ReviewRule
    says: T
    why: T
    do: T


def number(value: float, places: int | None = None) -> str:
    """As people write amounts: thousands separated, four digits that count, no decimals from a thousand up.

    >>> number(2631000.4), number(22.77), number(0.0412)
    ('2,631,000', '22.77', '0.0412')
    """
    if not math.isfinite(value):
        return "—"
    if places is None:
        size = abs(value)
        places = 0 if size >= 1000 or size == round(size) else 1 if size >= 100 else 2 if size >= 1 else 4
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def rounded(value: float) -> float:
    """To three digits that count: an expectation is no more exact than that."""
    if not math.isfinite(value) or value == 0:
        return value
    return float(f"{value:.3g}")


def span(year: int, months: tuple[int, ...], together: bool = True) -> T:
    """Which months: 2022年6月；2022年1—12月合计；2022年3、5月合计；2022年全年."""
    if not months:
        return T(f"{year}年全年", f"whole year {year}")
    if len(months) == 1:
        p = Period.month(year, months[0])
        return p.label
    runs: list[list[int]] = []
    for m in months:
        if runs and m == runs[-1][-1] + 1:
            runs[-1].append(m)
        else:
            runs.append([m])
    zh = "、".join(f"{r[0]}—{r[-1]}" if len(r) > 1 else str(r[0]) for r in runs)
    names = [Period.month(year, m).label.en.split()[0] for m in range(1, 13)]
    en = ", ".join(f"{names[r[0] - 1]}–{names[r[-1] - 1]}" if len(r) > 1 else names[r[0] - 1] for r in runs)
    return T(f"{year}年{zh}月" + ("合计" if together else ""), f"{en} {year}" + (" together" if together else ""))


class Speaker:
    """Puts the findings of one panel into words."""

    def __init__(self, book: Book, review: Review, panel: Panel) -> None:
        self.book, self.review, self.panel = book, review, panel
        self.year = panel.years[-1]
        self.units = {q.item: q.units for q in (*review.quantities, *review.stocks)}

    def unit(self, item: str, language: str) -> str:
        code = self.book.items[item].unit if item in self.book.items else self.book.indicators[item].unit if item in self.book.indicators else ""
        made = self.book.units.get(code)
        return made.label.say(language) if made else code

    def label(self, item: str, language: str) -> str:
        if item in self.book.indicators:
            return self.book.indicators[item].label.say(language)
        return self.book.items[item].label.say(language) if item in self.book.items else item

    def say(self, f: Found) -> Said | None:
        """The words of a finding; None where the review has no rule of its kind."""
        if f.words is not None:
            return self._edit(f)
        rule = self.review.rule(f.kind)
        if rule is None:
            return None
        zh, en = self._values(f, "zh"), self._values(f, "en")
        return Said(rule, T(_filled(rule.says.zh, zh), _filled(rule.says.en, en)), self.why(f), T(_filled(rule.do.zh, zh), _filled(rule.do.en, en)))

    def _edit(self, f: Found) -> Said:
        """A check of the form keeps its own words; where several returns fail it, how many is said."""
        assert f.words is not None
        severity, says, do, n = f.words
        text = T(says["zh"].replace("{", "(").replace("}", ")"), says["en"].replace("{", "(").replace("}", ")"))
        if n > 1:
            when = span(self.year, f.months, False)
            text = T(f"{when.zh}共 {n} 份：{text.zh}", f"{n} returns ({when.en}): {text.en}")
        todo = T(do.get("zh") or "核对原始单据", do.get("en") or "check the bills")
        return Said(ReviewRule(f.name, "edit", 1, Severity(severity), text, todo), text,
                    T("依据：报表制度自带的逻辑检查。", "Ground: a check of the form itself."), todo)

    def _values(self, f: Found, language: str) -> dict[str, str]:
        with speaking(language):
            group = (f.group or self.panel.label(f.level, f.row))[0 if language == "zh" else 1]
            whole = sum(v for m, i, v in f.suggested if i == f.item) if f.suggested else float("nan")
            exact = f.kind in ("digit", "swapped", "cost-in") or f.months or f.kind == "change"
            return {
                "item": self.label(f.item, language), "other": self.label(f.other, language) if f.other else "", "unit": self.unit(f.item, language),
                "months": str(span(self.year, f.months, f.kind not in ("repeated", "copied", "zero", "missing"))), "found": self._found(f, language),
                "expected": number(rounded(f.expected)), "low": number(rounded(f.low)), "high": number(rounded(f.high)),
                "suggested": number(whole if exact else rounded(whole)), "factor": self.factor(f, language), "group": group, "peers": f"{f.peers:,}",
                "before": number(f.before), "share": f"{f.ratio if f.kind == 'batch' else f.share:.0%}", "n": self._apart(f, language)}

    def _found(self, f: Found, language: str) -> str:
        if math.isfinite(f.together):
            return T("约 {a}（按多数月份推算；逐月合计 {b}）", "about {a} (by most of its months; all together {b})", a=number(rounded(f.found)), b=number(f.together)).say(language)
        text = number(f.found)
        together = len(f.months) > 1 and f.kind in ("repeated", "copied")
        return T("合计 {t}", "{t} together", t=text).say(language) if together else text

    def _apart(self, f: Found, language: str) -> str:
        """How far found and expected lie apart: per cent, or times from threefold on."""
        if not (f.found > 0 and f.expected > 0):
            return ""
        times = f.found / f.expected
        if times >= 3 or times <= 1 / 3:
            return (T("是它的 {t} 倍", "{t} times as much", t=number(times, 1)) if times > 1 else T("只有它的 {t}", "only {t} of it", t=f"{times:.0%}")).say(language)
        return (T("多 {t}", "{t} more", t=f"{times - 1:.0%}") if times > 1 else T("少 {t}", "{t} less", t=f"{1 - times:.0%}")).say(language)

    def factor(self, f: Found, language: str) -> str:
        """Which slip it looks like, in words; empty where it looks like none."""
        if not f.name:
            return ""
        units = self.units.get(f.item, {})
        if f.name in units:
            name = units[f.name][1].say(language)
            return T("像是按“{u}”填的。", "Looks as if entered in {u}.", u=name).say(language)
        return SINGLE[f.name].say(language) if f.name in SINGLE else ""

    def why(self, f: Found) -> T:
        """On what the expectation rests, with the group compared and its size; which checks of the form fail as well."""
        ground = self._ground(f)
        if f.degrees and f.kind not in ("swapped", "cost-in", "copied", "repeated"):
            then, now, station = f.degrees
            said = {"a": number(then, 0), "b": number(now, 0), "s": station}
            cold = T("采暖用能已按冷暖折算：{s}同期采暖度日数去年 {a}，今年 {b}（越大越冷）。",
                     "Heating is moved to this year's cold: {a} heating degree days then, {b} now ({s}; more is colder).", **said)
            ground = T(f"{ground.say('zh')} {cold.say('zh')}", f"{ground.say('en')} {cold.say('en')}")
        beyond = [v for _, item, v in f.suggested if item == f.item]
        if f.kind == "factor" and f.where == "quantity" and len(beyond) == 1 and not f.low <= beyond[0] <= f.high:
            more = T("建议值不在往年水平之内，但和费用、平常单价对得上。", "The suggestion lies outside earlier years, but agrees with the cost at the usual price.")
            ground = T(f"{ground.say('zh')} {more.say('zh')}", f"{ground.say('en')} {more.say('en')}")
        if f.outside:
            change, level, n = f.outside
            g = self.panel.label(level, f.row)
            more = T("与同类单位的变化相比也在最外侧（{g} {n} 家，本单位 {c}）。", "Its change lies outside that of its like as well ({n} of {e}; its own {c}).", g=g[0], e=g[1], n=n, c=f"{change:+.0%}")
            ground = T(f"{ground.say('zh')} {more.say('zh')}", f"{ground.say('en')} {more.say('en')}")
        if not f.also:
            return ground
        names = ", ".join(f.also)
        return T(ground.say("zh") + f" 表内检查 {names} 也不通过。", ground.say("en") + f" The form's check {names} fails too.")

    def _ground(self, f: Found) -> T:
        g = self.panel.label(f.level, f.row)
        peers = T(f"{g[0]} {f.peers:,} 家", f"{f.peers:,} of {g[1]}")
        if f.kind == "cost":
            return T("依据：本单位以往的平常单价，按同类单位同期涨跌推算。", "Ground: the institution's usual price, moved as prices of its like moved.")
        if f.basis == "quota" and f.group:
            return T(f"依据：{f.group[0]}。按全年用量除以面积，或除以各月平均人数，再和定额比。", f"Ground: {f.group[1]}; use of the year by floor area, or by the mean of its months' people.")
        if f.basis == "price" and f.group:
            return T(f"依据：{f.group[0]}。", f"Ground: {f.group[1]}.")
        if f.kind == "batch":
            return T("依据：与去年同期逐格比较。", "Ground: compared cell by cell with a year ago.")
        if f.kind == "ratio":
            return T(f"依据：{peers.zh}今年与去年之比；用量大的单位容许的变化小，用量小的容许的变化大（Hidiroglou–Berthelot 法）。",
                     f"Ground: this year ÷ last of {peers.en}; large users may change less than small ones (Hidiroglou–Berthelot).")
        if f.kind == "level":
            return T(f"依据：与{peers.zh}比较，先按面积或人数折算。", f"Ground: compared with {peers.en}, per floor area or person.")
        if f.kind == "swapped":
            return T("依据：对调后与往年接近，两数之比也与平常一致。", "Ground: exchanged, they are close to earlier years and their ratio is as usual.")
        if f.kind == "cost-in":
            return T("依据：两格数字完全相同，按这个数算出的单价是 1。", "Ground: the two numbers are the same, which makes a price of 1.")
        grounds = {
            "own-year": T("依据：本单位前两年同月的走势和今年其他月份的水平，并按{p}同月的变化调整。", "Ground: the same months of the two years before and the level of this year's other months, moved as {p} moved."),
            "last-year": T("依据：本单位去年同期 {b}，并按{p}同期的变化调整。", "Ground: a year ago {b}, moved as {p} moved."),
            "own-level": T("依据：本单位以往各年的水平。", "Ground: the level of its own earlier years."),
            "peers": T("依据：本单位没有可比的往年数，按{p}的水平和本单位的面积、人数推算。", "Ground: it has no comparable earlier value; the level of {p} times its own floor area or people."),
            "bill": T("依据：本单位几个月合开一张账单，日均用量应当相同。", "Ground: its bills span several months, so use per day should be the same.")}
        text = grounds.get(f.basis, grounds["own-level"])
        return T(text(p=peers.zh, b=number(f.before)).say("zh"), text(p=peers.en, b=number(f.before)).say("en"))


def _filled(text: str, values: dict[str, Any]) -> str:
    """The words with their places filled; what is empty leaves no double space. No braces remain to be read again."""
    return " ".join(text.format(**values).split()).replace("{", "(").replace("}", ")")
