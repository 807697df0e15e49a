"""An empty Textual program, to its first paint."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Static


class Hello(App[None]):
    """One line of text."""

    def compose(self) -> ComposeResult:
        yield Static("HELLOREADY")


if __name__ == "__main__":
    Hello().run()
