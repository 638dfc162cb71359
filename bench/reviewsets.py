"""The open sets as panels for ``bench review``: values (n, years) or (n, years, 12) of one quantity, groups and sizes beside them."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(os.environ.get("JIENENG_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "data"


@dataclass
class Set:
    """One set: the last year of ``values`` is the one under review."""

    name: str
    values: np.ndarray
    groups: list[np.ndarray]
    sizes: list[np.ndarray] = field(default_factory=list)
    """ln(area) and ln(people), (n,) each."""
    keys: list[str] = field(default_factory=list)
    unit: str = "kWh"
    year: int = 0


def _rows(path: str) -> list[dict[str, str]]:
    with (ROOT / path).open(encoding="utf-8-sig", newline="") as f:
        return list(csv.DictReader(f))


def _num(text: str | None) -> float:
    try:
        return float(str(text).replace(",", ""))
    except ValueError:
        return float("nan")


def _codes(names: list[str]) -> np.ndarray:
    return np.unique(np.array(names), return_inverse=True)[1]


def _log(values: list[float]) -> np.ndarray:
    a = np.array(values, float)
    return np.where(a > 0, np.log(np.where(a > 0, a, 1)), np.nan)


def philadelphia(column: str = "Electricity Use - Grid Purchase and Generated from Onsite Renewable Systems (kWh)") -> Set:
    rows = _rows("phila-municipal-2011-2013/phila_municipal_2011_2013.csv")
    keys = sorted({r["Property Name"] for r in rows})
    at = {k: n for n, k in enumerate(keys)}
    values = np.full((len(keys), 3), np.nan)
    kind, area = [""] * len(keys), [float("nan")] * len(keys)
    for r in rows:
        n = at[r["Property Name"]]
        values[n, int(r["Year"]) - 2011] = _num(r[column])
        kind[n], area[n] = r["Primary Property Type - Self Selected"], _num(r["Property Floor Area (Building(s)) (ft2)"])
    return Set("philadelphia", values, [_codes(kind)], [_log(area)], keys, "kWh", 2013)


def philadelphia_fuels() -> Set:
    """Electricity, gas and steam as if each were an institution: the set on which parameters were chosen (69 series)."""
    columns = ("Electricity Use - Grid Purchase and Generated from Onsite Renewable Systems (kWh)", "Natural Gas Use (kBtu)", "District Steam Use (kBtu)")
    sets = [philadelphia(c) for c in columns]
    keep = [np.isfinite(s.values).any(axis=1) & (np.nan_to_num(s.values) > 0).any(axis=1) for s in sets]
    values = np.concatenate([s.values[k] for s, k in zip(sets, keep, strict=True)])
    fuel = np.concatenate([np.full(int(k.sum()), n) for n, k in enumerate(keep)])
    sizes = np.concatenate([s.sizes[0][k] for s, k in zip(sets, keep, strict=True)])
    return Set("philadelphia", values, [fuel], [sizes], [f"{f}{x}" for s, k, f in zip(sets, keep, "EGS", strict=True) for x in np.array(s.keys)[k]], "kWh, kBtu", 2013)


WORDS = ("fire", "police", "ambulance", "library", "arena", "pool", "park", "yard", "pumping", "community", "shelter", "garage", "office", "child", "station",
         "tennis", "rink", "clubhouse", "greenhouse", "museum", "cc", "rc")


def toronto(year: int = 2015, years: int = 5) -> Set:
    rows = _rows("toronto-public-2011-2015/toronto_public_2011_2015.csv")
    first = year - years + 1
    seen: dict[tuple[str, int], int] = {}
    for r in rows:
        seen[r["operation_name"], int(r["year"])] = seen.get((r["operation_name"], int(r["year"])), 0) + 1
    keys = sorted({r["operation_name"] for r in rows})
    at = {k: n for n, k in enumerate(keys)}
    values, area = np.full((len(keys), years), np.nan), [float("nan")] * len(keys)
    for r in rows:
        y = int(r["year"])
        if first <= y <= year and seen[r["operation_name"], y] == 1:
            values[at[r["operation_name"]], y - first] = round(_num(r["electricity_wh"]) / 1000)
            area[at[r["operation_name"]]] = _num(r["floor_area_sf"])
    kind = []
    for k in keys:
        words = re.findall(r"[a-z]+", k.lower())
        kind.append(next((w for w in WORDS if w in words), "other"))
    keep = (values[:, -1] > 0) & (values[:, -2] > 0)  # 213 operations were new in 2015: nothing to compare them with
    return Set("toronto", values[keep], [_codes(list(np.array(kind)[keep]))], [_log(list(np.array(area)[keep]))], list(np.array(keys)[keep]), "kWh", year)


def seattle() -> Set:
    rows = [r for r in _rows("seattle-benchmarking-2015/2015-building-energy-benchmarking.csv") if _num(r["Electricity(kWh)"]) > 0]
    values = np.array([[_num(r["Electricity(kWh)"])] for r in rows])
    return Set("seattle", values, [_codes([r["PrimaryPropertyType"].strip() for r in rows])], [_log([_num(r["PropertyGFABuilding(s)"]) for r in rows])],
               [r["OSEBuildingID"] for r in rows], "kWh", 2015)


def yale(years: tuple[int, ...] = (2012, 2013, 2014), kind: str = "Electric") -> Set:
    rows = _rows("yale-monthly-a/yale_monthly_energy_a.csv")
    about = {r["facid"]: r for r in _rows("yale-monthly-a/yale_buildings_a.csv")}
    months = {m: n for n, m in enumerate(["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"])}
    kinds = ("Electric", "Cogen Electricity", "Chilled Water", "Steam", "Gas Firm")
    keys = sorted({(r["building"], r["type"]) for r in rows if r["type"] in kinds})
    at = {k: n for n, k in enumerate(keys)}
    values = np.full((len(keys), len(years), 12), np.nan)
    for r in rows:
        _, month, year = r["date"].split("-")
        y, k = 2000 + int(year), (r["building"], r["type"])
        if k in at and y in years:
            values[at[k], y - years[0], months[month]] = _num(r["value"])
    keep = np.sum(values[:, -1] > 0, axis=1) >= 6
    names = [k for k, ok in zip(keys, keep, strict=True) if ok]
    area = _log([_num(about[b]["gsf"]) if b in about else float("nan") for b, _ in names])
    return Set("yale", values[keep], [_codes([t for _, t in names])], [area], ["/".join(k) for k in names], "kWh, MMBTU, CCF", years[-1])


def attica(years: tuple[int, ...] = (2016, 2017, 2018)) -> Set:
    rows = _rows("attica-school-water-a/attica_school_water_monthly_a.csv")
    about = {r["ΑΑ"]: r for r in _rows("attica-school-water-a/attica_schools_a.csv")}
    keys = sorted({r["school_id"] for r in rows})
    at = {k: n for n, k in enumerate(keys)}
    values = np.full((len(keys), len(years), 12), np.nan)
    for r in rows:
        # dated the first, it is the use of the month before: taken so, 40 in 100 pairs of months have the same use per day (a bill spans
        # several months), 5 in 100 as dated
        y, m = divmod(int(r["date"][:4]) * 12 + int(r["date"][5:7]) - 2, 12)
        if y in years:
            values[at[r["school_id"]], y - years[0], m] = round(_num(r["consumption"]), 1)
    keep = np.sum(values[:, -1] > 0, axis=1) >= 6
    names = [k for k, ok in zip(keys, keep, strict=True) if ok]
    pupils = _log([_num(about[k]["ΑΡΙΘΜΟΣ ΑΓΟΡΙΩΝ"]) + _num(about[k]["ΑΡΙΘΜΟΣ ΚΟΡΙΤΣΙΩΝ"]) if k in about else float("nan") for k in names])
    area = [about[k]["ΤΟΜΕΑΣ"] if k in about else "" for k in names]
    return Set("attica", values[keep], [_codes(area)], [pupils], names, "m³", years[-1])


def cambridge(years: tuple[int, ...] = (2017, 2018, 2019)) -> Set:
    rows = _rows("cambridge-estates-a/cambridge_monthly_a.csv")
    area = {r["Building ID"]: _num(r["GIA (m2)"]) for r in _rows("cambridge-estates-a/building_floor_roof_areas_a.csv")}
    keys = sorted({(r["building"], r["fuel"]) for r in rows})
    at = {k: n for n, k in enumerate(keys)}
    values = np.full((len(keys), len(years), 12), np.nan)
    for r in rows:
        y = int(r["month"][:4])
        # zeros stand for missing hours: a month with a fifth of its hours zero is a gap, not a truth to plant in
        if y in years and float(r["zero_hours"]) < 0.2 * float(r["hours"]):
            values[at[r["building"], r["fuel"]], y - years[0], int(r["month"][5:7]) - 1] = round(_num(r["kwh"]))
    keep = np.sum(values[:, -1] > 0, axis=1) >= 6
    names = [k for k, ok in zip(keys, keep, strict=True) if ok]
    return Set("cambridge", values[keep], [_codes([f for _, f in names])], [_log([area.get(b, float("nan")) for b, _ in names])],
               ["/".join(k) for k in names], "kWh", years[-1])


SETS: dict[str, Callable[[], Set]] = {"philadelphia": philadelphia_fuels, "toronto": toronto, "seattle": seattle, "yale": yale, "attica": attica,
                                      "cambridge": cambridge}
__all__ = ["SETS", "Any", "Set"]
