"""Write the whole example into a folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .answers import Answers, true_answers
from .broken import write_broken
from .city import YEARS, City, build_city
from .exports import LAYOUTS, consumption_name, register_groups, write_consumption, write_ledgers, write_register
from .items import amount, asked
from .mess import FOLDER as MESS
from .mess import write_mess
from .places import BY_CODE
from .planted import Mark, Plant, Planted, plant_errors
from .platform import AREAS, write_platform
from .platform import LAYOUT as PLATFORM
from .rooms import write_rooms
from .rows import Row, entered, number

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Step:
    """One file to bring in by one layout. ``year`` 0 and ``area`` "" where they do not apply; ``clean`` False: with errors
    that must be refused."""

    file: str
    layout: str
    reads: str
    year: int = 0
    area: str = ""
    clean: bool = True
    sha256: str = ""


@dataclass(frozen=True)
class Manifest:
    """What was written. ``steps``: the files in the order in which they are to be brought in, clean ones first.

    ``counts``: bodies by year and so on; ``totals``: year → item → sum of the true answers over bodies and months (for
    stock items the sum over months as well), as text.
    """

    folder: Path
    seed: int
    steps: tuple[Step, ...]
    key: str
    counts: dict[str, Any] = field(default_factory=dict)
    totals: dict[str, dict[str, str]] = field(default_factory=dict)

    def path(self, step: Step) -> Path:
        return self.folder / step.file

    def as_json(self) -> dict[str, Any]:
        return {"seed": self.seed, "key": self.key, "steps": [asdict(s) for s in self.steps], "counts": self.counts,
                "totals": self.totals}  # fmt: skip


def layout_path(layout: str) -> Path:
    """The layout file of a step."""
    return Path(__file__).parent / "layouts" / f"{layout}.yaml"


class _Work:
    """The parts of a build, each counted for the progress."""

    def __init__(self, folder: Path, seed: int, progress: Progress | None) -> None:
        self.folder, self.seed, self.progress = folder, seed, progress
        self.done, self.total = 0, 2 + 4 + len(YEARS) * len(LAYOUTS) + 2 + 2 + 2
        self.steps: list[Step] = []
        self.rows: dict[str, list[Row]] = {}

    def tick(self) -> None:
        self.done += 1
        if self.progress:
            self.progress(self.done, self.total)

    def add(self, path: Path, layout: str, reads: str, year: int = 0, area: str = "", clean: bool = True) -> None:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        self.steps.append(Step(path.name, layout, reads, year, area, clean, digest))
        self.tick()

    def register(self, city: City) -> None:
        path = self.folder / "register.xlsx"
        write_register(path, register_groups(city), "公共机构名录（2020-01-01 时点，示例）")
        self.add(path, "register", "register")
        for year in YEARS:
            path = self.folder / f"register-changes-{year}.xlsx"
            changed = [c.body for c in city.changes if c.year == year]
            write_register(path, [("变更", changed)], f"{year} 年公共机构名录变更（示例）")
            self.add(path, "register", "register", year)

    def consumption(self, city: City, answers: Answers, planted: Planted) -> None:
        for year in YEARS:
            for area, layout in LAYOUTS.items():
                path = self.folder / consumption_name(area, year)
                write_consumption(path, area, year, entered(city, answers, planted, area, year))
                self.add(path, layout, "answers", year, area)

    def parts(self, city: City, answers: Answers, planted: Planted, seed: int) -> None:
        for path, layout in write_rooms(self.folder, seed, city, answers, planted):
            self.add(path, layout, "parts", YEARS[-1])

    def platform(self, city: City, answers: Answers, planted: Planted, seed: int) -> None:
        rows = [row for area in AREAS for row in entered(city, answers, planted, area, YEARS[-1])]
        for path in write_platform(self.folder, rows, seed):
            self.add(path, PLATFORM, "platform", YEARS[-1])

    def rest(self, city: City, answers: Answers) -> list[Plant]:
        for path in write_ledgers(self.folder):
            self.steps.append(Step(path.name, path.stem, f"ledger:{path.stem}",
                                   sha256=hashlib.sha256(path.read_bytes()).hexdigest()))  # fmt: skip
        self.tick()
        true = {a: list(entered(city, answers, Planted(), a, YEARS[-1])) for a in ("341802", "341821", "341825")}
        files, plants = write_broken(self.folder, city, true)
        for path, layout, area in files:
            self.steps.append(Step(path.name, layout, "answers" if area else "register", YEARS[-1], area, False,
                                   hashlib.sha256(path.read_bytes()).hexdigest()))  # fmt: skip
        self.tick()
        return plants


def build(folder: Path, seed: int = 2022, progress: Progress | None = None) -> Manifest:
    """Write the example city into ``folder`` (made if need be): the same files byte for byte for the same seed.

    Register, changes by year, the consumption of nine areas in 2020, 2021 and 2022, machine rooms and heating of 2022, two exports of the national platform, six ledgers, files with errors to be
    refused, a folder with a messy export to try, ``key.yaml`` (every planted error) and ``manifest.json``. ``progress(done, total)`` is called per file.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    work = _Work(folder, seed, progress)
    city = build_city(seed)
    work.tick()
    answers = true_answers(seed, city)
    planted = plant_errors(city, answers)
    work.tick()
    work.register(city)
    work.consumption(city, answers, planted)
    work.parts(city, answers, planted, seed)
    work.platform(city, answers, planted, seed)
    refused = work.rest(city, answers)
    write_mess(folder / MESS, city, answers)
    (folder / "key.yaml").write_text(_key(seed, planted.plants, refused), encoding="utf-8")
    manifest = Manifest(folder, seed, tuple(work.steps), "key.yaml", _counts(city, planted.plants, refused), _totals(city, answers))
    text = json.dumps(manifest.as_json(), ensure_ascii=False, indent=1)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")
    return manifest


def _counts(city: City, review: Sequence[Plant], intake: Sequence[Plant]) -> dict[str, Any]:
    return {
        "reporting": {str(y): len(city.reporting[y]) for y in YEARS},
        "organs": {str(y): sum(b.type == "organ" for b in city.reporting[y]) for y in YEARS},
        "areas": {a: sum(b.area == a for b in city.reporting[YEARS[-1]]) for a in BY_CODE},
        "register_lines": len(city.base),
        "changes": {str(y): sum(c.year == y for c in city.changes) for y in YEARS},
        "covered": sum(bool(b.covered_by) for b in city.base),
        "not_in_scope": sum(not b.in_scope for b in city.base),
        "sensitive": sum(b.sensitive for b in city.base),
        "review_errors": len(review),
        "intake_errors": len(intake),
    }


def _totals(city: City, answers: Answers) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for year in YEARS:
        sums = [sum(v) for v in zip(*(m for b in city.reporting[year] for m in answers[b.code, year]), strict=True)]
        found[str(year)] = {i.code: f"{amount(i.code, sums[n]):f}" for n, i in enumerate(asked(year))}
    return found


def _cells(marks: Iterable[Mark]) -> list[dict[str, Any]]:
    """The cells of one error, each with what is true and what stands there; numbers in the item's unit."""
    found: list[dict[str, Any]] = []
    for mark in marks:
        cell: dict[str, Any] = {"sheet": mark.sheet, "cell": mark.cell, "period": f"{mark.year}-{mark.month:02d}" if mark.month else ""}
        cell |= {"item": mark.item, "right": number(mark.true), "wrong": number(mark.wrong), "written": mark.written}
        found.append(cell)
    return found


def _key(seed: int, review: Sequence[Plant], intake: Sequence[Plant]) -> str:
    entries = []
    for kind, plants in (("review", review), ("intake", intake)):
        for plant in plants:
            if not all(m.file and m.cell for m in plant.marks):
                raise AssertionError(f"{plant.id} {plant.kind}: not every cell was written")
            entries.append({
                "id": plant.id, "class": kind, "kind": plant.kind, "file": plant.marks[0].file, "code": plant.body.code,
                "name": plant.body.name, "area": plant.body.area, "year": plant.marks[0].year, "says": plant.says,
                "cells": _cells(plant.marks),
            })  # fmt: skip
    head = (
        "# 示例城市里故意写错的数。review：能读进来，会审应当找出；intake：导入时应当按工作表和格号拒收。\n"
        "# Errors planted in the example city. right and wrong are in the item's unit; written is what stands in the cell.\n"
    )
    return head + yaml.safe_dump({"seed": seed, "errors": entries}, allow_unicode=True, sort_keys=False, width=160)
