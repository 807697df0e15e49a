"""A long conversation against a short one: asking in it, and reading its last page."""

from __future__ import annotations

import os
import time
from contextlib import aclosing
from dataclasses import dataclass
from datetime import timedelta

from argus_core import bootstrap
from argus_core.client.local import LocalClient
from argus_core.domain import Conversation, Message, TextPart
from argus_core.ids import new_id, utc_now
from argus_core.storage.transfer import BATCH, OwnedMessage, PortableStorage
from benchmarks.answers import answer
from benchmarks.cases import Row
from benchmarks.measure import Figures
from benchmarks.team.fleet import KINDS, Kind, make_accounts, place
from benchmarks.team.report import Runs, say
from benchmarks.team.server import speaking
from benchmarks.team.speaker import question

PAGE = 50
SHORT, LONG = 10, 10_000
WARM = 10


def _rows(kind: Kind) -> tuple[Row, ...]:
    long, short, page = (f"{kind}/{count}" for count in (LONG, SHORT, PAGE))
    return (
        Row(f"{kind}: a turn asked at {LONG:,} messages against {SHORT}", long, "ask_us", short, "≤ 1.5 ×"),
        Row(f"… page of {PAGE} at {LONG:,} against {SHORT}, which has but {SHORT}", long, "page_us", short, "≤ 1.5 ×"),
        Row(f"… page of {PAGE} at {LONG:,} against one of {PAGE}", long, "page_us", page, "≤ 1.5 ×"),
    )


ROWS = tuple(row for kind in KINDS for row in _rows(kind))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """How long the long one is, and how often each is tried."""

    long: int = LONG
    times: int = 200


async def measure(lengths: Lengths) -> Runs:
    """Fill a store of each kind, and try each length in turn."""
    runs: Runs = {}
    for kind in KINDS:
        with place(kind) as where:
            account = (await make_accounts(where, 1))[0]
            services = speaking(await bootstrap.open_services(where.settings, with_accounts=True), where.settings)
            client = LocalClient(services, account.user, session_id=account.session_id)
            filling = where.storage()
            await filling.open()
            try:
                long = await _conversation(filling, account.user.id, lengths.long)
                for number in range(WARM + lengths.times):
                    talks = [(LONG, long)]
                    talks += [(count, await _conversation(filling, account.user.id, count)) for count in (PAGE, SHORT)]
                    for name, talk in talks[number % 3 :] + talks[: number % 3]:
                        figures = await _try(client, talk.id)
                        if number >= WARM:
                            runs.setdefault(f"{kind}/{name}", []).append(figures)
            finally:
                await filling.close()
                await services.close()
        say(f"   history, {kind}: done, load {os.getloadavg()[0]:.1f}")
    return runs


async def _try(client: LocalClient, conversation_id: str) -> Figures:
    """Read the last page, then ask; the short ones are made anew each time, since asking lengthens them."""
    head_id = (await client.conversations.get(conversation_id)).head_id
    assert head_id is not None
    began = time.perf_counter()
    await client.messages.path(head_id, limit=PAGE)
    read_at = time.perf_counter()
    turn = await client.generations.ask(conversation_id, question(1))
    asked_at = time.perf_counter()
    async with aclosing(client.generations.events(turn.generation.id)) as stream:
        async for _ in stream:
            pass
    return {"page_us": (read_at - began) * 1e6, "ask_us": (asked_at - read_at) * 1e6}


async def _conversation(storage: PortableStorage, user_id: str, count: int) -> Conversation:
    """Make one of that many messages."""
    now = utc_now()
    text, ids = answer("mix", 160).text, [new_id() for _ in range(count)]
    talk = Conversation(
        id=new_id(), user_id=user_id, title="Talk", title_by_user=True, created_at=now, updated_at=now, head_id=ids[-1]
    )
    messages = [
        Message(
            id=id,
            conversation_id=talk.id,
            parent_id=ids[number - 1] if number else None,
            seq=number + 1,
            role="assistant" if number % 2 else "user",
            parts=(TextPart(text if number % 2 else f"Question {number}: what is in it?"),),
            status="completed",
            created_at=now + timedelta(milliseconds=number),
            client_msg_id=None if number % 2 else new_id(),
        )
        for number, id in enumerate(ids)
    ]
    await storage.load("conversations", [talk])
    for at in range(0, count, BATCH):
        await storage.load("messages", [OwnedMessage(user_id, message) for message in messages[at : at + BATCH]])
    return talk
