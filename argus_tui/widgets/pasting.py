"""What a paste is: small text, much text that is folded, or the path of a picture that was dropped on the terminal."""

from __future__ import annotations

import os
import re
import shlex
import unicodedata
from itertools import islice
from pathlib import Path, PurePath
from typing import Final
from urllib.parse import unquote

FOLD_LINES: Final = 20
FOLD_CHARS: Final = 2_000
PICTURE_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif"})
_OTHER_MEDIA: Final = re.compile(
    r"\.(heic|heif|avif|bmp|tiff?|svg|ico|jxl|jp2|psd|raw|dng|cr2|nef|arw"
    r"|pdf|mp4|mov|m4v|mkv|webm|avi|mp3|m4a|wav|ogg|flac|opus)\Z"
)
"""What people drop and Argus does not take: said to them, instead of sending the path as words."""
FOLDED: Final = re.compile(r"\[pasted (?:\d+ lines|[\d,]+ letters)(?: #\d+)?, f8 opens\]")
_MOST_PATHS = 10
_LONGEST_PATHS = 8_192
_MOST_ENTRIES = 20_000
"""Entries of a folder that are looked through for a name that is written otherwise."""


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


def dropped_files(text: str) -> list[Path]:
    """Return the files a paste names: one or several paths, plain, quoted, escaped or as `file:` addresses.

    Empty unless all of it are paths of existing files, one of a picture or another medium among them: the path of
    anything else may well be meant as text. What is in the files is not looked at.
    """
    text = text.strip()
    if not text or len(text) > _LONGEST_PATHS:
        return []
    for words in (_whole, _lines, _shell_words, _starts_of_paths):
        named = words(text)
        found = [_existing(word) for word in named] if len(named) <= _MOST_PATHS else []
        paths = [path for path in found if path is not None]
        if paths and len(paths) == len(found) and any(_is_medium(path.name) for path in paths):
            return paths
    return []


def missed_file(text: str) -> str:
    """Return the name of the file when a paste is the path of a picture that is not on this machine; else empty.

    A terminal at the other end of a connection gives the paths of its own machine.
    """
    if len(text) > _LONGEST_PATHS:
        return ""
    words = _shell_words(text)
    path = _from_address(words[0] if len(words) == 1 else text.strip())
    is_path = path.startswith("~/") or (path.startswith("/") and path.count("/") > 1)
    return path.rpartition("/")[2] if is_path and "\n" not in path and _is_medium(path) else ""


def named_file(argument: str) -> Path:
    """Return the file that somebody named behind `/attach`, existing or not."""
    argument = argument.strip()
    words = _shell_words(argument)
    name = words[0] if len(words) == 1 else argument
    return _existing(argument) or _expanded(name)


def _is_medium(name: str) -> bool:
    suffix = PurePath(name).suffix.lower()
    return suffix in PICTURE_SUFFIXES or _OTHER_MEDIA.match(suffix) is not None


def _whole(text: str) -> list[str]:
    return [text]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _shell_words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # an apostrophe that is none of the shell's
        return []


def _starts_of_paths(text: str) -> list[str]:
    return re.split(r"\s+(?=~?/|file:)", text)


def _existing(word: str) -> Path | None:
    """Return the existing file that a word is the path of; a bare name is a word, not a path."""
    words = [word, *_shell_words(word)[:2]]
    for name in [_from_address(one) for one in (words if len(words) == 2 else words[:1])]:
        try:
            path = _as_on_disk(_expanded(name)) if "/" in name or "\\" in name else None
            if path is not None and path.is_file():
                return path
        except (OSError, ValueError):  # too long, a zero byte
            continue
    return None


def _expanded(name: str) -> Path:
    try:
        return Path(name).expanduser()
    except RuntimeError:  # no such home
        return Path(name)


def _from_address(word: str) -> str:
    """Return the path of a `file:` address; `#` and `?` are part of a name that nobody escaped."""
    if not word.startswith("file:/"):
        return word
    rest = word.removeprefix("file:")
    path = "/" + rest[2:].partition("/")[2] if rest.startswith("//") else rest
    return unquote(path, errors="surrogateescape")


def _as_on_disk(path: Path) -> Path:
    """Return the path with its names as the disk has them, where only blanks or the forms of accents differ.

    macOS puts a narrow blank before AM in the names of its screenshots, and takes letters and accents apart; both
    seldom survive the way through a terminal.
    """
    if path.exists() or not path.is_absolute():
        return path
    known = Path(path.anchor)
    for name in path.parts[1:]:
        if not (known / name).exists():
            with os.scandir(known) as entries:
                names = [entry.name for entry in islice(entries, _MOST_ENTRIES)]
            alike = [one for one in names if _folded(one) == _folded(name)]
            name = alike[0] if len(alike) == 1 else name
        known /= name
    return known


def _folded(name: str) -> str:
    return re.sub(r"\s", " ", unicodedata.normalize("NFC", name))
