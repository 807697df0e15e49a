"""The real program on a store of its own, with a provider that says what a story tells it to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from PIL import Image
from rich.terminal_theme import TerminalTheme
from textual.color import Color
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widgets import Input, TextArea

from argus_core.bootstrap import open_services
from argus_core.client.base import ChatClient
from argus_core.client.local import LocalClient, Services
from argus_core.credentials import Credentials
from argus_core.domain import LOCAL_USER_ID, Conversation, ModelInfo, User
from argus_core.ids import new_id, utc_now
from argus_core.models import Providers
from argus_core.providers.scripted import ScriptedProvider
from argus_core.settings import Secret, Settings
from argus_tui.app import ArgusApp
from argus_tui.launch import options_from
from argus_tui.options import AppOptions
from benchmarks.screens.draw import Painter
from benchmarks.screens.team import Place

MODELS = (
    ModelInfo(
        id="gemini-flash-latest",
        name="Gemini Flash",
        provider="gemini",
        description="Quick and cheap, sees pictures, thinks when it helps.",
        input_token_limit=1_048_576,
        output_token_limit=65_536,
        takes_images=True,
        thinks=True,
        input_usd_per_million=0.30,
        output_usd_per_million=2.50,
    ),
    ModelInfo(
        id="gemini-flash-lite-latest",
        name="Gemini Flash Lite",
        provider="gemini",
        description="The quickest and cheapest.",
        input_token_limit=1_048_576,
        takes_images=True,
        input_usd_per_million=0.10,
        output_usd_per_million=0.40,
    ),
    ModelInfo(
        id="gemini-pro-latest",
        name="Gemini Pro",
        provider="gemini",
        description="The most able; thinks before it answers.",
        input_token_limit=1_048_576,
        takes_images=True,
        thinks=True,
        input_usd_per_million=1.25,
        output_usd_per_million=10.0,
    ),
    ModelInfo(
        id="gemini-flash-image",
        name="Gemini Flash Image",
        provider="gemini",
        description="Draws and changes pictures.",
        input_token_limit=32_768,
        takes_images=True,
        makes_images=True,
        input_usd_per_million=0.30,
        output_usd_per_million=30.0,
    ),
    ModelInfo(
        id="smollm2-135m",
        name="SmolLM2 135M",
        provider="local",
        description="Small, and runs on this machine without a network.",
        input_token_limit=8_192,
        input_usd_per_million=0.0,
        output_usd_per_million=0.0,
    ),
)


class _Gemini(ScriptedProvider):
    name = "gemini"


@dataclass(slots=True)
class Stage:
    """A client, the provider behind it, and a folder for pictures to attach."""

    client: LocalClient
    services: Services
    provider: ScriptedProvider
    options: AppOptions
    folder: Path
    place: Place | None = None
    """The server; None for one machine."""

    async def conversation(self, title: str, at: datetime, *, pinned: bool = False, unread: int = 0) -> Conversation:
        """Store a conversation that was last touched then."""
        return await self.services.storage.create_conversation(
            Conversation(
                id=new_id(),
                user_id=LOCAL_USER_ID,
                title=title,
                title_by_user=True,
                created_at=at,
                updated_at=at,
                pinned=pinned,
                unread=unread,
            )
        )


@asynccontextmanager
async def open_stage(folder: Path, *, key: bool = True, place: Place | None = None) -> AsyncGenerator[Stage, None]:
    """Open a store in the folder; without a key nobody could answer."""
    settings = Settings(data_dir=folder / "data", config_dir=folder / "config", keyring=False, attach_root=folder)
    provider = _Gemini(models=MODELS)
    providers = Providers(
        gemini=lambda _key: provider,
        key=Secret("no key") if key else None,
        local=None,
        local_model_id=None,
        credentials=Credentials(folder / "config", use_keyring=False),
        gemini_model="gemini-flash-latest",
    )
    services = replace(await open_services(settings), providers=providers)
    user = await services.storage.ensure_user(User(id=LOCAL_USER_ID, name="sara", created_at=utc_now()))
    client = LocalClient(services, user)
    try:
        options = replace(options_from(settings), attach_root=folder)
        if place is not None:
            options = replace(options, open_entrance=place.entrance.open)
        yield Stage(client, services, provider, options, folder, place)
    finally:
        await client.close()


@dataclass(slots=True)
class Screen:
    """What a story sees and presses."""

    app: ArgusApp
    pilot: Pilot[int]

    def strips(self) -> list[Strip]:
        """Return the lines on the screen."""
        return self.app.screen._compositor.render_strips()

    def text(self) -> str:
        """Return what is on the screen."""
        return "\n".join(strip.text for strip in self.strips())

    async def press(self, *keys: str) -> None:
        """Press keys one after the other."""
        await self.pilot.press(*keys)

    async def type(self, text: str) -> None:
        """Type into what has the focus."""
        names = {" ": "space", "/": "slash", ".": "full_stop", "?": "question_mark", "_": "underscore", "-": "minus"}
        names["@"] = "at"
        await self.pilot.press(*(names.get(letter, letter) for letter in text))

    async def until(self, words: str, timeout_s: float = 20.0) -> None:
        """Wait until the words are on the screen.

        Raises:
            TimeoutError: They did not come; the message holds the screen.
        """
        end = time.monotonic() + timeout_s
        while words not in self.text():
            if time.monotonic() > end:
                raise TimeoutError(f"{words!r} never came:\n{self.text()}")
            await asyncio.sleep(0.05)
            await self.pilot.pause()

    async def picture(self, *, few: bool) -> Image.Image:
        """Draw the screen, its cursor visible."""
        for widget in (*self.app.screen.query(TextArea), *self.app.screen.query(Input)):
            widget.cursor_blink = False
        await self.pilot.pause()
        variables = self.app.get_css_variables()
        ground, ink = Color.parse(variables["background"]).rgb, Color.parse(variables["foreground"]).rgb
        painter = Painter(TerminalTheme(ground, ink, [(0, 0, 0)] * 8), few=few)
        return painter.paint(self.strips(), painter.shown(ground))


@asynccontextmanager
async def open_app(stage: Stage, size: tuple[int, int], theme: str) -> AsyncGenerator[Screen, None]:
    """Run the program without a terminal; the stage keeps its client."""

    @asynccontextmanager
    async def client() -> AsyncGenerator[ChatClient, None]:
        if stage.place is None:
            yield stage.client
        else:
            async with stage.place.open(stage.client) as at_place:
                yield at_place

    app = ArgusApp(client, replace(stage.options, theme=theme))
    async with app.run_test(size=size) as pilot:
        yield Screen(app, pilot)
        app.exit(0)
    await app.close_client()
