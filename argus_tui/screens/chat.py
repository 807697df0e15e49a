"""The main screen: conversations at the left, the open one at the right, the composer under it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from argus_core.client.base import ChatClient
from argus_core.client.later import Later, Outcome, Waiting
from argus_core.domain import Attachment, Message, Turn
from argus_core.errors import ArgusError, InvalidInput, NotAuthenticated, NotFound, ServerUnreachable
from argus_core.ids import new_id, utc_now
from argus_core.text.api_keys import lone_key
from argus_core.text.clean import clean_line
from argus_tui.commands import COMMANDS, NUMBER_KEYS, holds_password, parse_slash
from argus_tui.screens.chat_commands import THEME_PREFERENCE
from argus_tui.screens.chat_state import SPINNER_S
from argus_tui.screens.company import Company
from argus_tui.screens.conversation_list import ConversationList
from argus_tui.screens.countdown import Countdown
from argus_tui.screens.draft import Draft
from argus_tui.screens.following import CHANGES_AGAIN_S, Following
from argus_tui.screens.talk import Talk
from argus_tui.widgets.chips import AttachmentChip
from argus_tui.widgets.composer import Composer
from argus_tui.widgets.head import Head
from argus_tui.widgets.key_card import KeyCard
from argus_tui.widgets.sidebar import Sidebar
from argus_tui.widgets.start_card import StartCard
from argus_tui.widgets.status_line import KeyRow, StatusLine
from argus_tui.widgets.transcript import Transcript

if TYPE_CHECKING:
    from textual.timer import Timer

    from argus_tui.options import AppOptions
    from argus_tui.rendering.pictures import Picture

SAVE_DRAFT_S = 1.0
START_AGAIN_S = 5.0


def _bindings() -> list[BindingType]:
    """Make a binding of each command that has keys, and the number keys."""
    made: list[BindingType] = [
        Binding(command.keys, command.action, command.shown or command.about, id=command.id, tooltip=command.about)
        for command in COMMANDS
        if command.keys
    ]
    tab = Binding("tab", "tab", "Choose an example", id="chat.tab", show=False, tooltip="To the examples, or on")
    suspend = Binding(  # comes here when the composer has nothing to undo
        "ctrl+z",
        "suspend",
        "Suspend",
        id="chat.suspend_here",
        show=False,
        tooltip="Back to the shell",
    )
    numbers = [
        Binding(key, f"open_number({number})", f"conversation {number}", id=f"chat.open_{number}", show=False)
        for number, key in enumerate(NUMBER_KEYS, 1)
    ]
    reading = [  # wherever the focus is: it is in the composer most of the time
        Binding(key, f"read('{act}')", about, id=f"chat.{act}", show=False, tooltip=about)
        for key, act, about in (
            ("pageup", "page_up", "One screen up"),
            ("pagedown", "page_down", "One screen down"),
            ("ctrl+home", "scroll_home", "To the first message"),
            ("ctrl+end", "follow", "To the end, and stay there"),
        )
    ]
    return [*made, tab, suspend, *numbers, *reading]


class ChatScreen(Following):
    """Everything that is always there."""

    CSS_PATH = "chat.tcss"
    BINDINGS: ClassVar[list[BindingType]] = _bindings()
    AUTO_FOCUS = ""  # the composer gets the focus itself

    def __init__(
        self,
        client: Callable[[], Awaitable[ChatClient]],
        options: AppOptions,
        ready: Callable[[], None],
        *,
        renew: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__()
        self.renew = renew
        self._ready = ready
        """Called when the composer is about to have the focus."""
        self._asks_soon = False
        """A question is on its way from the composer."""
        self.client = client
        self.options = options
        self._draft_timer: Timer | None = None
        self._preloaded = False
        self._asked: Turn | None = None
        """The last turn that was asked for here."""

    # Made of

    def compose(self) -> ComposeResult:
        yield Sidebar(id="sidebar")  # docked, and no container round the rest: each costs in every paint
        yield Head(id="head")
        yield Transcript(id="transcript")
        yield StartCard(id="start")
        yield (card := KeyCard(id="key-card"))
        card.display = False
        yield Composer(id="composer")
        yield StatusLine(id="status")
        yield KeyRow([(c.key, c.shown) for c in COMMANDS if c.shown], id="keys")

    def on_mount(self) -> None:
        self.transcript = self.query_one(Transcript)
        self.composer = self.query_one(Composer)
        self.status = self.query_one(StatusLine)
        self.sidebar = self.query_one(Sidebar)
        self.transcript.on_updated = self._update_along
        self.transcript.shows_pictures = self.options.images
        self.conversations = ConversationList(self.sidebar, self.client)
        self.talk = Talk(self.transcript, self.client, self.show_state)
        self.later = Later(self.client, self._told_of_later, self.show_state)
        self.countdown = Countdown(self.transcript, self.later)
        self.draft = Draft(self.composer, self.client, self.options)
        self.company = Company(self.client, self.show_state, self._line_is_back)
        self.composer.may_ask = self._may_ask
        self._offer_commands()
        self._spinner = self.set_interval(SPINNER_S, self._spin_alone, pause=True)
        self.show_state()
        self.composer.focus()
        self._ready()
        self.call_after_refresh(self.start)

    def action_tab(self) -> None:
        """Go to the examples from an empty start, as they say; else on to the next place."""
        start = self.query_one(StartCard)
        if (
            start.display
            and not start.has_focus
            and self.sidebar not in (self.focused.ancestors if self.focused else ())
        ):
            start.focus()
        else:
            self.focus_next()

    def _offer_commands(self) -> None:
        self.composer.completions = [(command.usage, command.about) for command in self.offered() if command.slash]

    def start(self) -> None:
        self._start()

    @work(group="start", exclusive=True)
    async def _start(self) -> None:
        """Open the client behind the first paint, then fill the screen."""
        try:
            await self._fill()
        except ArgusError as error:
            self._not_started(error)
            return
        self.show_state()
        self._watch_changes()
        self._keep_company()

    async def _fill(self) -> None:
        client = await self.client()
        self._readiness = await client.models.readiness()
        await self._restore_theme(client)
        await self.conversations.load()
        self.user = await client.account.whoami()
        self.sidebar.who = " · ".join(filter(None, (self.user.name, client.place)))
        self.composer.history = await client.messages.prompts()
        if self._is_unusable:
            self._is_unusable = False
            self.transcript.clear()
        if self.talk.conversation_id is None:
            self.draft.show(await self.draft.kept_for_new(), None, keep_typed=True)
        else:
            await self._look_again()
        self._offer_commands()

    def _not_started(self, error: ArgusError) -> None:
        if self.is_signed_out_by(error):
            self.ask_to_sign_in(error)
        elif isinstance(error, ServerUnreachable) and self.options.open_entrance is not None:
            self.say_in_place(error, note="tried again by itself")
            self.set_timer(START_AGAIN_S, lambda: self.do(self._start_again, "start"))
        else:
            self.say_in_place(error)

    async def _start_again(self) -> None:
        await self.renew()
        self.call_later(self.start)

    def say_in_place(self, error: ArgusError, *, note: str = "") -> None:
        """Say where a conversation would be why nothing can be kept or asked: there is nothing else to do here."""
        self._is_unusable = True
        self.show_state()
        message = Message(
            id=new_id(),
            conversation_id="",
            parent_id=None,
            seq=0,
            role="assistant",
            parts=(),
            status="failed",
            created_at=utc_now(),
            model="argus",
        )
        self.transcript.load([message])
        self.transcript.set_problem(message.id, error.problem(), keys=(("^q", "leave"),), note=note)

    async def _restore_theme(self, client: ChatClient) -> None:
        """Use the theme that was chosen last, unless the settings name one."""
        theme = await client.account.get_preference(THEME_PREFERENCE)
        if self.options.theme is None and theme in self.app.available_themes and theme != self.app.theme:
            self.app.theme = theme

    # Asking and watching

    def _may_ask(self, text: str) -> bool:
        """Tell whether this can be sent now; a command always can."""
        if _command_in(text) is not None or lone_key(text):
            return True
        if self._is_answering():
            self.say("An answer is being written here: wait for it, or stop it with esc.")
        elif self._asks_soon or self._works_at("ask"):
            self.say("Your last question is still being sent: send this one after it.")
        else:
            self._asks_soon = True
            return True
        return False

    @on(Composer.Submitted)
    def _submitted(self, event: Composer.Submitted) -> None:
        command = _command_in(event.text)
        text = event.text.removeprefix("/") if event.text.startswith("//") else event.text
        if key := lone_key(text):
            self.offer_key(key)
        elif command is None:
            self.do(lambda: self._ask(text), "ask")
            self._asks_soon = False
        elif not self.run_slash(*command):
            self.composer.put_back(event.text)

    def _is_answering(self) -> bool:
        """Tell whether an answer is written here, also one that has only just been asked for."""
        last = self.talk.last
        is_begun = last is not None and last.status == "running" and self._works_at("watch")
        return self.talk.progress is not None or is_begun

    def _works_at(self, group: str) -> bool:
        """Tell whether a worker of a group has not ended, or not even begun."""
        return any(one.group == group and one.node is self and not one.is_finished for one in self.workers)

    async def _ask(self, text: str) -> None:
        self.later.drop(self.talk.conversation_id)
        try:
            attached = self.draft.attached()
        except InvalidInput:
            self.composer.put_back(text)
            raise
        attachment_ids = list(attached.values())
        try:
            turn = await self.talk.ask(text, attachment_ids)
        except ArgusError as error:
            asked_in = self.talk.asked_in
            await self._keep_unsent(text, asked_in)
            if asked_in is not None and self.later.hold(asked_in, text, attachment_ids, error):
                return
            raise
        self.composer.remember(text)
        self._watch_turn(turn)
        await self.draft.sent(turn.reply.conversation_id, attached)

    async def _keep_unsent(self, text: str, asked_in: str | None) -> None:
        """Put what was not sent back into the composer, or to the drafts if another conversation was opened since."""
        if asked_in in (None, self.talk.conversation_id):
            self.composer.put_back(text)
            if self.query_one(KeyCard).display:
                self.query_one(KeyCard).focus_field()
        elif asked_in is not None:
            client = await self.client()
            await client.conversations.save_draft(asked_in, text)

    def _told_of_later(self, waiting: Waiting, outcome: Outcome) -> None:
        """Take in what became of a question that waited, here or in another conversation."""
        if not self.is_running:
            return
        is_here = waiting.conversation_id == self.talk.conversation_id
        if isinstance(outcome, ArgusError):
            where = "" if is_here else "A question in another conversation was not sent. "
            self.tell(type(outcome)(f"{where}{outcome.hint}", title=outcome.title))
        elif outcome is not None:
            self.draft.let_go(waiting.attachment_ids)
            if waiting.text:
                self.composer.remember(waiting.text)
            if is_here and self.composer.draft == waiting.text:
                self.composer.draft = ""
            self._asked = outcome
        if is_here:
            self.do(self._look_again, "catch-up", exclusive=True)

    def _watch_turn(self, turn: Turn) -> None:
        """Watch an answer that was asked for here, unless another conversation was opened meanwhile."""
        self._asked = turn
        if turn.reply.conversation_id == self.talk.conversation_id:
            self.watch_soon(turn.generation.id)
        else:
            self.later.follow(turn)

    def leave_answer(self) -> None:
        if self._asked is not None and self._asked.generation.id == self.talk.generation_id:
            self.later.follow(self._asked)

    def watch_soon(self, generation_id: str) -> None:
        self.do(lambda: self._watch_to_end(generation_id), "watch", exclusive=True)

    async def _watch_to_end(self, generation_id: str) -> None:
        try:
            message = await self.talk.watch(generation_id)
        except ServerUnreachable:
            if not self.company.is_offline:  # else its end is noticed
                self.set_timer(CHANGES_AGAIN_S, self._line_is_back)
            raise
        except NotFound:  # deleted elsewhere
            await self._look_again()
            raise
        if message is not None and message.status == "failed":
            self._after_refusal(message)
        if not self._context_limits:
            self._learn_limits()

    @work(group="limits", exclusive=True)
    async def _learn_limits(self) -> None:
        """Ask once how much each model reads; without an answer the head just does not say it."""
        client = await self.client()
        try:
            models = await client.models.list()
        except ArgusError:
            return
        self._context_limits = {model.id: model.input_token_limit for model in models}
        self.show_state()

    # Writing

    @on(Composer.DraftChanged)
    def _draft_changed(self) -> None:
        """Keep the draft a moment after the last key, and load at the first one what the answer will need."""
        waiting = self._waiting_here()
        if waiting is not None and waiting.text and waiting.text != self.composer.draft:
            self.later.drop(waiting.conversation_id)
            self.say("It is not sent by itself any more: you changed it.")
        if self._draft_timer is None:
            self._draft_timer = self.set_timer(SAVE_DRAFT_S, self._save_draft)
        if not self._preloaded and self.draft.is_new:
            self._preloaded = True
            self._preload()

    def _save_draft(self) -> None:
        self._draft_timer = None
        if self.is_outside:
            return
        self.do(lambda: self.draft.save(self.talk.conversation_id), "draft")

    @work(group="preload")
    async def _preload(self) -> None:
        try:
            client = await self.client()
            await client.models.preload()
        except ArgusError:
            return  # the question itself will tell

    @on(Composer.FilesDropped)
    def _dropped(self, event: Composer.FilesDropped) -> None:
        for path in event.paths:
            self.do(partial(self.draft.attach, path), "attach")

    @on(Composer.FileMissed)
    def _missed(self, event: Composer.FileMissed) -> None:
        self.say(f"{event.name} is not attached: there is no such file on this machine.")

    @on(AttachmentChip.RemoveRequested)
    def _chip_removed(self, event: AttachmentChip.RemoveRequested) -> None:
        self.draft.drop(event.attachment_id)

    @on(StartCard.ExampleTaken)
    def _example_taken(self, event: StartCard.ExampleTaken) -> None:
        self.composer.draft = event.text
        self.composer.focus()

    def _after_refusal(self, message: Message) -> None:
        """Say what helps against a refusal; one for a stated short time is sent again by itself."""
        if message.problem is not None and message.problem.code == "key_rejected":
            self.say("Set another key with /key.")
        self.later.resend(message)

    def again(self, *, go_on: bool) -> None:
        waiting = self._waiting_here()
        if waiting is not None and not go_on:
            self.later.send_now(waiting.conversation_id)
            return
        self.later.drop(self.talk.conversation_id)
        if self.talk.progress is None and self.talk.conversation is not None:
            self.do(lambda: self._answer_again(go_on=go_on), "ask")

    async def _answer_again(self, *, go_on: bool) -> None:
        self._watch_turn(await self.talk.answer_again(go_on=go_on))

    def action_read(self, act: str) -> None:
        """Move the transcript."""
        getattr(self.transcript, f"action_{act}")()

    # Opening

    async def _open(self, conversation_id: str) -> None:
        if conversation_id == self.talk.conversation_id:
            return
        await self.draft.save(self.talk.conversation_id)
        opened = await self.talk.fetch(conversation_id)
        # From here to the next `await` all changes at once: another wish to open something may end us at any other.
        self.leave_answer()
        self.workers.cancel_group(self, "watch")
        running = self.talk.show(opened)
        self.draft.show(opened.conversation.draft, conversation_id)
        self.composer.focus()
        if running:
            self.watch_soon(running)
        await self.talk.mark_read()

    def open_soon(self, conversation_id: str | None) -> None:
        if conversation_id is not None:
            self.do(lambda: self._open(conversation_id), "open", exclusive=True)

    @on(Sidebar.Selected)
    def _selected(self, event: Sidebar.Selected) -> None:
        self.open_soon(event.conversation_id)

    @on(Sidebar.MoreWanted)
    def _more_rows(self) -> None:
        self.do(lambda: self.conversations.more(), "rows")

    @on(Sidebar.FilterChanged)
    def _filter(self, event: Sidebar.FilterChanged) -> None:
        self.do(lambda: self.conversations.load(event.text), "rows")

    @on(Transcript.OlderWanted)
    def _older(self) -> None:
        self.do(lambda: self.talk.load_older(), "older")

    @on(Transcript.PictureWanted)
    def _picture_wanted(self, event: Transcript.PictureWanted) -> None:
        self.do(lambda: self._show_picture(event.attachment), "pictures")

    async def _show_picture(self, attachment: Attachment) -> None:
        """Draw a picture, or say in its place why it cannot be drawn."""
        try:
            client = await self.client()
            picture: Picture | str = await asyncio.to_thread(_decode, await client.attachments.read(attachment))
        except NotAuthenticated:
            raise
        except (ArgusError, OSError) as error:
            picture = f"not shown: {clean_line(error.title if isinstance(error, ArgusError) else str(error)).lower()}"
        self.transcript.set_picture(attachment.digest, picture)

    @on(Transcript.LabelChanged)
    def _label_changed(self, event: Transcript.LabelChanged) -> None:
        self._show_cut(event.label)

    # The sidebar's rows

    @on(Sidebar.DeleteRequested)
    def _delete_row(self, event: Sidebar.DeleteRequested) -> None:
        self.action_delete(event.conversation_id)

    @on(Sidebar.RenameRequested)
    def _rename_row(self, event: Sidebar.RenameRequested) -> None:
        self.action_rename("", event.conversation_id)

    @on(Sidebar.PinRequested)
    def _pin_row(self, event: Sidebar.PinRequested) -> None:
        self.action_pin(event.conversation_id)

    @on(Sidebar.Left)
    def _left_sidebar(self) -> None:
        self.remove_class("-sidebar")
        self.composer.focus()

    # Leaving

    async def on_unmount(self) -> None:
        await self.later.close()

    async def keep_draft(self) -> None:
        """Keep what is written here."""
        await self.draft.save(self.talk.conversation_id)


def _command_in(text: str) -> tuple[str, str] | None:
    """Return the slash command and its argument; None for a question."""
    return parse_slash(" ".join(text.split("\n")).strip() if holds_password(text) else text)


def _decode(data: bytes) -> Picture:
    from argus_tui.rendering.pictures import decode

    return decode(data)
