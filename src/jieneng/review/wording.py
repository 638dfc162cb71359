"""Findings in words: what was found, what was expected, why, what to do. The rule's own words come from the rulebook."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from jieneng.core.period import Period
from jieneng.core.problem import Severity
from jieneng.core.words import LANGUAGES, T, speaking
from jieneng.rulebook import unit_words
from jieneng.rulebook.reviews import Review, ReviewRule
from jieneng.rulebook.types import Book

from .errors import AMOUNT
from .exchanged import ALL, AMOUNTS, COSTS, ROW
from .forecast import LOCAL
from .found import Found
from .panel import Panel

SINGLE = {"×10^1": T("像是多写了一位（小数点错一位）。", "Looks like one digit too many (the decimal point one place off)."),
          "×10^2": T("像是多写了两位（小数点错两位）。", "Looks like two digits too many (the decimal point two places off)."),
          "×10^3": T("像是大了 1,000 倍，多为单位用错。", "Looks 1,000 times too large: most often a wrong unit."),
          "×10^4": T("像是大了 10,000 倍，多为单位用错。", "Looks 10,000 times too large: most often a wrong unit."),
          "÷10^1": T("像是少写了一位（小数点错一位）。", "Looks like one digit too few (the decimal point one place off)."),
          "÷10^2": T("像是少写了两位（小数点错两位）。", "Looks like two digits too few (the decimal point two places off)."),
          "÷10^3": T("像是小了 1,000 倍，多为单位用错。", "Looks 1,000 times too small: most often a wrong unit."),
          "÷10^4": T("像是按万为单位填的。", "Looks as if entered in units of ten thousand.")}
EXCHANGES = {
    ALL: T("依据：两项的数量和费用都对调以后，数量与往年接近，单价也与平常一致。", "Basis: with amounts and costs of both exchanged, the amounts are close to earlier years and the prices are as usual."),
    AMOUNTS: T("依据：两项的数量对调以后，都与往年接近，单价也不再离谱。", "Basis: with the amounts of both exchanged, they are close to earlier years and no price is out of order."),
    COSTS: T("依据：两项的数量与往年接近，费用对调以后单价也与平常一致。", "Basis: the amounts are close to earlier years; with the costs of both exchanged the prices are as usual."),
    ROW: T("依据：这一项往年月月有数，这个月空着；那一项往年从来没有，这个月的数正好与这一项的预计相符。",
           "Basis: the one has a value in every other month and none in this; the other never had one, and holds what is expected of the first.")}
WHOLE = ("person", "vehicle", "piece")
"""Families of units that are counted: no half a person is expected."""


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
    names = [_short(year, m) for m in range(1, 13)]
    en = ", ".join(f"{names[r[0] - 1]}–{names[r[-1] - 1]}" if len(r) > 1 else names[r[0] - 1] for r in runs)
    return T(f"{year}年{zh}月" + ("合计" if together else ""), f"{en} {year}" + (" together" if together else ""))


class Speaker:
    """Puts the findings of one panel into words."""

    def __init__(self, book: Book, review: Review, panel: Panel) -> None:
        self.book, self.review, self.panel = book, review, panel
        self.year = panel.years[-1]
        self.units = {q.item: q.units for q in (*review.quantities, *review.stocks)}
        self.stocks = {s.item for s in review.stocks}

    def unit(self, item: str, language: str) -> str:
        code = self.book.items[item].unit if item in self.book.items else self.book.indicators[item].unit if item in self.book.indicators else ""
        made = self.book.units.get(code)
        return made.label.say(language) if made else unit_words(self.book, code, language).replace("/persons", "/person")

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
        rule = rule.inside if rule.inside is not None and self.inside(f) else rule
        zh, en = self._values(f, "zh"), self._values(f, "en")
        says, do = (_close(_sentence(T(_filled(text.zh, zh), _filled(text.en, en)))) for text in (rule.says, rule.do))
        return Said(rule, says, self.why(f), do)

    def inside(self, f: Found) -> bool:
        """Whether it lies where it was expected, each of its months too: it is listed only because a slip in it would move a total far."""
        within = all(low <= v <= high for _, v, _, low, high in f.single) if len(f.single) > 1 else f.low <= f.found <= f.high
        within = within and (not math.isfinite(f.together) or f.low <= f.together <= f.high)
        return f.kind == "share" and within and f.suspicion < float(self.review.show)

    def _edit(self, f: Found) -> Said:
        """A check of the form keeps its own words; where several returns fail it, how many is said."""
        assert f.words is not None
        severity, says, do, n = f.words
        text = T(says["zh"].replace("{", "(").replace("}", ")"), says["en"].replace("{", "(").replace("}", ")"))
        if n > 1:
            when = span(self.year, f.months, False)
            text = T(f"{when.zh}共 {n} 份：{text.zh}", f"{n} returns ({when.en}): {text.en}")
        todo = _sentence(T(do.get("zh") or "核对原始单据", do.get("en") or "check the bills"))
        text = _sentence(text)
        return Said(ReviewRule(f.name, "edit", 1, Severity(severity), text, todo), text,
                    T("依据：报表制度自带的逻辑检查。", "Basis: a check of the form itself."), todo)

    def _values(self, f: Found, language: str) -> dict[str, str]:
        with speaking(language):
            group = (f.group or self.panel.label(f.level, f.row))[0 if language == "zh" else 1]
            whole = sum(v for m, i, v in f.suggested if i == f.item) if f.suggested else float("nan")
            unit = self.unit(f.item, language)
            if f.kind == "level":
                unit = f"{unit}/{self.unit(f.other, language)}".replace("/persons", "/person")
            months = span(self.year, f.months, f.kind not in ("repeated", "copied", "zero", "missing"))
            other, before = self._beside(f, whole, language)
            expected, low, high = (number(self._about(f.item, v)) for v in (f.expected, f.low, f.high))
            return {
                "item": self.label(f.item, language), "other": other, "unit": unit,
                "months": str(T("{y}年", "{y}", y=self.year) if f.item in self.stocks and not f.months else months), "found": self._found(f, language),
                "expected": expected, "low": low, "high": high, "suggested": number(whole, 0 if self._counted(f.item) else None),
                "factor": self.factor(f, language), "group": group, "peers": f"{f.peers:,}",
                "before": before, "share": f"{f.ratio if f.kind in ('batch', 'weighty') else f.share:.0%}", "n": self._apart(f, language)}

    def _counted(self, item: str) -> bool:
        made = self.book.units.get(self.book.items[item].unit) if item in self.book.items else None
        return made is not None and made.family in WHOLE

    def _about(self, item: str, value: float) -> float:
        """An expectation to three digits; of what is counted, whole."""
        return float(round(rounded(value))) if self._counted(item) and math.isfinite(value) else rounded(value)

    def _beside(self, f: Found, whole: float, language: str) -> tuple[str, str]:
        """What it is told beside, and a number for it: the other box with its value; of a bill in two months, the month it seems to hold as well."""
        label = self.label(f.other, language) if f.other else ""
        if f.kind in ("swapped", "exchanged"):
            return T("{o}（{v} {u}）", "{o} ({v} {u})", o=label, v=number(whole), u=self.unit(f.other, language)).say(language), number(f.before)
        if f.kind != "twice":
            return label, number(f.before)
        now = self.panel.of(f.item)[f.row, -1]
        taken: list[tuple[int, float]] = []
        for month, found, expected, _, _ in f.single:
            near = [(m, float(now[m - 1])) for m in (month - 1, month + 1) if 1 <= m <= len(now) and now[m - 1] > 0]
            if near:
                taken.append(min(near, key=lambda pair: abs(math.log(found / (expected + pair[1])))))
        if len(taken) == 1:
            return T(f"{taken[0][0]}月", _short(self.year, taken[0][0])).say(language), number(taken[0][1])
        return T("相邻月份", "the months beside").say(language), number(sum(v for _, v in taken))

    def _found(self, f: Found, language: str) -> str:
        if math.isfinite(f.together):
            return T("{b}（逐月合计；按多数月份推算约 {a}）", "{b} (its months added up; about {a} by most of them)", a=number(rounded(f.found)), b=number(f.together)).say(language)
        if len(f.months) > 1 and f.kind == "repeated" and len({v for _, v, *_ in f.single}) == 1:
            return T("每月 {t}", "{t} each month:", t=number(f.single[0][1])).say(language).rstrip(":")
        text = number(f.found)
        return T("合计 {t}", "in all {t}", t=text).say(language) if len(f.months) > 1 and f.kind in ("repeated", "copied") else text

    def _apart(self, f: Found, language: str) -> str:
        """How far found and expected lie apart: per cent, or times from threefold on. Of a few months each is told, as one may hide another."""
        n = LANGUAGES.index(language)
        if f.kind == "level":
            return _times(f.found, f.expected, ("中位数", "the median"))[n]
        whole = _times(f.found, f.expected, ("预计", "expected") if self.inside(f) else ("", ""))[n]
        if math.isfinite(f.together) and whole:
            return T("按推算{t}", "by that estimate {t}", t=whole).say(language)
        if not 1 < len(f.single) <= 6 or not whole:
            return whole
        each = [(f"{m}月", _short(self.year, m))[n] + " " * n + _times(v, e, ("", ""))[n] for m, v, e, _, _ in f.single]
        said = ("、", ", ")[n].join(each)
        if abs(math.log(f.found / f.expected)) < 0.03:
            return T("合计与预计相近，但{e}", "in all about as expected, but {e}", e=said).say(language)
        return f"{whole}（{said}）" if language == "zh" else f"{whole} ({said})"

    def factor(self, f: Found, language: str) -> str:
        """Which slip it looks like, in words; empty where it looks like none."""
        mine = [v for _, i, v in f.suggested if i == f.item]
        if f.kind == "change" and f.name not in (*SINGLE, *self.units.get(f.item, {})) and len(mine) == 1 and mine[0] > 0 and f.found > 0:
            return next((said.say(language) for name, said in SINGLE.items() if _slip(name) == round(f.found / mine[0], 9)), "")
        if not f.name:
            return ""
        if f.name == AMOUNT:
            return T("和数量一个数字不差，像是把数量又填进了费用。", "The very same number as the amount, as if that had been typed into both.").say(language)
        if f.name == "÷10^4" and self.book.items[f.item].unit == "yuan":
            return T("像是按“万元”填的。", "Looks as if entered in 10⁴ yuan.").say(language)
        units = self.units.get(f.item, {})
        if f.name in units:
            name = units[f.name][1].say(language)
            return T("像是按“{u}”填的。", "Looks as if entered in {u}.", u=name).say(language)
        return SINGLE[f.name].say(language) if f.name in SINGLE else ""

    def why(self, f: Found) -> T:
        """On what the expectation rests, with the group compared and its size; which checks of the form fail as well."""
        made = self._ground(f)
        ground = T(made.say("zh"), made.say("en"))
        if f.degrees and f.kind not in ("swapped", "exchanged", "cost-in", "copied", "repeated"):
            then, now, station = f.degrees
            said = {"a": number(then, 0), "b": number(now, 0), "s": station}
            cold = T("采暖用能已按冷暖折算：{s}同期采暖度日数去年 {a}，今年 {b}（越大越冷）。",
                     "Heating is moved to this year's cold: {a} heating degree days then, {b} now ({s}; more is colder).", **said)
            ground = T(f"{ground.say('zh')}{cold.say('zh')}", f"{ground.say('en')} {cold.say('en')}")
        beyond = [v for _, item, v in f.suggested if item == f.item]
        if f.kind == "factor" and f.where == "quantity" and len(beyond) == 1 and not f.low <= beyond[0] <= f.high:
            more = T("建议值不在往年水平之内，但和费用、平常单价对得上。", "The suggestion lies outside earlier years, but agrees with the cost at the usual price.")
            ground = T(f"{ground.say('zh')}{more.say('zh')}", f"{ground.say('en')} {more.say('en')}")
        if f.outside_price:
            price, low, high, whose = f.outside_price
            said = {"p": number(price), "a": number(low), "b": number(high)}
            more = T("单价 {p}，也不在本地价格表 {a} 至 {b} 之内（{s}）。", "Its price {p} lies outside the local table as well, {a} to {b} ({e}).", **said, s=whose[0], e=whose[1])
            ground = T(f"{ground.say('zh')}{more.say('zh')}", f"{ground.say('en')} {more.say('en')}")
        if f.outside:
            change, level, n = f.outside
            g = self.panel.label(level, f.row)
            own = _times(1 + change, 1.0, ("去年", "last year"))
            more = T("与同类单位的变化相比也在最外侧（{g} {n} 家；本单位{c}）。", "Its change lies outside that of its like as well ({e}: {n} institutions; its own: {o}).",
                     g=g[0], e=g[1], n=n, c=own[0], o=own[1])
            ground = T(f"{ground.say('zh')}{more.say('zh')}", f"{ground.say('en')} {more.say('en')}")
        if f.kind == "share" and self.inside(f):
            more = T("没有看出明显问题；列出来只因占合计的分量大，一旦填错（如错一位小数），本地合计就会明显偏差。",
                     "Nothing looks clearly wrong; it is listed because a slip in it (a decimal point) would move the local total noticeably.")
            ground = T(more.zh + ground.zh, f"{more.en} {ground.en}")
        if not f.also:
            return _close(ground)
        return _close(T(ground.zh + f"表内检查 {'、'.join(f.also)} 也不通过。", f"{ground.en} The form's {'checks' if len(f.also) > 1 else 'check'} {', '.join(f.also)} fail{'' if len(f.also) > 1 else 's'} too."))

    def _ground(self, f: Found) -> T:
        g = self.panel.label(f.level, f.row)
        peers = T(f"{g[0]} {f.peers:,} 家", f"{g[1]}: {f.peers:,}" + ("" if g[1].endswith("institutions") else " institutions"))
        if f.kind == "cost" and f.basis == LOCAL and f.group:
            return T(f"依据：本单位没有往年单价，同类单位也太少；按本地价格表（{f.group[0]}）推算。",
                     f"Basis: it has no earlier price and too few of its like; the local price table ({f.group[1]}).")
        if f.kind == "cost" and f.basis == "peers-price":
            return T(f"依据：本单位没有往年单价，按{peers.zh}的单价中位数推算。", f"Basis: it has no earlier price; the median price of its like ({peers.en}).")
        if f.kind == "cost":
            return T("依据：本单位以往的平常单价，按同类单位同期涨跌推算。", "Basis: the institution's usual price, adjusted by how the prices of its like changed.")
        if f.basis == "quota" and f.group:
            return T(f"依据：{f.group[0]}。全年用量除以面积，或除以各月平均人数，与定额比较。", f"Basis: {f.group[1]}; use of the year by floor area, or by the mean of its months' people.")
        if f.basis == "price" and f.group:
            return T(f"依据：{f.group[0]}。", f"Basis: {f.group[1]}.")
        if f.kind == "batch":
            return T("依据：与去年同期逐格比较。", "Basis: compared cell by cell with a year ago.")
        if f.kind == "ratio":
            return T(f"依据：{peers.zh}今年与去年之比；用量大的单位容许的变化小，用量小的容许的变化大（Hidiroglou–Berthelot 法）。",
                     f"Basis: this year ÷ last of its like ({peers.en}); large users may change less than small ones (Hidiroglou–Berthelot).")
        if f.kind == "weighty":
            return T("依据：本单位以往各年各月的波动，和它在合计中的份量。", "Basis: how much its own months and years vary, and its weight in the total.")
        if f.kind == "level":
            return T(f"依据：与{peers.zh}比较，先按面积或人数折算。", f"Basis: compared with its like ({peers.en}), per floor area or person.")
        if f.kind in ("copied", "repeated"):
            return self._same(f)
        if f.kind == "swapped":
            return T("依据：对调后与往年接近，两数之比也与平常一致。", "Basis: exchanged, they are close to earlier years and their ratio is as usual.")
        if f.kind == "exchanged":
            return EXCHANGES[f.name]
        if f.kind == "slip":
            return T("依据：本单位今年其他各月填报的数。", "Basis: what the institution reported in the other months of this year.")
        if f.kind == "cost-in":
            return T("依据：两格数字完全相同，按这个数算出的单价是 1。", "Basis: the two numbers are the same, which makes a price of 1.")
        grounds = {
            "own-year": T("依据：本单位前两年同月的走势和今年其他月份的水平，并按{p}同月的变化调整。",
                          "Basis: the same months of the two years before and the level of this year's other months, adjusted by the change of its like ({p})."),
            "last-year": T("依据：本单位去年同期 {b}，并按{p}同期的变化调整。", "Basis: a year ago {b}, adjusted by the change of its like ({p})."),
            "own-level": T("依据：本单位以往各年的水平。", "Basis: the level of its own earlier years."),
            "peers": T("依据：本单位没有可比的往年数，按{p}的水平和本单位的面积、人数推算。", "Basis: it has no comparable earlier value; the level of its like ({p}) times its own floor area or people."),
            "between": T("依据：抄表日在月中，账单按天分到各月，以往各月的日均用量都在前后两个月之间。",
                         "Basis: its meter is read within the month and bills are spread over days, so its use per day has always lain between that of the months beside it."),
            "bill": T("依据：本单位几个月合开一张账单，日均用量应当相同。", "Basis: its bills span several months, so use per day should be the same.")}
        text = grounds.get(f.basis, grounds["own-level"])
        return T(text(p=peers.zh, b=number(f.before)).say("zh"), text(p=peers.en, b=number(f.before)).say("en"))


    def _same(self, f: Found) -> T:
        """The ground of what is the very same as a year or a month before: that it was compared, and how many months agree."""
        n = len(f.months) or 12
        if f.kind == "copied":
            return T("依据：逐月与去年同月比较，{n} 个月的数完全相同；往年不是这样。", "Basis: each month compared with the same one a year ago: {n} the very same, unlike earlier years.", n=n)
        return T("依据：逐月与上个月比较，{n} 个月的数完全相同；往年不是这样。", "Basis: each month compared with the one before: {n} the very same, unlike earlier years.", n=n)


def _short(year: int, month: int) -> str:
    return Period.month(year, month).label.en.split()[0]


def _slip(name: str) -> float:
    """By how much a slip of the decimal point multiplies: ×10^1 → 10."""
    power = 10 ** int(name[-1])
    return float(power) if name[0] == "×" else 1 / power


def _times(found: float, expected: float, than: tuple[str, str]) -> tuple[str, str]:
    """How far two amounts lie apart, in both languages: per cent, times from threefold on; empty where either is none.

    >>> _times(120, 100, ("预计", "expected")), _times(0.0001, 1, ("去年", "last year"))
    (('比预计多 20%', '20% more than expected'), ('不到去年的 1%', 'under 1% of last year'))
    """
    if not (found > 0 and expected > 0):
        return "", ""
    times, (zh, en) = found / expected, (than[0] or "预计", than[1] or "expected")
    if times >= 3:
        return f"是{zh}的 {number(times, 1)} 倍", f"{number(times, 1)} times {en}"
    if times <= 1 / 3:
        return (f"不到{zh}的 1%", f"under 1% of {en}") if times < 0.01 else (f"只有{zh}的 {times:.0%}", f"only {times:.0%} of {en}")
    share = f"{abs(times - 1):.0%}"
    if share == "0%":
        return f"与{zh}相近", f"close to {en}"
    before, after = (f"比{than[0]}", f" than {than[1]}") if than[0] else ("", "")
    return (f"{before}多 {share}", f"{share} more{after}") if times > 1 else (f"{before}少 {share}", f"{share} less{after}")


def _close(text: T) -> T:
    """Chinese without gaps between its own words; a gap beside a number stays."""
    return T(re.sub(r"(?<=[\u3000-\u9fff\uff00-\uffef]) (?=[\u3000-\u9fff\uff00-\uffef])", "", text.zh), text.en)


def _sentence(text: T) -> T:
    """A check's own words as a sentence, as the others are."""
    zh, en = text.zh.rstrip(), text.en.rstrip()
    return T(zh if zh.endswith(("。", "？", "！")) else zh + "。", (en[:1].upper() + en[1:]) + ("" if en.endswith((".", "?", "!")) else "."))


def _filled(text: str, values: dict[str, Any]) -> str:
    """The words with their places filled; what is empty leaves no double space. No braces remain to be read again."""
    return " ".join(text.format(**values).split()).replace("{", "(").replace("}", ")")
