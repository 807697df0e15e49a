"""Where emphasis may begin and end beside punctuation.

CommonMark lets `**` between a letter and punctuation only open or only close, which assumes spaces between words:
`**「重要」**です`, `**«مهم»**است` and `**Note:**text` keep their stars (section 6.2). Here such a run may do both.
"""

from __future__ import annotations

from typing import Final

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Scanned
from markdown_it.token import Token
from markdown_it.utils import EnvType

_BEYOND_LATIN: Final = 0x590
"""From here on are the scripts that write no space round emphasis: Hebrew, Arabic, Thai, Chinese, Japanese, Korean."""
_QUOTES: Final = "\"'"
_BEFORE_WORDS: Final = f"([{{“‘«{_QUOTES}"


class Inline(ParserInline):
    """The parser of what stands inside a block, with these rules."""

    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        state = _State(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


class _State(StateInline):
    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:
        found = super().scanDelims(start, canSplitWord)
        if not canSplitWord or found.can_open == found.can_close:
            return found
        before, after = self.src[start - 1 : start], self.src[start + found.length : start + found.length + 1]
        if not before.strip() or not after.strip():
            return found
        if found.can_open:
            both = _is_foreign(after, before) or (found.length > 1 and after.isalpha() and self._is_open(start))
        else:
            both = _is_foreign(before, after) or (found.length > 1 and after in _QUOTES)
        return Scanned(True, True, found.length) if both else found

    def _is_open(self, end: int) -> bool:
        """Return whether the run before this one stands where words begin: powers as in `f(x)**a` do not."""
        sign = self.src[end]
        start = self.src.rfind(2 * sign, 0, end)
        if start < 0 or self.src[start + 2].isspace():
            return False
        while start and self.src[start - 1] == sign:
            start -= 1
        before = self.src[start - 1 : start]
        return not before.strip() or before in _BEFORE_WORDS or self.src[start + 2 : end].lstrip(sign)[:1] in _QUOTES


def _is_foreign(letter: str, punctuation: str) -> bool:
    return ord(letter) >= _BEYOND_LATIN or not punctuation.isascii()
