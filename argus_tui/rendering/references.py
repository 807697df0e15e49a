"""Link definitions of a document that grows: they also hold for the text before them."""

from __future__ import annotations

from markdown_it.token import Token

from argus_tui.rendering.parsing import Group, References, parse, parse_inline


class Links:
    """Parses pieces of one document, and keeps which links they define and which they ask for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()
        """Labels looked up since it was last emptied."""
        self._defined = References()
        self._ahead = References()  # besides, in the whole lines of the piece parsed last
        self._shown: dict[str, str] = {}

    def blocks(self, source: str) -> list[Group]:
        """Return the blocks of a piece; what it defines is forgotten at the next call."""
        found = References(self._defined)
        groups = parse(source, found)
        self.asked |= found.asked
        lines = source.count("\n")
        new = [(label, link) for label, link in found.items() if label not in self._defined]
        self._ahead = References((label, link) for label, link in new if link["map"][1] <= lines)
        return groups

    def inline(self, source: str) -> list[Token]:
        """Return the tokens of text inside a block."""
        known = self._known()
        tokens = parse_inline(source, known)
        self.asked |= known.asked
        return tokens

    def blocks_again(self, source: str) -> tuple[list[Group], set[str]]:
        """Return the blocks of an earlier piece and the labels that they ask for, with all that is known by now."""
        known = self._known()
        return parse(source, known), known.asked

    def define(self, source: str) -> None:
        """Keep what a piece defines for good."""
        if "]:" in source:
            parse(source, self._defined)

    def changed(self) -> set[str]:
        """Return the labels that lead elsewhere than when this was asked last."""
        now = {label: link["href"] for label, link in self._known().items()}
        before, self._shown = self._shown, now
        return set() if now == before else {label for label in now | before if now.get(label) != before.get(label)}

    def _known(self) -> References:
        return References({**self._ahead, **self._defined})
