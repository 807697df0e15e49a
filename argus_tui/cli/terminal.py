"""What the commands write: clean text, colours only where they are wanted, tables aligned by terminal cells."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from argus_core.text.clean import clean, clean_line
from argus_tui.cli.streams import tell

MUTED = "2"
BOLD = "1"
_GAP = "  "


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a person reads the stream, on a terminal that can move its cursor."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def can_show_app() -> bool:
    """Return whether the program can be drawn here and typed into."""
    return is_terminal(sys.stdin) and is_terminal(sys.stdout)


def paint(text: str, style: str, stream: TextIO | None = None) -> str:
    """Return clean `text` in a style where the stream shows colours and NO_COLOR is not set (no-color.org)."""
    if os.environ.get("NO_COLOR") or not is_terminal(stream or sys.stdout):
        return text
    return f"\x1b[{style}m{text}\x1b[0m"


def say(text: str = "", style: str = "") -> None:
    """Write cleaned text and a line end on stdout."""
    cleaned = clean(text)
    print(paint(cleaned, style) if style else cleaned)


def note(sentence: str) -> None:
    """Write one clean line on stderr for whoever runs the command: not its result, and no error."""
    tell(f"{paint(clean_line(sentence), MUTED, sys.stderr)}\n")


def say_json(value: Any) -> None:
    """Write one line of JSON in plain ASCII on stdout: no byte of it can mean anything to a terminal."""
    print(json.dumps(value, ensure_ascii=True, allow_nan=False).replace("\x7f", "\\u007f"), flush=True)


def columns() -> int:
    """Return how many cells a line has."""
    return shutil.get_terminal_size().columns


def say_table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, flexible: int) -> None:
    """Write rows under heads; in a pipe without heads, separated by tabs and not shortened.

    Args:
        heads: A word over each column.
        rows: The cells, not yet clean.
        flexible: The column that is shortened so that rows fit the terminal.
    """
    cleaned = [[clean_line(cell) for cell in row] for row in rows]
    if not is_terminal(sys.stdout):
        for row in cleaned:
            print("\t".join(row))
        return
    widths = _widths(heads, cleaned, flexible)
    print(paint(_line(heads, widths), MUTED))
    for row in cleaned:
        print(_line(row, widths))


def say_facts(facts: Mapping[str, str]) -> None:
    """Write names and values, the values aligned."""
    width = max((_cells(name) for name in facts), default=0)
    for name, value in facts.items():
        print(f"{paint(_fit(clean_line(name), width), MUTED)}{_GAP}{clean_line(value)}")


def _widths(heads: Sequence[str], rows: Sequence[Sequence[str]], flexible: int) -> list[int]:
    widths = [max(_cells(cell) for cell in column) for column in zip(heads, *rows, strict=True)]
    over = sum(widths) + len(_GAP) * (len(widths) - 1) - columns()
    if over > 0:
        widths[flexible] = max(8, widths[flexible] - over)
    return widths


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(_fit(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _fit(text: str, width: int) -> str:
    from argus_tui import format  # loads the widths of all characters: not for `argus --help`

    return format.fit(text, width)


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
