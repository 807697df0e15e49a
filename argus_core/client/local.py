"""`ChatClient` in this process: the services over one storage, for one user."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from argus_core.attachments import Attachments
from argus_core.blobs.base import BlobStore
from argus_core.client.base import Connection
from argus_core.client.local_admin import LocalAdmin
from argus_core.conversations import Conversations
from argus_core.domain import (
    Allowance,
    AttachmentPart,
    Conversation,
    Generation,
    Message,
    Meter,
    ModelInfo,
    Part,
    Readiness,
    SearchHit,
    Session,
    TextPart,
    Turn,
    User,
    Watcher,
)
from argus_core.errors import Conflict, InvalidInput, StorageError
from argus_core.events import LoggedEvent
from argus_core.generations.engine import Engine, Reading
from argus_core.generations.prompt import Prompts
from argus_core.ids import new_id, utc_now
from argus_core.limits import Limits
from argus_core.models import Providers
from argus_core.presence import PresenceBoard
from argus_core.providers.base import Prompt
from argus_core.shares import Shares, size_of
from argus_core.storage.accounts import FullStorage
from argus_core.storage.base import Storage
from argus_core.tasks import Background
from argus_core.text.api_keys import lone_key
from argus_core.titles import Titles

if TYPE_CHECKING:
    from argus_core.auth.service import Auth

MODEL_PREFERENCE = "model"
MAX_QUESTION_CHARS = 2_000_000
_NEAR = 50
"""So many messages before a question are read before it is stored; the model is sent those before them too."""
_NO_ACCOUNTS = "There are no accounts on one machine; `argus --server URL` signs in to a server."


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Whose client it is."""

    user: User
    session_id: str = ""
    """Empty on one machine, where nobody signs in."""
    client_id: str = ""
    """The user, and what the client made up for as long as it runs."""
    forget: Callable[[], Awaitable[None]] | None = None
    """Forgets what keeps the user signed in, where that is on this machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What all users of a process share."""

    storage: FullStorage
    blobs: BlobStore
    engine: Engine
    providers: Providers
    titles: Titles
    limits: Limits
    presence: PresenceBoard
    shares: Shares
    background: Background = field(default_factory=Background)
    auth: Auth | None = None
    """None on one machine, where nobody signs in."""
    thoughts: bool = True
    max_output_tokens: int | None = None

    async def close(self) -> None:
        """End what runs and let go of everything, the storage last; calling it twice is harmless."""
        await self.background.close()
        await self.presence.close()
        await self.engine.close()
        await self.titles.close()
        await self.providers.close()
        await self.blobs.close()
        if self.auth is not None:
            await self.auth.close()
        await self.storage.close()


class LocalAccount:
    """Role `AccountRole`."""

    def __init__(self, services: Services, who: Who) -> None:
        self._services = services
        self._storage = services.storage
        self._who = who
        self._user = who.user

    async def whoami(self) -> User:
        """Return the user."""
        return self._user

    async def get_preference(self, name: str) -> str | None:
        """Return what was kept under `name`."""
        return await self._storage.get_preference(self._user.id, name)

    async def set_preference(self, name: str, value: str | None) -> None:
        """Keep `value` under `name`; None forgets it."""
        if value is not None:
            await self._services.shares.room_for_preference(self._user.id, name, value)
        await self._storage.set_preference(self._user.id, name, value)

    async def allowance(self) -> Allowance:
        """Return what was used today, what is left, and what is kept."""
        kept = await self._services.shares.kept(self._user.id, self._count_sessions)
        return replace(await self._services.limits.allowance(self._user), kept=kept)

    async def _count_sessions(self) -> int:
        return len(await self.sessions())

    async def meters(self) -> Sequence[Meter]:
        """Return only what is limited and left of it: for the server's headers."""
        return await self._services.limits.meters(self._user)

    async def sessions(self) -> Sequence[Session]:
        """Return where the user is signed in."""
        auth = self._services.auth
        return await auth.sessions(self._user.id, self._who.session_id) if auth else ()

    async def end_session(self, session_id: str) -> None:
        """Sign that client out."""
        await self._auth().end_session(self._user.id, session_id)

    async def end_other_sessions(self) -> int:
        """Sign every other client out."""
        return await self._auth().end_other_sessions(self._user.id, self._who.session_id)

    async def change_password(self, old: str, new: str) -> None:
        """Set another password."""
        await self._auth().change_password(self._user.id, self._who.session_id, old, new)

    async def sign_out(self, *, everywhere: bool = False) -> None:
        """End this session, or all of the user's, and forget it where it was kept."""
        await self._auth().sign_out(self._user.id, self._who.session_id, everywhere=everywhere)
        if self._who.forget is not None:
            await self._who.forget()

    async def look_at(self, conversation_id: str | None) -> None:
        """Tell the user's other clients what this one shows."""
        who = self._who
        if who.session_id:
            await self._services.presence.look_at(who.client_id, self._user.id, await self._client(), conversation_id)

    async def watchers(self) -> AsyncGenerator[Sequence[Watcher], None]:
        """Yield who else is open on this account; nobody, where nobody signs in."""
        who = self._who
        if not who.session_id:
            yield ()
            await asyncio.Event().wait()
        watching = self._services.presence.watch(who.client_id, self._user.id, await self._client())
        async with aclosing(watching) as stream:
            async for watchers in stream:
                yield watchers

    async def _client(self) -> str:
        """Return what this client calls itself."""
        found = await self._storage.find_session(self._who.session_id)
        return found.session.client if found else ""

    def _auth(self) -> Auth:
        if self._services.auth is None or not self._who.session_id:
            raise InvalidInput(_NO_ACCOUNTS, title="Nobody signs in here")
        return self._services.auth


class LocalMessages:
    """Role `MessagesRole`."""

    def __init__(self, storage: Storage, user_id: str) -> None:
        self._storage = storage
        self._user_id = user_id

    async def get(self, message_id: str) -> Message:
        """Return it or raise `NotFound`."""
        return await self._storage.get_message(self._user_id, message_id)

    async def path(self, leaf_id: str, *, limit: int = 50) -> Sequence[Message]:
        """Return up to `limit` messages that lead to `leaf_id`, oldest first."""
        return await self._storage.list_path(self._user_id, leaf_id, limit)

    async def prompts(self, *, limit: int = 100) -> Sequence[str]:
        """Return what the user asked last, newest first."""
        return await self._storage.list_prompts(self._user_id, limit)


class LocalModels:
    """Role `ModelsRole`."""

    def __init__(self, services: Services, user_id: str) -> None:
        self._providers = services.providers
        self._storage = services.storage
        self._user_id = user_id

    async def preferred(self) -> str | None:
        """Return the user's own default model."""
        return await self._storage.get_preference(self._user_id, MODEL_PREFERENCE)

    async def list(self) -> Sequence[ModelInfo]:
        """Return every model of every provider that is set up."""
        return await self._providers.list()

    async def readiness(self) -> Readiness:
        """Say whether and by which model a question can be answered."""
        return self._providers.readiness(await self.preferred())

    async def set_default(self, model: str | None) -> None:
        """Choose the model of new conversations."""
        model = await self._providers.choose(model) if model else None
        await self._storage.set_preference(self._user_id, MODEL_PREFERENCE, model)

    async def try_key(self, key: str) -> Sequence[ModelInfo]:
        """List the models with this Gemini key."""
        return await self._providers.try_key(key)

    async def keep_key(self, key: str) -> str:
        """Keep and use the key; return where it was put."""
        return await self._providers.keep_key(key)

    async def preload(self) -> None:
        """Load what the default model needs."""
        await self._providers.preload(await self.preferred())


class LocalSearch:
    """Role `SearchRole`."""

    def __init__(self, storage: Storage, user_id: str) -> None:
        self._storage = storage
        self._user_id = user_id

    async def messages(self, query: str, *, limit: int = 20) -> Sequence[SearchHit]:
        """Return messages that hold every word, best first."""
        return await self._storage.search_messages(self._user_id, query, limit)


class LocalGenerations:
    """Role `GenerationsRole`."""

    def __init__(self, services: Services, user: User, conversations: Conversations, models: LocalModels) -> None:
        self._services = services
        self._user = user
        self._storage = services.storage
        self._engine = services.engine
        self._prompts = Prompts(services.storage, services.blobs)
        self._conversations = conversations
        self._user_id = user.id
        self._models = models

    async def ask(
        self,
        conversation_id: str,
        text: str,
        *,
        attachment_ids: Sequence[str] = (),
        client_msg_id: str | None = None,
        parent_id: str | None = None,
    ) -> Turn:
        """Store the question and start the answer; an empty `parent_id` makes it a first question."""
        question = Message(
            id=new_id(),
            conversation_id=conversation_id,
            parent_id=parent_id,
            seq=0,
            role="user",
            parts=await self._question_parts(text, attachment_ids),
            status="completed",
            created_at=utc_now(),
            client_msg_id=client_msg_id or new_id(),
        )
        return await _whole(self._ask(question))

    async def retry(self, conversation_id: str) -> Turn:
        """Answer the last question again."""
        return await _whole(self._answer_again(conversation_id, goes_on=False))

    async def continue_(self, conversation_id: str) -> Turn:
        """Go on from the last answer."""
        return await _whole(self._answer_again(conversation_id, goes_on=True))

    async def cancel(self, generation_id: str) -> None:
        """Stop it, wherever it runs."""
        await self._engine.cancel(self._user_id, generation_id)

    async def get(self, generation_id: str) -> Generation:
        """Return it or raise `NotFound`."""
        return await self._storage.get_generation(self._user_id, generation_id)

    async def running(self) -> Sequence[Generation]:
        """Return the user's running generations."""
        return await self._storage.list_running(self._user_id)

    def events(self, generation_id: str, *, after: int = 0) -> AsyncGenerator[LoggedEvent, None]:
        """Yield the events after number `after`, then live."""
        return self._engine.events(self._user_id, generation_id, after)

    async def reading(self, generation_id: str, after: int) -> Reading:
        """Return what yields the same, as many events at a time as are there, or raise `NotFound`: for the server."""
        return await self._engine.reading(self._user_id, generation_id, after)

    async def _question_parts(self, text: str, attachment_ids: Sequence[str]) -> tuple[Part, ...]:
        if len(text) > MAX_QUESTION_CHARS:
            raise InvalidInput(f"Keep it under {MAX_QUESTION_CHARS:,} characters.", title="The question is too long")
        if lone_key(text):
            raise InvalidInput(
                "Use /key in the program, or `argus key` in the shell.", title="That is a Gemini key, not a question"
            )
        attachments = await self._storage.claim_attachments(self._user_id, attachment_ids)
        words: tuple[Part, ...] = (TextPart(text),) if text.strip() else ()
        parts = (*(AttachmentPart(one) for one in attachments), *words)
        if not parts:
            raise InvalidInput("Write something or attach a picture.", title="There is nothing to send")
        return parts

    async def _ask(self, question: Message) -> Turn:
        async with self._engine.turn(question.conversation_id):
            conversation = await self._conversations.get(question.conversation_id)
            parent_id = conversation.head_id if question.parent_id is None else question.parent_id or None
            question = replace(question, parent_id=parent_id)
            turn = await self._running_turn(conversation, question)
            if turn is None:
                turn = await self._start(conversation, question, question.id)
        self._services.titles.asked(conversation, question.text)
        return turn

    async def _answer_again(self, conversation_id: str, *, goes_on: bool) -> Turn:
        async with self._engine.turn(conversation_id):
            conversation = await self._conversations.get(conversation_id)
            if conversation.running:
                raise _busy()
            if conversation.head_id is None:
                raise InvalidInput("Ask something first.", title="There is no answer yet")
            last = await self._storage.get_message(self._user_id, conversation.head_id)
            if last.role != "assistant":
                return await self._start(conversation, None, last.id)
            return await self._start(conversation, None, last.parent_id, last if goes_on and last.text else None)

    async def _running_turn(self, conversation: Conversation, question: Message) -> Turn | None:
        """Return the running turn that `question` started when it was sent before; None when nothing runs.

        Raises:
            Conflict: Another question is being answered.
        """
        if not conversation.running:
            return None
        running = await self._storage.list_running(self._user_id)
        here = [generation for generation in running if generation.conversation_id == conversation.id]
        for generation in here:
            reply = await self._storage.get_message(self._user_id, generation.message_id)
            asked = await self._storage.get_message(self._user_id, reply.parent_id) if reply.parent_id else None
            if asked is not None and asked.client_msg_id == question.client_msg_id:
                return Turn(question=asked, reply=reply, generation=generation)
        if here:
            raise _busy()
        return None  # it ended between the two looks

    async def _start(
        self,
        conversation: Conversation,
        question: Message | None,
        parent_id: str | None,
        continues: Message | None = None,
    ) -> Turn:
        """Store the turn and start its answer; one that was stored before is only returned."""
        preferred, path, _ = await asyncio.gather(
            self._preferred(conversation), self._path_before(question, parent_id), self._room_for(question)
        )
        provider, model = self._services.providers.resolve(conversation.model, preferred)
        wanted = self._turn(conversation, question, parent_id, model)
        if continues is not None:
            wanted = replace(wanted, generation=replace(wanted.generation, continues_id=continues.id))
        if question is not None and await self._was_sent(question, path, conversation):
            return await self._storage.start_turn(wanted)  # it only finds the first one, which was counted
        before = path if question is None else [*path, question]
        longest = await self._services.limits.admit(
            self._user, wanted.generation, provider.name, before, conversation.system
        )
        turn = await self._stored(wanted)
        if turn.generation.id == wanted.generation.id:
            blank = Prompt(
                model=model,
                messages=(),
                system=conversation.system,
                max_output_tokens=longest or self._services.max_output_tokens,
                thoughts=self._services.thoughts,
            )
            prefix = continues.text if continues is not None else ""
            self._engine.start(turn, provider, lambda: self._prompts.fill(blank, turn, path, prefix), prefix=prefix)
        return turn

    async def _room_for(self, question: Message | None) -> None:
        """Refuse a question that there is no room for; an answer is at least a byte."""
        text_bytes = size_of(question.text) if question is not None else 0
        await self._services.shares.room_for(self._user_id, text_bytes=text_bytes + 1)

    async def _preferred(self, conversation: Conversation) -> str | None:
        return None if conversation.model else await self._models.preferred()

    async def _path_before(self, question: Message | None, parent_id: str | None) -> Sequence[Message]:
        """Return the last messages before a question or an answer; they also tell how much will be read."""
        leaf_id = question.parent_id if question is not None else parent_id
        return await self._storage.list_path(self._user_id, leaf_id, _NEAR) if leaf_id else []

    async def _was_sent(self, question: Message, path: Sequence[Message], conversation: Conversation) -> bool:
        """Return whether the question is stored: its first send may have moved the head, or it edits an older one."""
        near = list(path)
        if question.parent_id != conversation.head_id:
            near += await self._storage.list_children(self._user_id, conversation.id, question.parent_id)
        return any(message.client_msg_id == question.client_msg_id for message in near)

    async def _stored(self, wanted: Turn) -> Turn:
        """Store a turn that was admitted; one that is there already, or cannot be stored, gives back its share."""
        try:
            turn = await self._storage.start_turn(wanted)
        except StorageError:
            raise  # it may be stored all the same: then a sweeper charges for it, else its share is freed as stale
        except BaseException:
            await self._services.limits.release(wanted.generation)
            raise
        if turn.generation.id != wanted.generation.id:
            await self._services.limits.release(wanted.generation)
        return turn

    def _turn(self, conversation: Conversation, question: Message | None, parent_id: str | None, model: str) -> Turn:
        now = utc_now()
        generation_id, reply_id = new_id(), new_id()
        reply = Message(
            id=reply_id,
            conversation_id=conversation.id,
            parent_id=parent_id,
            seq=0,
            role="assistant",
            parts=(),
            status="running",
            created_at=now,
            generation_id=generation_id,
            model=model,
        )
        generation = Generation(
            id=generation_id,
            conversation_id=conversation.id,
            user_id=self._user_id,
            message_id=reply_id,
            model=model,
            status="running",
            created_at=now,
            owner=self._engine.owner,
            lease_until=self._engine.lease(),
        )
        return Turn(question=question, reply=reply, generation=generation)


class LocalClient:
    """Everything one user may ask of the services in this process."""

    def __init__(
        self,
        services: Services,
        user: User,
        *,
        session_id: str = "",
        client_id: str = "",
        place: str = "",
        forget: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._services = services
        storage = services.storage
        self.place = place
        # Clients make their ids up: with the user in front nobody speaks for the client of somebody else.
        who = Who(user=user, session_id=session_id, client_id=f"{user.id}:{client_id or new_id()}", forget=forget)
        self.account = LocalAccount(services, who)
        self.conversations = Conversations(storage, user.id, services.providers.choose, shares=services.shares)
        self.messages = LocalMessages(storage, user.id)
        self.models = LocalModels(services, user.id)
        self.generations = LocalGenerations(services, user, self.conversations, self.models)
        self.attachments = Attachments(storage, services.blobs, user.id, shares=services.shares)
        self.search = LocalSearch(storage, user.id)
        auth = services.auth
        self.admin = LocalAdmin(
            auth.administration(user.id) if auth and user.role == "admin" else None, services.limits
        )

    async def connections(self) -> AsyncGenerator[Connection, None]:
        """Yield `connected`: this process is always with itself."""
        yield "connected"
        await asyncio.Event().wait()

    async def diagnose(self) -> Mapping[str, str]:
        """Return what `argus doctor` prints about the store."""
        return {name: str(value) for name, value in (await self._services.storage.statistics()).items()}

    async def drain(self, timeout_s: float) -> bool:
        """Wait until no generation of this process runs."""
        return await self._services.engine.drain(timeout_s)

    async def close(self) -> None:
        """End this process's generations as interrupted and let go of everything."""
        await self._services.close()


async def _whole(start: Coroutine[Any, Any, Turn]) -> Turn:
    """Start a turn to the end, also when whoever waits for it is cancelled: what is stored must be answered."""
    return await asyncio.shield(asyncio.create_task(start))


def _busy() -> Conflict:
    return Conflict("Wait for it, or stop it with esc.", title="An answer is being written here")
