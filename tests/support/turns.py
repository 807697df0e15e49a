"""Turns and logs for tests of the engine, with what a test does not care about filled in."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from argus_core.domain import Generation, Message, MessageStatus, Part, Role, TextPart, Turn
from argus_core.events import Event, LoggedEvent

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
USER = "u" * 32


def a_message(
    id: str = "m1",
    text: str = "",
    *,
    role: Role = "user",
    parent_id: str | None = None,
    parts: tuple[Part, ...] | None = None,
    status: MessageStatus = "completed",
    generation_id: str | None = None,
) -> Message:
    return Message(
        id=id,
        conversation_id="c1",
        parent_id=parent_id,
        seq=0,
        role=role,
        parts=((TextPart(text),) if text else ()) if parts is None else parts,
        status=status,
        created_at=NOW,
        generation_id=generation_id,
    )


def a_generation(
    id: str = "g1", *, owner: str = "me", lease_until: datetime = NOW + timedelta(seconds=3), message_id: str = ""
) -> Generation:
    return Generation(
        id=id,
        conversation_id="c1",
        user_id=USER,
        message_id=message_id or f"reply of {id}",
        model="scripted-1",
        status="running",
        created_at=NOW,
        owner=owner,
        lease_until=lease_until,
    )


def a_turn(id: str = "g1", question: str = "Why?", *, owner: str = "me") -> Turn:
    asked = a_message(f"question of {id}", question)
    reply = a_message(f"reply of {id}", role="assistant", parent_id=asked.id, status="running", generation_id=id)
    return Turn(question=asked, reply=reply, generation=a_generation(id, owner=owner))


def logged(*events: Event, id: str = "g1", owner: str = "me", first: int = 1) -> list[LoggedEvent]:
    return [LoggedEvent(id, n, owner, event) for n, event in enumerate(events, first)]


async def settle() -> None:
    """Let everything happen that can happen without time passing."""
    for _ in range(50):
        await asyncio.sleep(0)
