"""What the main screen shows round the conversation: head, status line, empty places, and the one spinner."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from argus_core.domain import Problem, Readiness
from argus_tui import format as fmt
from argus_tui.commands import WRITE_HERE
from argus_tui.screens.account_commands import OUTSIDE, AccountCommands
from argus_tui.screens.company import OFFLINE
from argus_tui.screens.countdown import KEYS as WAITING_KEYS
from argus_tui.screens.progress import summary
from argus_tui.widgets.head import Head
from argus_tui.widgets.key_card import KeyCard
from argus_tui.widgets.start_card import StartCard

if TYPE_CHECKING:
    from rich.text import Text
    from textual.timer import Timer

    from argus_core.client.later import Waiting
    from argus_tui.screens.countdown import Countdown
    from argus_tui.widgets.status_line import StatusLine

KEY_FIRST = "Your question waits here until there is a key"
SPINNER_S = 0.1
WRITES_ON = "The server goes on writing; nothing is lost and the rest will appear here."


class ChatState(AccountCommands):
    """Keeps what is seen in line with what is."""

    status: StatusLine
    countdown: Countdown
    _spinner: Timer

    def __init__(self) -> None:
        super().__init__()
        self._readiness: Readiness | None = None
        self._context_limits: dict[str, int] = {}
        self._is_unusable = False
        """The client could not be opened."""
        self._spun_at = self._updated_at = 0.0
        self._cut_off: str | None = None
        """The message under which a card says that the line dropped."""

    def show_state(self) -> None:
        """Bring head, status line and the empty places in line with what is open."""
        if not self.is_running:
            return  # the program is closing: its widgets go before its workers
        talk, ready = self.talk, self._readiness
        no_key = ready is not None and ready.model is None
        empty = talk.last is None and not self._is_unusable
        asks_key = no_key or self.has_class("-key")
        card = self.query_one(KeyCard)
        card.has_local = bool(ready and ready.has_local)
        if (shown := asks_key and (empty or self.has_class("-key"))) != card.display:
            card.display = shown
            self.call_after_refresh(card.focus_field if shown else self.composer.focus)
        self.composer.placeholder = KEY_FIRST if no_key else WRITE_HERE
        start = self.query_one(StartCard)
        start.display, start.model = empty and not asks_key, self.model() or ""
        start.eye = not self.options.plain_glyphs
        self.transcript.display = not empty and not card.display
        self._show_head()
        self.sidebar.current_id = talk.conversation_id
        self.sidebar.connected = not self.company.is_offline
        self._show_cut_off()
        self.countdown.draw(self._waiting_here(), talk.last, anew=True)
        self._show_status()
        self._spin_if_needed()

    def _show_head(self) -> None:
        head, conversation = self.query_one(Head), self.talk.conversation
        head.title = (conversation.title if conversation else "") or "New conversation"
        head.model = self.model() or "no model yet"
        head.used = self._used()
        head.company = self.company.also_here(self.talk.conversation_id)

    def model(self) -> str | None:
        conversation = self.talk.conversation
        if conversation and conversation.model:
            return conversation.model
        return self._readiness.model if self._readiness else ""

    def _used(self) -> str:
        """Return how much of what the model reads the last answer took, such as `4 % of 1M`."""
        usage = self.talk.usage
        limit = self._context_limits.get(self.model() or "", 0)
        if not limit or usage is None:
            return ""
        share = 100 * (usage.input_tokens + usage.output_tokens) / limit
        return f"{share:.0f} % of {fmt.count(limit)}" if share >= 1 else ""

    def _show_cut_off(self) -> None:
        """Say under an answer that is being written that the line dropped; take it away when it holds again."""
        last, cut_off = self.talk.last, self._cut_off
        is_cut_off = self.company.is_offline and last is not None and last.status == "running"
        wanted = last.id if is_cut_off and last is not None else None
        if wanted == cut_off:
            return
        self._cut_off = wanted
        if cut_off is not None and last is not None and last.id == cut_off and last.status == "running":
            self.transcript.set_problem(cut_off, None)
        if wanted is not None:
            problem = Problem(code="server_unreachable", title="The line to the server dropped", hint=WRITES_ON)
            self.transcript.set_problem(wanted, problem, keys=(), note="trying again")

    def _show_status(self) -> None:
        progress, status, now = self.talk.progress, self.status, time.monotonic()
        offline = self.company.is_offline
        status.running = progress is not None and not offline
        waiting = self._waiting_here()
        if waiting is not None:
            status.words = self.countdown.words(waiting)
            status.hints = WAITING_KEYS
        elif offline:
            status.words = OFFLINE
            status.hints = self._short_hints()
        elif progress is not None:
            status.words = progress.words(now)
            status.hints = (("esc", "stop"),)
        else:
            status.words = self._words_at_rest()
            status.hints = self._short_hints()
        at_rest = status.words and status.words == self._who_if_hidden()
        status.dot = "offline" if offline else "connected" if at_rest else "none"

    def _words_at_rest(self) -> str:
        if self.is_outside:
            return OUTSIDE
        last = self.talk.last
        return summary(last) if last and last.role == "assistant" else self._who_if_hidden()

    def _short_hints(self) -> tuple[tuple[str, str], ...]:
        return (("^p", "all"), ("f1", "help")) if self.has_class("-short") else ()

    def _who_if_hidden(self) -> str:
        """Return what the sidebar's foot would say, where there is no sidebar."""
        return self.sidebar.who if self.has_class("-narrow") else ""

    async def refresh_readiness(self) -> None:
        client = await self.client()
        self._readiness = await client.models.readiness()
        self.show_state()

    def _waiting_here(self) -> Waiting | None:
        """Return what is sent later by itself in the open conversation."""
        return self.later.waiting(self.talk.conversation_id)

    def _put_away(self) -> None:
        self._readiness = None
        super()._put_away()

    def _show_cut(self, label: Text | None) -> None:
        head, words = self.query_one(Head), label.plain if label else ""
        head.cut_label, head.cut_yours = words, words.startswith("you")

    # The spinner

    def _spin_if_needed(self) -> None:
        wanted = self.talk.progress is not None or any(row.running for row in self.conversations.rows)
        if wanted or self._waiting_here() is not None:
            self._spinner.resume()
        else:
            self._spinner.pause()

    def _update_along(self) -> None:
        """Draw what changes with new text in the same paint: one of its own would cost as much again."""
        self._updated_at = now = time.monotonic()
        self._show_cut(self.transcript.cut_label)
        if now - self._spun_at >= SPINNER_S:
            self._spin()

    def _spin_alone(self) -> None:
        if time.monotonic() - self._updated_at > 2 * SPINNER_S:
            self._spin()

    def _spin(self) -> None:
        self._spun_at = time.monotonic()
        self.status.spinner_frame += 1
        self.sidebar.spinner_frame += 1
        self.countdown.draw(self._waiting_here(), self.talk.last)
        self._show_status()
