"""LibreOffice without a window, recalculating every formula on loading, as a person's spreadsheet program does."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SOFFICE = shutil.which("soffice")
needs_office = pytest.mark.skipif(SOFFICE is None, reason="LibreOffice is not installed")
_ALWAYS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item>
</oor:items>
"""


def resave_all(paths: list[Path], folder: Path, to: str = "xlsx") -> list[Path]:
    """Workbooks opened, recalculated and saved by LibreOffice, which starts once for all of them."""
    profile = folder / "profile"
    (profile / "user").mkdir(parents=True, exist_ok=True)
    (profile / "user" / "registrymodifications.xcu").write_text(_ALWAYS, encoding="utf-8")
    out = folder / "out"
    done = subprocess.run([str(SOFFICE), f"-env:UserInstallation={profile.as_uri()}", "--headless", "--convert-to", to, "--outdir", str(out), *map(str, paths)],
                          capture_output=True, text=True, timeout=1800)
    made = [out / f"{path.stem}.{to.partition(':')[0]}" for path in paths]
    assert all(m.exists() for m in made), done.stdout + done.stderr
    return made
