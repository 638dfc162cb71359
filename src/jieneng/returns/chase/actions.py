"""The verb of reminding. Nothing twice: one reminder per round, target and day, whatever is pressed how often and by whom."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from django.urls import reverse
from django.utils import timezone

from jieneng.core.problem import refuse
from jieneng.core.words import T
from jieneng.people.models import User
from jieneng.people.scope import require
from jieneng.records.events import action, hold, record
from jieneng.records.models import MailAddress, Outgoing
from jieneng.records.notify import deliver, mail_on, notify, put_out, webhook_on

from ..models import Reminder, Round
from ..ranges import packed
from ..telling import keepers_of, reporters_of
from . import queries, wording
from .queries import Target

Progress = Callable[[int, int], None]


def chosen(person: User, round_: Round, keys: Sequence[str] | None = None) -> list[Target]:
    """The targets a person may remind, all or those named. An unknown key is refused."""
    mine = require(person, "review")
    every = queries.targets(queries.units(mine, round_), mine, round_)
    if keys is None:
        return every
    known = {t.key: t for t in every}
    if unknown := [k for k in keys if k not in known]:
        raise refuse("remind.target", T("没有要提醒的“{k}”", "nobody to remind: “{k}”", k=unknown[0]), do=T("刷新名单再选：可能已经报完", "refresh the list: they may have filed"))
    return [known[k] for k in keys]


def remind(person: User, round_: Round, keys: Sequence[str] | None = None, *, day: dt.date | None = None, progress: Progress | None = None) -> dict[str, int]:
    """Remind the targets: message inside the system, and e-mail and webhook where they are configured.

    Returns how many were ``reminded``, how many ``skipped`` because they had been today, and what was ``sent`` and ``failed`` outside.
    """
    day = day or timezone.localdate()
    wanted = chosen(person, round_, keys)
    counts = {"reminded": 0, "skipped": 0, "sent": 0, "failed": 0}
    for n, target in enumerate(wanted):
        done = _one(person, round_, target, day)
        counts["reminded" if done else "skipped"] += 1
        if progress:
            progress(n + 1, len(wanted))
    outside = deliver(Outgoing.objects.filter(key__startswith=f"remind:{round_.pk}:"))
    return {**counts, **outside}


def _inside(round_: Round, target: Target, key: str, subject: T, day: dt.date) -> int:
    """The message inside the system: to the office that keeps the list, or to the unit. Units without such an office hear each of itself only."""
    if target.own:
        alone = [Target(f"unit:{u.key}", u.name, target.office, (u,), u.pk) for u in target.units]
        return sum(_inside(round_, t, f"{key}:{t.institution}", wording.subject(round_, t, day), day) for t in alone)
    people = keepers_of(target.office.path) if target.institution is None else reporters_of(target.units[0].key)
    url = reverse("chase", args=[round_.pk]) if target.institution is None else reverse("institution", args=[target.institution])
    return int(notify(people, key, subject, T("{t}", "{t}", t="\n".join(wording.lines(target.units))), url))


def _one(person: User, round_: Round, target: Target, day: dt.date) -> bool:
    """One reminder with its messages and its event, whole or not at all. False when the target was reminded that day already."""
    with action():
        hold()  # two people at one moment: the second finds the first's reminder
        if Reminder.objects.filter(round=round_, target=target.key, day=day).exists():
            return False
        subject = wording.subject(round_, target, day)
        key = f"remind:{round_.pk}:{target.key}:{day.isoformat()}"
        channels: dict[str, Any] = {"inside": _inside(round_, target, key, subject, day)}
        text = wording.text(round_, target, day)
        box = MailAddress.objects.filter(office=target.office).first() if target.institution is None and not target.own else None
        if mail_on() and box is not None:
            channels["mail"] = int(put_out(key + ":mail", "mail", str(subject), text, box.address))
        if webhook_on() and target.institution is None:
            channels["webhook"] = int(put_out(key + ":webhook", "webhook", str(subject), text))
        units = packed(u.pk for u in target.units)
        row = Reminder.objects.create(round=round_, target=target.key, office=target.office, institution_id=target.institution, day=day,
                                      units=units, number=len(target.units), channels=channels, by=person)
        record(person, "remind.send", "reminder", row.pk, line=target.office.path, data={
            "year": round_.year, "target": target.key, "name": target.name.say("zh") if isinstance(target.name, T) else target.name, "day": day.isoformat(), "units": units, "number": row.number, "channels": channels})
    return True
