"""Make a restored copy ready, in a process of its own: migrate, verify, end all sessions, write the event with both heads.

Run by ``restore`` as ``python -m jieneng.desk.ops.prepare`` with JIENENG_HOME naming the copy and the note on standard input.
Prints one line of JSON: {"faults": […]}; ends 0 when it is ready, 3 when it does not verify.
"""

from __future__ import annotations

import json
import sys

import django


def main() -> int:
    """Ready the copy. Nothing outside it is touched."""
    django.setup()
    from django.conf import settings
    from django.contrib.sessions.models import Session
    from django.core.management import call_command

    from jieneng.people.queries import root_office
    from jieneng.records.events import action, record

    from . import invariants, workspace

    note = json.load(sys.stdin)
    call_command("migrate", verbosity=0)
    workspace.keep_reserve(settings.HOME)
    anchor = {**note["head_then"], "where": note["from"]}
    faults = [f"{r.id} {r.label}: {fault}" for r in invariants.run(deep=True, anchors=[anchor]) for fault in r.faults[:5]]
    print(json.dumps({"faults": faults}, ensure_ascii=False), flush=True)
    if faults and not note["with_faults"]:
        return 3
    Session.objects.all().delete()
    workspace.set_version(settings.HOME)
    office = root_office()
    with action():
        record(None, "backup.restore", "workspace", note["from"], line=office.path if office else "",
               data={**{k: note[k] for k in ("from", "made_at", "head_then", "head_now")}, "faults": faults})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
