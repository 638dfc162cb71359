"""Two people act at the same moment, on a real database: ``python -m tests.returns.two_writers [--no-locks]`` (faults.md W1, W2, W5).

Every pair of verbs, from every state in which one of them is possible, on one return; then ledger lines; then a freeze against
those who write. What came out must be what one order of the two would have given: that is printed as JSON, with every case for
which no order explains the outcome. ``--no-locks`` is the twin: row locks (PostgreSQL) or IMMEDIATE transactions (SQLite) are
switched off, and such cases must be found. Run in a workspace named by JIENENG_HOME that ``jieneng init`` has made.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import django
from django.conf import settings

Outcome = tuple[str, str]
"""What an act did: ("done", ""), ("refused", code), or ("fault", words)."""


def at_once(*acts: Callable[[], object]) -> list[Outcome]:
    """Start all at a barrier, each in a thread with its own connection; what each did."""
    from django.db import connection

    from jieneng.core.problem import Refused

    barrier, outcomes = threading.Barrier(len(acts)), [("fault", "did not end")] * len(acts)

    def run(n: int) -> None:
        try:
            connection.ensure_connection()
            barrier.wait()
            acts[n]()
            outcomes[n] = ("done", "")
        except Refused as refusal:
            outcomes[n] = ("refused", refusal.problems[0].code)
        except Exception as error:  # whatever else: that is what is looked for
            outcomes[n] = ("fault", f"{type(error).__name__}: {str(error)[:120]}")
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(acts))]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    return outcomes


def without_locks() -> None:
    """The twin: nobody waits for anybody."""
    from django.db import connection
    from django.db.models import QuerySet

    settings.DATABASES["default"].get("OPTIONS", {}).pop("transaction_mode", None)
    connection.close()
    QuerySet.select_for_update = lambda self, **_: self  # type: ignore[method-assign,assignment]


YEARS = (2019, 2020, 2021, 2023, 2024)


class Stage:
    """The small city with a round of 2022 filed and others expected, and the verbs to be set against each other."""

    def __init__(self) -> None:
        from jieneng.people.queries import console, root_office
        from jieneng.returns import actions
        from jieneng.returns.queries import book
        from tests.desk import small_home

        self.office = root_office()
        small_home._register(console(), self.office)
        self.zhou = small_home._people()["zhoumin"]
        self.book = book()
        small_home._bring(self.zhou, self.office, 2022)
        for year in YEARS:
            actions.open_round(self.zhou, self.book, form="consumption", year=year, office=self.office, rhythm="month")
        self.values = itertools.count(5000)

    def act(self, verb: str, pk: int) -> Callable[[], object]:
        from jieneng.returns import actions
        from jieneng.returns.models import Return

        if verb.startswith("import"):
            return self.importing(pk)
        return lambda: actions._act(self.zhou, verb, Return.objects.filter(pk=pk), reason="同时办")

    def importing(self, pk: int) -> Callable[[], object]:
        """An import of one new value for the return; a return that is closed to imports refuses."""
        from jieneng.core.period import Period
        from jieneng.core.problem import Refused
        from jieneng.records.models import ReceivedFile
        from jieneng.returns import actions
        from jieneng.returns.intake import Draft, From
        from jieneng.returns.models import Import, Return

        ret = Return.objects.select_related("institution").get(pk=pk)
        batch = Import.objects.create(file=ReceivedFile.objects.first(), layout="two", layout_hash="x", layout_text="", reads="answers", on_behalf=self.office,
                                      by=self.zhou)
        draft = Draft(identifier=ret.institution.key, scheme="uscc", period=Period.parse(ret.period), at=From("a.csv", "", "A2", 2),
                      answers={"electricity_kwh": Decimal(next(self.values))}, sources={"electricity_kwh": {"cell": "D2"}})

        def bring() -> None:
            outcome = actions.import_answers(self.zhou, self.book, form="consumption", drafts=[draft], batch=batch, office=self.office)
            if outcome.problems:
                raise Refused(*outcome.problems)

        return bring


def explained(before: tuple[str, int, int], verbs: tuple[str, str], outcomes: list[Outcome], after: tuple[str, int, int]) -> bool:
    """Whether one order of the two verbs, by the table of moves, gives these outcomes and this return."""
    from jieneng.core.problem import Refused
    from jieneng.returns.moves import move

    for order in ((0, 1), (1, 0)):
        (state, revision, accepted), seen = before, ["", ""]
        for n in order:
            verb = verbs[n].split("-")[0]
            try:
                state = move(state, verb).to
            except (Refused, KeyError):
                seen[n] = "refused"
                continue
            seen[n] = "done"
            revision += verb == "import"
            accepted = revision if verb == "accept" else accepted
        if seen == [o[0] for o in outcomes] and (state, revision, accepted) == after:
            return True
    return False


ROUTES = {"expected": (), "filed": ("import",), "returned": ("import", "send_back"), "dept_ok": ("import", "pass_department"),
          "county_ok": ("import", "pass_county"), "accepted": ("import", "accept"), "signed": ("import", "accept", "sign")}


def pairs() -> Iterator[tuple[str, tuple[str, str]]]:
    """Every two verbs of which at least one can be done in the state; an import against an import too."""
    from jieneng.returns.moves import MOVES

    verbs = ("import-a", "import-b", "send_back", "pass_department", "pass_county", "accept", "sign", "reopen")
    for state in ROUTES:
        for pair in itertools.combinations_with_replacement(verbs, 2):
            if any((state, v.split("-")[0]) in MOVES for v in pair) and pair not in (("import-a", "import-a"), ("import-b", "import-b")):
                yield state, pair


def on_returns(stage: Stage, faults: list[dict[str, Any]]) -> int:
    """All pairs, each on a return brought to its state first."""
    from jieneng.returns.models import Return

    pool = iter(list(Return.objects.exclude(round__year=2022).values_list("pk", flat=True)))  # each used once: the events must tell it all
    count = 0
    for state, verbs in pairs():
        pk = next(pool)
        for verb in ROUTES[state]:
            stage.act(verb, pk)()
        before = told(pk)
        assert before[0] == state, (state, before)
        outcomes = at_once(*(stage.act(v, pk) for v in verbs))
        if not explained(before, verbs, outcomes, told(pk)):
            faults.append({"from": before, "verbs": verbs, "outcomes": outcomes, "to": told(pk)})
        count += 1
    return count


def told(pk: int) -> tuple[str, int, int]:
    from jieneng.returns.models import Return

    ret = Return.objects.get(pk=pk)
    return ret.state, ret.revision, ret.accepted


def on_ledgers(stage: Stage, faults: list[dict[str, Any]]) -> int:
    """A line entered twice, changed twice by people who saw the same revision, changed while it is withdrawn, imported while changed."""
    from types import SimpleNamespace

    from jieneng.fieldwork import actions
    from jieneng.fieldwork.models import LedgerRecord
    from jieneng.records.models import ReceivedFile
    from jieneng.returns.models import Import
    from tests.desk.small_home import CONTRACT

    ledger, kwp = stage.book.ledgers["energy_contracts"], itertools.count(300)

    def save(no: str, **more: Any) -> Callable[[], object]:
        values = {**CONTRACT, "no": no, "capacity_kwp": str(next(kwp))}
        return lambda: actions.save(stage.zhou, ledger, values, office=stage.office, **more)

    def withdraw(no: str) -> Callable[[], object]:
        return lambda: actions.withdraw(stage.zhou, ledger, no, "同时撤销")

    def bring(no: str) -> Callable[[], object]:
        line = SimpleNamespace(values={**CONTRACT, "no": no, "capacity_kwp": str(next(kwp))}, file="a.xlsx", sheet="", cell="A2", sources={})
        batch = Import.objects.create(file=ReceivedFile.objects.first(), layout="two", layout_hash="x", layout_text="", reads="ledger", on_behalf=stage.office,
                                      by=stage.zhou)
        return lambda: actions.import_ledger(stage.zhou, ledger, [line], batch=batch, office=stage.office)

    count = 0
    for n in range(5):
        for name, made, acts, right in (
            ("entered twice", False, lambda no: (save(no), save(no)), lambda o, r: sorted(x[0] for x in o) == ["done", "refused"] and r.revision == 1),
            ("changed twice", True, lambda no: (save(no, key=no, seen=1), save(no, key=no, seen=1)),
             lambda o, r: sorted(x[0] for x in o) == ["done", "refused"] and r.revision == 2),
            ("imported while changed", True, lambda no: (bring(no), save(no, key=no)), lambda o, r: [x[0] for x in o] == ["done", "done"] and r.revision == 3),
            ("imported twice", False, lambda no: (bring(no), bring(no)), lambda o, r: [x[0] for x in o] == ["done", "done"] and r.revision == 2),
            ("withdrawn twice", True, lambda no: (withdraw(no), withdraw(no)), lambda o, r: sorted(x[0] for x in o) == ["done", "refused"] and r.withdrawn),
        ):
            no = f"同时-{name}-{n}"
            if made:
                save(no)()
            outcomes = at_once(*acts(no))
            row = LedgerRecord.objects.get(key=no)
            if not right(outcomes, row) or row.revisions.count() != row.revision:
                faults.append({"ledger": name, "outcomes": outcomes, "revision": row.revision})
            count += 1
    return count


def on_freeze(stage: Stage, faults: list[dict[str, Any]]) -> int:
    """A freeze while others accept and import: it holds what was accepted before it or after them, never a part."""
    from jieneng.returns import actions, freeze, queries
    from jieneng.returns.models import Return, SnapshotRecord

    actions.act(stage.zhou, "accept", Return.objects.filter(round__year=2022, period__lte="2022-06", state="filed"))
    accepted = Return.objects.filter(round__year=2022, accepted__gt=0).count()
    waiting = Return.objects.filter(round__year=2022, state="filed")
    total = accepted + waiting.count()
    outcomes = at_once(lambda: freeze.freeze(stage.zhou, stage.book, 2022), lambda: actions.act(stage.zhou, "accept", waiting),
                       lambda: freeze.freeze(stage.zhou, stage.book, 2022))
    if [o[0] for o in outcomes] != ["done"] * 3:
        faults.append({"freeze": outcomes})
    for row in SnapshotRecord.objects.all():
        held = queries.opened(row).counts["returns"]
        if held not in (accepted, total):
            faults.append({"freeze": f"{held} returns, neither {accepted} nor {total}"})
    return 1


def main() -> int:
    django.setup()
    from jieneng.returns import actions

    stage, faults = Stage(), []
    if "--no-locks" in sys.argv:
        without_locks()
    slowly, merge = actions._store, actions._merge

    def store(returns: Any) -> None:
        time.sleep(0.01)  # the moment between reading and writing, wide enough for another to step in
        slowly(returns)

    def merged(*args: Any) -> Any:
        found = merge(*args)
        time.sleep(0.01)
        return found

    actions._store, actions._merge = store, merged
    counts: dict[str, int] = {}
    for name, play in (("ledgers", on_ledgers), ("freeze", on_freeze), ("returns", on_returns)):
        if "--no-locks" not in sys.argv or not faults:  # the twin has shown what it is for once something is found
            counts[name] = play(stage, faults)
    print(json.dumps({"counts": counts, "faults": faults}, ensure_ascii=False, default=str))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
