"""Who else is open on this account, and whether the line to the server holds; followed in workers after the start."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing

from argus_core.client.base import ChatClient, Connection
from argus_core.domain import Watcher
from argus_core.errors import ArgusError, NotAuthenticated
from argus_core.text.clean import clean_line

AGAIN_S = 5.0
OFFLINE = "offline: trying again · what you read is kept"


class Company:
    """Says how things are now; `changed` is called after each change, `back` when the line holds again."""

    def __init__(
        self, client: Callable[[], Awaitable[ChatClient]], changed: Callable[[], None], back: Callable[[], None]
    ) -> None:
        self._client = client
        self._changed = changed
        self._back = back
        self._told: tuple[str | None] | None = None
        """What the others were told that is open here; None before the first time."""
        self.connection: Connection = "connected"
        self.watchers: Sequence[Watcher] = ()

    @property
    def is_offline(self) -> bool:
        """Whether the server cannot be reached now."""
        return self.connection == "offline"

    def forget(self) -> None:
        """Begin anew, as somebody else or with another client."""
        self._told, self.connection, self.watchers = None, "connected", ()

    def also_here(self, conversation_id: str | None) -> str:
        """Return who else has this conversation open: `also open on laptop`; empty when nobody has."""
        names = [place_of(one) for one in self.watchers if conversation_id and one.conversation_id == conversation_id]
        if not names:
            return ""
        return f"also open on {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")

    async def follow_line(self) -> None:
        """Follow the line until the client is closed."""
        client = await self._client()
        async with aclosing(client.connections()) as states:
            async for state in states:
                is_back = self.is_offline and state == "connected"
                self.connection = state
                self._told = None if is_back else self._told
                self._changed()
                if is_back:
                    self._back()

    async def follow_watchers(self) -> None:
        """Follow who else is there; what goes wrong is tried again, and is worth no words."""
        client = await self._client()
        while True:
            try:
                async with aclosing(client.account.watchers()) as company:
                    async for self.watchers in company:
                        self._changed()
                return
            except NotAuthenticated:
                raise
            except ArgusError:
                await asyncio.sleep(AGAIN_S)

    def has_news(self, conversation_id: str | None) -> bool:
        """Tell whether the others do not know yet that this is open here."""
        return self._told != (conversation_id,) and not self.is_offline

    async def tell(self, conversation_id: str | None) -> None:
        """Tell the others what is open here, once for each change; not being able to is worth no words."""
        if not self.has_news(conversation_id):
            return
        self._told = (conversation_id,)
        client = await self._client()
        try:
            await client.account.look_at(conversation_id)
        except NotAuthenticated:
            raise
        except ArgusError:
            self._told = None


def place_of(watcher: Watcher) -> str:
    """Return where the other client runs, without the name of the program."""
    return clean_line(watcher.client.removeprefix("argus on "), 30) or "another terminal"
