"""The people every test knows by name, and the small city they work in.

周敏 city office · 汪立 county office of 泾县 (341823) · 陈刚 教育局 of 泾县 · 王秀英 reporter of 示例第一小学 · 李慧 reporter of another
school · 何平 county office of 绩溪县 (a neighbour) · 孙查 auditor · 赵系 system administrator · 钱安 security administrator ·
吴省 province · 林检 inspector of 泾县 · 郑考 assessor · 路人 has an account and no role · 旧人 left last year.
"""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

from jieneng.people.models import Appointment, Office, User
from jieneng.records.events import action, record
from jieneng.registry.actions import initials
from jieneng.registry.models import Institution, Standing

PASSWORD = "long-enough-for-tests-2022"
ROOT = "341800"
JINGXIAN, JIXI, CITY_LINE = "341823", "341824", "341800SZ"
SCHOOL_ONE, SCHOOL_TWO, HOSPITAL, JIXI_SCHOOL = (
    "12341823MB0000018A", "12341823MB0000026X", "12341800MB0000034T", "12341824MB0000042P")
PEOPLE: dict[str, tuple[str, str, str, str]] = {
    # username: (name, role, office code or "", institution key or "")
    "zhoumin": ("周敏", "city", ROOT, ""),
    "wangli": ("汪立", "county", JINGXIAN, ""),
    "chengang": ("陈刚", "department", "341823-jyj", ""),
    "wangxiuying": ("王秀英", "reporter", "", SCHOOL_ONE),
    "lihui": ("李慧", "reporter", "", SCHOOL_TWO),
    "heping": ("何平", "county", JIXI, ""),
    "suncha": ("孙查", "auditor", ROOT, ""),
    "zhaoxi": ("赵系", "system_admin", ROOT, ""),
    "qianan": ("钱安", "security_admin", ROOT, ""),
    "wusheng": ("吴省", "province", ROOT, ""),
    "linjian": ("林检", "inspector", JINGXIAN, ""),
    "zhengkao": ("郑考", "assessor", ROOT, ""),
    "luren": ("路人", "", "", ""),
    "jiuren": ("旧人", "county", JINGXIAN, ""),
}


def make_home(home: Path, book: str = "cn") -> None:
    """The files of a workspace, without its database."""
    (home / "workspace.json").write_text(json.dumps({"book": book}), encoding="utf-8")
    for sub in ("received", "snapshots", "layouts", "logs"):
        (home / sub).mkdir(exist_ok=True)


def make_offices() -> dict[str, Office]:
    """The city, three areas and one department."""
    root = Office.objects.create(code=ROOT, name="宣城市", kind="city", path=f"/{ROOT}/", area=ROOT)
    offices = {ROOT: root}
    for code, name, kind in ((JINGXIAN, "泾县", "county"), (JIXI, "绩溪县", "county"), (CITY_LINE, "市直", "direct")):
        offices[code] = Office.objects.create(code=code, name=name, kind=kind, parent=root, path=f"/{ROOT}/{code}/", area=code)
    county = offices[JINGXIAN]
    offices["341823-jyj"] = Office.objects.create(
        code="341823-jyj", name="教育局", kind="department", parent=county, path=f"{county.path}341823-jyj/", area=JINGXIAN)
    return offices


def make_people() -> dict[str, User]:
    """Everybody above, each with the same password, appointed since 2020 (旧人 until last year)."""
    people = {}
    for username, (name, role, office, key) in PEOPLE.items():
        user = User.objects.create_user(username, PASSWORD, name=name)
        people[username] = user
        if role:
            Appointment.objects.create(
                user=user, role=role, office=Office.objects.get(code=office) if office else None, institution_key=key,
                since=dt.date(2020, 1, 1), until=dt.date(2021, 12, 31) if username == "jiuren" else None)
    return people


def make_institution(key: str, name: str, office: Office, *, type: str = "education", **more: Any) -> Institution:
    """One institution with a standing since 2019."""
    institution = Institution.objects.create(key=key)
    Standing.objects.create(
        institution=institution, since=dt.date(2019, 1, 1), name=name, initials=initials(name), office=office, area=office.area,
        department=office.name if office.kind == "department" else "", territory=office.area if office.area.isdigit() else "341802",
        type=type, **more)
    return institution


def make_city() -> dict[str, Any]:
    """Offices, people and four institutions in three lines."""
    offices = make_offices()
    people = make_people()
    institutions = {
        SCHOOL_ONE: make_institution(SCHOOL_ONE, "示例第一小学", offices["341823-jyj"]),
        SCHOOL_TWO: make_institution(SCHOOL_TWO, "示例第二小学", offices["341823-jyj"]),
        HOSPITAL: make_institution(HOSPITAL, "示例市医院", offices[CITY_LINE], type="health"),
        JIXI_SCHOOL: make_institution(JIXI_SCHOOL, "绩溪示例中学", offices[JIXI]),
    }
    with action():
        record(None, "workspace.init", "workspace", "test", line=f"/{ROOT}/")
    return {"offices": offices, "people": people, "institutions": institutions}
