"""What requests bring: strict, and closed to fields that nobody asked for."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from argus_core.auth.emails import MAX_EMAIL
from argus_core.conversations import MAX_DRAFT
from argus_core.domain import UserRole

ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
MAX_PASSWORD = 1024
"""Far above what a password may have, so that its own rules speak; a longer one is not even looked at."""
MAX_TOKEN = 2048
Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
PathId = Annotated[str, Path(pattern=ID_PATTERN)]
Limit = Annotated[int, Query(ge=1, le=500)]
Line = Annotated[str, StringConstraints(max_length=1000)]
EmailText = Annotated[str, StringConstraints(max_length=MAX_EMAIL)]
PasswordText = Annotated[str, StringConstraints(max_length=MAX_PASSWORD)]
TokenText = Annotated[str, StringConstraints(max_length=MAX_TOKEN)]


P = TypeVar("P", bound=BaseModel)


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", strict=True, frozen=True, json_schema_extra={"examples": [values]})


class SignUp(BaseModel):
    """Makes an account, or sets the password of the one a reset code is for."""

    model_config = _example(name="Sara", email="sara@example.org", password="a long sentence", client="argus on laptop")
    name: Line
    email: EmailText
    password: PasswordText = Field(repr=False)
    invite: TokenText = Field("", repr=False)
    client: Line = ""
    device_token: TokenText = Field("", repr=False)


class LogIn(BaseModel):
    """Signs in."""

    model_config = _example(email="sara@example.org", password="a long sentence", client="argus on laptop")
    email: EmailText
    password: PasswordText = Field(repr=False)
    client: Line = ""
    device_token: TokenText = Field("", repr=False)


class Refresh(BaseModel):
    """Buys the next pair of tokens."""

    model_config = _example(refresh_token="…")
    refresh_token: TokenText = Field(repr=False)


class LogOut(BaseModel):
    """Ends this session, or all."""

    model_config = _example(everywhere=False)
    everywhere: bool = False


class Preference(BaseModel):
    """Something the user chose; null forgets it."""

    model_config = _example(value="argus-day")
    value: Annotated[str, StringConstraints(max_length=10_000)] | None


class PasswordChange(BaseModel):
    """Another password."""

    model_config = _example(old="a long sentence", new="a longer sentence")
    old: PasswordText = Field(repr=False)
    new: PasswordText = Field(repr=False)


class LookingAt(BaseModel):
    """What a client shows; null for no conversation."""

    model_config = _example(client_id="5f" * 16, conversation_id=None)
    client_id: Id
    conversation_id: Id | None


class NewConversation(BaseModel):
    """A conversation; with an `id` of the client's it can be sent again. Its own id is the one in the answer."""

    model_config = _example(title="A roof in the rain")
    id: Id | None = None
    title: Line = ""
    model: Line | None = None
    system: Annotated[str, StringConstraints(max_length=100_000)] = ""


class ConversationPatch(BaseModel):
    """Exactly one of its fields."""

    model_config = _example(title="Roofs")
    title: Line = ""
    pinned: bool = False
    model: Line | None = None
    system: Annotated[str, StringConstraints(max_length=100_000)] = ""

    @model_validator(mode="after")
    def _one(self) -> ConversationPatch:
        return _exactly_one(self)


class Draft(BaseModel):
    """What was typed and not yet sent."""

    model_config = _example(draft="And at sun")
    draft: Annotated[str, StringConstraints(max_length=MAX_DRAFT)]


class Question(BaseModel):
    """A question; with a `client_msg_id` it can be sent again."""

    model_config = _example(text="Where does it leak?", attachment_ids=[], client_msg_id="5f" * 16)
    text: str
    attachment_ids: Annotated[list[Id], Field(max_length=32)] = []
    client_msg_id: Id | None = None
    parent_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,64}$")] | None = None
    """Empty: a first question."""


class DefaultModel(BaseModel):
    """Who answers in new conversations; null goes back to the server's choice."""

    model_config = _example(model="gemini-flash-latest")
    model: Line | None


class Key(BaseModel):
    """A Gemini key."""

    model_config = _example(key="AIza…")
    key: Annotated[str, StringConstraints(max_length=4096)] = Field(repr=False)


class NewUser(BaseModel):
    """An account; without a password nobody can sign in to it before a reset code is used."""

    model_config = _example(email="ali@example.org", name="Ali", role="member")
    email: EmailText
    name: Line
    role: UserRole = "member"
    password: PasswordText = Field("", repr=False)


class UserPatch(BaseModel):
    """Exactly one of its fields."""

    model_config = _example(role="admin")
    role: UserRole = "member"
    disabled: bool = False

    @model_validator(mode="after")
    def _one(self) -> UserPatch:
        return _exactly_one(self)


class InviteWanted(BaseModel):
    """Who may use the invite, and what they become."""

    model_config = _example(role="member", email="")
    role: UserRole = "member"
    email: EmailText = ""


def _exactly_one(patch: P) -> P:
    if len(patch.model_fields_set) != 1:
        raise ValueError(f"give exactly one of {', '.join(type(patch).model_fields)}")
    return patch
