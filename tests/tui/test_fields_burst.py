"""A field takes the keys of a burst in their order."""

from __future__ import annotations

from textual import events
from textual.app import App, ComposeResult

from argus_tui.widgets.field import Field


class OneField(App[None]):
    def compose(self) -> ComposeResult:
        yield Field("old words")


async def test_keys_that_edit_come_before_what_is_typed_behind_them() -> None:
    app = OneField()
    async with app.run_test() as pilot:
        field = app.query_one(Field)
        field.focus()
        for key, character in (
            ("ctrl+u", "\x15"),
            ("n", "n"),
            ("o", "o"),
            ("left", None),
            ("x", "x"),
            ("end", None),
            ("!", "!"),
        ):
            app.post_message(events.Key(key, character))
        await pilot.pause()
        assert field.value == "nxo!"
