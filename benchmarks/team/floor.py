"""The least a streaming server can be: a bare Starlette generator that sends the same bytes, frame by frame.

Run as a program: `python -m benchmarks.team.floor PORT FILE`; the frames are those in the file. `/` sends them as fast
as they are taken, `/?pause_ms=50` one each 50 ms.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from benchmarks.team.server import run
from benchmarks.team.sockets import frames_in


def floor_app(frames: list[bytes]) -> Starlette:
    """Return the application."""

    async def generate(pause_s: float) -> AsyncGenerator[bytes, None]:
        for frame in frames:
            if pause_s:
                await asyncio.sleep(pause_s)
            yield frame

    async def stream(request: Request) -> StreamingResponse:
        pause_s = float(request.query_params.get("pause_ms", 0)) / 1000
        return StreamingResponse(generate(pause_s), media_type="text/event-stream")

    return Starlette(routes=[Route("/", stream)])


def main() -> None:
    """Read the frames and serve them."""
    run(floor_app(frames_in(Path(sys.argv[2]).read_bytes())), int(sys.argv[1]))


if __name__ == "__main__":
    main()
