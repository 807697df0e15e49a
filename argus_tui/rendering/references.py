"""Link definitions of a document that grows: they also hold for the text before them."""

from __future__ import annotations

import re
from typing import Any

from markdown_it.token import Token

from argus_tui.rendering.parsing import LINES_OF_A_START, Group, References, parse, parse_inline

_BREAK = re.compile(r"[\s>]+")
"""What may stand in a label where its line ends, in a quote too."""


class Links:
    """Parses pieces of one document, and keeps which links they define and which they ask for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()
        """Labels looked up since it was last emptied."""
        self.settled = 0
        """Lines of the piece parsed last before the last definition that has surely begun: they stay what they are."""
        self._defined = References()
        self._ahead: dict[str, Any] = {}  # besides, in the whole lines of the piece parsed last
        self._shown: dict[str, str] = {}

    def blocks(self, source: str) -> list[Group]:
        """Return the blocks of a piece; what it defines is forgotten at the next call."""
        found = References(self._defined)
        groups = parse(source, found)
        self.asked |= found.asked
        self._ahead, self.settled = {}, 0
        if len(found) > len(self._defined):
            lines = source.count("\n")
            new = {label: found[label] for label in found.keys() - self._defined.keys()}
            self._ahead = {label: link for label, link in new.items() if link["map"][1] <= lines}
            starts = [link["map"][0] for link in new.values()]
            self.settled = max([start for start in starts if start + LINES_OF_A_START <= lines], default=0)
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
        if not (self._ahead or self._defined or self._shown):
            return set()
        now = {label: link["href"] for label, link in self._known().items()}
        before, self._shown = self._shown, now
        return set() if now == before else {label for label in now | before if now.get(label) != before.get(label)}

    def _known(self) -> References:
        return References({**self._ahead, **self._defined})


def names(source: str, labels: set[str]) -> bool:
    """Return whether one of the labels, as the parser writes them, may stand in `source`."""
    folded = _BREAK.sub(" ", source.lower().upper()) if labels else ""
    return any(_BREAK.sub(" ", label) in folded for label in labels)
