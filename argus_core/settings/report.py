"""The settings as people read them: for `argus doctor` and `.env.example`."""

from __future__ import annotations

from typing import NamedTuple

from argus_core.settings.fields import DECLARED
from argus_core.settings.sources import NOT_IN_DOTENV, LoadedSettings
from argus_core.settings.values import shown


class Described(NamedTuple):
    """One setting as `argus doctor` prints it; a secret's value is masked."""

    name: str
    value: str
    source: str
    doc: str


def describe(loaded: LoadedSettings) -> list[Described]:
    """Return every setting in the order of the fields."""
    return [
        Described(declared.env, shown(declared, getattr(loaded.settings, name)), loaded.sources[name], declared.doc)
        for name, declared in DECLARED.items()
    ]


def env_example() -> str:
    """Return the text of `.env.example`, which names every setting with its sentence, choices and default."""
    lines = ["# Copy this to .env in the folder you start argus in, and take the # off the lines you want."]
    for name, declared in DECLARED.items():
        choices = f" One of: {', '.join(declared.choices)}." if declared.choices else ""
        place = " In the environment only, not in .env." if name in NOT_IN_DOTENV else ""
        default = "" if declared.default is None else shown(declared, declared.default)
        lines += ["", f"# {declared.doc}{choices}{place}", f"# {declared.env}={default}"]
    return "\n".join(lines) + "\n"
