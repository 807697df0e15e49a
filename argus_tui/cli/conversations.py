"""`argus list`, `show`, `search`, `rm` and `restore`: the conversations that are kept."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from argus_core.errors import InvalidInput
from argus_tui.cli.failures import FAILED
from argus_tui.cli.session import load, with_client
from argus_tui.cli.terminal import is_terminal, paint, say, say_json, say_table

if TYPE_CHECKING:
    from argus_core.client.base import ChatClient
    from argus_core.domain import Conversation, ConversationRow, Message, SearchHit

SHORT_ID = 8
"""How much of an id a terminal shows: enough to be the only one for most people."""
_PAGE = 50

Json = Annotated[bool, typer.Option("--json", help="Write JSON, one object per line.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("list")(list_conversations)
    app.command("show")(show)
    app.command("search")(search)
    app.command("rm")(remove)
    app.command("restore")(restore)


def list_conversations(
    ctx: typer.Context,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20,
    as_json: Json = False,
) -> None:
    """List the conversations, pinned ones first, then the newest.

    In a pipe the columns are separated by tabs: id, time, model, title.
    """
    found = with_client(load(ctx.obj).settings, lambda client: _newest(client, limit))
    if as_json:
        _say_values(found)
    elif found or not is_terminal(sys.stdout):
        say_table(("ID", "WHEN", "MODEL", "TITLE"), [_row(one) for one in found], flexible=3)
    else:
        say('There is no conversation yet. Begin one: argus ask "Why is the sky blue?"')


def show(
    ctx: typer.Context,
    conversation: Annotated[str, typer.Argument(metavar="ID", help="The id, or the start of it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Write the conversation and its messages as JSON.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Write Markdown, to keep or to publish.")] = False,
) -> None:
    """Show a conversation from its beginning."""
    if as_json and as_markdown:
        raise InvalidInput("Use one of --json and --markdown.", title="Two forms are asked for")

    async def read(client: ChatClient) -> tuple[Conversation, list[Message]]:
        found = await client.conversations.get((await client.conversations.find(conversation)).id)
        return found, await _messages(client, found)

    found, messages = with_client(load(ctx.obj).settings, read)
    if as_json:
        from argus_core.wire import encode

        say_json({"conversation": encode(found), "messages": [encode(message) for message in messages]})
        return
    from argus_tui.cli import transcript

    transcript.say_markdown(found, messages) if as_markdown else transcript.say_text(found, messages)


def search(
    ctx: typer.Context,
    text: Annotated[list[str], typer.Argument(help="The words to look for; all of them must be there.")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="How many at most.")] = 20,
    as_json: Json = False,
) -> None:
    """Find messages by their words, the best first. Nothing found is no failure: exit code 0."""
    hits = with_client(load(ctx.obj).settings, lambda client: client.search.messages(" ".join(text), limit=limit))
    if as_json:
        _say_values(hits)
        return
    for hit in hits:
        _say_hit(hit)
    if not hits and is_terminal(sys.stdout):
        say("Nothing was found.")


def remove(
    ctx: typer.Context,
    conversations: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids, or the starts of them.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, also when there are several.")] = False,
) -> None:
    """Delete conversations. For 30 days `argus restore` brings them back."""
    several = len(conversations) > 1
    if several and not yes and is_terminal(sys.stdin):
        wanted = typer.confirm(f"Delete {len(conversations)} conversations?", err=True)
        if not wanted:
            raise typer.Exit(FAILED)

    async def delete(client: ChatClient) -> list[ConversationRow]:
        found = [await client.conversations.find(one) for one in conversations]
        for one in found:
            await client.conversations.delete(one.id)
        return found

    for deleted in with_client(load(ctx.obj).settings, delete):
        say(f"Deleted {_name(deleted)}. To take it back: argus restore {deleted.id}")


def restore(
    ctx: typer.Context,
    conversations: Annotated[list[str], typer.Argument(metavar="ID...", help="Whole ids, as `argus rm` told them.")],
) -> None:
    """Take deletions back."""

    async def bring_back(client: ChatClient) -> list[Conversation]:
        return [await client.conversations.restore(one) for one in conversations]

    for restored in with_client(load(ctx.obj).settings, bring_back):
        say(f"{_name(restored)} is back.")


async def _newest(client: ChatClient, limit: int) -> list[ConversationRow]:
    found: list[ConversationRow] = []
    cursor: str | None = None
    while len(found) < limit:
        page = await client.conversations.list(limit=min(_PAGE, limit - len(found)), cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


async def _messages(client: ChatClient, conversation: ConversationRow) -> list[Message]:
    """Return all messages on the way to the head, oldest first."""
    messages: list[Message] = []
    leaf = conversation.head_id
    while leaf is not None:
        page = await client.messages.path(leaf, limit=_PAGE)
        messages = [*page, *messages]
        leaf = page[0].parent_id
    return messages


def _row(conversation: ConversationRow) -> tuple[str, str, str, str]:
    title = conversation.title or "(no title)"
    model = conversation.model or "-"
    if not is_terminal(sys.stdout):
        return conversation.id, conversation.updated_at.isoformat(), model, title
    from argus_core.ids import utc_now
    from argus_tui.format import relative_time

    return conversation.id[:SHORT_ID], relative_time(conversation.updated_at, utc_now()), model, title


def _say_hit(hit: SearchHit) -> None:
    from argus_core.text.clean import clean_line

    short = hit.conversation.id[:SHORT_ID] if is_terminal(sys.stdout) else hit.conversation.id
    who = "you" if hit.message.role == "user" else hit.message.model or "model"
    if not is_terminal(sys.stdout):
        say_table((), [(short, who, hit.conversation.title, hit.snippet)], flexible=3)
        return
    print(paint(f"{short}  {clean_line(hit.conversation.title)} · {clean_line(who)}", "2"))
    print(f"  {_marked(hit)}")


def _marked(hit: SearchHit) -> str:
    """Return the snippet, clean, its matches in bold; each piece is cleaned apart since cleaning moves places."""
    from argus_core.text.clean import clean

    pieces: list[str] = []
    end = 0
    for start, stop in hit.spans:
        pieces += [clean(hit.snippet[end:start]), paint(clean(hit.snippet[start:stop]), "1")]
        end = stop
    return "".join([*pieces, clean(hit.snippet[end:])])


def _name(conversation: ConversationRow) -> str:
    return f"«{conversation.title}»" if conversation.title else conversation.id[:SHORT_ID]


def _say_values(values: Sequence[object]) -> None:
    from argus_core.wire import encode

    for value in values:
        say_json(encode(value))
