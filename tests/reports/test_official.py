"""The docx itself: what the standard sets, the order the schema wants, titles, signatures, tables; laid out where LibreOffice is."""

from __future__ import annotations

import datetime as dt
import io
import os
import re
import shutil
import subprocess
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import docx
import pytest
from lxml import etree

from jieneng.reports import official, readback
from jieneng.reports.marks import bound, pieces, plain, unprintable
from jieneng.reports.official import Annex, Block, Sheet, Table, broken, cells, signature, width
from jieneng.reports.parts import AREA, CELL, STYLES

from .make import W, body, composed

# CT_PPrBase and EG_RPrBase of ECMA-376, the elements that may appear
PPR = ["pStyle", "keepNext", "keepLines", "pageBreakBefore", "framePr", "widowControl", "numPr", "suppressLineNumbers", "pBdr", "shd", "tabs", "suppressAutoHyphens", "kinsoku", "wordWrap", "overflowPunct", "topLinePunct", "autoSpaceDE", "autoSpaceDN", "bidi", "adjustRightInd", "snapToGrid", "spacing", "ind", "contextualSpacing", "mirrorIndents", "suppressOverlap", "jc", "textDirection", "textAlignment", "textboxTightWrap", "outlineLvl", "divId", "cnfStyle", "rPr", "sectPr", "pPrChange"]
RPR = ["rStyle", "rFonts", "b", "bCs", "i", "iCs", "caps", "smallCaps", "strike", "dstrike", "outline", "shadow", "emboss", "imprint", "noProof", "snapToGrid", "vanish", "webHidden", "color", "spacing", "w", "kern", "position", "sz", "szCs", "highlight", "u", "effect", "bdr", "shd", "fitText", "vertAlign", "rtl", "cs", "em", "lang", "eastAsianLayout", "specVanish", "oMath"]
TBLPR = ["tblStyle", "tblpPr", "tblOverlap", "bidiVisual", "tblStyleRowBandSize", "tblStyleColBandSize", "tblW", "jc", "tblCellSpacing", "tblInd", "tblBorders", "shd", "tblLayout", "tblCellMar", "tblLook"]
TCPR = ["cnfStyle", "tcW", "gridSpan", "hMerge", "vMerge", "tcBorders", "shd", "noWrap", "tcMar", "textDirection", "tcFitText", "vAlign", "hideMark"]
SETTINGS = ["zoom", "defaultTabStop", "evenAndOddHeaders", "characterSpacingControl", "compat", "themeFontLang"]
STYLE = ["name", "aliases", "basedOn", "next", "link", "autoRedefine", "hidden", "uiPriority", "semiHidden", "unhideWhenUsed", "qFormat", "locked", "pPr", "rPr", "tblPr"]
PARTS = ("word/document.xml", "word/styles.xml", "word/settings.xml", "word/fontTable.xml", "word/footer1.xml", "word/footer2.xml")


def full() -> bytes:
    """A document with everything this writer can do."""
    table = Table(("地区", "能耗（吨标准煤）"), [("宣州区", bound("a", "10628.97")), ("合计", "59051.12")], (2, 1), frozenset({1}))
    return official.write(Sheet(
        ("宣城市", "公共机构", "节能", "2022年", "工作总结"), [Block("h1", "一、总体"), Block("h2", "（一）能耗"), Block("h3", "1. 电"),
        Block("runin", "一是抓统计。完成" + bound("n", "1130") + "家“会审”。"), Block("p", "完成" + bound("n", "1130") + "家。")],
        "宣城市机关事务管理局", dt.date(2023, 2, 2), issuer="宣城市机关事务管理局文件", number="宣事管〔2023〕2号", to="各县、市、区人民政府",
        note="此件公开发布", annexes=[Annex(("2021年", "各地区", "能耗", "情况表"), [table]), Annex(("名单",), [Block("p", "无。")])],
        bold=frozenset({"h2"}), properties={"jieneng.proof": "0" * 64}))


@pytest.fixture(scope="module")
def everything() -> bytes:
    return full()


def local(element: Any) -> str:
    return etree.QName(element).localname


def test_a4_with_the_margins_and_the_grid_by_lines(everything: bytes) -> None:
    section = body(everything).find(f".//{W}sectPr")
    assert (section.find(W + "pgSz").get(W + "w"), section.find(W + "pgSz").get(W + "h")) == ("11906", "16838")
    margins = section.find(W + "pgMar")
    assert [margins.get(W + k) for k in ("top", "bottom", "left", "right", "footer", "header")] == ["2098", "1984", "1587", "1474", "1440", "851"]
    assert dict(section.find(W + "docGrid").attrib) == {W + "type": "lines", W + "linePitch": "579"}
    normal = next(s for s in body(everything, "word/styles.xml").iter(W + "style") if s.get(W + "styleId") == "Normal")
    spacing = normal.find(f"{W}pPr/{W}spacing")
    assert (spacing.get(W + "line"), spacing.get(W + "lineRule")) == ("579", "exact")
    assert normal.find(f"{W}rPr/{W}spacing").get(W + "val") == "-5" and normal.find(f"{W}pPr/{W}widowControl").get(W + "val") == "0"
    settings = body(everything, "word/settings.xml")
    assert settings.find(f".//{W}compatSetting").get(W + "val") == "15" and settings.find(W + "evenAndOddHeaders") is not None


@pytest.mark.parametrize("part", PARTS)
def test_elements_stand_in_the_order_of_the_schema(everything: bytes, part: str) -> None:
    root, seen = body(everything, part), 0
    for tag, order in (("pPr", PPR), ("rPr", RPR), ("tblPr", TBLPR), ("tcPr", TCPR), ("style", STYLE), ("settings", SETTINGS)):
        for element in root.iter(W + tag):
            places = [order.index(local(c)) for c in element]
            assert places == sorted(places) and len(set(places)) == len(places), etree.tostring(element)
            seen += 1
    assert seen or part == "word/fontTable.xml"


def test_no_content_control_no_theme_and_nothing_of_a_template(everything: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(everything)) as z:
        for name in z.namelist():
            text = z.read(name).decode()
            assert "w:sdt" not in text and "asciiTheme" not in text and "python-docx" not in text and "linesAndChars" not in text, name
        assert not any(n.startswith(("customXml", "docProps/thumbnail", "word/theme")) for n in z.namelist())
    assert len(everything) < 12_000


def test_every_face_is_named_four_times(everything: bytes) -> None:
    for part in ("word/styles.xml", "word/footer1.xml"):
        for fonts in body(everything, part).iter(W + "rFonts"):
            assert {W + k for k in ("ascii", "hAnsi", "eastAsia", "cs")} <= set(fonts.attrib)


def test_word_libraries_open_it_and_find_styles_by_their_chinese_names(everything: bytes) -> None:
    opened = docx.Document(io.BytesIO(everything))
    names = {s.name for s in opened.styles}
    assert {name for name, *_ in STYLES.values()} <= names
    used = {p.style.name for p in opened.paragraphs}
    assert {"公文标题", "公文正文", "公文一级标题", "公文二级标题", "公文三级标题", "公文落款", "公文附件标记"} <= used <= names
    outline = {s.name: s.element.pPr.find(W + "outlineLvl") for s in opened.styles if s.name.endswith("级标题")}
    assert [outline[f"公文{n}级标题"].get(W + "val") for n in "一二三"] == ["0", "1", "2"]
    assert opened.core_properties.author == "宣城市机关事务管理局" and opened.core_properties.title == "宣城市公共机构节能2022年工作总结"


def test_first_lines_are_said_in_characters_and_in_twips(everything: bytes) -> None:
    indents = [e for e in body(everything, "word/styles.xml").iter(W + "ind") if e.get(W + "firstLine")]
    assert len(indents) >= 5 and all((e.get(W + "firstLineChars"), e.get(W + "firstLine")) == ("200", "630") for e in indents)


def test_page_numbers_odd_right_even_left_in_song(everything: bytes) -> None:
    for part, side in (("word/footer1.xml", "right"), ("word/footer2.xml", "left")):
        footer = body(everything, part)
        assert footer.find(f".//{W}jc").get(W + "val") == side and footer.find(f".//{W}ind").get(W + side) == "280"
        assert "".join(footer.itertext()) == "—  PAGE 1 —"
        assert all(r.find(f"{W}rPr/{W}rFonts").get(W + "eastAsia") == "宋体" for r in footer.iter(W + "r"))


def test_bookmarks_reach_one_character_either_side_and_have_one_name_each(everything: bytes) -> None:
    root = body(everything)
    starts = {e.get(W + "id"): e.get(W + "name") for e in root.iter(W + "bookmarkStart")}
    assert sorted(starts) == sorted(e.get(W + "id") for e in root.iter(W + "bookmarkEnd")) and len(set(starts.values())) == len(starts)
    assert {f.name: f.text for f in readback.read_back(everything)} == {"_jn_n": "成1130家", "_jn_n__2": "成1130家", "_jn_a": "10628.97"}


def test_neighbouring_bookmarks_overlap() -> None:
    data = official.write(Sheet(("题",), [Block("p", bound("a", "1") + "和" + bound("b", "2"))]))
    assert [(f.name, f.text, f.number) for f in readback.read_back(data)] == [("_jn_a", "1和", "1"), ("_jn_b", "和2", "2")]


def test_quotes_are_hinted_full_width(everything: bytes) -> None:
    runs = [r for r in body(everything).iter(W + "r") if "“" in "".join(r.itertext())]
    assert runs and all(r.find(f"{W}rPr/{W}rFonts").get(W + "hint") == "eastAsia" for r in runs)


def test_the_red_head_stands_where_the_standard_puts_it(everything: bytes) -> None:
    first = body(everything).find(f".//{W}p")
    assert "".join(first.itertext()) == "宣城市机关事务管理局文件" and first.find(f"{W}r/{W}rPr/{W}sz").get(W + "val") == "72"
    styles = {s.find(W + "name").get(W + "val"): s for s in body(everything, "word/styles.xml").iter(W + "style")}
    spacing = styles["公文发文机关标志"].find(f"{W}pPr/{W}spacing")
    assert (spacing.get(W + "before"), spacing.get(W + "line")) == ("1701", "1000")
    rule = styles["公文发文字号"].find(f"{W}pPr/{W}pBdr/{W}bottom")
    assert (rule.get(W + "sz"), rule.get(W + "space"), rule.get(W + "color")) == ("8", "7", "FF0000")


def test_a_long_issuer_is_set_smaller() -> None:
    data = official.write(Sheet(("题",), [Block("p", "文。")], issuer="宣城市公共机构节约能源资源工作领导小组办公室文件"))
    assert int(body(data).find(f".//{W}sz").get(W + "val")) == 2 * (442 // 24)


def test_tables_are_as_wide_as_the_text_and_repeat_their_head(everything: bytes) -> None:
    table = body(everything).find(f".//{W}tbl")
    grid = [int(c.get(W + "w")) for c in table.iter(W + "gridCol")]
    rows = list(table.iter(W + "tr"))
    assert sum(grid) == AREA and [[int(w.get(W + "w")) for w in r.iter(W + "tcW")] for r in rows] == [grid] * 3
    assert table.find(f"{W}tblPr/{W}tblLayout").get(W + "type") == "fixed"
    assert [r.find(f"{W}trPr/{W}tblHeader") is not None for r in rows] == [True, False, False]
    assert all(r.find(f"{W}trPr/{W}cantSplit") is not None for r in rows)
    assert [j.get(W + "val") for j in rows[1].iter(W + "jc")] == ["right"]


def test_annexes_are_named_before_the_signature_and_begin_new_pages(everything: bytes) -> None:
    texts = [p.text for p in docx.Document(io.BytesIO(everything)).paragraphs]
    assert texts.index("附件：1.\t2021年各地区能耗情况表") + 1 == texts.index("2.\t名单") < texts.index("宣城市机关事务管理局") < texts.index("附件1")
    assert texts[texts.index("2023年2月2日") + 1] == "（此件公开发布）"


def test_the_signature_never_stands_alone(everything: bytes) -> None:
    for data, back in ((composed().docx, 2), (everything, 5)):  # the last paragraph, blank lines and the annexes between
        paragraphs = list(body(data).iter(W + "p"))
        name = next(n for n, p in enumerate(paragraphs) if n > 1 and "".join(p.itertext()).startswith("宣城市机关事务管理局"))
        kept = [p.find(f"{W}pPr/{W}keepNext") for p in paragraphs[name - back:name + 1]]
        assert all(k is not None and k.get(W + "val") == "1" for k in kept)


def test_the_same_content_gives_the_same_bytes() -> None:
    assert full() == full()


# -- pure parts ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("words", "lines"), [
    (["关于", "节能工作", "的通知"], ["关于节能工作的通知"]),
    (["宣城市", "公共机构", "节能", "2022年", "工作总结", "（样例）"], ["宣城市公共机构节能", "2022年工作总结（样例）"]),
    (["2021年", "县（市、区）", "能源资源", "消费情况", "汇总表"], ["2021年县（市、区）", "能源资源消费情况汇总表"]),
])
def test_titles_break_by_meaning(words: list[str], lines: list[str]) -> None:
    assert broken(words) == lines


def test_a_long_title_has_no_line_over_twenty_and_none_of_two() -> None:
    words = ["宣城市", "机关事务管理局", "关于", "印发", "《", "宣城市", "公共机构", "节约能源资源", "和", "生态环境保护", "“十四五”", "工作规划", "》", "的", "通知"]
    lines = broken(words)
    lengths = [cells(line) for line in lines]
    assert "".join(lines) == "".join(words) and len(lines) == 3 and max(lengths) <= 20 and min(lengths) > 2
    assert not lengths[0] > lengths[1] < lengths[2], "an hourglass"
    assert not any(line[-1] in "《“" or line[0] in "》”" for line in lines)


def test_widths_count_cells_digits_and_seams() -> None:
    assert width("宣城市") == 3 * CELL and width("2023年") == 4 * 155 + 64 + CELL and width("2023年2月") == 5 * 155 + 3 * 64 + 2 * CELL


@pytest.mark.parametrize("name", ["宣城市机关事务管理局", "局", "宣城市公共机构节约能源资源工作领导小组办公室"])
@pytest.mark.parametrize("sealed", [False, True])
def test_signatures_keep_their_distances(name: str, sealed: bool) -> None:
    date = "2023年2月2日"
    left, date_left = signature(name, date, sealed)
    right, date_right = AREA - left - width(name), AREA - date_left - width(date)
    assert left >= 0 and min(right, date_right) >= 2 * CELL - 1
    if sealed:
        assert abs((left + width(name) / 2) - (date_left + width(date) / 2)) <= 1
        assert date_right == 4 * CELL or right == 2 * CELL
    else:
        assert date_left - left == 2 * CELL and 2 * CELL in (right, date_right)


def test_marks_come_out_as_they_went_in() -> None:
    text = "完成" + bound("a", "9") + "个"
    assert plain(text) == "完成9个" and [(p.text, p.id) for p in pieces(text)] == [("完成", ""), ("9", "a"), ("个", "")]
    for bad in ("数", "a__b", "", "a" * 31, "a\n"):
        with pytest.raises(ValueError, match="bookmark"):
            bound(bad, "9")
    for bad in ("", "1\ue0019", "1\n2", "1\x0b", "1\u202e2"):
        with pytest.raises(ValueError, match="bookmark"):
            bound("a", bad)
    with pytest.raises(ValueError, match="mark was left"):
        official.write(Sheet(("题",), [Block("p", "剩\ue002下")]))
    assert unprintable("第三个𠮷") == "" and unprintable("\x00") == "U+0000"


# -- laid out -----------------------------------------------------------------------------------------------------------

MM = 72 / 25.4


def office(folder: Path, source: Path, to: str) -> Path:
    """Convert with LibreOffice, its own profile, and our table of substitute faces. Skips, saying why, where it is missing."""
    missing = [c for c in ("soffice", "pdftotext", "pdftoppm") if not shutil.which(c)]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: apt-get install libreoffice-writer-nogui poppler-utils")
    out = folder / "out"
    out.mkdir(exist_ok=True)
    env = {**os.environ, "FONTCONFIG_FILE": str(Path(official.__file__).with_name("official-fonts.conf")), "HOME": str(folder)}
    subprocess.run(["soffice", f"-env:UserInstallation={(folder / 'lo').as_uri()}", "--headless", "--convert-to", to, "--outdir", str(out), str(source)],
                   env=env, check=True, capture_output=True, timeout=240)
    return out / (source.stem + "." + to.partition(":")[0])


def lines_of(page: Any) -> list[tuple[float, float, float, str]]:
    """Lines of the text area of a page: centre, left, right (points) and text, top to bottom."""
    lines: list[list[Any]] = []
    for word in page.iter("{*}word"):
        x0, x1, y0, y1 = (float(word.get(k)) for k in ("xMin", "xMax", "yMin", "yMax"))
        middle = (y0 + y1) / 2
        if not 37 * MM - 8 <= middle <= 262 * MM + 2:
            continue
        line = next((line for line in lines if abs(line[0] - middle) <= 3), None)
        if line is None:
            lines.append(line := [middle, []])
        line[1].append((x0, x1, word.text))
    return [(y, min(w[0] for w in ws), max(w[1] for w in ws), "".join(w[2] for w in sorted(ws))) for y, ws in sorted(lines)]


SENTENCES = ("完成全市公共机构能源资源消费统计工作并认真开展数据会审，逐家核对用能账单和计量记录；",
             "对数据有疑问的单位当场核实并说明原因，不经填报单位确认一律不改动已经上报的数字；", "同时加强能耗监测分析，督促用能较大单位制定节能措施并抓好落实。")


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory) -> list[list[tuple[float, float, float, str]]]:
    folder = tmp_path_factory.mktemp("office")
    long = "".join(SENTENCES[n % 3] for n in range(7))
    blocks = [Block("p", long if n % 3 else long + "再接再厉。") for n in range(14)]
    source = folder / "sample.docx"
    source.write_bytes(official.write(Sheet(("版式", "测试"), blocks, "宣城市机关事务管理局（样例）", dt.date(2023, 1, 31))))
    out = subprocess.run(["pdftotext", "-bbox-layout", str(office(folder, source, "pdf")), "-"], check=True, capture_output=True).stdout
    return [lines_of(page) for page in etree.fromstring(re.sub(rb"<!DOCTYPE[^>]*>", b"", out)).findall(".//{*}page")]


@pytest.mark.office
def test_laid_out_every_full_page_has_22_lines(laid_out: list[Any]) -> None:
    assert len(laid_out) >= 4 and [len(page) for page in laid_out[1:-1]] == [22] * (len(laid_out) - 2)
    for page in laid_out[1:-1]:
        assert (page[-1][0] - page[0][0]) / 21 == pytest.approx(28.95, abs=0.05)


@pytest.mark.office
def test_laid_out_most_lines_have_28_characters(laid_out: list[Any]) -> None:
    flush, indented = Counter(), Counter()  # type: ignore[var-annotated]
    for page in laid_out[1:-1]:
        for n, (_, left, right, text) in enumerate(page):
            last = n + 1 == len(page) or page[n + 1][1] > left + 20 or right < 180 * MM
            if not last:
                (indented if left > 28 * MM + 20 else flush)[len(text)] += 1
    assert flush.most_common(1)[0][0] == 28 and flush[28] >= 0.8 * flush.total(), flush
    assert indented.most_common(1)[0][0] == 26, indented
    assert set(flush) <= {27, 28, 29}


@pytest.mark.office
def test_laid_out_the_text_keeps_its_edges(laid_out: list[Any]) -> None:
    for page in laid_out[1:-1]:
        for _, left, right, text in page:
            assert left >= 27.8 * MM and (right <= 184.2 * MM or text[-1] in "，。；、"), text
        assert min(line[1] for line in page) == pytest.approx(28 * MM, abs=0.2 * MM)


DPI = 200


def ink(pdf: Path, page: int) -> list[bytes]:
    """The rows of a page as grey bytes at ``DPI``."""
    out = subprocess.run(["pdftoppm", "-gray", "-r", str(DPI), "-f", str(page), "-l", str(page), str(pdf)], check=True, capture_output=True).stdout
    kind, size, _, data = out.split(b"\n", 3)
    wide, high = map(int, size.split())
    assert kind == b"P5" and len(data) == wide * high
    return [data[n * wide:(n + 1) * wide] for n in range(high)]


def bands(rows: list[bytes], darkest: int = 200) -> list[tuple[float, float, float, float]]:
    """Bands of rows with ink: top, bottom, left, right in millimetres."""
    found: list[list[int]] = []
    for y, row in enumerate(rows):
        dark = [x for x, value in enumerate(row) if value < darkest] if min(row) < darkest else []
        if dark and found and found[-1][1] == y - 1:
            found[-1] = [found[-1][0], y, min(found[-1][2], dark[0]), max(found[-1][3], dark[-1])]
        elif dark:
            found.append([y, y, dark[0], dark[-1]])
    scale = 25.4 / DPI
    return [(a * scale, (b + 1) * scale, c * scale, (d + 1) * scale) for a, b, c, d in found]


@pytest.mark.office
def test_laid_out_head_red_line_and_page_numbers_stand_where_the_standard_wants(everything: bytes, tmp_path: Path) -> None:
    source = tmp_path / "head.docx"
    source.write_bytes(everything)
    pdf = office(tmp_path, source, "pdf")
    first = bands(ink(pdf, 1))
    assert first[0][0] == pytest.approx(72, abs=0.6), "top of the issuer's mark: 35 mm below the text area's edge"
    rule = next(n for n, b in enumerate(first) if b[1] - b[0] < 0.6 and b[3] - b[2] > 150)
    assert (first[rule][2], first[rule][3]) == (pytest.approx(28, abs=0.3), pytest.approx(184, abs=0.4))
    assert first[rule][0] - first[rule - 1][1] == pytest.approx(4, abs=0.7), "how low the brackets reach is the face's"
    odd, even = bands(ink(pdf, 1))[-1], bands(ink(pdf, 2))[-1]
    assert odd[3] == pytest.approx(179, abs=0.6) and even[2] == pytest.approx(32.9, abs=0.6)
    assert (odd[0] + odd[1]) / 2 == pytest.approx(269, abs=1.0) == pytest.approx((even[0] + even[1]) / 2, abs=1.0)


@pytest.mark.office
def test_laid_out_the_summary_fits_one_page_and_signs_on_it(tmp_path: Path) -> None:
    source = tmp_path / "one.docx"
    source.write_bytes(composed().docx)
    out = subprocess.run(["pdftotext", str(office(tmp_path, source, "pdf")), "-"], check=True, capture_output=True).stdout.decode()
    assert out.count("\f") == 1 and "宣城市机关事务管理局（样例）" in out.replace(" ", "")


@pytest.mark.office
def test_a_save_in_libreoffice_keeps_every_number(tmp_path: Path) -> None:
    made = composed()
    source = tmp_path / "saved.docx"
    source.write_bytes(made.docx)
    once = office(tmp_path, source, "docx:Office Open XML Text").read_bytes()
    assert once != made.docx and {r["state"] for r in readback.compare(once, made.proof)} == {"same"}
    assert readback.proof_mark(once) == made.proof["checksum"]
    odt = office(tmp_path, source, "odt")
    back = office(tmp_path, odt, "docx:Office Open XML Text").read_bytes()
    assert {(r["state"], r["by"]) for r in readback.compare(back, made.proof)} == {("same", "bookmark")}


def test_the_font_table_is_a_well_formed_file_that_names_every_face() -> None:
    root = etree.parse(str(Path(official.__file__).with_name("official-fonts.conf"))).getroot()
    named = {"".join(e.itertext()).strip() for e in root.iter("family", "string")}
    assert {"仿宋_GB2312", "楷体_GB2312", "黑体", "方正小标宋简体", "宋体", "Times New Roman"} <= named
