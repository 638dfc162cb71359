"""The national bench at 300 institutions: it runs, all peers agree, and a wrong answer would be noticed."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import nation, national, sifting

pytest.importorskip("polars", reason="the bench extra is not installed")
pytest.importorskip("pandas", reason="the bench extra is not installed")
ROOT = Path(__file__).resolve().parents[2]


def test_the_same_seed_is_the_same_nation() -> None:
    one, two, other = (nation.span(1, 50, seed).answers(2022)[2].to_pylist() for seed in (7, 7, 8))
    assert one == two != other
    assert len(set(nation.counties())) == len(nation.counties()) == 31 * nation.CITIES * nation.COUNTIES
    whole = list(nation.spans(120, 7, size=50))
    assert [len(s) for s in whole] == [50, 50, 20] and [s.first for s in whole] == [1, 51, 101]
    assert set(nation.ITEMS) <= {i.item for i in national.book().forms["consumption@2022"].items}


def test_it_runs_and_all_agree(tmp_path: Path) -> None:
    env = {k: v for k, v in os.environ.items() if k not in ("JIENENG_HOME", "JIENENG_DATABASE_URL", "DJANGO_SETTINGS_MODULE")}
    out = tmp_path / "out.json"
    done = subprocess.run([sys.executable, "-m", "bench", "national", "--institutions", "300", "--repeat", "1", "--home", str(tmp_path / "nation"),
                           "--out", str(out)], cwd=ROOT, capture_output=True, text=True, timeout=300,
                          env={**env, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "every check, sum and indicator equal" in done.stdout and "returns a second" in done.stdout
    assert set(json.loads(out.read_text())) == set(national.STEPS)


def test_an_answer_that_differs_is_named() -> None:
    ours = {"edits": {"answer": {"checks": {"L06": 1}}}, "figures": {"answer": {"sums": {"nation": {"people": "5"}}, "indicators": {}}},
            "medians": {"answer": {"medians": {"organ 34": 1.5}}}}
    theirs = {"checks": {"L06": 1}, "sums": {"nation": {"people": "5"}}, "indicators": {}, "medians": {"organ 34": 1.5}}
    assert national.check({**ours, "polars": {"answer": theirs}}) == []
    for kind, key, value in (("checks", "L06", 2), ("sums", "nation", {"people": "6"}), ("medians", "organ 34", 1.50000001)):
        wrong = copy.deepcopy(theirs)
        wrong[kind][key] = value  # type: ignore[index]
        assert national.check({**ours, "polars": {"answer": wrong}}) == [f"polars: {kind} {key}"]


def test_the_wide_years_of_the_screening_bench_hold_the_nation_and_its_peer_agrees(tmp_path: Path) -> None:
    from jieneng.engine import wide_arrays

    sifting.write(tmp_path, 300)
    files, span = sifting.Files(tmp_path), nation.span(1, 300, sifting.SEED)
    found = wide_arrays([files.file(n) for n in files.wide("consumption")], ["water_m3"], (2021, 2022))
    at = found.institutions - 1
    known = (span.filed & span.answered["water_m3"])[at, 12:]
    assert np.array_equal(np.isfinite(found.values["water_m3"][:, 1]), known)
    assert found.values["water_m3"][:, 1][known].tolist() == (span.values["water_m3"][at, 12:][known] / nation.UNIT).tolist()
    assert sifting.pandas(tmp_path, 300)["change"] == pytest.approx(sifting.median(tmp_path, 300)["change"], rel=1e-12)
    assert sifting.scan(tmp_path, 300)["rows"] > 590
