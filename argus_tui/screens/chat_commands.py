"""What a person can do on the main screen: one action each, for keys, slash commands and the palette alike."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text
from textual.screen import Screen

from argus_core.client.base import ChatClient
from argus_core.errors import ArgusError, NotAuthenticated
from argus_core.text.clean import clean_line
from argus_tui.commands import BY_SLASH, Command, closest
from argus_tui.screens.countdown import not_sent
from argus_tui.widgets.pasting import named_file

if TYPE_CHECKING:
    from textual.worker import Worker

    from argus_core.client.later import Later
    from argus_tui.options import AppOptions
    from argus_tui.screens.conversation_list import ConversationList
    from argus_tui.screens.draft import Draft
    from argus_tui.screens.talk import Talk
    from argus_tui.widgets.composer import Composer
    from argus_tui.widgets.sidebar import Sidebar
    from argus_tui.widgets.transcript import Transcript

QUIT_WAIT_S = 600.0
THEME_PREFERENCE = "theme"


class ChatCommands(Screen[None]):
    """The actions of the main screen, over what `ChatScreen` sets up."""

    client: Callable[[], Awaitable[ChatClient]]
    options: AppOptions
    transcript: Transcript
    composer: Composer
    sidebar: Sidebar
    conversations: ConversationList
    talk: Talk
    draft: Draft
    later: Later

    def __init__(self) -> None:
        super().__init__()
        self._deleted: list[str] = []
        """Conversations deleted here, the last one at the end: `/undo` brings them back."""
        self._quitting = False
        self._last_words = ""
        """What is said when the screen is gone."""

    # What the commands are made of

    def tell(self, error: ArgusError) -> None:
        """Say in one sentence what went wrong, beside what one reads and not over it."""
        hint = clean_line(error.hint) or "Nothing was lost."
        self.notify(hint, title=clean_line(error.title), severity="warning", markup=False)

    def say(self, words: str) -> None:
        """Say something in passing."""
        self.notify(clean_line(words), markup=False, timeout=4)

    def do(self, wanted: Callable[[], Awaitable[None]], group: str, *, exclusive: bool = False) -> Worker[None]:
        """Run something that waits; what it refuses is told in words.

        With `exclusive` it ends what runs in its group, which may not even have begun.
        """
        return self.run_worker(partial(self._told, wanted), group=group, exclusive=exclusive)

    async def _told(self, wanted: Callable[[], Awaitable[None]]) -> None:
        try:
            await wanted()
        except ArgusError as error:
            self.tell(error)

    def open_soon(self, conversation_id: str | None) -> None:
        """Open a conversation; the last one asked for wins."""
        raise NotImplementedError

    def show_state(self) -> None:
        """Bring the screen in line with what is open."""
        raise NotImplementedError

    def again(self, *, go_on: bool) -> None:
        """Answer the last question again, or go on from the last answer."""
        raise NotImplementedError

    def leave_answer(self) -> None:
        """Leave an answer that was asked for here: should it be refused for a while, it is asked for again."""
        raise NotImplementedError

    def offered(self) -> Sequence[Command]:
        """Return the commands that the palette, the help and the composer offer."""
        raise NotImplementedError

    def run_slash(self, name: str, argument: str) -> bool:
        """Run `/name argument`; False when there is no such command."""
        command = BY_SLASH.get(name)
        if command is None:
            near = closest(name)
            self.say(f"There is no command /{name}. " + (f"Did you mean /{near}?" if near else "/help lists them."))
            return False
        action = getattr(self, f"action_{command.action}")
        if command.argument:
            action(argument)
        else:
            action()
        return True

    def action_palette(self) -> None:
        self.do(lambda: self._palette(), "modal")

    async def _palette(self) -> None:
        from argus_tui.screens.choose import Choice, Choose

        choices = [
            Choice(
                command.action, command.about[0].upper() + command.about[1:], "   ".join((command.usage, command.key))
            )
            for command in self.offered()
            if command.action != "palette"
        ]
        wanted = await self.app.push_screen_wait(Choose("type to find a command", choices))
        if wanted is not None:
            getattr(self, f"action_{wanted}")()

    # Conversations

    def action_new(self) -> None:
        self.do(lambda: self._new(), "open", exclusive=True)

    async def _new(self) -> None:
        await self.draft.save(self.talk.conversation_id)
        await self._show_new()

    async def _show_new(self) -> None:
        kept = await self.draft.kept_for_new()
        self.leave_answer()
        self.workers.cancel_group(self, "watch")
        self.talk.start_new()
        self.draft.show(kept, None)
        self.composer.focus()

    def action_jump(self) -> None:
        self.do(lambda: self._jump(), "modal")

    def action_find(self, words: str = "") -> None:
        self.do(lambda: self._jump(words, only_messages=True), "modal")

    async def _jump(self, words: str = "", *, only_messages: bool = False) -> None:
        from argus_tui.screens.switcher import Switcher

        client = await self.client()
        self.open_soon(await self.app.push_screen_wait(Switcher(client, only_messages=only_messages, query=words)))

    def action_next(self) -> None:
        self.do(lambda: self._step(1), "step")

    def action_previous(self) -> None:
        self.do(lambda: self._step(-1), "step")

    async def _step(self, step: int) -> None:
        self.open_soon(await self.conversations.neighbour(self.talk.conversation_id, step))

    def action_open_number(self, number: int) -> None:
        self.open_soon(self.conversations.at(number))

    def action_select(self, argument: str = "") -> None:
        wanted = self.conversations.at(int(argument)) if argument.isdigit() else None
        if wanted is not None:
            self.open_soon(wanted)
        elif argument:
            self.say(f"There is no conversation number {argument}: the list has {len(self.conversations.rows)}.")
        else:
            self.action_jump()

    def action_rename(self, argument: str = "", conversation_id: str | None = None) -> None:
        self.do(lambda: self._rename(argument, conversation_id or self.talk.conversation_id), "modal")

    async def _rename(self, title: str, conversation_id: str | None) -> None:
        client = await self.client()
        if conversation_id is None:
            self.say("A new conversation gets its name with the first question.")
            return
        if not title:
            from argus_tui.screens.text_prompt import TextPrompt

            before = (await client.conversations.get(conversation_id)).title
            typed = await self.app.push_screen_wait(TextPrompt("Rename this conversation", before, required=True))
            title = typed or ""
        if title:
            await client.conversations.rename(conversation_id, title)

    def action_pin(self, conversation_id: str | None = None) -> None:
        self.do(lambda: self._pin(conversation_id or self.talk.conversation_id), "do")

    async def _pin(self, conversation_id: str | None) -> None:
        if conversation_id is not None:
            client = await self.client()
            pinned = (await client.conversations.get(conversation_id)).pinned
            await client.conversations.pin(conversation_id, not pinned)

    def action_delete(self, conversation_id: str | None = None) -> None:
        self.do(lambda: self._delete(conversation_id or self.talk.conversation_id), "do")

    async def _delete(self, conversation_id: str | None) -> None:
        if conversation_id is None:
            self.say("There is nothing to delete here yet.")
            return
        client = await self.client()
        if conversation_id == self.talk.conversation_id:
            await self.draft.save(conversation_id)  # a deleted conversation takes none, and /undo brings it back
        near = self.conversations.neighbour
        neighbour = await near(conversation_id, 1) or await near(conversation_id, -1)
        self._deleted.append(conversation_id)  # before its change comes, which then is known to be ours
        try:
            await client.conversations.delete(conversation_id)
        except ArgusError:
            self._deleted.remove(conversation_id)
            raise
        if conversation_id == self.talk.conversation_id:
            self.later.drop(conversation_id)
            await self._show_new()
            self.open_soon(neighbour)
        self.say("Deleted. /undo brings it back, for 30 days.")

    def action_undo(self) -> None:
        self.do(lambda: self._undo(), "do")

    async def _undo(self) -> None:
        client = await self.client()
        if self._deleted:
            conversation = await client.conversations.restore(self._deleted.pop())
            self.open_soon(conversation.id)
            return
        if self.talk.conversation_id is None:
            self.say("There is nothing to undo here.")
            return
        self.later.drop(self.talk.conversation_id)
        last_question = await self.talk.undo()
        if not self.composer.draft:
            self.composer.draft = last_question

    # The answer

    def action_stop(self) -> None:
        if self.later.drop(self.talk.conversation_id) is not None:
            return
        if self.talk.generation_id is not None:
            self.do(lambda: self._stop(), "stop")
        else:
            self.remove_class("-sidebar")
            self.composer.focus()

    async def _stop(self) -> None:
        await self.talk.stop()

    def action_retry(self) -> None:
        self.again(go_on=False)

    def action_continue(self) -> None:
        self.again(go_on=True)

    def action_thoughts(self) -> None:
        if self.talk.last is not None:
            self.transcript.toggle_thoughts(self.talk.last.id)

    def action_copy(self) -> None:
        text = self.transcript.last_code_block() or self.transcript.last_answer_text()
        if not text:
            self.say("There is nothing to copy yet.")
            return
        self.app.copy_to_clipboard(text)
        self.say("Copied. If your clipboard stays empty, the terminal does not take it: in tmux, set-clipboard on.")

    # The question

    def action_attach(self, argument: str = "") -> None:
        if argument:
            self.do(lambda: self.draft.attach(named_file(argument)), "attach")
        else:
            self.do(lambda: self._pick(), "modal")

    async def _pick(self) -> None:
        from argus_tui.screens.pick_image import PickImage

        path = await self.app.push_screen_wait(PickImage(self.options.attach_root))
        if path is not None:
            await self.draft.attach(path)
        self.composer.focus()

    def action_editor(self) -> None:
        self.do(lambda: self._edit(), "modal")

    async def _edit(self) -> None:
        """Write the question in `$EDITOR`; what it was before comes back with undo."""
        from argus_tui.screens.editor import edit, editor_command

        before = self.composer.draft
        text = await edit(before, editor_command(os.environ), self.app.suspend)
        if text != before:
            self.composer.write_anew(text)

    def action_suspend(self) -> None:
        """Go back to the shell until `fg`; answers that are written here could not go on meanwhile."""
        if self.options.answers_run_here and self.talk.progress is not None:
            self.say("An answer is being written here: Argus can be suspended when it is done.")
        else:
            self.app.action_suspend_process()

    # Choices

    def action_model(self, argument: str = "") -> None:
        self.do(lambda: self._choose_model(argument), "modal")

    async def _choose_model(self, wanted: str) -> None:
        client = await self.client()
        if not wanted:
            from argus_tui.screens.pick_model import PickModel

            picked = await self.app.push_screen_wait(PickModel(client, current=self.model()))
            wanted = picked or ""
        if not wanted:
            return
        if self.talk.conversation is None:
            await client.models.set_default(wanted)
        else:
            self.talk.conversation = await client.conversations.set_model(self.talk.conversation.id, wanted)
        await self.refresh_readiness()

    def model(self) -> str | None:
        """Return who answers here; empty while that is not known, None when nobody can."""
        raise NotImplementedError

    async def refresh_readiness(self) -> None:
        """Ask again who can answer, and show it."""
        raise NotImplementedError

    def action_system(self, argument: str = "") -> None:
        self.do(lambda: self._set_system(argument), "modal")

    async def _set_system(self, text: str) -> None:
        client = await self.client()
        if not text:
            from argus_tui.screens.text_prompt import TextPrompt

            conversation_id = self.talk.conversation_id
            before = (await client.conversations.get(conversation_id)).system if conversation_id else ""
            answer = await self.app.push_screen_wait(
                TextPrompt("How should the model behave here?", before, multiline=True)
            )
            if answer is None:
                return
            text = answer
        conversation = await self.talk.ensure()
        self.talk.conversation = await client.conversations.set_system(conversation.id, text)
        self.say("It behaves so from the next answer on." if text else "It behaves as it always does.")

    def action_theme(self, argument: str = "") -> None:
        self.do(lambda: self._choose_theme(argument), "modal")

    async def _choose_theme(self, wanted: str) -> None:
        themes = sorted(self.app.available_themes, key=lambda name: (not name.startswith("argus"), name))
        if not wanted:
            from argus_tui.screens.choose import Choice, Choose

            choices = [Choice(name, name, "now" if name == self.app.theme else "") for name in themes]
            chosen = await self.app.push_screen_wait(Choose("type to find a theme", choices, self.app.theme))
            wanted = chosen or ""
        if wanted in themes:
            self.app.theme = wanted
            client = await self.client()
            await client.account.set_preference(THEME_PREFERENCE, wanted)
        elif wanted:
            self.say(f"There is no theme {wanted}. /theme alone shows them all.")

    def action_key(self) -> None:
        self.set_class(True, "-key")
        self.show_state()

    def action_toggle_sidebar(self) -> None:
        shown = self.sidebar.display and self.sidebar.region.width > 0
        self.set_class(not shown, "-sidebar")
        self.set_class(shown, "-no-sidebar")
        if shown:
            self.composer.focus()
        else:
            self.sidebar.focus_list()

    def action_help(self) -> None:
        from argus_tui.screens.help import Help

        self.app.push_screen(Help((command.keys, command.usage, command.about) for command in self.offered()))

    # Leaving

    def action_quit(self) -> None:
        if self._quitting:
            self._exit()
            return
        self._quitting = True
        self.do(lambda: self._quit(), "quit")

    async def _quit(self) -> None:
        """Leave; with an answer still being written, when it is done, or at the second time of asking."""
        try:
            client = await self.client()
        except ArgusError:  # it never opened: there is nothing to keep
            self.app.exit(0)
            return
        self._last_words = not_sent(self.later.drop_all())
        with contextlib.suppress(NotAuthenticated):  # the session is over
            await self.draft.save(self.talk.conversation_id)
        if self.options.answers_run_here and not await client.drain(0):
            self.say("Argus leaves when the answer is done. ^q again leaves now and keeps what has come.")
            await client.drain(QUIT_WAIT_S)
        self._exit()

    def _exit(self) -> None:
        self.app.exit(0, message=Text(self._last_words) if self._last_words else None)
