"""``./run bench saving``: fifty people save drafts at once through the real server; every save that was acknowledged is found afterwards.

A workspace of its own (a temporary SQLite file; a throw-away database beside the one that JIENENG_DATABASE_URL names, on PostgreSQL) is
served by ``jieneng serve`` as people serve it. Each client is a person with a session and an institution of his own, opens the year sheet
and posts the whole form as the page does, one changed value a second. What he was told is written to a log outside the system: try, then
ok, no or unknown (no answer came). The judge reads the drafts and their history: every ok is there exactly once, nothing refused and nothing
untried is there, an unknown is there whole or not at all, and the page shows the last value. In a second round the server and all its
processes are killed in the middle and started again.
"""

from __future__ import annotations

import argparse
import datetime as dt
import http.client
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

YEAR, ITEM = 2023, "electricity_kwh"
FIELDS = [f"{YEAR}-{m:02}.{ITEM}" for m in range(1, 13)]
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Person:
    """Who saves: his session's cookie and the address of his year."""

    number: int
    institution: int
    cookie: str
    path: str


@dataclass
class Log:
    """What one client tried, and what he was told: (field, value) → ok, no or unknown; and how long each answer took."""

    told: dict[tuple[str, str], str] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    why: list[str] = field(default_factory=list)

    def words(self) -> Counter[str]:
        return Counter(self.told.values())


class Inputs(HTMLParser):
    """The fields of the form as a browser would send them, and what goes with them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name, kind = given.get("name") or "", given.get("type") or "text"
        if tag == "input" and name and "disabled" not in given and (kind not in ("checkbox", "radio") or "checked" in given):
            self.values[name] = given.get("value") or ""


class Client:
    """A browser of one person: one connection, one session, one open page."""

    def __init__(self, port: int, person: Person) -> None:
        self.port, self.person = port, person
        self.connection: http.client.HTTPConnection | None = None
        self.csrf = ""
        self.form: dict[str, str] = {}

    def ask(self, method: str, body: str = "", headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """One request. A connection that breaks is forgotten, and ``OSError`` or ``HTTPException`` goes to the caller."""
        self.connection = self.connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        cookies = f"sessionid={self.person.cookie}" + (f"; csrftoken={self.csrf}" if self.csrf else "")
        try:
            self.connection.request(method, self.person.path, body.encode(), {"Cookie": cookies, "Host": f"localhost:{self.port}", **(headers or {})})
            answer = self.connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.connection = None
            raise
        if found := re.search(r"csrftoken=([^;]+)", answer.headers.get("Set-Cookie", "")):
            self.csrf = found[1]
        return answer.status, text

    def open(self) -> dict[str, str]:
        """Open the page: what its form holds."""
        status, text = self.ask("GET")
        if status != 200:
            raise http.client.HTTPException(f"{self.person.path}: {status}")
        self.form = Inputs(text).values
        return self.form

    def save(self, name: str, value: str) -> tuple[str, str]:
        """Post the form with one value changed: ok, or no and why."""
        self.form[name] = value
        sent = {k: v for k, v in self.form.items() if "." in k or k in ("seen", "csrfmiddlewaretoken")}
        status, text = self.ask("POST", urlencode(sent), {
            "Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true", "Origin": f"http://localhost:{self.port}"})
        if status == 200 and 'data-kept="1"' in text and (version := re.search(r'data-version="(\d+)"', text)):
            self.form["seen"] = version[1]
            return "ok", ""
        return "no", f"{status}: " + re.sub(r"<[^>]+>|\s+", " ", text)[:200]


def run_client(client: Client, log: Log, until: float, every: float) -> None:
    """Save every so often until the time is over. Without an answer: open the page again, as a person does, and go on."""
    dice, n, opened = random.Random(client.person.number), len(log.told), False
    next_at = time.monotonic() + dice.random() * every
    while time.monotonic() < until:
        time.sleep(max(0.0, next_at - time.monotonic()))
        next_at = max(next_at + every, time.monotonic())
        if not opened:
            try:
                client.open()
                opened = True
            except (OSError, http.client.HTTPException):
                time.sleep(0.2)
                continue
        n += 1
        name, value = FIELDS[n % 12], str(client.person.number * 100_000 + n)
        log.told[name, value] = "unknown"
        began = time.monotonic()
        try:
            log.told[name, value], why = client.save(name, value)
        except (OSError, http.client.HTTPException):
            opened = False
            continue
        log.seconds.append(time.monotonic() - began)
        if why:
            log.why.append(why)


# ---- the workspace and its server ----

def build(home: Path, people: int) -> list[Person]:
    """A workspace with institutions that file here, one for each person, and a session for each."""
    from bench.records import setup

    setup(home)
    from django.test import Client as Browser
    from django.urls import reverse

    from jieneng.desk.example.codes import credit_code
    from jieneng.people.models import Appointment, User
    from jieneng.people.queries import console, root_office
    from jieneng.registry.actions import Entry, import_register
    from jieneng.registry.models import Institution
    from jieneng.returns.actions import open_round
    from jieneng.returns.queries import book

    office = root_office()
    assert office is not None
    keys = [credit_code("12", "341823", f"{95000000 + n}") for n in range(people)]
    done = import_register(console(), [Entry(k, "uscc", f"示例第{n}小学", dt.date(2019, 1, 1), "341823", "教育局", type="education") for n, k in enumerate(keys)],
                           office=office)
    assert not done.problems, done.problems
    round_ = open_round(console(), book(), form="consumption", year=YEAR, office=office, rhythm="month", mode="C", deadline=dt.date(YEAR + 1, 2, 28))
    ids = dict(Institution.objects.values_list("key", "pk"))
    made = []
    for n, key in enumerate(keys):
        user = User.objects.create(username=f"saver{n:03}", name=f"填表人{n}", must_change_password=False)
        Appointment.objects.create(user=user, role="reporter", institution_key=key, since=dt.date(2020, 1, 1))
        browser = Browser()
        browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        made.append(Person(n, ids[key], browser.cookies["sessionid"].value, reverse("filling-year", args=[round_.pk, ids[key]])))
    return made


class Server:
    """``jieneng serve`` in a process group of its own, with what it may need to be killed at once."""

    def __init__(self, home: Path) -> None:
        self.home, self.log = home, home.parent / "serve.log"
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = int(s.getsockname()[1])
        self.spent = 0.0
        self.start()

    def start(self) -> None:
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "jieneng", "--home", str(self.home), "serve", "--port", str(self.port)],
                                            env={**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}, stdout=log, stderr=log, start_new_session=True)

    def up(self, within: float = 120) -> None:
        until = time.monotonic() + within
        while True:
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                connection.request("GET", "/health/", headers={"Host": f"localhost:{self.port}"})
                if connection.getresponse().status == 200:
                    return
            except (OSError, http.client.HTTPException):
                if self.process.poll() is not None or time.monotonic() > until:
                    raise SystemExit(self.log.read_text()) from None
                time.sleep(0.1)

    def cpu(self) -> float:
        """Processor seconds of the server and everything it started that still runs (Linux; elsewhere 0)."""
        total = 0.0
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                words = entry.read_text().rpartition(") ")[2].split()
            except OSError:
                continue
            if int(words[3]) == self.process.pid:  # its session
                total += (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
        return total

    def kill(self) -> None:
        """All its processes, at once, as when the power goes but for the page cache."""
        self.spent += self.cpu()
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()


# ---- the judge ----

def faults(person: Person, log: Log, shown: Mapping[str, str]) -> list[str]:
    """What one client was told that is not so. ``shown``: what the page says now."""
    from jieneng.filling.models import Draft

    draft = Draft.objects.filter(institution_id=person.institution).first()
    saves = list(draft.saves.order_by("version")) if draft else []
    kept = [(k, new) for s in saves for k, (_, new) in s.changes.items() if k in FIELDS]
    times, wrong = Counter(kept), []
    for what, word in log.told.items():
        n = times.pop(what, 0)
        if n != {"ok": 1, "no": 0}.get(word, min(n, 1)):
            wrong.append(f"{person.number}: {what} was told {word} and is kept {n} times")
    wrong += [f"{person.number}: {what} was never tried" for what in times]
    if [s.version for s in saves] != list(range(1, len(saves) + 1)):
        wrong.append(f"{person.number}: versions have gaps")
    last: dict[str, str] = {}
    for k, new in kept:
        last[k] = new
    for name, value in last.items():
        if draft is None or draft.values.get(name) != value or shown.get(name, "").replace(",", "") != value:
            wrong.append(f"{person.number}: {name} was last saved as {value}; the draft says {draft and draft.values.get(name)}, the page {shown.get(name)}")
    return wrong


@dataclass
class Outcome:
    """One round: what clients were told and what was found wrong; answers in milliseconds; seconds without a server."""

    told: Counter[str]
    wrong: list[str]
    why: list[str]
    times: list[float]
    seconds: float
    cpu: float
    away: float = 0.0

    def at(self, share: float) -> float:
        return sorted(self.times)[min(len(self.times) - 1, int(len(self.times) * share))] * 1000 if self.times else 0.0


def measure(home: Path, people: list[Person], logs: list[Log], seconds: float, every: float, kill: bool) -> Outcome:
    """Serve, let everybody save, and judge all that was told in this round and before."""
    server, away, earlier = Server(home), 0.0, sum((log.words() for log in logs), Counter())
    for log in logs:
        log.seconds, log.why = [], []
    try:
        server.up()
        begin, before = time.monotonic(), server.cpu()
        clients = [Client(server.port, p) for p in people]
        threads = [threading.Thread(target=run_client, args=(c, log, begin + seconds, every)) for c, log in zip(clients, logs, strict=True)]
        for t in threads:
            t.start()
        if kill:
            time.sleep(seconds / 2)
            server.kill()
            gone = time.monotonic()
            server.start()
            server.up()
            away = time.monotonic() - gone
        for t in threads:
            t.join()
        took, cpu = time.monotonic() - begin, server.spent + server.cpu() - before
        shown = [Client(server.port, p).open() for p in people]
    finally:
        server.stop()
    wrong = [w for p, log, page in zip(people, logs, shown, strict=True) for w in faults(p, log, page)]
    return Outcome(sum((log.words() for log in logs), Counter()) - earlier, wrong, [w for log in logs for w in log.why],
                   [s for log in logs for s in log.seconds], took, cpu, away)


@contextmanager
def store() -> Iterator[str]:
    """Which store is measured: its name. On PostgreSQL a database of its own, dropped afterwards."""
    url = os.environ.get("JIENENG_DATABASE_URL", "")
    if not url:
        yield "sqlite"
        return
    import psycopg

    name = f"jieneng_saving_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        os.environ["JIENENG_DATABASE_URL"] = urlsplit(url)._replace(path=f"/{name}").geturl()
        try:
            yield "postgresql"
        finally:
            from django.db import connection

            connection.close()
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def main(words: list[str]) -> int:
    """Print a line for each round. Not 0 when anything acknowledged is lost, or a save failed while the server was up."""
    parser = argparse.ArgumentParser(prog="bench saving")
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--every", type=float, default=1.0, help="seconds between two saves of a person")
    parser.add_argument("--only", choices=("calm", "killed"), help="one round instead of both")
    args = parser.parse_args(words)
    bad = 0
    with store() as name, tempfile.TemporaryDirectory(prefix="jieneng-saving-") as folder:
        home = Path(folder) / "home"
        people = build(home, args.people)
        logs = [Log() for _ in people]
        for kill in [k for k in (False, True) if args.only in (None, "killed" if k else "calm")]:
            bad += report(name, len(people), measure(home, people, logs, args.seconds, args.every, kill), kill)
    return 1 if bad else 0


def report(name: str, people: int, o: Outcome, kill: bool) -> int:
    """Say what a round showed. Returns how much was wrong."""
    told: Any = {k: o.told.get(k, 0) for k in ("ok", "no", "unknown")}
    away = f", killed in the middle, away {o.away:.1f} s" if kill else ""
    print(f"{name}: {people} people, {o.seconds:.0f} s, load {os.getloadavg()[0]:.1f}{away}: "
          f"{told['ok']} saved ({told['ok'] / o.seconds:.1f} a second), {told['no']} refused, {told['unknown']} without an answer; "
          f"ms: median {o.at(0.5):.0f}, 95 % {o.at(0.95):.0f}, 99 % {o.at(0.99):.0f}, longest {o.at(1):.0f}; "
          f"server cpu {o.cpu * 1000 / max(1, told['ok']):.1f} ms a save; lost or wrong: {len(o.wrong)}", flush=True)
    for line in [*o.wrong, *o.why][:10]:
        print("   ", line, flush=True)
    return len(o.wrong) + told["no"] + (0 if kill else told["unknown"])
