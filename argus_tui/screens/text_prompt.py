"""A small overlay to type into: another title, a system instruction."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input

from argus_core.text.clean import clean, clean_line
from argus_tui.screens.overlay import Overlay, overlay_keys
from argus_tui.widgets.field import Field
from argus_tui.widgets.ink import MUTED, WARN
from argus_tui.widgets.prompt import Prompt
from argus_tui.widgets.words import Words


class TextPrompt(Overlay[str | None]):
    """Returns the text, cleaned, or None when it was left as it is."""

    def __init__(
        self,
        heading: str,
        value: str = "",
        *,
        about: str = "",
        multiline: bool = False,
        required: bool = False,
        limit: int = 0,
    ) -> None:
        """`required`: empty is not taken. `limit`: most characters, 0 for any number."""
        super().__init__()
        self._heading, self._value, self._about = heading, value, about
        self._multiline, self._required, self._limit = multiline, required, limit

    def compose(self) -> ComposeResult:
        with Vertical(classes="overlay", id="prompt"):
            yield Words(Content.styled(clean_line(self._heading), "bold"))
            yield Words(Content.styled(clean(self._about), MUTED), id="about")
            with Vertical(classes="field"):
                if self._multiline:
                    yield Prompt()
                else:
                    yield Field(clean_line(self._value), select_on_focus=False)
            hints = [("enter", "keep"), ("ctrl+j", "new line")] if self._multiline else [("enter", "keep")]
            yield overlay_keys(hints, ("esc", "leave it"))

    def on_mount(self) -> None:
        for prompt in self.query(Prompt):
            prompt.draft = self._value

    @on(Prompt.Sent)
    def _sent(self, event: Prompt.Sent) -> None:
        event.stop()
        self._keep(clean(event.text).strip())

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._keep(clean_line(event.value))

    def _keep(self, text: str) -> None:
        if self._required and not text:
            self._refuse("It cannot be empty.")
        elif self._limit and len(text) > self._limit:
            self._refuse(f"That is {len(text):,} characters; {self._limit:,} are the most.")
        else:
            self.dismiss(text)

    def _refuse(self, why: str) -> None:
        self.query_one("#about", Words).content = Content.assemble(("! ", WARN), why)
