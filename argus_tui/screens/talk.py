"""The open conversation: what the transcript shows of it, and the answer that is watched in it.

Nothing here owns an answer: leaving a conversation, or the program, only stops the watching.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from argus_core.client.base import ChatClient
from argus_core.domain import Conversation, ConversationRow, Message, Turn, Usage
from argus_core.errors import ServerUnreachable
from argus_core.events import AttachmentAdded, Event, TextDelta, ThoughtDelta
from argus_core.ids import new_id, utc_now
from argus_tui.screens.progress import Progress
from argus_tui.widgets.transcript import Transcript

PAGE = 40
_FINISH_TRIES = 50
_FINISH_PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class Opened:
    """A conversation as it was fetched, and the messages at its end."""

    conversation: Conversation
    path: Sequence[Message]


class Talk:
    """One conversation on the screen, or the empty place of a new one."""

    def __init__(
        self,
        transcript: Transcript,
        client: Callable[[], Awaitable[ChatClient]],
        changed: Callable[[], None],
    ) -> None:
        self._transcript = transcript
        self._client = client
        self._changed = changed
        """Called after each change of the properties below."""
        self.conversation: ConversationRow | None = None
        self.oldest: Message | None = None
        self.last: Message | None = None
        """The newest message shown."""
        self.usage: Usage | None = None
        """What the last finished answer took."""
        self.progress: Progress | None = None
        """The answer being watched; None when none is written."""
        self.generation_id: str | None = None
        self._loading_older = False
        self._unsure: tuple[str, ...] = ()
        """Id and words of a question whose sending failed: sent again with that id, it is not asked twice."""
        self.asked_in: str | None = None
        """The conversation of the last question that was sent; None when it failed before there was one."""
        self._sending = asyncio.Lock()
        """Held while a turn is stored and shown, so that our own change is not taken for somebody else's."""

    @property
    def conversation_id(self) -> str | None:
        """The id of the open conversation; None for a new one."""
        return self.conversation.id if self.conversation else None

    def start_new(self) -> None:
        """Show the empty place of a new conversation."""
        self.conversation = self.oldest = self.last = self.usage = None
        self.stop_watching()
        self._transcript.clear()
        self._changed()

    async def fetch(self, conversation_id: str) -> Opened:
        """Return a conversation and its last messages; nothing is shown yet."""
        client = await self._client()
        conversation = await client.conversations.get(conversation_id)
        path: Sequence[Message] = []
        if conversation.head_id is not None:
            path = await client.messages.path(conversation.head_id, limit=PAGE)
        return Opened(conversation, path)

    def show(self, opened: Opened) -> str | None:
        """Show a conversation from its end; return the generation to watch, if one runs."""
        path = opened.path
        if opened.conversation.id != self.conversation_id:
            self.stop_watching()
        self.conversation = opened.conversation
        self.oldest = path[0] if path else None
        self.last = path[-1] if path else None
        self.usage = next((message.usage for message in reversed(path) if message.usage), None)
        self._transcript.load(path, has_older=bool(path and path[0].parent_id))
        self._changed()
        return self.last.generation_id if self.last and self.last.status == "running" else None

    async def mark_read(self) -> None:
        """Nothing is unread in what is shown."""
        if self.conversation is not None:
            client = await self._client()
            await client.conversations.mark_read(self.conversation.id)

    async def look_again(self) -> str | None:
        """Show the open conversation as it is now; return the generation to watch, if one runs."""
        return await self._reload(self.conversation.id) if self.conversation is not None else None

    async def _reload(self, conversation_id: str) -> str | None:
        """Show it anew, unless another one was opened meanwhile; return the generation to watch, if one runs."""
        opened = await self.fetch(conversation_id)
        return self.show(opened) if conversation_id == self.conversation_id else None

    async def load_older(self) -> None:
        """Put the page before the oldest message above it."""
        first = self.oldest
        if first is None or first.parent_id is None or self._loading_older:
            return
        self._loading_older = True
        try:
            client = await self._client()
            path = await client.messages.path(first.parent_id, limit=PAGE)
        finally:
            self._loading_older = False
        if self.oldest is first and path:
            self.oldest = path[0]
            self._transcript.prepend(path, has_older=path[0].parent_id is not None)

    async def ask(self, text: str, attachment_ids: Sequence[str]) -> Turn:
        """Send a question, in a new conversation if none is open."""
        client = await self._client()
        async with self._sending:
            self.asked_in = None
            conversation = await self.ensure()
            self.asked_in = conversation.id
            question = (conversation.id, text, *attachment_ids)
            if self._unsure[1:] != question:
                self._unsure = (new_id(), *question)
            turn = await client.generations.ask(
                conversation.id, text, attachment_ids=attachment_ids, client_msg_id=self._unsure[0]
            )
            self._unsure = ()
            if conversation.id == self.conversation_id:
                self._show_turn(turn)
        return turn

    async def answer_again(self, *, go_on: bool) -> Turn:
        """Answer the last question again, or go on from where the last answer stopped."""
        client = await self._client()
        generations = client.generations
        conversation_id = self.conversation_id or ""
        async with self._sending:
            turn = await (generations.continue_(conversation_id) if go_on else generations.retry(conversation_id))
            await self._reload(conversation_id)
        return turn

    def _show_turn(self, turn: Turn) -> None:
        if turn.question is not None:
            self._transcript.begin(turn.question)
            self.oldest = self.oldest or turn.question
        self._transcript.begin(turn.reply)
        self.last = turn.reply
        self._transcript.follow()
        self._changed()

    async def watch(self, generation_id: str) -> Message | None:
        """Show an answer as it comes, until it ends; return the finished message.

        None when something else is shown by then. When the line drops it still counts as being written.
        """
        try:
            return await self._watch(generation_id)
        except ServerUnreachable:
            raise
        except Exception:
            if self.generation_id == generation_id:
                self.stop_watching()
                self._changed()
            raise

    async def _watch(self, generation_id: str) -> Message | None:
        client = await self._client()
        generation = await client.generations.get(generation_id)
        self.generation_id = generation_id
        gone_s = (utc_now() - generation.created_at).total_seconds()
        progress = self.progress = Progress(generation.model, time.monotonic(), started_s_ago=max(0.0, gone_s))
        self._changed()
        async with aclosing(client.generations.events(generation_id)) as stream:
            async for logged in stream:
                if self.progress is not progress:
                    return None  # what is shown here now is something else
                self._take(generation.message_id, logged.event, progress)
        message = await self._finished(client, generation.message_id)
        if self.progress is not progress:
            return None
        self.stop_watching()
        self.last = message
        self.usage = message.usage or self.usage
        self._transcript.finish(message)
        self.conversation = await client.conversations.get(message.conversation_id)
        self._changed()
        await client.conversations.mark_read(message.conversation_id)
        return message

    def _take(self, message_id: str, event: Event, progress: Progress) -> None:
        progress.take(event, time.monotonic())
        if isinstance(event, TextDelta):
            self._transcript.append_text(message_id, event.text)
        elif isinstance(event, ThoughtDelta):
            self._transcript.append_thought(message_id, event.text, event.duration_s)
        elif isinstance(event, AttachmentAdded):
            self._transcript.append_attachment(message_id, event.attachment)

    async def _finished(self, client: ChatClient, message_id: str) -> Message:
        """Return the message as its end left it: it is derived from the log a moment after the terminator."""
        for _ in range(_FINISH_TRIES):
            message = await client.messages.get(message_id)
            if message.status != "running":
                break
            await asyncio.sleep(_FINISH_PAUSE_S)
        return message

    async def ensure(self) -> ConversationRow:
        """Return the open conversation, made now if it is a new one."""
        if self.conversation is not None:
            return self.conversation
        client = await self._client()
        made = await client.conversations.create(key=new_id())
        if self.conversation is None:  # else another one was opened meanwhile
            self.conversation = made
        return made

    async def undo(self) -> str:
        """Take the last question and its answer out of the way; return the question's text."""
        client = await self._client()
        conversation = await self.ensure()
        async with self._sending:
            path = await client.messages.path(conversation.head_id, limit=PAGE) if conversation.head_id else []
            await client.conversations.undo(conversation.id)
            await self._reload(conversation.id)
        return next((message.text for message in reversed(path) if message.role == "user"), "")

    async def stop(self) -> bool:
        """Stop the answer that is watched; False when none is."""
        if self.generation_id is None:
            return False
        client = await self._client()
        await client.generations.cancel(self.generation_id)
        return True

    def stop_watching(self) -> None:
        """Take in that nobody watches an answer here any more."""
        self.progress = self.generation_id = None

    async def take_change(self, conversation: ConversationRow) -> str | None:
        """Take in that the open conversation changed elsewhere; return the generation to watch, if a new one runs."""
        async with self._sending:
            if conversation.id != self.conversation_id:
                return None
            self.conversation = conversation
            if self._knows(conversation.head_id):
                self._changed()
                return None
            return await self._reload(conversation.id)

    def _knows(self, head_id: str | None) -> bool:
        return head_id == (self.last.id if self.last else None)
