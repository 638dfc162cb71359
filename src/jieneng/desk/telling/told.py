"""An event in words, and what all tellers say alike: names of units, offices, people, months."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse

from jieneng.core.period import Period
from jieneng.core.words import T
from jieneng.people.models import Office, User
from jieneng.records.models import Event
from jieneng.registry.models import Standing
from jieneng.returns.models import Import, Return
from jieneng.returns.ranges import unpacked

FEW = 3


@dataclass
class Told:
    """An event in words. ``object`` is what it was done to, ``url`` leads there for those who hold ``right``; ``says`` is the rest."""

    event: Event
    verb: T
    object: str = ""
    says: str = ""
    url: str = ""
    right: str = "see"
    changes: list[dict[str, str]] = field(default_factory=list)
    facts: list[tuple[T, str]] = field(default_factory=list)
    returns: list[int] = field(default_factory=list)

    @property
    def who(self) -> str:
        """The person; what was done by a command at the server has no person's name."""
        return self.event.who

    @property
    def sentence(self) -> str:
        """周敏 退回 郎溪县示例医院 2022-02：原因…"""
        head = " ".join(p for p in (self.who, str(self.verb), self.object) if p)
        return head + (str(T("：", ": ")) + self.says if self.says else "")


def joined(parts: Iterable[str]) -> str:
    return str(T("；", "; ")).join(p for p in parts if p)


def whole_of(data: Mapping[str, Any], key: str) -> int:
    return int(data.get(key) or 0)


def counts(data: Mapping[str, Any], unit: T) -> str:
    """新增 9 条、变化 0、不变 0；2 处没有读入."""
    said = [str(T("新增 {a} {u}，变化 {b}，不变 {c}", "{a} new {u}, {b} changed, {c} the same",
                  a=f"{whole_of(data, 'new'):,}", u=str(unit), b=f"{whole_of(data, 'changed'):,}", c=f"{whole_of(data, 'same'):,}"))]
    if n := whole_of(data, "findings"):
        said.append(str(T("审核问题 {n} 项", "{n} findings", n=f"{n:,}")))
    if n := whole_of(data, "refused") + whole_of(data, "unread"):
        said.append(str(T("{n} 处没有读入", "{n} places not taken in", n=f"{n:,}")))
    return joined(said)


def file_of(told: Told, pk: Any) -> None:
    """The file of an import, and the page of its result."""
    batch = Import.objects.select_related("file").filter(pk=pk).first() if str(pk or "").isdigit() else None
    if batch is not None:
        told.object, told.url = f"“{batch.file.name}”", reverse("import", args=[batch.pk])
        told.facts.append((T("表样", "layout"), batch.layout))


def names_of(returns: Iterable[int]) -> list[tuple[Return, str]]:
    """Returns with their institutions' names, in the order given."""
    wanted = list(returns)
    rows = {r.pk: r for r in Return.objects.filter(pk__in=wanted).select_related("institution", "round")}
    names: dict[int, str] = {}
    for s in Standing.objects.filter(institution__in={r.institution_id for r in rows.values()}).order_by("since"):
        names[s.institution_id] = s.name
    return [(rows[pk], names.get(rows[pk].institution_id, rows[pk].institution.key)) for pk in wanted if pk in rows]


def month_of(text: str) -> str:
    return str(Period.parse(text).label)


def office_by_area(area: str) -> str:
    found = Office.objects.filter(area=area, kind__in=("county", "zone", "direct")).first() if area else None
    return found.name if found else area


def person_name(username: Any) -> str:
    found = User.objects.filter(username=username or "").first()
    return found.name if found and found.name else str(username or "—")


def year_of(data: dict[str, Any]) -> str:
    return str(T("{y} 年度统计任务", "the {y} round", y=data.get("year", "")))


def office_name(code: Any) -> str:
    found = Office.objects.filter(code=str(code or "")).first()
    return found.name if found else str(code or "")


def units_of(data: dict[str, Any]) -> str:
    """How many, and the first few by name."""
    ids = sorted(unpacked(data.get("units", "")))
    names: dict[int, str] = {}
    for s in Standing.objects.filter(institution__in=ids[:FEW]).order_by("since"):
        names[s.institution_id] = s.name
    return str(T("{n} 家（{few}{more}）", "{n} institutions ({few}{more})", n=f"{len(ids):,}", few="、".join(names.values()), more="…" if len(ids) > FEW else ""))


def unit_name(key: str) -> str:
    last = Standing.objects.filter(institution__key=key).order_by("-since").first()
    return last.name if last else key
