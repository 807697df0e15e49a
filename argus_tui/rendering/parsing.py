"""Markdown to tokens: CommonMark with tables and strikethrough, cut into top-level blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from markdown_it import MarkdownIt
from markdown_it.token import Token

Group: TypeAlias = list[Token]
"""The tokens of one top-level block."""
Env: TypeAlias = dict[str, Any]
"""What the parser keeps of a document besides its tokens: the link references."""

_DEEPEST = 100
"""Containers in containers; what lies deeper is left out by the parser, which calls itself for each."""
_PARSER = MarkdownIt("commonmark", {"maxNesting": _DEEPEST}).enable(["table", "strikethrough"])


def parse(source: str, env: Env) -> list[Group]:
    """Return the top-level blocks of `source`; link references are read from and added to `env`."""
    return top_level(_PARSER.parse(source, env))


def top_level(tokens: Sequence[Token]) -> list[Group]:
    """Cut tokens where a block ends that lies in no other."""
    return _cut(tokens, level=0)


def children(group: Group) -> list[Group]:
    """Return the blocks directly inside the container whose opening and closing tokens enclose `group`."""
    return _cut(group[1:-1], level=group[0].level + 1)


def _cut(tokens: Sequence[Token], level: int) -> list[Group]:
    groups: list[Group] = []
    current: Group = []
    for token in tokens:
        current.append(token)
        if token.level == level and token.nesting <= 0:
            groups.append(current)
            current = []
    return groups


def first_line(group: Group) -> int:
    """Return the number of the source line a block begins on, from 0."""
    lines = group[0].map
    return lines[0] if lines else 0


def line_after(group: Group) -> int:
    """Return the number of the source line after a block; blank lines after a list may count as its own."""
    lines = group[0].map
    return lines[1] if lines else 0


def offset_of_line(source: str, line: int) -> int:
    """Return where line number `line`, from 0, begins in `source`; its end when there are fewer."""
    at = 0
    for _ in range(line):
        found = source.find("\n", at)
        if found < 0:
            return len(source)
        at = found + 1
    return at
