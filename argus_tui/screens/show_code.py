"""A code that is shown this once: an invite, or what sets a new password."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content

from argus_core.domain import NewInvite
from argus_core.text.clean import clean_line
from argus_tui import format as fmt
from argus_tui.screens.overlay import Overlay, overlay_keys
from argus_tui.widgets.ink import MUTED
from argus_tui.widgets.words import Words


class ShowCode(Overlay[None]):
    """Shows the code until it is closed; it is kept nowhere."""

    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+y,c", "copy", "Copy", id="code.copy", tooltip="Copy the code", show=False)
    ]

    def __init__(self, heading: str, how: str, made: NewInvite) -> None:
        """`how`: what its owner does with it, in a sentence."""
        super().__init__()
        self._heading, self._how, self._made = heading, how, made
        self._note = Words(Content.styled(self._until(), MUTED), id="note")

    def compose(self) -> ComposeResult:
        with Vertical(classes="overlay", id="code"):
            yield Words(Content.styled(clean_line(self._heading), "bold"))
            yield Words(Content(clean_line(self._how)), id="how")
            with Vertical(classes="field"):
                yield Words(Content.styled(clean_line(self._made.code), "bold"), id="shown")
            yield self._note
            yield overlay_keys((("^y", "copy"),), ("esc", "done"))

    def _until(self) -> str:
        return f"It is shown this once and is good until {fmt.day(self._made.invite.expires_at)}."

    def action_copy(self) -> None:
        """Put the code into the clipboard of the terminal."""
        self.app.copy_to_clipboard(self._made.code)
        self._note.content = Content.styled(f"Copied. {self._until()}", MUTED)
