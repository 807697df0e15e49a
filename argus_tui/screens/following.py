"""Following what others do: changes to conversations, who else is here, and catching up when the line was away."""

from __future__ import annotations

import asyncio

from textual import work

from argus_core.domain import ConversationRow
from argus_core.errors import ArgusError, NotAuthenticated, NotFound, ServerUnreachable
from argus_tui.screens.chat_state import ChatState

CHANGES_AGAIN_S = 5.0


class Following(ChatState):
    """Keeps the main screen true to what happens elsewhere."""

    def watch_soon(self, generation_id: str) -> None:
        """Watch an answer instead of the one that is watched."""
        raise NotImplementedError

    @work(group="changes")
    async def _watch_changes(self) -> None:
        """Show within a second what this or another program changed; a store that is away is asked again."""
        client = await self.client()
        while True:
            try:
                async for conversation in client.conversations.changes():
                    self.conversations.take(conversation)
                    self._spin_if_needed()
                    if conversation.id == self.talk.conversation_id:
                        await self._take_change(conversation)
            except NotAuthenticated as error:
                self.tell(error)
                return
            except ServerUnreachable:
                pass  # the status line says so
            except ArgusError as error:
                self.tell(error)
            await asyncio.sleep(CHANGES_AGAIN_S)

    async def _take_change(self, conversation: ConversationRow) -> None:
        if conversation.deleted_at is not None:
            if conversation.id not in self._deleted:
                await self._leave_gone()
            return
        running = await self.talk.take_change(conversation)
        if running and running != self.talk.generation_id:
            self.watch_soon(running)

    # Company and line

    def show_state(self) -> None:
        super().show_state()
        if self.user is not None and not self.is_outside and self.is_running:
            self._tell_company()

    def _tell_company(self) -> None:
        """Tell the user's other terminals what is open here, if they do not know."""
        if self.company.has_news(self.talk.conversation_id):
            self.do(lambda: self.company.tell(self.talk.conversation_id), "look")

    def _keep_company(self) -> None:
        self.do(self.company.follow_line, "line")
        self.do(self.company.follow_watchers, "watchers")

    def _line_is_back(self) -> None:
        self.do(self._catch_up, "catch-up", exclusive=True)

    async def _catch_up(self) -> None:
        """Show what changed while the line was away."""
        self.transcript.want_missing_pictures()
        await self.conversations.reload()
        await self._look_again()

    async def _look_again(self) -> None:
        """Show the open conversation as it is now, and watch its answer if nobody does."""
        if self.talk.conversation_id is None:
            return
        try:
            running = await self._seen_again(self.talk.conversation_id)
        except NotFound:
            await self._leave_gone()
            return
        if running and running != self.talk.generation_id:
            self.watch_soon(running)

    async def _leave_gone(self) -> None:
        """Show an empty place: the open conversation was deleted elsewhere; what was typed in it stays."""
        self.workers.cancel_group(self, "watch")
        self.talk.start_new()
        self.draft.show(await self.draft.kept_for_new(), None, keep_typed=True)

    async def _seen_again(self, conversation_id: str) -> str | None:
        """Show what changed in the open conversation; return the generation to watch, if one runs."""
        is_watching = any(one.group == "watch" and one.is_running and one.node is self for one in self.workers)
        if self.talk.last is not None and self.talk.last.status == "running" and not is_watching:
            self.talk.stop_watching()
            return await self.talk.look_again()
        client = await self.client()
        return await self.talk.take_change(await client.conversations.get(conversation_id))
