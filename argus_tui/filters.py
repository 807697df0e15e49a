"""What every line passes through on its way to the terminal, whoever drew it."""

from __future__ import annotations

from dataclasses import fields

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from argus_core.text.clean import FORBIDDEN
from argus_tui.glyphs import FULL, PLAIN


class NoControls(LineFilter):
    """The last line of defence: nothing that drives a terminal leaves in a text, should a `clean()` be missing."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        if not any(FORBIDDEN.search(text) for text, _, control in segments if not control):
            return segments
        return [Segment(FORBIDDEN.sub("\ufffd", text), style, control) for text, style, control in segments]


def _plain_table() -> dict[int, str]:
    """Return what stands in for each sign; the dots of the eye are left out."""
    table: dict[str, str] = {chr(dots): " " for dots in range(0x2800, 0x2900)}
    for at, frame in enumerate(FULL.spinner):
        table[frame] = PLAIN.spinner[at % len(PLAIN.spinner)]
    for field in fields(FULL):
        full, plain = getattr(FULL, field.name), getattr(PLAIN, field.name)
        if len(full) == len(plain) == 1:
            table[full] = plain
    return str.maketrans(table)


class PlainGlyphs(LineFilter):
    """Puts plain signs in place of ours where the font or the terminal has no others; cell for cell."""

    def __init__(self) -> None:
        super().__init__()
        self._table = _plain_table()

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [Segment(text.translate(self._table), style, control) for text, style, control in segments]
