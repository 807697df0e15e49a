"""`argus doctor`: what is set, what works, and whether a question could be answered."""

from __future__ import annotations

import locale
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import TYPE_CHECKING, Annotated

import typer

from argus_core.errors import ArgusError, NotAuthenticated
from argus_core.settings import LoadedSettings, Secret, Settings, describe
from argus_core.text.clean import clean_line
from argus_tui.cli.failures import FAILED, OK
from argus_tui.cli.session import load, with_client
from argus_tui.cli.terminal import BOLD, say, say_facts, say_json

if TYPE_CHECKING:
    from argus_core.client.base import ChatClient
    from argus_core.domain import User

_PACKAGES = (
    "argus-tui",
    "textual",
    "typer",
    "google-genai",
    "google-generativeai",
    "httpx2",
    "pillow",
    "pymongo",
    "xllamacpp",
)


@dataclass(slots=True)
class Findings:
    """What was found out by opening the store, or asking the server, and asking the providers."""

    account: dict[str, str] = field(default_factory=dict)
    store: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    can_answer: bool = False


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Do not try the key over the network.")] = False,
) -> None:
    """Check settings, store and models.

    Every setting is shown with the place it comes from; the store is opened, or the server asked, and the models are
    listed.
    Secrets are never shown. The exit code is 0 when a question could be answered, else 1.
    """
    loaded = load(ctx.obj)
    findings = _examine(loaded, offline=offline)
    report = {
        "settings": {one.name: {"value": one.value, "source": one.source} for one in describe(loaded)},
        "account": findings.account,
        "store": findings.store,
        "answers": findings.answers,
        "terminal": terminal_facts(os.environ),
        "versions": _versions(),
        "can_answer": findings.can_answer,
    }
    if as_json:
        say_json(report)
    else:
        _say(loaded, report)
    raise typer.Exit(OK if findings.can_answer else FAILED)


def terminal_facts(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what is known of the terminal without asking it anything."""
    size = shutil.get_terminal_size()
    colours = "24 bits" if environ.get("COLORTERM") in {"truecolor", "24bit"} else environ.get("COLORTERM", "not said")
    return {
        "TERM": environ.get("TERM", "not set"),
        "colours": "off (NO_COLOR)" if environ.get("NO_COLOR") else colours,
        "size": f"{size.columns}×{size.lines}",
        "encoding": f"{getattr(sys.stdout, 'encoding', None) or 'none'}, locale {locale.getpreferredencoding(False)}",
        "stdin, stdout": ", ".join("terminal" if one and one.isatty() else "pipe" for one in (sys.stdin, sys.stdout)),
        "inside": ", ".join(_surroundings(environ)) or "nothing known",
    }


def _surroundings(environ: Mapping[str, str]) -> list[str]:
    signs = {"tmux": "TMUX", "screen": "STY", "ssh": "SSH_CONNECTION", "wsl": "WSL_DISTRO_NAME"}
    return [name for name, variable in signs.items() if environ.get(variable)]


def _examine(loaded: LoadedSettings, *, offline: bool) -> Findings:
    findings = Findings()

    async def look(client: ChatClient) -> None:
        user = await client.account.whoami()
        findings.account = {"at": client.place or "this machine", "signed in": _called(user)}
        findings.store = {"opens": "yes"} | dict(await client.diagnose())
        await _ask_models(client, findings, None if offline else loaded.settings)
        findings.can_answer &= findings.store["opens"] == "yes"

    try:
        with_client(loaded.settings, look)
    except ArgusError as error:
        findings.can_answer = False
        if isinstance(error, NotAuthenticated):
            findings.account = {"signed in": "no"}
        findings.store.setdefault("opens", f"no: {error}")
    return findings


def _called(user: User) -> str:
    return f"{user.name} <{user.email}>, {user.role}" if user.email else user.name


async def _ask_models(client: ChatClient, findings: Findings, settings: Settings | None) -> None:
    """Find out who would answer; without settings nobody is asked over the network."""
    ready = await client.models.readiness()
    findings.can_answer = ready.model is not None
    findings.answers = {
        "default model": f"{ready.model} ({ready.provider})" if ready.model else "none",
        "Gemini key": "set, not tried" if ready.has_key else "not set",
        "offline model": "found" if ready.has_local else "not found",
    }
    if ready.has_key and settings is not None:
        own_key = settings.gemini_api_key if settings.server is None else None  # a server's key is its own
        listed, findings.answers["Gemini key"] = await _try_gemini(client, own_key)
        findings.can_answer = bool(listed) or ready.provider != "gemini"
        if listed and settings.server is None:
            findings.answers |= _unlisted(settings, listed)


async def _try_gemini(client: ChatClient, key: Secret | None) -> tuple[list[str], str]:
    """List the models with the key; a kept key, which settings do not hold, can be tried with all providers only."""
    try:
        models = await (client.models.try_key(key.value) if key else client.models.list())
    except ArgusError as error:
        return [], f"does not work: {error}"
    listed = [model.id for model in models if model.provider == "gemini"]
    return listed, f"works, {len(listed)} models" if listed else "set, but Gemini listed no models"


def _unlisted(settings: Settings, listed: list[str]) -> dict[str, str]:
    """Return what is wrong with the models that settings name, by the name of the setting."""
    from argus_core.providers.names import canonical, no_such_model

    named = {"ARGUS_MODEL": settings.model, "ARGUS_TITLE_MODEL": settings.title_model}
    known = {canonical(one) for one in listed}
    return {
        setting: str(no_such_model(model, listed))
        for setting, model in named.items()
        if model is not None and canonical(model) not in known
    }


def _versions() -> dict[str, str]:
    found = {"Python": platform.python_version(), "system": platform.platform()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _say(loaded: LoadedSettings, report: Mapping[str, object]) -> None:
    say("Settings", BOLD)
    say_facts({one.name: f"{one.value}  ({one.source})" for one in describe(loaded)})
    for name in ("account", "store", "answers", "terminal", "versions"):
        facts = report[name]
        assert isinstance(facts, dict)
        say()
        say(name.capitalize(), BOLD)
        say_facts(facts)
    say()
    say(clean_line("A question can be answered." if report["can_answer"] else "No question can be answered yet."), BOLD)
