"""A TCP proxy that plays a bad network: slow, cut, a hole that swallows everything, or deaf in one direction."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["up", "down"]
_PIECE = 1 << 16


@dataclass(slots=True)
class NetProxy:
    """Listens inside the block of `async with` and passes on to a port of this machine.

    Its fields may be changed while it runs; what is on the way already is not held back any more.
    """

    to_port: int
    port: int = 0
    """0 takes a free one."""
    latency_s: float = 0.0
    """How long each piece is held back, in each direction."""
    reset_share: float = 0.0
    """The share of pieces that end in a reset of their connection instead of being passed on."""
    swallow: frozenset[Direction] = frozenset()
    """Directions in which nothing arrives: `up` is towards the server. The connections stay open."""
    seed: int = 0
    resets: int = 0
    """Connections that were reset so far."""
    _server: asyncio.Server | None = None
    _open: dict[asyncio.StreamWriter, asyncio.StreamWriter] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _healed: asyncio.Event = field(default_factory=asyncio.Event)
    _random: random.Random = field(default_factory=random.Random)

    async def __aenter__(self) -> NetProxy:
        self._random.seed(self.seed)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def blackhole(self, *directions: Direction) -> None:
        """Swallow what comes, by default both ways, until `heal`; bytes that came meanwhile arrive then."""
        self.swallow = frozenset(directions or ("up", "down"))

    def heal(self) -> None:
        """Be a good network again."""
        self.latency_s, self.reset_share, self.swallow = 0.0, 0.0, frozenset()
        healed, self._healed = self._healed, asyncio.Event()
        healed.set()

    def reset_all(self) -> None:
        """Reset every open connection."""
        for near, far in list(self._open.items()):
            self._reset(near, far)

    def _reset(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.resets += 1
        near.transport.abort()
        far.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._connect(reader, writer)
        except asyncio.CancelledError:  # the end of the block; asyncio would report it as an error of this callback
            pass
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.to_port)
        except OSError:
            return
        self._open[writer] = up_writer
        up = asyncio.create_task(self._pass_on("up", reader, up_writer, writer))
        down = asyncio.create_task(self._pass_on("down", up_reader, writer, up_writer))
        try:
            await asyncio.wait((up, down))
        finally:
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
            del self._open[writer]
            up_writer.transport.abort()

    async def _pass_on(
        self, way: Direction, source: asyncio.StreamReader, sink: asyncio.StreamWriter, back: asyncio.StreamWriter
    ) -> None:
        """Carry one direction until either end is gone."""
        with suppress(ConnectionError):
            while piece := await source.read(_PIECE):
                while way in self.swallow:
                    await self._healed.wait()
                if self.latency_s:
                    await asyncio.sleep(self.latency_s)
                if self._random.random() < self.reset_share:
                    self._reset(sink, back)
                    return
                sink.write(piece)
                await sink.drain()
            if sink.can_write_eof():
                sink.write_eof()
