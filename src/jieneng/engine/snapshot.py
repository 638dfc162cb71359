"""Snapshots: a frozen folder of Parquet files with a manifest; its id is a hash of the manifest.

    <id>/returns/<form>@<edition>.parquet   one row per return, a decimal(18,4) column per item of the edition
         parts/<form>@<edition>.parquet     of a form that is a part of another: one row per machine room or heating source
         wide/<form>@<edition>.parquet      one row per institution and year, twelve months side by side
         bodies.parquet                     every institution with its standing at the end of the year
         ledgers/<kind>.parquet             every ledger line as it stood
         manifest.json                      cut-off, rulebook, hashes, row counts, control totals, what was left out

Writing is all or nothing: a temporary folder, every file and folder synced, then one rename.
"""

from __future__ import annotations

import errno
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

from jieneng.core.period import Period
from jieneng.core.problem import Place, Problem, Refused, refuse
from jieneng.core.words import T
from jieneng.rulebook.types import Ledger

from . import tables
from .bulk import Pieces, piece_tables

FORMAT = 1
KEYS: tuple[tuple[str, str], ...] = (
    ("institution", "int"), ("code", "text"), ("name", "text"), ("period", "text"), ("year", "year"), ("month", "month"),
    ("line", "text"), ("area", "text"), ("department", "text"), ("territory", "text"), ("type", "text"),
    ("status", "text"), ("return_id", "int"), ("revision", "int"), ("due", "int"),
)
"""The columns every form has. ``due``: the periods of the year in which the institution had to answer, as bits (``due_bit``)."""
BODIES: tuple[tuple[str, str], ...] = (
    ("institution", "int"), ("code", "text"), ("name", "text"), ("line", "text"), ("area", "text"), ("department", "text"),
    ("territory", "text"), ("type", "text"), ("in_scope", "bool"), ("covered_by", "int"), ("expected", "bool"), ("due", "int"),
)
PART_KEYS: tuple[tuple[str, str], ...] = (*KEYS, ("part", "int"), ("part_name", "text"))
LEDGER_KEYS: tuple[tuple[str, str], ...] = (("record", "int"), ("revision", "int"), ("key", "text"), ("line", "text"))
LEDGER_TYPES = {"text": "text", "choice": "text", "number": "number", "date": "date", "year": "year"}
Progress = Callable[[int, int], None]
Source = Iterable[Mapping[str, Any]] | Pieces


def due_bit(period: Period) -> int:
    """The bit of a period within its year: January is 1, December 2048, then quarters, half-years, the year."""
    return 1 << {"month": -1, "quarter": 11, "half": 15, "year": 17}[period.kind] + period.index


@dataclass(frozen=True)
class Snapshot:
    """An opened snapshot. ``file(name)`` gives a path whose content was checked against the manifest."""

    id: str
    folder: Path
    manifest: Mapping[str, Any]

    @functools.cached_property
    def manifest_hash(self) -> str:
        return hashlib.sha256(_canonical(self.manifest)).hexdigest()

    @property
    def year(self) -> int | None:
        """The statistics year it was made for; its bodies stand as at the end of that year."""
        return self.manifest["round"].get("year")

    @property
    def counts(self) -> dict[str, int]:
        files = self.manifest["files"]
        parts = {n.partition("/")[2]: f["rows"] for n, f in files.items() if n.startswith("parts/")}
        returns = sum(f["rows"] for n, f in files.items() if n.startswith("returns/") and n.partition("/")[2] not in parts)
        ledgers = sum(f["rows"] for n, f in files.items() if n.startswith("ledgers/"))
        return {"returns": returns, "ledgers": ledgers, "bodies": files["bodies.parquet"]["rows"], **({"parts": sum(parts.values())} if parts else {})}

    @property
    def periods(self) -> list[str]:
        found: set[str] = set()
        for totals in self.manifest["totals"].values():
            found |= set(totals["periods"])
        return sorted(found)

    def forms(self, form: str) -> list[str]:
        """The files of all editions of a form, by name."""
        return sorted(n for n in self.manifest["files"] if n.startswith(f"returns/{form}@"))

    def wide(self, form: str) -> list[str]:
        """The files of a form's years laid out wide, of all editions, by name."""
        return sorted(n for n in self.manifest["files"] if n.startswith(f"wide/{form}@"))

    def items(self, name: str) -> list[str]:
        """The items that the edition in the file ``returns/<form>@<edition>.parquet`` asks."""
        return list(self.manifest["totals"][Path(name).stem]["items"])

    def columns(self, name: str) -> list[str]:
        """The columns of a file."""
        return _columns(str(self.file(name)))

    def form_periods(self, form: str) -> list[str]:
        """The periods of which a form has returns."""
        return sorted({p for n in self.forms(form) for p in self.manifest["totals"][Path(n).stem]["periods"]})

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
                "snapshot.damaged", T("快照 {s} 的文件 {f} 已损坏或丢失，不能从它算数",
                                      "file {f} of snapshot {s} is damaged or missing; no figure is made from it", s=self.id, f=name),
                do=T("运行 jieneng verify；从备份恢复", "run jieneng verify; restore from a backup"), where=Place(file=name))
        return path


@functools.lru_cache(maxsize=1024)
def _hash(path: str, mtime: int, size: int) -> str:
    return _digest(Path(path))


@functools.lru_cache(maxsize=256)
def _columns(path: str) -> list[str]:
    return tables.column_names(Path(path))


def _digest(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _canonical(manifest: Mapping[str, Any]) -> bytes:
    return json.dumps(manifest, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return
    fd = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _counted(parts: Iterable[Any], progress: Progress | None, state: list[int], total: int) -> Iterator[Any]:
    for table in parts:
        state[0] += len(table)
        if progress:
            progress(state[0], max(total, state[0]))
        yield table


def ledger_columns(ledger: Ledger) -> list[tuple[str, str]]:
    """The columns of a ledger's file: its keys and its declared fields."""
    return [*LEDGER_KEYS, *((f.code, LEDGER_TYPES[f.type]) for f in ledger.fields if f.code not in ("key", "line"))]


def write_snapshot(
    home: Path, *, cutoff: str, rulebook: Mapping[str, str], round: Mapping[str, Any],
    returns: Mapping[str, tuple[Sequence[str], Source]], bodies: Iterable[Mapping[str, Any]],
    ledgers: Mapping[str, tuple[Ledger, Iterable[Mapping[str, Any]]]], left_out: list[dict[str, Any]],
    chain_head: Mapping[str, Any], progress: Progress | None = None, expected_rows: int = 0,
    parts: Mapping[str, tuple[Sequence[str], Iterable[Mapping[str, Any]]]] | None = None,
) -> Snapshot:
    """Write a snapshot under ``home/snapshots``. Rows of ``returns`` carry the keys and the items as texts or Decimals;
    a record store gives them in ``Pieces``. ``parts``: of forms in ``returns`` that add up parts, the parts themselves.

    ``left_out`` may still grow while the rows are read. What was written is read back and added up again before the
    folder gets its name. Raises ``Refused`` when a snapshot of this id is already there, when a value does not fit, when
    the disk is full, or when what is read back is not what was written.
    """
    root = home / "snapshots"
    try:
        root.mkdir(parents=True, exist_ok=True)
        work = root / f".tmp-{os.getpid()}-{time.monotonic_ns()}"
        work.mkdir()
        try:
            state = [0]
            rows, totals = _write_tables(work, returns, bodies, ledgers, lambda r: _counted(r, progress, state, expected_rows))
            rows |= _write_parts(work, parts or {})
            manifest = {"format": FORMAT, "cutoff": cutoff, "rulebook": dict(rulebook), "round": dict(round),
                        "files": _files(work, rows), "totals": totals, "left_out": left_out, "chain": dict(chain_head)}
            final = _publish(root, work, manifest)
        finally:
            if work.exists():
                shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise refuse("disk.full", T("磁盘已满，快照没有写成", "the disk is full; no snapshot was made"),
                     do=T("腾出空间后重新封存；已有的快照没有动", "free some space and freeze again; snapshots that exist are untouched")) from error
    if progress:
        progress(state[0], state[0])
    return open_snapshot(final)


def _write_tables(
    work: Path, returns: Mapping[str, tuple[Sequence[str], Source]], bodies: Iterable[Mapping[str, Any]],
    ledgers: Mapping[str, tuple[Ledger, Iterable[Mapping[str, Any]]]], counted: Callable[[Iterable[Any]], Iterable[Any]],
) -> tuple[dict[str, int], dict[str, Any]]:
    """All files but the manifest: rows per file, and the control totals of each form."""
    from .wide import control_totals, write_wide

    for sub in ("returns", "wide", "ledgers"):
        (work / sub).mkdir()
    rows: dict[str, int] = {}
    totals: dict[str, Any] = {}
    for name, (items, source) in returns.items():
        adder, path = tables.Adder(items), work / "returns" / f"{name}.parquet"
        columns = [*KEYS, *((i, "number") for i in items)]
        parts = piece_tables(source, columns, items) if isinstance(source, Pieces) else tables.row_tables(columns, source, path.name)
        rows[f"returns/{name}.parquet"] = tables.write_tables(path, columns, counted(parts), adder)
        totals[name] = control_totals(path, items)
        if totals[name] != adder.totals():
            raise refuse("snapshot.read_back", T("{n}：读回来的合计与写下的不同", "{n}: the totals read back are not those written", n=name),
                         do=T("检查磁盘，再封存一次", "check the disk, then freeze again"))
        rows[f"wide/{name}.parquet"] = write_wide(path, work / "wide" / f"{name}.parquet", items)
    rows["bodies.parquet"] = tables.write_table(work / "bodies.parquet", BODIES, bodies)
    for kind, (ledger, source) in ledgers.items():
        rows[f"ledgers/{kind}.parquet"] = tables.write_table(work / "ledgers" / f"{kind}.parquet", ledger_columns(ledger), source)
    return rows, totals


def _write_parts(work: Path, parts: Mapping[str, tuple[Sequence[str], Iterable[Mapping[str, Any]]]]) -> dict[str, int]:
    """A row for each part of each return; rows per file. No folder where there are none."""
    if parts:
        (work / "parts").mkdir()
    return {f"parts/{name}.parquet": tables.write_table(work / "parts" / f"{name}.parquet", [*PART_KEYS, *((i, "number") for i in items)], rows)
            for name, (items, rows) in parts.items()}


def _files(work: Path, rows: Mapping[str, int]) -> dict[str, Any]:
    return {name: {"sha256": _digest(work / name), "rows": n, "bytes": (work / name).stat().st_size}
            for name, n in sorted(rows.items())}


def _publish(root: Path, work: Path, manifest: Mapping[str, Any]) -> Path:
    """Write the manifest, sync every file and folder, and give the folder its name: the moment the snapshot exists."""
    data = _canonical(manifest)
    (work / "manifest.json").write_bytes(data)
    final = root / _id(manifest, data)
    if final.exists():
        raise refuse("snapshot.exists", T("快照 {s} 已经有了", "snapshot {s} is already there", s=final.name))
    for path in [*work.rglob("*"), work]:
        _sync(path)
    os.rename(work, final)
    _sync(root)
    return final


def _id(manifest: Mapping[str, Any], data: bytes) -> str:
    """Date of the cut-off and the first twelve digits of the hash of the manifest."""
    return f"{str(manifest['cutoff'])[:10]}-{hashlib.sha256(data).hexdigest()[:12]}"


def open_snapshot(folder: Path) -> Snapshot:
    """Open a snapshot. Raises ``Refused`` when the manifest is missing or does not give the folder's own name."""
    path = folder / "manifest.json"
    try:
        data = path.read_bytes()
        manifest = json.loads(data)
    except (OSError, ValueError) as error:
        raise refuse("snapshot.manifest", T("快照 {s} 的清单读不出来", "the manifest of snapshot {s} cannot be read", s=folder.name),
                     do=T("运行 jieneng verify；从备份恢复", "run jieneng verify; restore from a backup")) from error
    whole = isinstance(manifest, dict) and {"cutoff", "files", "totals", "round"} <= manifest.keys()
    if not whole or folder.name != _id(manifest, data) or data != _canonical(manifest):
        raise refuse("snapshot.manifest", T("快照 {s} 的清单被改过", "the manifest of snapshot {s} was altered", s=folder.name),
                     do=T("运行 jieneng verify；从备份恢复", "run jieneng verify; restore from a backup"))
    return Snapshot(folder.name, folder, manifest)


def verify_snapshot(folder: Path, deep: bool = False) -> tuple[int, list[Problem]]:
    """Check a snapshot (faults.md I6): how many files were looked at, and what is wrong, each naming its file.

    ``deep`` also counts the rows and adds up the control totals again, of the returns and of the wide tables.
    """
    try:
        snapshot = open_snapshot(folder)
    except Refused as refusal:
        return 0, list(refusal.problems)
    problems: list[Problem] = []
    for name, known in snapshot.manifest["files"].items():
        path = folder / name
        where = Place(file=f"{folder.name}/{name}")
        try:
            if _digest(path) != known["sha256"]:
                problems.append(Problem("snapshot.damaged", T("内容与封存时不同", "content is not as frozen"), where=where))
            elif deep and tables.row_count(path) != known["rows"]:
                problems.append(Problem("snapshot.rows", T("行数与清单不同", "row count is not the manifest's"), where=where))
        except FileNotFoundError:
            problems.append(Problem("snapshot.missing", T("文件丢失", "file missing"), where=where))
        except OSError as error:
            problems.append(Problem("snapshot.unreadable", T("文件读不出来：{e}", "file cannot be read: {e}", e=error.strerror or str(error)),
                                    where=where))
    known_files = {*snapshot.manifest["files"], "manifest.json"}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_dir() and name not in known_files:
            problems.append(Problem("snapshot.extra", T("多出来的文件", "a file too many"), where=Place(file=f"{folder.name}/{name}")))
    if deep and not problems:
        problems += _recompute(snapshot)
    return len(snapshot.manifest["files"]), problems


def _recompute(snapshot: Snapshot) -> list[Problem]:
    """The control totals added up again from the files."""
    from .wide import control_totals, wide_totals

    problems = []
    for name, totals in snapshot.manifest["totals"].items():
        items = list(totals["items"])
        for file, found, expected in (
                (f"returns/{name}.parquet", control_totals(snapshot.folder / "returns" / f"{name}.parquet", items), totals),
                (f"wide/{name}.parquet", wide_totals(snapshot.folder / "wide" / f"{name}.parquet", items), totals["items"])):
            if found != expected:
                problems.append(Problem("snapshot.totals", T("控制合计重算不符", "control totals do not recompute"),
                                        where=Place(file=f"{snapshot.id}/{file}")))
    return problems


def leftovers(home: Path, older_than: float = 3600) -> list[str]:
    """The folders under a temporary name in which nothing was written for ``older_than`` seconds: writers that were killed."""
    root = home / "snapshots"
    found = []
    for path in sorted(root.glob(".tmp-*")) if root.is_dir() else []:
        newest = max(p.stat().st_mtime for p in [path, *path.rglob("*")])
        if time.time() - newest >= older_than:
            found.append(path.name)
    return found


def clean_leftovers(home: Path, older_than: float = 3600) -> list[str]:
    """Remove what ``leftovers`` names; returns the names."""
    gone = leftovers(home, older_than)
    for name in gone:
        shutil.rmtree(home / "snapshots" / name, ignore_errors=True)
    return gone
