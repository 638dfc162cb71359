"""A messy export to try: what the platform of the example holds of four counties, with values keyed in wrong, codes spoilt and no layout known.

For a visitor: let the header be recognised, confirm the layout, import, look at the two sides. Not brought in by ``example load``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import messy
from .answers import Answers
from .city import City
from .items import AT
from .rows import Row

FOLDER = "platform-messy"
"""The folder beside the example's other files."""
_WRONG = ((messy.JING, 3, "electricity_kwh", 10.0), (messy.JING, 6, "water_m3", 10.0), (messy.JIXI, 9, "electricity_kwh", 0.1), (messy.JINGDE, 2, "water_m3", 10.0),
          (messy.NINGGUO, 11, "electricity_kwh", 10.0))  # fmt: skip
README = """试一试：平台导出表长什么样都行
==============================
这里是示例平台导出的 2022 年表，四个县，故意弄得很乱（多行表头、合并格、kWh 和万kWh、错的代码、改过名的单位、隐藏行、GB18030）。数是虚构的。

1. 打开“导入 → 新的表样：让系统照表头认”，选 {book}，看系统怎么认；拿不准的标了黄，改好，先“试读一遍”，再保存。
2. 到“导入”，选这个文件和刚存的表样，“报表的数当作什么”选“国家平台的数，只用来对照”。错的代码逐格指出，好的行都进来。
3. 到“两边对照”，看哪里不一样；决定谁改，发更正清单。

Try it: an export of any shape
==============================
These are the tables that the platform of the example exports for 2022, four counties, untidy on purpose. The figures are invented.

1. Imports → a new kind of table: choose {book}, see what the header seems to say, mend what is marked, try it, save it.
2. Imports: this file, the layout you saved, taken as what the national platform holds, to compare only. Wrong codes are named by cell; good rows go in.
3. Two sides: see what differs, decide who mends it, hand over the list of corrections.
"""


def held(rows: Sequence[Row]) -> None:
    """Put some large values ten times too high or too low, one unit each, not those whose codes are spoilt."""
    codes = messy.codes_of(rows)
    used = {codes.letter, codes.short, codes.number}
    for area, month, item, factor in _WRONG:
        for row in rows:
            value = row.cells[AT[item]]
            if row.body.area == area and row.month == month and row.code not in used and isinstance(value, int) and value >= 100:
                used.add(row.code)
                row.cells[AT[item]] = round(value * factor)
                break


def write_mess(folder: Path, city: City, answers: Answers) -> messy.Mess:
    """The files and what to do with them, in ``folder`` (made if need be): the same byte for byte for the same city."""
    rows = messy.chosen(city, answers, most=12)
    held(rows)
    quiet = list(dict.fromkeys(r.code for r in rows))[-2:]
    mess = messy.write_messy(folder, rows, dict(zip(quiet, ("退回", "未报"), strict=True)), messy.codes_of(rows))
    (folder / "README.txt").write_text(README.format(book=messy.BOOK), encoding="utf-8")
    return mess
