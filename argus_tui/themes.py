"""The two house themes, and the ten roles that any theme is drawn with.

Surfaces are almost neutral and one grey step apart, so that 256 colours keep them apart too. A theme of somebody else
is mended: each ink moves towards white or black only as far as it must to be read on every ground.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from textual.color import Color
from textual.theme import Theme

LEAST_CONTRAST: Final = 4.5
"""Contrast ratio that all text reaches (WCAG 2.2, success criterion 1.4.3)."""
TEXT_CONTRAST: Final = 5.5
"""Contrast ratio that what people wrote reaches."""


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours by role, as `#rrggbb`. Everything of Argus is drawn with these and with nothing else."""

    ground: str
    raised: str
    picked: str
    text: str
    muted: str
    rule: str
    """Hairlines and the model's bar: never text."""
    accent: str
    on_accent: str
    warn: str
    code: str
    """Strings and numbers in code."""


def _house_theme(name: str, *, dark: bool, roles: Palette) -> Theme:
    """Answer every variable of Textual from the roles."""
    return Theme(
        name=name,
        dark=dark,
        primary=roles.accent,
        accent=roles.accent,
        success=roles.accent,
        secondary=roles.muted,
        warning=roles.warn,
        error=roles.warn,  # one warning colour: trouble is told by words, not by hue
        foreground=roles.text,
        background=roles.ground,
        surface=roles.raised,
        panel=roles.picked,
        boost=roles.picked,
        luminosity_spread=0.08,
        text_alpha=1.0,
        variables={**_text_variables(roles), **_widget_variables(roles), **argus_variables(roles)},
    )


def _text_variables(roles: Palette) -> dict[str, str]:
    muted_grounds = ("primary", "secondary", "accent", "success", "warning", "error")
    return {
        "text": roles.text,
        "text-muted": roles.muted,
        "text-disabled": roles.muted,  # Textual paints placeholders with it: they must read
        "text-primary": roles.accent,
        "text-secondary": roles.muted,
        "text-accent": roles.accent,
        "text-success": roles.accent,
        "text-warning": roles.warn,
        "text-error": roles.warn,
        "foreground-muted": roles.muted,
        "foreground-disabled": roles.muted,
        **{f"{name}-muted": roles.picked for name in muted_grounds},
    }


def _widget_variables(roles: Palette) -> dict[str, str]:
    return {
        "border": roles.accent,
        "border-blurred": roles.rule,
        "block-cursor-foreground": roles.text,
        "block-cursor-background": roles.picked,
        "block-cursor-text-style": "none",
        "block-cursor-blurred-foreground": roles.text,
        "block-cursor-blurred-background": roles.raised,
        "block-cursor-blurred-text-style": "none",
        "block-hover-background": roles.picked,
        "surface-active": roles.picked,
        "input-cursor-background": roles.accent,
        "input-cursor-foreground": roles.on_accent,
        "input-cursor-text-style": "none",
        "input-selection-background": roles.picked,
        "input-selection-foreground": roles.text,
        "screen-selection-background": roles.picked,
        "screen-selection-foreground": roles.text,
        "scrollbar": roles.rule,
        "scrollbar-hover": roles.muted,
        "scrollbar-active": roles.accent,
        "scrollbar-background": roles.ground,
        "scrollbar-background-hover": roles.ground,
        "scrollbar-background-active": roles.ground,
        "scrollbar-corner-color": roles.ground,
        "footer-foreground": roles.muted,
        "footer-background": roles.ground,
        "footer-item-background": roles.ground,
        "footer-key-foreground": roles.text,
        "footer-key-background": roles.ground,
        "footer-description-foreground": roles.muted,
        "footer-description-background": roles.ground,
        "link-color": roles.accent,
        "link-background": "initial",
        "link-style": "underline",
        "link-color-hover": roles.on_accent,
        "link-background-hover": roles.accent,
        "link-style-hover": "none",
        "button-foreground": roles.text,
        "button-color-foreground": roles.on_accent,
        "button-focus-text-style": "bold",
    }


def argus_variables(roles: Palette) -> dict[str, str]:
    """Return the roles as style sheet variables: `$argus-ground`, `$argus-muted`, `$argus-on-accent` and so on."""
    return {
        "argus-ground": roles.ground,
        "argus-raised": roles.raised,
        "argus-picked": roles.picked,
        "argus-text": roles.text,
        "argus-muted": roles.muted,
        "argus-rule": roles.rule,
        "argus-accent": roles.accent,
        "argus-on-accent": roles.on_accent,
        "argus-warn": roles.warn,
        "argus-code": roles.code,
    }


NIGHT: Final = Palette(
    ground="#121417",
    raised="#1c1f23",
    picked="#2a2e34",
    text="#dcdee2",
    muted="#9aa0a9",
    rule="#4b5159",
    accent="#62d0bd",
    on_accent="#0d1514",
    warn="#e3b062",
    code="#a4cdc4",
)
DAY: Final = Palette(
    ground="#fdfdfd",
    raised="#f2f2f1",
    picked="#e7e7e6",
    text="#22262a",
    muted="#565c64",
    rule="#b4b8bc",
    accent="#00695f",
    on_accent="#ffffff",
    warn="#855200",
    code="#37635d",
)
ARGUS_NIGHT: Final = _house_theme("argus-night", dark=True, roles=NIGHT)
ARGUS_DAY: Final = _house_theme("argus-day", dark=False, roles=DAY)
THEMES: Final = (ARGUS_NIGHT, ARGUS_DAY)
VARIABLE_DEFAULTS: Final = argus_variables(NIGHT)
"""For `App.get_theme_variable_defaults`: without them the style sheet fails to parse under a stock theme."""


def theme_variables(theme: Theme) -> dict[str, str]:
    """Return the `$argus-*` variables of any theme, mended: what `get_theme_variable_defaults` should answer."""
    return argus_variables(palette(theme))


@lru_cache(64)
def _luminance(rgb: tuple[int, int, int]) -> float:
    parts = [value / 255 for value in rgb]
    red, green, blue = (v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color, other: Color) -> float:
    """Return the contrast ratio of two opaque colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((_luminance(one.rgb), _luminance(other.rgb)))
    return (high + 0.05) / (low + 0.05)


def _reach(ink: Color, grounds: Iterable[Color], *, dark: bool, least: float = LEAST_CONTRAST) -> Color:
    """Return the ink, moved towards white or black only as far as it must be to read on every ground."""
    grounds = tuple(grounds)
    goal = Color(255, 255, 255) if dark else Color(0, 0, 0)
    share, reached = 0.0, ink
    while share < 1 and min(contrast(reached, ground) for ground in grounds) < least:
        share = min(share + 0.04, 1)
        reached = ink.blend(goal, share)
    return reached


def _surfaces(ground: Color, raised: Color, picked: Color, text: Color) -> tuple[Color, Color]:
    """Return raised and picked grounds that differ from the one below and still carry the text."""
    if contrast(raised, ground) < 1.04:
        raised = ground.blend(text, 0.05)
    while contrast(text, picked) < TEXT_CONTRAST and contrast(picked, raised) > 1.12:
        picked = picked.blend(raised, 0.15)
    if contrast(picked, raised) < 1.06:
        picked = raised.blend(text, 0.10)
    return raised, picked


def palette(theme: Theme) -> Palette:
    """Return the roles of a theme. House themes pass unchanged; in others every ink is mended until it reads."""
    for house, roles in ((ARGUS_NIGHT, NIGHT), (ARGUS_DAY, DAY)):
        if theme.name == house.name:
            return roles
    variables = {**theme.to_color_system().generate(), **theme.variables}
    ground = _opaque(variables["background"], Color(0, 0, 0) if theme.dark else Color(255, 255, 255))

    def flat(name: str) -> Color:
        return _opaque(variables[name], ground)

    text = flat("foreground")
    if contrast(text, ground) < 2:  # a theme that leaves its colours to the terminal tells us nothing: take plain ones
        text = Color(255, 255, 255) if theme.dark else Color(0, 0, 0)
    raised, picked = _surfaces(ground, flat("surface"), flat("panel"), text)
    grounds = (ground, raised, picked)
    text = _reach(text, grounds, dark=theme.dark, least=TEXT_CONTRAST)
    accent = _reach(flat("accent"), grounds, dark=theme.dark)
    return Palette(
        ground=_hex(ground),
        raised=_hex(raised),
        picked=_hex(picked),
        text=_hex(text),
        muted=_hex(_reach(ground.blend(text, 0.6), grounds, dark=theme.dark)),
        rule=_hex(ground.blend(text, 0.3)),
        accent=_hex(accent),
        on_accent=_hex(_reach(ground, (accent,), dark=not theme.dark)),
        warn=_hex(_reach(flat("warning"), grounds, dark=theme.dark)),
        code=_hex(_reach(text.blend(accent, 0.45), grounds, dark=theme.dark)),
    )


def _opaque(value: str, ground: Color) -> Color:
    """Return the colour laid over the ground; the terminal's own default counts as the ground."""
    color = Color.parse(value)
    if color.ansi == -1:
        return ground
    red, green, blue = (ground + Color(*color.rgb, color.a)).rgb
    return Color(red, green, blue)


def _hex(color: Color) -> str:
    return color.hex6.lower()
