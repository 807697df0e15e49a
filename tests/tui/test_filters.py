"""What every line passes through: controls never leave, and plain signs stand in cell for cell."""

from rich.segment import Segment
from textual.color import Color

from argus_tui.filters import NoControls, PlainGlyphs
from argus_tui.glyphs import FULL, PLAIN

BLACK = Color(0, 0, 0)


def test_a_control_in_a_drawn_line_becomes_a_mark_of_the_same_width() -> None:
    drawn = [Segment("safe \x1b]52;c;eA==\x07 \u202eend")]

    (filtered,) = NoControls().apply(drawn, BLACK)

    assert filtered.text == "safe \ufffd]52;c;eA==\ufffd \ufffdend"


def test_a_line_without_controls_is_handed_on_as_it_is() -> None:
    drawn = [Segment("می‌خواهم"), Segment(" 🦊 ok")]

    assert NoControls().apply(drawn, BLACK) is drawn


def test_every_sign_has_a_plain_one_of_the_same_width() -> None:
    drawn = [Segment(f"{FULL.you} {FULL.bullet} {FULL.chosen}{FULL.cut}{FULL.spinner[0]} ⣿ text")]

    (filtered,) = PlainGlyphs().apply(drawn, BLACK)

    assert filtered.text == f"{PLAIN.you} {PLAIN.bullet} {PLAIN.chosen}{PLAIN.cut}{PLAIN.spinner[0]}   text"
    assert filtered.text.isascii()
