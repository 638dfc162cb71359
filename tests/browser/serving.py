"""What the browser tests share: the product run as a person runs it, its server, and a browser that notes every complaint."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("JIENENG_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NEW_PASSWORD = "Xin-mima-2022-zhou"


def environment() -> dict[str, str]:
    """Ours, without what would point a command to another workspace."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("JIENENG_HOME", "JIENENG_DATABASE_URL"))}


def jieneng(home: Path, *args: str) -> str:
    """Run one verb that must succeed; what it said."""
    done = subprocess.run([sys.executable, "-m", "jieneng", "--home", str(home), *args], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def served(home: Path) -> Iterator[str]:
    """The address of a workspace that is served, with its worker, until the block ends; then it must stop by itself."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    log = home.parent / "serve.log"
    with log.open("w") as out:
        server = subprocess.Popen([sys.executable, "-m", "jieneng", "--home", str(home), "serve", "--port", str(port)], cwd=ROOT, env=environment(),
                                  stdout=out, stderr=subprocess.STDOUT)
    url, until = f"http://127.0.0.1:{port}", time.monotonic() + 150
    while True:
        try:
            urllib.request.urlopen(url + "/health/", timeout=5)
            break
        except OSError:
            assert server.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.25)
    yield url
    server.terminate()
    assert server.wait(40) == 0


@contextmanager
def browsing() -> Iterator[Any]:
    """A fresh page in a browser. At its end the console must hold no complaint but refused forms (422)."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"])
        view = browser.new_page(viewport={"width": 1440, "height": 900}, locale="zh-CN", accept_downloads=True)
        complaints: list[str] = []
        view.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        view.on("pageerror", lambda e: complaints.append(str(e)))
        view.set_default_timeout(90_000)
        yield view
        browser.close()
        assert [c for c in complaints if "422" not in c] == []
