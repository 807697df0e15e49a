"""`clean()` for text that comes in pieces and, once written, cannot be taken back."""

from __future__ import annotations

import re

from argus_core.text.clean import clean

# The beginnings of what `argus_core.text.clean` takes away (ECMA-48 sections 5.4 to 5.6), where the text ends in one.
_UNFINISHED = re.compile(
    r"""
    (?:
        (?: \x1b[\]PX^_] | [\x90\x98\x9d-\x9f] ) [^\x00-\x1f\x7f-\x9f]{0,4096}+ \x1b?   # OSC and its kin
      | (?: \x1b\[ | \x9b ) [0-?]{0,64}+ [\x20-/]{0,16}+                                # CSI
      | \x1b [\x20-/]{0,3}+
      | \r
    ) \Z
    """,
    re.VERBOSE,
)


class StreamCleaner:
    """Cleans a text piece by piece: the pieces it returns, joined, are `clean()` of the pieces it was fed, joined."""

    def __init__(self) -> None:
        self._kept = ""

    def feed(self, piece: str) -> str:
        """Return what can be shown now; the start of a sequence is kept back until its end is here."""
        text = self._kept + piece
        unfinished = _UNFINISHED.search(text)
        cut = unfinished.start() if unfinished else len(text)
        self._kept = text[cut:]
        return clean(text[:cut])

    def finish(self) -> str:
        """Return what was kept back, cleaned: nothing follows it."""
        text, self._kept = self._kept, ""
        return clean(text)
