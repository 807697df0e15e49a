"""Passwords: which are taken, and how they are kept.

Kept is `argus1` and a bcrypt hash of an HMAC of the password: bcrypt refuses more than 72 bytes, and 37 Persian
letters are 74. Hashing takes a quarter of a second of CPU by design, so it has two threads of its own and a short
queue: whoever floods the sign-in slows the sign-in, not the answers.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import bcrypt

from argus_core.errors import InvalidInput, LimitReached

T = TypeVar("T")

COST = 12
"""Each step more doubles the time; 12 takes about 230 ms."""
MIN_CHARS = 8
MAX_CHARS = 256
THREADS = 2
MAX_WAITING = 16
_SCHEME = "argus1"
_PRE_HASH_KEY = b"argus password pre-hash, scheme 1"
"""Not a secret: it makes our pre-hash unlike any other, so that hashes stolen elsewhere are no passwords here."""
_COMMON = 3000
_BUSY_S = 3.0


class Passwords:
    """Hashes and verifies in threads of its own.

    Args:
        cost: bcrypt's; hashes of a lower one are made anew at the next sign-in.
    """

    def __init__(self, cost: int = COST) -> None:
        self._cost = cost
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        self._asked = 0
        # Of the same cost as a real one, and of no password: verifying against it takes as long.
        self._nobodys = bcrypt.gensalt(cost) + b"." * 31

    def check(self, password: str, *about: str) -> None:
        """Raise `InvalidInput` if the password is too short, too long or too easily guessed; the hint says why.

        Args:
            password: Any text.
            about: What others know of its owner: the email, the name.
        """
        plain = _normal(password)
        if not MIN_CHARS <= len(plain) <= MAX_CHARS:
            raise _refused(f"Use {MIN_CHARS} to {MAX_CHARS} characters; a sentence is easy to remember.")
        folded = plain.casefold()
        if folded in _common():
            raise _refused("It is one of the most common passwords; use a few unrelated words.")
        if folded in {part for text in about for part in _names_in(text)}:
            raise _refused("Use one that is not your name or email.")

    async def hash(self, password: str) -> str:
        """Return what to store of the password.

        Raises:
            LimitReached: Too many wait already.
        """
        hashed = await self._run(lambda: bcrypt.hashpw(_pre_hash(password), bcrypt.gensalt(self._cost)))
        return _SCHEME + hashed.decode()

    async def verify(self, password: str, stored: str | None) -> bool:
        """Tell whether it is the password; without a stored one, False after the same time.

        Raises:
            LimitReached: Too many wait already.
        """
        is_known = stored is not None and stored.startswith(_SCHEME + "$")
        hashed = stored.removeprefix(_SCHEME).encode() if stored is not None and is_known else self._nobodys
        return await self._run(lambda: bcrypt.checkpw(_pre_hash(password), hashed)) and is_known

    def needs_rehash(self, stored: str) -> bool:
        """Tell whether it was stored by an older scheme or with a lower cost."""
        scheme, _, rest = stored.partition("$2b$")
        cost = rest[:2]
        return scheme != _SCHEME or not cost.isdecimal() or int(cost) < self._cost

    def close(self) -> None:
        """Let go of the threads; who still waits is cancelled."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._asked >= THREADS + MAX_WAITING:
            raise LimitReached("Try again in a moment.", title="Too many people are signing in", retry_after_s=_BUSY_S)
        self._asked += 1
        try:
            # Whoever is cancelled while waiting leaves the queue of the pool too.
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._asked -= 1


def _refused(hint: str) -> InvalidInput:
    return InvalidInput(hint, title="That password cannot be used")


def _normal(password: str) -> str:
    """Return it in one spelling: keyboards differ in how they compose letters (NIST SP 800-63B, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def _pre_hash(password: str) -> bytes:
    text = _normal(password).encode("utf-8", "surrogatepass")
    return base64.b64encode(hmac.digest(_PRE_HASH_KEY, text, hashlib.sha256))


def _names_in(text: str) -> tuple[str, str]:
    folded = _normal(text).casefold()
    return folded, folded.partition("@")[0]


@cache
def _common() -> frozenset[str]:
    """Return the most common passwords of a length that is taken at all."""
    # Loaded when it is needed first: it is large, and most processes see no new password.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # type: ignore[import-untyped]

    fitting = [each for each in FREQUENCY_LISTS["passwords"] if len(each) >= MIN_CHARS]
    return frozenset(fitting[:_COMMON])
