"""What each user may keep: conversations, text, pictures, preferences. Whoever deletes something has room at once.

A deleted conversation counts for nothing, and can be restored until its room is needed: what was deleted first is then
removed for good. So what a user keeps and what they could bring back stay under the limit together.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from argus_core.domain import Kept, KeptName
from argus_core.errors import AttachmentRejected, InvalidInput
from argus_core.storage.base import Keeping, Storage

MOST_PREFERENCES = 100
MOST_PREFERENCE_CHARS = 10_000
KNOWN_S = 60.0
"""So long what a user keeps is not counted again, while it is less than half of the limit."""
_MOST_KNOWN = 10_000
_MB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareLimits:
    """The most one user may keep; None for any number."""

    conversations: int | None = None
    text_bytes: int | None = None
    picture_bytes: int | None = None
    preferences: int | None = None
    sessions: int | None = None


def size_of(text: str) -> int:
    """Return how many bytes a text takes."""
    return len(text.encode(errors="replace"))


class Shares:
    """Counts what users keep, and refuses what is too much.

    Args:
        storage: Where it is kept.
        limits: Nothing is limited, and nothing counted, without.
        ticks: Tells seconds that only grow.
    """

    def __init__(
        self, storage: Storage, limits: ShareLimits | None = None, *, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._storage = storage
        self.limits = limits or ShareLimits()
        self._ticks = ticks
        self._known: dict[str, tuple[float, Keeping | None]] = {}
        """What was counted of a user and when, with what was added here since."""

    async def room_for(self, user_id: str, *, conversations: int = 0, text_bytes: int = 0) -> None:
        """Return when there is room for so much more; conversations that were deleted make way for it.

        Of a few processes each may take what is known for a minute, so they can pass a limit by what they let in then.

        Raises:
            InvalidInput: There is not; the hint says what to delete.
        """
        most = self.limits
        if most.conversations is None and most.text_bytes is None:
            return
        counted_at, keeping = self._known.pop(user_id, (0.0, None))
        now = self._ticks()
        if keeping is None or now - counted_at > KNOWN_S or not self._fits(keeping, conversations, text_bytes, 2):
            counted_at, keeping = now, await self._make_room(user_id, conversations, text_bytes)
        more = keeping.conversations + conversations
        self._known[user_id] = (
            counted_at,
            replace(keeping, conversations=more, text_bytes=keeping.text_bytes + text_bytes),
        )
        if len(self._known) > _MOST_KNOWN:
            del self._known[next(iter(self._known))]

    async def room_for_picture(self, user_id: str, size_bytes: int) -> None:
        """Return when there is room for a picture of that size; conversations that were deleted make way for it.

        Raises:
            AttachmentRejected: There is not; the hint says what to delete.
        """
        most = self.limits.picture_bytes
        if most is None:
            return
        keeping = await self._storage.keeping(user_id)
        while keeping.picture_bytes + size_bytes > most and await self._storage.purge_oldest_deleted(user_id):
            keeping = await self._storage.keeping(user_id)
        if keeping.picture_bytes + size_bytes > most:
            raise AttachmentRejected(
                f"Your pictures take {keeping.picture_bytes // _MB:,} of {most // _MB:,} MB: delete conversations with "
                "pictures you no longer need."
            )

    async def room_for_preference(self, user_id: str, name: str, value: str) -> None:
        """Return when the value may be kept under that name, or raise `InvalidInput`."""
        most = self.limits.preferences
        if most is None:
            return
        if len(value) > MOST_PREFERENCE_CHARS:
            raise InvalidInput(f"Keep it to {MOST_PREFERENCE_CHARS:,} characters.", title="That is too long to keep")
        is_full = await self._storage.count_preferences(user_id) >= most
        if is_full and await self._storage.get_preference(user_id, name) is None:
            raise InvalidInput(f"Forget one of the {most} that are kept.", title="Too many preferences are kept")

    async def kept(self, user_id: str, sessions: Callable[[], Awaitable[int]]) -> tuple[Kept, ...]:
        """Return what the user keeps of all that is limited.

        Args:
            user_id: Whose.
            sessions: Counts where they are signed in.
        """
        most = self.limits
        if most == ShareLimits():
            return ()
        keeping = await self._storage.keeping(user_id)
        every: tuple[tuple[KeptName, int, int | None], ...] = (
            ("conversations", keeping.conversations, most.conversations),
            ("text_bytes", keeping.text_bytes, most.text_bytes),
            ("picture_bytes", keeping.picture_bytes, most.picture_bytes),
            ("sessions", await sessions(), most.sessions),
        )
        return tuple(Kept(name=name, used=used, limit=limit) for name, used, limit in every if limit is not None)

    async def _make_room(self, user_id: str, conversations: int, text_bytes: int) -> Keeping:
        keeping = await self._storage.keeping(user_id)
        most = self.limits
        if most.conversations is not None and keeping.conversations + conversations > most.conversations:
            raise InvalidInput(
                f"You keep {keeping.conversations:,} of {most.conversations:,}: delete those you no longer need.",
                title="There is no room for another conversation",
            )
        if most.text_bytes is not None and text_bytes and keeping.text_bytes + text_bytes > most.text_bytes:
            raise InvalidInput(
                f"Your conversations take {keeping.text_bytes // _MB:,} of {most.text_bytes // _MB:,} MB: delete those "
                "you no longer need.",
                title="There is no room for more text",
            )
        while not self._fits(keeping, conversations, text_bytes):
            if not await self._storage.purge_oldest_deleted(user_id):
                break
            keeping = await self._storage.keeping(user_id)
        return keeping

    def _fits(self, keeping: Keeping, conversations: int, text_bytes: int, share: int = 1) -> bool:
        """Return whether so much more stays under a limit, or a share of it, with what was deleted."""
        most = self.limits
        number = keeping.conversations + keeping.deleted + conversations
        size = keeping.text_bytes + keeping.deleted_text_bytes + text_bytes
        return (most.conversations is None or number <= most.conversations // share) and (
            most.text_bytes is None or size <= most.text_bytes // share
        )
