"""What a terminal sends, as keys and pastes: a paste is text to its end, whatever it holds and however it arrives."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from time import monotonic
from typing import Final

from textual import events
from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.message import Message

ESCAPE_S: Final = 0.1
"""An escape that nothing follows for so long is the key."""
PASTE_S: Final = 1.0
"""A paste that stays silent for so long has ended: the marker of its end was lost, and keys must work again."""
LINES_S: Final = 0.1
"""Lines without brackets that come within this time of others are part of the same paste."""

_PIECES = re.compile(
    r"(?P<sequence>\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|.)?)|(?P<typed>[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+)|.", re.DOTALL
)
"""Escape sequences, and runs of letters, tabs and line ends, which is what a paste without brackets is made of."""
_LINES = re.compile(r"[\r\n]+[^\r\n]")
_LINE_END = re.compile(r"\r\n|\r|\n")
_GO_ON = frozenset("[O]P_^X\x1b")
"""An escape and one of these is only the beginning of a sequence; with another letter it is that key with alt."""
_ALT_ENTER = "\x1b\r"
_MARKER_SENT = 3
"""So many letters of the marker of a paste are no key that anybody presses: the rest will come."""


class TerminalInput:
    """Turns the text of a terminal into Textual's messages; keys are read by Textual's own parser.

    That one runs the escape sequences inside a paste as keys, and waits for ever for its end. And where pastes have no
    brackets, each line would be sent as a question of its own: lines that come at once, as nobody types, are a paste.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._keys = XTermParser()
        self._heard_at = clock()
        self._held = ""
        """The first letters of what may become the marker of a paste."""
        self._paste: list[str] | None = None
        """What was pasted so far, the letters that may begin its end as the last piece; None outside of a paste."""
        self._lost_end = ""
        """What is still to come of the end of a paste that was given up."""
        self._is_given_up = False
        """The end of a paste was not waited for: more of it may still come, without brackets."""
        self._is_behind_end = False
        """A paste ended in what came now: what stands behind it came with it, and was not typed."""
        self._owes_line_end = False
        """The last line end of lines without brackets counts only if more lines follow."""

    @property
    def wants_more(self) -> bool:
        """Whether what comes in the next moments should be fed together with what came now."""
        return self._paste is None

    def wait_s(self) -> float | None:
        """Return the seconds after which `tick()` has something to do; None when there is nothing to wait for."""
        if self._paste is not None or self._held:
            return max(0.0, self._heard_at + self._patience_s() - self._clock())
        return None if self._keys._timeout_time is None else ESCAPE_S

    def _patience_s(self) -> float:
        return PASTE_S if self._paste is not None or len(self._held) >= _MARKER_SENT else ESCAPE_S

    def feed(self, text: str) -> Iterator[Message]:
        """Take what the terminal sent at once."""
        now = self._clock()
        if now - self._heard_at > LINES_S:
            self._owes_line_end = False
        self._heard_at = now
        if self._lost_end and text:
            text, self._lost_end = text.removeprefix(self._lost_end), ""
        text, self._held = self._held + text, ""
        self._is_behind_end = False
        while text:
            text = yield from (self._feed_keys(text) if self._paste is None else self._feed_paste(text))

    def tick(self) -> Iterator[Message]:
        """Take in that time has gone by."""
        if self._clock() - self._heard_at >= self._patience_s():
            if self._paste is not None:
                yield from self._give_paste_up()
            elif len(self._held) < _MARKER_SENT:
                yield from _without_waiting(self._held)
            self._held = ""
        yield from self._keys.tick()

    # Pastes

    def _feed_paste(self, text: str) -> Generator[Message, None, str]:
        """Take text of a paste; return what stands behind its end."""
        assert self._paste is not None
        text = self._paste.pop() + text
        inside, end, behind = text.partition(BRACKETED_PASTE_END)
        if not end:
            cut = len(text) - len(_beginning_of(BRACKETED_PASTE_END, text))
            self._paste += [text[:cut], text[cut:]]
            return ""
        yield _paste("".join([*self._paste, inside]))
        self._paste, self._is_behind_end = None, True
        return behind

    def _give_paste_up(self) -> Iterator[Message]:
        """Hand over what came of a paste without an end."""
        assert self._paste is not None
        begun = self._paste.pop()
        self._lost_end = BRACKETED_PASTE_END.removeprefix(begun) if begun else ""
        yield _paste("".join(self._paste))
        self._paste, self._is_given_up = None, True

    # Keys

    def _feed_keys(self, text: str) -> Generator[Message, None, str]:
        """Take keys; return what stands behind the beginning of a paste."""
        keys, start, behind = text.partition(BRACKETED_PASTE_START)
        if not start:
            self._held = _beginning_of(BRACKETED_PASTE_START, keys)
            keys = keys.removesuffix(self._held) if self._held else keys
        for piece in _PIECES.finditer(keys):
            typed = piece["typed"] or ""
            if self._is_pasted(typed):
                yield self._lines(typed)
            else:
                yield from self._press(piece[0])
        if start:
            self._paste, self._is_given_up = [""], False
        return behind

    def _is_pasted(self, typed: str) -> bool:
        """Tell whether this cannot have been typed; what stands alone always can."""
        if len(typed) < 2:
            self._is_given_up = self._is_given_up and not typed
            self._owes_line_end = False
            return False
        is_rest = self._is_given_up or self._is_behind_end or self._owes_line_end
        return is_rest or _LINES.search(typed) is not None

    def _lines(self, typed: str) -> Message:
        text = ("\n" if self._owes_line_end else "") + _LINE_END.sub("\n", typed)
        self._owes_line_end = text.endswith("\n")
        return _paste(text.removesuffix("\n"))

    def _press(self, keys: str) -> Iterator[Message]:
        if keys == BRACKETED_PASTE_END:  # of a paste that was given up
            self._is_given_up = self._owes_line_end = False
            return
        if keys == _ALT_ENTER:  # Textual reads it as enter
            yield events.Key("alt+enter", None)
            return
        is_with_alt = len(keys) == 2 and keys[0] == "\x1b" and keys[1] not in _GO_ON
        try:
            yield from _without_waiting(keys) if is_with_alt else self._keys.feed(keys)
        except (ValueError, OverflowError):  # a sequence with a number that is no letter
            self._keys = XTermParser()


def _paste(text: str) -> Message:
    return events.Paste(text.replace("\0", ""))


def _beginning_of(marker: str, text: str) -> str:
    """Return the beginning of `marker` that stands at the end of `text`; empty when none does."""
    lengths = range(min(len(marker) - 1, len(text)), 0, -1)
    return next((marker[:length] for length in lengths if text.endswith(marker[:length])), "")


def _without_waiting(keys: str) -> Iterator[Message]:
    """Return the keys of a sequence that nothing will follow."""
    parser = XTermParser()
    yield from parser.feed(keys) if keys else ()
    if parser._timeout_time is not None:
        parser._timeout_time = 0.0
    yield from parser.tick()
