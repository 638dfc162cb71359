"""Ledgers that hold tables of a place, quotas, prices and temperatures: what they must say beyond their types, and how the review gets them."""

from __future__ import annotations

import calendar
import datetime as dt
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from jieneng.core.problem import Place, Problem
from jieneng.core.words import T
from jieneng.people.queries import root_office
from jieneng.returns.queries import book
from jieneng.review.given import DEGREES, PRICES, QUOTAS
from jieneng.review.weather import Degrees, of_days, of_month
from jieneng.rulebook.reviews import Price, Quota
from jieneng.rulebook.types import Source

from .models import LedgerRecord
from .queries import current

PERIOD = re.compile(r"\d{4}-(0[1-9]|1[0-2])(-\d{2})?")


def _wrong(field: str, found: T, expected: T | None = None, do: T | None = None) -> Problem:
    return Problem(f"ledger.{field}", found, expected, do, Place(field=field))


def _region(values: Mapping[str, str]) -> list[Problem]:
    known = book().divisions
    if values["region"] in known:
        return []
    some = "、".join(f"{d.code} {d.name}" for d in list(known.values())[:12])
    return [_wrong("region", T("没有代码为“{r}”的地区", "there is no region with the code “{r}”", r=values["region"]), T("{s}", "{s}", s=some))]


def check_quota(values: Mapping[str, str]) -> list[Problem]:
    """Region known; 0 < guide ≤ base ≤ binding value; ends after it begins; energy says how electricity is counted."""
    found = _region(values)
    known = [(f, Decimal(values[f])) for f in ("guide", "baseline", "constraint") if values[f]]
    if any(v <= 0 for _, v in known):
        found.append(_wrong(next(f for f, v in known if v <= 0), T("定额不是正数", "a quota is not above zero")))
    for (_, low), (name, high) in itertools.pairwise(known):
        if low > high:
            found.append(_wrong(name, T("{v} 小于前一档 {l}", "{v} is below {l}", v=f"{high:,f}", l=f"{low:,f}"),
                                T("引导值 ≤ 基准值 ≤ 约束值", "guide ≤ base ≤ binding value"), T("看三个值是不是填串了", "see whether they were mixed up")))
    if values["until"] and values["until"] < values["since"]:
        found.append(_wrong("until", T("废止日期早于实施日期", "it ends before it begins")))
    if values["indicator"].startswith("energy") and values["basis"] == "none":
        found.append(_wrong("basis", T("综合能耗的定额没有写电力按什么折算", "a quota of energy does not say how electricity is counted"), T("当量值或等价值", "equivalent or equal value"),
                            T("看标准的折标煤系数：0.1229 是当量值，0.31 左右是等价值", "see the standard: 0.1229 is the equivalent value, about 0.31 the equal value")))
    return found


def check_temperature(values: Mapping[str, str]) -> list[Problem]:
    """Region known; the period a month or a day there is; −60 to 60 ℃; degree days none of which is more than a month can hold."""
    found, period = _region(values), values["period"]
    day = period[8:]
    if not PERIOD.fullmatch(period) or (day and not 1 <= int(day) <= calendar.monthrange(int(period[:4]), int(period[5:7]))[1]):
        found.append(_wrong("period", T("“{p}”不是月份，也不是日期", "“{p}” is no month and no day", p=period), T("2022-01 或 2022-01-15", "2022-01 or 2022-01-15")))
    if abs(Decimal(values["mean"])) > 60:
        found.append(_wrong("mean", T("平均气温 {v} ℃", "a mean of {v} °C", v=values["mean"]), T("-60 至 60 ℃", "-60 to 60 °C"), T("看是不是写成了 0.1 ℃", "see whether it is in tenths of a degree")))
    for name in ("hdd", "cdd"):
        if values[name] and not 0 <= Decimal(values[name]) <= (78 if day else 31 * 78):
            found.append(_wrong(name, T("度日数 {v}", "{v} degree days", v=values[name]), T("0 以上，一天不超过 78", "0 or more, at most 78 a day")))
    return found


def check_price(values: Mapping[str, str]) -> list[Problem]:
    """Region known; 0 < lowest ≤ usual ≤ highest, both ends of the span or none; ends after it begins."""
    found = _region(values)
    known = [(f, Decimal(values[f])) for f in ("low", "price", "high") if values[f]]
    if any(v <= 0 for _, v in known):
        found.append(_wrong(next(f for f, v in known if v <= 0), T("价格不是正数", "a price is not above zero")))
        return found
    for (_, low), (name, high) in itertools.pairwise(known):
        if low > high:
            found.append(_wrong(name, T("{v} 小于前一档 {l}", "{v} is below {l}", v=f"{high:,f}", l=f"{low:,f}"), T("最低价 ≤ 平常价 ≤ 最高价", "lowest ≤ usual ≤ highest"),
                                T("看三个价是不是填串了", "see whether they were mixed up")))
    if bool(values["low"]) != bool(values["high"]):
        found.append(_wrong("low" if values["high"] else "high", T("只写了最低价和最高价中的一个", "only one of lowest and highest is given"),
                            T("两个都写，或都不写", "both, or neither"), T("峰谷、阶梯电价的，写最低一档和最高一档", "for tariffs by time or tier, the lowest and the highest")))
    if values["until"] and values["until"] < values["since"]:
        found.append(_wrong("until", T("截止日期早于起始日期", "it ends before it begins")))
    return found


CHECKS: dict[str, Callable[[Mapping[str, str]], list[Problem]]] = {"quotas": check_quota, "prices": check_price, "temperatures": check_temperature}


def problems(kind: str, values: Mapping[str, str]) -> list[Problem]:
    """What is wrong with a line beyond the types of its fields."""
    return CHECKS[kind](values) if kind in CHECKS else []


def _lines(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The area of the office that keeps a line ("" for the top office: it speaks for all), and its values."""
    rows = LedgerRecord.objects.filter(kind=kind, withdrawn=False).select_related("office").order_by("key")
    said, root = current(rows), root_office()
    for row in rows:
        yield "" if root is not None and row.office_id == root.pk else row.office.area, said[row.pk].values


def quotas(day: dt.date) -> Iterator[Quota]:
    """The quotas in force on a day that can be compared with our figures."""
    for within, v in _lines("quotas"):
        if v["since"] > day.isoformat() or (v.get("until") and v["until"] < day.isoformat()) or v["basis"] == "equal":
            continue
        words = tuple(w.strip() for w in v.get("words", "").replace(",", "、").replace("，", "、").split("、") if w.strip())
        yield Quota(v["code"], v["region"], v["type"], v["indicator"], Decimal(v["constraint"]), Decimal(v["guide"]) if v.get("guide") else None,
                    dt.date.fromisoformat(v["since"]), Source(v["standard"]), words=words, within=within, sample=v["status"] == "sample")


def prices(year: int) -> Iterator[Price]:
    """The local prices in force in some of a year."""
    for within, v in _lines("prices"):
        if int(v["since"][:4]) > year or (v.get("until") and int(v["until"][:4]) < year):
            continue
        low, high = (Decimal(v[f]) if v.get(f) else None for f in ("low", "high"))
        yield Price(v["item"], v["region"], v.get("type") or "", low, high, dt.date.fromisoformat(v["since"]), Source(v["list"]), Decimal(v["price"]),
                    dt.date.fromisoformat(v["until"]) if v.get("until") else None, within, v["status"] == "sample")


def degrees(years: Sequence[int]) -> Iterator[Degrees]:
    """Heating degree days of the months of some years: as given, else of all days of the month, else from the month's mean."""
    days: dict[tuple[str, str, int, int], dict[int, float]] = {}
    months: dict[tuple[str, str, int, int], float] = {}
    about: dict[tuple[str, str, int, int], tuple[str, bool]] = {}
    for within, v in _lines("temperatures"):
        year, month = int(v["period"][:4]), int(v["period"][5:7])
        if year not in years:
            continue
        key, day = (v["region"], v["station"], year, month), v["period"][8:]
        about[key] = within, v["status"] == "sample"
        if day:
            days.setdefault(key, {})[int(day)] = float(v["mean"])
        else:
            months[key] = float(v["hdd"]) if v.get("hdd") else of_month(float(v["mean"]), year, month)
    for key, (within, sample) in about.items():
        region, station, year, month = key
        hdd = months[key] if key in months else of_days(days[key], year, month)
        if hdd is not None:
            yield Degrees(region, station, year, month, hdd, sample, within)


QUOTAS.append(quotas)
PRICES.append(prices)
DEGREES.append(degrees)
