"""Lexers of Pygments, loaded when the first code in their language appears: that takes 0.1 to 0.2 s of plain Python."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol

Ready = Callable[[], None]


class Lexer(Protocol):
    """What is used of a lexer."""

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, Any, str]]:
        """Yield position, token type and text."""


class Lexers:
    """Finds lexers by what stands after a fence, at once."""

    def __init__(self) -> None:
        self._found: dict[str, Lexer | None] = {}

    def find(self, language: str) -> Lexer | None:
        """Return the lexer, or None when the language is not known."""
        name = language.lower()
        if name not in self._found:
            self._found[name] = load(name)
        return self._found[name]


class LazyLexers(Lexers):
    """Finds lexers without making anyone wait: None until a thread has loaded the one asked for.

    `on_ready` is called in that thread.
    """

    def __init__(self, on_ready: Ready) -> None:
        super().__init__()
        self._on_ready = on_ready
        self._loading: set[str] = set()

    def find(self, language: str) -> Lexer | None:
        name = language.lower()
        if name not in self._found and name not in self._loading:
            self._loading.add(name)
            threading.Thread(target=self._load, args=(name,), name=f"lexer-{len(self._loading)}", daemon=True).start()
        return self._found.get(name)

    def _load(self, name: str) -> None:
        lexer = load(name)
        self._found[name] = lexer
        if lexer is not None:
            self._on_ready()


def load(name: str) -> Lexer | None:
    """Import and prepare a lexer, so that its first use takes no longer than any other."""
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer: Lexer = get_lexer_by_name(name)
    except ClassNotFound:
        return None
    for _ in lexer.get_tokens_unprocessed("x\n"):
        pass
    return lexer


IMMEDIATE = Lexers()
"""For those who can wait."""
