"""`argus serve`: the application under uvicorn, in one process or several on one port, drained before it ends."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from types import FrameType
from typing import TYPE_CHECKING, Any

from argus_core import bootstrap
from argus_core.errors import ConfigError
from argus_core.server import logs
from argus_core.server.app import create_app
from argus_core.server.metrics import SHARED_FOLDER
from argus_core.settings import Settings, load_settings, working_folder

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from argus_core.server.context import ServerContext

MOST_CONNECTIONS = 4096
OTHER_FILES = 128
"""Descriptors that are kept for the store, pictures and the provider; with fewer than twice as many half is kept."""
_M_MMAP_THRESHOLD = -3
_LONG_BYTES = 1 << 20
KEEP_ALIVE_S = 75
"""Longer than the 60 s that load balancers keep a connection: they, not we, close it first."""
CLOSE_S = 3
"""How long open requests may go on after the drain."""
_log = logging.getLogger(__name__)
_WORKER = "argus_core.serve:create_worker"


def serve(settings: Settings, overrides: Mapping[str, object]) -> None:
    """Serve until a signal ends it.

    Args:
        settings: What `overrides` and the environment say.
        overrides: What the command line gave: further processes read the rest from the environment themselves.

    Raises:
        ConfigError: A setting cannot work; nothing has begun.
        StorageError: The store cannot be opened.
    """
    _check_files(settings)
    with _listening(settings) as listener:
        asyncio.run(bootstrap.check_server(settings))
        application = _application(settings)  # each of several processes makes its own; a wrong setting is told here
        logs.start()
        _give_memory_back()
        host, port = listener.getsockname()[:2]
        told = {"host": host, "port": port, "workers": settings.workers, "connections": most_connections()}
        _log.info("listening", extra=told)
        if settings.workers == 1:
            _serve_alone(settings, application, listener)
        else:
            _serve_together(settings, listener, overrides)


def create_worker() -> ASGIApp:
    """Return the application of one of several processes, set up by the environment."""
    logs.start()
    _give_memory_back()
    return _application(load_settings(environ=os.environ, cwd=working_folder()).settings)


def _give_memory_back() -> None:
    """Have what a long text took given back to the system at once; the C library would keep it, torn in pieces."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library than glibc
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LONG_BYTES)


def most_connections() -> int:
    """Return how many connections a process takes: as many as it may open files, but for those it needs itself."""
    if sys.platform == "win32":
        return MOST_CONNECTIONS
    import resource

    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + OTHER_FILES
    if files != resource.RLIM_INFINITY and files < wanted:
        files = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return max(8, min(MOST_CONNECTIONS, files - min(OTHER_FILES, files // 2)))
    return MOST_CONNECTIONS


def _listening(settings: Settings) -> socket.socket:
    """Return a socket on the port, so that one that cannot be had is told before anything begins."""
    try:
        found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        listener = socket.create_server(found[0][4][:2], family=found[0][0], backlog=socket.SOMAXCONN)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (while ")[0]  # which says the address once more
        raise ConfigError(f"The server cannot listen on {settings.host}, port {settings.port}: {reason}.") from error
    listener.set_inheritable(True)
    return listener


def _serve_alone(settings: Settings, application: ASGIApp, listener: socket.socket) -> None:
    import uvicorn

    uvicorn.Server(_config(settings, application)).run(sockets=[listener])


def _serve_together(settings: Settings, listener: socket.socket, overrides: Mapping[str, object]) -> None:
    """Start the processes, and start those anew that die; what they count is put together in a folder."""
    from uvicorn.supervisors import Multiprocess

    os.environ.update(bootstrap.environment_of(overrides))
    folder = tempfile.mkdtemp(prefix="argus-metrics-")
    os.environ[SHARED_FOLDER] = folder
    try:
        Multiprocess(_config(settings, _WORKER), sockets=[listener]).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _config(settings: Settings, app: Any) -> Any:
    import uvicorn

    from argus_core.server.protocol import BoundedProtocol

    return uvicorn.Config(
        app,
        factory=isinstance(app, str),
        workers=settings.workers,
        http=BoundedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=settings.trusted_proxies is not None,
        forwarded_allow_ips=settings.trusted_proxies or "",
        limit_concurrency=most_connections(),
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=CLOSE_S,
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )


def _application(settings: Settings) -> ASGIApp:
    release = version("argus-tui")
    if settings.sentry_dsn is not None:
        from argus_core.server.extras import start_sentry

        start_sentry(settings.sentry_dsn, release)

    @asynccontextmanager
    async def opened() -> AsyncGenerator[ServerContext, None]:
        async with bootstrap.open_server(settings) as context:
            with _Drain(context, settings.drain_s):
                yield context

    app: ASGIApp = create_app(opened)
    if settings.telemetry:
        from argus_core.server.extras import traced

        app = traced(app, release)
    return app


class _Drain:
    """Takes SIGTERM from uvicorn: running answers may finish, readers are sent elsewhere, then it ends."""

    def __init__(self, context: ServerContext, drain_s: float) -> None:
        self._context = context
        self._drain_s = drain_s
        self._task: asyncio.Task[None] | None = None
        self._handler: Any = None

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._loop = asyncio.get_running_loop()
            self._handler = signal.signal(signal.SIGTERM, self._on_signal)

    def __exit__(self, *_: object) -> None:
        if self._handler is not None:
            signal.signal(signal.SIGTERM, self._handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._loop.call_soon_threadsafe(self._begin, number, frame)

    def _begin(self, number: int, frame: FrameType | None) -> None:
        if self._task is not None:
            self._end(number, frame)  # told twice: at once
            return
        self._task = asyncio.ensure_future(self._drain())
        self._task.add_done_callback(lambda _: self._end(number, frame))

    async def _drain(self) -> None:
        self._context.draining.set()
        await self._context.streams.drain()
        await self._context.services.engine.drain(self._drain_s)

    def _end(self, number: int, frame: FrameType | None) -> None:
        """Hand over to uvicorn; its own handler would end the process by the signal, as if it had been killed."""
        server = getattr(self._handler, "__self__", None)
        if server is not None:
            server.should_exit = True
        elif callable(self._handler):
            self._handler(number, frame)


def _check_files(settings: Settings) -> None:
    """Refuse half of a certificate, or one that cannot be read, in one sentence."""
    import ssl

    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise ConfigError("ARGUS_TLS_CERT and ARGUS_TLS_KEY go together: set both or none.")
    if settings.tls_cert is not None:
        try:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(settings.tls_cert, settings.tls_key, password=_no_passphrase)
        except ssl.SSLError as error:
            raise ConfigError(
                "ARGUS_TLS_CERT and ARGUS_TLS_KEY are no certificate and the key to it, both as PEM and without a "
                "passphrase."
            ) from error
        except OSError as error:
            raise ConfigError(f"The certificate in ARGUS_TLS_CERT cannot be used: {error.strerror}.") from error


def _no_passphrase() -> str:
    """Answer OpenSSL, which would ask the terminal."""
    return ""
