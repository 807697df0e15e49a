"""What is written and not yet sent: the text, kept per conversation, and the pictures that go with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
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
        self._saving = asyncio.Lock()
        """One save at a time: a later text must not be overtaken by an earlier one."""

    @property
    def is_new(self) -> bool:
        """Whether something is written that is not what was kept."""
        return self._composer.draft != self._saved

    def attached(self) -> dict[str, str]:
        """Return what goes with the question: the ids of attachments by those of their chips, in the chips' order.

        Raises:
            InvalidInput: One is still being checked, or was refused: a question about it makes no sense without it.
        """
        for chip in self._composer.chips:
            if chip.refused:
                raise InvalidInput(
                    f"{chip.refused} Remove it with backspace at the start of the text, then send again.",
                    title=f"{chip.file_name} cannot be attached",
                )
            if chip.checking:
                raise InvalidInput("Send again in a moment.", title=f"{chip.file_name} is still being read")
        return {chip.attachment_id: self._attached[chip.attachment_id] for chip in self._composer.chips}

    async def attach(self, path: Path) -> None:
        """Read, check and keep a picture; its chip says how it went."""
        chip = AttachmentChip(new_id(), path.name, checking=True)
        self._composer.add_chip(chip)
        refused = "It could not be read."
        try:
            client = await self._client()
            data = await asyncio.to_thread(self._options.read_attachment, path, self._options.attach_root)
            attachment = await client.attachments.add(path.name, data)
        except ArgusError as error:
            refused = error.hint or error.title
        else:
            refused = ""
            self._attached[chip.attachment_id] = attachment.id
            chip.size_bytes = attachment.size_bytes
        finally:
            chip.refused = refused
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

    async def sent(self, conversation_id: str | None, chip_ids: Iterable[str]) -> None:
        """Forget what was sent; what was attached meanwhile stays for the next question."""
        for chip_id in chip_ids:
            self.drop(chip_id)
        await self.save(conversation_id)

    async def save(self, conversation_id: str | None) -> None:
        """Keep the text if it is another than the one that was kept last."""
        text = self._composer.draft if is_worth_keeping(self._composer.draft) else ""
        async with self._saving:
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
