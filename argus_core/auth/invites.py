"""Codes that let somebody in once: shown when they are made, stored as a digest."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import timedelta

LIFETIME = timedelta(days=7)
_RANDOM_BYTES = 20
"""160 bits: nobody finds one by trying."""


def new_code() -> str:
    """Return a new code in groups of four letters and digits, none of which is easily taken for another."""
    code = base64.b32encode(secrets.token_bytes(_RANDOM_BYTES)).decode().lower()
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def digest_code(code: str) -> str:
    """Return what is stored of a code, however it was typed in."""
    plain = "".join(filter(str.isalnum, code)).lower()
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
