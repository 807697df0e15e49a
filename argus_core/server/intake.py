"""What a body may be: how long on which address, how slowly it may come, and how much of all is held at once."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from argus_core.attachments import MAX_BYTES
from argus_core.client.local import MAX_QUESTION_CHARS
from argus_core.conversations import MAX_DRAFT, MAX_SYSTEM
from argus_core.errors import ArgusError, AttachmentRejected, InvalidInput, LimitReached, ServerUnreachable
from argus_core.server import API
from argus_core.server.room import Room

BODY_PIECE_S = 15.0
"""A body that brings nothing for so long is given up."""
BODY_S = 600.0
"""So long a whole body may take: 20 MiB at 35 KB a second."""
GRACE_S = 15.0
LEAST_BYTES_PER_S = 16 << 10
"""What a body brings on average after that, so that nobody holds memory by sending a little now and then."""
LINGER_S = 5.0
LINGER_PIECE_S = 0.5
LINGER_BYTES = 24 << 20
LINGER_STRANGER_BYTES = 1 << 20
"""Of a body that is refused so much is still taken and dropped: who sends would lose the answer with the line."""
_JSON = 4 << 10
"""Beside the text: names of fields, ids, white space."""
_UTF8 = 4
"""Bytes that a letter takes at the most."""
UPLOADS = f"{API}/attachments"
_CAPS = (
    (re.compile(r"/conversations/[^/]+/questions"), _UTF8 * MAX_QUESTION_CHARS + _JSON),
    (re.compile(r"/conversations/[^/]+/draft"), _UTF8 * MAX_DRAFT + _JSON),
    (re.compile(r"/conversations(/[^/]+)?"), _UTF8 * MAX_SYSTEM + 2 * _JSON),
    (re.compile(r"/account/preferences/[^/]+"), _UTF8 * 10_000 + _JSON),
    (re.compile(r"/attachments"), MAX_BYTES),
)
SMALL_BYTES = 48 << 10
OTHER_BYTES = 16 << 10
"""What every other body may be: names, passwords, tokens."""


class Rooms(NamedTuple):
    """Where bytes are counted that come and go."""

    bodies: Room
    """Long ones."""
    small: Room
    """Bodies that are no longer than `SMALL_BYTES`, so that long ones leave them their room."""
    lingering: Room
    """Lines of which the rest of a body is dropped, not bytes."""
    strangers: Room
    """Bodies of those who have not signed in; counted by their network."""
    answers: Room


def new_rooms() -> Rooms:
    """Return the rooms of a process."""
    return Rooms(
        bodies=Room(24 << 20, 9 << 20),  # one user: a question as long as it may be, and some more
        small=Room(16 << 20, 1 << 20),
        lingering=Room(32, 4),
        strangers=Room(4 << 20, 256 << 10),
        answers=Room(64 << 20, 16 << 20),
    )


def too_many_answers() -> LimitReached:
    """Return the refusal for somebody who does not read the answers that they have."""
    return LimitReached("Ask again when the others have come.", title="Too many long answers at once", retry_after_s=2)


def most_bytes(path: str) -> int:
    """Return how long a body may be at an address."""
    below = path.removeprefix(API)
    return next((cap for pattern, cap in _CAPS if pattern.fullmatch(below)), OTHER_BYTES)


class Intake:
    """The body of one request on its way in."""

    def __init__(self, path: str, headers: Headers) -> None:
        self._most = most_bytes(path)
        self._is_upload = path == UPLOADS
        self._began: float | None = None
        self._came = 0
        self._held = 0
        self._length = _length(headers)
        self.is_whole = not self._length and "transfer-encoding" not in headers
        """All of the body has come."""
        self._waits_to_be_asked = "expect" in headers
        self._room: Room | None = None
        self._whose = ""

    def enter(self, rooms: Rooms, whose: str, *, is_stranger: bool) -> None:
        """Refuse what is too long, or one too many, by its own account before any of it is read.

        Raises:
            ArgusError: Why.
        """
        if self._length is not None and self._length > self._most:
            raise self._too_long()
        if self.is_whole or self._is_upload:  # an upload is kept on disk while it comes
            return
        is_small = (self._length or self._most) <= SMALL_BYTES
        self._room = rooms.strangers if is_stranger else rooms.small if is_small else rooms.bodies
        self._whose = whose
        self._hold(self._length or 0)

    def counted(self, receive: Receive) -> Receive:
        """Return what gives the body out piece by piece, and raises when it is too long, too slow or one too many."""

        async def counting() -> Message:
            if self.is_whole:
                return await receive()  # only the end of the connection is left to come
            try:
                message = await asyncio.wait_for(receive(), self._patience_s())
            except TimeoutError:
                raise InvalidInput("Send it again.", title="The request came too slowly") from None
            self._came += len(message.get("body", b""))
            self.is_whole = not message.get("more_body", False)
            if self._came > self._most:
                raise self._too_long()
            self._hold(self._came)
            return message

        return counting

    async def linger(self, receive: Receive, room: Room, whose: str, most: int) -> None:
        """Drop the rest of a body that is not wanted, if it is no longer than `most` and comes soon."""
        if self.is_whole or self._waits_to_be_asked or (self._length or 0) - self._came > most:
            return
        if room.take(whose, 1):
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LINGER_S):
                        await _drop(receive, most)
            finally:
                room.give_back(whose, 1)

    def give_back(self) -> None:
        """The request has been answered: nothing of its body is held any more."""
        if self._room is not None:
            self._room.give_back(self._whose, self._held)
            self._held = 0

    def _hold(self, size: int) -> None:
        """Hold so much in all."""
        more = size - self._held
        if self._room is None or more <= 0:
            return
        if not self._room.take(self._whose, more):
            if self._room.held + more > self._room.most:
                raise ServerUnreachable("Send it again in a moment.", title="This server is busy", retry_after_s=2)
            raise LimitReached("Send one after the other.", title="You are sending too much at once", retry_after_s=2)
        self._held = size

    def _patience_s(self) -> float:
        now = time.monotonic()
        self._began = self._began or now  # from the first look at it: some wait for a place before
        most_s = min(BODY_S, GRACE_S + self._came / LEAST_BYTES_PER_S)
        return min(BODY_PIECE_S, self._began + most_s - now)

    def _too_long(self) -> ArgusError:
        if self._is_upload:
            return AttachmentRejected(f"It is larger than {MAX_BYTES >> 20} MB.")
        return InvalidInput(f"Keep it under {max(1, self._most >> 10):,} KB.", title="The request is too large")


async def _drop(receive: Receive, most: int) -> None:
    dropped, more = 0, True
    while more and dropped <= most:
        message = await asyncio.wait_for(receive(), LINGER_PIECE_S)
        dropped += len(message.get("body", b""))
        more = message.get("more_body", False)


def _length(headers: Headers) -> int | None:
    """Return what a body says of its length; the parser has seen that it is a number."""
    text = headers.get("content-length", "")
    return int(text[:20]) if text.isdecimal() else None
