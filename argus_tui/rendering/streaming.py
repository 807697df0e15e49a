"""A Markdown document that grows: what is finished is laid out once, whatever the length.

A top-level block is finished when the next one has begun on complete lines. Of the open block, a list keeps its
finished items, a block of code its lines and a table its rows (`growing`). Anything else is laid out again at each
update; when it is long, only each time it has grown by a quarter, with the new text as it is below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from argus_core.text.clean import clean
from argus_tui.rendering.blocks import BlockWriter, Settings, render
from argus_tui.rendering.growing import LINES_OF_A_START, Growing, grow
from argus_tui.rendering.inks import Look
from argus_tui.rendering.parsing import Env, Group, first_line, line_after, offset_of_line, parse
from argus_tui.rendering.row import Row
from argus_tui.rendering.wrapping import wrap

LONG_BLOCK: Final = 4096
"""Characters of an open block from which on it is not laid out again at each update."""


class StreamingMarkdown:
    """The rows of a document to which text is appended, and at last finished."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._writer = BlockWriter(settings)
        self._env: Env = {}
        self._kept: list[Row] = []
        self._live: list[Row] = []
        self._growing: Growing | None = None
        self._block_from = 0  # where the rows of the growing block begin
        self._source: list[str] = []  # clean whole lines
        self._line = ""  # the last line as it came: it may end in half of an escape sequence
        self._rest = ""  # the clean text that is not laid out for good
        self._complete = 0  # how much of it ends in a newline
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
        return self._block_from if self._growing and not self._growing.is_final else len(self._kept)

    @property
    def source(self) -> str:
        """The clean text so far."""
        return "".join(self._source) + clean(self._line)

    def append(self, text: str) -> None:
        """Add text, as it came, and lay out what is new."""
        head, newline, self._line = (self._line + text).rpartition("\n")
        whole = clean(head + newline)
        if whole:
            self._source.append(whole)
        self._rest = self._rest[: self._complete] + whole
        self._complete = len(self._rest)
        self._rest += clean(self._line)
        self.changed_from = len(self._kept)
        self._update(closing=False)

    def finish(self, text: str) -> None:
        """Lay out the final, stored text. What was streamed is kept, unless it differs or may refer to later lines."""
        final, so_far = clean(text), self.source
        if len(final) > len(so_far) and final.startswith(so_far):
            self.append(final[len(so_far) :])
        if final == self.source and not self._env.get("references") and "]:" not in self._rest:
            self.changed_from = len(self._kept)
            self._complete = len(self._rest)
            self._update(closing=True)
        else:
            self.changed_from = 0
            self._kept, self._live, self._growing = render(final, self._settings), [], None
        self._source, self._line, self._rest, self._complete = [final], "", "", 0

    def _update(self, *, closing: bool) -> None:
        while True:
            if not closing and self._is_long_and_hardly_new():
                new = self._rest[self._laid_length :].strip("\n")
                self._live = self._laid + wrap([(new, self._settings.inks(Look()))], self._settings.width)
                return
            if self._growing is not None and not self._advance(self._growing, closing=closing):
                return
            lines, groups = self._rest.split("\n"), self._parse(self._rest)
            finished = self._keep_finished(groups, lines, closing=closing)
            if closing or finished or not self._start_growing(groups):
                rows = self._writer.blocks(groups[finished:], lines)
                self._set_live(self._gap() + rows if rows else [])
                return

    def _is_long_and_hardly_new(self) -> bool:
        return self._laid_length >= LONG_BLOCK and len(self._rest) < self._laid_length * 5 // 4

    def _parse(self, source: str) -> list[Group]:
        """Parse what may still change: references it defines are forgotten again."""
        return parse(source, {"references": dict(self._env.get("references", {}))})

    def _set_live(self, rows: list[Row]) -> None:
        self._live = self._laid = rows
        self._laid_length = len(self._rest)

    def _gap(self) -> list[Row]:
        """Return the blank row before the next block, unless it is the first or follows code."""
        return [Row([], 0)] if self._kept and not self._kept[-1].closing else []

    # Blocks that are finished

    def _keep_finished(self, groups: Sequence[Group], lines: Sequence[str], *, closing: bool) -> int:
        """Lay finished blocks out for good and take them off the rest; return how many."""
        complete = self._rest.count("\n", 0, self._complete)
        done = len(groups) if closing else 0
        while done + 1 < len(groups) and first_line(groups[done + 1]) + LINES_OF_A_START <= complete:
            done += 1
        for group in groups[:done]:
            self._kept += self._gap()
            self._kept += self._writer.block(group, lines)
        if done:
            self._use(offset_of_line(self._rest, line_after(groups[done - 1])))
        return done

    def _use(self, length: int, *, may_define: bool = True) -> None:
        """Take text off the rest; link references defined in it hold from now on."""
        used, self._rest = self._rest[:length], self._rest[length:]
        self._complete = max(0, self._complete - length)
        self._laid_length = 0
        if may_define and "]:" in used:
            parse(used, self._env)

    # A block that grows

    def _start_growing(self, groups: Sequence[Group]) -> bool:
        if len(groups) != 1:
            return False
        growing = grow(groups[0], self._rest, self._complete, self._writer, self._parse)
        if growing is None:
            return False
        self._kept += self._gap()
        self._growing, self._block_from = growing, len(self._kept)
        return True

    def _advance(self, growing: Growing, *, closing: bool) -> bool:
        """Let the block take what is whole; return whether it has ended, so that something else may follow."""
        taken = growing.take(self._rest, self._complete, closing=closing)
        if taken.afresh:
            del self._kept[self._block_from :]
            self.changed_from = min(self.changed_from, self._block_from)
        self._kept += taken.kept
        self._use(taken.used, may_define=growing.is_final)
        self._set_live(taken.live)
        if taken.ended:
            self._growing = None
        return taken.ended
