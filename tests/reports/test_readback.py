"""A document that comes back: each number found by its bookmark or its context, compared with the proof, never guessed."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jieneng.core.problem import Refused
from jieneng.reports import readback
from jieneng.reports.readback import compare, find_number, number_in

from .make import composed, edited

MADE = composed()


def after(change: Callable[[str], str]) -> dict[str, dict[str, Any]]:
    return {r["id"]: r for r in compare(edited(MADE.docx, change), MADE.proof)}


def entry(name: str) -> dict[str, Any]:
    return next(e for e in MADE.proof["figures"] if e["id"] == name)


def typed(name: str, new: str) -> Callable[[str], str]:
    """Somebody types over a figure's value, in the text that its bookmark spans."""
    e = entry(name)
    before, after_it = e["before"][-1], e["after"][:1]

    def change(xml: str) -> str:
        old = before + e["printed"] + after_it
        assert xml.count(old) <= 1
        if old in xml:
            return xml.replace(old, before + new + after_it)
        assert xml.count(e["printed"]) == 1, "neighbouring bookmarks split the run"
        return xml.replace(e["printed"], new)

    return change


def over(name: str, new: str) -> dict[str, dict[str, Any]]:
    return after(typed(name, new))


def test_untouched_all_are_the_same() -> None:
    assert {(r["state"], r["by"]) for r in compare(MADE.docx, MADE.proof)} == {("same", "bookmark")}


@pytest.mark.parametrize(("name", "old", "new", "state", "now"), [
    ("power", "1.6821", "1.6812", "arithmetic", "1.6812"),
    ("power", "1.6821", "1.68", "changed", "1.68"),  # rounded otherwise: agrees with the records
    ("money", "582.73", "601.05", "arithmetic", "601.05"),
    ("money", "582.73", "582.7", "changed", "582.7"),
    ("money", "582.73", "-582.73", "arithmetic", "-582.73"),
    ("money", "582.73", "1,582.73", "arithmetic", "1,582.73"),
    ("money", "582.73", "582.730", "changed", "582.730"),
    ("money", "582.73", "582.73%", "arithmetic", "582.73%"),
    ("money", "582.73", "五百", "unreadable", None),
    ("money", "582.73", "582.73或601", "arithmetic", "601"),
    ("money", "582.73", "582.73、601左右", "unreadable", None),
    ("bodies", "1130", "11130", "arithmetic", "11130"),  # the printed value stands in it, but not whole
    ("bodies", "1130", "1130.5", "arithmetic", "1130.5"),
    ("contracts", "9", "19", "arithmetic", "19"),
    ("contracts", "9", "9个（全部）", "same", "9"),
    ("change", "下降1.78%", "上升1.78%", "arithmetic", "上升1.78%"),
    ("change", "下降1.78%", "下降1.8%", "changed", "下降1.8%"),
    ("change", "下降1.78%", "下降2.78%", "arithmetic", "下降2.78%"),
    ("change", "下降1.78%", "减少1.78%", "arithmetic", "减少1.78%"),
    ("change", "下降1.78%", "下降", "unreadable", None),
    ("rank", "第三个", "第二个", "changed", "第二个"),  # an entered fact: its source says, not the records
])
def test_typing_over_a_number(name: str, old: str, new: str, state: str, now: str | None) -> None:
    assert entry(name)["printed"] == old
    found = over(name, new)
    assert found[name]["state"] == state, found[name]
    assert now is None or found[name]["now"] == now
    assert {r["state"] for n, r in found.items() if n != name} == {"same"}


def test_a_tracked_change_counts_as_it_reads() -> None:
    tracked = ('</w:t></w:r><w:del w:id="91" w:author="x"><w:r><w:delText>1.6821</w:delText></w:r></w:del>'
               '<w:ins w:id="92" w:author="x"><w:r><w:t>1.7000</w:t></w:r></w:ins><w:r><w:t>')
    found = over("power", tracked)
    assert (found["power"]["now"], found["power"]["state"]) == ("1.7000", "arithmetic")
    assert found["money"]["state"] == "same"


def test_a_moved_sentence_counts_once_where_it_went() -> None:
    def move(xml: str) -> str:
        start = xml.index("<w:p>", xml.index("一、能耗统计"))
        end = xml.index("</w:p>", start) + len("</w:p>")
        paragraph = xml[start:end]
        properties, runs = paragraph[:paragraph.index("</w:pPr>") + 8], paragraph[paragraph.index("</w:pPr>") + 8:-6]
        gone = properties + '<w:moveFrom w:id="71" w:author="x">' + re.sub(r"<w:bookmark(Start|End)[^>]*>", "", runs) + "</w:moveFrom></w:p>"
        return xml[:start] + gone + paragraph + xml[end:]

    found = after(move)
    assert {r["state"] for r in found.values()} == {"same"}
    read = readback.contents(edited(MADE.docx, move))
    assert sum("1130家" in p for p in read.paragraphs) == 1


def copied(xml: str, number: str) -> str:
    """The paragraph with the contracts again at the end, as LibreOffice names copies, with another number of contracts."""
    start = xml.index("<w:p>", xml.index("二、合同能源管理"))
    end = xml.index("</w:p>", start) + len("</w:p>")
    again = re.sub(r'w:name="(_jn_[a-z]+)"', r'w:name="\1_Copy_1"', xml[start:end])
    again = re.sub(r'(w:id=")(\d+)"', r'\g<1>9\2"', again).replace("目9个", f"目{number}个")
    return xml[:end] + again + xml[end:]


def test_a_copied_sentence_is_a_repetition_and_with_another_number_a_conflict() -> None:
    assert {r["state"] for r in after(lambda x: copied(x, "9")).values()} == {"same"}
    found = after(lambda x: copied(x, "7"))
    assert found["contracts"]["state"] == "conflict" and found["contracts"]["now"] == "9 / 7" and found["money"]["state"] == "same"


def test_only_the_copy_left_is_read_by_its_name() -> None:
    found = after(lambda x: re.sub(r'w:name="_jn_money"', 'w:name="_jn_money_Copy_12"', x))
    assert (found["money"]["state"], found["money"]["by"]) == ("same", "bookmark")


def without_bookmarks(xml: str) -> str:
    return re.sub(r"<w:bookmark(Start|End)[^>]*>", "", xml)


def test_a_lost_bookmark_is_found_by_its_context_only() -> None:
    found = after(without_bookmarks)
    assert {(r["state"], r["by"]) for r in found.values()} == {("same", "context")}
    edited_too = after(lambda x: without_bookmarks(x).replace("1.6821", "2.6821"))
    assert (edited_too["power"]["state"], edited_too["power"]["by"]) == ("arithmetic", "context")
    assert edited_too["money"]["state"] == "lost", "its context changed with its neighbour: nothing is guessed"


def test_an_equal_number_elsewhere_is_never_taken_for_it() -> None:
    def rewrite(xml: str) -> str:
        return without_bookmarks(re.sub("</w:t></w:r><w:r>(<w:rPr>.*?</w:rPr>)?<w:t[^>]*>", "", without_bookmarks(xml))).replace("累计引入社会资本", "今年共争取资金大约")

    assert after(rewrite)["money"]["state"] == "lost"


def test_a_context_that_stands_twice_is_not_used() -> None:
    def twice(xml: str) -> str:
        xml = without_bookmarks(xml)
        start = xml.index("<w:p>", xml.index("二、合同能源管理"))
        end = xml.index("</w:p>", start) + len("</w:p>")
        return xml[:end] + xml[start:end] + xml[end:]

    found = after(twice)
    assert found["money"]["state"] == "lost" and found["bodies"]["state"] == "same"


def test_a_number_deleted_with_its_sentence_is_unreadable() -> None:
    assert over("money", "")["money"]["state"] == "unreadable"
    emptied = after(lambda x: re.sub("<w:t[^>]*>[^<]*582\\.73[^<]*</w:t>", "<w:t/>", x))
    assert emptied["money"]["state"] == "unreadable" and emptied["power"]["state"] == "same"


def test_sums_between_numbers_are_checked_as_they_stand_now() -> None:
    spec_values = {"contracts": Fraction(9), "solar": Fraction(8)}
    made = composed(spec_values)
    entered = {**made.proof, "figures": [{**e, "figure": {**e["figure"], "source": "报表"}} if e["id"] in ("solar", "trust") else e for e in made.proof["figures"]]}
    data = edited(made.docx, typed("solar", "20"))
    found = {r["id"]: r for r in compare(data, entered)}
    assert found["solar"]["state"] == "arithmetic" and found["solar"]["why"] == "分项之和多于总数"


def test_a_number_is_traced_as_people_say_it() -> None:
    def traced(number: str, data: bytes = MADE.docx) -> list[tuple[str, str]]:
        return [(e["id"], e["state"]) for e in find_number(data, MADE.proof, number)]

    assert traced("582.73") == [("money", "same")] and traced("582.74") == []
    assert traced("1.78") == traced("1.78%") == traced("下降1.78%") == [("change", "same")]
    assert traced("第三个") == [("rank", "same")] and traced("9") == [("contracts", "same")]
    data = edited(MADE.docx, lambda x: x.replace("1.6821", "1.6812"))
    assert traced("1.6812", data) == traced("1.6821", data) == [("power", "arithmetic")]


@pytest.mark.parametrize(("text", "number"), [
    ("成1130家", "1130"), ("成1,130家", "1,130"), ("由5增至8个", "8"), ("由5增至8", ""), ("约8个左右", "8"), ("97.83%0", ""), ("同比−3.8%，", "−3.8%"),
    ("率97.83%0。", ""), ("", ""), ("家", ""), ("9", "9"), ("第9", "9"), ("成1130，", "1130"), ("１１３０家", ""), ("8个6", ""),
])
def test_the_number_of_a_wide_bookmark(text: str, number: str) -> None:
    assert number_in(text) == number


@pytest.mark.parametrize("data", [b"", b"not a zip", b"PK\x03\x04 cut", MADE.docx[:-200], MADE.docx[:900]], ids=["nothing", "no zip", "cut", "without its end", "its beginning"])
def test_what_is_no_docx_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(Refused):
        readback.read_back(data)
    assert readback.proof_mark(data) == ""


def test_a_dtd_is_refused_and_nothing_expands() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>'
    with pytest.raises(Refused):
        readback.read_back(edited(MADE.docx, lambda x: x.replace("<w:document", bomb + "<w:document", 1)))


def test_too_large_a_part_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readback, "LIMIT", 1000)
    with pytest.raises(Refused, match="太大"):
        readback.read_back(MADE.docx)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_is_read_or_refused_never_an_accident(data: st.DataObject) -> None:
    broken = bytearray(MADE.docx)
    for _ in range(data.draw(st.integers(1, 8))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    try:
        states = {r["state"] for r in compare(bytes(broken), MADE.proof)}
    except Refused:
        return
    assert states <= {"same", "changed", "arithmetic", "unreadable", "conflict", "lost"}


@given(st.text(st.characters(codec="utf-8", exclude_characters="<>&", exclude_categories=["Cc", "Cs"]), max_size=30))
@settings(max_examples=150, deadline=None)
def test_whatever_is_typed_over_a_number_gets_a_state(text: str) -> None:
    found = after(typed("power", text + "x"))
    assert found["power"]["state"] in ("same", "changed", "arithmetic", "unreadable") and found["bodies"]["state"] == "same"
    if found["power"]["state"] == "same":
        assert "1.6821" in text
