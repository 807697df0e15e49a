"""The question before something that cannot be undone. Nothing else asks."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content

from argus_core.text.clean import clean, clean_line
from argus_tui.screens.overlay import Overlay, overlay_keys
from argus_tui.widgets.ink import WARN
from argus_tui.widgets.words import Words


class Confirm(Overlay[bool]):
    """Returns True only for `y`; the focus is on nothing, so that no enter says yes by accident."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "yes", "Yes", id="confirm.yes", tooltip="Do it", show=False),
        Binding("n", "close", "No", id="confirm.no", tooltip="Leave it as it is", show=False),
    ]
    AUTO_FOCUS = ""

    def __init__(self, question: str, about: str = "", *, yes: str = "go on", no: str = "keep") -> None:
        """`yes` and `no` are the words beside the keys."""
        super().__init__()
        self._question, self._about = question, about
        self._yes, self._no = yes, no

    def compose(self) -> ComposeResult:
        with Vertical(classes="overlay", id="confirm"):
            yield Words(Content.assemble(("! ", WARN), (clean_line(self._question), "bold")))
            yield Words(Content(clean(self._about)), classes="indented")
            yield overlay_keys((("y", self._yes),), ("esc", self._no))

    def action_yes(self) -> None:
        """Do it."""
        self.dismiss(True)

    def action_close(self) -> None:
        """Leave it as it is."""
        self.dismiss(False)
