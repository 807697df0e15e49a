"""Questions that are sent later by themselves, whatever is on the screen meanwhile.

Two things wait so: a question that a limit of this Argus refused, and an answer that the model's service refused for a
short while. Each conversation has at most one. A front end draws what waits and is told how it went.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace

from argus_core.client.base import ChatClient
from argus_core.domain import Message, Turn
from argus_core.errors import ArgusError, Conflict, LimitReached, NotFound
from argus_core.ids import new_id
from argus_core.tasks import Background

AT_MOST_S = 120.0
"""What has to wait longer is not sent by itself: nobody waits for it."""
MOST_TRIES = 5
"""So often in a row something is refused before it is left to the user."""
AGAIN_S = 5.0
"""When a question is tried again that did not get through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What is sent later in one conversation."""

    conversation_id: str
    why: str
    """The title of the refusal, not yet cleaned."""
    due: float = 0.0
    """When, on the clock of `Later`."""
    wait_s: float = 0.0
    """How long it waits in all."""
    text: str = ""
    """The question as it stands in the draft."""
    attachment_ids: tuple[str, ...] = ()
    client_msg_id: str = ""
    """The same for each try, so that no question is asked twice."""
    message_id: str = ""
    """The refused answer that is asked for again; empty for a question."""


Outcome = Turn | ArgusError | None
"""What became of something that waited: it was sent, or why not; None when the conversation has gone on without it."""
Tell = Callable[[Waiting, Outcome], None]


def nothing() -> None:
    """Do nothing."""


class Later:
    """What waits in all conversations of one user, until it is sent or dropped.

    Args:
        client: Returns the client to send with, when it is time.
        tell: Called when something was sent, or will not be though nobody dropped it.
        changed: Called after each change of what waits.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        client: Callable[[], Awaitable[ChatClient]],
        tell: Tell,
        changed: Callable[[], None] = nothing,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._tell = tell
        self._changed = changed
        self._clock = clock
        self._waiting: dict[str, Waiting] = {}
        self._tries: dict[str, int] = {}
        """How often something was refused in a row, by conversation."""
        self._timer: asyncio.TimerHandle | None = None
        self._work = Background()

    def hold(self, conversation_id: str, text: str, attachment_ids: Sequence[str], error: ArgusError) -> bool:
        """Send a question when the limit that refused it lets it; False if that is too far away or not known."""
        if not isinstance(error, LimitReached):
            return False
        question = Waiting(
            conversation_id=conversation_id,
            why=error.title,
            text=text,
            attachment_ids=tuple(attachment_ids),
            client_msg_id=new_id(),
        )
        return self._wait(question, error.retry_after_s)

    def resend(self, message: Message) -> bool:
        """Ask again for an answer that was refused for a stated short time; False if it was not, or has some text."""
        problem = message.problem
        if problem is None or message.text:
            return False
        waiting = self._waiting.get(message.conversation_id)
        if waiting is not None and waiting.message_id == message.id:
            return True
        refused = Waiting(conversation_id=message.conversation_id, why=problem.title, message_id=message.id)
        return self._wait(refused, problem.retry_after_s)

    def follow(self, turn: Turn) -> None:
        """Ask again for this answer too, should it be refused while nobody watches it."""
        self._work.start(self._follow(turn), "follow an answer for later")

    def waiting(self, conversation_id: str | None) -> Waiting | None:
        """Return what waits in a conversation."""
        return self._waiting.get(conversation_id or "")

    def left_s(self, waiting: Waiting) -> float:
        """Return the seconds until it is sent, at least 0."""
        return max(0.0, waiting.due - self._clock())

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits anywhere."""
        return not self._waiting

    def send_now(self, conversation_id: str) -> None:
        """Do not wait any longer."""
        waiting = self._waiting.get(conversation_id)
        if waiting is not None:
            self._waiting[conversation_id] = replace(waiting, due=self._clock())
            self._set_timer()

    def drop(self, conversation_id: str | None) -> Waiting | None:
        """Do not send what waits there, and return it; the user has taken over."""
        self._tries.pop(conversation_id or "", None)
        dropped = self._waiting.pop(conversation_id or "", None)
        if dropped is not None:
            self._set_timer()
        return dropped

    def drop_all(self) -> list[Waiting]:
        """Send nothing of what waits, and return it."""
        return [one for one in [self.drop(conversation_id) for conversation_id in list(self._waiting)] if one]

    async def close(self) -> None:
        """Stop; what waits is not sent."""
        self.drop_all()
        await self._work.close()

    def send_due(self) -> None:
        """Send in the background whatever is due; called by the timer."""
        now = self._clock()
        for waiting in [one for one in self._waiting.values() if one.due <= now]:
            del self._waiting[waiting.conversation_id]
            self._work.start(self._send(waiting), "send later")
        self._set_timer()

    def _wait(self, waiting: Waiting, seconds: float | None) -> bool:
        tries = self._tries.get(waiting.conversation_id, 0) + 1
        if seconds is None or seconds > AT_MOST_S or tries > MOST_TRIES:
            return False
        self._tries[waiting.conversation_id] = tries
        self._waiting[waiting.conversation_id] = replace(waiting, due=self._clock() + seconds, wait_s=seconds)
        self._set_timer()
        return True

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            soonest = min(self._waiting.values(), key=lambda one: one.due)
            self._timer = asyncio.get_running_loop().call_later(self.left_s(soonest), self.send_due)
        self._changed()

    async def _send(self, waiting: Waiting) -> None:
        try:
            turn = await self._sent(await self._client(), waiting)
        except ArgusError as error:
            seconds = error.retry_after_s if isinstance(error, LimitReached) else AGAIN_S if error.retryable else None
            if waiting.message_id or waiting.conversation_id in self._waiting or not self._wait(waiting, seconds):
                self._tell(waiting, error)
            return
        self._tell(waiting, turn)
        if turn is not None:
            await self._clear_draft(waiting)
            await self._follow(turn)

    async def _sent(self, client: ChatClient, waiting: Waiting) -> Turn | None:
        """Send it; None when the conversation has gone on without it."""
        conversation = await client.conversations.get(waiting.conversation_id)
        if conversation.deleted_at is not None:
            raise NotFound("It was deleted.", title="The conversation is gone")
        if waiting.message_id:
            if conversation.head_id != waiting.message_id:
                return None
            try:
                return await client.generations.retry(waiting.conversation_id)
            except Conflict:
                return None  # another program was faster
        return await client.generations.ask(
            waiting.conversation_id,
            waiting.text,
            attachment_ids=waiting.attachment_ids,
            client_msg_id=waiting.client_msg_id,
        )

    async def _clear_draft(self, waiting: Waiting) -> None:
        """Take a question that was sent out of the drafts, unless it was written on."""
        if waiting.message_id:
            return
        with suppress(ArgusError):  # it was sent: a draft too many is no fault to tell
            client = await self._client()
            conversation = await client.conversations.get(waiting.conversation_id)
            if conversation.draft.strip() == waiting.text.strip():
                await client.conversations.save_draft(waiting.conversation_id, "")

    async def _follow(self, turn: Turn) -> None:
        """Read the answer to its end, and ask for it again if it was refused."""
        try:
            client = await self._client()
            async with aclosing(client.generations.events(turn.generation.id)) as events:
                async for _ in events:
                    pass
            message = await client.messages.get(turn.reply.id)
        except ArgusError:
            return  # whoever opens the conversation sees how it ended
        if message.status == "failed" and self.resend(message):
            return
        self._tries.pop(message.conversation_id, None)
