"""Where the open data for tests lies: folder ``shared`` beside the checkout, or the one ``JIENENG_SHARED`` names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("JIENENG_SHARED", Path(__file__).resolve().parents[2] / "shared"))


def shared(path: str) -> Path:
    """The file or folder ``path`` of the open data; the test is skipped, naming it, where it is absent."""
    found = ROOT / path
    if not found.exists():
        pytest.skip(f"open data not here: {path} (put it in the folder ../shared or name its place in JIENENG_SHARED)")
    return found
