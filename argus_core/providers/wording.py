"""How the providers' errors are worded: a server's own words on one line, and waits as people say them."""

from __future__ import annotations

import math
import re

SAID_LIMIT = 300
"""Characters of a server's own words that are kept."""
AGAIN = "Try again in a moment, or choose another model."
_SHORTEST_SECRET = 8
"""Anything shorter is no key, and striking it out would spoil words."""
_ANY_KEY = re.compile(r"\bAIza[\w-]{10,}|(?<=api_key:)[\w-]+")
"""What looks like a Google key, also one that is not ours: servers name keys in their refusals."""


def one_line(text: str, *, hide: str = "", limit: int = SAID_LIMIT) -> str:
    """Return `text` on one line, at most `limit` characters, with `hide` and what looks like a key struck out."""
    if len(hide) >= _SHORTEST_SECRET:
        text = text.replace(hide, "****")
    line = " ".join(_ANY_KEY.sub("****", text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def gemini_says(words: str) -> str:
    """Return the sentence that quotes Gemini; empty when it said nothing."""
    return f"Gemini says: {words}" if words else ""


def in_words(seconds: float) -> str:
    """Return a wait as people say it: `3 s`, `2 min`, `5 h`."""
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{math.ceil(seconds)} s"
    return f"{math.ceil(seconds / 60)} min" if seconds < 7200 else f"{math.ceil(seconds / 3600)} h"
