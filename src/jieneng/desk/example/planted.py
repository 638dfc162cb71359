"""The errors planted in the example city: what was typed in place of what is true, and where it stands.

``review`` errors are readable and go in: a review should find them. ``intake`` errors must be refused by sheet and cell;
they stand in files of their own (``broken.py``). This file knows the truth only; it looks for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from .answers import Answers
from .city import Body, City
from .items import AT, amount
from .kinds import KINDS

Number = Decimal | None
YEAR = range(1, 13)


@dataclass
class Mark:
    """One cell that is not what it should be. ``true`` and ``wrong`` in the item's unit; None is a blank cell."""

    year: int
    month: int
    item: str
    true: Number
    wrong: Number
    file: str = ""
    sheet: str = ""
    cell: str = ""
    written: str = ""


@dataclass
class Plant:
    """One planted error: its number, its kind, whose it is, and its cells."""

    id: str
    kind: str
    body: Body
    marks: list[Mark]
    says: str


@dataclass
class Planted:
    """All of them, and the cells by (code, year) for those who write the files."""

    plants: list[Plant] = field(default_factory=list)
    by_return: dict[tuple[str, int], dict[tuple[int, str], Mark]] = field(default_factory=dict)


def _d(value: float | str) -> Decimal:
    return Decimal(str(value))


class _Planter:
    """Picks bodies and writes wrong numbers beside the true ones."""

    def __init__(self, city: City, answers: Answers) -> None:
        self.city, self.answers = city, answers
        self.result = Planted()
        self.used: set[str] = set()

    def true(self, body: Body, year: int, month: int, item: str) -> Decimal:
        return amount(item, self.answers[body.code, year][month - 1][AT[item]])

    def named(self, name: str) -> Body:
        return self.city.named(name)

    def some(self, area: str, kind: str, fits: Callable[[Body], bool] = lambda body: True, skip: int = 0) -> Body:
        """The first body of a kind in an area that fits and has no error yet, after ``skip`` of them."""
        for body in self.city.reporting[2022]:
            there = (body.code, 2021) in self.answers and body.code not in self.used
            if body.area == area and body.kind == kind and there and fits(body):
                if not skip:
                    return body
                skip -= 1
        raise LookupError(f"{area} {kind}")

    def uses(self, item: str, year: int = 2022, months: Iterable[int] = YEAR, above: int = 0) -> Callable[[Body], bool]:
        """Whether a body uses more than ``above`` of an item in each of the months."""
        return lambda body: all(self.true(body, year, m, item) > above for m in months)

    def plant(self, kind: str, body: Body, cells: Iterable[tuple[int, int, str, Number]], says: str) -> None:
        marks = []
        for year, month, item, wrong in cells:
            true = self.true(body, year, month, item)
            if true != wrong:
                marks.append(Mark(year, month, item, true, wrong))
        if not marks:
            raise ValueError(f"nothing planted: {kind} {body.name}")
        self.used.add(body.code)
        self.result.plants.append(Plant(f"R{len(self.result.plants) + 1:02d}", kind, body, marks, says))
        for mark in marks:
            self.result.by_return.setdefault((body.code, mark.year), {})[mark.month, mark.item] = mark

    def changed(self, body: Body, year: int, months: Iterable[int], items: Sequence[str],
                change: Callable[[Decimal], Number]) -> list[tuple[int, int, str, Number]]:  # fmt: skip
        """Cells with ``change`` done to what is true."""
        return [(year, m, i, change(self.true(body, year, m, i))) for m in months for i in items]

    def swapped(self, body: Body, year: int, months: Iterable[int], one: str, other: str) -> list[tuple[int, int, str, Number]]:
        cells: list[tuple[int, int, str, Number]] = []
        for m in months:
            cells += [(year, m, one, self.true(body, year, m, other)), (year, m, other, self.true(body, year, m, one))]
        return cells


def _times(factor: str, places: int = 2) -> Callable[[Decimal], Number]:
    unit = Decimal(1).scaleb(-places)
    return lambda true: (true * _d(factor)).quantize(unit).normalize() + 0


def _transposed(true: Decimal) -> Decimal:
    digits = str(true)
    return Decimal(digits[1] + digits[0] + digits[2:])


def _far_apart(digits: str) -> bool:
    return len(digits) > 3 and digits[1] != "0" and abs(int(digits[0]) - int(digits[1])) >= 3


def plant_errors(city: City, answers: Answers) -> Planted:
    """The forty errors for the review, the first nine as the product's pictures show them."""
    p = _Planter(city, answers)
    _of_the_pictures(p)
    _of_units_and_digits(p)
    _of_months_and_years(p)
    _of_fields(p)
    _of_last_year(p)
    return p.result


def _of_the_pictures(p: _Planter) -> None:
    kwh, yuan = "electricity_kwh", "electricity_cost_yuan"
    body = p.named("郎溪县示例医院")
    p.plant("unit-10k", body, p.changed(body, 2022, YEAR, [kwh], _times("0.0001")), "全年十二个月的电量按万千瓦时填")
    body = p.named("旌德县示例中医院")
    p.plant("area-digit-missing", body, p.changed(body, 2022, YEAR, ["area_m2"], _times("0.1", 0)), "建筑面积少写一位")
    body = p.named("泾县示例中学")
    p.plant("digit-extra", body, p.changed(body, 2022, [12], ["water_m3"], _times("10", 0)), "12 月用水多写一位")
    body = p.named("宁国市示例医院")
    p.plant("digit-missing", body, p.changed(body, 2022, [10], [kwh], _times("0.1", 0)), "10 月用电少写一位")
    body = p.named("广德市示例职业学校")
    p.plant("swapped-quantity-cost", body, p.swapped(body, 2022, YEAR, kwh, yuan), "全年电量与电费两格填反")
    body = p.named("宣州区示例初级中学")
    p.plant("people-twice", body, p.changed(body, 2022, YEAR, ["people"], lambda t: t + 500), "把住校生又加了一次")
    body = p.named("市直示例大楼")
    p.plant("copied-month", body, [(2022, 8, kwh, p.true(body, 2022, 7, kwh))], "8 月照抄 7 月电量")
    body = p.named("绩溪县示例镇政府")
    p.plant("litre-as-kg", body, p.changed(body, 2022, YEAR, ["petrol_l", "petrol_vehicle_l"], _times("0.73")), "汽油按公斤填")
    body = p.named("宁国市示例中心小学")
    p.plant("yuan-in-quantity", body, [(2022, 3, "gas_m3", p.true(body, 2022, 3, "gas_cost_yuan"))], "3 月把气费填进了气量")


def _of_units_and_digits(p: _Planter) -> None:
    kwh, yuan = "electricity_kwh", "electricity_cost_yuan"
    body = p.named("广德市示例医院")
    p.plant("unit-10k", body, p.changed(body, 2022, [6], [kwh], _times("0.0001")), "6 月电量按万千瓦时填")
    body = p.some("341800SZ", "bureau", p.uses("diesel_l"))
    p.plant("litre-as-kg", body, p.changed(body, 2022, YEAR, ["diesel_l", "diesel_vehicle_l"], _times("0.85")), "柴油按公斤填")
    body = p.some("341821", "bureau", skip=6)
    p.plant("digit-extra", body, p.changed(body, 2022, [8], [kwh], _times("10", 0)), "8 月电量多写一位")
    body = p.some("341802", "primary", lambda b: _far_apart(str(p.true(b, 2022, 9, kwh))))
    p.plant("digits-transposed", body, p.changed(body, 2022, [9], [kwh], _transposed), "9 月电量前两位写反")
    body = p.some("341823", "clinic", lambda b: p.true(b, 2022, 1, kwh) >= 1000, 2)
    p.plant("digit-missing", body, p.changed(body, 2022, [1], [kwh], lambda t: _d(str(t)[0] + str(t)[2:])), "1 月电量漏写一位")
    body = p.some("341882", "primary", p.uses("water_m3"), 3)
    p.plant("yuan-in-quantity", body, [(2022, 10, "water_m3", p.true(body, 2022, 10, "water_cost_yuan"))], "10 月把水费填进了水量")
    body = p.named("市直示例第二医院")
    p.plant("cost-in-10k", body, p.changed(body, 2022, YEAR, [yuan], _times("0.0001")), "全年电费按万元填")
    body = p.named("广德市示例图书馆")
    p.plant("watt-as-kilowatt", body, p.changed(body, 2022, range(5, 13), ["pv_capacity_kw"], _times("1000", 0)), "装机容量按瓦填")
    body = p.some("341823", "village", skip=2)
    p.plant("area-digit-missing", body, p.changed(body, 2022, YEAR, ["area_m2"], _times("0.1", 0)), "建筑面积少写一位")
    body = p.some("341882", "kindergarten", skip=4)
    p.plant("area-digit-extra", body, p.changed(body, 2022, YEAR, ["area_m2"], _times("10", 0)), "建筑面积多写一位")


def _of_months_and_years(p: _Planter) -> None:
    power = ["electricity_kwh", "electricity_cost_yuan"]
    water = ["water_m3", "water_cost_yuan"]
    body = p.some("341802", "primary", skip=5)
    p.plant("copied-year", body, [(2022, m, i, p.true(body, 2021, m, i)) for m in YEAR for i in power + water],
            "全年水电照抄上年")  # fmt: skip
    body = p.some("341823", "middle", skip=3)
    p.plant("copied-year", body, [(2022, m, i, p.true(body, 2021, m, i)) for m in YEAR for i in power], "全年用电照抄上年")
    body = p.some("341821", "primary", skip=3)
    p.plant("missing-month", body, p.changed(body, 2022, [5], power, lambda t: None), "漏填 5 月用电")
    body = p.some("341881", "clinic", p.uses("water_m3"), 3)
    p.plant("missing-month", body, p.changed(body, 2022, [11], water, lambda t: None), "漏填 11 月用水")
    body = p.some("341802", "clinic", skip=6)
    p.plant("month-twice", body, [(2022, 5, i, p.true(body, 2022, 5, i) + p.true(body, 2022, 4, i)) for i in power],
            "4 月账单在 5 月又填了一次")  # fmt: skip
    body = p.some("341825", "primary", p.uses("water_m3", months=[10]))
    p.plant("month-twice", body, p.changed(body, 2022, [10], water, lambda t: t * 2), "10 月水费单填了两次")
    body = p.named("绩溪县示例中医院")
    p.plant("zero-month", body, p.changed(body, 2022, [7], power, lambda t: _d(0)), "7 月用电填成 0")
    body = p.some("341823", "bureau", skip=9)
    first = p.true(body, 2022, 1, "electricity_kwh")
    p.plant("flat-months", body, [(2022, m, "electricity_kwh", first) for m in range(2, 13)], "各月电量都填 1 月的数")
    body = p.named("市直示例第三医院")
    p.plant("understated", body, p.changed(body, 2022, YEAR, power, _times("0.7", 0)), "全年用电少报三成（漏一个户号）")


def _of_fields(p: _Planter) -> None:
    kwh, yuan = "electricity_kwh", "electricity_cost_yuan"
    body = p.named("宣州区示例教体局")
    below = [b for b in p.city.reporting[2022] if b.area == body.area and b.kind == "kindergarten"][:3]
    p.plant("total-line-included", body, [
        (2022, m, i, p.true(body, 2022, m, i) + sum(p.true(b, 2022, m, i) for b in below)) for m in YEAR for i in (kwh, yuan)
    ], "把下属三所幼儿园的合计填进了机关本级")  # fmt: skip
    body = p.named("绩溪县示例卫健委")
    below = [b for b in p.city.reporting[2022] if b.area == body.area and b.kind == "clinic"][:2]
    p.plant("total-line-included", body, [
        (2022, m, "water_m3", p.true(body, 2022, m, "water_m3") + sum(p.true(b, 2022, m, "water_m3") for b in below)) for m in YEAR
    ], "把下属两家卫生院的用水填进了机关本级")  # fmt: skip
    body = p.some("341825", "bureau", p.uses("petrol_l"), 4)
    p.plant("parts-do-not-add", body, p.changed(body, 2022, [7], ["petrol_l"], lambda t: t + 300), "7 月汽油合计不等于分项之和")
    body = p.some("341821", "town", lambda b: p.true(b, 2022, 12, "vehicles") > p.true(b, 2022, 12, "petrol_vehicles"))
    petrol = p.true(body, 2022, 12, "petrol_vehicles")
    p.plant("parts-do-not-add", body, [(2022, m, "vehicles", petrol - 1) for m in YEAR], "车辆合计少于分项之和")
    body = p.some("341881", "bureau", skip=5)
    p.plant("digit-extra", body, p.changed(body, 2022, YEAR, ["authorised_staff"], lambda t: t * 10), "编制人数多写一位")
    body = p.some("341881", "high", p.uses("gas_m3"))
    p.plant("quantity-without-cost", body, p.changed(body, 2022, [3], ["gas_cost_yuan"], lambda t: _d(0)), "3 月有气量无气费")
    body = p.some("341802", "bureau", skip=11)
    p.plant("cost-without-quantity", body, p.changed(body, 2022, [12], [kwh], lambda t: _d(0)), "12 月有电费无电量")
    body = p.some("341802", "kindergarten", p.uses("gas_m3", months=[3]), 1)
    p.plant("column-shifted", body, [
        (2022, 3, "coal_t", p.true(body, 2022, 3, "gas_m3")), (2022, 3, "gas_m3", _d(0)),
        (2022, 3, "coal_cost_yuan", p.true(body, 2022, 3, "gas_cost_yuan")), (2022, 3, "gas_cost_yuan", _d(0)),
    ], "3 月天然气填到了煤炭一栏")  # fmt: skip
    body = p.some("341821", "kindergarten", skip=2)
    p.plant("zero-people", body, p.changed(body, 2022, range(9, 13), ["people"], lambda t: _d(0)), "9 月起用能人数填成 0")
    body = p.some("341881", "primary", lambda b: KINDS[b.kind].type == "education", 4)
    p.plant("swapped-fields", body, p.swapped(body, 2022, YEAR, "area_m2", "land_area_m2"), "建筑面积与用地面积填反")


def _of_last_year(p: _Planter) -> None:
    body = p.some("341825", "bureau", skip=8)
    p.plant("unit-10k", body, p.changed(body, 2021, [11], ["electricity_kwh"], _times("0.0001")), "2021 年 11 月电量按万千瓦时填")
    body = p.some("341882", "middle", p.uses("water_m3", 2021), 2)
    p.plant("digit-extra", body, p.changed(body, 2021, [6], ["water_m3"], _times("10", 0)), "2021 年 6 月用水多写一位")
