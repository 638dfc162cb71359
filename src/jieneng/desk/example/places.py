"""The nine areas of the example city, how many bodies of each kind they have, and what the bodies are called.

Every name says 示例 (example). Totals are those of the year's summary: 1,130 bodies, of them 420 organs; 88 of the city's
own bodies lie in 宣州区. How they are spread over areas and kinds is made up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .kinds import KINDS


@dataclass(frozen=True)
class Area:
    """An area of the statistical line. ``lies_in``: the division its bodies lie in; ``digits`` begin its platform ids."""

    code: str
    name: str
    towns: int
    digits: str
    lies_in: str
    phone: str


AREAS = (
    Area("341800SZ", "市直", 0, "341899", "341802", "0563-302"),
    Area("341802", "宣州区", 22, "341802", "341802", "0563-302"),
    Area("341821", "郎溪县", 12, "341821", "341821", "0563-702"),
    Area("341823", "泾县", 11, "341823", "341823", "0563-502"),
    Area("341824", "绩溪县", 11, "341824", "341824", "0563-815"),
    Area("341825", "旌德县", 10, "341825", "341825", "0563-860"),
    Area("341881", "宁国市", 17, "341881", "341881", "0563-410"),
    Area("341882", "广德市", 10, "341882", "341882", "0563-602"),
    Area("341871", "经开区", 3, "341871", "341871", "0563-262"),
)
BY_CODE = {a.code: a for a in AREAS}
IN_ZONE = frozenset("示例" + o for o in ("公路中心", "环卫中心", "不动产登记中心", "公积金管理部", "农技中心", "市政管理处", "园林管理处"))
"""Seven of the city's own bodies lie in the development zone, 88 in 宣州区; a sensitive one says no place."""

# bodies in scope by kind, in the order of AREAS: 市直 宣州 郎溪 泾 绩溪 旌德 宁国 广德 经开
COUNTS: dict[str, tuple[int, ...]] = {
    "bureau": (50, 46, 38, 38, 33, 29, 42, 44, 4),
    "town": (0, 22, 12, 11, 11, 10, 17, 10, 3),
    "hospital": (3, 2, 1, 1, 1, 1, 2, 2, 0),
    "tcm": (1, 1, 1, 1, 1, 1, 1, 1, 0),
    "mch": (1, 1, 1, 1, 1, 1, 1, 1, 0),
    "clinic": (0, 22, 12, 11, 8, 6, 15, 10, 1),
    "cdc": (3, 1, 1, 1, 1, 1, 1, 1, 0),
    "college": (3, 0, 0, 0, 0, 0, 0, 0, 0),
    "vocational": (2, 1, 1, 1, 1, 0, 1, 1, 0),
    "high": (3, 4, 2, 3, 1, 1, 3, 4, 0),
    "middle": (1, 24, 10, 11, 4, 2, 11, 20, 1),
    "primary": (2, 70, 26, 30, 8, 5, 28, 42, 2),
    "kindergarten": (2, 26, 9, 10, 3, 2, 9, 18, 1),
    "special": (1, 2, 1, 1, 1, 1, 1, 1, 0),
    "culture": (4, 3, 3, 3, 2, 2, 3, 3, 0),
    "sports": (2, 1, 1, 1, 0, 0, 1, 1, 0),
    "science": (2, 1, 0, 1, 0, 0, 1, 0, 0),
    "social": (3, 3, 2, 2, 1, 1, 2, 2, 0),
    "other": (13, 38, 11, 14, 7, 3, 13, 17, 1),
}

BUREAUS = (
    "政府办", "机关事务中心", "教体局", "卫健委", "文旅局", "民政局", "住建局", "交通局", "农业农村局", "人社局", "水利局", "林业局",
    "市场监管局", "自然资源局", "财政局", "发展改革委", "公安局", "看守所", "人民武装部", "科技经信局", "司法局", "生态环境分局", "商务局",
    "退役军人局", "应急管理局", "审计局", "统计局", "医疗保障局", "城管执法局", "县委办", "人大办", "政协办", "组织部", "宣传部", "统战部",
    "政法委", "纪委监委", "信访局", "人民法院", "人民检察院", "编办", "数据资源局", "乡村振兴局", "巡察办", "老干部局", "国资委", "金融局",
    "招商局", "档案馆", "党史研究室", "外事办", "文明办",
)  # fmt: skip
ZONE_BUREAUS = ("管委会", "综合执法局", "市场监管分局", "人社分局")
ONLY_IN = {"看守所": ("宣州区", "郎溪县", "广德市"), "人民武装部": ("宣州区",)}
SENSITIVE = ("公安局", "看守所", "人民武装部")
OTHERS = (
    "便民中心", "政务中心", "乡镇站所", "公路中心", "环卫中心", "不动产登记中心", "公积金管理部", "农技中心", "市政管理处", "园林管理处",
    "社保中心", "就业服务中心", "救助站", "福利院", "殡仪服务中心", "河道管理所", "水库管理处", "国有林场", "动物疾控中心", "种子站",
    "质检中心", "融媒体中心", "投资评审中心", "会计核算中心", "公共资源交易中心", "应急救援大队", "供销服务中心", "驾考服务中心", "运输服务中心",
    "水文站", "土地整治中心", "城建档案馆", "房产服务中心", "军休服务中心", "光荣院", "粮食储备中心", "法律援助中心", "信息中心", "公墓管理所",
)  # fmt: skip
_OTHER_DEPARTMENT = {
    "公路中心": "交通局", "驾考服务中心": "交通局", "运输服务中心": "交通局", "环卫中心": "住建局", "市政管理处": "住建局", "园林管理处": "住建局",
    "城建档案馆": "住建局", "房产服务中心": "住建局", "公积金管理部": "住建局", "不动产登记中心": "自然资源局", "土地整治中心": "自然资源局",
    "农技中心": "农业农村局", "动物疾控中心": "农业农村局", "种子站": "农业农村局", "乡镇站所": "农业农村局", "社保中心": "人社局",
    "就业服务中心": "人社局", "救助站": "民政局", "福利院": "民政局", "殡仪服务中心": "民政局", "公墓管理所": "民政局", "光荣院": "民政局",
    "河道管理所": "水利局", "水库管理处": "水利局", "水文站": "水利局", "国有林场": "林业局", "质检中心": "市场监管局",
}  # fmt: skip
_STEMS = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌"
_DIGITS = "零一二三四五六七八九"


def ordinal(n: int) -> str:
    """第十二 for 12, up to 99."""
    tens, ones = divmod(n, 10)
    text = ("" if tens <= 1 else _DIGITS[tens]) + ("十" if tens else "") + (_DIGITS[ones] if ones or not tens else "")
    return "第" + text


def town(area: Area, n: int) -> str:
    """The n-th town of an area (from 0): 示例镇, 示例甲镇 … the last third are 乡; the zone has 街道."""
    kind = "街道" if area.code == "341871" else "乡" if n * 3 >= area.towns * 2 else "镇"
    return "示例" + (_STEMS[n - 1] if n else "") + kind


def _numbered(plain: list[str], what: str, count: int) -> list[str]:
    """The plain names first, then 示例第一…, as many as are wanted."""
    fresh = [f"示例{ordinal(n)}{what}" for n in range(1, count + 1)]
    return [*plain, *(f for f in fresh if f not in plain)][:count]


def _bureaus(area: Area, count: int) -> list[str]:
    if area.code == "341871":
        return ["示例" + b for b in ZONE_BUREAUS[:count]]
    swap = {"341800SZ": {"县委办": "市委办", "生态环境分局": "生态环境局", "机关事务中心": "大楼"}}
    first = area.name[-1]
    words = swap.get(area.code, {"县委办": {"市": "市委办", "区": "区委办"}.get(first, "县委办")})
    here = [b for b in BUREAUS if area.name in ONLY_IN.get(b, (area.name,))]
    return ["示例" + words.get(b, b) for b in here[:count]]


def _clinics(area: Area, count: int) -> list[str]:
    first = {"341802": "示例中心卫生院", "341871": "示例社区卫生服务中心"}.get(area.code, "示例卫生院")
    return [first, *(town(area, n) + "卫生院" for n in range(1, count))][:count]


def _middle(area: Area, count: int) -> list[str]:
    rural = [town(area, n) + "初级中学" for n in range(1, min(area.towns, 1 + count // 2))]
    return _numbered(["示例中学", "示例初级中学", *rural], "初级中学", count)


def _primary(area: Area, count: int) -> list[str]:
    rural = [town(area, n) + "中心小学" for n in range(1, min(area.towns, 1 + round(count * 0.45)))]
    return _numbered(["示例中心小学", "示例小学", *rural], "小学", count)


_FIXED = {
    "hospital": ["示例医院", "示例第二医院", "示例第三医院"],
    "tcm": ["示例中医院"],
    "mch": ["示例妇幼保健院"],
    "cdc": ["示例疾控中心", "示例中心血站", "示例急救中心"],
    "college": ["示例学院", "示例职业技术学院", "示例开放大学"],
    "vocational": ["示例职业学校", "示例技工学校"],
    "special": ["示例特殊教育学校", "示例教师进修学校"],
    "culture": ["示例图书馆", "示例文化馆", "示例博物馆", "示例规划馆"],
    "sports": ["示例体育馆", "示例体育中心"],
    "science": ["示例农科所", "示例科技馆"],
    "social": ["示例总工会", "示例妇联", "示例科协"],
}


def names(area: Area, kind: str, count: int) -> list[str]:
    """What the ``count`` bodies of a kind are called in an area, without the area's name; the first is the plainest."""
    if kind == "bureau":
        return _bureaus(area, count)
    if kind == "town":
        return [town(area, n) + ("办事处" if "街道" in town(area, n) else "政府") for n in range(count)]
    if kind == "clinic":
        return _clinics(area, count)
    if kind == "middle":
        return _middle(area, count)
    if kind == "primary":
        return _primary(area, count)
    if kind == "high":
        return _numbered([], "中学", count)
    if kind == "kindergarten":
        return _numbered(["示例幼儿园"], "幼儿园", count)
    if kind == "other":
        return ["示例" + o for o in OTHERS[:count]]
    return _FIXED[kind][:count]


def department(area: Area, kind: str, name: str) -> str:
    """To whom a body of this kind reports inside its area; "" for one that reports straight to the area's office."""
    if kind == "bureau" or (kind == "science" and area.code == "341871"):
        return ""
    if area.code == "341871":
        return "经开区示例管委会"
    chief = KINDS[kind].department
    if kind == "other":
        chief = _OTHER_DEPARTMENT.get(name.removeprefix("示例"), "政府办")
    if kind == "science":
        chief = "科技经信局" if "科技" in name else "农业农村局"
    return f"{area.name}示例{chief}" if chief else ""


def rural(kind: str, name: str) -> bool:
    """Whether a school lies in a village town (smaller, cooks with bottled gas)."""
    return kind == "primary" and (name.startswith("示例中心小学") or "镇" in name or "乡" in name)


def slots() -> Iterator[tuple[Area, str, str]]:
    """Every body in scope as (area, kind, name with the area's name), in order."""
    for at, area in enumerate(AREAS):
        for kind, counts in COUNTS.items():
            for name in names(area, kind, counts[at]):
                yield area, kind, area.name + name
