"""`argus ask`: a question and its answer, in the shell or in a script."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from argus_core.errors import (
    ArgusError,
    ConfigError,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    ServerUnreachable,
    StorageError,
)
from argus_core.settings import Settings
from argus_core.text.api_keys import lone_key
from argus_tui.cli.session import has_store, load, with_client
from argus_tui.cli.streams import is_piped, read_stdin

if TYPE_CHECKING:
    from argus_core.client.base import ChatClient
    from argus_core.domain import ConversationRow

MAX_STDIN_BYTES = 8_000_000
_STORED_S = 5.0
"""How long to wait after the last event until the message is stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, where, and how the answer is wanted."""

    text: str
    images: tuple[Path, ...] = ()
    model: str | None = None
    conversation: str | None = None
    """The beginning of an id; None starts a new conversation unless `last`."""
    last: bool = False
    system: str | None = None
    json: bool = False


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("ask")(ask)


def ask(  # noqa: PLR0913 - each is an option of the command
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(help="The question; may be left out when it is piped in.")] = "",
    image: Annotated[
        list[Path] | None, typer.Option("--image", "-i", metavar="FILE", help="A picture to send along; repeatable.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Who answers; see `argus models`.")] = None,
    conversation: Annotated[
        str | None, typer.Option("--conversation", "-c", metavar="ID", help="Go on there; the start of an id will do.")
    ] = None,
    last: Annotated[bool, typer.Option("--last", help="Go on in the conversation used last.")] = False,
    system: Annotated[str | None, typer.Option(help="The system instruction of the conversation.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write one event per line as JSON.")] = False,
    no_save: Annotated[bool, typer.Option("--no-save", help="Keep nothing of it on this machine.")] = False,
) -> None:
    """Ask a question and write the answer as it comes.

    What is piped in follows the text after a blank line. Ctrl-C stops the answer; what had come is kept.

    \b
      argus ask "Why is the sky blue?"
      git diff | argus ask "Review this." --json
      argus ask --last "And at sunset?"
      argus ask -i roof.jpg -i wall.jpg "Which of these needs repair?"
    """  # noqa: D301 - the backspace tells Typer to leave the lines below it as they are
    question = Question(
        text=_joined(text, read_stdin(MAX_STDIN_BYTES, "replace") if is_piped() else ""),
        images=tuple(image or ()),
        model=model,
        conversation=conversation,
        last=last,
        system=system,
        json=as_json,
    )
    _check(question, no_save)
    settings = load(ctx.obj).settings
    if no_save and settings.server is not None:
        raise InvalidInput(
            "The server keeps what is asked; leave out --no-save.", title="Nothing is asked unsaved there"
        )
    answer = _answer_unsaved if no_save else _answer
    raise typer.Exit(answer(question, settings))


def _joined(text: str, piped: str) -> str:
    return "\n\n".join(part for part in (text.strip(), piped.strip("\r\n")) if part.strip())


def _check(question: Question, no_save: bool) -> None:
    """Refuse what cannot be meant, before anything is opened."""
    if not question.text and not question.images:
        raise InvalidInput("Give a TEXT, pipe one in, or name a picture with -i.", title="There is nothing to ask")
    if lone_key(question.text):
        raise InvalidInput("Set it with `argus key`.", title="That is a Gemini key, not a question")
    if question.last and question.conversation:
        raise InvalidInput("Use one of -c and --last.", title="Two conversations are named")
    if no_save and (question.last or question.conversation):
        raise InvalidInput("Leave out --no-save, -c or --last.", title="A kept conversation cannot go on unsaved")


def _answer(question: Question, settings: Settings, *, kept: bool = True) -> int:
    """Ask and return the exit code; first words name a new conversation, so that nothing goes on after the answer."""
    settings = replace(settings, titles="words")
    return with_client(settings, lambda client: _ask(client, question, settings), kept=kept)


def _answer_unsaved(question: Question, settings: Settings) -> int:
    """Ask in a store that is nowhere; the user's default model answers as ever."""
    return _answer(replace(question, model=question.model or _usual_model(settings)), settings, kept=False)


def _usual_model(settings: Settings) -> str | None:
    """Return who answers this user, None when their store cannot be asked: an unsaved question needs none."""
    if settings.mongo_uri is None and not has_store(settings):
        return None
    try:
        return with_client(settings, _default_model)
    except (StorageError, ConfigError, NotAuthenticated):
        return None


async def _default_model(client: ChatClient) -> str | None:
    return (await client.models.readiness()).model


async def _ask(client: ChatClient, question: Question, settings: Settings) -> int:
    from argus_tui.cli.follow import Follower
    from argus_tui.cli.views import JsonView, TextView

    attachment_ids = [await _attach(client, path, settings.attach_root) for path in question.images]
    conversation, is_new = await _conversation(client, question)
    try:
        turn = await client.generations.ask(conversation.id, question.text, attachment_ids=attachment_ids)
    except ServerUnreachable:
        raise  # the question may have arrived all the same
    except ArgusError:
        if is_new:  # nobody could answer: leave no empty conversation behind
            await client.conversations.delete(conversation.id)
        raise
    follower = Follower(client, turn, JsonView() if question.json else TextView())
    code = await follower.run()
    if follower.was_shown and await client.drain(_STORED_S):
        await client.conversations.mark_read(conversation.id)
    return code


async def _attach(client: ChatClient, path: Path, root: Path | None) -> str:
    data = await asyncio.to_thread(_read_picture, path, root)
    return (await client.attachments.add(path.name, data)).id


def _read_picture(path: Path, root: Path | None) -> bytes:
    """Return the file's bytes; what was named on the command line may lie anywhere unless the setting says where."""
    from argus_core.attachments import open_attachment

    return open_attachment(path, root or Path(path.absolute().anchor))


async def _conversation(client: ChatClient, question: Question) -> tuple[ConversationRow, bool]:
    """Return the conversation to ask in, and whether it is a new one."""
    if not question.last and question.conversation is None:
        return await client.conversations.create(model=question.model, system=question.system or ""), True
    if question.conversation is not None:
        found = await client.conversations.find(question.conversation)
    else:
        found = await _last(client)
    if question.model is not None:
        found = await client.conversations.set_model(found.id, question.model)
    if question.system is not None:
        found = await client.conversations.set_system(found.id, question.system)
    return found, False


async def _last(client: ChatClient) -> ConversationRow:
    """Return the conversation in which something was said last."""
    candidates: list[ConversationRow] = []
    cursor: str | None = None
    while True:
        page = await client.conversations.list(cursor=cursor)
        candidates += page.items
        cursor = page.next_cursor
        if cursor is None or not page.items[-1].pinned:  # pinned ones come first, then the newest
            break
    if not candidates:
        raise NotFound("Ask something without --last.", title="There is no conversation yet")
    return max(candidates, key=lambda conversation: conversation.updated_at)
