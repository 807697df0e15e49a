"""`ArgusApp`: the client, the themes, and leaving in good order. Everything that is seen is in the screens."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import App

from argus_core.errors import ArgusError
from argus_tui.filters import NoControls, PlainGlyphs
from argus_tui.screens.first import FirstScreen
from argus_tui.sixteen_colors import FEW_COLORS, SixteenColors, has_few_colors
from argus_tui.themes import ARGUS_NIGHT, THEMES, palette, theme_variables

if TYPE_CHECKING:
    from textual.screen import Screen

    from argus_core.client.base import ChatClient
    from argus_tui.options import AppOptions
    from argus_tui.screens.chat import ChatScreen

_MAC_OPTION_DIGITS = tuple(f"\x1b{digit}" for digit in range(10))
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
        self.hung_up = False
        """The terminal went away, or somebody asked us to end."""
        self.bug: Exception | None = None
        """What nobody expected and ended the program; whoever started it tells the user."""
        self._open_client = open_client
        self._clients = AsyncExitStack()
        self._client: asyncio.Future[ChatClient] | None = None
        self._filters += [NoControls(), *([PlainGlyphs()] if options.plain_glyphs else [])]
        if has_few_colors(self.console.color_system):
            self._filters.append(SixteenColors(lambda: palette(self.current_theme), lambda: self.current_theme.dark))
            self.add_class(FEW_COLORS)
        _let_alt_digits_through()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = options.theme if options.theme in self.available_themes else ARGUS_NIGHT.name

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

    async def close_client(self) -> None:
        """Let answers finish when the screen is gone, then close the client; without a hang-up, end them at once."""
        if self._client is not None:
            self._client.cancel()  # only if it is still being opened
            with suppress(asyncio.CancelledError, ArgusError):
                client = await self._client
                if self.hung_up and self.options.answers_run_here:
                    await client.drain(DRAIN_S)
        await self._clients.aclose()

    def get_default_screen(self) -> Screen[None]:
        return FirstScreen(self._show_chat)

    @property
    def chat(self) -> ChatScreen | None:
        """The main screen; None until it is loaded, a moment after the first paint."""
        from argus_tui.screens.chat import ChatScreen

        return next((screen for screen in self.screen_stack if isinstance(screen, ChatScreen)), None)

    def _show_chat(self) -> None:
        """Load the main screen, now that there is something to see, and put it over the first paint."""
        from argus_tui.screens.chat import ChatScreen

        first = self.screen
        pressed = first.pressed if isinstance(first, FirstScreen) else None
        self.push_screen(ChatScreen(self.client, self.options, pressed, renew=self.renew_client))

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return theme_variables(self.current_theme)

    def _handle_exception(self, error: Exception) -> None:
        self.bug = self.bug or error
        super()._handle_exception(error)

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

    def _listen_for_hang_up(self) -> None:
        """Leave in good order when the terminal goes away: the default would kill us, or spin on a dead terminal."""
        loop = asyncio.get_running_loop()
        for name in ("SIGHUP", "SIGTERM"):
            if hasattr(signal, name):
                loop.add_signal_handler(getattr(signal, name), self._hang_up)

    def _hang_up(self) -> None:
        self.hung_up = True
        if self.chat is not None:
            self.run_worker(self.chat.leave(), exit_on_error=False)
        else:
            self.exit(0)


def _let_alt_digits_through() -> None:
    """Take back a table of Textual that reads alt+1 of every terminal as the `¡` that WezTerm means on a Mac."""
    from textual import _ansi_sequences as sequences

    table = cast("dict[str, Any]", sequences.ANSI_SEQUENCES_KEYS)
    for sequence in _MAC_OPTION_DIGITS:
        table.pop(sequence, None)
