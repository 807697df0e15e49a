from dataclasses import asdict

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from argus_tui.themes import (
    ARGUS_DAY,
    ARGUS_NIGHT,
    DAY,
    LEAST_CONTRAST,
    NIGHT,
    THEMES,
    VARIABLE_DEFAULTS,
    argus_variables,
    contrast,
    palette,
    theme_variables,
)

ALL_THEMES = [*THEMES, *BUILTIN_THEMES.values()]
INKS = ("text", "muted", "accent", "warn", "code")
GROUNDS = ("ground", "raised", "picked")


@pytest.mark.parametrize("theme", ALL_THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("ink", INKS)
@pytest.mark.parametrize("ground", GROUNDS)
def test_every_ink_reads_on_every_ground_of_every_theme(theme: Theme, ink: str, ground: str) -> None:
    roles = asdict(palette(theme))
    assert contrast(Color.parse(roles[ink]), Color.parse(roles[ground])) >= LEAST_CONTRAST


@pytest.mark.parametrize("theme", ALL_THEMES, ids=lambda theme: theme.name)
def test_text_on_the_filled_button_reads(theme: Theme) -> None:
    roles = palette(theme)
    assert contrast(Color.parse(roles.on_accent), Color.parse(roles.accent)) >= LEAST_CONTRAST


@pytest.mark.parametrize("theme", ALL_THEMES, ids=lambda theme: theme.name)
def test_a_palette_holds_plain_opaque_colours(theme: Theme) -> None:
    for value in asdict(palette(theme)).values():
        assert len(value) == 7
        assert Color.parse(value).hex6.lower() == value


def test_house_themes_pass_unchanged() -> None:
    assert palette(ARGUS_NIGHT) == NIGHT
    assert palette(ARGUS_DAY) == DAY


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_house_themes_hold_the_roles_as_variables(theme: Theme) -> None:
    assert theme.variables.items() >= argus_variables(palette(theme)).items()


def test_every_role_has_a_variable_with_a_default() -> None:
    assert len(VARIABLE_DEFAULTS) == len(asdict(NIGHT))
    assert all(name.startswith("argus-") for name in VARIABLE_DEFAULTS)


def test_variables_of_a_stock_theme_are_mended() -> None:
    theme = BUILTIN_THEMES["textual-light"]
    accent = Color.parse(theme_variables(theme)["argus-accent"])
    assert contrast(accent, Color.parse(palette(theme).ground)) >= LEAST_CONTRAST


def test_contrast_of_black_and_white_is_the_largest() -> None:
    assert contrast(Color(0, 0, 0), Color(255, 255, 255)) == pytest.approx(21)
    assert contrast(Color(9, 9, 9), Color(9, 9, 9)) == 1
