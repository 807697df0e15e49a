"""The rows round the text of a message: its label, its thinking, its pictures, and what to do when it broke off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.segment import Segment

from argus_core.domain import Attachment, Message, Problem, SourcePart, ThoughtPart
from argus_core.text.clean import clean, clean_line
from argus_tui import format
from argus_tui.rendering.blocks import Settings
from argus_tui.rendering.inks import Ground, Look
from argus_tui.rendering.pictures import MOST_COLUMNS, Picture, cells_for, half_blocks
from argus_tui.rendering.row import Row, Run, indented, row_of
from argus_tui.rendering.wrapping import wrap

Keys = Sequence[tuple[str, str]]
"""Pairs of a key or command and what it does."""

_CONTINUE: Keys = (("/continue", "from here"), ("/retry", "from the start"))
_RETRY: Keys = (("/retry", "from the start"),)
_ENDINGS = {"cancelled": "stopped by you", "interrupted": "cut off"}
_MOST_HINT_ROWS = 2
_CAPTION_LEAST = 16
"""Cells to the right of a picture from which its name stands there."""


@dataclass(frozen=True, slots=True)
class Thinking:
    """What the label says of the model's thinking."""

    seconds: float = 0.0
    running: str = ""
    """The frame of the spinner while no word of the answer has come; empty otherwise."""
    has_text: bool = False
    unfolded: bool = False


def author(message: Message) -> str:
    """Return who speaks, in one word: `you`, `gemini`, or the family of another model."""
    if message.role == "user":
        return "you"
    return format.clip(clean_line(message.model or "gemini").split("-")[0] or "gemini", 24)


def label(message: Message, thinking: Thinking, settings: Settings) -> Row:
    """Return `gemini · 14:02 · stopped by you   ▸ thought for 3 s`."""
    inks, muted = settings.inks, settings.inks.style("muted")
    name = inks.style("accent" if message.role == "user" else "text")
    runs: list[Run] = [(author(message), name), (f" · {format.clock(message.created_at)}", muted)]
    if ending := _ending(message):
        runs.append((f" · {ending}", muted))
    return _clipped([*runs, *_thinking_runs(thinking, settings)], settings.width)


def _ending(message: Message) -> str:
    """Return how an answer ended that is not whole; empty for all others."""
    return "cut at the length limit" if message.truncated else _ENDINGS.get(message.status, "")


def _thinking_runs(thinking: Thinking, settings: Settings) -> list[Run]:
    glyphs, muted = settings.glyphs, settings.inks.style("muted")
    if thinking.running:
        verb = "thinking " if thinking.has_text else ""
        waited = f" {verb}{int(thinking.seconds)} s" if thinking.has_text or thinking.seconds >= 1 else ""
        return [("   ", muted), (thinking.running, settings.inks.style("accent")), (waited, muted)]
    if not thinking.has_text:
        return []
    sign = glyphs.unfolded if thinking.unfolded else glyphs.folded
    length = f" for {format.duration(thinking.seconds)}" if thinking.seconds > 0 else ""
    return [("   ", muted), (f"{sign} thought{length}", muted)]


def thought_seconds(message: Message) -> float:
    """Return how long the model thought."""
    return max((part.duration_s for part in message.parts if isinstance(part, ThoughtPart)), default=0.0)


def thoughts(text: str, settings: Settings) -> list[Row]:
    """Return the thinking as muted text behind a bar, indented by 2."""
    inner = replace(settings, width=max(8, settings.width - 4))
    rows = wrap([(clean(text).strip(), settings.inks.style("muted"))], inner.width)
    lead = [Segment(f"  {settings.glyphs.quote} ", settings.inks.style("rule"))]
    return indented(rows, lead, lead, 4)


def keys_row(keys: Keys, settings: Settings, *, raised: bool = False) -> Row:
    """Return keys in text, what they do in muted, three spaces between."""
    ground: Ground = "raised" if raised else "ground"
    key, does = settings.inks(Look("text", ground)), settings.inks(Look("muted", ground))
    runs: list[Run] = []
    for name, meaning in keys:
        runs += [("   " if runs else "", does), (name, key), (f" {meaning}", does)]
    return _clipped(runs, settings.width)


def notes(message: Message, settings: Settings) -> list[Row]:
    """Return what can be done with an answer that is not whole, though without a problem."""
    if not _ending(message):
        return []
    return [keys_row(_CONTINUE if message.text else _RETRY, settings)]


def card(problem: Problem, keys: Keys, note: str, settings: Settings) -> list[Row]:
    """Return what went wrong as a card of at most four rows, on raised ground; the caller draws its bar."""
    inks, inner = settings.inks, replace(settings, width=max(8, settings.width - 4))
    fill, muted = inks.style(ground="raised"), inks.style("muted", "raised")
    title = _sentence(clean_line(problem.title))
    room = settings.width - 3
    head: list[Run] = [
        ("!", inks.style("warn", "raised")),
        (" ", fill),
        (format.clip(title, room), inks.style(ground="raised", bold=True)),
    ]
    gap = room - cell_len(title) - cell_len(note)
    if note and gap >= 2:
        head += [(" " * gap, fill), (clean_line(note), muted)]
    rows = [row_of(head, fill=fill)]
    hint = clean_line(problem.hint)
    hints = wrap([(hint, fill)], inner.width)[:_MOST_HINT_ROWS] if hint else []
    commands = [keys_row(keys, inner, raised=True)] if keys else []
    lead = [Segment("  ", fill)]
    rows += indented([*hints, *commands], lead, lead, 2)
    for row in rows:
        row.fill = fill
    return rows


def keys_for(message: Message) -> Keys:
    """Return what can be done with an answer that failed."""
    return _CONTINUE if message.text else _RETRY


def picture(
    attachment: Attachment, pixels: Picture | str | None, settings: Settings, most_rows: int, *, only_256: bool = False
) -> list[Row]:
    """Return a picture with its name and size at the lower right; its rows are reserved before its pixels are there.

    With no rows at all only the name and the size are returned; with a text in place of pixels, the name and that text.
    """
    caption = _caption(attachment, settings)
    if isinstance(pixels, str):
        return [_clipped([*caption[0], (pixels, settings.inks.style("muted"))], settings.width)]
    if not attachment.media_type.startswith("image/") or not most_rows:
        return [row_of([*caption[0], *caption[1]])]
    most_columns = min(MOST_COLUMNS, settings.width)
    columns, height = cells_for(attachment.width, attachment.height, most_columns, max(2, most_rows))
    if pixels is None:
        empty = settings.inks.style(ground="raised")
        rows = [Row([Segment(" " * columns, empty)], columns) for _ in range(height)]
    else:
        rows = half_blocks(pixels, columns, height, settings.glyphs, only_256=only_256)
    room = settings.width - columns - 2
    if room < _CAPTION_LEAST or height < 2:
        return [*rows, _clipped([*caption[0], *caption[1]], settings.width)]
    gap = Segment("  ", settings.inks.style())
    for row, runs in zip(rows[-2:], caption, strict=True):
        beside = _clipped(runs, room)
        row.segments += [gap, *beside.segments]
        row.cells += 2 + beside.cells
    return rows


def _caption(attachment: Attachment, settings: Settings) -> tuple[list[Run], list[Run]]:
    inks, times = settings.inks, settings.glyphs.times
    shape = f" · {attachment.width} {times} {attachment.height}" if attachment.width and attachment.height else ""
    name: list[Run] = [
        (f"{settings.glyphs.picture} ", inks.style("accent")),
        (f"{clean_line(attachment.name) or 'picture'}  ", inks.style()),
    ]
    return name, [(format.size(attachment.size_bytes) + shape, inks.style("muted"))]


def sources(message: Message, settings: Settings) -> list[Row]:
    """Return the pages an answer is grounded on, one line each."""
    rows: list[Row] = []
    inks = settings.inks
    for part in message.parts:
        if isinstance(part, SourcePart):
            url = clean_line(part.url)
            title = clean_line(part.title)
            text: list[Run] = [(title, inks.style())] if title else []
            where = (f" ({url})" if title else url, inks.style("muted"))
            rows.append(_clipped([(f"{settings.glyphs.bullet} ", inks.style("muted")), *text, where], settings.width))
    return rows


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def _clipped(runs: Sequence[Run], width: int) -> Row:
    """Return one row of the runs, cut at `width`."""
    kept: list[Run] = []
    for text, style in runs:
        clipped = format.clip(text, width) if cell_len(text) > width else text
        kept.append((clipped, style))
        width -= cell_len(clipped)
        if clipped != text or width <= 0:
            break
    return row_of(kept)
