"""Signing inside a unit before a return is filed (填表人 → 统计负责人 → 单位负责人), where the round asks for it and the unit files here (mode C).

A name is typed by whoever holds the unit's account; where one person does everything, one person types all three. Signatures hold for
the periods as they stood: a change of a value lets them lapse, and they are given anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils import timezone

from jieneng.core.problem import Place, Problem, Refused, refuse
from jieneng.core.words import T
from jieneng.people.models import User
from jieneng.records.events import action, fingerprint, record
from jieneng.records.notify import notify
from jieneng.registry.models import Institution
from jieneng.returns.models import Round
from jieneng.returns.telling import reporters_of

from .access import year_to_write
from .models import Draft, Signature
from .parts import is_part_field
from .queries import Year

PARTS: dict[str, T] = {"filler": T("填表人", "filled in by"), "statistics": T("统计负责人", "head of statistics"), "head": T("单位负责人", "head of the unit")}
"""Who signs, in order (foot of the base forms: 单位负责人, 统计负责人, 填表人)."""


def content_of(year: Year, periods: Iterable[str]) -> str:
    """A fingerprint of what a signature stands for: the periods, every value in them, and what holds for all of them."""
    wanted = sorted(periods)
    closed = {p for p in year.periods if p not in wanted}
    values = {k: v for k, v in year.values.items() if k.partition(".")[0] not in closed and v != "" and not (k.startswith("why.") and k.split(".")[1] in closed)
              and (year.closing in wanted or not is_part_field(k, year.kinds))}
    return fingerprint([year.round.pk, year.institution.pk, wanted, values])


def standing(year: Year, periods: Iterable[str]) -> dict[str, Signature]:
    """Part → the signature that holds for these periods as they stand."""
    if not year.draft.pk:
        return {}
    rows = Signature.objects.filter(draft=year.draft, void="", filing=None, content=content_of(year, periods)).select_related("by").order_by("id")
    return {s.part: s for s in rows}


def wanting(year: Year, periods: Iterable[str]) -> list[str]:
    """The parts that have not signed yet, in order. Empty also where the round asks for no signatures."""
    if not year.signs:
        return []
    have = standing(year, periods)
    return [p for p in PARTS if p not in have]


def sign(person: User, year: Year, periods: list[str], names: Mapping[str, str]) -> list[Signature]:
    """Put names under the draft, inside the caller's action: those given, in order, from the next part that is wanting on.

    Raises ``Refused`` where none is given or one is left out before another.
    """
    if not year.draft.pk:
        year.draft = Draft.objects.get_or_create(round=year.round, institution=year.institution)[0]
    left = wanting(year, periods)
    given = {p: names.get(p, "").strip()[:40] for p in left}
    wrong, ended = [], False
    for part in left:
        if not given[part]:
            ended = True
        elif ended:
            wrong.append(Problem("signing.order", T("{a}还没有签，{b}不能先签", "{b} cannot sign before {a}", a=str(PARTS[left[left.index(part) - 1]]), b=str(PARTS[part])),
                                 do=T("按填表人、统计负责人、单位负责人的顺序签", "sign in order"), where=Place(field=f"sign-{part}")))
    if left and not given[left[0]]:
        wrong.append(Problem("signing.name", T("没有写{p}的姓名", "no name for: {p}", p=str(PARTS[left[0]])), do=T("写姓名再送", "write the name"), where=Place(field=f"sign-{left[0]}")))
    if wrong:
        raise Refused(*wrong)
    content, now = content_of(year, periods), timezone.now()
    made = [Signature.objects.create(draft=year.draft, part=p, name=n, periods=sorted(periods), content=content, by=person, at=now) for p, n in given.items() if n]
    # the names stay with the signatures: the log says which parts signed, by whose account
    record(person, "filling.sign", "draft", year.draft.pk, line=year.standing.office.path, data={
        "institution": year.institution.key, "year": year.round.year, "parts": [s.part for s in made], "signatures": [s.pk for s in made], "content": content})
    if rest := wanting(year, periods):
        told = [u for u in reporters_of(year.institution.key) if u.pk != person.pk]
        notify(told, f"sign:{made[-1].pk}", T("{y} 年报表等{p}复核签名", "the return of {y} waits for a signature: {p}", y=year.round.year, p=str(PARTS[rest[0]])))
    return made


def hand_back(person: User, round_: Round, institution: Institution, reason: str) -> int:
    """Hand the draft back inside the unit (退回填表人): the names under it are taken off, with the reason. Returns how many."""
    if not reason.strip():
        raise refuse("signing.reason", T("没有写退回填表人的原因", "not said why it is handed back"), where=Place(field="sign-reason"))
    with action():
        year = year_to_write(person, round_, institution)
        rows = Signature.objects.select_for_update().filter(draft=year.draft.pk, void="", filing=None)
        pks = list(rows.values_list("pk", flat=True))
        if not pks:
            raise refuse("signing.none", T("还没有人签名", "nobody has signed"))
        rows.update(void=reason.strip()[:200])
        record(person, "filling.hand_back", "draft", year.draft.pk, line=year.standing.office.path, data={
            "institution": institution.key, "year": round_.year, "signatures": pks, "reason": reason.strip()[:200]})
        told = [u for u in reporters_of(institution.key) if u.pk != person.pk]
        notify(told, f"handed-back:{max(pks)}", T("{y} 年报表退回填表人", "the return of {y} was handed back", y=round_.year), T("{r}", "{r}", r=reason.strip()))
    return len(pks)
