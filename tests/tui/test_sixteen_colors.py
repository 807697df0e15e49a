"""With 8 or 16 colours each role is one of the terminal's own."""

from __future__ import annotations

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from argus_tui.sixteen_colors import SixteenColors, has_few_colors
from argus_tui.themes import DAY, NIGHT, Palette

GROUND = Color.parse("#000000")


def drawn(text: str, style: Style, palette: Palette = NIGHT) -> Style:
    found = SixteenColors(lambda: palette, lambda: palette is NIGHT).apply([Segment(text, style)], GROUND)[0].style
    assert found is not None
    return found


NAMES = {
    None: "default",
    0: "black",
    1: "red",
    3: "yellow",
    4: "blue",
    6: "cyan",
    8: "bright_black",
    15: "bright_white",
}


def names(style: Style) -> tuple[str, str]:
    assert style.color is not None
    assert style.bgcolor is not None
    return NAMES[style.color.number], NAMES[style.bgcolor.number]


@pytest.mark.parametrize(
    ("system", "few"), [("standard", True), ("256", False), ("truecolor", False), (None, False), ("windows", False)]
)
def test_only_terminals_of_16_colours_need_it(system: str | None, few: bool) -> None:
    assert has_few_colors(system) is few


@pytest.mark.parametrize(("palette", "accent", "warn"), [(NIGHT, "cyan", "yellow"), (DAY, "blue", "red")])
@pytest.mark.parametrize("ground", ["ground", "raised"])
def test_inks_keep_their_roles_on_the_ground_of_the_terminal(
    palette: Palette, accent: str, warn: str, ground: str
) -> None:
    shown = {
        role: names(drawn("a", Style(color=getattr(palette, role), bgcolor=getattr(palette, ground)), palette))
        for role in ("text", "muted", "accent", "warn")
    }
    assert shown == {
        "text": ("default", "default"),
        "muted": ("bright_black", "default"),
        "accent": (accent, "default"),
        "warn": (warn, "default"),
    }


@pytest.mark.parametrize("palette", [NIGHT, DAY])
def test_what_is_picked_lies_on_blue_and_is_bright(palette: Palette) -> None:
    style = Style(color=palette.text, bgcolor=palette.picked, bold=True)
    assert names(drawn("a", style, palette)) == ("bright_white", "blue")
    assert drawn("a", style, palette).bold


def test_a_colour_between_roles_is_that_of_the_nearest() -> None:
    assert names(drawn("a", Style(color="#63cfbe", bgcolor="#131518"))) == ("cyan", "default")


def test_a_filled_button_can_be_read() -> None:
    assert names(drawn("a", Style(color=NIGHT.on_accent, bgcolor=NIGHT.accent))) == ("black", "cyan")
    assert names(drawn("a", Style(color=DAY.on_accent, bgcolor=DAY.accent), DAY)) == ("bright_white", "blue")


def test_pictures_and_what_came_through_before_stay_as_they_are() -> None:
    picture = Style(color="#102030", bgcolor="#405060")
    assert drawn("▀▀", picture) == picture
    once = drawn("a", Style(color=NIGHT.accent, bgcolor=NIGHT.picked))
    assert drawn("a", once) == once
