"""What requests may hold of a process at once: bytes of bodies and answers, and turns at what is dear."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class Room:
    """Bytes that all together, and each alone, may hold.

    Args:
        most: Of all together.
        most_of_one: Of one user, or one network where nobody has signed in.
    """

    def __init__(self, most: int, most_of_one: int) -> None:
        self.most = most
        self.most_of_one = most_of_one
        self.held = 0
        """By all together."""
        self._held: Counter[str] = Counter()

    def take(self, whose: str, size: int) -> bool:
        """Take some; False, and nothing is taken, when that would be too much."""
        if self._held[whose] + size > self.most_of_one or self.held + size > self.most:
            return False
        self._held[whose] += size
        self.held += size
        return True

    def is_crowded(self, whose: str) -> bool:
        """Return whether one holds more than half of what one may hold."""
        return self._held[whose] > self.most_of_one // 2

    def give_back(self, whose: str, size: int) -> None:
        """Give back what was taken."""
        self.held -= size
        self._held[whose] -= size
        if self._held[whose] <= 0:
            del self._held[whose]


class Turns:
    """Turns at work that takes much memory for a moment, some for all together and fewer for each user.

    Who waits holds nothing, and one user's requests wait for each other, not others for them.
    """

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most_of_one = most_of_one
        self._all = asyncio.Semaphore(most)
        self._of_users: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, user_id: str) -> AsyncGenerator[None, None]:
        """Wait for a turn, and keep it until the end of the block."""
        of_user = self._of_users.setdefault(user_id, asyncio.Semaphore(self._most_of_one))
        async with of_user, self._all:
            yield
