"""The Typer app `argus`: its commands, and what all of them share."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException
from typer.main import get_command

from argus_core.errors import ArgusError
from argus_core.text.reading import without_halves
from argus_tui.cli import account, admin, ask, conversations, doctor, failures, migrate, models, serve

HELP = """
Chat with Google Gemini in the terminal; every answer is kept and found again.

Without a command the program opens. The commands are for the shell and for scripts.

\b
  argus                                    open the program
  argus ask "Why is the sky blue?"         ask and read the answer here
  git diff | argus ask "Review this."      what is piped in is added to the question
  argus ask -i roof.jpg "What is this?"    ask about a picture
  argus list                               see the conversations
  argus --server https://host login        sign in to your team's server

Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 not found, 4 no key or not allowed, 5 the model's service,
6 the store, 7 a setting, 8 the server, 9 a limit, 130 Ctrl-C.
"""

_TAKES_TEXT = ("argus ask", "argus search")


class ArgusGroup(TyperGroup):
    """Ends every command as docs/cli.md says: one sentence and a code by family of error."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ArgusError as error:
            raise typer.Exit(failures.fail(error)) from None
        except KeyboardInterrupt:
            raise typer.Exit(failures.INTERRUPTED) from None


class ArgusCommand(TyperCommand):
    """Takes text that is no UTF-8, from a terminal of another encoding, with U+FFFD in it; paths stay as they are."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        ctx.params = {name: _text(value) for name, value in ctx.params.items()}
        return super().invoke(ctx)


def _text(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_text(one) for one in value)
    return without_halves(value) if isinstance(value, str) else value


app = typer.Typer(
    name="argus",
    cls=ArgusGroup,
    help=HELP,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)
"""The command line."""


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"argus {metadata.version('argus-tui')}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    data_dir: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where conversations and pictures are kept.")
    ] = None,
    config_dir: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Where config.toml is.")] = None,
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="The Argus server to use instead of this machine's own store.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Keep what was given for the commands."""
    ctx.obj = {"data_dir": data_dir, "config_dir": config_dir, "server": server}


for group in (ask, conversations, models, account, admin, serve, doctor, migrate):
    group.register(app)


def _use_our_command(commands: typer.Typer) -> None:
    for command in commands.registered_commands:
        command.cls = ArgusCommand
    for group in commands.registered_groups:
        assert group.typer_instance is not None
        _use_our_command(group.typer_instance)


_use_our_command(app)


def run_command(arguments: Sequence[str]) -> int:
    """Run one command and return the exit code."""
    try:
        code = get_command(app)(list(arguments), prog_name="argus", standalone_mode=False)
    except typer.Abort:
        return failures.INTERRUPTED
    except TyperException as error:
        return _refuse(error)
    except OSError as error:
        return failures.fail_to_write(error)
    return int(code or failures.OK)


def _refuse(error: TyperException) -> int:
    """Say in one sentence what is wrong with the arguments."""
    where = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError" and where is not None:
        print(where.get_help())
        return error.exit_code
    command = where.command_path if where is not None else "argus"
    sentence = error.format_message().rstrip()
    if type(error).__name__ == "NoSuchOption" and command in _TAKES_TEXT:
        sentence = f"{sentence}; put -- before text that begins with a dash: {command} -- TEXT."
    failures.complain(f"{sentence}{'' if sentence.endswith(('.', '?')) else '.'} See `{command} --help`.")
    return error.exit_code
