"""Deterministic Markdown answers cut into tokens, with words in them that can be found again on a screen."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Kind = Literal["mix", "prose", "list", "code", "table"]

START = "STARTMARK4419"
"""In the first token of every answer."""
END = "ENDMARK7731"
"""The last token of every answer."""
MARK = re.compile(r"MARK\d{4,5}\b")
_MARK_EVERY = 100
_TOKEN = re.compile(r"\n+| *[A-Za-z0-9]{1,7}| *[^\sA-Za-z0-9]{1,4}| +")
_WORDS = (
    "the a of and to in stream token server client layout paint screen buffer event loop model render block cache "
    "latency frame cell width diff parse delta socket await queue budget measure simple robust quick careful terminal "
    "markdown answer message history window"
).split()


@dataclass(frozen=True, slots=True)
class Answer:
    """Some tokens, and which of them hold a mark."""

    tokens: tuple[str, ...]
    marks: dict[int, str]

    @property
    def text(self) -> str:
        """The whole Markdown document."""
        return "".join(self.tokens)


def _sentence(rng: random.Random, low: int = 8, high: int = 18) -> str:
    words = [rng.choice(_WORDS) for _ in range(rng.randint(low, high))]
    at = rng.randrange(len(words))
    words[at] = rng.choice(("**%s**", "*%s*", "`%s`", "%s")) % words[at]
    return " ".join(words).capitalize() + "."


def _heading(rng: random.Random) -> str:
    return f"## {rng.choice(_WORDS).title()} {rng.choice(_WORDS)}\n\n"


def _paragraph(rng: random.Random) -> str:
    return " ".join(_sentence(rng) for _ in range(rng.randint(3, 5))) + "\n\n"


def _bullet(rng: random.Random) -> str:
    return f"- {_sentence(rng, 5, 10)}\n"


def _step(rng: random.Random) -> str:
    return f"1. {_sentence(rng, 5, 10)}\n"


def _row(rng: random.Random) -> str:
    return f"| {rng.choice(_WORDS)} | {rng.randint(1, 999)} | {rng.choice(_WORDS)} {rng.choice(_WORDS)} |\n"


def _line_of_code(rng: random.Random) -> str:
    name, other = rng.choice(_WORDS), rng.choice(_WORDS)
    return f"    {name} = compute({other}, limit={rng.randint(1, 99)})  # {rng.choice(_WORDS)}\n"


_TABLE_HEAD = "| name | value | note |\n|---|---:|---|\n"


def _section(rng: random.Random) -> str:
    """A heading, paragraphs, a list, code, a table and steps."""
    code = "".join(_line_of_code(rng) for _ in range(6))
    return (
        _heading(rng)
        + _paragraph(rng)
        + "".join(_bullet(rng) for _ in range(5))
        + f"\n```python\ndef section(loop):\n{code}    return None\n```\n\n"
        + _paragraph(rng)
        + _TABLE_HEAD
        + "".join(_row(rng) for _ in range(5))
        + "\n"
        + "".join(_step(rng) for _ in range(4))
        + "\n"
    )


_OPENING: dict[Kind, str] = {"mix": "", "prose": "", "list": "", "code": "```python\n", "table": _TABLE_HEAD}
_UNIT: dict[Kind, Callable[[random.Random], str]] = {
    "mix": _section,
    "prose": _paragraph,
    "list": _bullet,
    "code": _line_of_code,
    "table": _row,
}
_CLOSING: dict[Kind, tuple[str, ...]] = {
    "mix": (),
    "prose": (),
    "list": (),
    "code": ("\n```",),
    "table": (),
}


@lru_cache
def answer(kind: Kind, count: int) -> Answer:
    """Return exactly `count` tokens: a mix of blocks, or one long block of one kind."""
    rng = random.Random(7731)
    tokens = [START, *_TOKEN.findall(f" begins it. {_sentence(rng)}\n\n{_OPENING[kind]}")]
    tail = (*_CLOSING[kind], "\n\n", END)
    room = count - len(tail)
    while len(tokens) < room:
        tokens += _TOKEN.findall(_UNIT[kind](rng))
    tokens = tokens[:room]
    marks = _set_marks(tokens)
    return Answer((*tokens, *tail), marks)


def _set_marks(tokens: list[str]) -> dict[int, str]:
    """Replace a plain word near every hundredth token by a mark."""
    marks: dict[int, str] = {}
    for start in range(_MARK_EVERY, len(tokens) - _MARK_EVERY // 2, _MARK_EVERY):
        for index in range(start, start + _MARK_EVERY // 2):
            if re.fullmatch(r" [a-z]{3,7}", tokens[index]):
                marks[index] = f"MARK{start:04d}"
                tokens[index] = f" {marks[index]}"
                break
    return marks
