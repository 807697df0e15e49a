"""Names of models: one spelling for each, so that nobody gets one model under the price of another."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

from argus_core.errors import ModelNotFound

MAX_CHARS = 100
_SHOWN_CHARS = 60
_SOUND = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
"""Nothing that means something in an address: no slash, `..`, `%`, `?`, `#` or `:`."""
_FOLDERS = re.compile(r"(?:publishers/google/)?models/")


def canonical(name: str) -> str:
    """Return the one spelling of a model's name.

    It is in lower case, without spaces around it, without what cannot be seen, and without the `models/` of Google's
    resource names. It need not be the name of a model.
    """
    plain = unicodedata.normalize("NFKC", name).lower()
    seen = "".join(each for each in plain if unicodedata.category(each)[0] not in "CM").strip()
    return seen.removeprefix(found.group()) if (found := _FOLDERS.match(seen)) else seen


def is_sound(name: str) -> bool:
    """Return whether a canonical name could be one of Google's, and may stand in an address."""
    return len(name) <= MAX_CHARS and _SOUND.fullmatch(name) is not None


def no_such_model(name: str, known: Iterable[str] = ()) -> ModelNotFound:
    """Return the refusal of a name, with the known ones that are like it."""
    last = canonical(name[: 2 * MAX_CHARS]).rpartition("/")[2]
    near = difflib.get_close_matches(last, list(known), n=3, cutoff=0.6)
    listed = " or ".join(filter(None, (", ".join(near[:-1]), near[-1]))) if near else ""
    hint = f"Did you mean {listed}? " if near else ""
    shown = name if len(name) <= _SHOWN_CHARS else name[:_SHOWN_CHARS] + "…"
    return ModelNotFound(f"{hint}`argus models` lists them all.", title=f"There is no model {shown!r}")
