"""Holds back those who guess passwords, before anything is hashed: it waits longer, and never locks for good.

An account that somebody attacks has a bucket that the attack keeps empty. So that its owner still gets in, a client on
which they have signed in before (`Tokens.find_device`) has a bucket of its own. Keys of buckets are digests: a copy of
the store tells no emails of those who have no account.
"""

from __future__ import annotations

import hashlib
import logging
import math
from ipaddress import IPv6Address, ip_address

from argus_core.errors import LimitReached
from argus_core.storage.accounts import AccountStorage, Rate

ACCOUNT = Rate(burst=5, per_s=1 / 30)
ADDRESS = Rate(burst=20, per_s=1 / 3)
SESSIONS = Rate(burst=10, per_s=1 / 6)
"""New sessions of one user, whose password was right each time."""
_log = logging.getLogger(__name__)


class Throttle:
    """Counts tries; each method raises `LimitReached` with the time to wait when there were too many."""

    def __init__(self, storage: AccountStorage) -> None:
        self._storage = storage

    async def sign_up(self, address: str) -> None:
        """Count a sign-up."""
        await self._take("address", network_of(address), ADDRESS)

    async def sign_in(self, address: str, email: str, device_id: str | None) -> None:
        """Count a try to sign in.

        Args:
            address: Where it comes from.
            email: Whose account, there or not.
            device_id: The client's, if this very user has signed in on it before.
        """
        await self._take("address", network_of(address), ADDRESS)
        if device_id is None:
            await self._take("account", email, ACCOUNT)
        else:
            await self._take("device", f"{device_id} {email}", ACCOUNT)

    async def session(self, user_id: str) -> None:
        """Count a session that a user is about to begin, the password being right."""
        await self._take("user", user_id, SESSIONS, "You are signing in too often")

    async def password_change(self, session_id: str) -> None:
        """Count a try of the old password by somebody who is signed in."""
        await self._take("session", session_id, ACCOUNT)

    async def _take(self, kind: str, whose: str, rate: Rate, title: str = "Too many attempts to sign in") -> None:
        digest = hashlib.sha256(f"{kind} {whose}".encode("utf-8", "surrogatepass")).hexdigest()
        taken = await self._storage.take_from_bucket(f"sign-in:{kind}:{digest}", rate)
        if not taken.allowed:
            _log.info("sign-in held back", extra={"because_of": kind})
            wait_s = max(1, math.ceil(taken.wait_s))
            raise LimitReached(f"Try again in {wait_s} s.", title=title, retry_after_s=wait_s)


def network_of(address: str) -> str:
    """Return what counts as one place: an IPv4 address, or the /64 that every customer of IPv6 has for themselves."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
    return str(parsed)
