"""A Markdown document that grows: what is finished is laid out once, whatever the length.

A top-level block is finished when the next one has begun on complete lines. Of the open block, a list keeps its
finished items, a block of code its lines and a table its rows (`growing`). Anything else is laid out again at each
update; when it is long, only each time it has grown by a quarter, with the new text as it is below. A finished block is
laid out once more when a link that it names is defined further down.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from argus_core.text.clean import LINE_ENDS, clean
from argus_tui.rendering.blocks import BlockWriter, Settings, render
from argus_tui.rendering.growing import Growing, grow
from argus_tui.rendering.inks import Look
from argus_tui.rendering.parsing import LINES_OF_A_START, Group, first_line, line_after, offset_of_line
from argus_tui.rendering.references import Links, names
from argus_tui.rendering.row import Row
from argus_tui.rendering.wrapping import wrap

LONG_BLOCK: Final = 4096
"""Characters of an open block from which on it is not laid out again at each update."""

_HALF_FENCE = re.compile(r"[ \t>]*(?:`{1,2}|~{1,2})")
"""A last line that is not shown yet: most often it becomes the end of a block of code, and not a line of it."""

_AFTER_BLANK = re.compile(r"\n[ \t]*\n(?=[^\s>])")
"""Where most long blocks end."""


@dataclass(slots=True)
class _Linked:
    """A block that may name links: its place in the text and in the rows, and labels found by parsing it."""

    start: int
    first_row: int
    end: int = 0
    rows: int = 0
    labels: set[str] = field(default_factory=set)


class StreamingMarkdown:
    """The rows of a document to which text is appended, and at last finished."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._writer = BlockWriter(settings)
        self._links = Links()
        self._linked: list[_Linked] = []
        self._kept: list[Row] = []
        self._live: list[Row] = []
        self._growing: Growing | None = None
        self._open = _Linked(0, 0)  # where the growing block begins
        self._open_gap: list[Row] = []  # the blank row before it
        self._source: list[str] = []  # clean whole lines
        self._line = ""  # the last line as it came: it may end in half of an escape sequence
        self._used = 0  # how much of the clean text is laid out for good
        self._rest = ""  # the clean text after it
        self._complete = 0  # how much of that ends in a newline
        self._laid: list[Row] = []  # the rows that a long rest had when it was laid out last
        self._laid_length = 0
        self.changed_from = 0
        """Number of the first row that the last call may have changed."""

    def __len__(self) -> int:
        return len(self._kept) + len(self._live)

    def __getitem__(self, index: int) -> Row:
        kept = len(self._kept)
        return self._kept[index] if index < kept else self._live[index - kept]

    @property
    def finished_rows(self) -> int:
        """How many rows at the start never change again while text is appended."""
        kept = self._open.first_row if self._growing and not self._growing.is_final else len(self._kept)
        open_link = self._open.first_row if self._growing and self._links.asked else kept
        return min([kept, open_link, *[block.first_row for block in self._linked]])

    @property
    def source(self) -> str:
        """The clean text so far."""
        return "".join(self._source) + clean(self._line)

    def append(self, text: str) -> None:
        """Add text, as it came, and lay out what is new."""
        head, newline, self._line = _with_newlines(self._line + text).rpartition("\n")
        whole = clean(head + newline)
        if whole:
            self._source.append(whole)
        self._rest = self._rest[: self._complete] + whole
        self._complete = len(self._rest)
        line = clean(self._line)
        self._rest += "" if _HALF_FENCE.fullmatch(line) else line
        self.changed_from = len(self._kept)
        self._update(closing=False)

    def finish(self, text: str) -> None:
        """Lay out the final, stored text. What was streamed is kept, unless it differs."""
        final, so_far = clean(text), self.source
        if len(final) > len(so_far) and final.startswith(so_far):
            self.append(final[len(so_far) :])
        if final == self.source:
            self.changed_from = len(self._kept)
            self._rest = self._rest[: self._complete] + clean(self._line)
            self._complete = len(self._rest)
            self._update(closing=True)
        else:
            self.changed_from = 0
            self._kept, self._live, self._growing, self._linked = render(final, self._settings), [], None, []
        self._source, self._line, self._rest, self._complete = [final], "", "", 0

    def _update(self, *, closing: bool) -> None:
        self._lay_out(closing=closing)
        while changed := self._links.changed():
            self._lay_out_again(changed)
            if self._growing is not None and not changed.isdisjoint(self._links.asked):
                self._begin_again()
                self._lay_out(closing=closing)

    def _lay_out(self, *, closing: bool) -> None:
        while True:
            if not closing and self._is_long_and_hardly_new():
                new = self._rest[self._laid_length :].strip("\n")
                self._live = self._laid + wrap([(new, self._settings.inks(Look()))], self._settings.width)
                return
            if self._growing is not None and not self._advance(self._growing, closing=closing):
                return
            self._links.asked = set()
            lines, groups = self._rest.split("\n"), self._links.blocks(self._rest)
            finished = self._keep_finished(groups, lines, closing=closing)
            if closing or finished or not self._start_growing(groups):
                rows = self._writer.blocks(groups[finished:], lines)
                self._set_live(self._gap() + rows if rows else [])
                if len(groups) - finished != 1:
                    self._laid_length = 0  # nothing long is open: it is finished in a moment
                return

    def _is_long_and_hardly_new(self) -> bool:
        if self._laid_length < LONG_BLOCK or len(self._rest) >= self._laid_length * 5 // 4:
            return False
        return not _AFTER_BLANK.search(self._rest, self._laid_length - 2)

    def _set_live(self, rows: list[Row]) -> None:
        self._live = self._laid = rows
        self._laid_length = len(self._rest)

    def _gap(self) -> list[Row]:
        """Return the blank row before the next block, unless it is the first or follows code."""
        return [Row([], 0)] if self._kept and not self._kept[-1].closing else []

    # Blocks that are finished

    def _keep_finished(self, groups: Sequence[Group], lines: Sequence[str], *, closing: bool) -> int:
        """Lay finished blocks out for good and take them off the rest; return how many."""
        settled = self._links.settled
        done = len(groups) if closing else sum(line_after(group) <= settled for group in groups)
        while done + 1 < len(groups) and self._is_begun(first_line(groups[done + 1])):
            done += 1
        for group in groups[:done]:
            rows = self._writer.block(group, lines)
            self._kept += self._gap() if rows else []
            block = _Linked(self._used + offset_of_line(self._rest, first_line(group)), len(self._kept))
            self._kept += rows
            self._remember(block, self._used + offset_of_line(self._rest, line_after(group)))
        if closing:
            self._use(len(self._rest))
        elif done or not groups:
            self._use(offset_of_line(self._rest, first_line(groups[done]) if done < len(groups) else settled))
        return done

    def _is_begun(self, line: int) -> bool:
        """Return whether it is sure that what seems to begin on a line does, and ends what is before it."""
        return line + LINES_OF_A_START <= self._rest.count("\n", 0, self._complete)

    def _use(self, length: int, *, may_define: bool = True) -> None:
        """Take text off the rest; links defined in it hold from now on."""
        used, self._rest = self._rest[:length], self._rest[length:]
        self._used += length
        self._complete = max(0, self._complete - length)
        self._laid_length = 0
        if may_define:
            self._links.define(used)

    # A block that grows

    def _start_growing(self, groups: Sequence[Group]) -> bool:
        """Let the only block grow, or else take what is before it off the rest; return whether there is more to do."""
        if len(groups) != 1 or not self._is_begun(first_line(groups[0])):
            return False
        if lead := first_line(groups[0]):
            self._use(offset_of_line(self._rest, lead))
            return True
        growing = grow(groups[0], self._rest, self._complete, self._writer, self._links)
        if growing is None:
            return False
        self._open_gap = self._gap()
        self._kept += self._open_gap
        self._growing, self._open = growing, _Linked(self._used, len(self._kept))
        return True

    def _advance(self, growing: Growing, *, closing: bool) -> bool:
        """Let the block take what is whole; return whether it has ended, so that something else may follow."""
        taken = growing.take(self._rest, self._complete, closing=closing)
        if taken.afresh:
            del self._kept[self._open.first_row :]
            self.changed_from = min(self.changed_from, self._open.first_row)
        self._kept += taken.kept
        self._use(taken.used, may_define=growing.is_final)
        self._set_live(taken.live)
        if taken.ended:
            self._growing = None
            self._remember(self._open, self._used)
        return taken.ended

    # Links that are defined further down

    def _remember(self, block: _Linked, end: int) -> None:
        """Note a block that is laid out, its rows the last ones, if it names links."""
        if self._links.asked:
            block.end, block.rows, block.labels = end, len(self._kept) - block.first_row, self._links.asked
            self._linked.append(block)

    def _lay_out_again(self, changed: set[str]) -> None:
        """Lay finished blocks out again that name one of these labels."""
        source, shift = self.source, 0
        for block in self._linked:
            block.first_row += shift
            piece = source[block.start : block.end]
            if not names(piece, changed & block.labels):
                continue
            groups, asked = self._links.blocks_again(piece)
            rows = self._writer.blocks(groups, piece.split("\n"))
            self._kept[block.first_row : block.first_row + block.rows] = rows
            self.changed_from = min(self.changed_from, block.first_row)
            shift += len(rows) - block.rows
            block.rows, block.labels = len(rows), block.labels | asked
        self._open.first_row += shift

    def _begin_again(self) -> None:
        """Put the growing block back, as if nothing of it had been laid out."""
        self._rest = self.source[self._open.start : self._used] + self._rest
        self._complete += self._used - self._open.start
        self._used = self._open.start
        del self._kept[self._open.first_row - len(self._open_gap) :]
        self.changed_from = min(self.changed_from, len(self._kept))
        self._growing = None


def _with_newlines(text: str) -> str:
    """Return text whose line ends are newlines; after a CR at its end one may still come."""
    if not text.endswith("\r"):
        return LINE_ENDS.sub("\n", text)
    return LINE_ENDS.sub("\n", text[:-1]) + "\r"
