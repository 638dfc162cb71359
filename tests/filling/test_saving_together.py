"""Eight people save at once through the real server, which is killed in the middle: the bench in small, and its judge can say no."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import saving
from jieneng.filling import actions
from tests.filling.make import open_year, the_year

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.fault
def test_what_was_acknowledged_is_there_after_the_server_was_killed() -> None:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("JIENENG_", "DJANGO_"))} | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "PYTHONWARNINGS": "ignore"}
    for seconds in ("5", "20", "60"):  # a busy machine may not come to save before the kill: then it is given more time
        done = subprocess.run([sys.executable, "-m", "bench", "saving", "--people", "8", "--seconds", seconds, "--every", "0.4", "--only", "killed"],
                              cwd=ROOT, env=env, capture_output=True, text=True, timeout=240)
        said = next((line for line in done.stdout.splitlines() if line.startswith("sqlite: 8 people")), "")
        assert done.returncode == 0 and said.endswith("lost or wrong: 0"), done.stdout + done.stderr
        if int(said.split(" saved (")[0].rpartition(" ")[2]) >= 8:
            return
    pytest.fail(said)


@pytest.mark.django_db
def test_the_judge_finds_what_is_lost_twice_refused_or_never_tried(city: dict[str, Any]) -> None:
    year = the_year(city, open_year(city, saving.YEAR))
    wang, person, (one, two, three) = city["people"]["wangxiuying"], saving.Person(1, year.institution.pk, "", ""), saving.FIELDS[:3]
    actions.save(wang, year.round, year.institution, {one: "1"}, seen=0)
    actions.save(wang, year.round, year.institution, {two: "2"}, seen=1)
    shown = {one: "1", two: "2"}
    right = {(one, "1"): "ok", (two, "2"): "unknown", (three, "3"): "unknown"}
    assert saving.faults(person, saving.Log(right), shown) == []
    for told, words in (({**right, (three, "4"): "ok"}, "told ok and is kept 0 times"), ({**right, (one, "1"): "no"}, "told no and is kept 1 times"),
                        ({(one, "1"): "ok"}, "never tried")):
        assert any(words in w for w in saving.faults(person, saving.Log(told), shown)), words
    assert any("the page 7" in w for w in saving.faults(person, saving.Log(right), {**shown, two: "7"}))
