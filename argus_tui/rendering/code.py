"""Blocks of code: raised ground to the right edge, language and key above, coloured by four inks."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from rich.segment import Segment

from argus_tui.glyphs import Glyphs
from argus_tui.rendering.inks import Ink, Inks
from argus_tui.rendering.lexers import Lexers
from argus_tui.rendering.row import Row, Run, indented, row_of
from argus_tui.rendering.wrapping import break_anywhere, printable, wrap

COPY_HINT = "^y copy"
_LONGEST_COLOURED = 100_000
"""Characters; longer code stays uncoloured, since lexers take time for each."""


class CodeWriter:
    """Lays blocks of code out in one palette and width."""

    def __init__(self, inks: Inks, glyphs: Glyphs, width: int, lexers: Lexers) -> None:
        self._inks = inks
        self._glyphs = glyphs
        self._width = width
        self._lexers = lexers
        self._fill = inks.style(ground="raised")

    def block(self, code: str, info: str) -> list[Row]:
        """Return all rows of a block: head, code, lower edge. `info` is what stands after the fence."""
        return [*self.head(info), *self.lines(code, language_of(info)), self.edge()]

    def head(self, info: str) -> list[Row]:
        """Return the row with the language and the key that copies, or more when a long title stands there too."""
        muted = self._inks.style("muted", "raised")
        room = self._width - len(COPY_HINT) - 2
        rows = wrap([(info.strip(), muted)], max(1, room - 1))
        if room > rows[0].cells:
            end = row_of([(" " * (room - rows[0].cells), self._fill), (COPY_HINT, muted)])
            rows[0].segments += end.segments
            rows[0].cells += end.cells
        for row in rows:
            row.fill = self._fill
        lead = [Segment(" ", self._fill)]
        return indented(rows, lead, lead, 1)

    def lines(self, code: str, language: str, *, skip: int = 0) -> list[Row]:
        """Return the rows of the code itself, without those of its first `skip` lines, which only give context."""
        rows: list[Row] = []
        for runs in self._coloured(code, language)[skip:]:
            for piece in break_anywhere(runs, max(1, self._width - 2)):
                rows.append(row_of([(" ", self._fill), *piece], fill=self._fill))
        return rows

    def edge(self) -> Row:
        """Return the lower edge, which is also the gap to what follows."""
        style = self._inks.style("raised")
        return Row([Segment(self._glyphs.upper_half * self._width, style)], self._width, closing=True)

    def _coloured(self, code: str, language: str) -> list[list[Run]]:
        code = code.removesuffix("\n").expandtabs(4)
        lexer = self._lexers.find(language) if language and len(code) <= _LONGEST_COLOURED else None
        if lexer is None:
            return [[(printable(line), self._fill)] for line in code.split("\n")]
        lines: list[list[Run]] = [[]]
        for _, kind, text in lexer.get_tokens_unprocessed(code + "\n"):
            style = self._inks.style(_ink(kind), "raised")
            first, *others = text.split("\n")
            lines[-1].append((printable(first), style))
            lines += [[(printable(other), style)] for other in others]
        return lines[: code.count("\n") + 1]


def language_of(info: str) -> str:
    """Return the first word after a fence."""
    words = info.split(maxsplit=1)
    return words[0] if words else ""


@lru_cache(512)
def _ink(kind: Any) -> Ink:
    """Return the ink for a token type of Pygments: its own or that of the nearest type above it."""
    for name, ink in _INKS:
        if str(kind).startswith(name):
            return ink
    return "text"


_INKS: tuple[tuple[str, Ink], ...] = (
    ("Token.Literal.String.Interpol", "text"),
    ("Token.Literal", "code"),
    ("Token.Keyword", "accent"),
    ("Token.Operator.Word", "accent"),
    ("Token.Name.Tag", "accent"),
    ("Token.Comment", "muted"),
    ("Token.Generic.Deleted", "muted"),
    ("Token.Generic.Inserted", "accent"),
)
