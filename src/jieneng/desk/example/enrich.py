"""What an office would have done to the example city's register by hand: townships, where closed bodies went, people to call, papers.

Everything through the verbs of the register, so that each has its event; made up, and named 示例.
"""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

from jieneng.people.models import Office, User
from jieneng.registry import changes, contacts, offices, vouchers
from jieneng.registry.contacts import Person
from jieneng.registry.models import Institution, Standing
from jieneng.registry.planning import Line

PAPER = "示例编办〔2021〕{n}号（样例）"
TOWNS = (("341802", "341802100", "宣州区示例镇"), ("341823", "341823100", "泾县示例镇"), ("341823", "341823201", "泾县示例乡"), ("341824", "341824100", "绩溪县示例镇"))
WENT = (("宣州区示例联办小学", "宣州区示例中心小学"), ("泾县示例联办幼儿园", "泾县示例幼儿园"))
CAME = (("泾县示例第九幼儿园", "泾县示例幼儿园"),)
PEOPLE = (("宣州区示例中心小学", "示例甲", "副校长", "0563-3020011", "示例乙", "总务处"), ("泾县示例中学", "示例丙", "副校长", "0563-5020011", "示例丁", "总务处"),
          ("市直示例学院", "示例戊", "副院长", "0563-3010011", "示例己", "后勤处"), ("郎溪县示例医院", "示例庚", "副院长", "0563-7020011", "示例辛", "总务科"))
PAPERS = (("宣州区示例中心小学", "electricity_bill", "电费清单"), ("宣州区示例中心小学", "water_bill", "水费发票"), ("宣州区示例中心小学", "property_paper", "不动产证"),
          ("宣州区示例中心小学", "pupil_roll", "学籍数证明"), ("泾县示例中学", "electricity_bill", "电费清单"), ("市直示例学院", "electricity_bill", "电费清单"),
          ("市直示例学院", "gas_bill", "燃气账单"), ("市直示例学院", "meter_map", "表计关系图"))


def _named(name: str) -> Institution | None:
    found = Standing.objects.filter(name=name).select_related("institution").order_by("-since").first()
    return found.institution if found else None


def _paper(title: str, name: str, year: int) -> bytes:
    """A small PDF that says what it stands for: made-up papers have no contents."""
    text = f"{year} {title} {name}".encode("utf-16-be").hex().upper()
    return (f"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n"
            f"4 0 obj<</Title<FEFF{text}>>>endobj\ntrailer<</Root 1 0 R/Info 4 0 R>>\n%%EOF\n").encode("ascii")


def _towns(who: User) -> None:
    for n, (area, code, name) in enumerate(TOWNS, 1):
        parent = Office.objects.filter(code=area).first()
        if parent is not None and not Office.objects.filter(code=code).exists():
            offices.add(who, parent, code, name, "township", dt.date(2020, 1, 1), "乡镇设能源资源统计点（样例）", PAPER.format(n=n))


def _links(who: User) -> None:
    """Where the closed ones went, and what the new one was split from: the files of the register do not say it."""
    lines = []
    day = dt.date(2022, 1, 1)
    for n, (name, other) in enumerate((*WENT, *CAME), 41):
        a, b = _named(name), _named(other)
        if a is not None and b is not None:
            lines.append(Line("into" if (name, other) in WENT else "from", a.key, day, "撤并到中心校" if (name, other) in WENT else "从本部分设", PAPER.format(n=n), other=b.key))
    for line in lines:
        changes.apply(who, [line])


def enrich(who: User) -> dict[str, Any]:
    """All of it, once the register and its changes have been imported. What the register does not have is left out."""
    _towns(who)
    _links(who)
    for name, leader, post, phone, head, section in PEOPLE:
        if (found := _named(name)) is not None:
            contacts.set_contact(who, found, Person("leader", leader, post, phone), dt.date(2021, 3, 1))
            contacts.set_contact(who, found, Person("statistics", head, section, phone), dt.date(2022, 9, 1))
    done = 0
    for name, kind, title in PAPERS:
        if (found := _named(name)) is not None:
            vouchers.add(who, found, 2022, kind, io.BytesIO(_paper(title, name, 2022)), f"2022年{title}（样例）.pdf", f"{title}（样例）")
            done += 1
    return {"papers": done}
