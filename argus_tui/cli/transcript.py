"""A conversation as text: to read in the shell, or as Markdown to keep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from argus_core.domain import Attachment, Conversation, Message, SourcePart
from argus_core.text.clean import clean_line
from argus_tui.cli.terminal import BOLD, MUTED, say
from argus_tui.format import clock, day, size

_ENDINGS = {
    "running": "(being written)",
    "cancelled": "(stopped)",
    "interrupted": "(cut off)",
}


def say_text(conversation: Conversation, messages: Iterable[Message]) -> None:
    """Write the conversation for reading."""
    say(clean_line(conversation.title or "(no title)"), BOLD)
    say(clean_line(f"{conversation.id} · {day(conversation.created_at)}"), MUTED)
    if conversation.system:
        say(clean_line(f"system: {conversation.system}"), MUTED)
    for message in messages:
        say()
        say(clean_line(_head(message)), BOLD)
        for attachment in message.attachments:
            say(clean_line(_picture(attachment)), MUTED)
        if message.text:
            say(message.text.strip("\n"))
        for line in _foot(message):
            say(clean_line(line), MUTED)


def say_markdown(conversation: Conversation, messages: Iterable[Message]) -> None:
    """Write the conversation as Markdown: each message under a heading."""
    say(f"# {clean_line(conversation.title or 'Conversation')}")
    if conversation.system:
        say(f"\n> {clean_line(conversation.system)}")
    for message in messages:
        say(f"\n## {clean_line(_head(message))}\n")
        for attachment in message.attachments:
            say(f"*{clean_line(_picture(attachment))}*\n")
        if message.text:
            say(message.text.strip("\n"))
        for line in _foot(message):
            say(f"\n*{clean_line(line)}*")


def _head(message: Message) -> str:
    who = "You" if message.role == "user" else message.model or "Model"
    return f"{who}, {day(message.created_at)} {clock(message.created_at)}"


def _picture(attachment: Attachment) -> str:
    return f"picture: {attachment.name}, {attachment.width}×{attachment.height}, {size(attachment.size_bytes)}"


def _foot(message: Message) -> Iterator[str]:
    for number, source in enumerate((part for part in message.parts if isinstance(part, SourcePart)), start=1):
        yield f"[{number}] {source.title} {source.url}"
    if message.problem is not None:
        yield f"({message.problem.title}. {message.problem.hint})"
    elif message.status in _ENDINGS:
        yield _ENDINGS[message.status]
    elif message.truncated:
        yield "(cut at the model's length limit)"
