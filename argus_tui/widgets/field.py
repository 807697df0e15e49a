"""One line to type in: what Textual's input does not do by itself."""

from __future__ import annotations

from textual import events
from textual.binding import Binding
from textual.widgets import Input

from argus_core.text.clean import clean_line

JOINERS = frozenset("\u200c\u200d\u200e\u200f")
"""Half-space and its kin: Persian needs them, and Textual drops them as not printable."""

_EDITING = frozenset(binding.action for binding in Binding.make_bindings(Input.BINDINGS))


class Field(Input):
    """An input of one row and no frame: takes the Persian half-space, and pastes of several lines as one clean line."""

    DEFAULT_CSS = """
    Field, Field:focus { width: 1fr; height: 1; border: none; padding: 0; background-tint: transparent; }
    """

    def on_mount(self) -> None:
        self.cursor_blink = False  # nothing blinks

    async def _on_key(self, event: events.Key) -> None:
        """Take the joiners, and the keys that edit; Textual calls the input's own handler next.

        The keys that edit are bindings, which would come back from the app after the next keys of a burst. Others, such
        as up and down, are those of whatever the field stands in.
        """
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if binding.action in _EDITING and await self.app.run_action(binding.action, self):
                event.stop()
                event.prevent_default()
                return
        if event.character is not None and event.character in JOINERS:
            event.stop()
            event.prevent_default()
            self.insert_text_at_cursor(event.character)

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()  # else the input's own handler would paste it again
        self.replace(clean_line(event.text), *sorted(self.selection))

    def action_paste(self) -> None:
        """Paste what was copied in the program, as one clean line too."""
        self.replace(clean_line(self.app.clipboard), *sorted(self.selection))
