"""Finding a Gemini key in what was pasted, so that it is never taken for a question."""

from __future__ import annotations

import re

from argus_core.text.clean import clean_line

_ASSIGNMENT = re.compile(r"^(?:export\s+)?[A-Z_]+\s*=\s*")
_KEY = re.compile(r"AIza[\w-]{35}", re.ASCII)
_BEGUN = re.compile(r"AIza[\w-]*", re.ASCII)


def key_of(text: str) -> str:
    """Return the key in what was pasted: also of `export GEMINI_API_KEY="…"`."""
    return _ASSIGNMENT.sub("", clean_line(text)).strip(" \"';")


def lone_key(text: str) -> str:
    """Return the Gemini key that is all of a text, quoted or assigned or not; empty when it says anything else."""
    if len(text) > 200:
        return ""
    key = key_of(text)
    return key if _KEY.fullmatch(key) else ""


def holds_key(text: str) -> bool:
    """Tell whether a Gemini key is somewhere in a text, or the text is one that is being typed."""
    return _KEY.search(text) is not None or _BEGUN.fullmatch(text.strip()) is not None
