"""`argus serve`: the server that a team signs in to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from argus_tui.cli.session import load


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)


def serve(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option(help="The address to listen on; 0.0.0.0 for all.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(help="How many processes serve the port.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(metavar="FILE", help="The certificate chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="The private key to it, PEM.")] = None,
) -> None:
    """Serve accounts and conversations to a team.

    The store is the MongoDB in MONGO_URI, or else the data folder. JWT_SECRET_KEY must be set. The first admin is made
    with `argus admin create`. SIGTERM lets running answers finish (ARGUS_DRAIN_S).

    \b
      export JWT_SECRET_KEY="$(python3 -c 'import secrets; print(secrets.token_urlsafe(48))')"
      argus admin create --email you@example.org --name You
      argus serve --host 0.0.0.0 --port 8080
    """  # noqa: D301 - the backspace tells Typer to leave the lines below it as they are
    given = {"host": host, "port": port, "workers": workers, "tls_cert": tls_cert, "tls_key": tls_key}
    overrides = {**ctx.obj, **{name: value for name, value in given.items() if value is not None}}
    settings = load(overrides).settings

    from argus_core.serve import serve as run  # loads FastAPI and uvicorn: only where a server is wanted

    run(settings, overrides)
