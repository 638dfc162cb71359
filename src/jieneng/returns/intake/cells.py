"""Cells as numbers, texts, dates and periods. Nothing is guessed: what is not plainly one thing is a ``Fault``."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from jieneng.core.period import Period
from jieneng.core.words import T

from .grid import shown
from .layout import period_pattern

_PLAIN = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?")
_WIDE = str.maketrans(
    {
        **{chr(0xFF10 + d): str(d) for d in range(10)},
        "．": ".",
        "，": ",",
        "－": "-",
        "−": "-",
        "＋": "+",
        "Ｅ": "E",
        "ｅ": "e",
    }
)
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\u202a-\u202e\u2066-\u2069]")
_OUTER = re.compile("^[\\s\u200b\ufeff]+|[\\s\u200b\ufeff]+$")
_LOST = re.compile(r"\d(?:\.\d+)?E\+\d+", re.I)
_ASIAN = r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]"
_BREAK = re.compile(r"[ \t]*[\r\n]+[ \t]*")
PERIODS = ("YYYY", "YYYY年", "YYYY年度", "YYYY-M", "YYYY/M", "YYYY年M月", "YYYY年M月份", "YYYYMM", "date")
DATES = ("date", "YYYY-M-D", "YYYY/M/D", "YYYY年M月D日", "YYYY.M.D", "YYYYMMDD")
_TRUTHS = {
    **dict.fromkeys(("是", "true", "yes", "y", "1", "√", "纳入", "在统"), True),
    **dict.fromkeys(("否", "false", "no", "n", "0", "×", "不纳入"), False),
}


class Fault(Exception):
    """A cell that cannot be read as what it should be: code, what was found, what was expected, what to do."""

    def __init__(self, code: str, found: T, expected: T | None = None, do: T | None = None) -> None:
        self.code, self.found, self.expected, self.do = code, found, expected, do
        super().__init__(code)


def brief(text: str) -> str:
    """A text short enough for a message."""
    flat = " ".join(text.split())
    return flat if len(flat) <= 40 else flat[:39] + "…"


@lru_cache(maxsize=65536)
def norm(text: str) -> str:
    """A text for matching: width, case, spaces, line breaks and invisible characters do not count."""
    return "".join(_INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold().split())


def unguarded(text: str) -> str:
    """A text as it was before an export guarded it against being taken for a formula, or against losing its zeros."""
    if len(text) > 3 and text.startswith('="') and text.endswith('"') and '"' not in text[2:-1]:
        return text[2:-1]
    if len(text) > 1 and text[0] == "'" and text[1] in "=+-@\t\r\n＝＋－＠":
        return text[1:]
    return text


def text_of(cell: str) -> str:
    """A cell as one text, kept as it is but for outer spaces and line breaks (from wrapping), which are closed up.

    Raises Fault for errors, uncalculated formulas and NUL.
    """
    if not cell:
        return ""
    if cell[0] in "efu":
        raise _no_value(cell)
    text = unguarded(shown(cell).strip("\t\ufeff")) if cell[0] == "t" else shown(cell)
    return _join_lines(_OUTER.sub("", text))


def _join_lines(text: str) -> str:
    if "\n" not in text and "\r" not in text:
        return text
    text = re.sub(f"(?<={_ASIAN})[ \\t]*[\\r\\n]+[ \\t]*(?={_ASIAN})", "", text)
    return _BREAK.sub(" ", text)


def _no_value(cell: str) -> Fault:
    if cell[0] == "e":
        return Fault(
            "cell-error",
            T("单元格是错误值 {v}", "the cell is the error {v}", v=cell[1:]),
            do=T("改正公式后重新保存", "mend the formula and save again"),
        )
    if cell[0] == "f":
        return Fault(
            "formula-uncalculated",
            T("公式没有计算结果", "the formula has no calculated result"),
            do=T("用 WPS 或 Excel 打开，保存一次再交", "open it in WPS or Excel, save, and send it again"),
        )
    return Fault(
        "cell-nul",
        T("单元格里有 NUL 字符", "the cell has a NUL character"),
        do=T("重新键入这一格", "type the cell again"),
    )


def identifier(cell: str, scheme: str) -> str:
    """A code as text. Raises Fault where a spreadsheet has eaten digits."""
    text = _INVISIBLE.sub("", text_of(cell))
    eaten = Fault(
        "identifier-eaten",
        T(
            "单位代码“{v}”存成了数字，尾数已丢",
            "the code “{v}” was stored as a number and has lost digits",
            v=brief(text),
        ),
        T("文本格式的单元格", "a cell of text format"),
        T("从原系统重新导出，或按文本格式重新填", "export again, or type it as text"),
    )
    if cell[:1] == "n" and (abs(Decimal(cell[1:])) >= Decimal(10) ** 15 or Decimal(cell[1:]) != int(Decimal(cell[1:]))):
        raise eaten
    if cell[:1] in ("d", "h", "b"):
        raise Fault(
            "identifier-type",
            T("单位代码“{v}”成了日期或真假值", "the code “{v}” became a date or a truth value", v=brief(text)),
            do=T("按文本格式重新填", "type it as text"),
        )
    if cell[:1] == "n":
        text = str(int(Decimal(cell[1:])))
    elif _LOST.fullmatch(text):
        raise eaten
    if scheme == "uscc":
        text = unicodedata.normalize("NFKC", text).upper().replace(" ", "")
    if len(text) > 64:
        raise Fault("identifier-long", T("单位代码超过 64 个字", "the code is longer than 64 characters"))
    return text


def number(cell: str) -> Decimal:
    """A cell as an exact number. Raises Fault for words, dates, errors, odd grouping, percentages and units.

    The bound of records (10¹²) is looked at after conversion; here only what no unit could bring below it is refused.
    """
    if not cell or cell[0] in "efu":
        raise _no_value(cell or "u")
    kind, text = cell[0], cell[1:]
    if kind == "n":
        return _decimal(text, text)
    if kind == "d":
        raise Fault(
            "cell-date",
            T("“{v}”是日期格式", "“{v}” is formatted as a date", v=text),
            T("数", "a number"),
            T("把单元格改成数值格式", "give the cell a number format"),
        )
    if kind in "bh":
        raise Fault("cell-type", T("“{v}”不是数", "“{v}” is not a number", v=shown(cell)), T("数", "a number"))
    plain = _INVISIBLE.sub("", unguarded(text)).translate(_WIDE).strip()
    if _GROUPED.fullmatch(plain):
        return _decimal(plain.replace(",", ""), text)
    if _PLAIN.fullmatch(plain):
        return _decimal(plain, text)
    raise Fault(
        "cell-number",
        T("“{v}”看不出是多少，不猜", "“{v}” is not plainly a number; nothing is guessed", v=brief(text)),
        T("只有数字，如 1234.5；单位写在表头", "digits alone, like 1234.5; the unit stands in the header"),
        T("改成数字后重新导入这一行", "write digits and import the row again"),
    )


def _decimal(text: str, raw: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise Fault("cell-number", T("“{v}”不是数", "“{v}” is not a number", v=brief(raw))) from error
    if not value.is_finite() or (value and not -60 <= value.adjusted() <= 15) or len(text) > 80:
        raise magnitude(raw)
    return value


def magnitude(raw: str) -> Fault:
    """The refusal of a number beyond the bound of records."""
    return Fault(
        "magnitude",
        T("“{v}”太大或位数太多", "“{v}” is too large or has too many digits", v=brief(raw)),
        T("绝对值小于一万亿（10¹²）", "below 10¹² in magnitude"),
        T("核对单位和小数点", "check the unit and the decimal point"),
    )


def truth(cell: str) -> bool:
    """是/否 and the like. Raises Fault."""
    text = norm(text_of(cell))
    if text not in _TRUTHS:
        raise Fault("cell-truth", T("“{v}”不是“是”或“否”", "“{v}” is neither yes nor no", v=brief(text_of(cell))))
    return _TRUTHS[text]


def serial_date(number_: Decimal, date1904: bool) -> dt.date:
    """A spreadsheet's day number as a date. Raises Fault outside 1950–2150 and for the day 1900 never had."""
    days = int(number_)
    first = dt.date(1904, 1, 1) if date1904 else dt.date(1899, 12, 30)
    if not 15_000 <= days <= 92_000:
        raise Fault("cell-date", T("“{v}”不是日期序号", "“{v}” is no date number", v=str(number_)))
    return first + dt.timedelta(days=days)


@lru_cache(maxsize=256)
def _pattern(form: str) -> re.Pattern[str]:
    return re.compile(period_pattern("".join(form.split())).pattern, re.IGNORECASE)


def date(cell: str, formats: Sequence[str], date1904: bool) -> dt.date:
    """A cell as a day. A format without a day gives the first of the month (or year), as the layout asked for it."""
    for form in formats or DATES:
        if form == "date":
            if cell[:1] == "d":
                return dt.date.fromisoformat(cell[1:11])
        elif form == "excel-serial":
            if (value := _maybe_number(cell)) is not None:
                return serial_date(value, date1904)
        elif found := _pattern(form).fullmatch(_dated(cell)):
            part = found.groupdict()
            try:
                return dt.date(_year_of(part), _month_of(part) or 1, int(part.get("d") or 1))
            except ValueError:
                continue
    raise Fault(
        "cell-date",
        T("“{v}”不是日期", "“{v}” is not a date", v=brief(shown(cell))),
        T("{a}", "{a}", a=", ".join(formats or DATES)),
    )


def _dated(cell: str) -> str:
    return norm(text_of(cell)) if cell[:1] in ("t", "n") else ""


def _maybe_number(cell: str) -> Decimal | None:
    try:
        return number(cell)
    except Fault:
        return None


def period(cell: str, formats: Sequence[str], of: str, date1904: bool) -> Period:
    """A cell as a month or a year. Raises Fault; a number that might be a date is read only where the layout says so."""
    text_of(cell)  # an error or an uncalculated formula is told as such
    for form in formats or PERIODS:
        day: dt.date | None = None
        has_month = True
        if form in ("date", "excel-serial"):
            if form == "date" and cell[:1] == "d":
                day = dt.date.fromisoformat(cell[1:11])
            elif form == "excel-serial" and (value := _maybe_number(cell)) is not None:
                day = serial_date(value, date1904)
        elif found := _pattern(form).fullmatch(_dated(cell)):
            part = found.groupdict()
            has_month = _month_of(part) is not None
            try:
                day = dt.date(_year_of(part), _month_of(part) or 1, int(part.get("d") or 1))
            except ValueError:
                continue
        if day is not None:
            return make_period(day.year, day.month if has_month and of != "year" else None, shown(cell))
    raise Fault(
        "cell-period",
        T("“{v}”不是统计期", "“{v}” is not a period", v=brief(shown(cell))),
        T("{a}", "{a}", a=", ".join(formats or PERIODS)),
    )


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def _year_of(part: dict[str, str | None]) -> int:
    """Four digits, or two: 69 and later are of the last century, as in POSIX."""
    if part.get("y"):
        return int(part["y"] or 0)
    short = int(part.get("yy") or 0)
    return short + (1900 if short >= 69 else 2000)


def _month_of(part: dict[str, str | None]) -> int | None:
    """A month by number or by its English short name; None where the format has none."""
    if name := part.get("mon"):
        return _MONTHS.index(name.casefold()) + 1
    return int(part["m"] or 0) if part.get("m") else None


def make_period(year: int, month: int | None, raw: str) -> Period:
    """A month, or a year. Raises Fault for a month or year that is not."""
    try:
        return Period("year", year) if month is None else Period.month(year, month)
    except ValueError as error:
        raise Fault("cell-period", T("“{v}”不是统计期", "“{v}” is not a period", v=brief(raw))) from error
