"""Names as people write them, made comparable."""

from __future__ import annotations

import unicodedata


def plain(name: str) -> str:
    """A name without what people write in more than one way: width, blanks, brackets, case."""
    text = unicodedata.normalize("NFKC", name)
    return "".join(c for c in text if not c.isspace() and c not in "()[]<>《》〈〉【】“”\"'·•-—_").casefold()
