"""Run ``jieneng`` and kill it (SIGKILL, itself) just before its Nth sync or rename: ``python -m tests.desk.killed_at N [words…]``.

N = 0 kills nothing and writes how many there were to the file named by COUNT_FILE.
"""

from __future__ import annotations

import os
import signal
import sys
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

from jieneng.__main__ import main  # noqa: E402  after the calls are counted

status = main(sys.argv[2:])
if "COUNT_FILE" in os.environ:
    with open(os.environ["COUNT_FILE"], "w") as out:
        out.write(str(count))
sys.exit(status)
