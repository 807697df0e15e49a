"""Documents <-> values of accounts, sessions, invites, days and presence."""

from __future__ import annotations

from datetime import date, datetime

from argus_core.domain import Invite, Session
from argus_core.mongodb import Document
from argus_core.storage.accounts import Amounts, Hold, Login, Presence, StoredSession
from argus_core.storage.mongo import documents
from argus_core.storage.mongo.documents import SCHEMA_V, text, whole_ms


def login_document(login: Login) -> Document:
    """Return the document of a user with what they sign in with."""
    return documents.user_document(login.user) | {"password_hash": login.password_hash}


def login(document: Document) -> Login:
    """Return the user of a document of `users` with their password hash; an older one has none."""
    return Login(user=documents.user(document), password_hash=document.get("password_hash"))


def session_document(stored: StoredSession) -> Document:
    """Return the document of a session."""
    session = stored.session
    return {
        "_id": text(session.id),
        "user_id": text(session.user_id),
        "created_at": whole_ms(session.created_at),
        "seen_at": whole_ms(session.seen_at),
        "client": session.client,
        "address": session.address,
        "ended_at": documents.optional_ms(session.ended_at),
        "generation": stored.generation,
        "refreshed_at": whole_ms(stored.refreshed_at),
        "schema_v": SCHEMA_V,
    }


def stored_session(document: Document) -> StoredSession:
    """Return the session of a document of `sessions`."""
    session = Session(
        id=document["_id"],
        user_id=document["user_id"],
        created_at=document["created_at"],
        seen_at=document["seen_at"],
        client=document["client"],
        address=document["address"],
        ended_at=document["ended_at"],
    )
    return StoredSession(session=session, generation=document["generation"], refreshed_at=document["refreshed_at"])


def invite_document(invite: Invite, code_digest: str) -> Document:
    """Return the document of an invite."""
    return {
        "_id": text(invite.id),
        "code_digest": text(code_digest),
        "created_at": whole_ms(invite.created_at),
        "expires_at": whole_ms(invite.expires_at),
        "role": invite.role,
        "email": invite.email,
        "user_id": invite.user_id,
        "created_by": invite.created_by,
        "used_at": documents.optional_ms(invite.used_at),
        "used_by": invite.used_by,
        "schema_v": SCHEMA_V,
    }


def invite(document: Document) -> Invite:
    """Return the invite of a document of `invites`."""
    return Invite(
        id=document["_id"],
        created_at=document["created_at"],
        expires_at=document["expires_at"],
        role=document["role"],
        email=document["email"],
        user_id=document["user_id"],
        created_by=document["created_by"],
        used_at=document["used_at"],
        used_by=document["used_by"],
    )


def day_id(user_id: str, day: str) -> str:
    """Return the id of a user's day, which is `2026-01-31`."""
    return f"{text(user_id)}:{day}"


def amounts_document(amounts: Amounts) -> Document:
    """Return the amounts as fields."""
    return {"requests": amounts.requests, "tokens": amounts.tokens, "micro_usd": amounts.micro_usd}


def amounts(document: Document) -> Amounts:
    """Return the amounts among the fields of a document."""
    return Amounts(requests=document["requests"], tokens=document["tokens"], micro_usd=document["micro_usd"])


def hold_document(hold: Hold) -> Document:
    """Return what a day keeps of a hold."""
    held = amounts_document(hold.amounts)
    return {"generation_id": text(hold.generation_id), **held, "created_at": whole_ms(hold.created_at)}


def hold(day: Document, held: Document) -> Hold:
    """Return one hold of a day."""
    return Hold(
        user_id=day["user_id"],
        day=date.fromisoformat(day["day"]),
        generation_id=held["generation_id"],
        amounts=amounts(held),
        created_at=held["created_at"],
    )


def day_document(user_id: str, day: str, used: Amounts) -> Document:
    """Return the document of a day on which nothing is held."""
    return {
        "_id": day_id(user_id, day),
        "user_id": user_id,
        "day": day,
        "used": amounts_document(used),
        "holds": [],
        "schema_v": SCHEMA_V,
    }


def presence_document(presence: Presence) -> Document:
    """Return the document of a client."""
    return {
        "_id": text(presence.client_id),
        "user_id": text(presence.user_id),
        "client": presence.client,
        "conversation_id": presence.conversation_id,
        "seen_at": whole_ms(presence.seen_at),
        "schema_v": SCHEMA_V,
    }


def presence(document: Document) -> Presence:
    """Return the client of a document of `presence`."""
    seen_at: datetime = document["seen_at"]
    return Presence(
        client_id=document["_id"],
        user_id=document["user_id"],
        client=document["client"],
        conversation_id=document["conversation_id"],
        seen_at=seen_at,
    )
