"""The items of the consumption form as an export heads its columns: code, decimals, words, unit."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Item:
    """``places``: decimals with which amounts are made and kept as whole numbers (2 places: 1234 means 12.34)."""

    code: str
    number: str
    label: str
    unit: str
    places: int = 0


ITEMS = (
    Item("land_area_m2", "009", "用地面积", "平方米"),
    Item("area_m2", "101", "建筑面积", "平方米"),
    Item("people", "102", "用能人数", "人"),
    Item("authorised_staff", "1021", "编制人数", "人"),
    Item("vehicles", "103", "车辆数量", "辆"),
    Item("petrol_vehicles", "1031", "汽油车数量", "辆"),
    Item("diesel_vehicles", "1032", "柴油车数量", "辆"),
    Item("new_energy_vehicles", "1033", "新能源汽车数量", "辆"),
    Item("charging_posts", "105", "充电桩数量", "个"),
    Item("electricity_kwh", "110", "电消费量", "千瓦时"),
    Item("electricity_cost_yuan", "111", "电费", "元", 2),
    Item("water_m3", "120", "水消费量", "立方米"),
    Item("water_cost_yuan", "121", "水费", "元", 2),
    Item("coal_t", "130", "煤炭消费量", "吨", 2),
    Item("coal_cost_yuan", "131", "煤炭费用", "元", 2),
    Item("gas_m3", "140", "天然气消费量", "立方米"),
    Item("gas_cost_yuan", "141", "天然气费用", "元", 2),
    Item("petrol_l", "150", "汽油消费量", "升", 2),
    Item("petrol_vehicle_l", "1501", "汽油车辆用油量", "升", 2),
    Item("petrol_other_l", "1502", "汽油其他用油量", "升", 2),
    Item("petrol_cost_yuan", "151", "汽油费用", "元", 2),
    Item("petrol_vehicle_cost_yuan", "1511", "汽油车辆用油费用", "元", 2),
    Item("petrol_other_cost_yuan", "1512", "汽油其他用油费用", "元", 2),
    Item("diesel_l", "160", "柴油消费量", "升", 2),
    Item("diesel_vehicle_l", "1601", "柴油车辆用油量", "升", 2),
    Item("diesel_other_l", "1602", "柴油其他用油量", "升", 2),
    Item("diesel_cost_yuan", "161", "柴油费用", "元", 2),
    Item("diesel_vehicle_cost_yuan", "1611", "柴油车辆用油费用", "元", 2),
    Item("diesel_other_cost_yuan", "1612", "柴油其他用油费用", "元", 2),
    Item("heat_gj", "170", "热力消费量", "吉焦", 1),
    Item("heat_cost_yuan", "171", "热力费用", "元", 2),
    Item("other_energy_tce", "180", "其他能源消费量", "吨标准煤", 3),
    Item("other_energy_cost_yuan", "181", "其他能源费用", "元", 2),
    Item("solar_thermal_m2", "190", "太阳能集热器面积", "平方米"),
    Item("pv_capacity_kw", "191", "光伏装机容量", "千瓦", 1),
    Item("geothermal_kw", "192", "浅层地热能装机容量", "千瓦"),
    Item("pv_generation_kwh", "", "太阳能光电系统发电量", "千瓦时"),
)
AT = {item.code: n for n, item in enumerate(ITEMS)}
PLACES = tuple(item.places for item in ITEMS)


def asked(year: int) -> tuple[Item, ...]:
    """The items the form asks in a data year: edition 2019 up to 2021, edition 2022 (solar generation) from 2022."""
    return ITEMS if year >= 2022 else ITEMS[:-1]


def amount(item: str, scaled: int) -> Decimal:
    """The amount of a whole number kept with the item's places."""
    return Decimal(scaled).scaleb(-PLACES[AT[item]])
