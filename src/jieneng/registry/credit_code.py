"""Unified social credit code (GB 32100—2015): what is wrong with one, in words.

python-stdnum checks the check digit but wants eight leading digits and so refuses valid codes that begin with A, N or
Y; those are checked here by the same published weights (3^(i-1) mod 31).
"""

from __future__ import annotations

from stdnum.cn import uscc
from stdnum.exceptions import ValidationError

from jieneng.core.words import T

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def check_digit(code17: str) -> str:
    """The 18th character for the first seventeen."""
    total = sum(ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(code17))
    return ALPHABET[(31 - total) % 31]


def fault(code: str) -> T | None:
    """What is wrong with a code, or None. The division part is never an error (the office's own code shows why)."""
    if len(code) != 18:
        return T("信用代码是 {n} 位，应为 18 位", "the credit code has {n} characters, expected 18", n=len(code))
    strange = sorted(set(code) - set(ALPHABET))
    if strange:
        return T("信用代码里有不允许的字符：{c}", "the credit code holds characters that are not allowed: {c}", c=" ".join(strange))
    if check_digit(code[:17]) != code[17]:
        return T("信用代码校验位是 {found}，按前 17 位应为 {right}", "check digit is {found}, the first 17 give {right}",
                 found=code[17], right=check_digit(code[:17]))
    if code[0] not in "ANY":
        try:
            uscc.validate(code)
        except ValidationError as error:
            return T("信用代码不合规则：{why}", "not a valid credit code: {why}", why=str(error))
    return None
