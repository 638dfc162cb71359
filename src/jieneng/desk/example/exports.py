"""Which area hands in which shape, and the files of the register and of the ledgers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from .city import Body, City
from .places import BY_CODE
from .rows import TYPES, Cell, Row
from .sheets import FOOTER, Writing, gb_csv, long, month_columns, month_sheets, put, tell, wide

LAYOUTS = {
    "341800SZ": "consumption-city", "341802": "consumption-xuanzhou", "341821": "consumption-langxi",
    "341823": "consumption-jing", "341824": "consumption-jixi", "341825": "consumption-jingde",
    "341881": "consumption-ningguo", "341882": "consumption-guangde", "341871": "consumption-zone",
}  # fmt: skip
_LEAD = ("统计期", "单位名称", "统一社会信用代码", "主管部门", "单位性质")


def consumption_name(area: str, year: int) -> str:
    """What the file of an area and year is called."""
    name = BY_CODE[area].name
    if area == "341823":
        return f"{name}-{year}年能源资源消费状况.csv"
    if area == "341871":
        return f"{name}{year}最终版(2).xlsx"
    return f"{name}-{year}年能源资源消费状况.xlsx"


def _lead(row: Row, period: Cell) -> list[Cell]:
    b = row.body
    return [row.period or period, b.name, row.code, b.department, TYPES[b.type]]


def write_consumption(path: Path, area: str, year: int, rows: Iterable[Row]) -> None:
    """The workbook (or CSV) of an area and year in that area's habit."""
    title = f"{BY_CODE[area].name}{year}年度公共机构能源资源消费状况"
    if area in ("341800SZ", "341882"):
        month_columns(path, rows, title=title, broken_head=area == "341882")
    elif area == "341802":
        month_sheets(path, rows, title=title)
    elif area == "341823":
        gb_csv(path, rows, title=title)
    elif area == "341825":
        long(path, rows, title=title)
    elif area == "341821":
        langxi(path, rows, title=title)
    elif area == "341824":
        wide(path, rows, title=title, lead=_LEAD, leads=lambda r: _lead(r, r.year * 100 + r.month), header=3,
             head=lambda i: f"{i.label}\n（{'万' if i.unit == '千瓦时' else ''}{i.unit}）",
             by_sheet=lambda r: (r.body.department or "机关").removeprefix("绩溪县示例"),
             scaled={"electricity_kwh": 4, "pv_generation_kwh": 4})  # fmt: skip
    elif area == "341881":
        wide(path, rows, title=title, lead=("年", "月", *_LEAD[1:]), header=5, careless=0.03,
             leads=lambda r: [r.year, r.month, *_lead(r, "")[1:]], head=lambda i: f"{i.number} {i.label}\n{i.unit}".strip(),
             by_sheet=lambda r: "上半年" if r.month <= 6 else "下半年")  # fmt: skip
    else:
        wide(path, rows, title="", lead=_LEAD, leads=lambda r: _lead(r, f"{r.year}/{r.month}"), header=1,
             head=lambda i: f"{i.label}/{i.unit}", by_sheet=lambda r: "Sheet1")  # fmt: skip


def langxi(path: Path, rows: Iterable[Row], *, title: str) -> None:
    """One long sheet with the month as text; some numbers are text."""
    wide(path, rows, title=title, lead=_LEAD, leads=lambda r: _lead(r, f"{r.year}-{r.month:02d}"), header=3, careless=0.02,
         head=lambda i: f"{i.label}\n（{i.unit}）", by_sheet=lambda r: "消费状况")  # fmt: skip


_REGISTER = ("序号", "单位名称", "统一社会信用代码", "平台编号", "单位性质", "统计归口", "主管部门", "所在地", "纳入统计", "代报单位代码", "敏感单位",
             "起始日期", "变更原因", "变更依据", "联络员", "科室", "办公电话")  # fmt: skip
_LIES = {"341871": "经开区", "341800SZ": "市直"}


def _register_line(n: int, body: Body, code: Cell) -> list[Cell]:
    person, office, phone = body.contact or ("", "", "")
    place = "" if body.sensitive else _LIES.get(body.territory, "") or BY_CODE[body.territory].name
    return [n, body.name, code, body.platform, TYPES[body.type], BY_CODE[body.area].name, body.department, place,
            "是" if body.in_scope else "否", body.covered_by, "是" if body.sensitive else "否", body.since, body.reason,
            body.document, person, office, phone]  # fmt: skip


def write_register(path: Path, groups: Iterable[tuple[str, list[Body]]], title: str,
                   codes: dict[str, tuple[Cell, object]] | None = None) -> None:  # fmt: skip
    """A register: a sheet per group. ``codes``: body's code → (what is written instead, the mark that asks where)."""
    with Writing(path) as writing:
        for name, bodies in groups:
            sheet = writing.sheet(name, title, len(_REGISTER))
            sheet.write_string(1, 0, "联络员均为虚构；敏感单位不记所在地")
            for column, label in enumerate(_REGISTER):
                sheet.write_string(2, column, label.replace("社会", "社会\n", 1), writing.head)
            for n, body in enumerate(bodies, 1):
                code, mark = (codes or {}).get(body.code, (body.code, None))
                for column, value in enumerate(_register_line(n, body, code)):
                    if value != "":
                        put(sheet, 2 + n, column, value)
                if mark is not None:
                    tell(mark, path, name, 2 + n, 2, code)  # type: ignore[arg-type]
            sheet.write_string(3 + len(bodies), 0, FOOTER)


def register_groups(city: City) -> list[tuple[str, list[Body]]]:
    """The base register by sheet: an area each, then who is reported for, then the vertical ones."""
    groups = []
    for area in BY_CODE.values():
        groups.append((area.name, [b for b in city.base if b.kind and b.area == area.code]))
    groups.append(("代报", [b for b in city.base if b.covered_by]))
    groups.append(("垂直管理", [b for b in city.base if not b.kind and not b.covered_by]))
    return groups


CONTRACTS: tuple[tuple[Cell, ...], ...] = (
    ("HT-2022-01", "市直示例医院能源费用托管", "市直", "市直示例医院", "能源费用托管型", "完成招标", "", "2022-09-20", "", None, None, 8,
     "示例能源服务公司", 2022, "投资额来源文件未分项"),
    *((f"HT-2022-{n:02d}", f"{name}屋顶光伏", "广德市", name, "分布式光伏", stage, "广德市屋顶光伏打捆项目", "2022-03-18", "2022-04-02",
       582.73 if n == 2 else None, kwp, 20, "示例新能源公司", 2022,
       "社会资本按标段记在本条，来源文件未分到各站，是否含托管项目来源未写明" if n == 2 else "投资见标段首条")
      for n, (name, kwp, stage) in enumerate((
          ("广德市示例政务中心", 212.4, "运行"), ("广德市示例第一中学", 398.2, "运行"), ("广德市示例镇政府", 156.0, "运行"),
          ("广德市示例职业学校", 286.5, "运行"), ("广德市示例体育馆", 243.6, "运行"), ("广德市示例便民中心", 178.4, "运行"),
          ("广德市示例文化馆", 121.0, "运行"), ("广德市示例图书馆", 86.0, "运行")), 2)),
)  # fmt: skip
BINS: tuple[tuple[Cell, ...], ...] = tuple(
    (f"PF-2022-{batch:02d}-{line}", f"2022年第{batch}批", day, unit, kind, count, "个", 2022, "")
    for batch, line, day, unit, kind, count in (
        (1, 1, "2022-02-24", "市直示例公安局", "四分类桶", 16), (1, 2, "2022-02-24", "市直示例公安局", "二分类桶", 8),
        (2, 1, "2022-03-30", "市直示例财政局", "二分类桶", 18), (3, 1, "2022-05-12", "市直示例教体局", "四分类桶", 12),
        (3, 2, "2022-05-12", "市直示例教体局", "二分类桶", 6), (4, 1, "2022-06-16", "市直示例卫健委", "二分类桶", 20),
        (5, 1, "2022-08-09", "市直示例交通局", "四分类桶", 14), (6, 1, "2022-09-27", "市直示例第一中学", "四分类桶", 12),
        (7, 1, "2022-11-03", "市直示例公安局", "二分类桶", 22),
    )
)  # fmt: skip
FACTS: tuple[tuple[Cell, ...], ...] = (
    ("creation_rank", 2022, "节约型机关全部完成的全省名次", "第三个", 3, "个", "省局通报〔2022〕8号（样例）", "省机关事务管理局", "2022-11-18",
     "全部县级及以上党政机关建成的地级市中"),
    ("waste_quiz_rate", 2022, "垃圾分类调查问卷正确率", "97.83%", 97.83, "%", "问卷统计表（样例）：按题计 1,488 ÷ 1,521", "市机关事务管理局", "2022-10-20",
     "按有效作答题数计"),
)  # fmt: skip
_QUOTA = "示例地方标准《公共机构能耗定额》"
QUOTAS: tuple[tuple[Cell, ...], ...] = tuple(
    (f"YL-{n:02d}", f"{_QUOTA}（样例）", "341800", kind, words, indicator, top, base, guide, "不涉及折标煤", "2021-01-01", "", "样例：数值为试用编造，不是任何地方的标准", "样例", "")
    for n, (kind, words, indicator, top, base, guide) in enumerate((
        ("国家机关", "", "单位建筑面积电耗（kWh/m²）", 110, 76, 35), ("教育事业", "", "单位建筑面积电耗（kWh/m²）", 44, 25, 9),
        ("教育事业", "幼儿园、小学", "单位建筑面积电耗（kWh/m²）", 36, 22, 9), ("卫生事业", "", "单位建筑面积电耗（kWh/m²）", 160, 75, 35),
        ("国家机关", "", "人均用水量（m³/人）", 46, 34, 20), ("教育事业", "", "人均用水量（m³/人）", 52, 25, 6)), 1)
)  # fmt: skip
PRICES: tuple[tuple[Cell, ...], ...] = tuple(
    (f"JG-{n:02d}", "示例价目（样例）", "341800", "", item, price, low, high, since, until, "样例：数值为试用编造，不是任何地方的价格", "样例", "")
    for n, (item, price, low, high, since, until) in enumerate((
        ("电（元/千瓦时）", 0.62, 0.5, 0.85, "2020-01-01", ""), ("水（元/立方米）", 2.8, 2.0, 3.8, "2020-01-01", ""), ("天然气（元/立方米）", 3.3, 2.6, 4.2, "2020-01-01", ""),
        ("汽油（元/升）", 5.8, 4.9, 7.3, "2020-01-01", "2020-12-31"), ("汽油（元/升）", 6.9, 5.6, 7.9, "2021-01-01", "2021-12-31"),
        ("汽油（元/升）", 8.2, 6.6, 9.6, "2022-01-01", "")), 1)
)  # fmt: skip
MEANS = {2020: (5.1, 8.9, 12.6, 16.2, 23.4, 25.6, 25.9, 29.2, 23.1, 17.2, 12.9, 5.2), 2021: (4.2, 9.6, 12.1, 16.4, 21.9, 25.8, 28.6, 27.4, 25.9, 18.3, 12.0, 7.0),
         2022: (5.0, 4.4, 13.4, 18.0, 20.9, 26.2, 30.1, 30.4, 23.6, 17.5, 13.9, 4.6)}
"""Month means of a made-up station, near those of the region."""
TEMPERATURES: tuple[tuple[Cell, ...], ...] = tuple(
    ("示例气象站", f"{year}-{month:02d}", "341800", mean, None, None, "样例：数值为试用编造", "样例", "") for year, means in MEANS.items() for month, mean in enumerate(means, 1))
_LEDGERS: dict[str, tuple[str, tuple[str, ...], tuple[tuple[Cell, ...], ...], str]] = {
    "energy_contracts.xlsx": ("合同能源与光伏项目台账（2022 年）", (
        "项目编号", "项目名称", "统计归口", "用能单位", "类型", "阶段", "标段", "中标日期", "签约日期", "社会资本\n（万元）", "装机容量\n（kWp）",
        "合同年限\n（年）", "节能服务公司", "年度", "备注"), CONTRACTS, "合计"),
    "waste_bins.xlsx": ("垃圾分类器具配发台账（2022 年）", (
        "配发单行号", "配发批次", "配发日期", "领用单位", "品类", "数量", "计数单位", "年度", "备注"), BINS, "合计"),
    "external_facts.xlsx": ("外部事实登记（有出处）", (
        "代号", "年度", "事实", "内容", "数值", "单位", "出处文件", "发布机关", "文件日期", "备注"), FACTS, ""),
    "quotas.xlsx": ("公共机构用能定额（样例）", (
        "定额编号", "标准", "适用地区代码", "单位性质", "单位名称含", "指标", "约束值", "基准值", "引导值", "电力折算口径", "实施日期", "废止日期", "出处", "性质", "备注"), QUOTAS, ""),
    "prices.xlsx": ("本地能源和水价格（样例）", (
        "价格编号", "价目", "适用地区代码", "单位性质", "指标", "平常价\n（元）", "最低价\n（元）", "最高价\n（元）", "起始日期", "截止日期", "出处", "性质", "备注"), PRICES, ""),
    "temperatures.xlsx": ("逐月平均气温（样例）", (
        "气象站", "月份", "适用地区代码", "平均气温\n（℃）", "采暖度日数", "空调度日数", "出处", "性质", "备注"), TEMPERATURES, ""),
}  # fmt: skip


def write_ledgers(folder: Path) -> list[Path]:
    """The ledgers; the first two end in a total line."""
    written = []
    for file, (title, labels, lines, total) in _LEDGERS.items():
        path = folder / file
        with Writing(path) as writing:
            sheet = writing.sheet("台账", title, len(labels))
            for column, label in enumerate(labels):
                sheet.write_string(2, column, label, writing.head)
            for at, line in enumerate(lines, 3):
                for column, value in enumerate(line):
                    if value != "":
                        put(sheet, at, column, value)
            if total:
                sheet.write_string(3 + len(lines), 0, total)
                for column, label in enumerate(labels):
                    if label.startswith(("社会资本", "装机", "数量")):
                        got = [v for line in lines if isinstance(v := line[column], int | float)]
                        put(sheet, 3 + len(lines), column, round(sum(got), 2))
        written.append(path)
    return written
