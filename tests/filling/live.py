"""A real workspace with a round to fill in, served as people serve it: ``python -m tests.filling.live HOME``."""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path

from jieneng.__main__ import main
from tests.desk import small_home

PASSWORD = "Xin-mima-2022-wang"


def build(target: Path) -> None:
    """The small home, then a round of 2023 answered by month and filed here."""
    if main(["--home", str(target), "init"]) != 0:
        raise SystemExit("init failed")
    os.environ["JIENENG_HOME"] = str(target)
    small_home._fill()
    from jieneng.people.models import User
    from jieneng.people.queries import root_office
    from jieneng.returns import actions
    from jieneng.returns.queries import book

    office, zhou = root_office(), User.objects.get(username="zhoumin")
    assert office is not None
    actions.open_round(zhou, book(), form="consumption", year=2023, office=office, rhythm="month", mode="C", deadline=dt.date(2024, 2, 28))
    for user in User.objects.filter(username__in=("wangxiuying", "zhoumin")):
        user.set_password(PASSWORD)
        user.must_change_password = False
        user.save()


if __name__ == "__main__":
    build(Path(sys.argv[1]))
