"""`argus login`, `signup`, `logout`, `whoami`, `passwd`, `sessions` and `usage`: the account at a server."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from argus_core.errors import InvalidInput, NotAuthenticated, NotFound
from argus_core.settings import LoadedSettings, Settings
from argus_tui.cli import prompts
from argus_tui.cli.session import load, require_accounts, with_client, with_entrance
from argus_tui.cli.terminal import is_terminal, note, say, say_facts, say_json, say_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from argus_core.client.base import ChatClient, Entrance
    from argus_core.domain import Allowance, Meter, Session, SignUpPolicy, User

SHORT_ID = 8

Email = Annotated[str | None, typer.Option("--email", help="Asked for when it is not given.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin, for scripts.")]
Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("login")(login)
    app.command("signup")(sign_up)
    app.command("logout")(logout)
    app.command("whoami")(whoami)
    app.command("passwd")(change_password)
    app.command("sessions")(sessions)
    app.command("usage")(usage)


def login(ctx: typer.Context, email: Email = None, password_stdin: FromStdin = False) -> None:
    """Sign in to a server.

    What keeps you signed in goes to your keyring, or to a file that only you can read.

    \b
      argus --server https://argus.example.org login
      argus login --email sara@example.org --password-stdin < password.txt
    """  # noqa: D301 - the backspace tells Typer to leave the lines below it as they are
    loaded = load(ctx.obj)
    require_accounts(loaded.settings)
    email = prompts.line(email, "Email", "--email")
    (password,) = prompts.passwords(["Password"], password_stdin)

    async def enter(entrance: Entrance) -> tuple[User, Entrance]:
        return await entrance.sign_in(email, password), entrance

    _say_entered(loaded, *with_entrance(loaded.settings, enter))


def sign_up(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Option("--name", help="What you are called; asked for otherwise.")] = None,
    email: Email = None,
    invite: Annotated[
        str | None, typer.Option("--invite", metavar="CODE", help="The code you were given: an invite, or a reset.")
    ] = None,
    password_stdin: FromStdin = False,
) -> None:
    """Make an account at a server, or set a new password with the code of a reset, and sign in."""
    loaded = load(ctx.obj)

    async def ask_policy(entrance: Entrance) -> SignUpPolicy:
        return await entrance.policy()

    policy = with_entrance(loaded.settings, ask_policy)
    if invite is None and policy != "open":
        invite = prompts.line(
            None, "Code of your invite", "--invite CODE: this server takes nobody without one", default=""
        )
    code = (invite or "").strip()
    email = prompts.line(email, "Email", "--email")
    if name is None and code and not prompts.can_ask():
        name = ""  # a reset needs none; the server says so where an account does
    name = prompts.line(name, "Your name", "--name", default="" if code else None)
    (password,) = prompts.passwords(["Password"], password_stdin, repeat_last=True)

    async def enter(entrance: Entrance) -> tuple[User, Entrance]:
        return await entrance.sign_up(name, email, password, invite=code), entrance

    _say_entered(loaded, *with_entrance(loaded.settings, enter))


def logout(
    ctx: typer.Context,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="Sign all your other clients out too.")] = False,
) -> None:
    """Sign out, and forget here what kept you signed in."""
    settings = load(ctx.obj).settings
    require_accounts(settings)
    try:
        asyncio.run(_leave_server(settings, everywhere)) if settings.server else _leave_store(settings, everywhere)
    except NotAuthenticated:
        say("Nobody was signed in here.")
    else:
        say("Signed out everywhere." if everywhere else "Signed out.")


def whoami(ctx: typer.Context, as_json: Json = False) -> None:
    """Show who is signed in, and where."""

    async def read(client: ChatClient) -> tuple[User, str]:
        return await client.account.whoami(), client.place

    user, place = with_client(load(ctx.obj).settings, read)
    if as_json:
        from argus_core.wire import encode

        say_json(encode(user) | {"place": place})
    else:
        say(f"{_called(user)} at {place or 'this machine'}{', an admin' if user.role == 'admin' else ''}")


def change_password(ctx: typer.Context, password_stdin: FromStdin = False) -> None:
    """Set another password; every other client is signed out.

    With --password-stdin the present one stands on the first line of stdin, the new one on the second.
    """
    settings = load(ctx.obj).settings
    require_accounts(settings)
    old, new = prompts.passwords(["Your password now", "The new one"], password_stdin, repeat_last=True)
    with_client(settings, lambda client: client.account.change_password(old, new))
    say("The password is changed; your other clients are signed out.")


def sessions(
    ctx: typer.Context,
    end: Annotated[str | None, typer.Option("--end", metavar="ID", help="Sign that client out.")] = None,
    end_others: Annotated[bool, typer.Option("--end-others", help="Sign all other clients out.")] = False,
    as_json: Json = False,
) -> None:
    """List where you are signed in; the client you use now is marked with *."""
    if end is not None and end_others:
        raise InvalidInput("Use one of --end and --end-others.", title="Two things are asked for")
    settings = load(ctx.obj).settings
    if end is not None:
        ended = with_client(settings, lambda client: _end(client, end))
        say(f"Signed out: {ended.client or ended.id}.")
    elif end_others:
        count = with_client(settings, lambda client: client.account.end_other_sessions())
        say(f"Signed out: {count} {'client' if count == 1 else 'clients'}.")
    else:
        _say_sessions(with_client(settings, lambda client: client.account.sessions()), as_json)


def usage(ctx: typer.Context, as_json: Json = False) -> None:
    """Show what you have used today (UTC), what is left of each limit, and what you keep."""
    allowance = with_client(load(ctx.obj).settings, lambda client: client.account.allowance())
    if as_json:
        from argus_core.wire import encode

        say_json(encode(allowance))
        return
    from argus_tui import format

    meters = {_METERS[meter.name]: _left(meter) for meter in allowance.meters}
    say_facts(_used(allowance) | meters | {_KEPT[kept.name]: format.share(kept) for kept in allowance.kept})


_METERS = {
    "requests_per_minute": "questions a minute",
    "requests_per_day": "questions a day",
    "tokens_per_day": "tokens a day",
    "micro_usd_per_day": "money a day",
}


_KEPT = {
    "conversations": "conversations kept",
    "text_bytes": "text kept",
    "picture_bytes": "pictures kept",
    "sessions": "signed-in clients",
}


def _used(allowance: Allowance) -> dict[str, str]:
    from argus_tui import format

    return {
        "questions today": format.grouped(allowance.requests),
        "tokens today": format.grouped(allowance.tokens),
        "money today": format.money(allowance.cost_micro_usd),
    }


def _left(meter: Meter) -> str:
    from argus_tui import format

    shown = format.money if meter.name == "micro_usd_per_day" else format.grouped
    whole = f", whole again in {format.duration(meter.resets_in_s)}" if meter.left < meter.limit else ""
    return f"{shown(meter.left)} of {shown(meter.limit)} left{whole}"


def _say_entered(loaded: LoadedSettings, user: User, entrance: Entrance) -> None:
    """Say who is in, where that is kept, and how to stay at this server."""
    say(f"Signed in at {entrance.place} as {_called(user)}.")
    where = getattr(entrance, "kept_in", "")
    if where == "your keyring":
        note("The sign-in is kept in your keyring.")
    elif where:
        note(f"There is no keyring here: the sign-in is kept in {where}, which only you can read.")
    if loaded.sources.get("server") == "command line":
        note(f"To use this server from now on, set ARGUS_SERVER={loaded.settings.server} or `server` in config.toml.")


def _called(user: User) -> str:
    return f"{user.name} <{user.email}>" if user.email else user.name


async def _leave_server(settings: Settings, everywhere: bool) -> None:
    """Sign out with what is kept, whether the server still takes it or not."""
    from argus_core.client.http import http_client

    client = http_client(settings)
    try:
        await client.account.sign_out(everywhere=everywhere)
    finally:
        await client.close()


def _leave_store(settings: Settings, everywhere: bool) -> None:
    with_client(settings, lambda client: client.account.sign_out(everywhere=everywhere))


async def _end(client: ChatClient, id_prefix: str) -> Session:
    found = [one for one in await client.account.sessions() if id_prefix and one.id.startswith(id_prefix.lower())]
    if not found:
        raise NotFound("See `argus sessions`.", title="There is no such session")
    if len(found) > 1:
        raise InvalidInput("Give more of the id.", title="Several sessions begin so")
    await client.account.end_session(found[0].id)
    return found[0]


def _say_sessions(found: Sequence[Session], as_json: bool) -> None:
    if as_json:
        from argus_core.wire import encode

        for one in found:
            say_json(encode(one))
    elif found or not is_terminal(sys.stdout):
        heads = ("", "ID", "CLIENT", "ADDRESS", "SIGNED IN", "SEEN")
        say_table(heads, [_row(one) for one in found], flexible=2)
    else:
        say("Nobody signs in on this machine.")


def _row(session: Session) -> tuple[str, ...]:
    mark, client, address = "*" if session.current else "", session.client or "-", session.address or "-"
    if not is_terminal(sys.stdout):
        return mark, session.id, client, address, session.created_at.isoformat(), session.seen_at.isoformat()
    from argus_core.ids import utc_now
    from argus_tui.format import relative_time

    times = (relative_time(at, utc_now()) for at in (session.created_at, session.seen_at))
    return mark, session.id[:SHORT_ID], client, address, *times
