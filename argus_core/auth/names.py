"""Names of users."""

from __future__ import annotations

from argus_core.errors import InvalidInput
from argus_core.text.clean import clean_line

MAX_NAME = 80


def checked_name(name: str) -> str:
    """Return the name as one clean line, or raise `InvalidInput` if nothing is left of it or it is too long."""
    line = clean_line(name)
    if not 1 <= len(line) <= MAX_NAME:
        raise InvalidInput(f"Use 1 to {MAX_NAME} characters.", title="That name cannot be used")
    return line
