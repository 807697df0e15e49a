"""Documents <-> values of accounts, sessions, invites, days and presence."""

from __future__ import annotations

from datetime import date

from argus_core.domain import Invite
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
    kept = {"generation": stored.generation, "refreshed_at": whole_ms(stored.refreshed_at), "schema_v": SCHEMA_V}
    return documents.SESSIONS.dump(stored.session) | kept


def stored_session(document: Document) -> StoredSession:
    """Return the session of a document of `sessions`."""
    session = documents.SESSIONS.load(document)
    return StoredSession(session=session, generation=document["generation"], refreshed_at=document["refreshed_at"])


def invite_document(invite: Invite, code_digest: str) -> Document:
    """Return the document of an invite."""
    return documents.INVITES.dump(invite) | {"code_digest": text(code_digest), "schema_v": SCHEMA_V}


def invite(document: Document) -> Invite:
    """Return the invite of a document of `invites`."""
    return documents.INVITES.load(document)


def day_id(user_id: str, day: str) -> str:
    """Return the id of a user's day, which is `2026-01-31`."""
    return f"{text(user_id)}:{day}"


def amounts(document: Document) -> Amounts:
    """Return the amounts among the fields of a document."""
    return documents.AMOUNTS.load(document)


def hold_document(hold: Hold) -> Document:
    """Return what a day keeps of a hold."""
    held = documents.AMOUNTS.dump(hold.amounts)
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
        "used": documents.AMOUNTS.dump(used),
        "holds": [],
        "schema_v": SCHEMA_V,
    }


def presence_document(presence: Presence) -> Document:
    """Return the document of a client."""
    return documents.PRESENCE.dump(presence) | {"schema_v": SCHEMA_V}


def presence(document: Document) -> Presence:
    """Return the client of a document of `presence`."""
    return documents.PRESENCE.load(document)
