"""Requests at the same moment, on a real database: ``python -m tests.api.at_once`` in a workspace named by JIENENG_HOME (R1, P2, P4, S6).

Prints as JSON what each round of requests was answered and what it left behind.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import django


def together(*acts: Callable[[], Any]) -> list[Any]:
    """Start all at a barrier, each in a thread with its own connection; what each gave."""
    from django.db import connection

    barrier, given = threading.Barrier(len(acts)), [None] * len(acts)

    def run(n: int) -> None:
        try:
            connection.ensure_connection()
            barrier.wait()
            given[n] = acts[n]()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(acts))]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    return given


def prepare() -> tuple[str, int, Any]:
    """A client of 泾县, one return that is filed, and a person with a second factor."""
    from jieneng.desk import accounts, clients, factors
    from jieneng.people.models import Office
    from jieneng.people.queries import console
    from jieneng.returns import actions
    from jieneng.returns.models import Return
    from jieneng.returns.queries import book
    from tests.people.test_signing import code_of
    from tests.people_by_name import JINGXIAN, ROOT, SCHOOL_ONE, make_institution

    county = Office.objects.get(code=JINGXIAN)
    make_institution(SCHOOL_ONE, "示例第一小学", county)
    zhou, _ = accounts.create_user(None, "zhoumin", "周敏")
    accounts.appoint(None, zhou, "city", office=Office.objects.get(code=ROOT))
    actions.open_round(zhou, book(), form="consumption", year=2022, office=Office.objects.get(code=ROOT), rhythm="month", mode="C")
    _, token = clients.create(None, "county", "示例系统", "county", office=county, writes=True, per_minute=6000)
    factors.begin(zhou)
    factors.confirm(zhou, code_of(zhou, time.time() - 30))
    assert console()
    return token, Return.objects.get(period="2022-03").pk, zhou


def main() -> None:
    """Three rounds: one key eight times; eight keys on one version; one code eight times."""
    django.setup()
    from jieneng.desk import factors
    from jieneng.people.models import ApiAnswer, User
    from jieneng.records.models import Event
    from jieneng.returns.models import Return, Revision
    from tests.api.make import Api
    from tests.people.test_signing import code_of
    from tests.people_by_name import JINGXIAN, SCHOOL_ONE

    token, pk, zhou = prepare()
    body = {"office": JINGXIAN, "entries": [{"institution": SCHOOL_ONE, "period": "2022-03", "revision": 0, "answers": {"electricity_kwh": "1234.5"}}]}

    def post(path: str, what: Any, key: str, match: str = "") -> Callable[[], tuple[int, str]]:
        def send() -> tuple[int, str]:
            api = Api(token)
            api.client.defaults["HTTP_HOST"] = "localhost"
            answer = api.post(path, what, key=key, match=match)
            return answer.status_code, answer.content.decode()
        return send

    one_key = together(*[post("answers", body, "key-one-0001")] * 8)
    left = {"revisions": Revision.objects.count(), "imports": Event.objects.filter(verb="returns.import").count(), "kept": ApiAnswer.objects.count()}
    tag = f'"{pk}-1-filed"'
    versions = together(*[post(f"returns/{pk}/send_back", {"reason": f"核对 {n}"}, f"key-many-{n:04d}", tag) for n in range(8)])
    code = code_of(zhou)
    codes = together(*[lambda: factors.check(User.objects.get(pk=zhou.pk), code)] * 8)
    print(json.dumps({
        "one_key": {"statuses": [s for s, _ in one_key], "answers": len({b for _, b in one_key}), **left},
        "versions": {"statuses": sorted(s for s, _ in versions), "events": Event.objects.filter(verb="returns.send_back").count(), "state": Return.objects.get(pk=pk).state},
        "codes": sorted(codes)}, ensure_ascii=False))


if __name__ == "__main__":
    main()
