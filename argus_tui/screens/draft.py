"""What is written and not yet sent: the text, kept per conversation, and the pictures that go with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from argus_core.client.base import ChatClient
from argus_core.errors import ArgusError, InvalidInput
from argus_core.ids import new_id
from argus_tui.commands import is_worth_keeping
from argus_tui.widgets.chips import AttachmentChip
from argus_tui.widgets.composer import Composer

if TYPE_CHECKING:
    from argus_tui.options import AppOptions

NEW_DRAFT = "draft"
"""The preference that keeps what was written for a conversation that does not exist yet."""


class Draft:
    """The composer's content, and where it is kept."""

    def __init__(self, composer: Composer, client: Callable[[], Awaitable[ChatClient]], options: AppOptions) -> None:
        self._composer = composer
        self._client = client
        self._options = options
        self._attached: dict[str, str] = {}
        """Attachment ids by the id of their chip, in the order in which they were checked."""
        self._saved = ""
        self._saved_for: str | None = None
        """The conversation it was kept for; None for one that does not exist yet."""

    @property
    def is_new(self) -> bool:
        """Whether something is written that is not what was kept."""
        return self._composer.draft != self._saved

    def attachment_ids(self) -> Sequence[str]:
        """Return what goes with the question, in the order of the chips.

        Raises:
            InvalidInput: One is still being checked.
        """
        chips = [chip for chip in self._composer.chips if not chip.refused]
        if any(chip.checking for chip in chips):
            raise InvalidInput("Send again in a moment.", title="A picture is still being read")
        return [self._attached[chip.attachment_id] for chip in chips]

    async def attach(self, path: Path) -> None:
        """Read, check and keep a picture; its chip says how it went."""
        chip = AttachmentChip(new_id(), path.name, checking=True)
        self._composer.add_chip(chip)
        client = await self._client()
        try:
            data = await asyncio.to_thread(self._options.read_attachment, path, self._options.attach_root)
            attachment = await client.attachments.add(path.name, data)
        except ArgusError as error:
            chip.checking = False
            chip.refused = error.hint or error.title
            return
        self._attached[chip.attachment_id] = attachment.id
        chip.size_bytes = attachment.size_bytes
        chip.checking = False

    def forget(self) -> None:
        """Put everything away: whoever comes next is somebody else."""
        self._attached.clear()
        self._composer.clear_chips()
        self.show("", None)

    def drop(self, chip_id: str) -> None:
        """Take a picture out of the draft."""
        self._attached.pop(chip_id, None)
        self._composer.remove_chip(chip_id)

    def let_go(self, attachment_ids: Sequence[str]) -> None:
        """Take pictures out of the draft that were sent with another question."""
        for chip_id in [chip for chip, attachment_id in self._attached.items() if attachment_id in attachment_ids]:
            self.drop(chip_id)

    async def sent(self, conversation_id: str | None) -> None:
        """Forget what was sent."""
        self._attached.clear()
        self._composer.clear_chips()
        await self.save(conversation_id)

    async def save(self, conversation_id: str | None) -> None:
        """Keep the text if it is another than the one that was kept last."""
        text = self._composer.draft if is_worth_keeping(self._composer.draft) else ""
        if (text, conversation_id) == (self._saved, self._saved_for):
            return
        client = await self._client()
        if conversation_id is None:
            await client.account.set_preference(NEW_DRAFT, text or None)
        else:
            await client.conversations.save_draft(conversation_id, text)
            if self._saved_for is None:  # it was new until now
                await client.account.set_preference(NEW_DRAFT, None)
        self._saved, self._saved_for = text, conversation_id

    async def kept_for_new(self) -> str:
        """Return the text that was kept for a conversation that does not exist yet."""
        client = await self._client()
        return await client.account.get_preference(NEW_DRAFT) or ""

    def show(self, kept: str, conversation_id: str | None, *, keep_typed: bool = False) -> None:
        """Put the text that was kept into the composer; with `keep_typed` only if nothing is written there."""
        self._saved, self._saved_for = kept, conversation_id
        if not (keep_typed and self._composer.draft):
            self._composer.draft = kept
