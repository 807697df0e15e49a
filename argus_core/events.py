"""What a generation says of itself, in order: each event has a number `n`, from 1 without gaps.

The last event of a generation is its terminator (`Completed`, `Cancelled`, `Failed` or `Interrupted`), and there is
exactly one.
"""

from __future__ import annotations

from dataclasses import dataclass

from argus_core.domain import Attachment, MessageStatus, Problem, SourcePart, Usage


@dataclass(frozen=True, slots=True)
class Started:
    """The provider was called."""

    model: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Text to append to the answer."""

    text: str
    output_tokens: int = 0
    """Tokens of the answer so far as the provider counts them; 0 when it did not say."""


@dataclass(frozen=True, slots=True)
class ThoughtDelta:
    """Text to append to the thinking."""

    text: str
    duration_s: float = 0.0
    """Seconds of thinking so far."""


@dataclass(frozen=True, slots=True)
class AttachmentAdded:
    """The model made a picture; its blob is stored already."""

    attachment: Attachment


@dataclass(frozen=True, slots=True)
class SourceAdded:
    """A page the answer is grounded on."""

    source: SourcePart


@dataclass(frozen=True, slots=True)
class Completed:
    """Terminator: the answer is whole."""

    usage: Usage | None = None
    truncated: bool = False
    """The model stopped at its length limit."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Terminator: somebody stopped it; what had come is kept."""

    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """Terminator: the provider refused or broke off; what had come is kept."""

    problem: Problem
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Terminator: the process that ran it is gone; what had come is kept."""


Event = (
    Started | TextDelta | ThoughtDelta | AttachmentAdded | SourceAdded | Completed | Cancelled | Failed | Interrupted
)
Terminator = Completed | Cancelled | Failed | Interrupted

STATUS_OF: dict[type[Terminator], MessageStatus] = {
    Completed: "completed",
    Cancelled: "cancelled",
    Failed: "failed",
    Interrupted: "interrupted",
}
"""The status a generation and its message have after each terminator."""


def is_terminator(event: Event) -> bool:
    """Return whether `event` is the last of its generation."""
    return type(event) in STATUS_OF


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event in its slot of the log."""

    generation_id: str
    n: int
    owner: str
    """The process that wrote it: tells a repeated write from a lost race."""
    event: Event
