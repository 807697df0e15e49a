"""A server that is not there: an entrance, accounts and a line to it that do what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from textual.widgets import Input

from argus_core.client.base import (
    AdminRole,
    AttachmentsRole,
    ChatClient,
    Connection,
    ConversationsRole,
    GenerationsRole,
    MessagesRole,
    ModelsRole,
    SearchRole,
)
from argus_core.domain import (
    Allowance,
    Invite,
    Meter,
    NewInvite,
    Page,
    RoleLimits,
    Session,
    SignUpPolicy,
    Turn,
    User,
    UserRole,
    Watcher,
)
from argus_core.errors import (
    ArgusError,
    BadCredentials,
    Conflict,
    InvalidInput,
    NotAuthenticated,
    PermissionDenied,
    ServerUnreachable,
)
from argus_tui.app import ArgusApp
from tests.tui.chat_support import WIDE, Person, Store

PLACE = "chat.example.org"
PASSWORD = "correct horse battery"
CODE = "kh7-2mq-x4p"
AT = datetime.fromisoformat("2026-11-20T14:02:00+00:00")
SARA = User(id="s" * 32, name="sara", email="sara@example.org", role="admin", created_at=AT - timedelta(days=90))


def people(count: int) -> list[User]:
    """Return so many members, in the order of their emails."""
    return [
        User(id=f"{number:032d}", name=f"Person {number}", email=f"person{number:03d}@example.org", created_at=AT)
        for number in range(count)
    ]


@dataclass(slots=True)
class FakeEntrance:
    """Role `Entrance`: one password for everybody; `faults` are raised first, one a try."""

    signs: SignUpPolicy = "open"
    user: User = SARA
    faults: list[ArgusError] = field(default_factory=list)
    tries: list[tuple[str, ...]] = field(default_factory=list)
    gate: asyncio.Event | None = None
    """Set it to let a try wait."""
    inside: bool = False
    """Somebody is signed in: clients can be opened."""

    @property
    def place(self) -> str:
        return PLACE

    async def policy(self) -> SignUpPolicy:
        return self.signs

    async def sign_in(self, email: str, password: str) -> User:
        await self._try("in", email, password)
        if password != PASSWORD:
            raise BadCredentials
        self.inside = True
        return self.user

    async def sign_up(self, name: str, email: str, password: str, *, invite: str = "") -> User:
        await self._try("up", name, email, password, invite)
        if self.signs != "open" and invite != CODE:
            raise PermissionDenied("Ask an admin for another one.", title="That code is not good any more")
        self.inside = True
        self.user = replace(self.user, name=name or self.user.name, email=email)
        return self.user

    async def _try(self, *what: str) -> None:
        self.tries.append(what)
        if self.gate is not None:
            await self.gate.wait()
        if self.faults:
            raise self.faults.pop(0)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[FakeEntrance, None]:
        yield self


def sessions_of(user: User) -> list[Session]:
    """Return three places where a user is signed in."""
    made = [
        ("argus on desk", "192.0.2.7", timedelta(0), True),
        ("argus on laptop", "2001:db8::12", timedelta(minutes=4), False),
        ("argus on phone", "198.51.100.24", timedelta(days=3), False),
    ]
    return [
        Session(
            id=str(number),
            user_id=user.id,
            created_at=AT - timedelta(days=9),
            seen_at=AT - ago,
            client=client,
            address=address,
            current=current,
        )
        for number, (client, address, ago, current) in enumerate(made)
    ]


@dataclass(slots=True)
class FakeAccount:
    """Role `AccountRole`: preferences in a dictionary, sessions in a list."""

    user: User
    kept: dict[str, str] = field(default_factory=dict)
    used: Allowance = field(default_factory=Allowance)
    open_sessions: list[Session] = field(default_factory=list)
    looked_at: list[str | None] = field(default_factory=list)
    company: asyncio.Queue[Sequence[Watcher]] = field(default_factory=asyncio.Queue)
    ended: bool = False
    """The session was ended from elsewhere: everything asks to sign in."""
    signed_out: bool = False

    def check(self) -> None:
        if self.ended:
            raise NotAuthenticated("Sign in again.", title="This session was ended")

    async def whoami(self) -> User:
        self.check()
        return self.user

    async def get_preference(self, name: str) -> str | None:
        self.check()
        return self.kept.get(name)

    async def set_preference(self, name: str, value: str | None) -> None:
        self.check()
        if value is None:
            self.kept.pop(name, None)
        else:
            self.kept[name] = value

    async def allowance(self) -> Allowance:
        self.check()
        return self.used

    async def sessions(self) -> Sequence[Session]:
        self.check()
        return list(self.open_sessions)

    async def end_session(self, session_id: str) -> None:
        self.check()
        self.open_sessions = [one for one in self.open_sessions if one.id != session_id]

    async def end_other_sessions(self) -> int:
        self.check()
        others = [one for one in self.open_sessions if not one.current]
        self.open_sessions = [one for one in self.open_sessions if one.current]
        return len(others)

    async def change_password(self, old: str, new: str) -> None:
        self.check()
        if old != PASSWORD:
            raise BadCredentials
        if new == "password1":
            raise InvalidInput("It is one of the most common passwords.", title="That password cannot be used")
        await self.end_other_sessions()

    async def sign_out(self, *, everywhere: bool = False) -> None:
        self.check()
        self.signed_out = self.ended = True

    async def look_at(self, conversation_id: str | None) -> None:
        self.looked_at.append(conversation_id)

    async def watchers(self) -> AsyncGenerator[Sequence[Watcher], None]:
        while True:
            yield await self.company.get()


@dataclass(slots=True)
class FakeAdmin:
    """Role `AdminRole` over a list of users."""

    asking: User
    all_users: list[User] = field(default_factory=lambda: [SARA, *people(3)])
    all_invites: list[Invite] = field(default_factory=list)
    acts: list[str] = field(default_factory=list)

    def _check(self) -> None:
        if self.asking.role != "admin":
            raise PermissionDenied("Only an admin may do that.")

    async def users(self, *, limit: int = 50, cursor: str | None = None) -> Page[User]:
        self._check()
        start = int(cursor or 0)
        end = start + limit
        self.acts.append(f"page {start}")
        return Page(tuple(self.all_users[start:end]), str(end) if end < len(self.all_users) else None)

    async def create_user(self, email: str, name: str, *, role: UserRole = "member", password: str = "") -> User:
        raise NotImplementedError

    async def set_role(self, user_id: str, role: UserRole) -> User:
        return self._set(user_id, lambda user: replace(user, role=role))

    async def set_disabled(self, user_id: str, disabled: bool) -> User:
        return self._set(user_id, lambda user: replace(user, disabled=disabled))

    def _set(self, user_id: str, change: Callable[[User], User]) -> User:
        self._check()
        at = next(at for at, user in enumerate(self.all_users) if user.id == user_id)
        changed = change(self.all_users[at])
        if not any(
            user.role == "admin" and not user.disabled
            for user in (*self.all_users[:at], changed, *self.all_users[at + 1 :])
        ):
            raise Conflict("Make another one first.", title="That is the last admin")
        self.all_users[at] = changed
        return changed

    async def reset(self, user_id: str) -> NewInvite:
        self._check()
        self.acts.append(f"reset {user_id}")
        return NewInvite(invite=self._invite(user_id=user_id), code=CODE)

    async def end_sessions(self, user_id: str) -> int:
        self._check()
        self.acts.append(f"end {user_id}")
        return 2

    async def invites(self) -> Sequence[Invite]:
        self._check()
        return list(self.all_invites)

    async def create_invite(self, *, role: UserRole = "member", email: str = "") -> NewInvite:
        self._check()
        made = self._invite(role=role, email=email)
        self.all_invites.insert(0, made)
        return NewInvite(invite=made, code=CODE)

    async def delete_invite(self, invite_id: str) -> None:
        self._check()
        self.all_invites = [one for one in self.all_invites if one.id != invite_id]

    def _invite(self, *, role: UserRole = "member", email: str = "", user_id: str | None = None) -> Invite:
        return Invite(
            id=str(len(self.all_invites)),
            created_at=AT,
            expires_at=AT + timedelta(days=7),
            role=role,
            email=email,
            user_id=user_id,
            created_by=self.asking.id,
        )

    async def limits(self) -> Sequence[RoleLimits]:
        self._check()
        return [
            RoleLimits(role="member", requests_per_minute=30, tokens_per_day=400_000, micro_usd_per_day=2_000_000),
            RoleLimits(role="admin", requests_per_minute=120),
        ]


USED = Allowance(
    requests=12,
    tokens=41_200,
    cost_micro_usd=18_400,
    meters=(
        Meter(name="requests_per_minute", limit=30, left=24, resets_in_s=12.0),
        Meter(name="tokens_per_day", limit=400_000, left=358_800, resets_in_s=36_000.0),
        Meter(name="micro_usd_per_day", limit=2_000_000, left=0, resets_in_s=36_000.0),
    ),
)
"""Some of each limit is used, and all of the money."""


@dataclass(slots=True)
class TeamClient:
    """A client of this process, seen as one of a server: with accounts, company and a line that can break."""

    inner: ChatClient
    account: FakeAccount
    admin: AdminRole
    line: asyncio.Queue[Connection] = field(default_factory=asyncio.Queue)
    asks: GenerationsRole | None = None
    """Stands in for the generations of `inner`."""

    @property
    def place(self) -> str:
        return PLACE

    async def connections(self) -> AsyncGenerator[Connection, None]:
        yield "connected"
        while True:
            yield await self.line.get()

    @property
    def conversations(self) -> ConversationsRole:
        return self.inner.conversations

    @property
    def messages(self) -> MessagesRole:
        return self.inner.messages

    @property
    def generations(self) -> GenerationsRole:
        return self.asks or self.inner.generations

    @property
    def attachments(self) -> AttachmentsRole:
        return self.inner.attachments

    @property
    def models(self) -> ModelsRole:
        return self.inner.models

    @property
    def search(self) -> SearchRole:
        return self.inner.search

    async def diagnose(self) -> Mapping[str, str]:
        return await self.inner.diagnose()

    async def drain(self, timeout_s: float) -> bool:
        return await self.inner.drain(timeout_s)

    async def close(self) -> None:
        await self.inner.close()


class Refusing:
    """Role `GenerationsRole` that refuses some questions first; the rest is asked of the real one."""

    def __init__(self, inner: GenerationsRole, faults: list[ArgusError]) -> None:
        self._inner = inner
        self._faults = faults
        self.asked: list[tuple[str, str | None]] = []
        """Each question with the id under which it was sent."""
        self.get = inner.get
        self.retry, self.continue_, self.cancel = inner.retry, inner.continue_, inner.cancel
        self.running, self.events = inner.running, inner.events

    async def ask(
        self,
        conversation_id: str,
        text: str,
        *,
        attachment_ids: Sequence[str] = (),
        client_msg_id: str | None = None,
        parent_id: str | None = None,
    ) -> Turn:
        self.asked.append((text, client_msg_id))
        if self._faults:
            raise self._faults.pop(0)
        return await self._inner.ask(
            conversation_id,
            text,
            attachment_ids=attachment_ids,
            client_msg_id=client_msg_id,
            parent_id=parent_id,
        )


@dataclass(slots=True)
class Team:
    """A server of one store with its entrance; programs open on it as on a real one."""

    store: Store
    entrance: FakeEntrance = field(default_factory=lambda: FakeEntrance(inside=True))
    faults: list[ArgusError] = field(default_factory=list)
    """What the first questions are refused with."""
    clients: list[TeamClient] = field(default_factory=list)
    """All that were opened, the newest last."""
    unreachable: int = 0
    """So many times the server does not answer when a client is opened."""

    @property
    def client(self) -> TeamClient:
        """The client that the program uses."""
        return self.clients[-1]

    @property
    def account(self) -> FakeAccount:
        return self.client.account

    @asynccontextmanager
    async def open_client(self) -> AsyncGenerator[ChatClient, None]:
        if self.unreachable:
            self.unreachable -= 1
            raise ServerUnreachable("Look at your network.")
        if not self.entrance.inside:
            raise NotAuthenticated("Sign in: argus login")
        async with self.store.client() as inner:
            user = self.entrance.user
            account = FakeAccount(user, used=USED, open_sessions=sessions_of(user))
            client = TeamClient(inner, account, FakeAdmin(user))
            client.asks = Refusing(inner.generations, self.faults)
            self.clients.append(client)
            yield client

    def app(self, *, theme: str | None = None) -> ArgusApp:
        options = replace(self.store.app(theme=theme).options, open_entrance=self.entrance.open)
        return ArgusApp(self.open_client, options)

    @asynccontextmanager
    async def program(self, *, size: tuple[int, int] = WIDE, theme: str | None = None) -> AsyncGenerator[Person, None]:
        """Run the program until the block ends; wait first until it is usable or asks to sign in."""
        app = self.app(theme=theme)
        try:
            async with app.run_test(size=size) as pilot:
                person = Person(app, pilot)
                if self.entrance.inside and not self.unreachable:
                    await person.until(lambda: any(one.group == "changes" for one in app.workers), "the program ready")
                yield person
        finally:
            await app.close_client()


async def fills_in(person: Person, *values: str) -> None:
    """Write into the fields of the form, from the one that has the focus on."""
    for at, value in enumerate(values):
        if at:
            await person.press("tab")
        focused = person.app.focused
        assert isinstance(focused, Input)
        focused.value = value
