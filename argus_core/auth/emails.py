"""Emails as names of accounts: folded so that equal text is the same account."""

from __future__ import annotations

import unicodedata

from argus_core.errors import InvalidInput

MAX_EMAIL = 254
"""The longest address that mail can be sent to (RFC 5321, section 4.5.3.1.3, without the brackets)."""


def fold_email(text: str) -> str:
    """Return the email in the one form in which it is stored and compared; folding it again changes nothing.

    Raises:
        InvalidInput: It is not an email.
    """
    email = text.strip()
    if len(email) <= MAX_EMAIL:
        # Letters that are lowered can need composing again, and composed ones lowering.
        email = _lowered(_lowered(email))
    local, at, domain = email.partition("@")
    if not (local and at and domain) or "@" in domain or len(email) > MAX_EMAIL or any(map(_is_hidden, email)):
        raise InvalidInput("Write it like name@example.org.", title="That is not an email")
    return email


def _lowered(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())


def _is_hidden(character: str) -> bool:
    """Tell spaces, controls, and what no font shows: two emails that look the same shall be the same."""
    return unicodedata.category(character)[0] in "CZ"
