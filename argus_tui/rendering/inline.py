"""What stands inside a paragraph, a heading or a table cell: tokens to runs of text in one style each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markdown_it.token import Token

from argus_tui.glyphs import Glyphs
from argus_tui.rendering.inks import Inks, Look
from argus_tui.rendering.row import Run

_CHANGES: dict[str, Callable[[Look], Look]] = {
    "strong_open": lambda look: look._replace(bold=True),
    "em_open": lambda look: look._replace(italic=True),
    "s_open": lambda look: look._replace(strike=True),
}


def formula_look(look: Look) -> Look:
    """Return how a formula is drawn amid text of this look: in the ink of code, upright."""
    return look._replace(ink="code", italic=False)


class InlineWriter:
    """Writes the children of one inline token as runs."""

    def __init__(self, inks: Inks, glyphs: Glyphs, *, keep_line_ends: bool) -> None:
        self._inks = inks
        self._glyphs = glyphs
        self._line_end = "\n" if keep_line_ends else " "

    def runs(self, tokens: Sequence[Token], look: Look) -> list[Run]:
        """Return the runs of `tokens`; `look` is what plain text looks like there."""
        runs: list[Run] = []
        looks = [look]
        hrefs: list[tuple[str, int]] = []
        for token in tokens:
            kind = token.type
            if kind == "text":
                if token.content:
                    runs.append((token.content, self._inks(looks[-1])))
            elif kind in _CHANGES:
                looks.append(_CHANGES[kind](looks[-1]))
            elif kind == "link_open":
                hrefs.append((str(token.attrs.get("href", "")), len(runs)))
                looks.append(looks[-1]._replace(ink="accent", underline=True))
            elif kind.endswith("_close"):
                looks.pop()
                if kind == "link_close":
                    self._write_address(runs, *hrefs.pop(), looks[-1])
            else:
                runs += self._leaf(token, looks[-1])
        return runs

    def _leaf(self, token: Token, look: Look) -> list[Run]:
        match token.type:
            case "code_inline":
                return [(token.content, self._inks(look._replace(ink="code", ground="raised", strike=False)))]
            case "softbreak":
                return [(self._line_end, self._inks(look))]
            case "hardbreak":
                return [("\n", self._inks(look))]
            case "math_inline":
                return [(token.content, self._inks(formula_look(look)))]
            case "key":
                return [(token.content, self._inks(look._replace(ground="raised")))]
            case "image":
                sign = self._inks(look._replace(ink="muted", underline=False))
                said = self.runs(token.children or [], look) or [("picture", self._inks(look))]
                return [(f"{self._glyphs.picture} ", sign), *said]
            case _:  # inline HTML is text like any other
                return [(token.content, self._inks(look))]

    def _write_address(self, runs: list[Run], href: str, start: int, look: Look) -> None:
        """Write where a link leads, unless its text says so already: nothing is ever opened by itself."""
        text = "".join([text for text, _ in runs[start:]])
        shown = href.removeprefix("mailto:")
        if shown and shown.rstrip("/") != text.rstrip("/"):
            space = " " if text else ""
            runs.append((f"{space}({shown})", self._inks(look._replace(ink="muted", bold=False))))
