"""Opening DuckDB as a closed network needs it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import duckdb


def open_duckdb() -> duckdb.DuckDBPyConnection:
    """A connection in memory that never fetches an extension, and spills into the system's own temporary folder."""
    return duckdb.connect(config={
        "autoinstall_known_extensions": False, "autoload_known_extensions": False, "allow_community_extensions": False,
        "temp_directory": str(Path(tempfile.gettempdir()) / f"jieneng-duckdb-{os.getpid()}")})
