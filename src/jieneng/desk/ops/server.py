"""The process that ``jieneng serve`` starts for the site: granian, ending when its server is gone.

Run as ``python -m jieneng.desk.ops.server HOME ADDRESS PORT WORKERS THREADS``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from . import guard


def main(home: str, address: str, port: str, workers: str, threads: str) -> None:
    """Serve until told to stop. A worker that dies is replaced."""
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    guard.watch(Path(home))
    Server("jieneng.desk.ops.site:application", address=address, port=int(port), interface=Interfaces.WSGI, workers=int(workers),
           blocking_threads=int(threads), websockets=False, log_level=LogLevels.error, respawn_failed_workers=True,
           respawn_interval=0.5, workers_kill_timeout=15).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
