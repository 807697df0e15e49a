"""Accounts, sessions, invites and holds for tests, as small as `tests.support.builders`."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from argus_core.domain import Invite, Session, User, UserRole
from argus_core.ids import new_id
from argus_core.storage.accounts import Amounts, Hold, Login, Presence, StoredSession
from tests.support.builders import ALICE, NOON

TODAY = NOON.date()
SOME = Amounts(requests=1, tokens=100, micro_usd=10)


def a_login(user_id: str, email: str | None = None, *, role: UserRole = "member", disabled: bool = False) -> Login:
    user = User(
        id=user_id,
        name=user_id.title(),
        created_at=NOON,
        email=f"{user_id}@example.org" if email is None else email,
        role=role,
        disabled=disabled,
    )
    return Login(user=user, password_hash=f"scheme$hash of {user_id}")


def a_session(session_id: str | None = None, *, user_id: str = ALICE, seen_at: datetime = NOON) -> StoredSession:
    session = Session(
        id=session_id or new_id(),
        user_id=user_id,
        created_at=NOON,
        seen_at=seen_at,
        client="argus در خانه",
        address="192.0.2.7",
    )
    return StoredSession(session=session, refreshed_at=seen_at)


def an_invite(invite_id: str | None = None, *, created_at: datetime = NOON) -> Invite:
    return Invite(id=invite_id or new_id(), created_at=created_at, expires_at=created_at + timedelta(days=7))


def a_hold(
    generation_id: str | None = None,
    amounts: Amounts = SOME,
    *,
    user_id: str = ALICE,
    day: date = TODAY,
    created_at: datetime = NOON,
) -> Hold:
    return Hold(
        user_id=user_id,
        day=day,
        generation_id=generation_id or new_id(),
        amounts=amounts,
        created_at=created_at,
    )


def a_presence(
    client_id: str, *, user_id: str = ALICE, conversation_id: str | None = None, seen_at: datetime = NOON
) -> Presence:
    return Presence(
        client_id=client_id, user_id=user_id, client="argus", conversation_id=conversation_id, seen_at=seen_at
    )
