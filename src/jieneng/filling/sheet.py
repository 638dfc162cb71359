"""The printed return (A4) and its code: which return, which revisions, and a fingerprint of what they say; and whether a sheet matches.

    JN1-3-17-1+12:1-4F0C…   round 3, institution 17, periods 1 to 12 in revision 1, the first 32 digits of the SM3 of their content

The code holds only characters of a QR code's alphanumeric mode. It proves which records a sheet was printed from; whether somebody wrote
other figures on the paper is seen by laying the sheet beside the page that ``verify`` leads to.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import segno
from django.utils.safestring import SafeString, mark_safe

from jieneng.core.period import Period
from jieneng.core.words import T
from jieneng.people.models import User
from jieneng.people.scope import Scope
from jieneng.records.events import fingerprint, together
from jieneng.registry.models import Institution, Standing
from jieneng.registry.queries import closed_to, standing_for
from jieneng.returns import parts
from jieneng.returns.models import Return, Revision, Round
from jieneng.returns.queries import answers_of, book
from jieneng.rulebook import form_for

from .models import Filing
from .shape import Shape, shape_of

CODE = re.compile(r"JN1-(\d{1,9})-(\d{1,9})-((?:\d{1,2}(?:\+\d{1,2})?:\d{1,6}\.?){1,12})-([0-9A-F]{32})")
VERDICTS: dict[str, T] = {
    "same": T("一致：和现在的记录相同", "the same: it agrees with the records as they stand"),
    "older": T("旧版：打印以后报表又改过", "older: the return was changed after it was printed"),
    "altered": T("不符：校验码和记录对不上", "altered: the code does not agree with the records"),
    "unknown": T("查不到：不是本系统打印的，或不在您的范围", "unknown: not printed here, or outside what you may see"),
}


@dataclass
class Sheet:
    """What a printed return says: revisions by period, the filing that made each of them, its code.

    ``filings`` has no entry for a period whose revision was entered or imported for the unit, or taken over since it was signed: nobody
    signed that revision. ``asked``: every period the unit answers for in the round, filed or not.
    """

    round: Round
    institution: Institution
    standing: Standing
    shape: Shape
    revisions: dict[str, Revision]
    filings: dict[str, Filing] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    code: str = ""

    @property
    def answers(self) -> dict[str, dict[str, Decimal | None]]:
        return {p: answers_of(r) for p, r in self.revisions.items()}

    @property
    def different(self) -> list[Filing]:
        """The filings that it rests on, each once, in order."""
        return sorted({f.pk: f for f in self.filings.values()}.values(), key=lambda f: f.number)

    @property
    def filing(self) -> Filing | None:
        """The one filing that made all it prints; None where there are several, or where a revision was filed by none."""
        return self.different[0] if len(self.filings) == len(self.revisions) and len(self.different) == 1 else None

    @property
    def unsigned(self) -> list[str]:
        """The periods whose printed revision nobody of the unit signed."""
        return [p for p in self.revisions if p not in self.filings]

    @property
    def intact(self) -> bool:
        """Whether the revisions and the filings still say what they said when they were written."""
        if any(r.content and r.fingerprint() != r.content for r in self.revisions.values()):
            return False
        return all(_filing_content(f) == f.content for f in self.different)


@dataclass
class Verdict:
    """What is known of a code. ``sheet``: what it was printed from; ``changes``: period, item, then, now; where it is an older one.
    ``part_changes``: period and what differs of its machine rooms and heating sources."""

    kind: str
    sheet: Sheet | None = None
    changes: list[tuple[str, str, Decimal | None, Decimal | None]] = field(default_factory=list)
    why: T | None = None
    part_changes: list[tuple[str, parts.Change]] = field(default_factory=list)

    @property
    def words(self) -> T:
        return VERDICTS[self.kind]


def _filing_content(filing: Filing) -> str:
    """The fingerprint of a filing, reckoned again from its revisions."""
    rows = Revision.objects.filter(ret__round=filing.round_id, ret__institution=filing.institution_id, ret__period__in=list(filing.revisions)).select_related("ret")
    contents = [r.content for r in rows if filing.revisions[r.ret.period] == r.number]
    return filing.fingerprint(together(contents))


def sheet_of(round_: Round, institution: Institution, numbers: Mapping[str, int] | None = None) -> Sheet | None:
    """The sheet of an institution's filed returns: as they stand, or as they stood at these revision numbers. None: nothing filed."""
    rows = Return.objects.filter(round=round_, institution=institution).order_by("period")
    asked = [r.period for r in rows if r.state not in ("exempt", "covered")]
    wanted = dict(numbers) if numbers is not None else {r.period: r.revision for r in rows if r.revision and r.period in asked}
    standing = standing_for(institution, Period("year", round_.year))
    if not wanted or standing is None:
        return None
    found = Revision.objects.filter(ret__in=rows, ret__period__in=list(wanted)).select_related("ret", "by", "batch__file").order_by("ret__period")
    revisions = {r.ret.period: r for r in found if r.number == wanted[r.ret.period]}
    if len(revisions) != len(wanted):
        return None
    made = {(p, n): f for f in Filing.objects.filter(round=round_, institution=institution).order_by("number") for p, n in f.revisions.items()}
    filings = {p: f for p, r in revisions.items() if (f := made.get((p, r.number)))}
    the_book = book()
    sheet = Sheet(round_, institution, standing, shape_of(the_book, form_for(the_book, round_.form, round_.year)), revisions, filings, asked)
    sheet.code = _code(sheet)
    return sheet


def _content(sheet: Sheet) -> str:
    """What a sheet says, from the rows themselves."""
    said = [[p, r.number, r.fingerprint()] for p, r in sheet.revisions.items()]
    return fingerprint([sheet.round.pk, sheet.institution.pk, said, [_filing_content(f) for f in sheet.different]])


def _code(sheet: Sheet) -> str:
    """The code of a sheet; runs of periods in the same revision are written once."""
    runs: list[list[int]] = []
    for period, r in sheet.revisions.items():
        index = Period.parse(period).index
        if runs and runs[-1][1] == index - 1 and runs[-1][2] == r.number:
            runs[-1][1] = index
        else:
            runs.append([index, index, r.number])
    packed = ".".join(f"{a}:{n}" if a == b else f"{a}+{b}:{n}" for a, b, n in runs)
    return f"JN1-{sheet.round.pk}-{sheet.institution.pk}-{packed}-{_content(sheet)[:32].upper()}"


def _numbers(round_: Round, packed: str) -> dict[str, int]:
    """Period → revision number, from the middle of a code. Raises ``ValueError`` for periods that the round does not have."""
    found: dict[str, int] = {}
    for run in packed.strip(".").split("."):
        span, _, number = run.partition(":")
        first, _, last = span.partition("+")
        for index in range(int(first), int(last or first) + 1):
            found[str(Period(round_.rhythm, round_.year, index))] = int(number)
    return found


def verify(code: str, scope: Scope, person: User) -> Verdict:
    """Whether a printed sheet matches the records. What lies outside the scope is unknown, as if it had never been."""
    clean = "".join(code.split()).upper()
    if (m := CODE.fullmatch(clean)) is None:
        return Verdict("unknown", why=T("这不是报表上的校验码", "this is no code of a printed return"))
    round_, institution = Round.objects.filter(pk=int(m[1])).first(), Institution.objects.filter(pk=int(m[2])).first()
    now = sheet_of(round_, institution) if round_ and institution else None
    if round_ is None or institution is None or now is None or not scope.covers(now.standing.office.path, institution.key) or closed_to(person, [institution.pk]):
        return Verdict("unknown")
    try:
        then = sheet_of(round_, institution, _numbers(round_, m[3]))
    except ValueError:
        then = None
    if then is None:
        return Verdict("altered", now, why=T("校验码里的版本，这份报表没有", "the return has no such revision as the code says"))
    if not then.intact:
        return Verdict("altered", then, why=T("库里的记录被绕过系统改动过：请系统管理员运行核对（jieneng verify）", "the records were changed past the system: have jieneng verify run"))
    if then.code != clean:
        return Verdict("altered", then, why=T("校验码和这一版报表的内容不符", "the code does not fit what this revision says"))
    if now.code == clean:
        return Verdict("same", then)
    moved = [(p, c) for p in sorted(then.revisions.keys() | now.revisions.keys())
             for c in parts.changes(*(s.revisions[p].parts if p in s.revisions else {} for s in (then, now)))]
    return Verdict("older", then, changes(then, now), part_changes=moved)


def changes(then: Sheet, now: Sheet) -> list[tuple[str, str, Decimal | None, Decimal | None]]:
    """Every value in which two sheets differ: period, item, then, now."""
    before, after = then.answers, now.answers
    return [(p, e.code, before.get(p, {}).get(e.code), after.get(p, {}).get(e.code)) for p in sorted(before.keys() | after.keys()) for e in then.shape.entries.values()
            if before.get(p, {}).get(e.code) != after.get(p, {}).get(e.code)]


def qr(code: str) -> SafeString:
    """The code as a QR picture (SVG without style attributes)."""
    out = io.BytesIO()
    segno.make(code, error="m", micro=False).save(out, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=2, svgclass="qr", lineclass=None, title=str(T("校验码", "code")))
    return mark_safe(out.getvalue().decode())  # noqa: S308  made by segno from our own text
