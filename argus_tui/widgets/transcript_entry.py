"""One message of the transcript: its rows, laid out when they are needed and kept until the width or theme changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from rich.segment import Segment
from rich.text import Text
from textual.strip import Strip

from argus_core.domain import Attachment, AttachmentPart, Message, Problem
from argus_core.text.clean import clean
from argus_tui import format
from argus_tui.rendering import message_parts as parts
from argus_tui.rendering.blocks import render
from argus_tui.rendering.parsing import parse
from argus_tui.rendering.row import Row
from argus_tui.rendering.streaming import StreamingMarkdown
from argus_tui.widgets.transcript_view import View, strip_of, with_cursor


class Body(Protocol):
    """Rows of the text."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Row: ...


@dataclass(slots=True)
class _Layout:
    head: list[Row]
    body: Body
    tail: list[Row] = field(default_factory=list)
    card: list[Row] = field(default_factory=list)

    @property
    def height(self) -> int:
        return len(self.head) + len(self.body) + len(self.tail) + len(self.card)


class Entry:
    """A message and its rows. While it streams, text comes in through `pending` and is taken by `absorb()`."""

    def __init__(self, message: Message, ordinal: int, started_at: float) -> None:
        self.message = message
        self.ordinal = ordinal
        """Rises down the transcript and never changes: selections are kept in it."""
        self.started_at = started_at
        """Monotonic time at which it was shown first: the thinking is counted from here."""
        self.height = 0
        """Rows, exact when `is_exact`, an estimate before."""
        self.is_exact = False
        self.unfolded = False
        self.pending: list[str] = []
        self.is_head_stale = False
        """Label or thinking changed since they were laid out."""
        self._text = [message.text]
        self._thoughts = [message.thoughts]
        self._thought_s = parts.thought_seconds(message)
        self._problem, self._keys, self._note = message.problem, parts.keys_for(message), ""
        self._layout: _Layout | None = None
        self._view: View | None = None

    # What it holds

    @property
    def is_running(self) -> bool:
        """Whether text may still come."""
        return self.message.status == "running"

    @property
    def text(self) -> str:
        """The text as it came, without what waits in `pending`."""
        return "".join(self._text)

    @property
    def has_text(self) -> bool:
        """Whether a word of the answer is there or waits."""
        return bool(self.pending) or any(self._text)

    @property
    def has_thoughts(self) -> bool:
        """Whether the model thought aloud."""
        return any(self._thoughts)

    @property
    def holds_code(self) -> bool:
        """Whether a fence may stand in the text."""
        return any("`" in piece or "~" in piece for piece in self._text)

    @property
    def is_laid_out(self) -> bool:
        """Whether its rows are there."""
        return self._layout is not None

    def is_laid_out_for(self, view: View) -> bool:
        """Whether its rows are there for this width and theme."""
        return self._layout is not None and self._view is view

    def add_text(self, text: str) -> None:
        """Let text wait for `absorb()`; the first one ends the waiting that the label tells of."""
        self.is_head_stale = self.is_head_stale or not self.has_text
        self.pending.append(text)

    def add_thought(self, text: str, seconds: float) -> None:
        """Append to the thinking; `seconds` is how long it took so far, 0 when not known."""
        self._thoughts.append(text)
        self._thought_s = max(self._thought_s, seconds)
        self.is_head_stale = self.is_head_stale or self.unfolded or self.has_text

    def add_attachment(self, attachment: Attachment) -> None:
        """Append a picture the model made."""
        self.message = replace(self.message, parts=(*self.message.parts, AttachmentPart(attachment)))

    def set_problem(self, problem: Problem | None, keys: parts.Keys | None, note: str) -> None:
        """Show or take away a card."""
        self._problem, self._note = problem, note
        self._keys = parts.keys_for(self.message) if keys is None else keys

    def finish(self, message: Message) -> None:
        """Take the stored message in place of what was streamed."""
        self.pending.clear()
        self.message = message
        self._text, self._thoughts = [message.text], [message.thoughts]
        self._thought_s = parts.thought_seconds(message) or self._thought_s
        self._problem, self._keys, self._note = message.problem, parts.keys_for(message), ""
        if self._layout is not None and isinstance(self._layout.body, StreamingMarkdown):
            self._layout.body.finish(message.text)

    # Rows

    def estimate(self, view: View) -> None:
        """Guess the height from the length of the text: cheap, and right enough for a scrollbar."""
        if not self.is_exact:
            width = view.settings.width
            text = self.text
            self.height = 2 + text.count("\n") + len(text) // width
            self.height += view.picture_rows * len(self.message.attachments)

    def lay_out(self, view: View, now: float) -> None:
        """Make the rows, unless they are there for this view."""
        if self._layout is not None and self._view is view:
            return
        self._view = view
        self._layout = _Layout(self._head(view, now), self._body(view))
        self.refresh_tail()

    def forget_rows(self, *, exact: bool) -> None:
        """Let go of the rows; `exact` when they would be the same again."""
        self._layout, self.is_exact = None, exact

    def _body(self, view: View) -> Body:
        if self.message.role == "user":
            return render(clean(self.text).strip("\n"), replace(view.settings, typed=True)) if self.text else []
        if not self.is_running:
            return render(clean(self.text), view.settings) if self.text else []
        body = StreamingMarkdown(view.settings)
        body.append(self.text)
        return body

    def _thinking(self, view: View, now: float) -> parts.Thinking:
        waits = self.is_running and not self.has_text
        return parts.Thinking(
            seconds=max(self._thought_s, now - self.started_at) if waits else self._thought_s,
            running=view.settings.glyphs.spinner_at(now) if waits else "",
            has_text=self.has_thoughts,
            unfolded=self.unfolded,
        )

    def _head(self, view: View, now: float) -> list[Row]:
        rows = [parts.label(self.message, self._thinking(view, now), view.settings)]
        if self.unfolded and self.has_thoughts:
            rows += [*parts.thoughts("".join(self._thoughts), view.settings), Row([], 0)]
        return rows

    def refresh_head(self, now: float) -> None:
        """Lay label and thinking out again."""
        self.is_head_stale = False
        if self._layout is not None and self._view is not None:
            self._layout.head = self._head(self._view, now)
            self._measure()

    def refresh_tail(self) -> None:
        """Lay out again what stands under the text: pictures, sources, notes, card."""
        layout, view = self._layout, self._view
        if layout is None or view is None:
            return
        tail: list[Row] = []
        for attachment in self.message.attachments:
            pixels = view.pictures.get(attachment.digest)
            tail += parts.picture(attachment, pixels, view.settings, view.picture_rows, only_256=view.only_256)
        tail += parts.sources(self.message, view.settings)
        tail += parts.notes(self.message, view.settings)
        layout.tail, layout.card = tail, []
        if self._problem is not None:
            tail += [Row([], 0)] if len(layout.body) else []
            layout.card = parts.card(self._problem, self._keys, self._note, view.settings)
        self._measure()

    def _measure(self) -> None:
        if self._layout is not None:
            self.height, self.is_exact = self._layout.height, True

    def absorb(self) -> int:
        """Lay out what waits in `pending`; return the number of the first row that may have changed."""
        text = "".join(self.pending)
        self.pending.clear()
        if not text:
            return 0
        self._text.append(text)
        layout = self._layout
        if layout is None or not isinstance(layout.body, StreamingMarkdown):
            return 0
        cursor = max(0, len(layout.body) - 2)  # the row with the cursor, which may stand before the edge of code
        layout.body.append(text)
        self._measure()
        return len(layout.head) + min(cursor, layout.body.changed_from)

    # Drawing

    def row(self, index: int) -> Row | None:
        """Return a row of the text column; None outside."""
        if self._layout is None or index < 0:
            return None
        layout = self._layout
        for section in (layout.head, layout.body, layout.tail, layout.card):
            if index < len(section):
                return section[index]
            index -= len(section)
        return None

    def strips(self, start: int, stop: int) -> list[Strip]:
        """Return the strips of the rows from `start` to before `stop`, as far as there are some."""
        layout, view = self._layout, self._view
        if layout is None or view is None:
            return []
        cursor = self._cursor_row() if self.is_running else -1
        found: list[Strip] = []
        first = 0
        for section in (layout.head, layout.body, layout.tail, layout.card):
            length = len(section)
            for number in range(max(0, start - first), min(length, stop - first)):
                row = section[number]
                if first + number == cursor:
                    found.append(self._drawn(with_cursor(row, view), False, view))
                    continue
                if row.strip is None:
                    row.strip = self._drawn(row, section is layout.card, view)
                found.append(row.strip)
            first += length
        return found

    def _cursor_row(self) -> int:
        """Return the row the cursor stands on: the last one of the text; -1 when there is none."""
        layout = self._layout
        if layout is None or not len(layout.body):
            return -1
        last = len(layout.body) - 1
        return len(layout.head) + (last - 1 if layout.body[last].closing and last else last)

    def _drawn(self, row: Row, in_card: bool, view: View) -> Strip:
        return view.finish_strip(strip_of(row, self.bar(view, in_card), view, raised=in_card))

    def bar(self, view: View, in_card: bool = False) -> Segment:
        """Return the bar that says whose text it is."""
        glyphs, inks = view.settings.glyphs, view.settings.inks
        if in_card:
            return Segment(glyphs.you, inks.style("warn", "raised"))
        if self.message.role == "user":
            return Segment(glyphs.you, inks.style("accent"))
        return Segment(glyphs.model, inks.style("rule"))

    def cut_label(self, hidden: int) -> Text | None:
        """Return the label for the row above the transcript while the first `hidden` rows are out of sight."""
        if self._view is None:
            return None
        settings = self._view.settings
        lines = "line" if hidden == 1 else "lines"
        name, at = parts.author(self.message), format.clock(self.message.created_at)
        return Text(f"{name} · {at} · {settings.glyphs.up} {hidden} {lines}", settings.inks.style("muted"))


def code_blocks(text: str) -> Sequence[str]:
    """Return the contents of the fenced and indented blocks of code in some Markdown, in order."""
    return [token.content for group in parse(clean(text)) for token in group if token.type in ("fence", "code_block")]
