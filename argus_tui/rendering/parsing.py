"""Markdown to tokens: CommonMark with tables, strikethrough and formulas, cut into top-level blocks.

What is told apart from CommonMark is so that a reader sees what was said: see `flanking`, `formulas`, `table_syntax`
and `tags`. Besides, blocks in more than `_DEEPEST` others are paragraphs, and a link definition must name an address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, blockquote, list_block, reference
from markdown_it.token import Token

from argus_tui.rendering import formulas, table_syntax, tags
from argus_tui.rendering.flanking import Inline

Group: TypeAlias = list[Token]
"""The tokens of one top-level block."""
_Rule: TypeAlias = Callable[[StateBlock, int, int, bool], bool]

LINES_OF_A_START: Final = 2
"""Complete lines after which it is sure that a block has begun: a table needs its second one."""
_DEEPEST: Final = 90
"""Containers in containers; the parser calls itself for each."""
_DEFINITION = re.compile(r"\[(?!\^)(?:\\.|[^\[\]\\])+\]:\s*(?:<|\S*[/.#:?@%=&])")
_ALL = ["paragraph", "reference", "blockquote", "list"]


class References(dict[str, Any]):
    """The link definitions of a document, by label. It remembers what was asked for: the answer may come later."""

    def __init__(self, known: dict[str, Any] | Iterable[tuple[str, Any]] = ()) -> None:
        super().__init__(known)
        self.asked: set[str] = set()

    def get(self, label: str, default: Any = None) -> Any:
        self.asked.add(label)
        return super().get(label, default)


def parse(source: str, references: References | None = None, *, typed: bool = False) -> list[Group]:
    """Return the top-level blocks of `source`.

    Args:
        source: Clean Markdown.
        references: Link definitions that hold besides those of `source`, which are added to it.
        typed: A person wrote it: tags are text.
    """
    if not source.endswith("\n"):
        source += "\n"  # markdown-it reads one letter too far where a container ends in a line without one
    return top_level(_parser(typed).parse(source, {"references": References() if references is None else references}))


def parse_inline(source: str, references: References) -> list[Token]:
    """Return the tokens of text that stands in a block, such as a cell of a table."""
    return _parser(typed=False).parseInline(source, {"references": references})[0].children or []


class _Markdown(MarkdownIt):
    """Addresses are shown and never opened: as they were written, but what a host is called is seen in ASCII."""

    def normalizeLink(self, url: str) -> str:
        before, slashes, after = url.partition("//")
        host, slash, path = after.partition("/")
        return url if host.isascii() else super().normalizeLink(f"{before}{slashes}{host}") + slash + path

    def normalizeLinkText(self, link: str) -> str:
        return link


@lru_cache(2)
def _parser(typed: bool) -> MarkdownIt:
    parser = _Markdown("commonmark", {"maxNesting": _DEEPEST + 10}).enable(["table", "strikethrough"])
    inline = Inline()
    inline.ruler, inline.ruler2 = parser.inline.ruler, parser.inline.ruler2
    parser.inline = inline
    inline.ruler.before("escape", "formula", formulas.formula)
    blocks = parser.block.ruler
    blocks.before("fence", "formula", formulas.formula_block, {"alt": _ALL})
    blocks.at("table", table_syntax.table, {"alt": _ALL[:2]})
    blocks.at("blockquote", _unless_deep(blockquote), {"alt": _ALL})
    blocks.at("list", _unless_deep(list_block), {"alt": _ALL[:3]})
    blocks.at("reference", _definition)
    if not typed:
        blocks.at("html_block", tags.html, {"alt": _ALL[:3]})
        blocks.before("html_block", "fold", tags.fold, {"alt": _ALL[:3]})
        parser.core.ruler.after("inline", "tags", tags.read_tags)
    return parser


def _unless_deep(rule: _Rule) -> _Rule:
    """Return the rule of a container so that one too deep is text: the parser itself would leave it out."""
    return lambda state, start, end, silent: state.level < _DEEPEST and rule(state, start, end, silent)


def _definition(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Block rule: `[Note]: careful` and `[^1]: source` are no link definitions, which are not shown."""
    start = state.bMarks[start_line] + state.tShift[start_line]
    return bool(_DEFINITION.match(state.src, start)) and reference(state, start_line, end_line, silent)


# Tokens


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
