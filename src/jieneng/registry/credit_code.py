"""Unified social credit code (GB 32100—2015): what is wrong with one, in words.

Two checks must hold: the code's own (weights 3^(i-1) mod 31) and that of the organisation code inside it (GB 11714:
weights 3,7,9,10,5,8,4,2 mod 11): ``123456789012345678`` passes the first by chance. python-stdnum does only the first and
refuses valid codes that begin with A, N or Y (decisions.md), so the two lines of arithmetic are our own.
"""

from __future__ import annotations

from jieneng.core.words import T

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def check_digit(code17: str) -> str:
    """The 18th character for the first seventeen."""
    total = sum(ALPHABET.index(c) * pow(3, i, 31) for i, c in enumerate(code17))
    return ALPHABET[(31 - total) % 31]


def organisation_check(code8: str) -> str:
    """The ninth character of an organisation code for its first eight (GB 11714)."""
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    values = (int(c) if c.isdigit() else ord(c) - 55 for c in code8)
    left = 11 - sum(w * v for w, v in zip(weights, values, strict=True)) % 11
    return "X" if left == 10 else "0" if left == 11 else str(left)


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
    if organisation_check(code[8:16]) != code[16]:
        return T("信用代码第 9–17 位（组织机构代码）的校验位是 {found}，应为 {right}",
                 "the organisation code (characters 9 to 17) ends in {found}, its check digit is {right}",
                 found=code[16], right=organisation_check(code[8:16]))
    return None


def registered(code: str, divisions: dict[str, str]) -> T | None:
    """Where a valid code was registered, when its division part is not one we know as ours: information, never an error.

    ``divisions``: code → name of the divisions of the workspace.
    """
    part = code[2:8]
    if part in divisions or any(part.startswith(d.rstrip("0")) and len(d.rstrip("0")) == 4 for d in divisions if d.isdigit()):
        return None
    return T("代码里的登记机关区划是 {p}，不是本地的：可能是早年或异地登记，不是错误", "the code was registered in division {p}, not here: an older or distant registration, no error", p=part)
