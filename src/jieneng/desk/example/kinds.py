"""What kinds of bodies there are and how big they are: people, floor, power, water, gas and cars, by kind.

Sizes follow what is seen in such places (design notes of reality, section 5, and the class averages published by Guangdong
for 2021): a village-town primary uses 5 to 15 tce a year, a middle school of 900 about 45 tce and 40 to 50 m³ of water
a person and has no car; hospitals are the big ones; coal and district heat are nearly gone.
"""

from __future__ import annotations

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True)
class Kind:
    """A kind of body. ``people`` and ``area`` as ranges: for ``by == "people"`` the floor is given per person, for
    ``by == "area"`` people are given as floor per person; power is given per person or per m² accordingly.

    ``gas``: share of the bodies that have it, then m³ per person (or m²). ``cars``: petrol, diesel, new-energy, each a
    range. ``other``: share of bodies that burn bottled gas or wood, then kgce per person. ``shape``: the year's course.
    """

    type: str
    department: str
    shape: str
    by: str
    size: tuple[float, float, float]
    each: Range
    power: Range
    water: Range
    gas: tuple[float, float, float]
    staff: Range
    price: Range
    cars: tuple[Range, Range, Range] = ((0, 0), (0, 0), (0, 0))
    litres: tuple[Range, Range] = ((780, 1330), (1200, 2500))
    other: tuple[float, float, float] = (0, 0, 0)
    land: Range = (1.4, 2.4)


_SCHOOL = (0.565, 0.595)
_OFFICE = (0.62, 0.70)

KINDS: dict[str, Kind] = {
    "bureau": Kind("organ", "", "office", "area", (900, 5200, 1.5), (26, 42), (60, 99), (24, 42), (0.35, 30, 62),
                   (0.55, 0.85), _OFFICE, ((2, 8), (0, 0.8), (0, 1.6)), land=(0.5, 1.5)),
    "town": Kind("organ", "政府办", "office", "area", (1800, 4900, 1.2), (30, 44), (36, 60), (24, 40), (0.1, 20, 40),
                 (0.6, 0.85), _OFFICE, ((3, 7), (0, 1.2), (0, 1.2)), other=(0.75, 12, 36)),
    "hospital": Kind("health", "卫健委", "hospital", "area", (24000, 62000, 1.2), (28, 36), (96, 136), (46, 64),
                     (1.0, 3.2, 5.2), (0.5, 0.62), (0.63, 0.69), ((2, 6), (1, 4), (0, 2)), land=(0.5, 1.1)),
    "tcm": Kind("health", "卫健委", "hospital", "area", (14000, 29000, 1.2), (30, 42), (82, 116), (52, 76),
                (0.9, 2.2, 3.8), (0.5, 0.62), (0.63, 0.69), ((1, 4), (1, 4), (0, 1)), land=(0.5, 1.1)),
    "mch": Kind("health", "卫健委", "hospital", "area", (5200, 13000, 1.2), (30, 42), (74, 110), (48, 70),
                (0.7, 1.0, 2.2), (0.5, 0.65), (0.63, 0.70), ((1, 3), (0, 2), (0, 1)), land=(0.5, 1.1)),
    "clinic": Kind("health", "卫健委", "hospital", "area", (1700, 6400, 1.3), (36, 54), (38, 60), (36, 58),
                   (0.15, 0.5, 1.2), (0.5, 0.7), (0.65, 0.75), ((0, 2), (0, 1.6), (0, 0)), ((600, 1100), (900, 1800))),
    "cdc": Kind("health", "卫健委", "hospital", "area", (2200, 8200, 1.3), (34, 56), (58, 94), (30, 52),
                (0.2, 0.3, 0.8), (0.6, 0.8), (0.65, 0.72), ((2, 6), (0, 3), (0, 1))),
    "college": Kind("education", "教体局", "school", "people", (5200, 9400, 1), (19, 25), (580, 840), (35, 46),
                    (1.0, 14, 22), (0.055, 0.075), _SCHOOL, ((4, 10), (1, 3), (0, 3)), land=(1.6, 3)),
    "vocational": Kind("education", "教体局", "school", "people", (1500, 3600, 1), (13, 17), (300, 460), (28, 38),
                       (0.8, 8, 15), (0.06, 0.08), _SCHOOL, ((1, 4), (0, 1), (0, 0)), land=(1.8, 3)),
    "high": Kind("education", "教体局", "school", "people", (1550, 3300, 1), (12.5, 17), (390, 600), (34, 44),
                 (0.85, 8, 16), (0.065, 0.085), _SCHOOL, ((0, 2), (0, 0), (0, 0)), land=(2, 3.2)),
    "middle": Kind("education", "教体局", "school", "people", (420, 1600, 1.1), (9, 13), (270, 420), (40, 49),
                   (0.55, 6, 12), (0.075, 0.1), _SCHOOL, other=(0.7, 3, 9), land=(2, 3.5)),
    "primary": Kind("education", "教体局", "school", "people", (620, 2200, 1.1), (6, 8.4), (136, 236), (7, 12),
                    (0.5, 1.4, 4), (0.045, 0.06), _SCHOOL, land=(2, 3.5)),
    "village": Kind("education", "教体局", "school", "people", (340, 650, 1.1), (8, 12), (112, 170), (8, 14),
                    (0, 0, 0), (0.06, 0.085), _SCHOOL, other=(0.8, 1.5, 4.5), land=(2.2, 4)),
    "kindergarten": Kind("education", "教体局", "school", "people", (180, 520, 1.1), (7.5, 10.5), (150, 260), (10, 16),
                         (0.4, 1.6, 4), (0.07, 0.12), _SCHOOL, other=(0.3, 1.5, 4), land=(1.6, 2.6)),
    "special": Kind("education", "教体局", "school", "people", (60, 230, 1), (15, 26), (280, 560), (18, 34),
                    (0.4, 4, 10), (0.3, 0.45), _SCHOOL, ((0, 2), (0, 0), (0, 0))),
    "culture": Kind("culture", "文旅局", "venue", "area", (2100, 14500, 1.5), (18, 36), (44, 84), (9, 15),
                    (0.1, 0.2, 0.6), (0.08, 0.2), _OFFICE, ((0, 2), (0, 1), (0, 0))),
    "sports": Kind("sports", "教体局", "venue", "area", (8200, 25500, 1.3), (34, 60), (26, 48), (10, 16),
                   (0.1, 0.2, 0.5), (0.06, 0.15), _OFFICE, ((0, 2), (0, 1), (0, 0)), land=(1.5, 4)),
    "science": Kind("science", "科技经信局", "office", "area", (1500, 6200, 1.3), (36, 60), (36, 66), (24, 40),
                    (0.1, 0.3, 0.8), (0.6, 0.85), _OFFICE, ((0, 3), (0, 2), (0, 0))),
    "social": Kind("social_group", "", "office", "area", (260, 1250, 1.2), (24, 40), (40, 72), (22, 38),
                   (0, 0, 0), (0.6, 0.9), _OFFICE, ((0, 2), (0, 0), (0, 1)), land=(0.3, 0.8)),
    "other": Kind("other_service", "", "office", "area", (420, 3900, 1.4), (24, 44), (48, 94), (24, 44),
                  (0.2, 18, 45), (0.5, 0.85), _OFFICE, ((0, 5), (0, 1.6), (0, 2)), other=(0.1, 4, 12)),
}
"""``village`` is the primary of a village town. (``primary`` becomes ``village`` where the name says so.)"""

GIANTS: dict[str, dict[str, float]] = {
    "市直示例医院": {"area": 146000, "people": 5240, "power": 158, "gas": 7.2},
    "市直示例第二医院": {"area": 92000, "people": 3180, "power": 132, "gas": 5.6},
    "市直示例第三医院": {"area": 61000, "people": 1960, "power": 118, "gas": 4.4},
    "市直示例学院": {"area": 86400, "people": 7210, "power": 640, "gas": 18},
    "市直示例大楼": {"area": 42600, "people": 1860, "power": 27.6, "gas": 40},
    "宁国市示例医院": {"area": 24800, "people": 742, "power": 101, "gas": 3.6},
    "宁国市示例中心小学": {"area": 5260, "people": 598, "power": 92, "gas": 4.4},
    "广德市示例政务中心": {"area": 16800, "people": 460, "power": 58},
    "广德市示例便民中心": {"area": 9800, "people": 240, "power": 60},
    "广德市示例镇政府": {"area": 4900, "people": 124, "power": 62},
    "广德市示例文化馆": {"area": 8600, "people": 310, "power": 66},
    "郎溪县示例医院": {"area": 24600, "people": 612},
    "旌德县示例中医院": {"area": 18460, "people": 318},
    "宣州区示例中心小学": {"area": 4860, "people": 486, "staff": 34},
    "宣州区示例中学": {"area": 11240, "people": 962},
    "宣州区示例初级中学": {"area": 8120, "people": 628},
    "绩溪县示例镇政府": {"area": 3120, "people": 86},
    "宁国市示例乡镇站所": {"area": 1260, "people": 24},
    "广德市示例职业学校": {"area": 38200, "people": 2640},
    "泾县示例中学": {"area": 11380, "people": 894, "water": 45.4},
}
"""Bodies that the product's pictures show by name, with the sizes shown there. ``power`` and ``gas`` per m² or person."""

# the year's course of power by shape, January first (made equal to twelve when used)
COURSES: dict[str, tuple[float, ...]] = {
    "school": (0.80, 0.24, 0.98, 0.86, 1.00, 1.22, 0.26, 0.30, 1.24, 0.95, 1.05, 1.30),
    "hospital": (1.06, 0.96, 0.92, 0.86, 0.95, 1.08, 1.28, 1.28, 1.08, 0.88, 0.87, 1.02),
    "office": (1.12, 0.94, 0.88, 0.76, 0.84, 1.04, 1.36, 1.36, 1.04, 0.76, 0.80, 1.14),
    "venue": (1.00, 0.90, 0.86, 0.82, 0.92, 1.08, 1.40, 1.42, 1.02, 0.86, 0.82, 0.96),
}
WATER: dict[str, tuple[float, ...]] = {
    "school": (0.70, 0.22, 1.02, 1.05, 1.18, 1.25, 0.30, 0.32, 1.28, 1.15, 1.02, 0.95),
    "hospital": (0.94, 0.90, 0.94, 0.96, 1.00, 1.05, 1.12, 1.12, 1.06, 1.00, 0.96, 0.95),
    "office": (0.88, 0.84, 0.94, 0.98, 1.04, 1.10, 1.16, 1.16, 1.06, 0.98, 0.94, 0.92),
    "venue": (0.88, 0.86, 0.94, 0.98, 1.04, 1.08, 1.20, 1.20, 1.02, 0.98, 0.92, 0.90),
}
GAS: dict[str, tuple[float, ...]] = {
    "school": (0.75, 0.20, 1.10, 1.05, 1.05, 1.00, 0.18, 0.22, 1.15, 1.10, 1.20, 1.35),
    "hospital": (1.55, 1.40, 1.10, 0.90, 0.75, 0.65, 0.60, 0.60, 0.70, 0.85, 1.15, 1.50),
    "office": (1.15, 0.85, 1.05, 1.00, 1.00, 0.95, 0.90, 0.90, 1.00, 0.95, 1.05, 1.20),
    "venue": (1.15, 0.85, 1.05, 1.00, 1.00, 0.95, 0.90, 0.90, 1.00, 0.95, 1.05, 1.20),
}

# what befell the years, as factors by shape: closed schools in the spring of 2020, on-line lessons in April 2022,
# fewer patients in early 2020, the hot summer of 2022
EVENTS: dict[tuple[str, int], dict[int, float]] = {
    ("school", 2020): {2: 0.5, 3: 0.42, 4: 0.72, 5: 0.96, 7: 1.9, 8: 1.4},
    ("school", 2022): {4: 0.86, 5: 0.96, 6: 1.05, 9: 1.08, 12: 0.9},
    ("hospital", 2020): {2: 0.82, 3: 0.86, 4: 0.94},
    ("hospital", 2022): {4: 0.97, 7: 1.08, 8: 1.1, 12: 1.05},
    ("office", 2020): {2: 0.68, 3: 0.86},
    ("office", 2022): {4: 0.95, 7: 1.1, 8: 1.13, 12: 0.96},
    ("venue", 2020): {2: 0.35, 3: 0.4, 4: 0.72},
    ("venue", 2022): {3: 0.8, 4: 0.55, 5: 0.85, 7: 1.06, 8: 1.08, 12: 0.85},
}
TREND: dict[str, dict[int, float]] = {
    "school": {2020: 1.055, 2021: 0.98, 2022: 1.0},
    "hospital": {2020: 1.05, 2021: 1.008, 2022: 1.0},
    "office": {2020: 1.07, 2021: 1.017, 2022: 1.0},
    "venue": {2020: 1.13, 2021: 1.03, 2022: 1.0},
}

PETROL_YUAN = {
    2020: (6.92, 6.60, 5.62, 5.42, 5.42, 5.46, 5.58, 5.66, 5.58, 5.56, 5.58, 5.80),
    2021: (6.10, 6.38, 6.70, 6.62, 6.72, 6.90, 7.10, 7.06, 7.02, 7.32, 7.44, 7.02),
    2022: (7.20, 7.62, 8.32, 8.42, 8.62, 9.02, 8.62, 8.22, 8.12, 8.02, 8.22, 7.82),
}
"""Yuan a litre, sample: near what pumps showed. Diesel is taken 0.35 below."""
