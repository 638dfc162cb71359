"""Two languages side by side: a text that knows its Chinese and its English.

Every message of the product carries both languages at the place where it is written (see docs/adr/0001). There is no
catalogue to compile and no message without its English: ``T`` refuses to exist with only one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

LANGUAGES = ("zh", "en")
_language: ContextVar[str] = ContextVar("jieneng_language", default="zh")


def language() -> str:
    """The language now in force: ``"zh"`` or ``"en"``."""
    return _language.get()


def set_language(code: str) -> None:
    """Set the language for this thread or request. Raises ``ValueError`` for a language we do not speak."""
    if code not in LANGUAGES:
        raise ValueError(f"language {code!r}: expected one of {', '.join(LANGUAGES)}")
    _language.set(code)


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Speak ``code`` inside the block.

    >>> with speaking("en"): str(T("电", "electricity"))
    'electricity'
    """
    token = _language.set(code)
    try:
        yield
    finally:
        _language.reset(token)


class T:
    """A text in Chinese and English; ``str()`` gives the one in force, formatted with its arguments.

    >>> str(T("第 {row} 行", "row {row}", row=3))
    '第 3 行'
    """

    __slots__ = ("args", "en", "zh")

    def __init__(self, zh: str, en: str, **args: Any) -> None:
        if not zh or not en:
            raise ValueError(f"a text needs both languages: zh={zh!r} en={en!r}")
        self.zh, self.en, self.args = zh, en, args

    def __call__(self, **args: Any) -> T:
        """The same text with (more) arguments."""
        return T(self.zh, self.en, **{**self.args, **args})

    def say(self, code: str) -> str:
        """The text in the language ``code``."""
        with speaking(code):
            text = self.zh if code == "zh" else self.en
            return text.format(**self.args) if self.args else text

    def __str__(self) -> str:
        return self.say(language())

    def __repr__(self) -> str:
        return f"T({self.zh!r}, {self.en!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, T) and (self.zh, self.en, self.args) == (other.zh, other.en, other.args)

    def __hash__(self) -> int:
        return hash((self.zh, self.en))

    def as_json(self) -> dict[str, str]:
        """Both languages, for storing and for ``--json``."""
        return {"zh": self.say("zh"), "en": self.say("en")}
