"""Snapshots: a frozen folder of Parquet files with a manifest; its id is a hash of the manifest.

    <id>/returns/<form>@<edition>.parquet   one row per return, a decimal(18,4) column per item of the edition
         wide/<form>@<edition>.parquet      one row per institution and year, twelve months side by side
         bodies.parquet                     every institution with its standing at the end of the year
         ledgers/<kind>.parquet             every ledger line as it stood
         manifest.json                      cut-off, rulebook, hashes, row counts, control totals, what was left out

Writing is all or nothing: a temporary folder, every file and folder synced, then one rename.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jieneng.core.problem import Place, Problem, refuse
from jieneng.core.words import T
from jieneng.rulebook.types import Ledger

from . import tables

FORMAT = 1
KEYS: tuple[tuple[str, str], ...] = (
    ("institution", "int"), ("code", "text"), ("name", "text"), ("period", "text"), ("year", "year"), ("month", "month"),
    ("line", "text"), ("area", "text"), ("department", "text"), ("territory", "text"), ("type", "text"),
    ("status", "text"), ("return_id", "int"), ("revision", "int"),
)
BODIES: tuple[tuple[str, str], ...] = (
    ("institution", "int"), ("code", "text"), ("name", "text"), ("line", "text"), ("area", "text"), ("department", "text"),
    ("territory", "text"), ("type", "text"), ("in_scope", "bool"), ("covered_by", "int"), ("expected", "bool"),
)
LEDGER_KEYS: tuple[tuple[str, str], ...] = (("record", "int"), ("revision", "int"), ("key", "text"), ("line", "text"))
LEDGER_TYPES = {"text": "text", "choice": "text", "number": "number", "date": "date", "year": "year"}
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Snapshot:
    """An opened snapshot. ``file(name)`` gives a path whose content was checked against the manifest."""

    id: str
    folder: Path
    manifest: Mapping[str, Any]

    @property
    def manifest_hash(self) -> str:
        return hashlib.sha256(_canonical(self.manifest)).hexdigest()

    @property
    def counts(self) -> dict[str, int]:
        files = self.manifest["files"]
        returns = sum(f["rows"] for n, f in files.items() if n.startswith("returns/"))
        ledgers = sum(f["rows"] for n, f in files.items() if n.startswith("ledgers/"))
        return {"returns": returns, "ledgers": ledgers, "bodies": files["bodies.parquet"]["rows"]}

    @property
    def periods(self) -> list[str]:
        found: set[str] = set()
        for totals in self.manifest["totals"].values():
            found |= set(totals["periods"])
        return sorted(found)

    def forms(self, form: str) -> list[str]:
        """The files of all editions of a form, by name."""
        return sorted(n for n in self.manifest["files"] if n.startswith(f"returns/{form}@"))

    def file(self, name: str) -> Path:
        """The path of one file. Raises ``Refused`` naming the file when it is missing or not as frozen."""
        known = self.manifest["files"].get(name)
        if known is None:
            raise refuse("snapshot.no_file", T("快照 {s} 里没有 {f}", "snapshot {s} has no {f}", s=self.id, f=name))
        path = self.folder / name
        try:
            stat = path.stat()
            same = _hash(str(path), stat.st_mtime_ns, stat.st_size) == known["sha256"]
        except OSError:
            same = False
        if not same:
            raise refuse(
                "snapshot.damaged", T("快照 {s} 的文件 {f} 已损坏或丢失，不能从它算数", "file {f} of snapshot {s} is damaged or missing; no figure is made from it",
                                      s=self.id, f=name),
                do=T("运行 jieneng verify；从备份恢复", "run jieneng verify; restore from a backup"), where=Place(file=name))
        return path


@functools.lru_cache(maxsize=256)
def _hash(path: str, mtime: int, size: int) -> str:
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _canonical(manifest: Mapping[str, Any]) -> bytes:
    return json.dumps(manifest, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _counted(rows: Iterable[Mapping[str, Any]], progress: Progress | None, state: list[int], total: int) -> Iterator[Mapping[str, Any]]:
    for row in rows:
        state[0] += 1
        if progress and state[0] % 500 == 0:
            progress(state[0], max(total, state[0]))
        yield row


def ledger_columns(ledger: Ledger) -> list[tuple[str, str]]:
    """The columns of a ledger's file: its keys and its declared fields."""
    return [*LEDGER_KEYS, *((f.code, LEDGER_TYPES[f.type]) for f in ledger.fields if f.code not in ("key", "line"))]


def write_snapshot(
    home: Path, *, cutoff: str, rulebook: Mapping[str, str], round: Mapping[str, Any],  # noqa: A002  the word of the field
    returns: Mapping[str, tuple[Sequence[str], Iterable[Mapping[str, Any]]]], bodies: Iterable[Mapping[str, Any]],
    ledgers: Mapping[str, tuple[Ledger, Iterable[Mapping[str, Any]]]], left_out: list[dict[str, Any]],
    chain_head: Mapping[str, Any], progress: Progress | None = None, expected_rows: int = 0,
) -> Snapshot:
    """Write a snapshot under ``home/snapshots``. Rows of ``returns`` carry the keys and the items as texts or Decimals.

    ``left_out`` may still grow while the rows are read. Raises ``Refused`` when a snapshot of this id is already there.
    """
    root = home / "snapshots"
    root.mkdir(parents=True, exist_ok=True)
    work = root / f".tmp-{os.getpid()}-{time.monotonic_ns()}"
    work.mkdir()
    try:
        for sub in ("returns", "wide", "ledgers"):
            (work / sub).mkdir()
        state = [0]
        rows: dict[str, int] = {}
        for name, (items, source) in returns.items():
            columns = [*KEYS, *((i, "number") for i in items)]
            rows[f"returns/{name}.parquet"] = tables.write_table(
                work / "returns" / f"{name}.parquet", columns, _counted(source, progress, state, expected_rows))
        rows["bodies.parquet"] = tables.write_table(work / "bodies.parquet", BODIES, bodies)
        for kind, (ledger, source) in ledgers.items():
            rows[f"ledgers/{kind}.parquet"] = tables.write_table(work / "ledgers" / f"{kind}.parquet", ledger_columns(ledger), source)
        from .wide import control_totals, write_wide

        totals: dict[str, Any] = {}
        for name, (items, _) in returns.items():
            source_file = work / "returns" / f"{name}.parquet"
            rows[f"wide/{name}.parquet"] = write_wide(source_file, work / "wide" / f"{name}.parquet", items)
            totals[name] = control_totals(source_file, items)
        files = {
            name: {"sha256": hashlib.sha256((work / name).read_bytes()).hexdigest(), "rows": n,
                   "bytes": (work / name).stat().st_size} for name, n in sorted(rows.items())}
        manifest = {"format": FORMAT, "cutoff": cutoff, "rulebook": dict(rulebook), "round": dict(round), "files": files,
                    "totals": totals, "left_out": left_out, "chain": dict(chain_head)}
        data = _canonical(manifest)
        (work / "manifest.json").write_bytes(data)
        final = root / f"{cutoff[:10]}-{hashlib.sha256(data).hexdigest()[:12]}"
        if final.exists():
            raise refuse("snapshot.exists", T("快照 {s} 已经有了", "snapshot {s} is already there", s=final.name))
        for path in [*work.rglob("*"), work]:
            _sync(path)
        os.rename(work, final)
        _sync(root)
    finally:
        if work.exists():
            shutil.rmtree(work, ignore_errors=True)
    if progress:
        progress(state[0], state[0])
    return Snapshot(final.name, final, json.loads(data))


def open_snapshot(folder: Path) -> Snapshot:
    """Open a snapshot. Raises ``Refused`` when the manifest is missing or does not give the folder's own name."""
    path = folder / "manifest.json"
    try:
        data = path.read_bytes()
        manifest = json.loads(data)
    except (OSError, ValueError) as error:
        raise refuse("snapshot.manifest", T("快照 {s} 的清单读不出来", "the manifest of snapshot {s} cannot be read", s=folder.name),
                     do=T("运行 jieneng verify；从备份恢复", "run jieneng verify; restore from a backup")) from error
    if not folder.name.endswith("-" + hashlib.sha256(data).hexdigest()[:12]) or data != _canonical(manifest):
        raise refuse("snapshot.manifest", T("快照 {s} 的清单被改过", "the manifest of snapshot {s} was altered", s=folder.name),
                     do=T("运行 jieneng verify；从备份恢复", "run jieneng verify; restore from a backup"))
    return Snapshot(folder.name, folder, manifest)


def verify_snapshot(folder: Path, deep: bool = False) -> tuple[int, list[Problem]]:
    """Check a snapshot (faults.md I6): how many files were looked at, and what is wrong, each naming its file."""
    from jieneng.core.problem import Refused

    try:
        snapshot = open_snapshot(folder)
    except Refused as refusal:
        return 0, list(refusal.problems)
    problems: list[Problem] = []
    for name, known in snapshot.manifest["files"].items():
        path = folder / name
        where = Place(file=f"{folder.name}/{name}")
        if not path.exists():
            problems.append(Problem("snapshot.missing", T("文件丢失", "file missing"), where=where))
        elif hashlib.sha256(path.read_bytes()).hexdigest() != known["sha256"]:
            problems.append(Problem("snapshot.damaged", T("内容与封存时不同", "content is not as frozen"), where=where))
        elif deep and tables.row_count(path) != known["rows"]:
            problems.append(Problem("snapshot.rows", T("行数与清单不同", "row count is not the manifest's"), where=where))
    known_files = {*snapshot.manifest["files"], "manifest.json"}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in known_files:
            problems.append(Problem("snapshot.extra", T("多出来的文件", "a file too many"), where=Place(file=f"{folder.name}/{name}")))
    if deep and not problems:
        from .wide import control_totals

        for name, totals in snapshot.manifest["totals"].items():
            file = folder / "returns" / f"{name}.parquet"
            items = [c for c in tables.column_names(file) if c not in {k for k, _ in KEYS}]
            if control_totals(file, items) != totals:
                problems.append(Problem("snapshot.totals", T("控制合计重算不符", "control totals do not recompute"),
                                        where=Place(file=f"{folder.name}/returns/{name}.parquet")))
    return len(snapshot.manifest["files"]), problems


def clean_leftovers(home: Path, older_than: float = 3600) -> list[str]:
    """Remove folders under a temporary name older than ``older_than`` seconds; returns their names."""
    root = home / "snapshots"
    gone = []
    for path in root.glob(".tmp-*") if root.is_dir() else []:
        if time.time() - path.stat().st_mtime >= older_than:
            shutil.rmtree(path, ignore_errors=True)
            gone.append(path.name)
    return gone
