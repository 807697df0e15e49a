"""A question that a limit of this Argus refused: it is back in the composer, and sent by itself when it may be."""

from __future__ import annotations

import math
from collections.abc import Callable

from argus_core.errors import LimitReached
from argus_core.text.clean import clean_line

AT_MOST_S = 120.0
"""A question that has to wait longer is not sent by itself: nobody waits for it."""


class Held:
    """At most one question is held. Times are seconds of a monotonic clock, given by the caller."""

    def __init__(self, send: Callable[[str], None]) -> None:
        self._send = send
        self._text = self._why = ""
        self._due = 0.0
        self._digits = 0

    @property
    def is_waiting(self) -> bool:
        """Whether a question will be sent by itself."""
        return bool(self._text)

    def wait_for(self, text: str, error: LimitReached, now: float) -> bool:
        """Count down to another try if the limit asks for a short wait; False if it does not."""
        if not text or error.retry_after_s is None or error.retry_after_s > AT_MOST_S:
            return False
        self._text, self._why, self._due = text, clean_line(error.title), now + error.retry_after_s
        self._digits = len(str(self._left_s(now)))
        return True

    def words(self, now: float) -> str:
        """Return what the status line says; as wide at its end as at its beginning."""
        return f"{self._why}: sent by itself in {self._left_s(now):>{self._digits}} s"

    def tick(self, now: float) -> None:
        """Send it when it may be sent."""
        if self._text and now >= self._due:
            text, self._text = self._text, ""
            self._send(text)

    def changed(self, draft: str) -> None:
        """Let go of the question when it is written on: it is the writer's again."""
        if draft != self._text:
            self._text = ""

    def stop(self) -> bool:
        """Do not send it; False when nothing was held."""
        text, self._text = self._text, ""
        return bool(text)

    def _left_s(self, now: float) -> int:
        return max(0, math.ceil(self._due - now))
