"""Where each message of the transcript stands: heights, gaps, and what to lay out before something is drawn."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from textual.strip import Strip

from argus_core.domain import Message
from argus_tui.widgets.transcript_entry import Entry
from argus_tui.widgets.transcript_view import View

MOST_LAID_OUT = 120
"""Messages whose rows are kept; those farthest from the view lose theirs first."""
_FIRST_ORDINAL = 1 << 20


class Place(NamedTuple):
    """A row of the column: the message and the number of the row in it, which may be the gap after its last one."""

    at: int
    row: int


class Column:
    """Messages one below the other, a blank row between each two."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._by_id: dict[str, Entry] = {}
        self._tops = [0]  # row each entry begins on, and the end
        self._next_ordinal = _FIRST_ORDINAL
        self._first_ordinal = _FIRST_ORDINAL
        self._has_grown = False  # rows were made since some were let go of

    @property
    def height(self) -> int:
        """Rows of all, without the gap after the last."""
        return max(0, self._tops[-1] - 1)

    def find(self, message_id: str) -> Entry | None:
        """Return the entry of a message."""
        return self._by_id.get(message_id)

    def index_of(self, entry: Entry) -> int:
        """Return where an entry stands: ordinals have no gaps."""
        return entry.ordinal - self._first_ordinal

    def append(self, message: Message, now: float) -> Entry:
        """Add a message below all."""
        entry = Entry(message, self._next_ordinal, now)
        self._next_ordinal += 1
        self.entries.append(entry)
        self._by_id[message.id] = entry
        self._tops.append(self._tops[-1] + 1)
        return entry

    def prepend(self, messages: Sequence[Message], now: float) -> None:
        """Add older messages above all."""
        fresh = [message for message in messages if message.id not in self._by_id]
        self._first_ordinal -= len(fresh)
        older = [Entry(message, ordinal, now) for ordinal, message in enumerate(fresh, self._first_ordinal)]
        self.entries[:0] = older
        self._by_id.update((entry.message.id, entry) for entry in older)
        self._tops = [0] * (len(self.entries) + 1)

    def measure(self, start: int = 0) -> None:
        """Add the heights up again from entry `start` on."""
        tops, total = self._tops, self._tops[start]
        for index in range(start, len(self.entries)):
            total += self.entries[index].height + 1
            tops[index + 1] = total

    def top(self, index: int) -> int:
        """Return the row an entry begins on."""
        return self._tops[index]

    def place(self, y: int) -> Place | None:
        """Return what stands in row `y`; None below the end."""
        if not 0 <= y < self._tops[-1]:
            return None
        index = bisect_right(self._tops, y) - 1
        return Place(index, y - self._tops[index])

    def strips(self, y: int, count: int, blank: Strip) -> list[Strip]:
        """Return the strips of `count` rows from row `y` on, `blank` where nothing stands."""
        found: list[Strip] = []
        place = self.place(y)
        if place is not None:
            row = place.row
            for entry in self.entries[place.at :]:
                strips = entry.strips(row, row + count - len(found))
                found += strips
                if len(found) < count:
                    found += [blank] * min(count - len(found), max(0, entry.height + 1 - row - len(strips)))
                if len(found) >= count:
                    return found
                row = 0
        return found + [blank] * (count - len(found))

    def between(self, y: int, height: int) -> range:
        """Return the numbers of the entries that show in some rows."""
        first = self.place(max(0, y))
        if first is None:
            return range(0)
        last = self.place(min(y + height, self._tops[-1]) - 1)
        return range(first.at, last.at + 1 if last else len(self.entries))

    def estimate(self, view: View, entries: Iterable[Entry]) -> None:
        """Guess heights that are not known and add all up."""
        for entry in entries:
            entry.estimate(view)
        self.measure()

    def settle(self, y: int, height: int, view: View, now: float, *, follow: bool) -> int:
        """Lay out what shows in `height` rows from `y` on; return where the view must begin then to show the same text.

        With `follow` the view is to end where the column ends, whatever `y` says.
        """
        while True:
            y = max(0, self.height - height) if follow else min(y, max(0, self.height - height))
            index = self._first_missing(y, height, view, follow=follow)
            if index is None:
                return y
            entry, before = self.entries[index], self.entries[index].height
            entry.lay_out(view, now)
            self._has_grown = True
            grown = entry.height - before
            if grown:
                self.measure(index)
                if self._tops[index] < y:
                    y += grown

    def _first_missing(self, y: int, height: int, view: View, *, follow: bool) -> int | None:
        shown = self.between(y, height)
        for index in reversed(shown) if follow else shown:
            if not self.entries[index].is_laid_out_for(view):
                return index
        return None

    def forget_rows(self) -> None:
        """Let go of all rows: width or theme changed."""
        for entry in self.entries:
            entry.forget_rows(exact=False)

    def forget_far(self, y: int, height: int) -> None:
        """Let go of rows far from the view, when there are too many."""
        if not self._has_grown:
            return
        self._has_grown = False
        laid_out = [entry for entry in self.entries if entry.is_laid_out]
        if len(laid_out) <= MOST_LAID_OUT:
            return
        shown = self.between(y, height)
        middle = self.entries[(shown.start + shown.stop) // 2 if shown else -1].ordinal
        laid_out.sort(key=lambda entry: abs(entry.ordinal - middle))
        for entry in laid_out[MOST_LAID_OUT * 3 // 4 :]:
            if not entry.is_running:
                entry.forget_rows(exact=True)
