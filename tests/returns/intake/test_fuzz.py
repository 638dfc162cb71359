"""Whatever comes, there is a result or a refusal in words: never another exception, never a second meaning (U10)."""

from __future__ import annotations

import io
import random
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from jieneng.core.problem import Refused
from jieneng.core.words import speaking
from jieneng.returns.intake import IntakeResult, parse_layout, read_file, read_table
from jieneng.returns.intake.grid import Row, Sheet, Table
from jieneng.returns.intake.opening import open_table

from . import corpus

LAYOUTS = {
    "wide": "period: {column: 期}\nitems:\n  - {column: 电, item: electricity_kwh, unit: {column: 单位, fill_down: true}, basis: site}\n"
            "  - {column: 水, item: water_m3, unit: m3, optional: true}\nstop: {first_column_blank: false, at: [填表人]}\n"
            "header: {row: auto}\n",
    "long": "period: {sheet: '(\\d+)年'}\nshape: long\nlong: {item: 指标, value: 电}\nunit: {column: 单位}\n"
            "items: [{column: 电, item: electricity_kwh, basis: site}, {column: 水, item: water_m3}]\n",
    "months": "shape: months\nmonths: {item: 指标, year: {value: 2022}, columns: [期, 电, 水, 单位, 名称, 类型, 日期, h, i, j, k, l]}\n"
              "items: [{column: 电, item: electricity_kwh, unit: kWh, basis: site}]\n",
    "register": "name: 名称\nsince: 日期\nin_scope: 类型\narea: {column: 单位, map: {度: a}}\naliases: {uscc: 电}\nextra: {x: 水}\n",
    "ledger": "fields:\n  - {column: 代码, field: no}\n  - {column: 类型, field: type}\n  - {column: 日期, field: signed_on}\n"
              "  - {column: 电, field: amount, unit: {column: 单位}}\n  - {column: 期, field: year}\n",
}
READS = {"register": "register", "ledger": "ledger:contracts"}
WORDS = ["代码", "名称", "期", "电", "水", "单位", "指标", "类型", "日期", "合计", "填表人", "度", "万度", "2022", "2022-03", "光伏", "是", "1,234", "1.2万", "—", ""]
BOOK = corpus.a_book()

cell = st.one_of(
    st.sampled_from(["", *("t" + w for w in WORDS), "n5", "n2022", "n0.1", "n1e+21", "n44621", "d2022-03-01", "h12:00:00", "b1", "e#N/A", "f", "u"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6).map(lambda s: "t" + s if s else ""),
    st.decimals(-10**15, 10**15, allow_nan=False).map(lambda d: f"n{d}"),
)
FITTING = {  # what mostly stands under a header
    "代码": ["t1", "t2", "n3", "t合计", ""], "名称": ["t甲", "t乙\n校", "t合计"], "期": ["t2022", "d2022-03-01", "t2022-03", "n2022"],
    "电": ["n1", "n0.5", "t1,234", "t电", "t１２", "t1.2万", ""], "水": ["n7", "t—", "f", "n1e+13"], "单位": ["t度", "t万度", "tGJ", "t"],
    "指标": ["t电", "t水"], "类型": ["t光伏", "t是", "t否", "tpv"], "日期": ["d2022-03-01", "t2022年3月1日", "t"],
}
header = st.permutations(["代码", "名称", "期", "电", "水", "单位", "指标", "类型", "日期", "h", "i", "j", "k", "l"]).map(lambda p: ["t" + x for x in p])
merge = st.tuples(st.integers(1, 12), st.integers(1, 14), st.integers(0, 3), st.integers(0, 4)).map(lambda m: (m[0], m[1], m[0] + m[2], m[1] + m[3]))


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """A header in any order and rows below it, most cells fitting their column."""
    head = draw(header)
    fitting = [st.one_of(*[st.sampled_from(FITTING.get(h[1:], ["n1", "t"]))] * 6, cell) for h in head]
    return head, draw(st.lists(st.tuples(*fitting).map(list), max_size=7))


def layout_of(kind: str) -> str:
    return (f"layout: f\ntitle: {{zh: 试, en: test}}\nbook: test\nreads: {READS.get(kind, 'answers')}\nform: consumption\nfile: {{kind: xlsx}}\n"
            + ("" if kind == "ledger" else "identifier: {column: 代码, scheme: platform}\n") + LAYOUTS[kind])


def sound(result: IntakeResult) -> None:
    """What holds for every result."""
    for problem in (*result.problems, *result.notes):
        assert str(problem)
        with speaking("en"):
            assert str(problem)
        problem.as_json()
    for draft in result.drafts:
        assert draft.identifier and any(v is not None for v in draft.answers.values())
        assert {i for i, v in draft.answers.items() if v is not None} == set(draft.sources)
        for value in draft.answers.values():
            assert value is None or (abs(value) < Decimal(10) ** 12 and value.as_tuple().exponent == -4)
    keys = [(d.identifier, d.period) for d in result.drafts]
    assert len(keys) == len(set(keys))
    assert sum(result.problem_counts.values()) == result.counts["problems"]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(LAYOUTS)), st.lists(st.lists(st.one_of(cell, st.just("t2022年表")), max_size=6), max_size=3), tables(),
       st.lists(merge, max_size=2), st.sampled_from(["表1", "2022年", "2022年表", ""]), st.booleans())
def test_any_grid_is_read_or_refused(kind: str, above: list[list[str]], table: tuple[list[str], list[list[str]]],
                                     merged: list[tuple[int, int, int, int]], name: str, date1904: bool) -> None:
    head, body = table
    rows = [Row(n, cells) for n, cells in enumerate([*above, head, *body], 1) if any(cells)]
    layout = parse_layout(layout_of(kind).replace("file:", "header: {row: auto}\nfile:", kind != "wide"))
    sheet = Sheet(name, rows, merged=merged, date1904=date1904, hidden_rows=frozenset({3}), hidden_columns=frozenset({2}))
    try:
        result = read_table(Table("xlsx", [sheet]), layout, BOOK, IntakeResult("f", "h", "a.xlsx"))
        event(f"{kind}: {bool(result.drafts or result.bodies or result.ledger_rows)}")
        sound(result)
    except Refused as refused:
        event(f"{kind}: refused {refused.problems[0].code}")
        assert all(str(p) for p in refused.problems)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=300), st.text(max_size=200).map(lambda s: s.encode("utf-8", "replace")),
                 st.lists(st.lists(st.sampled_from(WORDS), max_size=8), max_size=8).map(lambda r: "\n".join(",".join(x) for x in r).encode("gb18030"))),
       st.sampled_from(["a.csv", "a.xlsx", "a.xls", "", "..\\a\r\n.csv", "a.et"]))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes, name: str) -> None:
    path = tmp_path / "f"
    path.write_bytes(data)
    try:
        sound(read_file(path, parse_layout(layout_of("long").replace("kind: xlsx", "kind: csv")), BOOK, name=name))
    except Refused as refused:
        assert all(str(p) for p in refused.problems)


def test_workbooks_bent_at_random_are_read_or_refused(tmp_path: Path) -> None:
    """Bits of the archive, then bits and pieces of its XML, with the archive itself sound."""
    chance = random.Random(20221231)
    rows = [["代码", "名称", "期", "电", "单位", "水"], *[[str(n), "甲", "2022-03", n / 7, "度", {"f": "1+1", "v": 2}] for n in range(30)]]
    good = corpus.parts({"表1": corpus.sheet_xml(rows, merge=["A2:A3"])})
    whole = corpus.pack(good)
    layout = parse_layout(layout_of("wide"))
    path = tmp_path / "a.xlsx"
    seen = 0
    for n in range(120):
        if n % 2:
            bent = bytearray(whole)
            for _ in range(chance.randint(1, 3)):
                bent[chance.randrange(len(bent))] ^= 1 << chance.randrange(8)
            path.write_bytes(bytes(bent))
        else:
            part = chance.choice(sorted(good))
            text = bytearray(good[part])
            for _ in range(chance.randint(1, 3)):
                at = chance.randrange(len(text))
                text[at : at + chance.randint(0, 5)] = chance.choice([b"", b"<", b">", b'"', b"\xff", b"&", b"999999999", b"-1", b"]]>", b"<!--"])
            path.write_bytes(corpus.pack({**good, part: bytes(text)}))
        try:
            sound(read_file(path, layout, BOOK))
            seen += 1
        except Refused as refused:
            assert all(str(p) for p in refused.problems)
    assert 0 < seen < 120


@pytest.mark.parametrize("size", [1, 7, 22, 100, 400, 900, 1500])
def test_workbooks_cut_short_are_refused(size: int, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(corpus.workbook([["代码"], ["1"]])[:size])
    with pytest.raises(Refused), open_table(path) as table:
        [list(s.rows) for s in table.sheets]


GROUPS = {
    "rare": "𠮷䶮㐂", "private": "\ue000\ue001", "wide": "ＡＢＣ１２３", "override": "a\u202eb\u2066c", "zero width": "a\u200bb", "markup": "<script>alert(1)</script>&amp;",
    "path": "../../etc/passwd", "number": "1e309", "date": "3/4", "formula": "=cmd|' /C calc'!A0", "plus": "+1", "at": "@SUM(1)", "quotes": "'\"`;--", "code": "000123",
    "surrogate pair": "😀👨‍👩‍👧", "combining": "e\u0301", "rtl": "العربية", "template": "{{ 7*191 }}{0}{name}%s${x}",
}


@pytest.mark.parametrize("group", GROUPS)
def test_naughty_names_are_kept(group: str, tmp_path: Path) -> None:
    """U4 and the way back of U6: a text is the same from a workbook and a text file; a guard's apostrophe is taken off."""
    name = GROUPS[group]
    layout = "name: 名称\n"
    base = "layout: f\ntitle: {zh: 试, en: test}\nbook: test\nreads: register\nfile: {kind: %s}\nidentifier: {column: 代码, scheme: platform}\n"
    guarded = "'" + name if name[0] in "=+-@" else name
    quoted = '"' + guarded.replace('"', '""') + '"'
    (tmp_path / "a.csv").write_bytes(f"代码,名称\n1,{quoted}\n".encode())
    (tmp_path / "a.xlsx").write_bytes(corpus.workbook([["代码", "名称"], ["1", guarded]]))
    names = [read_file(tmp_path / f, parse_layout(base % f[2:] + layout), BOOK).bodies[0].name for f in ("a.csv", "a.xlsx")]
    assert names == [name, name]


def test_a_nul_in_a_workbook_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(corpus.workbook([["代码", "名称"], ["1", "a_x0000_b"]]))
    layout = parse_layout("layout: f\ntitle: {zh: 试, en: test}\nbook: test\nreads: register\nfile: {kind: xlsx}\n"
                          "identifier: {column: 代码, scheme: platform}\nname: 名称\n")
    result = read_file(tmp_path / "a.xlsx", layout, BOOK)
    assert [p.code for p in result.problems][:1] == ["cell-nul"]


def test_the_archive_of_the_corpus_is_sound() -> None:
    with zipfile.ZipFile(io.BytesIO(corpus.workbook([["代码"]]))) as archive:
        assert archive.testzip() is None
