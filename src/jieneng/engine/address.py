"""An engine by its address; which one a workspace uses is a setting, and no room above knows it."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .questions import Engine


SETTING = "JIENENG_ENGINE"
_local = threading.local()


def check_address(url: str) -> str:
    """The address, in full. Raises ``ValueError`` for one that names no engine."""
    if url in ("", "duckdb", "duckdb:"):
        return "duckdb:"
    if url in ("plain", "plain:"):
        return "plain:"
    if url.startswith("spark://"):
        from .on_spark import Address

        Address.parse(url)
        return url
    raise ValueError(f"engine {url!r}: expected duckdb:, plain: or spark://host:7077")


def check_engine(url: str) -> None:
    """Whether an engine could answer: quick, and nothing is run. Raises ``Refused`` where a cluster, Java or a package is missing."""
    if check_address(url).startswith("spark://"):
        from .on_spark import Address, reachable

        reachable(Address.parse(url))


def connect(url: str = "", fresh: bool = False) -> Engine:
    """An engine: ``duckdb:`` (in this process), ``plain:`` (plain Python) or ``spark://host:7077`` (a cluster), one per thread.

    Without an address the one in the environment (``JIENENG_ENGINE``), else DuckDB. Raises ``ValueError`` for another address and
    ``Refused`` where a cluster cannot be reached. Answers are remembered (``remembering``); ``fresh`` computes each time.
    """
    engine = _engine(url)
    if fresh:
        return engine
    from .remembering import Remembering

    return Remembering(engine, check_address(url or os.environ.get(SETTING, "")))


def _engine(url: str) -> Engine:
    url = check_address(url or os.environ.get(SETTING, ""))
    if url == "plain:":
        from .plain import Plain

        return Plain()
    if getattr(_local, "process", None) != os.getpid():  # an engine's own threads do not survive a fork
        _local.process, _local.engines = os.getpid(), {}
    if url not in _local.engines:
        if url == "duckdb:":
            from .on_duckdb import DuckDB

            _local.engines[url] = DuckDB()
        else:
            from .on_spark import Spark

            _local.engines[url] = Spark(url)
    return _local.engines[url]
