"""What the national platform is made to hold of two counties in 2022: a few dozen cells unlike ours, fewer in the second export.

The form of the platform's export is not public; this one is a sample. Nothing here knows how differences are found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from .dice import Dice
from .items import AT
from .rows import Cell, Row
from .sheets import wide

AREAS = ("341823", "341824")
LAYOUT = "platform-export"
FILES = ("国家平台导出-2022年度-0310.xlsx", "国家平台2022年度汇总-最终版(2).xlsx")
_MISTAKES = (("electricity_kwh", 10), ("water_m3", 10), ("electricity_kwh", 0.1), ("water_m3", 2), ("people", 2), ("electricity_kwh", 1.1))
_SHARE, _MENDED = 0.014, 0.55


def _held(rows: Iterable[Row], second: bool, seed: int) -> Iterator[Row]:
    """Our rows as the platform holds them. What it holds otherwise is drawn per row; some of it is mended by the second export."""
    for row in rows:
        dice, cells = Dice("platform", seed, row.code, row.month), list(row.cells)
        wrong, (item, factor), mended = dice.chance(_SHARE), dice.pick(_MISTAKES), dice.chance(_MENDED)
        value = cells[AT[item]]
        if wrong and not (second and mended) and isinstance(value, int) and value > 0:
            cells[AT[item]] = max(1, round(value * factor))
        yield Row(row.body, row.code, row.year, row.month, cells)


def _lead(row: Row) -> list[Cell]:
    return [f"{row.year}年{row.month}月", row.body.name, row.code, "已上报"]


def write_platform(folder: Path, rows: Iterable[Row], seed: int) -> list[Path]:
    """Two exports ten days apart, the same table each time."""
    kept, paths = list(rows), []
    for second, name in enumerate(FILES):
        path = folder / name
        wide(path, _held(kept, bool(second), seed), title="国家平台 2022 年度能源资源消费汇总（示例）", lead=("统计期", "单位名称", "统一社会信用代码", "填报状态"),
             leads=_lead, head=lambda i: f"{i.number} {i.label}（{i.unit}）".strip(), by_sheet=lambda r: "汇总", header=3)
        paths.append(path)
    return paths
