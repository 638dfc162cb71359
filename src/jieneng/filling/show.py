"""What the pages of filling in show, from a year and what there is to say of it: columns, rows, what stands beside, findings."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.db.models import Max, Q
from django.urls import reverse
from django.utils import timezone

from jieneng.core.period import Period
from jieneng.core.problem import Severity
from jieneng.core.words import T
from jieneng.people.models import User
from jieneng.registry.models import Contact
from jieneng.returns.models import Revision
from jieneng.returns.moves import STATES
from jieneng.returns.parts import Part

from . import parts
from .actions import Other, unanswered
from .amounts import plain
from .judge import Found, Judged, field_of, not_answered, unused
from .models import Filing
from .queries import OPEN, Year
from .shape import EVERY, Entry, Pair, unit_sign
from .signing import PARTS, standing

MODES = {"A": T("方式 A：在国家平台填", "mode A: filed on the national platform"), "B": T("方式 B：在此备数，到国家平台填", "mode B: prepared here, entered on the national platform"),
         "C": T("方式 C：在此填报", "mode C: filed here")}


def unit_of(year: Year, e: Entry) -> str:
    """The unit as it is printed in a box: a sign where it has one (m³), else its word."""
    return unit_sign(year.book, e.item.unit)


def month_words(period: str) -> str:
    """3 月; for a longer period its own words."""
    p = Period.parse(period)
    return str(T("{m} 月", "{m}", m=p.index)) if p.kind == "month" else str(p.label)


def spans(periods: Iterable[str]) -> str:
    """1—2、4—12 月: months one after another as a run; other periods in their own words."""
    found, runs = [Period.parse(p) for p in periods], list[list[Period]]()
    for p in found:
        if runs and p.kind == "month" and p.previous == runs[-1][-1]:
            runs[-1].append(p)
        else:
            runs.append([p])
    if any(p.kind != "month" for p in found):
        return "、".join(str(p.label) for p in found)
    joined = str(T("、", ", ")).join(f"{r[0].index}—{r[-1].index}" if len(r) > 1 else f"{r[0].index}" for r in runs)
    return str(T("{x} 月", "months {x}", x=joined))


def short(e: Entry) -> str:
    """电消费量 is called 电 over a column; English names stay whole."""
    text = str(e.label)
    for tail in ("消费量", " consumption"):
        text = text.removesuffix(tail)
    return text


def change(now: Decimal | None, before: Decimal | None) -> str:
    """The change against last year in per cent, with its sign."""
    if now is None or not before:
        return ""
    share = (now - before) * 100 / before
    return f"{share:+.1f}%".replace("-", "−")


def field_label(year: Year, at: str) -> str:
    """A field in words: 3 月 水消费量; of a part its name before it."""
    first, _, rest = at.partition(".")
    if parts.is_part_field(at, year.kinds):
        return _part_field(year, at)
    if first == "why":
        period, _, rule = rest.partition(".")
        return str(T("{p} {r} 的说明", "explanation of {r}, {p}", p=month_words(period), r=rule))
    e = year.shape.entries.get(rest)
    label = str(e.label) if e else rest
    if first in ("basis", "reason", "unused"):
        said = {"basis": T("依据", "basis"), "reason": T("变动原因", "reason for change"), "unused": T("登记为不使用", "declared not used")}[first]
        return f"{label} {said}"
    return label if first == EVERY else f"{month_words(first)} {label}"


def _part_field(year: Year, at: str) -> str:
    """A field of a part in words: 一号机房 机柜总数量."""
    first, _, rest = at.partition(".")
    if first == "why":
        return str(T("{r} 的说明", "explanation of {r}", r=rest.rpartition(".")[2]))
    key = parts.key_in(at)
    if first in parts.OWN:
        form, n = year.kinds[parts.form_of(key)].form, parts.number_of(key)
        said = T("名称", "name") if first == "name" else T("有没有", "there or not")
        return str(T("第 {n} 处{p}的{s}", "{p} no. {n}: {s}", n=n, p=form.part or form.title, s=said))
    e = parts.entry_of(year, at)
    return f"{parts.label_of(year, key)} {e.label if e else rest}"


def header(year: Year) -> dict[str, Any]:
    """What every page of a year says on top."""
    r, today = year.round, timezone.localdate()
    states = {x.state for x in year.returns.values()}
    order = ["returned", *[s for s in STATES if s != "returned"]]
    left = (year.deadline - today).days if year.deadline else None
    keys = [r.pk, year.institution.pk]
    return {"year": year, "round": r, "standing": year.standing, "form": year.shape.form, "state": min(states, key=order.index),
            "mode": MODES.get(year.mode, year.mode), "here": year.mode != "A", "due": year.deadline, "left": left, "late": left is not None and left < 0, "filed_on": None if year.open else filed_on(year),
            "open": year.open,
            "writable": bool(year.open) and year.mode != "A",
            "urls": {n: reverse(f"filling-{n}", args=keys) for n in ("year", "workbook", "upload")} | {"easy": reverse("filling-easy", args=[*keys, 1])},
            "months": [{"period": p, "label": month_words(p), "state": x.state, "url": reverse("filling-month", args=[*keys, p])} for p, x in year.returns.items()],
            "monthly": len(year.periods) > 1, "version": year.draft.version, "saved_at": year.draft.at}


def filed_on(year: Year) -> dict[str, Any] | None:
    """When the last of a year came in that has nothing open any more, and whether it first came after the day (filed here: of a platform's
    figures we know when they were imported, not when the unit filed). None: nothing was filed."""
    known = Revision.objects.filter(ret__in=[r.pk for r in year.returns.values()]).aggregate(last=Max("at"), first=Max("at", filter=Q(number=1)))
    if known["last"] is None:
        return None
    return {"at": known["last"], "late": year.mode != "A" and year.deadline is not None and timezone.localtime(known["first"]).date() > year.deadline}


def filing(year: Year, person: User, periods: Iterable[str], names: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Signatures and filings of a year: who signed what, whose turn it is, what was filed and whether it may still be withdrawn."""
    wanted, typed = [p for p in periods if p in year.open], names or {}
    have = standing(year, wanted) if year.signs else {}
    known = dict(Contact.objects.filter(institution=year.institution, role="statistics", until=None).values_list("role", "name")) if year.signs else {}
    left = [p for p in PARTS if p not in have]
    steps = [{"part": p, "label": label, "name": have[p].name if p in have else "", "at": have[p].at if p in have else None, "by": have[p].by.shown if p in have else "",
              "state": "done" if p in have else "now" if left[:1] == [p] else "next", "hint": known.get(p, ""),
              "typed": typed.get(p) or (person.name if p == "filler" else "")} for p, label in PARTS.items()]
    rows = list(Filing.objects.filter(round=year.round, institution=year.institution).select_related("by").order_by("-number"))
    return {"signs": year.signs, "sign_steps": steps, "next_part": PARTS[left[0]] if left else "", "signed": bool(have), "filings": [
        {"f": f, "names": [(PARTS.get(p, p), n) for p, n, *_ in f.signed], "n": len(f.revisions)} for f in rows[:5]],
        "filed_any": any(r.revision for r in year.returns.values()), "withdrawable": year.mode != "A" and any(r.state == "filed" for r in year.returns.values())}


def ask_lines(year: Year, judged: Judged, periods: Iterable[str]) -> list[dict[str, Any]]:
    """What came back about single items: the value then and now, the one proposed, the answer given."""
    wanted, holds = set(periods), {e.code for e in year.shape.standing}
    open_ = {a.pk for a in unanswered(year, judged, wanted)}
    lines = []
    for a in year.asks:
        if a.ret.period not in wanted or (e := year.shape.entries.get(a.item)) is None:
            continue
        at = field_of(year.values, a.ret.period, a.item, a.item in holds)
        was, now = year.earlier.get(a.ret.period, {}).get(a.item), judged.answers[a.ret.period].get(a.item)
        lines.append({"pk": a.pk, "reason": a.reason, "who": a.by.shown, "at": a.at, "label": field_label(year, at), "field": at, "id": at.replace(".", "-"), "unit": unit_of(year, e),
                      "was": was, "now": now, "moved": was != now, "suggested": Decimal(a.suggested) if a.suggested and not e.parts else None, "text": a.suggested,
                      "open": a.pk in open_, "answer": year.values.get(f"answer.{a.pk}", "")})
    return lines


def idle(year: Year, family: str, judged: Judged) -> bool:
    """Whether nothing of a family was used last year and nothing is typed this year: it is offered as not used."""
    codes = [e.code for p in year.shape.families[family] for e in p.entries]
    if any(year.values.get(f"{p}.{c}") for p in year.periods for c in codes):
        return False
    known = [b for p in year.periods for c in codes if (b := year.last_year(p).get(c)) is not None]
    return not any(known) and (bool(known) or not year.shape.entries[family].required)


def families(year: Year, judged: Judged) -> dict[str, list[dict[str, Any]]]:
    """Which families are columns, which are declared not used, and which are offered as such."""
    shown: dict[str, list[dict[str, Any]]] = {"used": [], "unused": [], "idle": []}
    for family in year.shape.families:
        e = year.shape.entries[family]
        kind = "unused" if year.values.get(f"unused.{family}") else "idle" if idle(year, family, judged) else "used"
        shown[kind].append({"code": family, "label": short(e), "number": e.number, "required": e.required})
    return shown


def invalid(judged: Judged) -> dict[str, str]:
    """Field → e (wrong) or w (to verify)."""
    marks = dict.fromkeys(judged.problems, "e")
    for f in reversed(judged.found):
        for at in f.fields:
            if not (f.reason and f.explainable) and not f.waived and f.finding.severity != Severity.note:
                marks[at] = "e" if f.finding.severity == Severity.must or marks.get(at) == "e" else "w"
    return marks


def box(year: Year, judged: Judged, marks: Mapping[str, str], e: Entry, period: str, at: str = "") -> dict[str, Any]:
    """One box: its field, what is typed, whether it is computed, and what stands beside it."""
    at = at or f"{period}.{e.code}"
    value = judged.answers[period][e.code] if e.parts else None
    closed = year.returns[period].state not in OPEN
    text = plain(value) if e.parts else year.values.get(at, "")
    if not e.parts and at not in judged.problems and text:
        number = judged.answers[period].get(e.code)
        text = f"{number:,f}" if number is not None else text
        text = text.rstrip("0").rstrip(".") if "." in text else text
    cell = year.draft.cells.get(at) if year.draft.version else None
    last = year.last_year(period).get(e.code)
    return {"field": at, "id": at.replace(".", "-"), "value": text, "computed": bool(e.parts), "closed": closed, "mark": marks.get(at, ""), "last": last,
            "unit": unit_of(year, e), "label": field_label(year, at), "from": "表" if cell else "", "cell": cell, "change": change(judged.answers[period].get(e.code), last)}


def columns(year: Year, judged: Judged, marks: Mapping[str, str], pairs: Iterable[Pair]) -> list[dict[str, Any]]:
    """The columns of the year sheet with their totals, last year's, and the change."""
    result = []
    codes = [e.code for p in year.shape.pairs for e in p.entries]
    totals = judged.totals(codes)
    last = {c: sum((v for p in year.periods if (v := year.last_year(p).get(c)) is not None), Decimal(0))
            if any(year.last_year(p).get(c) is not None for p in year.periods) else None for c in codes}
    for n, pair in enumerate(pairs):
        entries = [{"code": e.code, "unit": unit_of(year, e), "computed": bool(e.parts), "total": totals[e.code], "last": last[e.code],
                    "change": change(totals[e.code], last[e.code])} for e in pair.entries]
        result.append({"k": n, "pair": pair, "title": short(pair.quantity), "number": pair.quantity.number, "entries": entries, "computed": pair.computed})
    return result


def standing_boxes(year: Year, judged: Judged, marks: Mapping[str, str], period: str = "") -> list[dict[str, Any]]:
    """What holds all year, each with its definition, last year's value, its bases and the questions people ask about it."""
    shown = period or (year.open or year.periods)[-1]
    guides = year.book.settings.get("filling", {})
    result = []
    for e in year.shape.standing:
        at = field_of(year.values, shown, e.code, True) if period else f"{EVERY}.{e.code}"
        made = box(year, judged, marks, e, shown, at)
        if not period and (own := {v for p in year.periods if (v := year.values.get(f"{p}.{e.code}")) is not None}):
            common = year.values.get(at, "").replace(",", "")
            made["varies"] = len(own | ({common} if common else set())) > 1
            if at not in year.values:
                made["value"] = "" if len(own) > 1 else own.pop()
        now, last = judged.answers[shown].get(e.code), made["last"]
        bases = [T(b["zh"], b["en"]) for b in guides.get("basis", {}).get(e.code, [])]
        result.append({**made, "title": str(e.label), "number": e.number, "definition": e.item.definition, "required": e.required,
                       "bases": [{"value": b.zh, "label": str(b)} for b in bases], "basis": year.values.get(f"basis.{e.code}", ""),
                       "reason": year.values.get(f"reason.{e.code}", ""), "code": e.code, "moved": now is not None and last is not None and now != last,
                       "guides": questions(year, [e.code]), "main": bool(bases)})
    return result


def questions(year: Year, codes: Iterable[str]) -> list[dict[str, Any]]:
    """The questions on definitions that belong to items (口径), from the book; a sample is said to be one."""
    wanted = set(codes)
    return [{"q": T(g["q"]["zh"], g["q"]["en"]), "a": T(g["a"]["zh"], g["a"]["en"]), "source": T(g["source"]["zh"], g["source"]["en"]) if "source" in g else "", "sample": g.get("kind") == "sample"}
            for g in year.book.settings.get("filling", {}).get("questions", []) if wanted & set(g["items"])]


def finding_lines(year: Year, judged: Judged, periods: Iterable[str]) -> list[dict[str, Any]]:
    """The findings of some periods as a page shows them: words, what to do, the change proposed, the reason given. Like ones once."""
    wanted, lines, once = set(periods), [], set()
    for f in judged.found:
        if f.period not in wanted or (f.all_year and f.once in once):
            continue
        once.add(f.once)
        label = month_words(f.period) if len(year.periods) > 1 and not f.all_year and not f.part else ""
        lines.append({"severity": f.finding.severity.value, "says": f.finding.says, "do": f.finding.do, "rule": f.finding.rule, "period": f.period,
                      "label": label, "above": f.key.startswith("reason."), "slot": f.fields[0] if f.fields else "", "key": f.key, "reason": f.reason,
                      "explainable": f.explainable and not f.waived, "blocks": f.blocks, "waived": f.waived, "advice": _proposals(year, f),
                      "fields": [{"id": at.replace(".", "-"), "label": field_label(year, at)} for at in f.fields]})
    return lines


def _proposals(year: Year, f: Found) -> list[dict[str, Any]]:
    return [{"field": next((at for at in f.fields if at.endswith(f".{a.item}")), ""), "label": short(year.shape.entries[a.item]), "found": a.found, "value": a.value,
             "text": plain(a.value), "unit": unit_of(year, year.shape.entries[a.item]), "last_year": bool(a.side)} for a in f.advice if a.item in year.shape.entries]


def summary(year: Year, judged: Judged, periods: Iterable[str]) -> list[dict[str, str]]:
    """What stands in the way of filing, in one list, each leading to its field. Required fields empty in many months are one line."""
    wanted = list(periods)
    lines = [{"id": k.replace(".", "-"), "words": f"{field_label(year, k)}{T('：', ': ')}{p.found}", "kind": "e"}
             for k, p in judged.problems.items() if k.partition(".")[0] in judged.inside(wanted)]
    once = {f.once: f for f in reversed(judged.found) if f.period in wanted and f.blocks}
    lines += [{"id": (f.fields[0] if f.fields else f.key).replace(".", "-"), "kind": "e" if f.finding.severity == Severity.must else "w",
               "words": (f"{month_words(f.period)} " if len(year.periods) > 1 and not f.all_year and not f.part else "") + str(f.finding.says)} for f in reversed(once.values())]
    lines += [{"id": f"answer-{a.pk}", "kind": "e", "words": str(T("退回的{x}还没有改，也没有答复", "{x} was sent back and neither changed nor answered", x=field_label(year, f"{a.ret.period}.{a.item}")))}
              for a in unanswered(year, judged, wanted)]
    empty: dict[str, list[str]] = {}
    for p in wanted:
        for at in judged.missing.get(p, []):
            code = at.partition(".")[2] if not (key := parts.key_in(at)) else key
            empty.setdefault(code, [])
            if at not in empty[code]:
                empty[code].append(at)
    for code, fields in empty.items():
        if parts.key_in(fields[0]):
            lines.append({"id": fields[0].replace(".", "-"), "words": str(T("{p}还有 {n} 项没有填", "{p}: {n} not answered", p=parts.label_of(year, code), n=len(fields))), "kind": "m", "family": ""})
            continue
        e, families_ = year.shape.entries[code], year.shape.families
        first, n = fields[0], len(fields)
        months = "" if first.startswith(EVERY) or len(year.periods) == 1 else month_words(first.partition(".")[0]) if n == 1 else str(
            T("{n} 个月的", "{n} months of ", n=n))
        family = next((f for f in families_ if code in year.shape.family_items(f)), "")
        lines.append({"id": first.replace(".", "-"), "words": f"{months}{not_answered(e.label)}", "kind": "m", "family": family})
    return lines


def said(year: Year, judged: Judged, periods: Iterable[str], *, others: Iterable[Other] = (), conflicts: Iterable[Other] = (),
         acknowledged: bool = False, period: str = "") -> dict[str, Any]:
    """The part of a page that is sent again after each change: saved when, what to look at, sums, marks."""
    wanted, marks = list(periods), invalid(judged)
    codes = [e for p in year.shape.pairs for e in p.entries]
    totals = judged.totals(e.code for e in codes)
    sums = {f"sum-{c}": _grouped(v) for c, v in totals.items()}
    for e in codes:
        if e.parts:
            sums |= {f"{p}-{e.code}": _grouped(judged.answers[p][e.code]) for p in year.periods}
    sums |= part_sums(year, judged)
    changed, against = [_told(year, o) for o in others], [_told(year, o) for o in conflicts]
    bar, asks = progress(year, judged, wanted), ask_lines(year, judged, wanted)
    theirs = {o["field"].replace(".", "-"): "" if o["now"] == "—" else o["now"] for o in changed}
    return {"signs": year.signs, "writable": bool(year.open) and year.mode != "A", "acknowledged": acknowledged,
            "version": year.draft.version, "saved_at": year.draft.at, "lines": finding_lines(year, judged, wanted),
            "asks": asks, "to_confirm": [a for a in asks if a["suggested"] is not None and a["open"]],
            "summary": summary(year, judged, wanted), "others": changed, "conflicts": against, "blocking": judged.in_the_way(wanted),
            "problems": [{"field": k, "id": k.replace(".", "-"), "problem": p, "label": field_label(year, k)} for k, p in judged.problems.items()
                         if k.partition(".")[0] in judged.inside(wanted)],
            "marks": json.dumps({"marks": {k.replace(".", "-"): v for k, v in marks.items()}, "sums": sums, "progress": [bar["done"], bar["all"]],
                                 "theirs": theirs}, ensure_ascii=False)}


def _told(year: Year, o: Other) -> dict[str, str]:
    """A field that somebody else changed, in words."""
    return {"field": o.field, "label": field_label(year, o.field), "was": o.was or "—", "now": o.now or "—", "mine": o.mine or "—", "who": o.who,
            "at": timezone.localtime(o.at).strftime("%H:%M")}


def _grouped(value: Decimal | None) -> str:
    if value is None:
        return ""
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def progress(year: Year, judged: Judged, periods: Iterable[str]) -> dict[str, int]:
    """How many of the required fields are answered, and what is left."""
    wanted, standing = list(periods), {e.code for e in year.shape.standing}
    fields = {field_of(year.values, p, e.code, e.code in standing) for p in wanted for e in year.shape.entries.values() if e.required and not e.parts}
    if year.closing in wanted:
        fields |= {at for p in judged.parts for at in (f"name.{p.key}", *(f"{p.key}.{e.code}" for e in year.kinds[p.form].entries.values() if e.required and not e.parts))}
    left = {at for p in wanted for at in judged.missing.get(p, [])}
    none = unused(year.shape, year.values)
    return {"all": len(fields), "done": len(fields) - len(left), "unused": len([f for f in year.shape.families if f in none]),
            "computed": sum(bool(e.parts) for e in year.shape.entries.values())}


def part_sums(year: Year, judged: Judged) -> dict[str, str]:
    """Id → what is computed in the sections of parts: sums within a part, and over all of a form."""
    found = {f"{p.key}-{e.code}": _grouped(p.answers.get(e.code)) for p in judged.parts for e in year.kinds[p.form].entries.values() if e.parts}
    for kind in {p.form for p in judged.parts}:
        found |= {f"{kind}-{code}": _grouped(v) for code, v in parts.totals(year, judged, kind).items()}
    return found


def part_sections(year: Year, judged: Judged, marks: Mapping[str, str]) -> list[dict[str, Any]]:
    """The machine rooms and heating sources of a year, a section for each form: a line for each item, a column for each part, and
    what was taken away."""
    return [_section(year, judged, marks, code) for code in year.kinds]


def _section(year: Year, judged: Judged, marks: Mapping[str, str], code: str) -> dict[str, Any]:
    shape, mine = year.kinds[code], [p for p in judged.parts if p.form == code]
    totals = parts.totals(year, judged, code) if len(mine) > 1 else {}
    gone = [{"key": k, "label": parts.label_of(year, k)} for k in parts.keys_of(year.values, [code], there=False)]
    rows = [{"number": e.number, "title": str(e.label), "unit": unit_of(year, e), "sub": bool(e.item.parent), "computed": bool(e.parts), "required": e.required,
             "boxes": [part_box(year, judged, marks, p, e) for p in mine], "total": {"id": f"{code}-{e.code}", "value": _grouped(totals.get(e.code))}}
            for e in shape.entries.values()] if mine else []
    heads = [{"key": p.key, "label": parts.label_of(year, p.key), "name": p.name, "mark": marks.get(f"name.{p.key}", ""), "new": p.key not in year.last_parts,
              "left": sum(parts.key_in(at) == p.key for at in judged.missing.get(year.closing, []))} for p in mine]
    return {"code": code, "form": shape.form, "part": shape.form.part, "closed": year.closing not in year.open, "gone": gone, "heads": heads, "next": parts.next_key(year, code), "rows": rows, "several": len(mine) > 1}


def part_box(year: Year, judged: Judged, marks: Mapping[str, str], part: Part, e: Entry) -> dict[str, Any]:
    """One box of a part, with what the same part had a year ago."""
    at = f"{part.key}.{e.code}"
    value, before = part.answers.get(e.code), year.last_parts.get(part.key)
    last = before["answers"].get(e.code) if before else None
    cell = year.draft.cells.get(at) if year.draft.version else None
    return {"field": at, "id": at.replace(".", "-"), "value": _grouped(value) if value is not None or e.parts else year.values.get(at, ""), "computed": bool(e.parts),
            "mark": marks.get(at, ""), "last": None if last is None else Decimal(last), "unit": unit_of(year, e), "label": field_label(year, at), "from": bool(cell),
            "change": change(value, None if last is None else Decimal(last))}
