"""`argus admin`: users and invites, by an admin of the server or by whoever holds its store."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from argus_core.errors import InvalidInput, NotFound
from argus_tui.cli import prompts
from argus_tui.cli.session import load, with_administration, with_store_administration
from argus_tui.cli.terminal import is_terminal, note, say, say_json, say_table

if TYPE_CHECKING:
    from argus_core.client.base import AdminRole
    from argus_core.client.local_admin import LocalAdmin
    from argus_core.domain import Invite, NewInvite, User

T = TypeVar("T")
SHORT_ID = 8
_PAGE = 100

Role = Literal["member", "admin"]
Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]
Who = Annotated[str, typer.Argument(metavar="USER", help="The email, or the id or the start of it.")]

admin = typer.Typer(
    name="admin",
    help="Look after users and invites: as an admin of the server that --server names, or on its store itself "
    "(MONGO_URI or the data folder), where whoever holds the store needs no sign-in.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
invites = typer.Typer(name="invite", help="Invites: codes that let somebody make an account.", no_args_is_help=True)
admin.add_typer(invites)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(admin)


@admin.command("create")
def create(
    ctx: typer.Context,
    email: Annotated[str | None, typer.Option("--email", help="What one signs in with; asked for otherwise.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="What they are called; asked for otherwise.")] = None,
    role: Annotated[Role, typer.Option("--role", help="admin, or member.")] = "admin",
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read a password from stdin.")] = False,
    with_local: Annotated[
        bool, typer.Option("--with-local", help="The account gets what was asked in this store without one.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make an account, by default of an admin.

    Without a password it gives out a code; with it the owner sets one: argus signup --email … --invite CODE
    """
    settings = load(ctx.obj).settings
    if with_local and settings.server is not None:
        raise InvalidInput("Run it on the machine of the server, without --server.", title="That is done on a store")
    email = prompts.line(email, "Email", "--email")
    name = prompts.line(name, "Name", "--name")
    password = prompts.passwords(["Password"], from_stdin=True)[0] if password_stdin else ""

    async def reset_of(administration: AdminRole, user: User) -> tuple[User, NewInvite | None]:
        return user, None if password else await administration.reset(user.id)

    async def make(administration: AdminRole) -> tuple[User, NewInvite | None]:
        user = await administration.create_user(email, name, role=role, password=password)
        return await reset_of(administration, user)

    async def adopt(administration: LocalAdmin) -> tuple[User, NewInvite | None]:
        user = await administration.adopt_local(email, name, role=role, password=password)
        return await reset_of(administration, user)

    user, reset = with_store_administration(settings, adopt) if with_local else with_administration(settings, make)
    if as_json:
        _say_user(user, reset)
        return
    note(f"Made: {user.email}, {_role(user)}.")
    if reset is not None:
        _say_code(reset, f"A password is set with it: argus signup --email {user.email} --invite CODE")


@admin.command("list")
def list_users(ctx: typer.Context, as_json: Json = False) -> None:
    """List the accounts by their email."""
    users = _run(ctx, _users)
    if as_json:
        for user in users:
            _say_user(user)
    else:
        say_table(("EMAIL", "NAME", "ROLE", "STATE", "ID"), [_user_row(user) for user in users], flexible=1)


@admin.command("disable")
def disable(ctx: typer.Context, user: Who) -> None:
    """Shut an account and sign it out everywhere."""
    found = _run(ctx, lambda administration: _set_disabled(administration, user, True))
    say(f"{found.email or found.name} is shut.")


@admin.command("enable")
def enable(ctx: typer.Context, user: Who) -> None:
    """Open an account again."""
    found = _run(ctx, lambda administration: _set_disabled(administration, user, False))
    say(f"{found.email or found.name} is open.")


@admin.command("role")
def set_role(
    ctx: typer.Context, user: Who, role: Annotated[Role, typer.Argument(metavar="ROLE", help="admin or member.")]
) -> None:
    """Make somebody an admin or a member."""

    async def change(administration: AdminRole) -> User:
        return await administration.set_role((await _find(administration, user)).id, role)

    found = _run(ctx, change)
    say(f"{found.email or found.name} is {_role(found)}.")


@admin.command("reset")
def reset(ctx: typer.Context, user: Who, as_json: Json = False) -> None:
    """Sign somebody out everywhere and give out a code that sets a new password once."""

    async def give(administration: AdminRole) -> tuple[User, NewInvite]:
        found = await _find(administration, user)
        return found, await administration.reset(found.id)

    found, code = _run(ctx, give)
    if as_json:
        _say_user(found, code)
    else:
        _say_code(code, f"A new password is set with it: argus signup --email {found.email} --invite CODE")


@invites.command("create")
def create_invite(
    ctx: typer.Context,
    email: Annotated[str, typer.Option("--email", help="Only who has this email may use it.")] = "",
    role: Annotated[Role, typer.Option("--role", help="What the new account is: member or admin.")] = "member",
    as_json: Json = False,
) -> None:
    """Make an invite for one new account."""
    made = _run(ctx, lambda administration: administration.create_invite(role=role, email=email))
    if as_json:
        _say_invite(made.invite, made.code)
    else:
        _say_code(made, "An account is made with it: argus signup --invite CODE")


@invites.command("list")
def list_invites(ctx: typer.Context, as_json: Json = False) -> None:
    """List the newest invites, used and expired ones too."""
    found = _run(ctx, lambda administration: administration.invites())
    if as_json:
        for invite in found:
            _say_invite(invite)
    else:
        heads = ("ID", "FOR", "MAKES", "STATE", "GOOD UNTIL")
        say_table(heads, [_invite_row(invite) for invite in found], flexible=1)


@invites.command("delete")
def delete_invite(
    ctx: typer.Context, invite: Annotated[str, typer.Argument(metavar="ID", help="The id, or the start of it.")]
) -> None:
    """Take an invite back."""

    async def delete(administration: AdminRole) -> None:
        found = _one([each for each in await administration.invites() if each.id.startswith(invite)], "invite")
        await administration.delete_invite(found.id)

    _run(ctx, delete)
    say("The invite is good for nothing now.")


def _run(ctx: typer.Context, work: Callable[[AdminRole], Awaitable[T]]) -> T:
    return with_administration(load(ctx.obj).settings, work)


async def _users(administration: AdminRole) -> list[User]:
    found: list[User] = []
    cursor: str | None = None
    while True:
        page = await administration.users(limit=_PAGE, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


async def _find(administration: AdminRole, who: str) -> User:
    users = await _users(administration)
    by_email = [user for user in users if user.email and user.email.casefold() == who.strip().casefold()]
    return _one(by_email or [user for user in users if who and user.id.startswith(who)], "user")


async def _set_disabled(administration: AdminRole, who: str, disabled: bool) -> User:
    return await administration.set_disabled((await _find(administration, who)).id, disabled)


def _one(found: list[T], what: str) -> T:
    if not found:
        raise NotFound(f"See `argus admin {'list' if what == 'user' else 'invite list'}`.", title=f"No such {what}")
    if len(found) > 1:
        raise InvalidInput("Give more of the id.", title=f"Several {what}s begin so")
    return found[0]


def _say_user(user: User, reset: NewInvite | None = None) -> None:
    from argus_core.wire import encode

    code = {"code": reset.code, "expires_at": reset.invite.expires_at.isoformat()} if reset else {}
    say_json(encode(user) | code)


def _say_invite(invite: Invite, code: str | None = None) -> None:
    from argus_core.wire import encode

    say_json(encode(invite) | ({"code": code} if code is not None else {}))


def _say_code(new: NewInvite, how: str) -> None:
    """Write the code alone on stdout, and what it is for on stderr."""
    say(new.code)
    note(how)
    note(f"It works once, until {new.invite.expires_at:%Y-%m-%d %H:%M} UTC, and is not shown again.")


def _role(user: User) -> str:
    return "an admin" if user.role == "admin" else "a member"


def _user_row(user: User) -> tuple[str, ...]:
    short = user.id[:SHORT_ID] if is_terminal(sys.stdout) else user.id
    return user.email or "-", user.name, user.role, "shut" if user.disabled else "open", short


def _invite_row(invite: Invite) -> tuple[str, ...]:
    short = invite.id[:SHORT_ID] if is_terminal(sys.stdout) else invite.id
    made = "a new password" if invite.user_id is not None else invite.role
    return short, invite.email or "anybody", made, _state(invite), invite.expires_at.isoformat()


def _state(invite: Invite) -> str:
    from argus_core.ids import utc_now

    if invite.used_at is not None:
        return "used"
    return "expired" if invite.expires_at <= utc_now() else "open"
