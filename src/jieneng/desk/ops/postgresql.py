"""Restoring a PostgreSQL database: into a database beside the one in use, then two renames.

Uses the server and account of JIENENG_DATABASE_URL; the account must be allowed to make databases. The maintenance database is
``postgres``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from jieneng.core.problem import refuse
from jieneng.core.words import T


def _parts() -> Any:
    return urlsplit(os.environ["JIENENG_DATABASE_URL"])


def url_of(database: str) -> str:
    """The address of another database on the same server."""
    return urlunsplit(_parts()._replace(path=f"/{database}"))


def _connect(database: str) -> Any:
    import psycopg

    parts = _parts()
    return psycopg.connect(host=parts.hostname, port=parts.port or 5432, user=unquote(parts.username or ""), password=unquote(parts.password or ""),
                           dbname=database, autocommit=True)


def _names(link: Any) -> set[str]:
    return {row[0] for row in link.execute("SELECT datname FROM pg_database").fetchall()}


def _quoted(name: str) -> Any:
    from psycopg import sql

    return sql.Identifier(name)


def head() -> dict[str, Any]:
    """The head of the chain in the database in use."""
    with _connect(_parts().path.lstrip("/")) as link:
        row = link.execute("SELECT seq, hash FROM records_chainhead WHERE id = 1").fetchone()
    return {"seq": row[0], "hash": row[1]} if row else {"seq": 0, "hash": "0" * 64}


def load(dump: Path) -> dict[str, str]:
    """Load a dump into a fresh database beside the one in use. Returns the names of both."""
    import subprocess

    from psycopg import sql

    from .archive import postgresql_tool

    parts = _parts()
    target = parts.path.lstrip("/")
    fresh = f"{target}_restoring"
    with _connect("postgres") as link:
        if fresh in _names(link):  # what a killed restore left
            link.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(_quoted(fresh)))
        link.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(_quoted(fresh)))
    command = [postgresql_tool("pg_restore"), f"--host={parts.hostname}", f"--port={parts.port or 5432}", f"--username={unquote(parts.username or '')}",
               "--no-password", f"--dbname={fresh}", "--no-owner", "--no-acl", "--exit-on-error", str(dump)]
    done = subprocess.run(command, env={**os.environ, "PGPASSWORD": unquote(parts.password or "")}, capture_output=True, text=True)
    if done.returncode:
        with _connect("postgres") as link:
            link.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(_quoted(fresh)))
        raise refuse("restore.pg_restore", T("pg_restore 没有办成：{e}", "pg_restore failed: {e}", e=done.stderr.strip()[:400]), do=T("现有的数据没有动", "nothing was touched"))
    return {"target": target, "fresh": fresh}


def swap(target: str, fresh: str, kept: str) -> None:
    """Rename both databases, each only if it is still to be done; sessions that are still open are ended."""
    from psycopg import sql

    with _connect("postgres") as link:
        def rename(old: str, new: str) -> None:
            link.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()", (old,))
            link.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(_quoted(old), _quoted(new)))

        names = _names(link)
        if fresh in names and target in names and kept not in names:
            rename(target, kept)
            names = _names(link)
        if fresh in names and target not in names:
            rename(fresh, target)
