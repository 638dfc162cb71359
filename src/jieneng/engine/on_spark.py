"""Apache Spark, where an office has a cluster: the same trees, printed for Spark, over the same Parquet files.

The snapshots must lie under the same path on every machine of the cluster (a shared folder). Nothing is written there; what
comes back is a few thousand rows; of a first screening, some traits of each institution. Needs the extra ``jieneng[spark]`` and Java 17 or
later. A first screening runs Python on the workers, which needs this package: under the same path as here, or what ``PYSPARK_PYTHON`` names.

Spark's own ways that would change an answer are switched off in every session (``SETTINGS``); each was seen to do so in a test.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from sqlglot import exp, select

from jieneng.core.problem import Refused, refuse
from jieneng.core.words import T

from . import tables
from .relational import Relational, Rows
from .sifting import Quantity, Sieve, Wide
from .sql import column

if TYPE_CHECKING:
    from .sifting.gathering import Part

SETTINGS = {
    "spark.sql.ansi.enabled": "true",  # what overflows is an error, never another number
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",  # a product keeps all its places
    "spark.sql.variable.substitute": "false",  # '${env:HOME}' typed by a person stays a text
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",
}
QUIET = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.log.level": "ERROR", "spark.app.name": "jieneng"}
REACH, READY = 5.0, 120.0
"""Seconds to wait for the master to answer, and for a first executor."""
KINDS = {"text": "STRING", "int": "BIGINT", "year": "INT", "bool": "BOOLEAN", "number": "DECIMAL(18, 4)", "date": "DATE"}


@dataclass(frozen=True)
class Address:
    """``spark://host:7077[,host2:7077][?spark.setting=value&…]``, taken apart."""

    masters: tuple[tuple[str, int], ...]
    settings: Mapping[str, str]

    @property
    def master(self) -> str:
        return "spark://" + ",".join(f"{h}:{p}" for h, p in self.masters)

    @classmethod
    def parse(cls, url: str) -> Address:
        """Raises ``ValueError`` saying what was expected."""
        parts = urlsplit(url)
        masters = []
        for each in parts.netloc.split(","):
            host, colon, port = each.rpartition(":")
            if not host or not colon or not port.isdigit() or parts.path:
                raise ValueError(f"engine {url!r}: expected spark://host:7077")
            masters.append((host, int(port)))
        pairs = parse_qsl(parts.query, strict_parsing=bool(parts.query), keep_blank_values=True)
        if strange := [k for k, _ in pairs if not k.startswith("spark.") or k in SETTINGS]:
            raise ValueError(f"engine {url!r}: {', '.join(strange)} cannot be set; possible: spark.… that changes no answer")
        return cls(tuple(masters), dict(pairs))


def reachable(address: Address) -> None:
    """Raises ``Refused`` when the library, Java or every master is missing; quick, unlike Spark's own minute of tries."""
    try:
        import pyspark  # noqa: F401
    except ImportError as error:
        raise refuse("engine.no_spark", T("没有装 Spark 的程序包", "Spark's package is not installed"),
                     do=T("安装 jieneng[spark]，或去掉 JIENENG_ENGINE", "install jieneng[spark], or unset JIENENG_ENGINE")) from error
    if not shutil.which("java"):
        raise refuse("engine.no_java", T("没有 Java", "there is no Java"), expected=T("Java 17 或更新", "Java 17 or later"),
                     do=T("安装 openjdk-17-jre-headless，或去掉 JIENENG_ENGINE", "install openjdk-17-jre-headless, or unset JIENENG_ENGINE"))
    why = ""
    for host, port in address.masters:
        try:
            socket.create_connection((host, port), timeout=REACH).close()
            return
        except OSError as error:
            why = error.strerror or str(error)
    raise refuse("engine.unreachable", T("连不上 Spark 集群 {m}：{e}", "the Spark cluster {m} cannot be reached: {e}", m=address.master, e=why),
                 do=T("检查集群是否在运行、JIENENG_ENGINE 是否写对；去掉它就用本机的 DuckDB",
                      "check that the cluster runs and JIENENG_ENGINE is right; unset it to use DuckDB on this machine"))


_lock = threading.Lock()
_open: dict[str, Any] = {}
"""Master → the one session of this process; threads take sessions of their own from it."""


def _session(address: Address) -> Any:
    """A session of this thread. Raises ``Refused`` when no executor comes."""
    from pyspark.sql import SparkSession

    with _lock:
        if address.master not in _open:
            reachable(address)
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # the workers' Python: else whatever python3 they find, without this package
            builder = SparkSession.builder.master(address.master)
            for name, value in {**QUIET, **SETTINGS, **address.settings}.items():
                builder = builder.config(name, value)
            session = builder.getOrCreate()
            _await_executor(session, address)
            _open[address.master] = session
        mine = _open[address.master].newSession()
    for name, value in {**{k: v for k, v in address.settings.items() if k.startswith("spark.sql.")}, **SETTINGS}.items():
        mine.conf.set(name, value)
    return mine


def _await_executor(session: Any, address: Address) -> None:
    """A master without workers lets a job wait for ever: say so instead."""
    begin = time.monotonic()
    while session.sparkContext._jsc.sc().getExecutorMemoryStatus().size() < 2:  # the driver is one
        if time.monotonic() - begin > READY:
            session.stop()
            raise refuse("engine.no_executor", T("Spark 集群 {m} 没有分给本系统执行器", "the Spark cluster {m} gives no executor", m=address.master),
                         expected=T("至少一个有空闲内存和核心的 worker", "at least one worker with memory and cores to spare"),
                         do=T("看集群的 worker；或在 JIENENG_ENGINE 后加 ?spark.executor.memory=1g", "look at its workers; or add ?spark.executor.memory=1g to JIENENG_ENGINE"))
        time.sleep(0.1)


def disconnect() -> None:
    """End the sessions of this process with their Java process; engines made before are of no more use."""
    with _lock:
        while _open:
            session = _open.popitem()[1]
            gateway = session.sparkContext._gateway
            session.stop()
            gateway.shutdown()
            gateway.proc.stdin.close()  # Java ends when its parent's pipe does
            gateway.proc.wait(30)
            type(session.sparkContext)._gateway = type(session.sparkContext)._jvm = None


def _escaped(path: Path) -> str:
    """A path as Hadoop takes it literally: its wildcards escaped, on the shared folder."""
    return "file://" + "".join(f"\\{c}" if c in "*?[]{}\\" else c for c in path.as_posix())


class Spark(Relational):
    """A session on a cluster. One per thread."""

    dialect = "spark"

    def __init__(self, url: str) -> None:
        self.session = _session(Address.parse(url))
        self.shown: dict[str, tuple[Path, ...]] = {}
        self.kept: dict[str, Any] = {}

    def run(self, query: Any) -> Rows:
        return [tuple(row) for row in self._asked(lambda: self.session.sql(self.text(query)).collect())]

    def _show(self, table: str, snapshot: Wide, files: Sequence[str]) -> None:
        paths = tuple(snapshot.file(f) for f in files)
        if self.shown.get(table) == paths:
            return
        kinds: dict[str, str] = {}
        for path in paths:
            kinds |= tables.column_kinds(path)
        schema = ", ".join(f"`{name}` {KINDS[kind]}" for name, kind in kinds.items())  # given, so that no job looks for it
        read = self.session.read.schema(schema)
        self._asked(lambda: read.parquet(*map(_escaped, paths)).createOrReplaceTempView(f"`{table}`"))
        self.shown[table] = paths

    def _judged_blocks(self, snapshot: Wide, names: Sequence[str], sieve: Sieve, quantities: Sequence[Quantity], items: Sequence[str]) -> Iterable[Part]:
        """Both years beside each other on the cluster; its workers (which need this package) judge each batch as this process would."""
        from .sifting.gathering import Part, judged_batches

        self._show("wide", snapshot, names)
        there = frozenset(c for n in names for c in snapshot.columns(n))
        cells = [c for i in items for m in sieve.months if (c := f"{i}__{m}") in there]
        heads = {"now": ["institution", "area", "type"], "old": ["institution"]}
        now, old = (select(*[exp.alias_(column(c), f"{year}_{c}", quoted=True) for c in [*head, *cells]], copy=False).from_("wide").where(
            exp.EQ(this=column("year"), expression=exp.Literal.number(sieve.year - n))) for n, (year, head) in enumerate(heads.items()))
        both = self._asked(lambda: [self.session.sql(self.text(q)) for q in (now, old)])
        joined = both[0].join(both[1], both[0]["now_institution"] == both[1]["old_institution"], "left")
        work = judged_batches(sieve, quantities, items)
        return [Part.unpacked(row[0], quantities) for row in self._asked(lambda: joined.mapInArrow(work, "part binary").collect())]

    def _keep(self, table: str, query: exp.Select | str) -> None:
        self._drop(table)
        self.kept[table] = self._asked(lambda: self.session.sql(self.text(query)).persist())
        self.kept[table].createOrReplaceTempView(table)

    def _drop(self, table: str) -> None:
        kept = self.kept.pop(table, None)
        if kept is not None:
            self.session.catalog.dropTempView(table)
            kept.unpersist()

    @staticmethod
    def _asked(work: Any) -> Any:
        """Do it; what the cluster says of a failure is told in one line. Raises ``Refused``."""
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        try:
            return work()
        except Refused:
            raise
        except (PySparkException, Py4JError, OSError) as error:
            first = str(error).strip().split("\n", 1)[0][:200]
            raise refuse("engine.failed", T("Spark 集群没有算成：{e}", "the Spark cluster did not answer: {e}", e=first),
                         do=T("看集群的日志；快照要在每台机器的同一路径下", "read the cluster's log; snapshots must lie under the same path on every machine")) from error
