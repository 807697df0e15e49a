"""Fills a data folder with conversations, through the same services the program uses.

    python -m benchmarks.seed_store FOLDER --conversations 10000 --long 5000

`--long N` adds two conversations on top: "Long talk" of N messages and "Short talk" of 50.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import tempfile
from datetime import datetime, timedelta
from pathlib import Path

from argus_core.bootstrap import open_services
from argus_core.domain import LOCAL_USER_ID, Conversation, Generation, Message, TextPart, Turn, User
from argus_core.ids import new_id, utc_now
from argus_core.settings import Settings
from argus_core.storage.base import Ending, Storage
from benchmarks.answers import answer

MODEL = "gemini-flash-latest"
LONG_TITLE, SHORT_TITLE = "Long talk", "Short talk"
LAST_WORDS = "These are the last words."
_SUBJECTS = (
    "deploy regex letter garden invoice tram signal schema poem route backup recipe contract parser lamp".split()
)
_AT_ONCE = 64


async def seed(folder: Path, *, conversations: int, long_messages: int = 0) -> None:
    """Make the store; it is filled in memory if the system has a folder there, since each write is durable."""
    with tempfile.TemporaryDirectory(dir=_fast_folder()) as name:
        made = Path(name) / "data"
        services = await open_services(Settings(data_dir=made, config_dir=Path(name) / "config", keyring=False))
        try:
            await services.storage.ensure_user(User(id=LOCAL_USER_ID, name="benchmark", created_at=utc_now()))
            await _fill(services.storage, conversations, long_messages)
        finally:
            await services.close()
        shutil.copytree(made, folder)


def _fast_folder() -> Path | None:
    memory = Path("/dev/shm")
    return memory if memory.is_dir() else None


async def _fill(storage: Storage, conversations: int, long_messages: int) -> None:
    rng = random.Random(50)
    newest = utc_now() - timedelta(hours=1)
    for start in range(0, conversations, _AT_ONCE):
        numbers = range(start, min(start + _AT_ONCE, conversations))
        titles = [f"{rng.choice(_SUBJECTS).title()} and {rng.choice(_SUBJECTS)} {number}" for number in numbers]
        times = [newest - timedelta(minutes=7 * number) for number in numbers]
        turns = 2 if conversations <= 1_000 else 1
        await asyncio.gather(*(_talk(storage, *one, turns) for one in zip(titles, times, strict=True)))
    if long_messages:
        await _talk(storage, LONG_TITLE, newest, long_messages // 2)
        await _talk(storage, SHORT_TITLE, newest, 25)


async def _talk(storage: Storage, title: str, at: datetime, turns: int) -> None:
    conversation = Conversation(
        id=new_id(), user_id=LOCAL_USER_ID, title=title, created_at=at, updated_at=at, title_by_user=True
    )
    await storage.create_conversation(conversation)
    text, parent_id = answer("mix", 160).text, None
    for number in range(turns):
        last = number == turns - 1
        turn = _turn(conversation.id, parent_id, f"Question {number}: what is in it?", at)
        await storage.start_turn(turn)
        said = f"{text}\n\n{LAST_WORDS if last else f'Answer {number} ends.'}"
        ending = Ending(status="completed", parts=(TextPart(said),), usage=None, problem=None, ended_at=at)
        await storage.finish_generation(turn.generation.id, ending)
        parent_id = turn.reply.id


def _turn(conversation_id: str, parent_id: str | None, text: str, at: datetime) -> Turn:
    question = Message(
        id=new_id(),
        conversation_id=conversation_id,
        parent_id=parent_id,
        seq=0,
        role="user",
        parts=(TextPart(text),),
        status="completed",
        created_at=at,
        client_msg_id=new_id(),
    )
    generation = Generation(
        id=new_id(),
        conversation_id=conversation_id,
        user_id=LOCAL_USER_ID,
        message_id=new_id(),
        model=MODEL,
        status="running",
        created_at=at,
        owner="seed",
        lease_until=at + timedelta(days=365),
    )
    reply = Message(
        id=generation.message_id,
        conversation_id=conversation_id,
        parent_id=question.id,
        seq=0,
        role="assistant",
        parts=(),
        status="running",
        created_at=at,
        generation_id=generation.id,
        model=MODEL,
    )
    return Turn(question=question, reply=reply, generation=generation)


def main() -> None:
    """Read what to make from the command line and make it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--conversations", type=int, default=50)
    parser.add_argument("--long", type=int, default=0)
    given = parser.parse_args()
    asyncio.run(seed(given.folder, conversations=given.conversations, long_messages=given.long))


if __name__ == "__main__":
    main()
