"""The real application on a port of this machine, answered by `Speaker` instead of Gemini.

Run as a program: `python -m benchmarks.team.server PORT`; the environment names the store, as for `argus serve`.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn

from argus_core import bootstrap
from argus_core.client.local import Services
from argus_core.credentials import Credentials
from argus_core.models import Providers
from argus_core.server import logs
from argus_core.server.app import create_app
from argus_core.server.context import ServerContext
from argus_core.server.protocol import BoundedProtocol
from argus_core.settings import Secret, Settings, config_dir, load_settings
from benchmarks.team.speaker import MODEL, Speaker


def speaking(services: Services, settings: Settings) -> Services:
    """Return the services with `Speaker` in the place of every provider."""
    providers = Providers(
        gemini=lambda key: Speaker(),
        key=Secret("benchmark"),
        local=None,
        local_model_id=None,
        credentials=Credentials(config_dir(settings), use_keyring=False),
        gemini_model=MODEL,
    )
    return replace(services, providers=providers)


def run(app: Any, port: int) -> None:
    """Serve as `argus serve` does."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        http=BoundedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=4096,
        backlog=socket.SOMAXCONN,
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run()


def main() -> None:
    """Open what the environment names, and serve it."""
    settings = load_settings(environ=os.environ, cwd=Path(os.environ["ARGUS_DATA_DIR"])).settings

    @asynccontextmanager
    async def opened() -> AsyncGenerator[ServerContext, None]:
        async with bootstrap.open_server(settings) as context:
            yield replace(context, services=speaking(context.services, settings))

    logs.start()
    run(create_app(opened), int(sys.argv[1]))


if __name__ == "__main__":
    main()
