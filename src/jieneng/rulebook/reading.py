"""Strict reading of declaration files: every node knows its line; unknown, doubled and missing keys are problems."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import yaml

from jieneng.core.problem import Place, Problem
from jieneng.core.words import T

MAX_SIZE = 2 << 20
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser in C where the wheel holds it: a book is read in a tenth of a second, not one."""
TAGS = frozenset(f"tag:yaml.org,2002:{t}" for t in ("str", "int", "float", "bool", "null", "timestamp", "map", "seq"))


@dataclass
class Door:
    """Where problems gather while files are read, so that all are told at once."""

    problems: list[Problem] = field(default_factory=list)

    def tell(self, code: str, node: Node | None, found: T, expected: T | None = None, do: T | None = None) -> None:
        place = Place(file=node.file, line=node.line) if node is not None else Place()
        self.problems.append(Problem(code, found, expected, do, place))


@dataclass(frozen=True)
class Node:
    """A value of a file with its place: a mapping, a list, or a text (all scalars are text)."""

    value: Any
    file: str
    line: int

    def __iter__(self) -> Iterator[Node]:
        return iter(self.value if isinstance(self.value, list) else [])

    def plain(self) -> Any:
        """The value without places, for tables whose keys another room checks."""
        if isinstance(self.value, dict):
            return {k: v.plain() for k, v in self.value.items()}
        if isinstance(self.value, list):
            return [v.plain() for v in self.value]
        return self.value


def places(node: Node, at: str = "") -> dict[str, Place]:
    """Where every value of a file stands, by its path (``figures.energy.format``, ``paragraphs[3]``); the root is ``""``."""
    found = {at: Place(file=node.file, line=node.line)}
    if isinstance(node.value, dict):
        for key, value in node.value.items():
            found |= places(value, f"{at}.{key}" if at else key)
    elif isinstance(node.value, list):
        for n, value in enumerate(node.value):
            found |= places(value, f"{at}[{n}]")
    return found


def read_yaml(path: Path, name: str, door: Door) -> Node | None:
    """Read one file into nodes. Duplicate keys, anchors, tags and several documents are problems, as is bad YAML."""
    if path.stat().st_size > MAX_SIZE:
        door.tell("yaml.size", Node(None, name, 1), T("文件超过 2 MB", "the file is larger than 2 MB"))
        return None
    try:
        text = path.read_text(encoding="utf-8")
        if any(isinstance(e, yaml.AliasEvent) for e in yaml.parse(text, Loader=LOADER)):
            door.tell("yaml.alias", Node(None, name, 1), T("用了锚点引用（*）", "aliases (*) are used"),
                      do=T("把内容写全", "write it out"))
            return None
        root = yaml.compose(text, Loader=LOADER)
    except UnicodeDecodeError:
        door.tell("yaml.encoding", Node(None, name, 1), T("不是 UTF-8", "not UTF-8"))
        return None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        door.tell("yaml.syntax", Node(None, name, mark.line + 1 if mark else 1),
                  T("不是正确的 YAML：{why}", "not valid YAML: {why}", why=str(getattr(error, "problem", error)).replace("{", "(").replace("}", ")")))
        return None
    if root is None:
        door.tell("yaml.empty", Node(None, name, 1), T("空文件", "an empty file"))
        return None
    return _node(root, name, door)


def _node(y: yaml.Node, name: str, door: Door) -> Node:
    line = y.start_mark.line + 1
    if y.tag not in TAGS:
        door.tell("yaml.tag", Node(None, name, line), T("不允许的标签 {t}", "tag {t} is not allowed", t=y.tag))
    if isinstance(y, yaml.MappingNode):
        found: dict[str, Node] = {}
        for key, value in y.value:
            text = str(key.value)
            if text in found:
                door.tell("yaml.duplicate", Node(None, name, key.start_mark.line + 1), T("键“{k}”写了两次", "key “{k}” stands twice", k=text),
                          do=T("留一个", "keep one"))
            found[text] = _node(value, name, door)
        return Node(found, name, line)
    if isinstance(y, yaml.SequenceNode):
        return Node([_node(v, name, door) for v in y.value], name, line)
    return Node("" if y.tag == "tag:yaml.org,2002:null" and y.value in ("~", "null", "") else y.value, name, line)


class Reader:
    """Reads the keys of one mapping; ``done()`` tells the keys that nobody asked for."""

    def __init__(self, node: Node | None, door: Door) -> None:
        self.door, self.node = door, node or Node({}, "", 0)
        self.asked: set[str] = set()
        if not isinstance(self.node.value, dict):
            door.tell("shape.mapping", self.node, T("这里应是键和值", "expected keys and values"))
            self.node = Node({}, self.node.file, self.node.line)

    def has(self, key: str) -> bool:
        return key in self.node.value

    def get(self, key: str, required: bool = True) -> Node | None:
        self.asked.add(key)
        found = self.node.value.get(key)
        if found is None and required:
            self.door.tell("key.missing", self.node, T("缺“{k}”", "“{k}” is missing", k=key), do=T("补上 {k}:", "add {k}:", k=key))
        return found

    def done(self) -> None:
        for key, node in self.node.value.items():
            if key not in self.asked:
                self.door.tell("key.unknown", node, T("不认识的键“{k}”", "unknown key “{k}”", k=key),
                               expected=T("{list}", "{list}", list="、".join(sorted(self.asked))))

    def text(self, key: str, default: str | None = None) -> str:
        node = self.get(key, default is None)
        if node is None:
            return default or ""
        if not isinstance(node.value, str):
            self.door.tell("shape.text", node, T("“{k}”应是一段文字", "“{k}” should be a text", k=key))
            return default or ""
        if default is None and not node.value.strip():
            self.door.tell("value.empty", node, T("“{k}”是空的", "“{k}” is empty", k=key))
        return node.value.strip()

    def one_of(self, key: str, choices: tuple[str, ...], default: str | None = None) -> str:
        value = self.text(key, default)
        if value not in choices and (self.has(key) or default is None):
            node = self.node.value.get(key)
            if node is not None:
                self.door.tell("value.choice", node, T("“{k}: {v}”不行", "“{k}: {v}” is not possible", k=key, v=value),
                               expected=T("{list}", "{list}", list=" | ".join(choices)))
            return default or choices[0]
        return value

    def number(self, key: str, default: Decimal | None = None) -> Decimal:
        node = self.get(key, default is None)
        if node is None:
            return default if default is not None else Decimal(0)
        return decimal(node, self.door, key)

    def integer(self, key: str, default: int | None = None) -> int:
        node = self.get(key, default is None)
        if node is None:
            return default or 0
        try:
            return int(str(node.value))
        except ValueError:
            self.door.tell("value.integer", node, T("“{k}: {v}”不是整数", "“{k}: {v}” is not a whole number", k=key, v=str(node.value)))
            return default or 0

    def date(self, key: str) -> dt.date:
        node = self.get(key)
        return day(node, self.door) if node is not None else dt.date(1900, 1, 1)

    def words(self, key: str, required: bool = True) -> T | None:
        node = self.get(key, required)
        return bilingual(node, self.door) if node is not None else None

    def list(self, key: str, required: bool = True) -> list[Node]:
        node = self.get(key, required)
        if node is None:
            return []
        if not isinstance(node.value, list):
            self.door.tell("shape.list", node, T("“{k}”应是列表", "“{k}” should be a list", k=key))
            return []
        return list(node.value)

    def map(self, key: str, required: bool = True) -> dict[str, Node]:
        node = self.get(key, required)
        if node is None:
            return {}
        if not isinstance(node.value, dict):
            self.door.tell("shape.mapping", node, T("“{k}”应是键和值", "“{k}” should be keys and values", k=key))
            return {}
        return node.value

    def texts(self, key: str, required: bool = True) -> tuple[str, ...]:
        return tuple(str(n.value) for n in self.list(key, required))


def decimal(node: Node, door: Door, what: str) -> Decimal:
    """A number written as text: exactly those digits."""
    try:
        value = Decimal(str(node.value))
        if not value.is_finite():
            raise InvalidOperation
        return value
    except InvalidOperation:
        door.tell("value.number", node, T("“{k}: {v}”不是数", "“{k}: {v}” is not a number", k=what, v=str(node.value)))
        return Decimal(0)


def day(node: Node, door: Door) -> dt.date:
    """A day written as 2022-01-01."""
    try:
        return dt.date.fromisoformat(str(node.value))
    except ValueError:
        door.tell("value.date", node, T("“{v}”不是日期", "“{v}” is not a date", v=str(node.value)), expected=T("2022-01-01", "2022-01-01"))
        return dt.date(1900, 1, 1)


def bilingual(node: Node, door: Door) -> T:
    """A text in both languages: ``{zh: …, en: …}``. One language alone is a problem."""
    r = Reader(node, door)
    zh, en = r.text("zh"), r.text("en")
    r.done()
    return T(zh or "?", en or "?")


Build = Callable[[str, Node], Any]
