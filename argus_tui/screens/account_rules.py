"""What can be seen of a name, an email or a password without asking anybody; the server has the last word.

Everything is counted in characters, so that a Persian password may be as long as an English one.
"""

from __future__ import annotations

MAX_NAME = 80
MAX_EMAIL = 254
MAX_CODE = 200
MIN_PASSWORD, MAX_PASSWORD = 8, 256


def not_an_email(text: str) -> str:
    """Return what to say when no server would take it for an email; empty when one may."""
    local, at, domain = text.strip().partition("@")
    is_one = bool(local and at and domain) and "@" not in domain and not any(map(str.isspace, text.strip()))
    return "" if is_one else "such as name@example.org"


def password_fault(text: str) -> str:
    """Return what is wrong with a new password; empty when nothing is."""
    return f"{len(text)} of at least {MIN_PASSWORD}" if len(text) < MIN_PASSWORD else ""


def password_hint(text: str) -> str:
    """Return what to say about a new password while it is typed."""
    if not text:
        return f"{MIN_PASSWORD} characters or more"
    return password_fault(text) or f"{len(text)} characters"


def repeat_hint(first: str, second: str) -> tuple[str, bool]:
    """Return what to say about the password typed a second time, and whether it is another one."""
    if not second:
        return "", False
    return ("the same", False) if first == second else ("not the same yet", True)
