"""Asking for a Gemini key in place, trying it and keeping it."""

from __future__ import annotations

from textual import on

from argus_core.errors import ArgusError
from argus_tui.screens.chat_commands import ChatCommands
from argus_tui.widgets.key_card import KeyCard


class KeyEntry(ChatCommands):
    """What the main screen does with its key card."""

    def offer_key(self, key: str) -> None:
        """Open the card with a key that was sent as if it were a question."""
        self.query_one(KeyCard).offer(key)
        self.action_key()
        self.say("That is a Gemini key, so it was not sent. Press enter to try it.")

    @on(KeyCard.OfflineWanted)
    def _use_offline(self) -> None:
        self.remove_class("-key")
        self.do(lambda: self.refresh_readiness(), "key")
        self.composer.focus()

    @on(KeyCard.Left)
    def _left_key_card(self) -> None:
        self.remove_class("-key")
        self.show_state()
        self.composer.focus()

    @on(KeyCard.KeySubmitted)
    def _key_submitted(self, event: KeyCard.KeySubmitted) -> None:
        self.do(lambda: self._try_key(event.key), "key", exclusive=True)

    async def _try_key(self, key: str) -> None:
        """Try a key by listing the models; keep it if it works, say why not if it does not."""
        card = self.query_one(KeyCard)
        card.trying, card.refused = True, ""
        client = await self.client()
        try:
            await client.models.try_key(key)
            where = await client.models.keep_key(key)
        except ArgusError as error:
            card.trying, card.refused = False, f"{error.title}. {error.hint}"
            return
        card.reset()
        self.remove_class("-key")
        await self.refresh_readiness()
        self.say(f"The key works; it is kept in {where}.")
        self.composer.focus()
