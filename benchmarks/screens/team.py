"""The pictures that need a server: its entrance, its accounts, company, and a line that drops."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

from argus_core.client.base import ChatClient
from argus_core.domain import Invite, Session, User, Watcher
from argus_core.errors import NotAuthenticated
from benchmarks.screens.fixed import NOW
from tests.tui.account_support import USED, FakeAccount, FakeAdmin, FakeEntrance, TeamClient

SARA = User(id="s" * 32, name="sara", email="sara@example.org", role="admin", created_at=NOW - timedelta(days=90))
_COLLEAGUES = ("Amir Rezaei", "Bahar Tehrani", "Claire Dupont", "Nilufar Ahmadi", "Omid Karimi", "Piet Janssens")
_OFF = "Claire Dupont"
_SESSIONS = (  # client, address, minutes ago
    ("argus on desk", "192.0.2.7", 0),
    ("argus on laptop", "2001:db8::12", 4),
    ("argus on build-box", "198.51.100.24", 4300),
)


@dataclass(slots=True)
class Place:
    """One server."""

    entrance: FakeEntrance = field(default_factory=lambda: FakeEntrance(signs="invite", user=SARA))
    client: TeamClient | None = None

    @asynccontextmanager
    async def open(self, inner: ChatClient) -> AsyncGenerator[ChatClient, None]:
        """Open the client of Sara, if she is signed in."""
        if not self.entrance.inside:
            raise NotAuthenticated
        account = FakeAccount(SARA, used=USED, open_sessions=_sessions())
        self.client = TeamClient(inner, account, _admin())
        yield self.client

    async def also_on_laptop(self, conversation_id: str) -> None:
        """Let another terminal of hers open this conversation."""
        assert self.client is not None
        await self.client.account.company.put([Watcher(client="argus on laptop", conversation_id=conversation_id)])

    async def drop_line(self) -> None:
        """Let the server be out of reach."""
        assert self.client is not None
        await self.client.line.put("offline")


def _sessions() -> list[Session]:
    return [
        Session(
            id=str(number),
            user_id=SARA.id,
            created_at=NOW - timedelta(days=9),
            seen_at=NOW - timedelta(minutes=minutes),
            client=client,
            address=address,
            current=number == 0,
        )
        for number, (client, address, minutes) in enumerate(_SESSIONS)
    ]


def _admin() -> FakeAdmin:
    others = [
        User(
            id=str(number),
            name=name,
            email=f"{name.split()[0].lower()}@example.org",
            created_at=NOW,
            disabled=name == _OFF,
        )
        for number, name in enumerate(_COLLEAGUES)
    ]
    invite = Invite(id="i", created_at=NOW, expires_at=NOW + timedelta(days=6), email="dana@example.org")
    used = replace(invite, id="u", email="", used_at=NOW - timedelta(days=2))
    return FakeAdmin(SARA, all_users=[*others, SARA], all_invites=[invite, used])
