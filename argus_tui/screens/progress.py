"""How an answer is getting on, in the words of the status line."""

from __future__ import annotations

from argus_core.domain import Message
from argus_core.events import Event, TextDelta, ThoughtDelta
from argus_tui import format as fmt

CHARS_PER_TOKEN = 4
"""What stands in until the provider counts: about right for English, low for Persian."""
_MIN_RATE_S = 0.5
_JOINED_LATE_S = 2.0
"""An answer that has run longer is replayed at first: its rate counts from its start, not from its first text here."""


class Progress:
    """Counts the deltas of one answer. Times are seconds of a monotonic clock, given by the caller."""

    def __init__(self, model: str, now: float, *, started_s_ago: float = 0.0) -> None:
        self.model = model
        self._started = now - started_s_ago
        self._first_text = self._started if started_s_ago >= _JOINED_LATE_S else None
        self._counted = 0
        self._chars = 0
        self.thought_s = 0.0

    def take(self, event: Event, now: float) -> None:
        """Count one event in."""
        if isinstance(event, ThoughtDelta):
            self.thought_s = event.duration_s
        elif isinstance(event, TextDelta):
            self._first_text = self._first_text or now
            self._chars += len(event.text)
            self._counted = max(self._counted, event.output_tokens)

    @property
    def tokens(self) -> int:
        """Tokens of the answer so far: the provider's count, else an estimate."""
        return max(self._counted, self._chars // CHARS_PER_TOKEN)

    def words(self, now: float) -> str:
        """Return `42 tok/s · 318 tokens · 7 s`."""
        elapsed = fmt.duration(int(now - self._started))
        if self._first_text is None:
            return f"{'thinking' if self.thought_s else 'waiting for'} {self.model} · {elapsed}"
        rate = self.tokens / max(now - self._first_text, _MIN_RATE_S)
        return f"{rate:>2.0f} tok/s · {self.tokens:,} tokens · {elapsed}"


def summary(message: Message) -> str:
    """Return what a finished answer took: `gemini-flash-latest · 318 tokens · 7 s · $0.0004`; empty when unknown."""
    parts: list[str] = []
    usage = message.usage
    if message.model:
        parts.append(message.model)
    if usage and usage.output_tokens:
        parts.append(f"{usage.output_tokens:,} tokens")
    if message.duration_s:
        parts.append(fmt.duration(message.duration_s))
    if usage and usage.cost_micro_usd is not None:
        parts.append("free" if usage.cost_micro_usd == 0 else fmt.money(usage.cost_micro_usd))
    return " · ".join(parts) if len(parts) > 1 else ""
