"""A program that asks and streams on a store until it is killed, and tells what was acknowledged and what was shown.

`python -m tests.support.streamer` reads orders from its standard input, one per line: `folder seed mode`. For each it
forks, since starting Python a hundred times would take minutes. The fork prints one JSON object per line:

    {"pid": …}                                    it begins
    {"opened": …, "running": …}                   the store is open; how many generations run there already
    {"sent": client_msg_id, "generation": …, "reply": …, "conversation": …}    acknowledged
    {"shown": generation, "n": …, "event": …, "text": …}                       a reader was shown this
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

from argus_core.client.base import ChatClient
from argus_core.domain import ModelInfo, Turn, Usage
from argus_core.events import TextDelta
from argus_core.providers.base import Chunk, EndChunk, Prompt, TextChunk
from tests.support.clients import open_local

CONVERSATIONS = 3


def words(question: str) -> list[str]:
    """Return what is answered to a question: as many words as it says, each different."""
    name, _, count = question.partition(" ")
    return [f"{name}-{number} " for number in range(int(count))]


class WordProvider:
    """Answers a question such as `q7 40` with 40 words, a random moment apart."""

    name = "words"

    def __init__(self, slowest_s: float) -> None:
        self._slowest_s = slowest_s

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        for word in words(str(prompt.messages[-1].parts[-1])):
            await asyncio.sleep(random.random() * self._slowest_s)
            yield TextChunk(word)
        yield EndChunk(Usage(output_tokens=1))

    async def list_models(self) -> list[ModelInfo]:
        return []

    def preload(self) -> None:
        pass

    async def close(self) -> None:
        pass


def tell(**what: object) -> None:
    """Print one line at once and whole: shorter than what a pipe takes in one piece."""
    os.write(1, json.dumps(what).encode() + b"\n")


async def watch(client: ChatClient, turn: Turn) -> None:
    """Read an answer and tell what is shown."""
    async for logged in client.generations.events(turn.generation.id):
        event = logged.event
        text = event.text if isinstance(event, TextDelta) else ""
        tell(shown=turn.generation.id, n=logged.n, event=type(event).__name__, text=text)


async def talk(client: ChatClient, place: str, seed: str, longest: int) -> None:
    """Ask one question after another; some are sent twice, as after an answer that was lost."""
    conversation_id = (await client.conversations.create(key=place)).id
    for number in range(1000):
        name = f"{seed}.{number}"
        question = f"{name} {random.randint(1, longest)}"
        for _ in range(1 if random.random() < 0.7 else 2):
            turn = await client.generations.ask(conversation_id, question, client_msg_id=name)
            tell(sent=name, generation=turn.generation.id, reply=turn.reply.id, conversation=conversation_id)
        await watch(client, turn)


async def stream(folder: Path, seed: str, mode: str) -> None:
    """Open the store and talk in some conversations at once."""
    slowest_s, longest = (0.05, 2000) if mode == "slow" else (0.004, 60)
    async with open_local(folder, WordProvider(slowest_s)) as client:
        tell(opened=True, running=len(await client.generations.running()))
        places = range(1 if mode == "slow" else CONVERSATIONS)
        async with asyncio.TaskGroup() as group:
            for place in places:
                group.create_task(talk(client, f"{mode}{place}", f"{seed}.{place}", longest))


def main() -> None:
    """Fork for each order until there are no more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are gone at once
    for order in sys.stdin:
        folder, seed, mode = order.split()
        if os.fork() == 0:
            tell(pid=os.getpid())
            asyncio.run(stream(Path(folder), seed, mode))
            os._exit(0)


if __name__ == "__main__":
    main()
