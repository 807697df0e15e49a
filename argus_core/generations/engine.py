"""Runs generations: stored before the provider is called, logged before they are shown, ended exactly once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from argus_core.blobs.base import BlobStore
from argus_core.domain import Attachment, Generation, Message, Turn, Usage
from argus_core.errors import ArgusError, ProviderUnavailable, StorageError
from argus_core.events import (
    AttachmentAdded,
    Cancelled,
    Completed,
    Event,
    Failed,
    Interrupted,
    LoggedEvent,
    SourceAdded,
    Started,
    Terminator,
    TextDelta,
    ThoughtDelta,
)
from argus_core.generations.log import EventLog, LiveLog
from argus_core.generations.prompt import GO_ON, history, prompt_messages
from argus_core.generations.sweeper import Sweeper, read_log
from argus_core.ids import utc_now
from argus_core.providers.base import (
    Chunk,
    EndChunk,
    ImageChunk,
    Prompt,
    PromptMessage,
    Provider,
    SourceChunk,
    TextChunk,
    ThoughtChunk,
)
from argus_core.storage.base import Storage

LEASE = timedelta(seconds=3)
RENEW_S = 1.0
CLOSE_S = 5.0
"""How long `close` waits for the terminators to become durable."""
_RETRY_FINISH_S = 0.5
_log = logging.getLogger(__name__)

KeepPicture = Callable[[str, str, bytes], Awaitable[Attachment]]
"""Keeps a picture for a user id under a name: `Attachments.add`."""


@dataclass(slots=True, kw_only=True)
class Run:
    """A generation that this process runs."""

    generation: Generation
    provider: Provider
    prompt: Prompt
    log: LiveLog
    prefix: str = ""
    """The text it goes on from."""
    why: Terminator = field(default_factory=Interrupted)
    """What its cancellation means: `Cancelled` when somebody asked for it."""
    answer: asyncio.Task[Terminator] | None = None
    """Talks to the provider; it is what gets cancelled."""
    task: asyncio.Task[None] | None = None
    """Waits for `answer` and writes the ending; never cancelled by us."""
    usage: Usage | None = None
    thinking_since: float | None = None
    thought_s: float = 0.0
    shown: bool = False
    """Something of the answer is in the log already: the next delta may wait for the tick."""


class Engine:
    """All generations of this process."""

    def __init__(
        self,
        storage: Storage,
        blobs: BlobStore,
        keep_picture: KeepPicture,
        owner: str,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._storage = storage
        self._blobs = blobs
        self._keep = keep_picture
        self._clock = clock
        self.owner = owner
        self.log = EventLog(storage, owner)
        self.sweeper = Sweeper(storage, owner, clock=clock)
        self._runs: dict[str, Run] = {}
        self._background: list[asyncio.Task[None]] = []
        self.on_completed: list[Callable[[Generation, str], None]] = []
        """Called with each generation that ended well and its text, after the message is stored."""

    async def open(self) -> None:
        """Repair what a crash left, then keep leases and look for the abandoned until `close`."""
        await self.sweeper.sweep()
        self._background = [
            asyncio.create_task(self.sweeper.run(), name="sweeper"),
            asyncio.create_task(self._keep_leases(), name="leases"),
        ]

    async def start(self, turn: Turn, provider: Provider, prompt: Prompt, prefix: str = "") -> None:
        """Run the generation of a turn that is stored already.

        Args:
            turn: What `Storage.start_turn` returned.
            provider: Who answers.
            prompt: What it is asked; `messages` may still be empty, they are then read from the storage.
            prefix: The text the answer goes on from; it becomes the first delta.
        """
        generation = turn.generation
        run = Run(
            generation=generation,
            provider=provider,
            prompt=prompt,
            log=self.log.begin(generation.id),
            prefix=prefix,
        )
        self._runs[generation.id] = run
        run.answer = asyncio.create_task(self._answer(run, turn.reply), name=f"answer {generation.id}")
        run.task = asyncio.create_task(self._run(run), name=f"generation {generation.id}")

    def lease(self) -> datetime:
        """Return until when a generation that starts now is this process's alone."""
        return self._clock() + LEASE

    async def cancel(self, user_id: str, generation_id: str) -> None:
        """Stop it at once if it runs here, else ask the process that runs it."""
        await self._storage.get_generation(user_id, generation_id)
        if not self._stop(generation_id, Cancelled()):
            await self._storage.request_cancel(user_id, generation_id)

    def _stop(self, generation_id: str, why: Terminator) -> bool:
        run = self._runs.get(generation_id)
        if run is None or run.answer is None:
            return False
        if not run.answer.done():
            run.why = why
            run.answer.cancel()
        return True

    async def events(self, generation_id: str, after: int = 0) -> AsyncGenerator[LoggedEvent, None]:
        """Yield the events after number `after`, then live; ends after the terminator, when the message is stored."""
        async with aclosing(self.log.read(generation_id, after)) as stream:
            async for logged in stream:
                yield logged

    @property
    def running(self) -> int:
        """How many generations this process runs."""
        return len(self._runs)

    async def drain(self, timeout_s: float) -> bool:
        """Wait until none runs; False if some still did after `timeout_s` seconds."""
        tasks = [run.task for run in self._runs.values() if run.task]
        if not tasks:
            return True
        _, pending = await asyncio.wait(tasks, timeout=timeout_s)
        return not pending

    async def close(self) -> None:
        """End what runs as interrupted, keep what had come, and stop."""
        tasks = [run.task for run in self._runs.values() if run.task]
        for generation_id in list(self._runs):
            self._stop(generation_id, Interrupted())
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_S)
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.log.close()

    # One generation

    async def _run(self, run: Run) -> None:
        """Wait for the answer, write the terminator and finish the message."""
        assert run.answer is not None
        await asyncio.wait([run.answer])
        try:
            await self._end(run, _terminator(run, run.answer))
        finally:
            self._runs.pop(run.generation.id, None)

    async def _answer(self, run: Run, reply: Message) -> Terminator:
        await self.log.add(run.log, Started(run.prompt.model))
        if run.prefix:
            await self.log.add(run.log, TextDelta(run.prefix))
        try:
            if not run.prompt.messages:
                run.prompt = await self._with_history(run, reply)
            return await self._pump(run)
        except ArgusError as error:
            return Failed(error.problem(), run.usage)

    async def _with_history(self, run: Run, reply: Message) -> Prompt:
        path = await history(self._storage, run.generation.user_id, reply.parent_id) if reply.parent_id else []
        sent = await prompt_messages(path, self._blobs)
        if run.prefix:
            sent = (*sent, PromptMessage("assistant", (run.prefix,)), PromptMessage("user", (GO_ON,)))
        return replace(run.prompt, messages=sent)

    async def _pump(self, run: Run) -> Terminator:
        async with aclosing(run.provider.stream(run.prompt)) as stream:
            async for chunk in stream:
                if isinstance(chunk, EndChunk):
                    run.usage = chunk.usage
                    return Completed(chunk.usage, chunk.truncated)
                await self._take(run, chunk)
                if run.log.lost:
                    return run.why
        raise ProviderUnavailable("The answer broke off; /continue goes on from here.", title="The answer was cut off")

    async def _take(self, run: Run, chunk: Chunk) -> None:
        event = await self._event(run, chunk)
        if event is not None:
            urgent, run.shown = not run.shown, True
            await self.log.add(run.log, event, urgent=urgent)

    async def _event(self, run: Run, chunk: Chunk) -> Event | None:
        match chunk:
            case TextChunk(text=text, output_tokens=tokens):
                return TextDelta(text, tokens) if text else None
            case ThoughtChunk(text=text):
                now = time.monotonic()
                run.thinking_since = run.thinking_since or now
                return ThoughtDelta(text, round(now - run.thinking_since, 1)) if text else None
            case SourceChunk(source=source):
                return SourceAdded(source)
            case ImageChunk(data=data):
                return await self._keep_picture(run, data)
            case _:
                return None

    async def _keep_picture(self, run: Run, data: bytes) -> Event | None:
        """Keep a picture that the model made, checked like any other."""
        return AttachmentAdded(await self._keep(run.generation.user_id, "picture", data))

    async def _end(self, run: Run, terminator: Terminator) -> None:
        """Write the terminator, then derive message and status from the log; patient with a storage that is away."""
        await self.log.end(run.log, terminator)
        while True:
            try:
                await self._finish(run.generation)
            except StorageError:
                await asyncio.sleep(_RETRY_FINISH_S)
            else:
                return

    async def _finish(self, generation: Generation) -> None:
        folded = await read_log(self._storage, generation.id)
        if folded.terminator is None:
            return  # another process holds a slot and has not ended it yet: it or a sweeper will
        await self._storage.finish_generation(generation.id, folded.ending(generation, self._clock()))
        if isinstance(folded.terminator, Completed):
            for tell in self.on_completed:
                tell(generation, folded.text)

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            if not self._runs:
                continue
            try:
                asked = await self._storage.renew_leases(list(self._runs), self.owner, self.lease())
            except StorageError:
                continue
            for generation_id in asked:
                self._stop(generation_id, Cancelled())


def _terminator(run: Run, answer: asyncio.Task[Terminator]) -> Terminator:
    """Return how a talk with the provider ended, a bug of ours included: a generation is never left without an end."""
    if answer.cancelled():
        return Cancelled(run.usage) if isinstance(run.why, Cancelled) else run.why
    bug = answer.exception()
    if bug is None:
        return answer.result()
    _log.error("a generation ended by a bug", exc_info=bug)
    return Failed(ArgusError("This is a bug in Argus; what had come is kept.", title="The answer broke off").problem())
