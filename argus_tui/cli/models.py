"""`argus models` and `argus key`: who can answer, and the key for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from argus_core.errors import InvalidInput
from argus_tui.cli.session import load, with_client
from argus_tui.cli.streams import is_piped, read_stdin
from argus_tui.cli.terminal import say, say_json, say_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from argus_core.client.base import ChatClient
    from argus_core.domain import ModelInfo

MAX_KEY_CHARS = 500


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("models")(list_models)
    app.command("key")(keep_key)


def list_models(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, one object per line.")] = False,
) -> None:
    """List the models that can answer.

    The default one is marked with *. In a pipe the columns are separated by tabs.
    Prices are US dollars for a million tokens in and out.
    """

    async def read(client: ChatClient) -> tuple[Sequence[ModelInfo], str | None]:
        return await client.models.list(), (await client.models.readiness()).model

    found, default = with_client(load(ctx.obj).settings, read)
    if as_json:
        from argus_core.wire import encode

        for model in found:
            say_json(encode(model) | {"default": model.id == default})
        return
    heads = ("", "MODEL", "NAME", "READS", "PRICE", "CAN")
    say_table(heads, [_row(model, model.id == default) for model in found], flexible=2)


def keep_key(
    ctx: typer.Context,
    from_stdin: Annotated[bool, typer.Option("--stdin", help="Read the key from stdin, for scripts.")] = False,
) -> None:
    """Try a Gemini key and keep it.

    It is tried by listing the models, and kept in your keyring or in a file only you can read.
    The key is asked for without being shown; with --stdin it is piped in: argus key --stdin < key.txt
    """
    key = _read_key(from_stdin)
    settings = load(ctx.obj).settings

    async def keep(client: ChatClient) -> tuple[int, str]:
        models = await client.models.try_key(key)
        return len(models), await client.models.keep_key(key)

    count, where = with_client(settings, keep)
    say(f"The key works ({count} models); it is kept in {where}.")
    if settings.gemini_api_key is not None and settings.server is None:
        say("GEMINI_API_KEY is set too, and wins over the kept key.")


def _read_key(from_stdin: bool) -> str:
    """Return the key; never echoed, never an argument, which other users of the machine could see."""
    if from_stdin:
        key = read_stdin(MAX_KEY_CHARS * 4, "replace").strip()
    elif not is_piped():
        from getpass import getpass

        key = getpass("Gemini key (not shown): ").strip()
    else:
        raise InvalidInput("Pipe it in with --stdin.", title="A key can be typed on a terminal only")
    if not key or len(key) > MAX_KEY_CHARS or not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidInput("It is one line of letters, digits and signs.", title="That is not a key")
    return key


def _row(model: ModelInfo, is_default: bool) -> tuple[str, ...]:
    return (
        "*" if is_default else "",
        model.id,
        model.name,
        _limit(model.input_token_limit),
        _price(model),
        _can(model),
    )


def _limit(tokens: int) -> str:
    from argus_tui.format import count

    return count(tokens) if tokens else "-"


def _price(model: ModelInfo) -> str:
    if model.input_usd_per_million is None or model.output_usd_per_million is None:
        return "-"
    if not model.input_usd_per_million and not model.output_usd_per_million:
        return "free"
    return f"${model.input_usd_per_million:g} / ${model.output_usd_per_million:g}"


def _can(model: ModelInfo) -> str:
    abilities = {"see": model.takes_images, "draw": model.makes_images, "think": model.thinks}
    return ", ".join(name for name, able in abilities.items() if able) or "-"
