"""An edition that nobody here has: dropped into a folder as an office would, with every kind of change in it (样例: made up)."""

from __future__ import annotations

from pathlib import Path

from jieneng.rulebook.loading import BOOKS

ITEMS = """
charging_kwh:
  label: {zh: 充电量, en: charging}
  unit: kWh
  kind: quantity
  over_time: sum
  source: ours
heat_metered_gj:
  label: {zh: 热力消费量（按热量收费）, en: heat (billed by heat)}
  unit: GJ
  kind: quantity
  over_time: sum
  source: ours
"""
FORM = """
form: consumption
edition: '2026'
title: {zh: 公共机构能源资源消费状况, en: Energy and resource consumption of public institutions}
issuer: 国家机关事务管理局
document: 样例
years_from: '2026'
rhythm: [month, quarter, half, year]
source: ours
extends: previous
changes:
  relabel:
    gas_m3: {zh: 天然气消费量（含液化天然气）, en: natural gas with LNG}
  replace:
    heat_gj: {item: heat_metered_gj, number: '170'}
  drop_checks: [L06]
items:
- {item: charging_kwh, number: '106'}
- {item: other_energy_tce, number: '180', required: 'false'}
checks:
- id: N01
  severity: explain
  holds: charging_kwh <= electricity_kwh
  says: {zh: '充电量 {charging_kwh} kWh，多于电 {electricity_kwh} kWh', en: 'charging {charging_kwh} kWh, more than electricity {electricity_kwh} kWh'}
  do: {zh: 核对充电桩电表, en: check the meter of the charging piles}
  source: ours
- id: L05
  severity: must
  holds: vehicles >= total(petrol_vehicles, diesel_vehicles, new_energy_vehicles)
  says: {zh: '车辆 {vehicles} 辆，少于各类车之和', en: '{vehicles} vehicles, fewer than their kinds together'}
  do: {zh: 核对车辆台账, en: check the vehicle ledger}
  source: ours
"""
FACTOR = """
tce.gas:
  extends: previous
  values:
  - {value: '1.3', since: '2026-07-01', source: ours}
"""


def write_later(folder: Path) -> Path:
    """The folder ``later``: two items, a form of 2026, a factor that changes in July, and the totals that follow."""
    later = folder / "later"
    for name, text in (("items.yaml", ITEMS), ("forms/consumption-2026.yaml", FORM), ("factors/gas.yaml", FACTOR)):
        path = later / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    text = (BOOKS / "cn" / "composites.yaml").read_text(encoding="utf-8")
    for factor in ("tce.heat", "co2.heat"):
        was = f"- {{item: heat_gj, factors: [{factor}]}}"
        assert was in text
        text = text.replace(was, f"- {{item: heat_gj, factors: [{factor}], years_to: '2025'}}\n  - {{item: heat_metered_gj, factors: [{factor}], years_from: '2026'}}")
    (later / "composites.yaml").write_text(text, encoding="utf-8")
    return later
