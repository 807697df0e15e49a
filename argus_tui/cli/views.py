"""How `argus ask` writes an answer: as text for people and pipes, or as one JSON object per line for scripts."""

from __future__ import annotations

import sys
from typing import Protocol

from argus_core.domain import SourcePart, Turn
from argus_core.events import AttachmentAdded, LoggedEvent, SourceAdded, TextDelta, ThoughtDelta, is_terminator
from argus_core.text.clean import clean_line
from argus_tui.cli.spinner import Spinner
from argus_tui.cli.stream_cleaner import StreamCleaner
from argus_tui.cli.terminal import is_terminal, say_json


class View(Protocol):
    """Writes one answer; what it writes to may vanish, which is an OSError."""

    def begin(self, turn: Turn) -> None:
        """The question is stored and the answer under way."""

    def show(self, logged: LoggedEvent) -> None:
        """Write one event."""

    def end(self) -> None:
        """Write what is left; harmless when done before."""

    def leave(self) -> None:
        """Nobody reads any more: let go, write nothing."""


class TextView:
    """The answer's text, cleaned, as it comes; a spinner on stderr whenever nothing moves on the screen."""

    def __init__(self) -> None:
        self._cleaner = StreamCleaner()
        self._spinner = Spinner("waiting")
        self._last = "\n"
        self._sources: list[SourcePart] = []

    def begin(self, turn: Turn) -> None:
        self._spinner.start()

    def show(self, logged: LoggedEvent) -> None:
        match logged.event:
            case ThoughtDelta():
                self._spinner.label = "thinking"
            case TextDelta(text=text):
                self._spinner.label = "writing"
                self._write(self._cleaner.feed(text))
            case AttachmentAdded(attachment=attachment):
                self._write_line(f"[picture: {attachment.name}]")
            case SourceAdded(source=source):
                self._sources.append(source)
            case event if is_terminator(event):
                self.end()

    def end(self) -> None:
        self._spinner.stop()
        self._write(self._cleaner.finish())
        sources, self._sources = self._sources, []
        for number, source in enumerate(sources, start=1):
            self._write_line(f"[{number}] {source.title} {source.url}")
        self._finish_line()

    def leave(self) -> None:
        self._spinner.stop()

    def _write_line(self, text: str) -> None:
        self._finish_line()
        self._write(clean_line(text) + "\n")

    def _finish_line(self) -> None:
        if self._last != "\n":
            self._write("\n")

    def _write(self, text: str) -> None:
        """Write clean text."""
        if text:
            if is_terminal(sys.stdout):
                self._spinner.stop()
            self._last = text[-1]
            sys.stdout.write(text)
            sys.stdout.flush()


class JsonView:
    """One JSON object per line: first which generation it is, then each event (docs/cli.md)."""

    def begin(self, turn: Turn) -> None:
        say_json(
            {
                "type": "generation",
                "conversation_id": turn.reply.conversation_id,
                "question_id": turn.question.id if turn.question else None,
                "message_id": turn.reply.id,
                "generation_id": turn.generation.id,
                "model": turn.generation.model,
            }
        )

    def show(self, logged: LoggedEvent) -> None:
        from argus_core import wire

        fields = wire.encode(logged.event)
        say_json({"type": fields.pop("type"), "n": logged.n, **fields})

    def end(self) -> None:
        pass

    def leave(self) -> None:
        pass


class NoView:
    """Nobody reads any more."""

    def begin(self, turn: Turn) -> None:
        pass

    def show(self, logged: LoggedEvent) -> None:
        pass

    def end(self) -> None:
        pass

    def leave(self) -> None:
        pass
