"""From the log of a generation to the message it wrote: the only place where that is decided."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from argus_core import events
from argus_core.domain import AttachmentPart, Part, SourcePart, TextPart, ThoughtPart
from argus_core.events import LoggedEvent
from argus_core.storage.base import Ending


class Folded:
    """What a log says so far."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._thoughts: list[str] = []
        self._thought_s = 0.0
        self._attachments: list[AttachmentPart] = []
        self._sources: list[SourcePart] = []
        self.terminator: events.Terminator | None = None
        self.n = 0

    def add(self, logged: Iterable[LoggedEvent]) -> Folded:
        """Take in more events, in the order of their numbers."""
        for item in logged:
            self.n = item.n
            self._take(item.event)
        return self

    def _take(self, event: events.Event) -> None:
        match event:
            case events.TextDelta(text=text):
                self._text.append(text)
            case events.ThoughtDelta(text=text, duration_s=seconds):
                self._thoughts.append(text)
                self._thought_s = max(self._thought_s, seconds)
            case events.AttachmentAdded(attachment=attachment):
                self._attachments.append(AttachmentPart(attachment))
            case events.SourceAdded(source=source):
                self._sources.append(source)
            case events.Started():
                pass
            case _:
                self.terminator = event

    @property
    def text(self) -> str:
        """The answer so far."""
        return "".join(self._text)

    def parts(self) -> tuple[Part, ...]:
        """Return thinking, text, pictures and sources, in this order; empty ones are left out."""
        thoughts = "".join(self._thoughts)
        head: list[Part] = [ThoughtPart(thoughts, round(self._thought_s, 1))] if thoughts else []
        if self.text:
            head.append(TextPart(self.text))
        return (*head, *self._attachments, *self._sources)

    def ending(self, now: datetime, duration_s: float | None = None) -> Ending:
        """Return what to write into message and generation. The log must hold its terminator.

        Args:
            now: When it ended.
            duration_s: How long it ran; None when whoever knew that is gone.
        """
        last = self.terminator
        if last is None:
            raise ValueError("the log has no terminator yet")
        return Ending(
            status=events.STATUS_OF[type(last)],
            parts=self.parts(),
            usage=None if isinstance(last, events.Interrupted) else last.usage,
            problem=last.problem if isinstance(last, events.Failed) else None,
            ended_at=now,
            duration_s=duration_s,
            truncated=isinstance(last, events.Completed) and last.truncated,
        )
