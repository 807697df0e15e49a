"""A question that was refused for a short while is sent again by itself: the card counts down, esc prevents it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from argus_core.domain import Message
from argus_tui.widgets.transcript import Transcript

AT_MOST_S = 120.0
"""A refusal that asks for a longer wait is not sent again by itself."""
KEYS = (("f5", "send it now"), ("esc", "do not send"))


class Resend:
    """At most one question waits. Times are seconds of a monotonic clock, given by the caller."""

    def __init__(self, transcript: Transcript, send: Callable[[], None]) -> None:
        self._transcript = transcript
        self._send = send
        self._message: Message | None = None
        self._due = 0.0
        self._shown_s = -1

    @property
    def is_waiting(self) -> bool:
        """Whether a question will be sent again by itself."""
        return self._message is not None

    def left_s(self, now: float) -> int:
        """Return the whole seconds until then."""
        return max(0, round(self._due - now))

    def wait_for(self, message: Message, now: float) -> bool:
        """Count down to another try if the refusal of `message` asks for a short wait; False if it does not."""
        problem = message.problem
        if problem is None or message.text or problem.retry_after_s is None or problem.retry_after_s > AT_MOST_S:
            return False
        self._message, self._due, self._shown_s = message, now + problem.retry_after_s, -1
        self.tick(now)
        return True

    def tick(self, now: float) -> None:
        """Show the seconds that are left, or send when none is."""
        message = self._message
        if message is None or message.problem is None:
            return
        if self._transcript.message_ids[-1:] != (message.id,):
            self._message = None  # the talk went on
        elif now >= self._due:
            self._message = None
            self._send()
        elif self.left_s(now) != self._shown_s:
            self._shown_s = self.left_s(now)
            title = f"{message.problem.title}: sent again by itself in {self._shown_s} s"
            self._transcript.set_problem(message.id, replace(message.problem, title=title), keys=KEYS)

    def stop(self) -> bool:
        """Do not send again; False when nothing was waiting."""
        message, self._message = self._message, None
        if message is None:
            return False
        if message.id in self._transcript.message_ids:
            self._transcript.finish(message)
        return True
