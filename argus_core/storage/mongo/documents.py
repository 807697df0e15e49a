"""Documents <-> values. Every document has its owner's `user_id` and the `schema_v` it was written by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from bson.timestamp import Timestamp

from argus_core.domain import Attachment, AttachmentPart, Conversation, ConversationRow, Generation, Message, Part, User
from argus_core.errors import InvalidInput
from argus_core.mongodb import Document
from argus_core.storage import codec
from argus_core.storage.times import from_ms, to_ms
from argus_core.text.fold import words

SCHEMA_V = 1
NOW_CHANGED: Document = {"changed": {"$type": "timestamp"}}
"""For `$currentDate`: followers look at the conversation again."""
HIDDEN: Document = {"tokens": 0, "word_count": 0}
"""What of a message only the server needs."""
WITHOUT_PARTS: Document = dict.fromkeys(
    (
        "conversation_id",
        "parent_id",
        "seq",
        "role",
        "status",
        "created_at",
        "generation_id",
        "model",
        "usage",
        "problem",
        "client_msg_id",
        "duration_s",
        "truncated",
    ),
    1,
)
"""All of a message but what was said."""
_TOLD_IN_LISTS = (
    "user_id",
    "title",
    "created_at",
    "updated_at",
    "model",
    "head_id",
    "rev",
    "pinned",
    "title_by_user",
    "unread",
    "open",
    "deleted_at",
)
ROW: Document = {
    **dict.fromkeys(_TOLD_IN_LISTS, 1),
    "is_prepared": {"$or": [{"$ne": ["$draft", ""]}, {"$ne": ["$system", ""]}]},
}
"""What lists tell of a conversation: the server leaves its long texts where they are."""
SIZES = ("said_bytes", "draft_bytes", "system_bytes")
"""Fields of a conversation that say how much its texts are, in UTF-8."""
_LAST_CHARACTER = "\U0010ffff"


def text(value: str) -> str:
    """Return `value` if it is text: an object in its place would be an operator to MongoDB."""
    if type(value) is not str:
        raise InvalidInput("An id or a name is text.")
    return value


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
    return _stamped(
        user.id,
        _id=text(user.id),
        name=user.name,
        created_at=whole_ms(user.created_at),
        email=text(user.email),
        role=text(user.role),
        disabled=user.disabled,
        password_hash=None,
    )


def user(document: Document) -> User:
    """Return the user of a document of `users`; one that an older Argus wrote has no email and is a member."""
    return User(
        id=document["_id"],
        name=document["name"],
        created_at=document["created_at"],
        email=document.get("email", ""),
        role=document.get("role", "member"),
        disabled=document.get("disabled", False),
    )


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
    return _stamped(
        new.user_id,
        _id=text(new.id),
        title=new.title,
        title_words=title_words(new.title),
        created_at=whole_ms(new.created_at),
        updated_at=whole_ms(new.updated_at),
        model=new.model,
        system=new.system,
        head_id=new.head_id,
        rev=new.rev,
        pinned=new.pinned,
        title_by_user=new.title_by_user,
        unread=new.unread,
        draft=new.draft,
        deleted_at=optional_ms(new.deleted_at),
        last_seq=0,
        placed_seq=0,
        open=[],
        settled=[],
        said_bytes=0,
        **sizes(system=new.system, draft=new.draft),
        changed=Timestamp(0, 0),  # the server puts its time in the place of an empty one
    )


def sizes(**texts: str | None) -> Document:
    """Return the fields that say how much these texts are; None stands for one that stays as it is."""
    return {f"{name}_bytes": len(each.encode()) for name, each in texts.items() if each is not None}


def conversation(document: Document) -> Conversation:
    """Return the conversation of a whole document of `conversations`."""
    system, draft = document["system"], document["draft"]
    told = _told_in_lists(document | {"is_prepared": bool(system or draft)})
    return Conversation(**told, system=system, draft=draft)


def conversation_row(document: Document) -> ConversationRow:
    """Return what lists tell of a conversation, of a document with the fields of `ROW`."""
    return ConversationRow(**_told_in_lists(document))


def _told_in_lists(document: Document) -> dict[str, Any]:
    return dict(
        id=document["_id"],
        user_id=document["user_id"],
        title=document["title"],
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        model=document["model"],
        head_id=document["head_id"],
        rev=document["rev"],
        pinned=document["pinned"],
        title_by_user=document["title_by_user"],
        unread=document["unread"],
        running=len(document["open"]),
        is_prepared=document["is_prepared"],
        deleted_at=document["deleted_at"],
    )


def message_document(user_id: str, message: Message, words: Sequence[str] = ()) -> Document:
    """Return the document of a message, to be found by these folded words if it is whole."""
    found = indexed(words if message.status != "running" else ())
    return _stamped(
        user_id,
        _id=text(message.id),
        conversation_id=text(message.conversation_id),
        parent_id=message.parent_id,
        seq=message.seq,
        role=message.role,
        parts=codec.dump_parts(message.parts),
        status=message.status,
        created_at=whole_ms(message.created_at),
        generation_id=message.generation_id,
        model=message.model,
        usage=codec.dump(message.usage),
        problem=codec.dump(message.problem),
        client_msg_id=message.client_msg_id,
        duration_s=message.duration_s,
        truncated=message.truncated,
        **found,
        **attached(message.parts),
    )


def message(document: Document) -> Message:
    """Return the message of a document of `messages`; without its parts, nothing was said.

    One that an older Argus wrote does not say `truncated`.
    """
    from argus_core.domain import Problem, Usage

    return Message(
        id=document["_id"],
        conversation_id=document["conversation_id"],
        parent_id=document["parent_id"],
        seq=document["seq"],
        role=document["role"],
        parts=codec.load_parts(document["parts"]) if "parts" in document else (),
        status=document["status"],
        created_at=document["created_at"],
        generation_id=document["generation_id"],
        model=document["model"],
        usage=codec.load_optional(Usage, document["usage"]),
        problem=codec.load_optional(Problem, document["problem"]),
        client_msg_id=document["client_msg_id"],
        duration_s=document["duration_s"],
        truncated=document.get("truncated", False),
    )


def indexed(words: Sequence[str]) -> Document:
    """Return the fields that a message is found by: each folded word once, and how many words there are."""
    return {"tokens": list(dict.fromkeys(words)), "word_count": len(words)}


def attached(parts: Iterable[Part]) -> Document:
    """Return the field that tells which attachments a message has; none where there are none."""
    ids = [part.attachment.id for part in parts if isinstance(part, AttachmentPart)]
    return {"attachment_ids": ids} if ids else {}


def generation_document(generation: Generation, client_msg_id: str | None = None) -> Document:
    """Return the document of a generation; `has_log` until its log is purged."""
    return _stamped(
        generation.user_id,
        _id=text(generation.id),
        conversation_id=text(generation.conversation_id),
        message_id=text(generation.message_id),
        model=generation.model,
        status=generation.status,
        created_at=whole_ms(generation.created_at),
        owner=text(generation.owner),
        lease_until=whole_ms(generation.lease_until),
        continues_id=generation.continues_id,
        cancel_requested=generation.cancel_requested,
        ended_at=optional_ms(generation.ended_at),
        client_msg_id=client_msg_id,
        has_log=True,
    )


def generation(document: Document) -> Generation:
    """Return the generation of a document of `generations`."""
    return Generation(
        id=document["_id"],
        conversation_id=document["conversation_id"],
        user_id=document["user_id"],
        message_id=document["message_id"],
        model=document["model"],
        status=document["status"],
        created_at=document["created_at"],
        owner=document["owner"],
        lease_until=document["lease_until"],
        continues_id=document["continues_id"],
        cancel_requested=document["cancel_requested"],
        ended_at=document["ended_at"],
    )


def attachment_document(user_id: str, attachment: Attachment, created_at: datetime) -> Document:
    """Return the document of an attachment; digest and size stand apart: they are searched for and summed up.

    `free_since` is when it came or was claimed last, and null once it was seen in a message.
    """
    return _stamped(
        user_id,
        _id=text(attachment.id),
        digest=attachment.digest,
        size_bytes=attachment.size_bytes,
        attachment=codec.dump(attachment),
        created_at=whole_ms(created_at),
        free_since=whole_ms(created_at),
    )


def attachment(document: Document) -> Attachment:
    """Return the attachment of a document of `attachments`."""
    return codec.load(Attachment, document["attachment"])


def whole_ms(time: datetime) -> datetime:
    """Return the time as MongoDB keeps it: in UTC, a part of a millisecond dropped."""
    return from_ms(to_ms(time))


def optional_ms(time: datetime | None) -> datetime | None:
    """Return the time as MongoDB keeps it, None as None."""
    return None if time is None else whole_ms(time)


def _stamped(user_id: str, **fields: Any) -> Document:
    return {**fields, "user_id": text(user_id), "schema_v": SCHEMA_V}
