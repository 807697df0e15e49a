"""The roles of `HttpClient`: each method is one request."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from argus_core.client.http_account import AccountStream
from argus_core.client.http_address import segment, word
from argus_core.client.http_line import Ask, OpenStream
from argus_core.client.http_session import Api
from argus_core.client.http_stream import AnswerReader, OpenAnswers
from argus_core.domain import (
    Allowance,
    Attachment,
    Conversation,
    ConversationRow,
    Generation,
    Invite,
    Message,
    ModelInfo,
    NewInvite,
    Page,
    Readiness,
    RoleLimits,
    SearchHit,
    Session,
    Turn,
    User,
    UserRole,
    Watcher,
)
from argus_core.events import LoggedEvent
from argus_core.ids import new_id

UPLOAD_S = 120.0
PROVIDER_S = 120.0
"""How long the server may wait for the model's service, or load a model."""


class HttpAccount:
    """Role `AccountRole`."""

    def __init__(self, api: Api, stream: AccountStream) -> None:
        self._api = api
        self._stream = stream

    async def whoami(self) -> User:
        """Return the user."""
        return await self._api.get(User, "/account")

    async def get_preference(self, name: str) -> str | None:
        """Return what was kept under `name`."""
        ask = Ask(method="GET", path=f"/account/preferences/{word(name)}", repeatable=True)
        return self._api.text_or_none(await self._api.fetch(ask), "value")

    async def set_preference(self, name: str, value: str | None) -> None:
        """Keep `value` under `name`; None forgets it."""
        await self._api.send("PUT", f"/account/preferences/{word(name)}", {"value": value})

    async def allowance(self) -> Allowance:
        """Return what was used today and what is left."""
        return await self._api.get(Allowance, "/account/allowance")

    async def sessions(self) -> Sequence[Session]:
        """Return where the user is signed in."""
        return await self._api.items(Session, "/account/sessions")

    async def end_session(self, session_id: str) -> None:
        """Sign that client out."""
        await self._api.send("DELETE", f"/account/sessions/{segment(session_id)}")

    async def end_other_sessions(self) -> int:
        """Sign every other client out."""
        return self._api.part(await self._api.send("DELETE", "/account/sessions"), "count", int)

    async def change_password(self, old: str, new: str) -> None:
        """Set another password."""
        # Sent twice, the old one would no longer be right.
        await self._api.send("PUT", "/account/password", {"old": old, "new": new}, repeatable=False)

    async def sign_out(self, *, everywhere: bool = False) -> None:
        """End this session, or all of the user's, and forget it here."""
        await self._api.sign_out(everywhere=everywhere)

    async def look_at(self, conversation_id: str | None) -> None:
        """Tell the user's other clients what this one shows."""
        await self._stream.look_at(conversation_id)

    def watchers(self) -> AsyncGenerator[Sequence[Watcher], None]:
        """Yield who else is open on this account."""
        return self._stream.watchers()


class HttpAdmin:
    """Role `AdminRole`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def users(self, *, limit: int = 50, cursor: str | None = None) -> Page[User]:
        """Return all accounts by their email."""
        return await self._api.get(Page[User], "/admin/users", limit=limit, cursor=cursor)

    async def create_user(self, email: str, name: str, *, role: UserRole = "member", password: str = "") -> User:
        """Make an account."""
        body = {"email": email, "name": name, "role": role} | ({"password": password} if password else {})
        return await self._api.change(User, "POST", "/admin/users", body, repeatable=False)

    async def set_role(self, user_id: str, role: UserRole) -> User:
        """Make an admin or a member."""
        return await self._api.change(User, "PATCH", f"/admin/users/{segment(user_id)}", {"role": role})

    async def set_disabled(self, user_id: str, disabled: bool) -> User:
        """Shut or open the account."""
        return await self._api.change(User, "PATCH", f"/admin/users/{segment(user_id)}", {"disabled": disabled})

    async def reset(self, user_id: str) -> NewInvite:
        """Return a code that sets a new password once."""
        path = f"/admin/users/{segment(user_id)}/reset"
        return await self._api.change(NewInvite, "POST", path, repeatable=False)

    async def end_sessions(self, user_id: str) -> int:
        """Sign that user out everywhere."""
        body = await self._api.send("DELETE", f"/admin/users/{segment(user_id)}/sessions")
        return self._api.part(body, "count", int)

    async def invites(self) -> Sequence[Invite]:
        """Return the newest invites."""
        return await self._api.items(Invite, "/admin/invites")

    async def create_invite(self, *, role: UserRole = "member", email: str = "") -> NewInvite:
        """Make an invite for one new account."""
        body = {"role": role, "email": email}
        return await self._api.change(NewInvite, "POST", "/admin/invites", body, repeatable=False)

    async def delete_invite(self, invite_id: str) -> None:
        """Take it back."""
        await self._api.send("DELETE", f"/admin/invites/{segment(invite_id)}")

    async def limits(self) -> Sequence[RoleLimits]:
        """Return what each role may use."""
        return await self._api.items(RoleLimits, "/admin/limits")


class HttpConversations:
    """Role `ConversationsRole`."""

    def __init__(self, api: Api, stream: AccountStream) -> None:
        self._api = api
        self._stream = stream

    async def create(
        self, *, key: str | None = None, title: str = "", model: str | None = None, system: str = ""
    ) -> Conversation:
        """Make a conversation."""
        body = {"id": key or new_id(), "title": title, "model": model, "system": system}
        return await self._api.change(Conversation, "POST", "/conversations", body)

    async def get(self, conversation_id: str) -> Conversation:
        """Return it or raise `NotFound`."""
        return await self._api.get(Conversation, _conversation(conversation_id))

    async def find(self, id_prefix: str) -> ConversationRow:
        """Return the one whose id begins so."""
        return await self._api.get(ConversationRow, "/conversations/find", id_prefix=id_prefix)

    async def list(self, *, limit: int = 50, cursor: str | None = None, title_words: str = "") -> Page[ConversationRow]:
        """Return pinned ones first, then the newest."""
        page = await self._api.get(
            Page[ConversationRow], "/conversations", limit=limit, cursor=cursor, title_words=title_words or None
        )
        self._stream.was_read(page.items)
        return page

    async def count(self) -> int:
        """Return how many there are."""
        ask = Ask(method="GET", path="/conversations/count", repeatable=True)
        return self._api.part(await self._api.fetch(ask), "count", int)

    async def rename(self, conversation_id: str, title: str) -> Conversation:
        """Set the title."""
        return await self._patch(conversation_id, title=title)

    async def pin(self, conversation_id: str, pinned: bool) -> Conversation:
        """Pin or unpin."""
        return await self._patch(conversation_id, pinned=pinned)

    async def set_model(self, conversation_id: str, model: str | None) -> Conversation:
        """Choose who answers here."""
        return await self._patch(conversation_id, model=model)

    async def set_system(self, conversation_id: str, system: str) -> Conversation:
        """Set the system instruction."""
        return await self._patch(conversation_id, system=system)

    async def save_draft(self, conversation_id: str, draft: str) -> None:
        """Keep what was typed and not sent."""
        await self._api.send("PUT", f"{_conversation(conversation_id)}/draft", {"draft": draft})

    async def mark_read(self, conversation_id: str) -> None:
        """Nothing is unread there."""
        await self._api.send("POST", f"{_conversation(conversation_id)}/read")

    async def delete(self, conversation_id: str) -> None:
        """Delete it."""
        await self._api.send("DELETE", _conversation(conversation_id))

    async def restore(self, conversation_id: str) -> Conversation:
        """Take a deletion back."""
        return await self._api.change(Conversation, "POST", f"{_conversation(conversation_id)}/restore")

    async def undo(self, conversation_id: str) -> Conversation:
        """Move the head back before the last question."""
        path = f"{_conversation(conversation_id)}/undo"
        return await self._api.change(Conversation, "POST", path, repeatable=False)

    def changes(self) -> AsyncGenerator[ConversationRow, None]:
        """Yield each conversation that changes from this call on."""
        return self._stream.changes()

    async def _patch(self, conversation_id: str, **change: Any) -> Conversation:
        return await self._api.change(Conversation, "PATCH", _conversation(conversation_id), change)


class HttpMessages:
    """Role `MessagesRole`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def get(self, message_id: str) -> Message:
        """Return it or raise `NotFound`."""
        return await self._api.get(Message, f"/messages/{segment(message_id)}")

    async def path(self, leaf_id: str, *, limit: int = 50) -> Sequence[Message]:
        """Return up to `limit` messages that lead to `leaf_id`, oldest first."""
        return await self._api.items(Message, f"/messages/{segment(leaf_id)}/path", limit=limit)

    async def prompts(self, *, limit: int = 100) -> Sequence[str]:
        """Return what the user asked last, newest first."""
        return await self._api.items(str, "/prompts", limit=limit)


class HttpGenerations:
    """Role `GenerationsRole`."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._opened = OpenAnswers()
        self.asked_in: set[str] = set()
        """The conversations in which this client started answers."""

    async def ask(
        self,
        conversation_id: str,
        text: str,
        *,
        attachment_ids: Sequence[str] = (),
        client_msg_id: str | None = None,
        parent_id: str | None = None,
    ) -> Turn:
        """Store the question and start the answer."""
        body = {
            "text": text,
            "attachment_ids": list(attachment_ids),
            "client_msg_id": client_msg_id or new_id(),
            "parent_id": parent_id,
        }
        return await self._start(conversation_id, "questions", body, repeatable=True)

    async def retry(self, conversation_id: str) -> Turn:
        """Answer the last question again."""
        return await self._start(conversation_id, "retry", None, repeatable=False)

    async def continue_(self, conversation_id: str) -> Turn:
        """Go on from the last answer."""
        return await self._start(conversation_id, "continue", None, repeatable=False)

    async def cancel(self, generation_id: str) -> None:
        """Stop it, wherever it runs."""
        await self._api.send("POST", f"/generations/{segment(generation_id)}/cancel")

    async def get(self, generation_id: str) -> Generation:
        """Return it or raise `NotFound`."""
        return await self._api.get(Generation, f"/generations/{segment(generation_id)}")

    async def running(self) -> Sequence[Generation]:
        """Return the user's running generations."""
        return await self._api.items(Generation, "/generations")

    def events(self, generation_id: str, *, after: int = 0) -> AsyncGenerator[LoggedEvent, None]:
        """Yield the events after number `after`, then live, over as many connections as it takes."""
        return AnswerReader(self._api, generation_id, after, self._opened.take).events()

    async def close(self) -> None:
        """Let go of answers that nobody reads."""
        await self._opened.close()

    async def _start(self, conversation_id: str, act: str, body: dict[str, Any] | None, *, repeatable: bool) -> Turn:
        """Ask, and keep the stream of the answer that comes with the turn: reading it needs no second request."""
        self.asked_in.add(conversation_id)
        path = f"{_conversation(conversation_id)}/{act}"
        answer = await self._api.begin(Ask(method="POST", path=path, body=body, repeatable=repeatable))
        if not isinstance(answer, OpenStream):
            return self._api.read(Turn, answer)
        try:
            turn = self._api.read(Turn, answer.first.data)
        except BaseException:
            await answer.close()
            raise
        self._opened.keep(turn.generation.id, answer)
        return turn


class HttpAttachments:
    """Role `AttachmentsRole`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def add(self, name: str, data: bytes) -> Attachment:
        """Check and keep a picture; sent twice it is kept once."""
        name = name.replace("\\", "/").rpartition("/")[2][-255:]  # where it lies here is nobody's business
        ask = Ask(
            method="POST",
            path="/attachments",
            params={"name": name},
            data=data,
            repeatable=True,
            timeout_s=UPLOAD_S,
        )
        return self._api.read(Attachment, await self._api.fetch(ask))

    async def read(self, attachment: Attachment) -> bytes:
        """Return the stored bytes."""
        path = f"/attachments/{segment(attachment.id)}/content"
        return await self._api.fetch(Ask(method="GET", path=path, repeatable=True))


class HttpModels:
    """Role `ModelsRole`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def list(self) -> Sequence[ModelInfo]:
        """Return every model of every provider that is set up."""
        ask = Ask(method="GET", path="/models", repeatable=True, timeout_s=PROVIDER_S)
        return self._api.items_in(ModelInfo, await self._api.fetch(ask))

    async def readiness(self) -> Readiness:
        """Say whether and by which model a question can be answered."""
        return await self._api.get(Readiness, "/models/readiness")

    async def set_default(self, model: str | None) -> None:
        """Choose the model of new conversations."""
        await self._api.send("PUT", "/models/default", {"model": model})

    async def try_key(self, key: str) -> Sequence[ModelInfo]:
        """List the models with this Gemini key."""
        ask = Ask(method="POST", path="/models/key/try", body={"key": key}, repeatable=True, timeout_s=PROVIDER_S)
        return self._api.items_in(ModelInfo, await self._api.fetch(ask))

    async def keep_key(self, key: str) -> str:
        """Keep and use the key at the server."""
        return self._api.part(await self._api.send("PUT", "/models/key", {"key": key}), "place", str)

    async def preload(self) -> None:
        """Load what the default model needs."""
        await self._api.fetch(Ask(method="POST", path="/models/preload", repeatable=True, timeout_s=PROVIDER_S))


class HttpSearch:
    """Role `SearchRole`."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def messages(self, query: str, *, limit: int = 20) -> Sequence[SearchHit]:
        """Return messages that hold every word, best first."""
        return await self._api.items(SearchHit, "/search", q=query, limit=limit)


def _conversation(conversation_id: str) -> str:
    return f"/conversations/{segment(conversation_id)}"
