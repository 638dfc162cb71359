"""Run ``jieneng`` and kill it (SIGKILL, itself) just before its Nth sync or rename: ``python -m tests.desk.killed_at N [words…]``.

N = 0 kills nothing and writes how many there were to the file named by COUNT_FILE. With STATEMENTS=1 the statements to the
database count too. AUTOCOMMIT=1 is the twin: every statement stands by itself, as if actions had no transaction.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import nullcontext
from typing import Any

at, count = int(sys.argv[1]), 0


def counted(real: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        global count
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)

    return call


for name in ("fsync", "replace", "rename"):
    setattr(os, name, counted(getattr(os, name)))

if os.environ.get("STATEMENTS") or os.environ.get("AUTOCOMMIT"):
    from django.db import transaction
    from django.db.backends.signals import connection_created

    def connected(connection: Any, **more: Any) -> None:
        connection.execute_wrappers.append(counted(lambda execute, *args: execute(*args)))

    if os.environ.get("STATEMENTS"):
        connection_created.connect(connected, weak=False)
    if os.environ.get("AUTOCOMMIT"):
        transaction.atomic = lambda using=None, **more: using if callable(using) else nullcontext()

from jieneng.__main__ import main  # noqa: E402  after the calls are counted

status = main(sys.argv[2:])
if "COUNT_FILE" in os.environ:
    with open(os.environ["COUNT_FILE"], "w") as out:
        out.write(str(count))
sys.exit(status)
