"""What is seen of a question that is sent later by itself: the seconds, on the card of the refused answer or below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from argus_core.client.later import Later, Waiting
from argus_core.domain import Message
from argus_core.text.clean import clean_line
from argus_tui.widgets.transcript import Transcript

KEYS = (("f5", "send it now"), ("esc", "do not send"))


class Countdown:
    """Draws what waits in the open conversation; `Later` owns it."""

    def __init__(self, transcript: Transcript, later: Later) -> None:
        self._transcript = transcript
        self._later = later
        self._shown: tuple[str, int] | None = None
        """The message whose card counts down, and the seconds on it."""

    def words(self, waiting: Waiting) -> str:
        """Return what the status line says; as wide at its end as at its beginning."""
        left = f"{self._left_s(waiting):>{len(str(math.ceil(waiting.wait_s)))}}"
        if waiting.message_id:
            return f"sent again by itself in {left} s"
        return f"{clean_line(waiting.why)}: sent by itself in {left} s"

    def draw(self, waiting: Waiting | None, last: Message | None, *, anew: bool = False) -> None:
        """Bring the card of the refused answer in line.

        Args:
            waiting: What waits in the open conversation.
            last: The last message shown.
            anew: The card may have been drawn without it.
        """
        refused = last if waiting is not None and last is not None and last.id == waiting.message_id else None
        if waiting is not None and refused is not None and refused.problem is not None:
            left_s = self._left_s(waiting)
            if anew or self._shown != (refused.id, left_s):
                title = f"{refused.problem.title}: sent again by itself in {left_s} s"
                self._transcript.set_problem(refused.id, replace(refused.problem, title=title), keys=KEYS)
            self._shown = (refused.id, left_s)
        elif self._shown is not None:
            if last is not None and last.id == self._shown[0]:
                self._transcript.set_problem(last.id, last.problem)
            self._shown = None

    def _left_s(self, waiting: Waiting) -> int:
        return math.ceil(self._later.left_s(waiting))


def not_sent(dropped: Sequence[Waiting]) -> str:
    """Return what is said of questions that waited when one left; empty for none."""
    questions = sum(not one.message_id for one in dropped)
    again = len(dropped) - questions
    said: list[str] = []
    if questions == 1:
        said.append("A question was not sent; it is kept as the draft of its conversation.")
    elif questions:
        said.append(f"{questions} questions were not sent; each is kept as the draft of its conversation.")
    if again == 1:
        said.append("A refused question was not sent again; /retry does that in its conversation.")
    elif again:
        said.append(f"{again} refused questions were not sent again; /retry does that in their conversations.")
    return " ".join(said)
