"""The whole table of moves against every role: whatever way a return is to be changed, the right of its move is asked for."""

from __future__ import annotations

import datetime as dt
import io
import itertools
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from jieneng.core.problem import Refused
from jieneng.people.roles import ROLES
from jieneng.records.models import Event
from jieneng.registry.models import Standing
from jieneng.returns import actions, behalf
from jieneng.returns.chain import queries as chain
from jieneng.returns.gate import Gate
from jieneng.returns.models import Return, Signoff
from jieneng.returns.moves import MOVES, STATES, VERBS
from jieneng.returns.queries import book
from tests.figures.make import answers, frozen
from tests.people_by_name import JINGXIAN, JIXI, PEOPLE, ROOT, SCHOOL_ONE, SCHOOL_TWO
from tests.returns.whose import bring_in, move_to

pytestmark = pytest.mark.django_db
ROLE = {name: role for name, (_, role, _, _) in PEOPLE.items()}
OUTSIDE = ("heping", "lihui", "luren", "jiuren")
"""A neighbour, the reporter of another school, nobody, and one who left: no right over this school."""


def may(who: str, state: str, verb: str) -> bool:
    """What the table says a person may do to a return of the first school, worked out from roles alone."""
    m = MOVES.get((state, verb))
    role = ROLES.get(ROLE[who])
    return m is not None and role is not None and who not in OUTSIDE and m.right in role.verbs and (not m.top or PEOPLE[who][2] == ROOT)


@pytest.fixture
def stage(city: dict[str, Any]) -> dict[str, Any]:
    zhou = city["people"]["zhoumin"]
    actions.open_round(zhou, book(), form="consumption", year=2022, office=city["offices"][ROOT], rhythm="month")
    assert bring_in(city, "zhoumin", ROOT, SCHOOL_ONE, "2022-03", answers(2022, 1, 3)).problems == []
    return {**city, "ret": Return.objects.get(institution=city["institutions"][SCHOOL_ONE], period="2022-03")}


def put_back(ret: Return, state: str) -> None:
    Return.objects.filter(pk=ret.pk).update(state=state, revision=1, accepted=1 if state in ("accepted", "signed") else 0)


def test_every_verb_in_every_state_asks_for_the_right_of_its_move(stage: dict[str, Any]) -> None:
    """Each pair once for each person: what the table allows is done, all else changes nothing, whichever verb of the program is used."""
    ret, line = stage["ret"], stage["offices"]["341823-jyj"].path
    gates = {who: Gate(person) for who, person in stage["people"].items()}
    for who, state, verb in itertools.product(PEOPLE, STATES, VERBS):
        assert gates[who].allows(state, verb, line, SCHOOL_ONE) == may(who, state, verb), (who, state, verb)
        if verb not in actions.ALONE or (state, verb) not in MOVES:
            continue  # pairs that the table does not have are refused for everybody: test_moves
        put_back(ret, state)
        right = may(who, state, verb) and (state, verb) != ("exempt", "include")  # this one held figures: it is reopened
        try:
            done = actions.act(stage["people"][who], verb, Return.objects.filter(pk=ret.pk), reason="核对")
        except Refused:
            done = 0
        ret.refresh_from_db()
        assert (done, ret.state) == ((1, MOVES[state, verb].to) if right else (0, state)), (who, state, verb)


def test_an_import_and_a_change_on_the_units_word_ask_for_it_too(stage: dict[str, Any]) -> None:
    """A department or county must not rewrite what the city accepted: not by a file, not by a paper."""
    ret, water = stage["ret"], itertools.count(100)

    def by_file(who: str) -> bool:
        try:
            return bring_in(stage, who, PEOPLE[who][2], SCHOOL_ONE, "2022-03", {"water_m3": next(water)}).changed == 1
        except Refused:
            return False

    def by_paper(who: str) -> bool:
        try:
            return behalf.change(stage["people"][who], book(), ret, [("water_m3", str(next(water)))], reason="更正", word="王秀英", confirmed_on=dt.date(2023, 1, 20),
                                 voucher=(io.BytesIO(b"%PDF-1.4 x"), "更正.pdf")).pk > 0
        except Refused:
            return False

    keepers = [w for w, role in ROLE.items() if role and "import" in ROLES[role].verbs]
    assert {"zhoumin", "wangli", "chengang", "heping", "jiuren"} == set(keepers)
    for who, state, way in itertools.product(keepers, STATES, (by_file, by_paper)):
        before = ret.revisions.count()
        Return.objects.filter(pk=ret.pk).update(state=state, revision=before)
        right = may(who, state, "import")
        assert way(who) is right, (who, state, way)
        ret.refresh_from_db()
        assert ret.state == ("filed" if right else state) and ret.revisions.count() - before == right


def test_what_may_not_be_rewritten_is_told_by_unit_and_cell_and_the_rest_goes_in(stage: dict[str, Any]) -> None:
    put_back(stage["ret"], "accepted")
    told = bring_in(stage, "chengang", "341823-jyj", SCHOOL_ONE, "2022-03", {"water_m3": 77})
    one, = told.problems
    assert one.code == "import.accepted" and SCHOOL_ONE in str(one.found) and (one.where.sheet, one.where.cell) == ("Sheet1", "A2") and "重新打开" in str(one.do)
    assert bring_in(stage, "chengang", "341823-jyj", SCHOOL_ONE, "2022-04", {"water_m3": 77}).new == 1
    assert bring_in(stage, "zhoumin", ROOT, SCHOOL_ONE, "2022-03", {"water_m3": 77}).changed == 1  # the city may


def test_the_verbs_that_write_or_sign_are_not_done_to_single_returns(stage: dict[str, Any], sign_in: Any) -> None:
    """Signing binds a snapshot and its totals: no page, address or call does it to one return."""
    put_back(stage["ret"], "accepted")
    one, before = Return.objects.filter(pk=stage["ret"].pk), Event.objects.count()
    for verb in set(VERBS) - set(actions.ALONE):
        for who in ("zhoumin", "wangli", "wangxiuying"):
            with pytest.raises(Refused) as told:
                actions.act(stage["people"][who], verb, one, reason="x")
            assert told.value.problems[0].code == "returns.alone"
            answer = sign_in(who).post(reverse("return-act", args=[stage["ret"].pk, verb]), {"reason": "x"})
            assert answer.status_code in (403, 404)
    assert one.get().state == "accepted" and Event.objects.count() == before and not Signoff.objects.exists()


def test_the_page_of_an_accepted_return_offers_only_what_may_be_done(stage: dict[str, Any], sign_in: Any) -> None:
    put_back(stage["ret"], "accepted")
    address = reverse("return", args=[stage["ret"].pk])
    entry = reverse("return-enter", args=[stage["ret"].pk])
    assert entry in sign_in("zhoumin").get(address).content.decode()
    for who in ("wangli", "chengang"):
        page = sign_in(who).get(address).content.decode()
        assert entry not in page and "reopen" not in page
    for who in ("zhoumin", "wangli"):
        assert reverse("return-act", args=[stage["ret"].pk, "sign"]) not in sign_in(who).get(address).content.decode()


def test_an_office_answers_for_the_returns_its_totals_hold(city: dict[str, Any]) -> None:
    """A school that moved to a neighbour in June: each county adds up, hands up and signs the months that the snapshot counts as its own."""
    move_to(city["institutions"][SCHOOL_ONE], city["offices"][JIXI], dt.date(2022, 6, 15))
    record = frozen(city)
    round_ = Return.objects.filter(round__year=2022)[0].round
    Standing.objects.filter(institution=city["institutions"][SCHOOL_TWO]).update(name="示例第二小学（更名）", since=dt.date(2022, 3, 1))  # changed within the year, and did not move
    added: dict[str, Decimal] = {}
    for who, code, months in (("wangli", JINGXIAN, range(1, 6)), ("heping", JIXI, range(6, 13))):
        office = city["offices"][code]
        members = chain.under(round_, office)
        totals = chain.totals_of(book(), round_, members)
        assert (len(members), totals.returns, chain.by_state(round_, members)) == (2, 12 + len(months), {"accepted": 12 + len(months)})
        assert totals.sums["water_m3"] == chain.frozen_totals(book(), record, round_, office)["water_m3"]
        added[code] = totals.sums["water_m3"]
        actions.sign_off(city["people"][who], round_, office, record, {})
        signed = set(Return.objects.filter(round=round_, state="signed", institution__key=SCHOOL_ONE).values_list("period", flat=True))
        assert signed == {f"2022-{m:02}" for m in range(1, months[-1] + 1)}
    assert added == {JINGXIAN: Decimal(5 * 10 + 12 * 20), JIXI: Decimal(7 * 10 + 12 * 40)}
    top = city["offices"][ROOT]
    assert chain.totals_of(book(), round_, chain.under(round_, top)).sums["water_m3"] == sum(added.values()) + 12 * 30
    assert not Return.objects.filter(round=round_, institution__key=SCHOOL_ONE).exclude(state="signed").exists()
