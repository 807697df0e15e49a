"""Some sentences in the width there is."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive

from argus_tui.widgets.ink import Drawn


class Words(Drawn):
    """Text that is wrapped, and as high as it needs to be."""

    DEFAULT_CSS = "Words { height: auto; }"

    content: reactive[Content] = reactive(Content.empty(), layout=True)

    def __init__(self, content: Content | None = None, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.set_reactive(Words.content, content or Content.empty())

    def get_content_width(self, container: Size, viewport: Size) -> int:
        return min(self.content.cell_length, container.width)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self.lines(width))

    def lines(self, width: int) -> Sequence[Content]:
        return self.content.wrap(max(1, width)) if self.content else ()

    def watch_content(self) -> None:
        # Textual may lay out between two changes and keep that height for the second one: ask once more.
        self.call_after_refresh(self.refresh, layout=True)
