"""Strict YAML for layout files: nodes that know their line, and a door that gathers every problem before anything is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml

from jieneng.core.problem import Place, Problem, Refused, refuse
from jieneng.core.words import T

MAX_DEPTH = 12


@dataclass(frozen=True)
class Node:
    """A YAML node with its line: a mapping, a list or a text."""

    value: dict[str, Node] | list[Node] | str
    line: int


class Door:
    """Reads nodes strictly and collects every problem before anything is refused."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def wrong(self, node: Node | int, found: T, expected: T | None = None, do: T | None = None) -> None:
        line = node if isinstance(node, int) else node.line
        self.problems.append(Problem("layout", found, expected, do, Place(file=self.file, line=line)))

    def keys(self, node: Node, known: tuple[str, ...], where: str) -> dict[str, Node]:
        """The mapping at ``node``, every key of which must be known."""
        if not isinstance(node.value, dict):
            self.wrong(node, T("“{w}”不是键值对", "“{w}” is not a mapping", w=where))
            return {}
        for key, child in node.value.items():
            if key not in known:
                self.wrong(
                    child,
                    T("“{w}”里有不认识的键“{k}”", "unknown key “{k}” in “{w}”", k=key, w=where),
                    T("{a}", "one of {a}", a=", ".join(known)),
                )
        return {k: v for k, v in node.value.items() if k in known}

    def text(self, node: Node | None, where: str, default: str = "") -> str:
        if node is None:
            return default
        if isinstance(node.value, str):
            return node.value
        self.wrong(node, T("“{w}”应是一段文字", "“{w}” must be one text", w=where))
        return default

    def texts(self, node: Node | None, where: str) -> tuple[str, ...]:
        if node is None:
            return ()
        if isinstance(node.value, list):
            return tuple(self.text(n, where) for n in node.value)
        return (self.text(node, where),)

    def choice(self, node: Node | None, known: tuple[str, ...], where: str, default: str) -> str:
        text = self.text(node, where, default)
        if node is not None and text not in known:
            self.wrong(
                node,
                T("“{w}: {t}”不认识", "“{w}: {t}” is not known", w=where, t=text),
                T("{a}", "one of {a}", a=", ".join(known)),
            )
            return default
        return text

    def flag(self, node: Node | None, where: str, default: bool = False) -> bool:
        return self.choice(node, ("true", "false"), where, str(default).lower()) == "true"

    def number(self, node: Node | None, where: str, default: int, low: int, high: int) -> int:
        text = self.text(node, where, str(default))
        if not re.fullmatch(r"[0-9]{1,6}", text) or not low <= int(text) <= high:
            self.wrong(
                node or 1,
                T(
                    "“{w}: {t}”不是 {a}–{b} 的整数",
                    "“{w}: {t}” is no whole number from {a} to {b}",
                    w=where,
                    t=text,
                    a=low,
                    b=high,
                ),
            )
            return default
        return int(text)

    def pattern(self, node: Node | None, where: str) -> str:
        """A regular expression; kept short, since it runs on names of sheets and files and on title lines only."""
        text = self.text(node, where)
        try:
            if len(text) > 200:
                raise re.error("longer than 200 characters")
            re.compile(text)
        except (re.error, OverflowError, RecursionError) as error:
            self.wrong(node or 1, T("“{w}”的匹配式写错了：{e}", "“{w}”: bad pattern: {e}", w=where, e=str(error)))
            return ""
        return text


def tree(text: str, file: str) -> Node:
    """YAML as nodes with lines. Anchors, tags, doubled keys and deep nesting are refused."""

    def bad(line: int, found: T) -> Refused:
        return refuse("layout", found, where=Place(file=file, line=line))

    def walk(node: yaml.Node, depth: int) -> Node:
        line = node.start_mark.line + 1
        if depth > MAX_DEPTH:
            raise bad(line, T("嵌套太深", "nested too deeply"))
        if isinstance(node, yaml.ScalarNode):
            return Node(str(node.value), line)
        if isinstance(node, yaml.SequenceNode):
            return Node([walk(n, depth + 1) for n in node.value], line)
        out: dict[str, Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise bad(key.start_mark.line + 1, T("键应是一段文字", "a key must be one text"))
            if key.value in out:
                raise bad(key.start_mark.line + 1, T("键“{k}”写了两次", "key “{k}” is written twice", k=key.value))
            out[str(key.value)] = walk(value, depth + 1)
        return Node(out, line)

    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AliasToken | yaml.AnchorToken | yaml.TagToken):
                raise bad(
                    token.start_mark.line + 1, T("不用锚点、引用和标签", "anchors, aliases and tags are not used")
                )
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        why = getattr(error, "problem", None) or getattr(error, "reason", None) or "?"
        raise bad(mark.line + 1 if mark else 1, T("不是正确的 YAML：{e}", "not valid YAML: {e}", e=why)) from error
    except RecursionError as error:
        raise bad(1, T("嵌套太深", "nested too deeply")) from error
    if root is None:
        raise bad(1, T("文件是空的", "the file is empty"))
    return walk(root, 0)
