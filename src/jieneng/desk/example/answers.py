"""The true answers of every body for every month of 2020, 2021 and 2022."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from .city import YEARS, Body, City
from .dice import Dice
from .items import AT, ITEMS
from .kinds import COURSES, EVENTS, GAS, GIANTS, KINDS, PETROL_YUAN, TREND, WATER, Kind

Month = list[int]
Answers = dict[tuple[str, int], list[Month]]
"""(code, year) → twelve months, January first, each the whole numbers of ``ITEMS`` in order."""

STATIONS = (
    ("广德市示例政务中心", 2124, 676), ("广德市示例第一中学", 3982, 731), ("广德市示例镇政府", 1560, 719),
    ("广德市示例职业学校", 2865, 709), ("广德市示例体育馆", 2436, 727), ("广德市示例便民中心", 1784, 724),
    ("广德市示例文化馆", 1210, 742), ("广德市示例图书馆", 860, 717),
)  # fmt: skip
"""Roofs of one tender: body, tenths of kWp, kWh per kWp from May to December 2022 (the pictures' figures)."""
_SUN = (0.0, 0.0, 0.0, 0.0, 0.148, 0.140, 0.166, 0.160, 0.128, 0.106, 0.082, 0.070)
_OLDER_ROOFS = {"市直示例学院": (3125, 940), "宁国市示例第一中学": (1200, 905)}

YEAR_TOTALS = {("郎溪县示例医院", 2022): 2_631_000, ("郎溪县示例医院", 2021): 2_652_000, ("广德市示例职业学校", 2022): 394_000,
               ("绩溪县示例卫生院", 2022): 96_380}  # fmt: skip
"""Electricity of whole years that the pictures show, in kWh; the months are made to add up to it."""
PRICES = {"广德市示例职业学校": 0.60, "郎溪县示例医院": 0.65}
PINNED = {
    ("泾县示例中学", 2022, 12, "water_m3"): 3286,
    ("宁国市示例医院", 2022, 10, "electricity_kwh"): 186_400,
    ("市直示例大楼", 2022, 7, "electricity_kwh"): 148_320,
    ("宁国市示例中心小学", 2022, 3, "gas_m3"): 300,
}
"""Single months that the pictures show."""
LITRES = {("绩溪县示例镇政府", 2022): 841_000}
"""Petrol of a whole year, in hundredths of a litre."""
_COAL = {"国有林场": 1.5, "戊镇政府": 1.0, "辛乡政府": 1.0, "壬乡政府": 1.0}
_COAL_TONNES = {2020: 22.0, 2021: 12.0, 2022: 5.4}


@dataclass
class Traits:
    """What a body is like: sizes, habits and prices that hold over the years."""

    kind: Kind
    area: int
    land: int
    enrolled: dict[int, int]
    staff: int
    power: float
    water: float
    gas: float
    other: float
    coal: float
    cars: tuple[int, int, int]
    litres: tuple[float, float]
    posts: int
    collectors: int
    ground_heat: int
    prices: tuple[float, float, float]
    own: dict[int, float]
    every_second_month: bool
    wing: tuple[int, int, float]
    spare_petrol: int
    generator: int


def _sizes(body: Body, kind: Kind, dice: Dice) -> tuple[int, int]:
    """People and floor in m²."""
    fixed = GIANTS.get(body.name, {})
    low, high, lean = kind.size
    size = dice.between(low, high, lean)
    each = dice.between(*kind.each)
    people, area = (size, size * each) if kind.by == "people" else (size / each, size)
    return int(fixed.get("people", people)), int(fixed.get("area", round(area / 10) * 10))


def _traits(seed: int, body: Body) -> Traits:
    dice = Dice(seed, "traits", body.code)
    kind = KINDS[body.kind]
    fixed = GIANTS.get(body.name, {})
    people, area = _sizes(body, kind, dice)
    per = people if kind.by == "people" else area
    per_gas = area if kind.type == "health" or kind.type == "culture" or kind.type == "sports" else people
    share, low, high = kind.gas
    gas = dice.between(low, high) if dice.chance(share) else 0.0
    burns = kind.other[0] and not gas and dice.chance(kind.other[0])
    drift = 0.0 if "people" in fixed else 1.0
    now = people
    before = max(3, round(now / dice.around(0.022 * drift)) if drift else now)
    earlier = max(3, round(before / dice.around(0.025)))
    enrolled = {2022: now, 2021: before, 2020: earlier, 2019: max(3, round(earlier / dice.around(0.025)))}
    cars = tuple(max(0, round(dice.between(*c))) for c in kind.cars)
    if body.kind == "bureau" and any(w in body.name for w in ("公安局", "城管", "交通局", "水利局", "应急", "市场监管")):
        cars = (cars[0] * 2, cars[1] + 2, cars[2])
    if body.kind == "other" and any(w in body.name for w in ("公路", "环卫", "市政", "园林", "救援", "运输")):
        cars = (cars[0] + 1, cars[1] * 2 + 4, cars[2])
    if body.kind == "hospital" and area > 60000:
        cars = (cars[0] + 6, cars[1] + 6, cars[2] + 2)
    last = dice.around(0.06)
    own = {2022: 1.0, 2021: last, 2020: last * dice.around(0.055)}
    big = kind.shape in ("hospital", "office") and area > 2500
    dormitory = kind.shape == "school" and people > 900 and kind is not KINDS["primary"]
    return Traits(
        kind, area, round(area * dice.between(*kind.land) / 10) * 10, enrolled,
        int(fixed.get("staff", max(2, round(people * dice.between(*kind.staff))))),
        per * fixed.get("power", dice.between(*kind.power)), people * fixed.get("water", dice.between(*kind.water)),
        per_gas * fixed.get("gas", gas), people * dice.between(*kind.other[1:]) / 1000 if burns else 0.0,
        next((share for word, share in _COAL.items() if body.name.endswith(word)), 0.0), cast(tuple[int, int, int], cars),
        (dice.between(*kind.litres[0]), dice.between(*kind.litres[1])),
        dice.whole(1, 6) if big and dice.chance(0.3) else 0,
        dice.whole(6, 40) * 10 if (dormitory and dice.chance(0.35)) or (kind.shape == "hospital" and dice.chance(0.25)) else 0,
        120 if body.name in ("市直示例规划馆", "宁国市示例第二医院") else 0,
        (PRICES.get(body.name, dice.between(*kind.price)), dice.between(2.35, 3.25), 3.5 if "宁国" in body.name
         else dice.between(2.95, 3.65)),
        own, body.area in ("341824", "341825") and kind.type in ("education", "health") and dice.chance(0.5),
        (dice.pick(YEARS), dice.whole(3, 9), dice.between(0.88, 0.96)) if not fixed and dice.chance(0.03) else (0, 0, 1.0),
        dice.whole(3, 18) if kind.type in ("organ", "other_service") and dice.chance(0.1) else 0,
        dice.whole(15, 70) if kind.shape == "hospital" and area > 9000 and dice.chance(0.7) else 0,
    )  # fmt: skip


def _course(table: dict[str, tuple[float, ...]], shape: str, year: int, month: int) -> float:
    """The share of a year's amount that falls into a month, with what befell that month."""
    course = table[shape]
    return course[month - 1] / sum(course) * EVENTS.get((shape, year), {}).get(month, 1.0)


def _whole(value: float) -> int:
    return int(value + 0.5)


def _standing(row: Month, it: Traits, year: int, month: int) -> int:
    """Floor, people, cars and equipment; gives the number of people."""
    wing_year, wing_month, before = it.wing
    built = before if wing_year and (year, month) < (wing_year, wing_month) else 1.0
    people = it.enrolled[year if month >= 9 or it.kind.shape != "school" else year - 1]
    petrol, diesel, green = it.cars
    if year < 2022 and green > 1:
        petrol, green = petrol + 1, green - 1
    row[AT["land_area_m2"]] = it.land
    row[AT["area_m2"]] = it.area if built == 1.0 else round(it.area * built / 10) * 10
    row[AT["people"]] = people
    row[AT["authorised_staff"]] = min(it.staff, people)
    row[AT["vehicles"]] = petrol + diesel + green
    row[AT["petrol_vehicles"]], row[AT["diesel_vehicles"]], row[AT["new_energy_vehicles"]] = petrol, diesel, green
    row[AT["charging_posts"]] = it.posts
    row[AT["solar_thermal_m2"]] = it.collectors
    row[AT["geothermal_kw"]] = it.ground_heat
    return people


def _metered(row: Month, it: Traits, body: Body, year: int, month: int, dice: Dice, carried: list[float]) -> None:
    """Power, water and gas with their costs."""
    shape = it.kind.shape
    level = it.own[year] * TREND[shape][year]
    kwh = it.power * level * _course(COURSES, shape, year, month) * dice.around(0.06)
    row[AT["electricity_kwh"]] = max(1, _whole(kwh))
    water = it.water * (1 + (level - 1) * 0.6) * _course(WATER, shape, year, month) * dice.around(0.06)
    if it.every_second_month:  # the meter is read every second month: the first of the two is a true zero
        carried[0] += water
        water, carried[0] = (0.0, carried[0]) if month % 2 else (carried[0], 0.0)
    row[AT["water_m3"]] = _whole(water)
    row[AT["gas_m3"]] = _whole(it.gas * level * _course(GAS, shape, year, month) * dice.around(0.07))
    for item in ("electricity_kwh", "water_m3", "gas_m3"):
        row[AT[item]] = PINNED.get((body.name, year, month, item), row[AT[item]])
    own_price = 1.0 if body.name in PRICES else dice.between(0.992, 1.008)
    _costs(row, it, own_price)


def _costs(row: Month, it: Traits, wobble: float = 1.0) -> None:
    """Costs of power, water and gas, in fen."""
    row[AT["electricity_cost_yuan"]] = _whole(row[AT["electricity_kwh"]] * it.prices[0] * wobble * 100)
    row[AT["water_cost_yuan"]] = _whole(row[AT["water_m3"]] * it.prices[1] * 100)
    row[AT["gas_cost_yuan"]] = _whole(row[AT["gas_m3"]] * it.prices[2] * 100)


def _fuels(row: Month, it: Traits, year: int, month: int, dice: Dice) -> None:
    """Petrol and diesel of cars and otherwise, coal in winter, bottled gas and wood."""
    quiet = {(2020, 2): 0.45, (2020, 3): 0.8, (2022, 4): 0.85, (2022, 12): 0.85}.get((year, month), 1.0)
    trend = {2020: 1.03, 2021: 1.02, 2022: 1.0}[year]
    pump = PETROL_YUAN[year][month - 1]
    for fuel, cars, litres, spare, yuan in (
        ("petrol", row[AT["petrol_vehicles"]], it.litres[0], it.spare_petrol, pump),
        ("diesel", row[AT["diesel_vehicles"]], it.litres[1], it.generator, pump - 0.35),
    ):
        driven = _whole(cars * litres / 12 * trend * quiet * dice.around(0.13) * 100) if cars else 0
        other = _whole(spare * dice.between(0.5, 1.5) * 100) if spare else 0
        paid = yuan * dice.between(0.975, 1.0)
        _oil(row, fuel, driven, other, paid)
    winter = {1: 0.24, 2: 0.2, 3: 0.1, 11: 0.16, 12: 0.3}.get(month, 0.0)
    row[AT["coal_t"]] = _whole(it.coal * _COAL_TONNES[year] * winter * 100)
    row[AT["coal_cost_yuan"]] = _whole(row[AT["coal_t"]] * {2020: 760, 2021: 1080, 2022: 1240}[year])
    burnt = it.other * it.own[year] * _course(GAS, it.kind.shape, year, month) * dice.around(0.07)
    row[AT["other_energy_tce"]] = _whole(burnt * 1000)
    row[AT["other_energy_cost_yuan"]] = row[AT["other_energy_tce"]] * {2020: 340, 2021: 385, 2022: 420}[year]


def _oil(row: Month, fuel: str, driven: int, other: int, yuan: float) -> None:
    """Hundredths of a litre of one fuel for cars and otherwise, with costs; totals are the sums of their parts."""
    costs = _whole(driven * yuan), _whole(other * yuan)
    row[AT[f"{fuel}_vehicle_l"]], row[AT[f"{fuel}_other_l"]], row[AT[f"{fuel}_l"]] = driven, other, driven + other
    row[AT[f"{fuel}_vehicle_cost_yuan"]], row[AT[f"{fuel}_other_cost_yuan"]] = costs
    row[AT[f"{fuel}_cost_yuan"]] = sum(costs)


def _roofs(months: list[Month], body: Body, year: int, it: Traits) -> None:
    """Solar power: capacity from the month of connection, generation from 2022 on, bought power less by most of it."""
    station = {name: (tenths, yield_) for name, tenths, yield_ in STATIONS}.get(body.name)
    if station and year == 2022:
        for month in range(5, 13):
            made = _whole(station[0] / 10 * station[1] * _SUN[month - 1])
            row = months[month - 1]
            row[AT["pv_capacity_kw"]], row[AT["pv_generation_kwh"]] = station[0], made
            bought = row[AT["electricity_kwh"]]
            if (body.name, year) not in YEAR_TOTALS:
                row[AT["electricity_kwh"]] = max(bought // 4, bought - _whole(made * 0.85))
                _costs(row, it)
    older = _OLDER_ROOFS.get(body.name)
    if older:
        sun = (0.045, 0.055, 0.078, 0.095, 0.108, 0.1, 0.124, 0.118, 0.092, 0.076, 0.058, 0.051)
        for month, row in enumerate(months, 1):
            row[AT["pv_capacity_kw"]] = older[0]
            row[AT["pv_generation_kwh"]] = _whole(older[0] / 10 * older[1] * sun[month - 1]) if year >= 2022 else 0


def _to_totals(months: list[Month], body: Body, year: int, it: Traits) -> None:
    """Make the months of a pinned year add up to what is shown elsewhere; December takes the remainder."""
    wanted = YEAR_TOTALS.get((body.name, year))
    if wanted:
        at = AT["electricity_kwh"]
        have = sum(row[at] for row in months)
        for row in months:
            row[at] = row[at] * wanted // have
        months[11][at] += wanted - sum(row[at] for row in months)
        for row in months:
            _costs(row, it)
    litres = LITRES.get((body.name, year))
    if litres:
        at = AT["petrol_vehicle_l"]
        have = sum(row[at] for row in months)
        rest = litres - sum(row[at] * litres // have for row in months)
        for month, row in enumerate(months, 1):
            driven = row[at] * litres // have + (rest if month == 12 else 0)
            _oil(row, "petrol", driven, 0, PETROL_YUAN[year][month - 1] * 0.99)


def true_answers(seed: int, city: City) -> Answers:
    """Everything every body should answer."""
    found: Answers = {}
    traits = {code: _traits(seed, body) for code, body in city.bodies.items()}
    for year in YEARS:
        for body in city.reporting[year]:
            it = traits[body.code]
            dice = Dice(seed, "months", body.code, year)
            months: list[Month] = []
            carried = [0.0]
            for month in range(1, 13):
                row = [0] * len(ITEMS)
                _standing(row, it, year, month)
                _metered(row, it, body, year, month, dice, carried)
                _fuels(row, it, year, month, dice)
                months.append(row)
            _roofs(months, body, year, it)
            _to_totals(months, body, year, it)
            found[body.code, year] = months
    return found
