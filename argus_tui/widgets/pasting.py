"""What a paste is: small text, much text that is folded, or the path of a picture that was dropped on the terminal."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

FOLD_LINES: Final = 20
FOLD_CHARS: Final = 2_000
PICTURE_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif"})
FOLDED: Final = re.compile(r"\[pasted (?:\d+ lines|[\d,]+ letters)(?: #\d+)?, f8 opens\]")
_MOST_PATHS = 10
_LONGEST_PATHS = 8_192


class Folds:
    """The long pastes of one draft, each under the words that stand for it in the text."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def fold(self, text: str) -> str:
        """Keep `text` and return what stands for it."""
        lines = text.count("\n") + 1
        size = f"{lines} lines" if lines > 1 else f"{len(text):,} letters"
        token, number = f"[pasted {size}, f8 opens]", 1
        while self._texts.get(token, text) != text:
            number += 1
            token = f"[pasted {size} #{number}, f8 opens]"
        self._texts[token] = text
        return token

    def expand(self, text: str) -> str:
        """Return `text` with every fold replaced by what it stands for."""
        return FOLDED.sub(lambda found: self._texts.get(found[0], found[0]), text) if self._texts else text

    def find(self, line: str) -> list[tuple[int, int, str]]:
        """Return start, end and text of each fold in a line."""
        if not self._texts:
            return []
        return [(m.start(), m.end(), self._texts[m[0]]) for m in FOLDED.finditer(line) if m[0] in self._texts]

    def clear(self) -> None:
        """Forget all."""
        self._texts.clear()


def is_long(text: str) -> bool:
    """Tell whether a paste should be folded."""
    return len(text) > FOLD_CHARS or text.count("\n") >= FOLD_LINES


def dropped_pictures(text: str) -> list[Path]:
    """Return the pictures a paste names: one path or several, plain, quoted, escaped or as `file:` addresses.

    Empty unless every word is the path of an existing file with the suffix of a picture; its bytes are not looked at.
    """
    text = text.strip()
    if not text or len(text) > _LONGEST_PATHS:
        return []
    whole = _picture(text)
    if whole is not None:
        return [whole]
    try:
        words = shlex.split(text)
    except ValueError:
        return []
    found = [_picture(word) for word in words[: _MOST_PATHS + 1]]
    return [path for path in found if path] if 0 < len(words) <= _MOST_PATHS and all(found) else []


def _picture(word: str) -> Path | None:
    """Return the path when it is one of an existing picture; a bare name is a word, not a path."""
    if word.startswith("file://"):
        word = unquote(urlsplit(word).path)
    if "/" not in word and "\\" not in word:
        return None
    if Path(word).suffix.lower() not in PICTURE_SUFFIXES:
        return None
    try:
        path = Path(word).expanduser()
        return path if path.is_file() else None
    except (OSError, ValueError, RuntimeError):  # too long, a zero byte, no such home
        return None
