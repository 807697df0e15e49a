"""`ArgusApp`: the client, the themes, and leaving in good order. Everything that is seen is in the screens."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual import events, on
from textual.app import App
from textual.worker import WorkerFailed

from argus_core.errors import ArgusError
from argus_tui.faults import Faults
from argus_tui.filters import NoControls, PlainGlyphs
from argus_tui.screens.first import FirstScreen
from argus_tui.sixteen_colors import FEW_COLORS, SixteenColors
from argus_tui.terminal import TerminalCaughtUp, TerminalGone
from argus_tui.themes import ARGUS_NIGHT, THEMES, palette, theme_variables

if TYPE_CHECKING:
    from textual.screen import Screen

    from argus_core.client.base import ChatClient
    from argus_tui.options import AppOptions
    from argus_tui.screens.chat import ChatScreen

_MAC_OPTION_DIGITS = tuple(f"\x1b{digit}" for digit in range(10))
LEAVE_S = 1.0
"""How long it may take to keep the draft, and to say goodbye to a server, when nobody is there any more."""
DRAIN_S = 600.0
"""How long answers may go on without a screen."""


class ArgusApp(App[int]):
    """The terminal program."""

    TITLE = "Argus"
    CSS_PATH: ClassVar = ["argus.tcss", "widgets/widgets.tcss"]
    ENABLE_COMMAND_PALETTE = False  # the chat screen has its own, made of commands.py
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - Textual declares it so
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012

    def __init__(self, open_client: Callable[[], AbstractAsyncContextManager[ChatClient]], options: AppOptions) -> None:
        super().__init__()
        self.options = options
        self._main: ChatScreen | None = None
        self.hung_up = False
        """The terminal went away, or somebody asked us to end."""
        self.bug: Exception | None = None
        """What nobody expected and ended the program; whoever started it tells the user."""
        self._faults = Faults(options.keep_fault) if options.keep_fault else None
        self._typed_ahead: list[events.Key | events.Paste] | None = []
        """Keys and pastes that came before the composer was there to take them, in order; None from then on."""
        self._open_client = open_client
        self._clients = AsyncExitStack()
        self._client: asyncio.Future[ChatClient] | None = None
        self._filters += [NoControls(), *([PlainGlyphs()] if options.plain_glyphs else [])]
        _let_alt_digits_through()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = options.theme if options.theme in self.available_themes else ARGUS_NIGHT.name

    def use_few_colors(self) -> None:
        """Draw with the 16 colours of the terminal's own."""
        self._filters.append(SixteenColors(lambda: palette(self.current_theme), lambda: self.current_theme.dark))
        self.add_class(FEW_COLORS)

    async def client(self) -> ChatClient:
        """Return the client; it is opened behind the first paint.

        Raises:
            ArgusError: It could not be opened.
        """
        if self._client is None:
            self._client = asyncio.ensure_future(self._clients.enter_async_context(self._open_client()))
        return await asyncio.shield(self._client)

    async def renew_client(self) -> None:
        """Close the client; the next `client()` opens another one, for whoever is signed in then."""
        clients, client = self._clients, self._client
        self._clients, self._client = AsyncExitStack(), None
        if client is not None:
            client.cancel()  # only if it is still being opened
            await asyncio.wait([client])
        with suppress(ArgusError):
            await clients.aclose()

    async def keep_draft(self) -> None:
        """Keep what is written, after an end that nobody wanted."""
        if self._main is not None:
            with suppress(ArgusError, TimeoutError):
                await asyncio.wait_for(self._main.keep_draft(), LEAVE_S)

    async def close_client(self) -> None:
        """Let answers finish when the screen is gone, then close the client; without a hang-up, end them at once."""
        if self._client is not None:
            self._client.cancel()  # only if it is still being opened
            with suppress(asyncio.CancelledError, ArgusError):
                client = await self._client
                if self.hung_up and self.options.answers_run_here:
                    await client.drain(DRAIN_S)
        if self.hung_up and not self.options.answers_run_here:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._clients.aclose(), LEAVE_S)
        else:
            await self._clients.aclose()

    def get_default_screen(self) -> Screen[None]:
        return FirstScreen(self._show_chat)

    @property
    def chat(self) -> ChatScreen | None:
        """The main screen; None until it is loaded, a moment after the first paint."""
        return self._main if self._main in self.screen_stack else None

    def _show_chat(self) -> None:
        """Load the main screen, now that there is something to see, and put it over the first paint."""
        from argus_tui.screens.chat import ChatScreen

        self._main = ChatScreen(self.client, self.options, self._hand_over_typed, renew=self.renew_client)
        self.push_screen(self._main)

    async def on_event(self, event: events.Event) -> None:
        """Let keys and pastes wait until there is a composer: they would be lost, or overtake each other."""
        typed = self._typed_ahead
        if typed is not None and isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            typed.append(event)
        else:
            await super().on_event(event)

    def _hand_over_typed(self) -> None:
        """Let what was typed go its way, now that the composer has the focus; later keys come behind it."""
        self.call_later(self._let_typed_in)

    async def _let_typed_in(self) -> None:
        typed, self._typed_ahead = self._typed_ahead, None
        for event in typed or ():
            await super().on_event(event)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return theme_variables(self.current_theme)

    # What goes wrong

    def survives(self, error: Exception) -> bool:
        """Tell what went wrong, once; False when the program has to end."""
        chat = self.chat
        if self._faults is None or self._faults.are_too_many or chat is None or not self.is_running:
            return False
        if isinstance(error, ArgusError):
            chat.tell(error)
        elif words := self._faults.take(error):
            self.notify(words, severity="error", markup=False)
        return True

    def _handle_exception(self, error: Exception) -> None:
        """Take in what a worker, a timer or a widget did not expect."""
        if isinstance(error, WorkerFailed) and isinstance(error.error, Exception):
            error = error.error
        if self.survives(error):
            self.call_later(self._close_what_is_broken)
        else:
            self.bug = self.bug or error
            super()._handle_exception(error)

    def _close_what_is_broken(self) -> None:
        """Close an overlay that could not be made."""
        if self.chat is not None and self.screen is not self.chat and not self.screen.is_running:
            self.screen.dismiss(None)

    def _loop_failed(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Take in what a task or a callback did not expect; asyncio would write it over the screen."""
        error = context.get("exception")
        if isinstance(error, Exception):
            self.survives(error)

    def _fatal_error(self) -> None:
        """End without the traceback that Textual would print: `launch.run` raises `bug` when the screen is gone."""
        self._close_messages_no_wait()

    async def action_quit(self) -> None:
        """Leave through the main screen, from wherever ctrl+q was pressed: it keeps the draft and waits for answers."""
        if self.chat is None:
            self.exit(0)
        else:
            self.chat.action_quit()

    def on_mount(self) -> None:
        self._listen_for_hang_up()
        if self._faults is not None:
            asyncio.get_running_loop().set_exception_handler(self._loop_failed)

    def _listen_for_hang_up(self) -> None:
        """Leave in good order when the terminal goes away: the default would kill us, or spin on a dead terminal."""
        loop = asyncio.get_running_loop()
        for name in ("SIGHUP", "SIGTERM"):
            if hasattr(signal, name):
                loop.add_signal_handler(getattr(signal, name), self._hang_up)

    @on(TerminalGone)
    def _hang_up(self) -> None:
        if self.hung_up:
            return
        self.hung_up = True
        if self.chat is not None:
            self.run_worker(self._leave(), exit_on_error=False)
        else:
            self.exit(0)

    async def _leave(self) -> None:
        """Keep the draft and end: the terminal is gone, or somebody asked us to end."""
        try:
            await self.keep_draft()
        finally:
            self.exit(0)

    @on(TerminalCaughtUp)
    def _draw_anew(self) -> None:
        self.refresh(layout=True)


def _let_alt_digits_through() -> None:
    """Take back a table of Textual that reads alt+1 of every terminal as the `¡` that WezTerm means on a Mac."""
    from textual import _ansi_sequences as sequences

    table = cast("dict[str, Any]", sequences.ANSI_SEQUENCES_KEYS)
    for sequence in _MAC_OPTION_DIGITS:
        table.pop(sequence, None)
