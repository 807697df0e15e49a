"""Documents <-> values. Every document has its owner's `user_id` and the `schema_v` it was written by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from bson.timestamp import Timestamp

from argus_core.domain import Attachment, AttachmentPart, Conversation, ConversationRow, Generation, Message, Part, User
from argus_core.errors import InvalidInput
from argus_core.mongodb import Document
from argus_core.storage import codec, fields
from argus_core.storage.fields import Kind, Mapper
from argus_core.storage.times import from_ms, to_ms
from argus_core.text.fold import words

SCHEMA_V = 1
NOW_CHANGED: Document = {"changed": {"$type": "timestamp"}}
"""For `$currentDate`: followers look at the conversation again."""
HIDDEN: Document = {"tokens": 0, "word_count": 0}
"""What of a message only the server needs."""
SIZES = ("said_bytes", "draft_bytes", "system_bytes")
"""Fields of a conversation that say how much its texts are, in UTF-8."""
_LAST_CHARACTER = "\U0010ffff"


def text(value: str) -> str:
    """Return `value` if it is text: an object in its place would be an operator to MongoDB."""
    if type(value) is not str:
        raise InvalidInput("An id or a name is text.")
    return value


def whole_ms(time: datetime) -> datetime:
    """Return the time as MongoDB keeps it: in UTC, a part of a millisecond dropped."""
    return from_ms(to_ms(time))


def optional_ms(time: datetime | None) -> datetime | None:
    """Return the time as MongoDB keeps it, None as None."""
    return None if time is None else whole_ms(time)


_MONGO = fields.Dialect({Kind.TIME: optional_ms, Kind.KEY: text}, {}, key="_id")
USERS = Mapper(fields.USERS, _MONGO)
SESSIONS = Mapper(fields.SESSIONS, _MONGO)
INVITES = Mapper(fields.INVITES, _MONGO)
AMOUNTS = Mapper(fields.AMOUNTS, _MONGO)
PRESENCE = Mapper(fields.PRESENCE, _MONGO)
_CONVERSATIONS = Mapper(fields.CONVERSATIONS, _MONGO)
_CONVERSATION_ROWS = Mapper(fields.CONVERSATION_ROWS, _MONGO)
_MESSAGES = Mapper(fields.MESSAGES, _MONGO)
_GENERATIONS = Mapper(fields.GENERATIONS, _MONGO)
WITHOUT_PARTS: Document = dict.fromkeys((name for name in _MESSAGES.columns if name != "parts"), 1)
"""All of a message but what was said."""
ROW: Document = {
    **dict.fromkeys(_CONVERSATION_ROWS.columns, 1),
    "open": 1,
    "is_prepared": {"$or": [{"$ne": ["$draft", ""]}, {"$ne": ["$system", ""]}]},
}
"""What lists tell of a conversation: the server leaves its long texts where they are."""
_OLDER_USER: Document = {"email": "", "role": "member", "disabled": False}
"""What an older Argus did not write."""
_OLDER_MESSAGE: Document = {"truncated": False}


def owned(user_id: str, id: str) -> Document:
    """Return the filter of one document of one user."""
    return {"_id": text(id), "user_id": text(user_id)}


def alive(user_id: str, id: str) -> Document:
    """Return the filter of one conversation of one user that is not deleted."""
    return owned(user_id, id) | {"deleted_at": None}


def starting_with(prefix: str) -> Document:
    """Return the condition that a text begins so, as a range of the index."""
    return {"$gte": text(prefix), "$lt": prefix + _LAST_CHARACTER}


def user_document(user: User) -> Document:
    """Return the document of a user."""
    return USERS.dump(user) | {"user_id": user.id, "password_hash": None, "schema_v": SCHEMA_V}


def user(document: Document) -> User:
    """Return the user of a document of `users`; one that an older Argus wrote has no email and is a member."""
    return USERS.load(_OLDER_USER | document)


def title_words(title: str) -> list[str]:
    """Return the words a title is found by, each once."""
    return list(dict.fromkeys(words(title)))


def conversation_document(new: Conversation) -> Document:
    """Return the document of a new conversation.

    Beside the fields of the value: `last_seq` is the last number given to a message, `placed_seq` that of the reply the
    head was last moved to by a turn, `open` the generations that run, `settled` the last ones that were counted as
    unread, `changed` the server's time of the last change, and `said_bytes`, `draft_bytes` and `system_bytes` how much
    its messages and its two texts are, in UTF-8.
    """
    return _CONVERSATIONS.dump(new) | {
        "title_words": title_words(new.title),
        "last_seq": 0,
        "placed_seq": 0,
        "open": [],
        "settled": [],
        "said_bytes": 0,
        **sizes(system=new.system, draft=new.draft),
        "changed": Timestamp(0, 0),  # the server puts its time in the place of an empty one
        "schema_v": SCHEMA_V,
    }


def sizes(**texts: str | None) -> Document:
    """Return the fields that say how much these texts are; None stands for one that stays as it is."""
    return {f"{name}_bytes": len(each.encode()) for name, each in texts.items() if each is not None}


def conversation(document: Document) -> Conversation:
    """Return the conversation of a whole document of `conversations`."""
    is_prepared = bool(document["system"] or document["draft"])
    return _CONVERSATIONS.load(document, running=len(document["open"]), is_prepared=is_prepared)


def conversation_row(document: Document) -> ConversationRow:
    """Return what lists tell of a conversation, of a document with the fields of `ROW`."""
    is_prepared = document["is_prepared"]
    return _CONVERSATION_ROWS.load(document, running=len(document["open"]), is_prepared=is_prepared)


def message_document(user_id: str, message: Message, words: Sequence[str] = ()) -> Document:
    """Return the document of a message, to be found by these folded words if it is whole."""
    found = indexed(words if message.status != "running" else ())
    beside = {"user_id": text(user_id), "schema_v": SCHEMA_V}
    return _MESSAGES.dump(message) | found | attached(message.parts) | beside


def message(document: Document) -> Message:
    """Return the message of a document of `messages`; without its parts, nothing was said."""
    unsaid: dict[str, Any] = {} if "parts" in document else {"parts": ()}
    return _MESSAGES.load(_OLDER_MESSAGE | document, **unsaid)


def indexed(words: Sequence[str]) -> Document:
    """Return the fields that a message is found by: each folded word once, and how many words there are."""
    return {"tokens": list(dict.fromkeys(words)), "word_count": len(words)}


def attached(parts: Iterable[Part]) -> Document:
    """Return the field that tells which attachments a message has; none where there are none."""
    ids = [part.attachment.id for part in parts if isinstance(part, AttachmentPart)]
    return {"attachment_ids": ids} if ids else {}


def generation_document(generation: Generation, client_msg_id: str | None = None) -> Document:
    """Return the document of a generation; `has_log` until its log is purged."""
    beside = {"client_msg_id": client_msg_id, "has_log": True, "schema_v": SCHEMA_V}
    return _GENERATIONS.dump(generation) | beside


def generation(document: Document) -> Generation:
    """Return the generation of a document of `generations`."""
    return _GENERATIONS.load(document)


def attachment_document(user_id: str, attachment: Attachment, created_at: datetime) -> Document:
    """Return the document of an attachment; digest and size stand apart: they are searched for and summed up.

    `free_since` is when it came or was claimed last, and null once it was seen in a message.
    """
    return {
        "_id": text(attachment.id),
        "user_id": text(user_id),
        "digest": attachment.digest,
        "size_bytes": attachment.size_bytes,
        "attachment": codec.dump(attachment),
        "created_at": whole_ms(created_at),
        "free_since": whole_ms(created_at),
        "schema_v": SCHEMA_V,
    }


def attachment(document: Document) -> Attachment:
    """Return the attachment of a document of `attachments`."""
    return codec.load(Attachment, document["attachment"])
