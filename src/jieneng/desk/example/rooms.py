"""Machine rooms and heating sources of the example city in 2022: two tables as the national platform's forms lay them out, made up.

The sizes follow the year's electricity and gas of each body, so that no room uses more than its institution. Nothing here knows the checks.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .answers import Answers
from .city import Body, City
from .dice import Dice
from .items import AT, PLACES
from .planted import Planted
from .rows import Cell
from .sheets import Writing, put

YEAR = 2022
ROOMS, SOURCES = "机房能源消费状况-2022.xlsx", "采暖能源资源消费状况-2022.xlsx"
MANY_ROOMS, MANY_SOURCES = 46, 28
LEAD = ("统一社会信用代码", "单位名称")
ROOM_HEAD = (*LEAD, "数据中心名称", "201 机房建筑面积（平方米）", "210 机柜总数量（个）", "2101 预留机柜数量（个）", "220 设备总功率（千瓦）", "2201 IT设备功率（千瓦）",
             "2202 空气调节设备功率（千瓦）", "2203 配电及附属设备功率（千瓦）", "230 UPS装机容量（千伏安）", "240 机房总用电量（千瓦时）", "2401 IT设备用电量（千瓦时）",
             "2402 空气调节设备用电量（千瓦时）", "2403 配电及附属设备用电量（千瓦时）")
HEAT_HEAD = (*LEAD, "热源名称", "301 采暖面积（平方米）", "3011 独立供暖面积（平方米）", "3012 集中供暖面积-按面积收费（平方米）", "3013 集中供暖面积-按热量收费（平方米）",
             "302 采暖天数（天）", "303 热水锅炉热功率（兆瓦）", "304 蒸汽锅炉蒸发量（吨/时）", "310 采暖水消费量（立方米）", "311 采暖水消费费用（元）",
             "320 采暖电消费量（千瓦时）", "321 采暖电消费费用（元）", "330 采暖煤炭消费量（吨）", "331 采暖煤炭消费费用（元）", "340 采暖天然气消费量（立方米）",
             "341 采暖天然气消费费用（元）", "350 采暖柴油消费量（升）", "351 采暖柴油消费费用（元）", "360 采暖热力消费量（吉焦）", "361 采暖热力消费费用（元）",
             "370 采暖其他能源消费量（吨标准煤）", "371 采暖其他能源消费费用（元）")


def _year(answers: Answers, body: Body, item: str) -> float:
    """The year's total of an item; of what is counted once the last month's."""
    months = [m[AT[item]] for m in answers[body.code, YEAR]]
    return (months[-1] if item == "area_m2" else sum(months)) / 10 ** PLACES[AT[item]]


def _whole(city: City, planted: Planted) -> list[Body]:
    """Bodies whose year holds no planted error and that are not sensitive."""
    wrong = {code for code, year in planted.by_return if year == YEAR}
    return [b for b in city.reporting[YEAR] if b.code not in wrong and not b.sensitive]


def rooms(seed: int, city: City, answers: Answers, planted: Planted) -> Iterator[list[Cell]]:
    """A line for each machine room: organs and hospitals that use most electricity, one to three each."""
    mine = [b for b in _whole(city, planted) if b.type in ("organ", "health")]
    mine = sorted(mine, key=lambda b: (-_year(answers, b, "electricity_kwh"), b.code))[:MANY_ROOMS]
    for rank, body in enumerate(mine):
        dice = Dice("rooms", seed, body.code)
        names = ("中心机房", "灾备机房", "弱电机房")[: 3 if rank < 4 else 2 if rank % 3 == 0 else 1]
        whole = _year(answers, body, "electricity_kwh") * dice.between(0.03, 0.14)
        for n, name in enumerate(names):
            used = whole * ((0.6, 0.3, 0.1)[n] if len(names) > 1 else 1)
            it, cooling = round(used * dice.between(0.56, 0.68)), round(used * dice.between(0.2, 0.26))
            rest = max(1, round(used) - it - cooling)
            load = max(1, round(it / 8760 / 0.6))
            racks = max(1, round(load / 3.2))
            power = [load, max(1, round(load * 0.42)), max(1, round(load * 0.12))]
            yield [body.code, body.name, name, racks * 4 + dice.whole(6, 20), racks, dice.whole(0, max(0, racks // 4)), sum(power), *power, load * 2, it + cooling + rest, it, cooling, rest]


def sources(seed: int, city: City, answers: Answers, planted: Planted) -> Iterator[list[Cell]]:
    """A line for each heating source: bodies that burn most gas have a boiler, some a heat pump beside it."""
    mine = [b for b in _whole(city, planted) if b.type in ("health", "education", "organ")]
    mine = sorted(mine, key=lambda b: (-_year(answers, b, "gas_m3"), b.code))[:MANY_SOURCES]
    for rank, body in enumerate(mine):
        dice, area = Dice("heating", seed, body.code), _year(answers, body, "area_m2")
        days, share = dice.whole(62, 92), dice.between(0.22, 0.4)
        gas, cost = (round(_year(answers, body, i) * share) for i in ("gas_m3", "gas_cost_yuan"))
        heated = round(area * dice.between(0.2, 0.45))
        yield [body.code, body.name, "燃气热水锅炉", heated, heated, 0, 0, days, round(heated * 0.00008, 2), 0, round(heated * 0.004), round(heated * 0.012), 0, 0, 0, 0, gas, cost, *[0] * 6]
        if rank % 4 == 0:
            part, heated = dice.between(0.03, 0.06), round(area * 0.15)
            power, cost = (round(_year(answers, body, i) * part) for i in ("electricity_kwh", "electricity_cost_yuan"))
            yield [body.code, body.name, "空气源热泵", heated, heated, 0, 0, days, 0, 0, 0, 0, power, cost, *[0] * 10]


def write_rooms(folder: Path, seed: int, city: City, answers: Answers, planted: Planted) -> list[tuple[Path, str]]:
    """Both tables, each with its layout: (path, layout)."""
    made = []
    for name, layout, title, head, lines in ((ROOMS, "data_centre", "公共机构数据中心机房能源消费状况（示例）", ROOM_HEAD, rooms(seed, city, answers, planted)),
                                             (SOURCES, "heating", "公共机构采暖能源资源消费状况（示例）", HEAT_HEAD, sources(seed, city, answers, planted))):
        path = folder / name
        with Writing(path) as writing:
            sheet = writing.sheet("汇总", title, len(head))
            for n, label in enumerate(head):
                sheet.write_string(1, n, label, writing.head)
            for at, line in enumerate(lines, 2):
                for n, value in enumerate(line):
                    put(sheet, at, n, value)
        made.append((path, layout))
    return made
