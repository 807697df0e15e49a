"""Textual's own way to show a streamed answer: an `Input`, and `Markdown.get_stream` in a scrolling view.

The answer comes over a bare socket from `benchmarks.server` at the port in the first argument: no HTTP library, no
storage, so the figures are the framework's alone.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator

from textual import work
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Input, Markdown, Static

PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 0


async def _answer() -> AsyncIterator[str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    writer.write(
        b'POST /v1beta/models/m:streamGenerateContent?alt=sse HTTP/1.1\r\nContent-Length: 15\r\n\r\n{"store":false}'
    )
    await writer.drain()
    while line := await reader.readline():
        if line.startswith(b"data: "):
            yield json.loads(line[6:])["candidates"][0]["content"]["parts"][0]["text"]
    writer.close()


class Chat(App[None]):
    """A prompt and what was answered."""

    CSS = "#log { height: 1fr; } Markdown { height: auto; padding: 0 2; }"

    def compose(self) -> ComposeResult:
        yield VerticalScroll(id="log")
        yield Input(placeholder="Type a message")

    def on_mount(self) -> None:
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.input.value = ""
        self.show(event.value)

    @work
    async def show(self, question: str) -> None:
        log = self.query_one("#log", VerticalScroll)
        log.anchor()
        view = Markdown()
        await log.mount(Static(f"> {question}", markup=False), view)
        stream = Markdown.get_stream(view)
        async for text in _answer():
            await stream.write(text)
        await stream.stop()


if __name__ == "__main__":
    Chat().run()
