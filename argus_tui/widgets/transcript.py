"""The transcript: one widget that draws lines, whatever the number of messages and however fast an answer comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import ClassVar, Final

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.geometry import Region
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip
from textual.timer import Timer

from argus_core import domain
from argus_tui.glyphs import FULL, Glyphs
from argus_tui.rendering.blocks import Settings
from argus_tui.rendering.inks import Inks
from argus_tui.rendering.lexers import LazyLexers
from argus_tui.rendering.message_parts import Keys
from argus_tui.rendering.pictures import Picture
from argus_tui.themes import palette
from argus_tui.widgets.line_view import LineView
from argus_tui.widgets.transcript_column import Column
from argus_tui.widgets.transcript_entry import Entry, code_blocks
from argus_tui.widgets.transcript_selection import row_number, selected_text, with_offsets, with_selection
from argus_tui.widgets.transcript_view import View, measure

UPDATE_S: Final = 0.045
"""Seconds between two updates while an answer streams; each update is one paint."""
_SPIN_S: Final = 0.1
_LIVE_AT_MOST: Final = 8
"""Messages at the end among which those that still grow are looked for."""


class Transcript(LineView):
    """What was said. Values in, messages out; it follows the end until somebody scrolls up."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("end", "follow", "End", show=False, id="transcript.end", tooltip="To the end, and stay there"),
        Binding("t", "toggle_thoughts", "Thinking", show=False, id="transcript.thoughts", tooltip="Show or hide it"),
    ]

    @dataclass
    class OlderWanted(Message):
        """The view is near the top and older messages exist: answer with `prepend()`."""

        first_id: str
        """The oldest message that is loaded."""

    @dataclass
    class PictureWanted(Message):
        """A picture is about to show: answer with `set_picture()`."""

        attachment: domain.Attachment

        @property
        def digest(self) -> str:
            """What the picture is called."""
            return self.attachment.digest

    @dataclass
    class LabelChanged(Message):
        """The label of the topmost message went out of sight, changed or came back (None)."""

        label: Text | None
        """Such as `gemini · 14:02 · ↑ 3 lines`."""
        is_yours: bool = False
        """The cut message is a question: its bar is the user's."""

    class _LexerLoaded(Message, bubble=False):
        """Code can be coloured that could not be so far."""

    def __init__(
        self,
        *,
        glyphs: Glyphs = FULL,
        clock: Callable[[], float] = monotonic,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._glyphs = glyphs
        self._clock = clock
        self._column = Column()
        self._view: View | None = None
        self._following = True
        self._has_older = False
        self._asked_older = False
        self._to_first = False
        """Older messages are loaded until the first one stands at the top."""
        self._pictures: dict[str, Picture | str] = {}
        self._wanted: set[str] = set()
        self.shows_pictures = True
        """False names pictures and draws none."""
        self.on_updated: Callable[[], None] | None = None
        """Called in each update of a running answer, before its paint: what is drawn then shares it.

        A message would be answered one paint later: 32 frames a second instead of 20 (ADR 0003).
        """
        self._label: Text | None = None
        self._lexers = LazyLexers(self._say_lexer_loaded)
        self._placing = False
        self._next_update = 0.0
        self._update_timer: Timer | None = None
        self._spin_timer: Timer | None = None

    # Messages in

    def load(self, messages: Sequence[domain.Message], *, has_older: bool = False) -> None:
        """Show a conversation from its end, in place of what was there."""
        self.clear()
        self._has_older = has_older
        for message in messages:
            self._column.append(message, self._clock())
        self._start_spinning()
        self._relayout()

    def prepend(self, messages: Sequence[domain.Message], *, has_older: bool) -> None:
        """Add older messages above; what is on screen stays where it is."""
        before = self._column.height
        old_top = self._column.entries[0] if self._column.entries else None
        self._column.prepend(messages, self._clock())
        self._has_older, self._asked_older = has_older, False
        if self._view is None:
            return
        self._column.estimate(self._view, self._column.entries)
        if self._to_first:
            self._to_first, self._following = has_older, self._is_at_end(0)
            self._place(0)
            return
        shift = self._column.top(self._column.index_of(old_top)) if old_top else self._column.height - before
        self._place(self.scroll_offset.y + shift)

    def begin(self, message: domain.Message) -> None:
        """Add a message at the end: a question, or an answer that is `running` and gets its text bit by bit.

        The text it holds counts as come already. A message that is there is replaced.
        """
        if self._column.find(message.id) is not None:
            self.finish(message)
            return
        entry = self._column.append(message, self._clock())
        self._start_spinning()
        if self._view is not None:
            entry.lay_out(self._view, self._clock())
            self._changed(entry, 0)

    def append_text(self, message_id: str, text: str) -> None:
        """Add a delta to a running answer; the first one is painted at once, others 20 times a second."""
        entry = self._column.find(message_id)
        if entry is None or not entry.is_running or not text:
            return
        is_first = not entry.has_text
        entry.add_text(text)
        self._update_soon(at_once=is_first)

    def append_thought(self, message_id: str, text: str, seconds: float = 0.0) -> None:
        """Add a delta to the thinking; `seconds` is how long it took so far."""
        entry = self._column.find(message_id)
        if entry is None or not entry.is_running:
            return
        entry.add_thought(text, seconds)
        if entry.is_head_stale:  # folded thinking shows only in the label, which turns with its spinner
            self._update_soon(at_once=False)

    def append_attachment(self, message_id: str, attachment: domain.Attachment) -> None:
        """Add a picture to a running answer."""
        entry = self._column.find(message_id)
        if entry is not None:
            entry.add_attachment(attachment)
            entry.refresh_tail()
            self._changed(entry, 0)

    def finish(self, message: domain.Message) -> None:
        """Draw a message from what is stored, in place of what was streamed."""
        entry = self._column.find(message.id)
        if entry is None:
            self.begin(message)
            return
        entry.finish(message)
        entry.refresh_head(self._clock())
        entry.refresh_tail()
        self._changed(entry, 0)

    def set_problem(
        self, message_id: str, problem: domain.Problem | None, *, keys: Keys | None = None, note: str = ""
    ) -> None:
        """Show a card under a message, or take it away.

        `keys` are pairs of a key and what it does; by default those that help against a failed answer.
        """
        entry = self._column.find(message_id)
        if entry is not None:
            entry.set_problem(problem, keys, note)
            entry.refresh_tail()
            self._changed(entry, 0)

    def set_picture(self, digest: str, picture: Picture | str) -> None:
        """Draw a picture into the rows that are reserved for it; or say in its place why there is none."""
        self._pictures[digest] = picture
        for entry in self._column.entries:
            if any(attachment.digest == digest for attachment in entry.message.attachments):
                entry.refresh_tail()
                self._changed(entry, 0)

    def want_missing_pictures(self) -> None:
        """Ask again for the pictures that did not come."""
        missing = {digest for digest, picture in self._pictures.items() if isinstance(picture, str)}
        self._wanted -= missing
        for digest in missing:
            del self._pictures[digest]
        self._want_pictures(self.scroll_offset.y, self.size.height)

    def clear(self) -> None:
        """Show nothing."""
        self._column = Column()
        self._following, self._has_older, self._asked_older, self._to_first = True, False, False, False
        self._wanted.clear()
        for timer in (self._update_timer, self._spin_timer):
            if timer is not None:
                timer.stop()
        self._update_timer = self._spin_timer = None
        self.screen.selections.pop(self, None) if self.is_attached else None
        self._place(0)

    # Questions

    @property
    def is_following(self) -> bool:
        """Whether the view stays at the end when text comes."""
        return self._following

    @property
    def cut_label(self) -> Text | None:
        """The label of the topmost message while it is out of sight, without its bar."""
        return self._label

    @property
    def message_ids(self) -> tuple[str, ...]:
        """The messages that are loaded, oldest first."""
        return tuple(entry.message.id for entry in self._column.entries)

    def last_answer_text(self) -> str | None:
        """Return the text of the newest answer that has some, as Markdown."""
        return next((entry.text for entry in self._answers() if entry.text), None)

    def last_code_block(self) -> str | None:
        """Return the newest block of code of the newest answer that has one."""
        for entry in self._answers():
            if blocks := code_blocks(entry.text):
                return blocks[-1]
        return None

    def _answers(self) -> list[Entry]:
        return [entry for entry in reversed(self._column.entries) if entry.message.role == "assistant"]

    # Actions

    def follow(self) -> None:
        """Go to the end and stay there."""
        self._following, self._to_first = True, False
        self._place(self.scroll_offset.y)

    def action_scroll_home(self) -> None:
        """Go to the first message, also where it is not loaded yet."""
        self._to_first = self._has_older
        super().action_scroll_home()

    def action_follow(self) -> None:
        self.follow()

    def action_toggle_thoughts(self) -> None:
        self.toggle_thoughts()

    def toggle_thoughts(self, message_id: str | None = None) -> None:
        """Fold or unfold the thinking of a message; by default of the lowest one in view that has some."""
        shown = self._column.between(self.scroll_offset.y, self.size.height)
        thinking = [self._column.entries[i] for i in shown if self._column.entries[i].has_thoughts]
        entry = self._column.find(message_id) if message_id else next(reversed(thinking), None)
        if entry is None or not entry.has_thoughts or self._view is None:
            return
        entry.unfolded = not entry.unfolded
        entry.lay_out(self._view, self._clock())
        entry.refresh_head(self._clock())
        self._following = False  # what was clicked stays where it is
        self._changed(entry, 0)
        self._following = self._is_at_end(self.scroll_offset.y)

    # Layout

    def on_mount(self) -> None:
        super().on_mount()
        self.app.theme_changed_signal.subscribe(self, lambda _: self._relayout(anew=True))

    def on_resize(self) -> None:
        view = self._view
        shape = (self.size.width, self._picture_rows())
        self._relayout(anew=view is None or (view.drawn_width, view.picture_rows) != shape)

    def _picture_rows(self) -> int:
        """Return how high a picture may be: a third of the screen; 0 when pictures are only named."""
        return max(2, self.app.size.height // 3) if self.shows_pictures else 0

    def _relayout(self, *, anew: bool = False) -> None:
        """Lay out what is visible; `anew` when width or colours changed."""
        if not self.size.width or not self.is_attached:
            return
        y = self.scroll_offset.y
        anchor = self._column.place(y)
        share = anchor.row / max(1, self._column.entries[anchor.at].height) if anchor else 0.0
        if anew or self._view is None:
            self._view = self._make_view()
            self._column.forget_rows()
        self._column.estimate(self._view, self._column.entries)
        if anchor is not None and not self._following:
            entry = self._column.entries[anchor.at]
            entry.lay_out(self._view, self._clock())
            self._column.measure(anchor.at)
            y = self._column.top(anchor.at) + round(share * entry.height)
        self._place(y)
        self.refresh()

    def _say_lexer_loaded(self) -> None:
        """Called in the thread that loaded it: a message is the way back."""
        if self.is_running:
            self.post_message(self._LexerLoaded())

    def on_transcript__lexer_loaded(self) -> None:
        """Lay messages with code out again; their heights stay."""
        if self._view is not None:
            for entry in self._column.entries:
                if entry.is_laid_out and entry.holds_code:
                    entry.forget_rows(exact=True)
            self._place(self.scroll_offset.y)

    def _make_view(self) -> View:
        inks = Inks(palette(self.app.current_theme))
        ground = Color.parse(inks.palette.ground)
        filters = self.get_line_filters()

        def finish_strip(strip: Strip) -> Strip:
            for line_filter in filters:
                strip = strip.apply_filter(line_filter, ground)
            return strip

        width = self.size.width  # with the scrollbar, which is painted over the last column of the margin
        self._blank = finish_strip(Strip.blank(width, inks.style()))
        return View(
            settings=Settings(inks, self._glyphs, measure(width), lexers=self._lexers),
            drawn_width=width,
            picture_rows=self._picture_rows(),
            pictures=self._pictures,
            only_256=self.app.console.color_system == "256",
            finish_strip=finish_strip,
        )

    _blank = Strip([])

    def _place(self, y: int, dirty: Region | None = None) -> None:
        """Lay out what shows from row `y` on, and go there: one paint, whether the height changed or not."""
        view = self._view
        if view is None:
            return
        y = self._column.settle(y, self.size.height, view, self._clock(), follow=self._following)
        height = self._column.height
        self._placing = True
        self._go(y, height, dirty)
        self._placing = False
        self._after_move()

    def _changed(self, entry: Entry, first_row: int) -> None:
        """Draw an entry whose rows changed from `first_row` on; what is above stays where it is."""
        if self._view is None:
            return
        index = self._column.index_of(entry)
        before = self._column.height
        self._column.measure(index)
        y = self.scroll_offset.y
        top = self._column.top(index) + first_row - y
        last = self.size.height if before != self._column.height else self._column.top(index) + entry.height - y
        start, end = max(0, top), min(self.size.height, last)
        dirty = Region(0, start, self.size.width, end - start) if start < end else Region()
        self._place(y, dirty)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self._placing or self._view is None:
            return
        y = round(new_value)
        self._following = self._is_at_end(y)
        self._to_first = self._to_first and y == 0
        settled = self._column.settle(y, self.size.height, self._view, self._clock(), follow=self._following)
        if settled != y or self._column.height != self.virtual_size.height:
            self._place(settled)
        else:
            self._after_move()

    def _is_at_end(self, y: int) -> bool:
        return y >= self._column.height - self.size.height

    def _after_move(self) -> None:
        """Say what the screen has to know now that the view stands elsewhere."""
        y, height = self.scroll_offset.y, self.size.height
        self._column.forget_far(y, height)
        place = self._column.place(y)
        entry = self._column.entries[place.at] if place else None
        cut = place is not None and entry is not None and 0 < place.row < entry.height
        label = entry.cut_label(place.row) if cut and entry and place else None
        if label != self._label:
            self._label = label
            is_yours = entry is not None and entry.message.role == "user"
            self.post_message(self.LabelChanged(label, is_yours))
        if self._has_older and not self._asked_older and y < height and self._column.entries:
            self._asked_older = True
            self.post_message(self.OlderWanted(self._column.entries[0].message.id))
        self._want_pictures(y, height)

    def _want_pictures(self, y: int, height: int) -> None:
        for index in self._column.between(y, height):
            for attachment in self._column.entries[index].message.attachments:
                digest = attachment.digest
                is_picture = attachment.media_type.startswith("image/")
                if is_picture and self.shows_pictures and digest not in self._pictures.keys() | self._wanted:
                    self._wanted.add(digest)
                    self.post_message(self.PictureWanted(attachment))

    # Updates while an answer streams

    def _update_soon(self, *, at_once: bool) -> None:
        wait = self._next_update - self._clock()
        if at_once or wait <= 0:
            self._update()
        elif self._update_timer is None:
            self._update_timer = self.set_timer(wait, self._update)

    def _update(self) -> None:
        """Lay out and paint all that came since the last update."""
        if self._update_timer is not None:
            self._update_timer.stop()
            self._update_timer = None
        now = self._clock()
        self._next_update = max(self._next_update + UPDATE_S, now + UPDATE_S / 2)  # late timers do not add up
        for entry in self._column.entries[-_LIVE_AT_MOST:]:
            if entry.pending or entry.is_head_stale:
                from_top = entry.is_head_stale
                if from_top:
                    entry.refresh_head(now)
                first = entry.absorb()
                self._changed(entry, 0 if from_top else first)
        if self.on_updated is not None:
            self.on_updated()

    def _start_spinning(self) -> None:
        if self._spin_timer is None and any(self._waiting()):
            self._spin_timer = self.set_interval(_SPIN_S, self._spin)

    def _waiting(self) -> list[Entry]:
        return [entry for entry in self._column.entries[-_LIVE_AT_MOST:] if entry.is_running and not entry.has_text]

    def _spin(self) -> None:
        """Turn the spinners of answers that have no word yet; stop when there is none."""
        waiting = self._waiting()
        if not waiting and self._spin_timer is not None:
            self._spin_timer.stop()
            self._spin_timer = None
        for entry in waiting:
            entry.refresh_head(self._clock())
            self._repaint_label(entry)

    def _repaint_label(self, entry: Entry) -> None:
        y = self._column.top(self._column.index_of(entry)) - self.scroll_offset.y
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    # Drawing

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return kept strips, past the styles cache: they are final, line filters and all."""
        y, selection = self.scroll_offset.y, self.text_selection
        strips = self._column.strips(y + crop.y, crop.height, self._blank)
        if selection is not None:
            strips = self._with_selection(strips, y + crop.y, selection)
        start, end = crop.column_span
        return strips if (start, end) == (0, self.size.width) else [strip.crop(start, end) for strip in strips]

    def _with_selection(self, strips: list[Strip], y: int, selection: Selection) -> list[Strip]:
        """Return the strips of the rows from `y` on with what is selected in them."""
        style = self.screen.get_component_rich_style("screen--selection", partial=True)
        found: list[Strip] = []
        for number, strip in enumerate(strips, y):
            place = self._column.place(number)
            entry = self._column.entries[place.at] if place else None
            row = entry.row(place.row) if entry and place else None
            span = selection.get_span(row_number(entry, place.row)) if entry and place else None
            found.append(with_selection(strip, row.cells, span, style) if row and span else strip)
        return found

    def render_line(self, y: int) -> Strip:
        """Return a line with the places of its text, by which Textual finds what the mouse selects."""
        y += self.scroll_offset.y
        (strip,), place = self._column.strips(y, 1, self._blank), self._column.place(y)
        if place is None:
            return strip
        entry = self._column.entries[place.at]
        row = entry.row(place.row)
        return with_offsets(strip, row.cells, row_number(entry, place.row)) if row else strip

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the text that is selected, without bars and margins."""
        if self._view is None:
            return None
        return selected_text(self._column, selection, self._view, self._clock()), "\n"

    def on_click(self, event: events.Click) -> None:
        """Fold or unfold the thinking when its label is clicked."""
        place = self._column.place(self.scroll_offset.y + event.y)
        if place is not None and place.row == 0 and self._column.entries[place.at].has_thoughts:
            self.toggle_thoughts(self._column.entries[place.at].message.id)
