"""Emails as names of accounts: folded so that what looks the same is the same account.

This is the common part of UTS #39 without its tables: compatibility forms, case, what cannot be seen and how a domain
is written make no difference, and letters of two alphabets that look alike stand in no name together.
"""

from __future__ import annotations

import re
import unicodedata

from argus_core.errors import InvalidInput

MAX_EMAIL = 254
"""The longest address that mail can be sent to (RFC 5321, section 4.5.3.1.3, without the brackets)."""
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u2800\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
"""What is drawn as nothing and is neither a space nor a control: the rest of `Default_Ignorable_Code_Point` (fillers,
variation selectors, the joiner of graphemes), and the empty Braille pattern."""
_JOINERS = re.compile("[\u200c\u200d]")
"""What domains may hold between some letters."""
_ALIKE = frozenset({"LATIN", "GREEK", "CYRILLIC"})
"""Alphabets with letters that look the same."""


def fold_email(text: str) -> str:
    """Return the email in the one form in which it is stored and compared; folding it again changes nothing.

    Raises:
        InvalidInput: It is not an email, or one that could be taken for another.
    """
    local, domain = _split(_folded(text))
    labels = [_label(label) for label in domain.removesuffix(".").split(".")]
    email = f"{local}@{'.'.join(labels)}"
    if _UNSEEN.search(text) or len(email) > MAX_EMAIL or any(map(_is_hidden, email)):
        raise _no_email()
    if any(len(_alphabets(name)) > 1 for name in (local, *labels)):
        raise InvalidInput(
            "Write it in the letters of one alphabet, Latin, Greek or Cyrillic.",
            title="That email mixes letters that look alike",
        )
    return email


def stored_forms(text: str) -> tuple[str, ...]:
    """Return the forms under which an account with that email may be stored, as many for any account.

    The first is that of `fold_email`; the second is how Argus folded before, if that differs. An email that is not
    taken any more is found in the older form alone.

    Raises:
        InvalidInput: It is not an email.
    """
    older = _folded_before(text)
    try:
        newer = fold_email(text)
    except InvalidInput:
        return (older,)
    return (newer,) if newer == older else (newer, older)


def _folded(text: str) -> str:
    email = text.strip()
    if len(email) > MAX_EMAIL:
        return email
    for _ in range(3):  # letters that are lowered can need composing again, and composed ones lowering
        email = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email).casefold())
    return email.replace("。", ".")


def _folded_before(text: str) -> str:
    email = text.strip()
    if len(email) <= MAX_EMAIL:
        for _ in range(2):
            email = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email).lower())
    return "@".join(_split(email))


def _split(email: str) -> tuple[str, str]:
    """Return what stands before and behind the @, or raise `InvalidInput`."""
    local, _, domain = email.partition("@")
    if not (local and domain) or "@" in domain or len(email) > MAX_EMAIL or any(map(_is_hidden, email)):
        raise _no_email()
    return local, domain


def _label(label: str) -> str:
    """Return one part of a domain as people read it, or raise `InvalidInput`."""
    if label.isascii() and not label.startswith("xn--"):
        if not label:
            raise _no_email()
        return label
    import idna

    try:
        read = idna.decode(idna.encode(label, uts46=True), uts46=True)
    except (idna.IDNAError, UnicodeError):
        raise _no_email() from None
    return _folded(_JOINERS.sub("", read))


def _alphabets(name: str) -> frozenset[str]:
    """Return which of the alphabets that look alike a name has letters of."""
    return _ALIKE & {unicodedata.name(letter, "").partition(" ")[0] for letter in name if letter.isalpha()}


def _is_hidden(character: str) -> bool:
    """Tell spaces and controls."""
    return unicodedata.category(character)[0] in "CZ"


def _no_email() -> InvalidInput:
    return InvalidInput("Write it like name@example.org.", title="That is not an email")
