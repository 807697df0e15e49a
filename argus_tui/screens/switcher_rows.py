"""What the switcher lists: conversations by title, then messages with the words in their context."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from textual.content import Content

from argus_core.domain import ConversationRow, SearchHit
from argus_core.text.clean import clean_line
from argus_tui import format as fmt
from argus_tui.glyphs import FULL
from argus_tui.screens.fuzzy import Match, Spans
from argus_tui.widgets.ink import ACCENT, HIT, MUTED, ON_PICKED, RULE, reads_right_to_left
from argus_tui.widgets.rows import Rows

_RIGHT_CELLS = 20
_CONTEXT_LINES = 2


@dataclass(frozen=True, slots=True)
class Title:
    """A conversation that can be opened."""

    conversation_id: str
    name: str
    spans: Spans
    right: Content
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """Words around a match."""

    text: str
    spans: Spans
    line: int
    """Which of its lines, from 0."""


SwitcherLine = Title | Context | str
"""A row: a title, a line of context, or a heading; an empty one is a gap."""


def when(at: datetime, now: datetime) -> str:
    """Return the time of day of today, the date of other days."""
    local, today = at.astimezone(), now.astimezone()
    if local.date() == today.date():
        return fmt.clock(at)
    return f"{local.day} {local:%b}" if local.year == today.year else fmt.day(at)


def title_lines(matches: Iterable[Match[ConversationRow]], now: datetime) -> Iterator[SwitcherLine]:
    """Yield the conversations under their heading."""
    for number, match in enumerate(matches):
        if number == 0:
            yield "Conversations"
        conversation = match.item
        at = when(conversation.updated_at, now)
        if conversation.running:
            right = Content.assemble((f"{FULL.spinner[2]} ", ACCENT), (f"running · {at}", MUTED))
        elif conversation.unread:
            right = Content.assemble((f"{conversation.unread} ", ACCENT), (at, MUTED))
        else:
            right = Content.styled(at, MUTED)
        yield Title(conversation.id, conversation.title, match.spans, right)


def hit_lines(hits: Sequence[SearchHit], now: datetime) -> Iterator[SwitcherLine]:
    """Yield the messages under their heading: title, who and when, the words in their context."""
    for number, hit in enumerate(hits):
        yield "" if number else "In messages"
        who = "you" if hit.message.role == "user" else clean_line(hit.message.model or "gemini")
        right = Content.styled(fmt.clip(f"{who.partition('-')[0]} · {when(hit.message.created_at, now)}", 24), MUTED)
        yield Title(hit.conversation.id, hit.conversation.title, (), right)
        for line in range(_CONTEXT_LINES):
            yield Context(hit.snippet, hit.spans, line)


class SwitcherRows(Rows, can_focus=False):
    """The list under the field, which keeps the focus."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[SwitcherLine] = ()

    @property
    def current(self) -> str | None:
        """The conversation under the cursor."""
        line = self._lines[self.cursor] if self.cursor is not None and self.cursor < len(self._lines) else None
        return line.conversation_id if isinstance(line, Title) else None

    def show(self, lines: Sequence[SwitcherLine], *, keep: bool) -> None:
        """Show these; the cursor goes to the first, or stays on its conversation."""
        kept = self.current if keep else None
        self._lines = self._without_empty_context(lines)
        places = (at for at, line in enumerate(self._lines) if isinstance(line, Title) and line.conversation_id == kept)
        self.cursor = next(places, None) if kept else None
        if self.cursor is None:
            self.cursor = self.nearest(0, 1)
        self.rows_changed()
        if self.cursor is not None:
            self.bring_into_view(self.cursor)

    def row_count(self) -> int:
        return len(self._lines)

    def choosable(self, index: int) -> bool:
        return isinstance(self._lines[index], Title)

    def draw_row(self, index: int, width: int) -> Content:
        line = self._lines[index]
        if isinstance(line, str):
            return Content.assemble("  ", (line, MUTED))
        if isinstance(line, Context):
            return self._draw_context(line, width)
        return self._draw_title(line, width, here=index == self.cursor)

    def _draw_title(self, line: Title, width: int, *, here: bool) -> Content:
        room = width - 4 - max(_RIGHT_CELLS, line.right.cell_length + 2)
        name = _marked(clean_line(line.name) or "New conversation", line.spans if line.name else (), line.name)
        name = name.stylize_before("bold") if here else name
        name = name.truncate(room, ellipsis=True)
        side = Content(" " * (room - name.cell_length))
        name = side + name if reads_right_to_left(line.name) else name + side
        gap = " " * (width - 4 - room - line.right.cell_length)
        drawn = Content.assemble((FULL.chosen, ACCENT) if here else " ", " ", name, gap, line.right, "  ")
        return drawn.stylize_before(ON_PICKED) if here else drawn

    def _draw_context(self, line: Context, width: int) -> Content:
        rows = _wrapped(line.text, line.spans, width - 8)
        if line.line >= len(rows):
            return Content.empty()
        return Content.assemble("  ", (FULL.quote, RULE), " ", rows[line.line])

    def _without_empty_context(self, lines: Iterable[SwitcherLine]) -> list[SwitcherLine]:
        width = max(20, self.size.width - 8)
        return [
            line
            for line in lines
            if not isinstance(line, Context) or line.line < len(_wrapped(line.text, line.spans, width))
        ]


def _marked(shown: str, spans: Spans, original: str) -> Content:
    """Return the text with its matches marked; where cleaning moved the letters, without."""
    content = Content(shown)
    if shown != original:
        return content
    for start, end in spans:
        content = content.stylize(HIT, start, end)
    return content


def _wrapped(text: str, spans: Spans, width: int) -> list[Content]:
    content = _marked(clean_line(text), spans, text).stylize_before(MUTED)
    return list(content.wrap(width))[:_CONTEXT_LINES]
