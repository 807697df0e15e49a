"""An answer with a long log, put into a store as if it had just ended: to stream it live would take minutes."""

from __future__ import annotations

from argus_core.domain import Conversation, Generation, Message, TextPart
from argus_core.events import Completed, Event, LoggedEvent, Started, TextDelta
from argus_core.ids import new_id, utc_now
from argus_core.storage.transfer import BATCH, OwnedMessage
from benchmarks.team.fleet import Place
from benchmarks.team.speaker import MODEL, spoken

TOKENS_AN_EVENT = 2


async def long_answer(where: Place, user_id: str, count: int) -> str:
    """Store an answer of that many events; return its generation's id."""
    now = utc_now()
    conversation_id, message_id = new_id(), new_id()
    generation = Generation(
        id=new_id(),
        conversation_id=conversation_id,
        user_id=user_id,
        message_id=message_id,
        model=MODEL,
        status="completed",
        created_at=now,
        owner="benchmark",
        lease_until=now,
        ended_at=now,
    )
    talk = Conversation(
        id=conversation_id, user_id=user_id, title="Talk", created_at=now, updated_at=now, head_id=message_id
    )
    words = spoken(TOKENS_AN_EVENT * count).split(" ")
    deltas = [TextDelta(f"{words[2 * at]} {words[2 * at + 1]} ", 2 * at + 2) for at in range(count - 2)]
    events: list[Event] = [Started(MODEL), *deltas, Completed()]
    message = Message(
        id=message_id,
        conversation_id=conversation_id,
        parent_id=None,
        seq=1,
        role="assistant",
        parts=(TextPart("".join(delta.text for delta in deltas)),),
        status="completed",
        created_at=now,
        generation_id=generation.id,
        model=MODEL,
    )
    logged = [LoggedEvent(generation.id, n, generation.owner, event) for n, event in enumerate(events, 1)]
    storage = where.storage()
    await storage.open()
    try:
        await storage.load("conversations", [talk])
        await storage.load("messages", [OwnedMessage(user_id, message)])
        await storage.load("generations", [generation])
        for at in range(0, len(logged), BATCH):
            await storage.load("events", logged[at : at + BATCH])
    finally:
        await storage.close()
    return generation.id
