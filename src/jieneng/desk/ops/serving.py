"""``jieneng serve``: one server per workspace; its children die with it, its reserve is given back when the disk is full."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from jieneng.core.problem import Refused, refuse
from jieneng.core.words import T

from . import doctor, guard, workspace

Say = Callable[[T], None]
READY = 120.0
"""Seconds for a site to answer: an old laptop with a full disk cache of something else takes its time."""
STOP = 20.0
EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104


@dataclass(frozen=True)
class Site:
    """Where and how to serve."""

    home: Path
    address: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    threads: int = 8
    names: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The address a person on this machine opens."""
        host = "localhost" if self.address in (*EVERYWHERE, "127.0.0.1", "::1") else self.address
        return f"http://{host}:{self.port}/"


def require_safe(home: Path) -> None:
    """Refuse to serve what is not safe to serve: a library that may corrupt records, a damaged database, a taken port."""
    found = doctor.sqlite_version()
    if found.state == "fail":
        raise refuse("serve.sqlite", T("SQLite {v} 在多进程 WAL 下可能写坏数据库", "SQLite {v} may corrupt a WAL database used by several processes", v=str(found.found)), do=found.hint)
    if (wrong := doctor.quick_check()) is not None:
        raise refuse("database.damaged", T("数据库已损坏：{w}", "the database is damaged: {w}", w=wrong), do=workspace.restore_words(home))


def require_port(site: Site) -> None:
    """Refuse in words when the port is taken or not ours to take."""
    family = socket.AF_INET6 if ":" in site.address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((site.address, site.port))
        except OSError as error:
            raise refuse("serve.port", T("{a}:{p} 不能监听：{e}", "cannot listen on {a}:{p}: {e}", a=site.address, p=site.port, e=error.strerror or str(error)),
                         do=T("换一个端口：--port 8001", "use another port: --port 8001")) from error


def environment(site: Site, token: str, given: Mapping[str, str]) -> dict[str, str]:
    """What the children are told: the workspace, the names the site answers to, whose children they are."""
    hosts = [h for h in given.get("JIENENG_HOSTS", "localhost,127.0.0.1,[::1]").split(",") if h]
    hosts += [n for n in (*site.names, *(() if site.address in EVERYWHERE else (site.address,))) if n not in hosts]
    return {**given, "JIENENG_HOME": str(site.home), "JIENENG_HOSTS": ",".join(hosts), guard.TOKEN: token}


class Supervisor:
    """The site's process and the worker's: started, watched, stopped."""

    def __init__(self, site: Site, token: str, say: Say) -> None:
        self.site, self.say = site, say
        self.environment = environment(site, token, os.environ)
        self.stop = threading.Event()
        self.full = False
        self.worker_began, self.pause = 0.0, 1.0
        self.server = self._start([sys.executable, "-m", "jieneng.desk.ops.server", str(site.home), site.address, str(site.port),
                                   str(site.workers), str(site.threads)])
        self.worker = self._start_worker()

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, env=self.environment)

    def _start_worker(self) -> subprocess.Popen[bytes]:
        self.worker_began = time.monotonic()
        return self._start([sys.executable, "-m", "jieneng", "--home", str(self.site.home), "work"])

    def ready(self) -> bool:
        """Wait until the site answers. False when it ended, or did not answer in time."""
        url = self.site.url + "health/"
        until = time.monotonic() + READY
        while time.monotonic() < until and not self.stop.is_set():
            if self.server.poll() is not None:
                return False
            try:
                with urllib.request.urlopen(url, timeout=2):  # noqa: S310  our own address
                    return True
            except urllib.error.HTTPError:
                return True  # it answers, if only to say that it does not know this name
            except OSError:
                time.sleep(0.1)
        return False

    def run(self) -> int:
        """Watch until asked to stop. A dead worker is started again, with growing pauses; a dead site ends it all."""
        next_look = 0.0
        while not self.stop.wait(0.3):
            if self.server.poll() is not None:
                return self.server.returncode or 1
            if self.worker.poll() is not None and time.monotonic() - self.worker_began > self.pause:
                self.pause = 1.0 if time.monotonic() - self.worker_began > 60 else min(self.pause * 2, 60)
                self.worker = self._start_worker()
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + 10
                self.look_at_space()
        return 0

    def look_at_space(self) -> None:
        """Give the reserve back when the disk is all but full; take it again once there is room (faults.md X6, D2)."""
        home = self.site.home
        if workspace.give_back_reserve(home):
            self.full = True
            self.say(T("磁盘快满了：备用空间已放出，请马上腾出空间", "the disk is all but full: the reserve was given back, make room now"))
        elif workspace.keep_reserve(home) and self.full:
            self.full = False
            self.say(T("空间够了，备用空间文件已补上", "there is room again; the reserve file is back"))

    def end(self) -> None:
        """Ask both to stop, and after ``STOP`` seconds make them."""
        children = (self.server, self.worker)
        for child in children:
            if child.poll() is None:
                child.terminate()
        until = time.monotonic() + STOP
        for child in children:
            try:
                child.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait(5)


def serve(site: Site, say: Say, opened: Callable[[str], None] | None = None) -> int:
    """Serve until SIGTERM or Ctrl+C. Returns the exit status. Raises ``Refused`` when it is not safe to start."""
    require_safe(site.home)
    with workspace.serving(site.home) as token:
        require_port(site)
        workspace.keep_reserve(site.home)
        supervisor = Supervisor(site, token, say)
        try:
            for name in ("SIGTERM", "SIGINT"):
                signal.signal(getattr(signal, name), lambda *_: supervisor.stop.set())
            if not supervisor.ready() and not supervisor.stop.is_set():
                raise not_up(site)
            say(T("网站在 {u}，Ctrl+C 停止", "serving at {u}, Ctrl+C to stop", u=site.url))
            if opened is not None:
                opened(site.url)
            return supervisor.run()
        finally:
            supervisor.end()


def not_up(site: Site) -> Refused:
    return refuse("serve.start", T("网站没有起来", "the site did not come up"), do=T("看上面的信息；jieneng doctor", "see the lines above; jieneng doctor"))
