"""The same figures by others, from the same files: a plain scan (the floor), pandas and Polars.

What is asked of each, of the year 2022, with 2021 beside it for the checks:

    checks      how many returns fail each check that the 14 items allow
    sums        per nation, province, city, county, department and type, of all items, each over the months as its rule says
                (added; last month answered; mean of the months answered)
    indicators  energy per floor area and electricity per floor area per group, of those that answered all they need: floor
                area once, what is added every month in which it was due
    medians     of an institution's energy per floor area, by type and province

An institution that moved in mid-year counts where it stood, month by month. Sums and indicators are exact: whole
ten-thousandths are added, Python divides them as fractions. Medians are doubles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from .nation import ITEMS, UNIT

KGCE = {"electricity_kwh": "0.1229", "gas_m3": "1.33", "coal_t": "714.3", "petrol_l": "1.074122", "diesel_l": "1.238535", "heat_gj": "34.12",
        "other_energy_tce": "1000"}
"""kgce per unit, as book cn multiplies them; the answers of the product show whether they are."""
ENERGY = tuple(KGCE)
ADDED = [i for i in ITEMS if i not in ("area_m2", "people", "authorised_staff")]
MEANS = ("people", "authorised_staff")
NEEDS = {"energy_per_area": ("area_m2", *ENERGY), "electricity_per_area": ("area_m2", "electricity_kwh")}
PLACE = ("area", "department", "type")
CHECKS = ("L06", "P02e", "P02w", "P02g", "Y01a", "Y01p", "U01e", "U01f")

Answer = dict[str, Any]


def answer(groups: Mapping[str, Iterable[Mapping[str, Any]]]) -> Answer:
    """Sums and indicators of all levels from the rows per county, department and type.

    A row holds, in ten-thousandths: an item's sum, ``<mean item>/<months>`` for means, and ``<indicator>:<item>`` for the
    items of an indicator over those that answered all it needs.
    """
    sums: dict[str, dict[str, Fraction]] = {}
    for place, rows in groups.items():
        for row in rows:
            found: dict[str, Fraction] = {}
            for name, value in row.items():
                if name != place and value is not None:
                    name, _, months = name.partition("/")
                    found[name] = found.get(name, Fraction(0)) + Fraction(int(value), UNIT * int(months or 1))
            sums[f"{place} {row[place]}"] = found
    return rolled_up(sums)


def rolled_up(sums: dict[str, dict[str, Fraction]]) -> Answer:
    """Counties added up to cities, provinces and the nation; and the indicators of every group."""
    for key, group in list(sums.items()):
        level, _, code = key.partition(" ")
        for upper in (f"city {code[:4]}", f"province {code[:2]}", "nation") if level == "area" else ():
            into = sums.setdefault(upper, {})
            for name, value in group.items():
                into[name] = into.get(name, Fraction(0)) + value
    return {"sums": {key: {i: str(g[i]) for i in ITEMS if i in g} for key, g in sums.items()},
            "indicators": {key: {name: str(v) for name, v in made.items()} for key, g in sums.items() if (made := _indicators(g))}}


def _indicators(group: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """The indicators of which everything is known and the denominator is not zero."""
    made = {}
    for name, items in NEEDS.items():
        known = {i: group[f"{name}:{i}"] for i in items if f"{name}:{i}" in group}
        if len(known) == len(items) and known["area_m2"]:
            above = known["electricity_kwh"] if name == "electricity_per_area" else sum((Fraction(f) * known[i] for i, f in KGCE.items()), Fraction(0))
            made[name] = above / known["area_m2"]
    return made


def scan(old: Path, new: Path) -> Answer:
    """The floor: every cell of both years read once and added, and the keys looked at; nothing else."""
    import duckdb

    columns = [f'sum("{i}")' for i in ITEMS] + [f'max("{k}")' for k in ("institution", "period", *PLACE)]
    duckdb.connect(config={"threads": 2}).sql(f"SELECT {', '.join(columns)} FROM read_parquet(['{old}', '{new}'])").fetchall()
    return {}


def polars(old: Path, new: Path) -> Answer:
    """Polars, lazy and streaming; decimals as whole ten-thousandths."""
    import polars as pl

    def read(path: Path) -> pl.LazyFrame:
        items = [pl.col(i).to_physical().cast(pl.Int64) for i in ITEMS]
        return pl.scan_parquet(path).select("institution", "month", "due", *PLACE, *items)

    col, this = pl.col, read(new)
    last = this.join(read(old).select("institution", "month", *(col(i).alias(f"old_{i}") for i in ("area_m2", "people", "electricity_kwh"))),
                     on=["institution", "month"], how="left")
    fails = last.select(*(e.sum().alias(c) for c, e in _fails(col).items())).collect(engine="streaming").to_dicts()[0]
    parts = this.group_by("institution", *PLACE).agg(
        *(pl.when(col(i).count() > 0).then(col(i).sum()).alias(i) for i in (*ADDED, *MEANS)), *(col(i).count().alias(f"n_{i}") for i in ITEMS),
        col("due").max(), (col("month").cast(pl.Int64) * MONTH + col("area_m2")).max().alias("newest"))
    whole = parts.group_by("institution").agg(*(col(f"n_{i}").sum().alias(f"m_{i}") for i in ITEMS), col("newest").max().alias("newest_of_all"))
    parts = parts.join(whole, on="institution").with_columns(
        pl.when(col("newest") == col("newest_of_all")).then(col("newest") % MONTH).alias("area_m2")).collect(engine="streaming").lazy()
    owed = col("due").bitwise_count_ones()
    full = {name: pl.all_horizontal(*(col(f"m_{i}") >= (1 if i == "area_m2" else owed) for i in items)) for name, items in NEEDS.items()}
    columns = [pl.when(col(i).count() > 0).then(col(i).sum()).alias(i) for i in (*ADDED, "area_m2")]
    columns += [_sum_if(pl, col(f"m_{i}") == n, i, f"{i}/{n}") for i in MEANS for n in range(1, 13)]
    columns += [_sum_if(pl, full[name], i, f"{name}:{i}") for name, items in NEEDS.items() for i in items]
    found = answer({k: parts.group_by(k).agg(*columns).collect(engine="streaming").to_dicts() for k in PLACE})
    kgce = sum((col(i).cast(pl.Float64) * float(f) for i, f in KGCE.items()), pl.lit(0.0))
    own = parts.filter(full["energy_per_area"]).group_by("institution", "type", col("area").str.slice(0, 2).alias("province")).agg(
        *(col(i).sum() for i in (*ENERGY, "area_m2"))).filter(col("area_m2") > 0)
    medians = own.with_columns((kgce / col("area_m2")).alias("v")).group_by("type", "province").agg(col("v").median()).collect(engine="streaming")
    return {"checks": fails, **found, "medians": {f"{t} {p}": v for t, p, v in medians.rows()}}


MONTH = 10**17
"""The month in front of a value, in one whole number: its greatest is the last month answered."""


def _sum_if(pl: Any, condition: Any, item: str, name: str) -> Any:
    chosen = pl.col(item).filter(condition)
    return pl.when(chosen.count() > 0).then(chosen.sum()).alias(name)


def _fails(col: Callable[[str], Any]) -> dict[str, Any]:
    """When a check fails, on columns of whole numbers (Polars: an unknown is no failure)."""
    found = {"L06": col("authorised_staff") > col("people")}
    for check, amount, cost in (("P02e", "electricity_kwh", "electricity_cost_yuan"), ("P02w", "water_m3", "water_cost_yuan"),
                                ("P02g", "gas_m3", "gas_cost_yuan")):
        found[check] = (col(amount) > 0) != (col(cost) > 0)
    for check, item in (("Y01a", "area_m2"), ("Y01p", "people")):
        found[check] = ((col(item) - col(f"old_{item}")).abs() * 10 > col(f"old_{item}")) & (col(f"old_{item}") > 0)
    now, then = col("electricity_kwh"), col("old_electricity_kwh")
    found["U01e"] = (now > 0) & (then > 0) & (then > now * 100)
    found["U01f"] = (now > 0) & (then > 0) & (now > then * 100)
    return found


def pandas(old: Path, new: Path) -> Answer:
    """pandas with whole ten-thousandths and a column of 0 and 1 beside each item (its own decimals are Python objects)."""
    import numpy as np
    import pandas as pd

    def read(path: Path, items: list[str], keys: list[str]) -> pd.DataFrame:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pq.read_table(path, columns=[*keys, *items], read_dictionary=[k for k in keys if k in PLACE])
        made = {k: table[k].to_pandas() for k in keys}
        for i in items:
            cells = table[i].combine_chunks()
            cells = cells.chunk(0) if isinstance(cells, pa.ChunkedArray) else cells
            there = np.asarray(cells.is_valid())
            made[i] = np.where(there, np.frombuffer(cells.buffers()[1], dtype="<i8")[::2][:len(cells)], 0)
            made[f"n_{i}"] = there
        return pd.DataFrame(made)

    this = read(new, ITEMS, ["institution", "month", "due", *PLACE])
    before = read(old, ["area_m2", "people", "electricity_kwh"], ["institution", "month"])
    key = this["institution"] * 12 + this["month"].astype("int64")
    then = before.set_index(before["institution"] * 12 + before["month"]).reindex(key)
    fails = {}
    both = this["n_people"] & this["n_authorised_staff"]
    fails["L06"] = int((both & (this["authorised_staff"] > this["people"])).sum())
    for check, amount, cost in (("P02e", "electricity_kwh", "electricity_cost_yuan"), ("P02w", "water_m3", "water_cost_yuan"),
                                ("P02g", "gas_m3", "gas_cost_yuan")):
        fails[check] = int((this[f"n_{amount}"] & this[f"n_{cost}"] & ((this[amount] > 0) != (this[cost] > 0))).sum())
    for check, item in (("Y01a", "area_m2"), ("Y01p", "people")):
        was, there = then[item].fillna(0).to_numpy().astype("int64"), then[f"n_{item}"].eq(True).to_numpy()
        fails[check] = int((this[f"n_{item}"] & there & (was > 0) & ((this[item] - was).abs() * 10 > was)).sum())
    was = then["electricity_kwh"].fillna(0).to_numpy().astype("int64")
    now = this["electricity_kwh"].to_numpy()
    fails["U01e"] = int(((now > 0) & (was > 0) & (was > now * 100)).sum())
    fails["U01f"] = int(((now > 0) & (was > 0) & (now > was * 100)).sum())
    this["newest"] = np.where(this["n_area_m2"], this["month"].astype("int64") * MONTH + this["area_m2"], 0)
    counts = [f"n_{i}" for i in ITEMS]
    parts = this.groupby(["institution", *PLACE], observed=True, sort=False).agg(
        {**dict.fromkeys((*ADDED, *MEANS), "sum"), **dict.fromkeys(counts, "sum"), "newest": "max", "due": "max"}).reset_index()
    del this, then, before
    whole = parts.groupby("institution", sort=False).agg({**dict.fromkeys(counts, "sum"), "newest": "max"})
    whole = whole.reindex(parts["institution"]).reset_index(drop=True)
    parts["n_area_m2"] = (parts["newest"] == whole["newest"]) & (parts["newest"] > 0)
    parts["area_m2"] = np.where(parts["n_area_m2"], parts["newest"] % MONTH, 0)
    owed = np.bitwise_count(parts["due"].to_numpy())
    full = {name: np.logical_and.reduce([whole[f"n_{i}"] >= (1 if i == "area_m2" else owed) for i in items]) for name, items in NEEDS.items()}
    wanted = {i: (i, np.ones(len(parts), bool)) for i in (*ADDED, "area_m2")}
    wanted |= {f"{i}/{n}": (i, (whole[f"n_{i}"] == n).to_numpy()) for i in MEANS for n in range(1, 13)}
    wanted |= {f"{name}:{i}": (i, full[name]) for name, items in NEEDS.items() for i in items}
    columns = {name: np.where(mask, parts[i], 0) for name, (i, mask) in wanted.items()}
    columns |= {f"?{name}": mask & (parts[f"n_{i}"] > 0) for name, (i, mask) in wanted.items()}
    flat = pd.DataFrame({**{k: parts[k] for k in PLACE}, **columns})
    groups = {k: flat.groupby(k, observed=True, sort=False)[list(columns)].sum().reset_index().to_dict("records") for k in PLACE}
    found = answer({k: [{k: r[k], **{name: r[name] for name in wanted if r[f"?{name}"]}} for r in rows] for k, rows in groups.items()})
    own = parts[full["energy_per_area"]].assign(province=parts["area"].astype(str).str[:2])
    own = own.groupby(["institution", "type", "province"], observed=True, sort=False)[[*ENERGY, "area_m2"]].sum().reset_index()
    own = own[own["area_m2"] > 0]
    value = sum(own[i] * float(f) for i, f in KGCE.items()) / own["area_m2"]
    medians = value.groupby([own["type"], own["province"]], observed=True).median()
    return {"checks": fails, **found, "medians": {f"{t} {p}": float(v) for (t, p), v in medians.items()}}


PEERS: dict[str, Callable[[Path, Path], Answer]] = {"floor": scan, "pandas": pandas, "polars": polars}
