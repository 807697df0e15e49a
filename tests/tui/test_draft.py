"""What keeps a draft: one save at a time."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from argus_tui.options import AppOptions
from argus_tui.screens.draft import Draft
from argus_tui.widgets.composer import Composer


class SlowStore:
    """A client that keeps drafts, each only when it is allowed to."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.may_keep = asyncio.Event()
        self.conversations = self

    async def save_draft(self, conversation_id: str, text: str) -> None:
        await self.may_keep.wait()
        self.kept.append(text)


async def test_a_text_that_was_cleared_while_it_was_being_kept_does_not_stay() -> None:
    store, composer = SlowStore(), SimpleNamespace(draft="")

    async def client() -> Any:
        return store

    draft = Draft(cast(Composer, composer), client, cast(AppOptions, None))
    draft.show("", "conversation")
    composer.draft = "Half a question"
    first = asyncio.create_task(draft.save("conversation"))
    await asyncio.sleep(0)
    composer.draft = ""
    second = asyncio.create_task(draft.save("conversation"))
    await asyncio.sleep(0)
    store.may_keep.set()
    await asyncio.gather(first, second)
    assert store.kept == ["Half a question", ""]
