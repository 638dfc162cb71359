"""The wide year as arrays: the same cells as were written, a part of the areas at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from jieneng.engine import area_prefixes, wide_arrays, write_table


@pytest.fixture
def wide(tmp_path: Path) -> list[Path]:
    """Three institutions; the second is new in 2022, the third stands in another province."""
    schema = [("institution", "int"), ("year", "year"), ("area", "text"), ("type", "text"), ("water_m3__01", "number"), ("water_m3__12", "number")]
    rows = [(1, 2021, "341823", "education", "10", "12"), (1, 2022, "341823", "education", "11", None), (2, 2022, "341824", "health", "7", "8"),
            (3, 2021, "110101", "organ", "1", "2"), (3, 2022, "110101", "organ", "3", "4")]
    path = tmp_path / "wide.parquet"
    write_table(path, schema, [dict(zip([c for c, _ in schema], r, strict=True)) for r in rows])
    return [path]


def test_a_province_at_a_time(wide: list[Path]) -> None:
    assert area_prefixes(wide) == ["11", "34"] and area_prefixes(wide, 4) == ["1101", "3418"]
    found = wide_arrays(wide, ["water_m3", "gas_m3"], (2021, 2022), "34")
    assert found.institutions.tolist() == [1, 2] and found.areas == ["341823", "341824"] and found.types == ["education", "health"]
    assert found.values["water_m3"].shape == (2, 2, 12) and np.isnan(found.values["gas_m3"]).all()
    assert found.values["water_m3"][0, :, 0].tolist() == [10, 11] and np.isnan(found.values["water_m3"][0, 1, 11]) and found.values["water_m3"][0, 0, 11] == 12
    assert np.isnan(found.values["water_m3"][1, 0]).all() and found.values["water_m3"][1, 1, [0, 11]].tolist() == [7, 8]
