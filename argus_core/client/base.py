"""`ChatClient`: all that a front end may ask of Argus, in small roles. One contract suite runs on each implementation.

Every method raises only `ArgusError`. Values that came from a model, a file or another user are not yet `clean()`ed:
whoever shows them does that.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Literal, Protocol

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
    SignUpPolicy,
    Turn,
    User,
    UserRole,
    Watcher,
)
from argus_core.events import LoggedEvent

Connection = Literal["connected", "offline"]


class AccountRole(Protocol):
    """Who is asking, and what they prefer."""

    async def whoami(self) -> User:
        """Return the user."""

    async def get_preference(self, name: str) -> str | None:
        """Return what was kept under `name`, such as `theme`."""

    async def set_preference(self, name: str, value: str | None) -> None:
        """Keep `value` under `name`; None forgets it."""

    async def allowance(self) -> Allowance:
        """Return what was used today and what is left of each limit."""

    async def sessions(self) -> Sequence[Session]:
        """Return where the user is signed in, the one seen last first; empty on one machine without accounts."""

    async def end_session(self, session_id: str) -> None:
        """Sign that client out; `NotFound` when it is not the user's."""

    async def end_other_sessions(self) -> int:
        """Sign every other client out; return how many there were."""

    async def change_password(self, old: str, new: str) -> None:
        """Set another password and sign every other client out.

        Raises:
            BadCredentials: `old` is not the password.
            InvalidInput: `new` is too short, too long or too common.
        """

    async def sign_out(self, *, everywhere: bool = False) -> None:
        """End this session, or all of the user's, and forget what was kept of it; the client is of no use after."""

    async def look_at(self, conversation_id: str | None) -> None:
        """Tell the user's other clients what this one shows."""

    def watchers(self) -> AsyncGenerator[Sequence[Watcher], None]:
        """Yield who else is open on this account: now, and within some seconds of each change."""


class AdminRole(Protocol):
    """Users, invites and limits. Whoever is not an admin gets `PermissionDenied` from each of these."""

    async def users(self, *, limit: int = 50, cursor: str | None = None) -> Page[User]:
        """Return all accounts by their email."""

    async def create_user(self, email: str, name: str, *, role: UserRole = "member", password: str = "") -> User:
        """Make an account; without a password nobody can sign in to it until `reset` has given out a code.

        Raises:
            Conflict: The email is taken.
            InvalidInput: The email, the name or the password cannot be used.
        """

    async def set_role(self, user_id: str, role: UserRole) -> User:
        """Make an admin or a member; the last admin stays one (`Conflict`)."""

    async def set_disabled(self, user_id: str, disabled: bool) -> User:
        """Shut or open the account; shutting ends its sessions. The last admin stays (`Conflict`)."""

    async def reset(self, user_id: str) -> NewInvite:
        """End the user's sessions and return a code that sets a new password once (`Entrance.sign_up`)."""

    async def end_sessions(self, user_id: str) -> int:
        """Sign that user out everywhere; return from how many clients."""

    async def invites(self) -> Sequence[Invite]:
        """Return the newest invites, used and expired ones too."""

    async def create_invite(self, *, role: UserRole = "member", email: str = "") -> NewInvite:
        """Make an invite for one new account, good for seven days."""

    async def delete_invite(self, invite_id: str) -> None:
        """Take it back; idempotent."""

    async def limits(self) -> Sequence[RoleLimits]:
        """Return what each role may use."""


class ConversationsRole(Protocol):
    """The conversations of the user."""

    async def create(
        self, *, key: str | None = None, title: str = "", model: str | None = None, system: str = ""
    ) -> Conversation:
        """Make a conversation; with a key made by the caller it can be repeated safely.

        The key only tells a repeated call from a new one: the conversation's id is another.

        Raises:
            ModelNotFound: There is no such model; the hint names those that are like it.
        """

    async def get(self, conversation_id: str) -> Conversation:
        """Return it or raise `NotFound`."""

    async def find(self, id_prefix: str) -> ConversationRow:
        """Return the one whose id begins so.

        Raises:
            NotFound: None does.
            InvalidInput: Several do.
        """

    async def list(self, *, limit: int = 50, cursor: str | None = None, title_words: str = "") -> Page[ConversationRow]:
        """Return pinned ones first, then the newest; only those whose title holds all words if some are given."""

    async def count(self) -> int:
        """Return how many there are."""

    async def rename(self, conversation_id: str, title: str) -> Conversation:
        """Set the title: one line, 1 to 200 characters after cleaning, else `InvalidInput`."""

    async def pin(self, conversation_id: str, pinned: bool) -> Conversation:
        """Pin or unpin."""

    async def set_model(self, conversation_id: str, model: str | None) -> Conversation:
        """Choose who answers here; None is the default.

        Raises:
            ModelNotFound: As `create`.
        """

    async def set_system(self, conversation_id: str, system: str) -> Conversation:
        """Set the system instruction, at most 32,000 characters; empty for none."""

    async def save_draft(self, conversation_id: str, draft: str) -> None:
        """Keep what was typed and not sent."""

    async def mark_read(self, conversation_id: str) -> None:
        """Nothing is unread there."""

    async def delete(self, conversation_id: str) -> None:
        """Delete it; `restore` brings it back for 30 days."""

    async def restore(self, conversation_id: str) -> Conversation:
        """Take a deletion back."""

    async def undo(self, conversation_id: str) -> Conversation:
        """Move the head back before the last question, so that it and its answers are out of the way.

        Raises:
            InvalidInput: There is nothing to undo, or an answer is running.
        """

    def changes(self) -> AsyncGenerator[ConversationRow, None]:
        """Yield each conversation that changes from now on, within a second, whoever changed it."""


class MessagesRole(Protocol):
    """What was said."""

    async def get(self, message_id: str) -> Message:
        """Return it or raise `NotFound`."""

    async def path(self, leaf_id: str, *, limit: int = 50) -> Sequence[Message]:
        """Return up to `limit` messages that lead to `leaf_id`, oldest first.

        Those before them are the path to the first one's parent.
        """

    async def prompts(self, *, limit: int = 100) -> Sequence[str]:
        """Return what the user asked last, anywhere, newest first."""


class GenerationsRole(Protocol):
    """Answers being written; they go on when nobody reads."""

    async def ask(
        self,
        conversation_id: str,
        text: str,
        *,
        attachment_ids: Sequence[str] = (),
        client_msg_id: str | None = None,
        parent_id: str | None = None,
    ) -> Turn:
        """Store the question and start the answer; with a `client_msg_id` it can be repeated safely.

        Args:
            conversation_id: Where it is asked.
            text: The question; may be empty when something is attached.
            attachment_ids: What goes with it, in order.
            client_msg_id: Made by the caller, once for each question.
            parent_id: The message it follows; by default the head, with an empty string none: a first question edited.

        Raises:
            InvalidInput: Neither text nor attachment.
            Conflict: An answer is running in this conversation.
            KeyMissing: Nobody could answer; nothing was stored.
        """

    async def retry(self, conversation_id: str) -> Turn:
        """Answer the last question again, as another version beside the first."""

    async def continue_(self, conversation_id: str) -> Turn:
        """Go on from the last answer, which was stopped, cut or failed: a new version that begins with its text."""

    async def cancel(self, generation_id: str) -> None:
        """Stop it, wherever it runs; what had come is kept. Harmless when it has ended."""

    async def get(self, generation_id: str) -> Generation:
        """Return it or raise `NotFound`."""

    async def running(self) -> Sequence[Generation]:
        """Return the user's running generations, oldest first."""

    def events(self, generation_id: str, *, after: int = 0) -> AsyncGenerator[LoggedEvent, None]:
        """Yield the events after number `after`: first those that are there, then live; ends after the terminator."""


class AttachmentsRole(Protocol):
    """Pictures that go with a question."""

    async def add(self, name: str, data: bytes) -> Attachment:
        """Check, turn upright, shrink, encode again and keep a picture.

        Raises:
            AttachmentRejected: It is not a picture that is taken; the hint says why.
        """

    async def read(self, attachment: Attachment) -> bytes:
        """Return the stored bytes."""


class ModelsRole(Protocol):
    """Who can answer."""

    async def list(self) -> Sequence[ModelInfo]:
        """Return every model of every provider that is set up; a provider that fails is left out if another answers."""

    async def readiness(self) -> Readiness:
        """Say, without asking anyone over the network, whether and by which model a question can be answered."""

    async def set_default(self, model: str | None) -> None:
        """Choose the model of new conversations; None goes back to the setting.

        Raises:
            ModelNotFound: There is no such model; the hint names those that are like it.
        """

    async def try_key(self, key: str) -> Sequence[ModelInfo]:
        """List the models with this Gemini key, to see whether it works; raises what the provider says."""

    async def keep_key(self, key: str) -> str:
        """Keep and use the key; return where it was put, in words: `your keyring` or a path."""

    async def preload(self) -> None:
        """Load what the default model needs, so that the first answer does not wait for it."""


class SearchRole(Protocol):
    """Finding again what was said."""

    async def messages(self, query: str, *, limit: int = 20) -> Sequence[SearchHit]:
        """Return messages that hold every word, best first."""


class ChatClient(Protocol):
    """Everything, by role."""

    @property
    def account(self) -> AccountRole:
        """Who is asking."""

    @property
    def conversations(self) -> ConversationsRole:
        """The conversations of the user."""

    @property
    def messages(self) -> MessagesRole:
        """What was said."""

    @property
    def generations(self) -> GenerationsRole:
        """Answers being written."""

    @property
    def attachments(self) -> AttachmentsRole:
        """Pictures that go with a question."""

    @property
    def models(self) -> ModelsRole:
        """Who can answer."""

    @property
    def search(self) -> SearchRole:
        """Finding again."""

    @property
    def admin(self) -> AdminRole:
        """Looking after users."""

    @property
    def place(self) -> str:
        """Where it runs, such as `chat.example.org`; empty for this machine."""

    def connections(self) -> AsyncGenerator[Connection, None]:
        """Yield how the line to that place is now, then each change; once `connected` on this machine."""

    async def diagnose(self) -> Mapping[str, str]:
        """Return what `argus doctor` prints about store and providers, each line already in words, no secrets."""

    async def drain(self, timeout_s: float) -> bool:
        """Wait until no generation of this process runs; False when some still did after `timeout_s`."""

    async def close(self) -> None:
        """End this process's generations as interrupted and let go of everything."""


class Entrance(Protocol):
    """Where one gets in before there is a `ChatClient`: it keeps what signing in gives, and clients find it there."""

    @property
    def place(self) -> str:
        """Where that is, such as `chat.example.org`."""

    async def policy(self) -> SignUpPolicy:
        """Return who may make an account."""

    async def sign_in(self, email: str, password: str) -> User:
        """Sign in on this machine.

        Raises:
            BadCredentials: They do not belong together.
            LimitReached: Too many tries; `retry_after_s` says how long to wait.
        """

    async def sign_up(self, name: str, email: str, password: str, *, invite: str = "") -> User:
        """Make an account, or set the password of the one a reset code is for, and sign in.

        Raises:
            InvalidInput: The name, the email or the password cannot be used; the hint says why.
            PermissionDenied: Sign-up is closed, or the code is not good (any more).
        """
