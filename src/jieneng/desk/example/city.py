"""The bodies of the example city and what befell them: who they are, from when to when, who reports for whom."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .codes import credit_code
from .dice import Dice
from .kinds import KINDS
from .places import AREAS, BY_CODE, IN_ZONE, SENSITIVE, Area, department, rural, slots

FIRST_DAY = "2020-01-01"
YEARS = (2020, 2021, 2022)
CONTACTS = {
    "宣州区示例中心小学": ("张海燕", "总务处"), "宣州区示例中学": ("李慧", "总务处"), "市直示例学院": ("陈明", "后勤处"),
    "市直示例大楼": ("赵雷", "物业科"), "郎溪县示例医院": ("王秀英", "总务科"), "绩溪县示例镇政府": ("胡军", "党政办"),
    "广德市示例职业学校": ("邱伟", "总务处"), "旌德县示例中医院": ("洪敏", "总务科"), "泾县示例镇政府": ("吴志强", "党政办"),
    "泾县示例中学": ("方静", "总务处"), "宁国市示例小学": ("汪洋", "总务处"), "宣州区示例文化馆": ("何雅", "办公室"),
}  # fmt: skip
"""Names of liaison officers are made up; few bodies have one here, as in a register that is being filled."""


@dataclass(frozen=True)
class Body:
    """One body. ``kind`` "" for those that do not report themselves (代报, 垂直管理)."""

    code: str
    name: str
    area: str
    kind: str
    type: str
    department: str
    territory: str
    platform: str
    since: str = FIRST_DAY
    in_scope: bool = True
    covered_by: str = ""
    sensitive: bool = False
    reason: str = ""
    document: str = ""
    contact: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class Change:
    """From ``body.since`` on: the body as it then is."""

    year: int
    body: Body


@dataclass
class City:
    """``base``: the register on 2020-01-01; ``changes``: later standings, by day; ``reporting``: codes by year."""

    base: list[Body]
    changes: list[Change]
    reporting: dict[int, list[Body]] = field(default_factory=dict)

    @property
    def bodies(self) -> dict[str, Body]:
        """Every body that reports in some year, by code, as it stood in the last of them."""
        return {b.code: b for year in YEARS for b in self.reporting[year]}

    def named(self, name: str) -> Body:
        """The reporting body of a name (its name of 2022). Raises ``KeyError``."""
        for body in self.reporting[YEARS[-1]]:
            if body.name == name:
                return body
        raise KeyError(name)


class _Registrar:
    """Gives out codes and platform ids, each once."""

    def __init__(self, seed: int) -> None:
        self.dice = Dice(seed, "codes")
        self.used: set[str] = set()
        self.serial: dict[str, int] = {}

    def code(self, kind_of_code: str, division: str) -> str:
        while True:
            head = "9A" if self.dice.chance(0.12) else "99"
            body = head + f"{self.dice.whole(0, 999999):06d}"
            if body not in self.used:
                self.used.add(body)
                return credit_code(kind_of_code, division, body)

    def platform(self, area: Area) -> str:
        self.serial[area.code] = self.serial.get(area.code, 0) + 1
        return f"{area.digits}{self.serial[area.code]:06d}"


def _division(area: Area, dice: Dice) -> str:
    """The division in a code: mostly the place's own; a few bear an older or a neighbour's (information, no error)."""
    if dice.chance(0.02):
        return dice.pick(("341700", "341801", "342500"))
    return {"341800SZ": "341800", "341871": "341800"}.get(area.code, area.code)


def _contact(name: str, area: Area, dice: Dice) -> tuple[str, str, str] | None:
    if name not in CONTACTS:
        return None
    person, office = CONTACTS[name]
    return person, office, f"{area.phone}{dice.whole(0, 99):02d}{dice.whole(0, 99):02d}"


def _reporting(seed: int, clerk: _Registrar) -> list[Body]:
    """The 1,130 bodies of 2022."""
    found = []
    for area, kind, name in slots():
        dice = Dice(seed, "register", name)
        bare = name.removeprefix(area.name)
        profile = KINDS[kind]
        territory = "341871" if area.code == "341800SZ" and bare in IN_ZONE else area.lies_in
        sort = {"organ": "11", "social_group": "13"}.get(profile.type, "12")
        found.append(Body(
            clerk.code(sort, _division(area, dice)), name, area.code, "village" if rural(kind, bare) else kind,
            profile.type, department(area, kind, bare), territory, clerk.platform(area),
            sensitive=kind == "bureau" and bare.removeprefix("示例") in SENSITIVE,
            contact=_contact(name, area, dice)))  # fmt: skip
    return found


_SMALL = ("村小（甲）", "村小（乙）", "教学点", "村小（丙）", "村小（丁）", "村小（戊）", "教学点（乙）")


def _covered(bodies: list[Body], clerk: _Registrar) -> list[Body]:
    """Village schools and teaching points inside their central school (21), town stations inside their town (17)."""
    found = []
    schools = [b for b in bodies if b.kind == "village" and "小学" in b.name]
    wanted = {"宣州区": 7, "郎溪县": 3, "泾县": 4, "绩溪县": 1, "旌德县": 1, "宁国市": 2, "广德市": 3}
    for area in AREAS:
        host = [b for b in schools if b.area == area.code]
        for n in range(wanted.get(area.name, 0)):
            inside = host[0] if n < 4 else host[1 + n % (len(host) - 1)]
            found.append(Body(clerk.code("12", area.code), f"{area.name}示例{_SMALL[n]}", area.code, "", "education",
                              inside.department, area.lies_in, clerk.platform(area), covered_by=inside.code,
                              reason="由中心校代报"))  # fmt: skip
    towns = [b for b in bodies if b.kind == "town" and b.area != "341871"]
    for n in range(17):
        inside = towns[(n * 5) % len(towns)]
        area = BY_CODE[inside.area]
        where = inside.name.removesuffix("政府")
        what = ("农技站", "水利站", "文化站", "林业站")[n % 4]
        found.append(Body(clerk.code("12", area.code), where + what, area.code, "", "other_service", inside.department,
                          area.lies_in, clerk.platform(area), covered_by=inside.code, reason="由镇政府代报"))  # fmt: skip
    return found


def _vertical(clerk: _Registrar) -> list[Body]:
    """Customs, tax and the like: they report up their own line, and lie here: 21 bodies that the city does not count."""
    city = AREAS[0]
    found = []

    def add(name: str, line: str, territory: str) -> None:
        found.append(Body(clerk.code("11", "341800"), name, city.code, "", "organ", line, territory, clerk.platform(city),
                          in_scope=False, reason="垂直管理，报本系统，本市不计"))  # fmt: skip

    add("市直示例海关", "海关系统（垂直管理）", "341802")
    for area in AREAS[1:]:
        add(f"{area.name}示例税务分局", "税务系统（垂直管理）", area.lies_in)
        if area.code != "341871":
            add(f"{area.name}示例气象局", "气象系统（垂直管理）", area.lies_in)
    for name in ("消防救援支队", "地震监测站", "人民银行分行", "统计调查队", "邮政管理局"):
        add(f"市直示例{name}", "其他垂直管理", "341802")
    return found


_OPENED_2021 = ("宣州区示例第四十七小学", "广德市示例第十六幼儿园", "宁国市示例就业服务中心", "泾县示例福利院", "郎溪县示例社保中心")
_OPENED_2022 = ("宣州区示例第四十六小学", "泾县示例第九幼儿园", "宁国市示例救助站")
_CLOSED_2021 = (("宣州区示例村完小", "village"), ("广德市示例旧址幼儿园", "kindergarten"))
_CLOSED_2022 = (("宣州区示例联办小学", "primary"), ("泾县示例联办幼儿园", "kindergarten"), ("宁国市示例收容服务站", "other"))


def _paper(year: int, n: int, what: str) -> str:
    return f"{what}〔{year}〕{n}号（样例）"


def build_city(seed: int) -> City:
    """The whole register. 1,130 bodies report in 2021 and in 2022, 1,127 in 2020."""
    clerk = _Registrar(seed)
    now = _reporting(seed, clerk)
    by_name = {b.name: b for b in now}
    opened: dict[str, int] = {}
    for year, opening in ((2021, _OPENED_2021), (2022, _OPENED_2022)):
        opened.update({by_name[n].name: year for n in opening})
    base = [b for b in now if b.name not in opened]
    changes: list[Change] = []
    gone: dict[str, int] = {}
    for year, closing in ((2021, _CLOSED_2021), (2022, _CLOSED_2022)):
        for n, (name, kind) in enumerate(closing, 1):
            area = next(a for a in AREAS if name.startswith(a.name))
            profile = KINDS[kind]
            old = Body(clerk.code("12", area.code), name, area.code, kind, profile.type,
                       department(area, kind, name.removeprefix(area.name)), area.lies_in, clerk.platform(area))  # fmt: skip
            base.append(old)
            gone[old.code] = year
            changes.append(Change(year, replace(old, since=f"{year}-01-01", in_scope=False, reason="撤并，不再填报",
                                                document=_paper(year - 1, 40 + n, "示例编办"))))  # fmt: skip
    for name, year in opened.items():
        new = replace(by_name[name], since=f"{year}-01-01", reason="新设立", document=_paper(year - 1, 60, "示例编办"))
        changes.append(Change(year, new))
    base += (covered := _covered(now, clerk)) + _vertical(clerk)
    changes += _renames(base, by_name, covered)
    base = _before_renames(base)
    changes.sort(key=lambda c: (c.year, c.body.since, c.body.code))
    city = City(base, changes)
    order = {b.code: n for n, b in enumerate(now)}
    everyone = [*now, *(b for b in base if b.code in gone)]
    everyone.sort(key=lambda b: (tuple(BY_CODE).index(b.area), order.get(b.code, len(order))))
    for year in YEARS:
        city.reporting[year] = [
            b for b in everyone if opened.get(b.name, 0) <= year and year < gone.get(b.code, 9999)
        ]  # fmt: skip
    return city


_FORMER = {
    "宣州区示例中心小学": ("宣州区示例镇小学", "2020-06-01"),
    "广德市示例便民中心": ("广德市示例行政服务大厅", "2021-04-01"),
    "泾县示例文化馆": ("泾县示例群众艺术馆", "2021-09-01"),
    "宁国市示例数据资源局": ("宁国市示例信息化办公室", "2022-03-01"),
    "郎溪县示例第二中学": ("郎溪县示例完全中学", "2022-09-01"),
}
"""Names that changed: what the body was called before the day."""
_MOVED = {"旌德县示例图书馆": ("教体局", "2021-07-01"), "绩溪县示例公路中心": ("住建局", "2022-05-01")}
"""Bodies that changed their department: the former one, and the day of the change."""


def _before_renames(base: list[Body]) -> list[Body]:
    """The base register with the names and departments that held on its day."""
    found = []
    for body in base:
        if body.name in _FORMER:
            body = replace(body, name=_FORMER[body.name][0])
        elif body.name in _MOVED:
            area = BY_CODE[body.area]
            body = replace(body, department=f"{area.name}示例{_MOVED[body.name][0]}")
        found.append(body)
    return found


def _renames(base: list[Body], by_name: dict[str, Body], covered: list[Body]) -> list[Change]:
    """Changes inside a year: new names and departments, a village school handed over, a teaching point given up."""
    found = []
    here = {b.name for b in base}
    for n, (name, (_, day)) in enumerate(_FORMER.items(), 1):
        if name in here:
            found.append(Change(int(day[:4]), replace(by_name[name], since=day, reason="更名", contact=None,
                                                      document=_paper(int(day[:4]), 10 + n, "示例编办"))))  # fmt: skip
    for n, (name, (_, day)) in enumerate(_MOVED.items(), 1):
        if name in here:
            found.append(Change(int(day[:4]), replace(by_name[name], since=day, reason="主管部门调整", contact=None,
                                                      document=_paper(int(day[:4]), 20 + n, "示例编办"))))  # fmt: skip
    hosts = [b for b in by_name.values() if b.area == "341802" and b.kind == "village"]
    handed = next(b for b in covered if b.name == "宣州区示例村小（丙）")
    given_up = next(b for b in covered if b.name == "宣州区示例教学点")
    found.append(Change(2021, replace(handed, since="2021-09-01", covered_by=hosts[4].code, reason="划出给邻镇中心小学",
                                      document=_paper(2021, 31, "示例教体"))))  # fmt: skip
    found.append(Change(2022, replace(given_up, since="2022-08-01", covered_by="", in_scope=False,
                                      reason="教学点撤并，学生并入本部", document=_paper(2022, 32, "示例教体"))))  # fmt: skip
    return found


