"""The files with errors that must be refused by sheet and cell (…-含错误.xlsx): twelve of them, numbered I01 to I12.

Everything else in these files is what the clean ones say, so that importing them changes nothing but the list of problems.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from .city import Body, City
from .codes import credit_code
from .exports import langxi, write_register
from .items import AT
from .planted import Mark, Plant
from .rows import Cell, Row
from .sheets import long, month_sheets

ERRORS_IN = "-含错误.xlsx"
YEAR = 2022


def _mark(row: Row, field: str, wrong: str) -> Mark:
    """A mark on a cell of a row that cannot be read: what was to stand there is kept as text in the plant."""
    true = row.cells[AT[field]] if field in AT else None
    mark = Mark(row.year, row.month, field, None if true is None else Decimal(str(true)), None, written=wrong)
    row.marks[field] = mark
    return mark


class _Breaker:
    """Breaks rows one by one and remembers what it did."""

    def __init__(self) -> None:
        self.plants: list[Plant] = []

    def plant(self, kind: str, body: Body, mark: Mark, says: str) -> None:
        self.plants.append(Plant(f"I{len(self.plants) + 1:02d}", kind, body, [mark], says))

    def typed(self, kind: str, row: Row, field: str, wrong: str, says: str) -> None:
        """Something else is typed into an item's cell."""
        mark = _mark(row, field, wrong)
        row.cells[AT[field]] = wrong
        self.plant(kind, row.body, mark, says)


def _register(folder: Path, city: City, b: _Breaker) -> Path:
    """Codes: a wrong check digit, a wrong check inside the organisation code, a code eaten by number format."""
    path = folder / f"register{ERRORS_IN}"
    bodies = [x for x in city.base if x.area == "341823" and x.kind][:12]
    one, two, three = bodies[2], bodies[5], bodies[8]
    last = one.code[17]
    other = next(c for c in "0123456789ABCDEFGHJKLMNPQRTUWXY" if c != last)
    codes: dict[str, tuple[Cell, object]] = {}
    inside = _inner_wrong(two.code)
    digits = _all_digits()
    for kind, body, written, says in (
        ("check-digit", one, one.code[:17] + other, "信用代码校验位错"),
        ("organisation-check", two, inside, "第 9–17 位的校验位错，第 18 位碰巧对"),
        ("identifier-eaten", three, digits, "信用代码存成了数字，尾数已丢"),
    ):
        mark = Mark(YEAR, 0, "code", None, None)
        codes[body.code] = (written, mark)
        b.plant(kind, body, mark, says)
    write_register(path, [("泾县", bodies)], "公共机构名录（含错误，供练习）", codes)
    return path


def _inner_wrong(code: str) -> str:
    """The code with a wrong ninth character of its organisation part, and an eighteenth that fits again."""
    wrong = "1" if code[16] != "1" else "2"
    head = code[:16] + wrong
    table = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    rest = (31 - sum(table.index(c) * pow(3, i, 31) for i, c in enumerate(head)) % 31) % 31
    return head + table[rest]


def _all_digits() -> float:
    """A code of digits only, as a number format leaves it: the last three are gone."""
    n = 0
    while not (code := credit_code("12", "341823", f"99{n:06d}")).isdigit():
        n += 1
    return float(code)


def _langxi(folder: Path, rows: list[Row], city: City, b: _Breaker) -> Path:
    """Words in numbers, an error value, an unknown body, two unlike rows, a thirteenth month."""
    path = folder / f"郎溪县-{YEAR}年能源资源消费状况{ERRORS_IN}"
    primary = [r for r in rows if r.body.kind == "primary"]
    codes = list(dict.fromkeys(r.code for r in primary if r.code))[6:12]
    got = [r for r in primary if r.code in codes]
    by = {(r.code, r.month): r for r in got}
    b.typed("number-words", by[codes[0], 3], "electricity_kwh", "1.2万", "数字里有“万”")
    b.typed("number-words", by[codes[1], 4], "water_m3", "约300", "数字里有“约”")
    b.typed("number-unit", by[codes[2], 5], "electricity_kwh", "8560kWh", "数字后面写了单位")
    stranger = by[codes[3], 6]
    unknown = replace(stranger.body, code=credit_code("12", "341821", "99000000"), name="郎溪县示例未登记小学")
    row = replace(stranger, body=unknown, code=unknown.code, cells=list(stranger.cells), marks={})
    b.plant("unknown-institution", unknown, _mark(row, "code", unknown.code), "名录里没有这个单位")
    got.append(row)
    twin = replace(by[codes[4], 7], cells=list(by[codes[4], 7].cells), marks={})
    twin.cells[AT["electricity_kwh"]] = 7 + int(twin.cells[AT["electricity_kwh"]] or 0)
    b.plant("duplicate-row", twin.body, _mark(twin, "code", twin.code), "同一单位同一月份两行，数不同")
    got.append(twin)
    late = replace(by[codes[5], 12], cells=list(by[codes[5], 12].cells), marks={}, period="2022-13")
    b.plant("no-such-month", late.body, _mark(late, "period", "2022-13"), "没有第 13 月")
    got.append(late)
    langxi(path, got, title=f"郎溪县{YEAR}年度公共机构能源资源消费状况（含错误，供练习）")
    return path


def _jingde(folder: Path, rows: list[Row], b: _Breaker) -> Path:
    """An unknown unit and an unknown item."""
    path = folder / f"旌德县-{YEAR}年能源资源消费状况{ERRORS_IN}"
    clinics = [r for r in rows if r.body.kind == "clinic"]
    codes = list(dict.fromkeys(r.code for r in clinics))[:3]
    got = [r for r in clinics if r.code in codes]
    odd = next(r for r in got if r.code == codes[0] and r.month == 2)
    b.plant("unknown-unit", odd.body, _mark(odd, "electricity_kwh", "千千瓦"), "计量单位不认识")
    more = next(r for r in got if r.code == codes[1] and r.month == 3)
    mark = Mark(YEAR, 3, "", None, None)
    b.plant("unknown-item", more.body, mark, "表里没有这个指标")
    long(path, got, title=f"旌德县{YEAR}年度公共机构能源资源消费状况（含错误，供练习）",
         units={(odd.code, 2, "electricity_kwh"): "千千瓦"}, extra=[(more, "蒸汽消费量", "吨", 12, mark)])  # fmt: skip
    return path


def _xuanzhou(folder: Path, rows: list[Row], b: _Breaker) -> Path:
    """One number merged over two bodies: a shared meter."""
    path = folder / f"宣州区-{YEAR}年能源资源消费状况{ERRORS_IN}"
    bureaus = [r for r in rows if r.body.kind == "bureau"]
    codes = list(dict.fromkeys(r.code for r in bureaus))[20:26]
    got = [r for r in bureaus if r.code in codes]
    first = next(r for r in got if r.code == codes[2] and r.month == 1)
    b.plant("merged-value", first.body, _mark(first, "water_m3", str(first.cells[AT["water_m3"]])), "一个水量合并管两家")
    month_sheets(path, got, title="宣州区公共机构能源资源消费状况（含错误，供练习）", merged=[(first.code, 1, "water_m3")])
    return path


def write_broken(folder: Path, city: City, rows: dict[str, list[Row]]) -> tuple[list[tuple[Path, str, str]], list[Plant]]:
    """Write the four files. ``rows``: area → its true rows of 2022. Gives (file, layout, area) and the plants."""
    b = _Breaker()
    files = [
        (_register(folder, city, b), "register", ""),
        (_langxi(folder, rows["341821"], city, b), "consumption-langxi", "341821"),
        (_jingde(folder, rows["341825"], b), "consumption-jingde", "341825"),
        (_xuanzhou(folder, rows["341802"], b), "consumption-xuanzhou", "341802"),
    ]
    return files, b.plants
