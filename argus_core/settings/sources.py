"""Where settings come from. Order, first wins: command line, environment, `.env`, `config.toml`, default."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from argus_core.errors import ConfigError
from argus_core.settings.fields import DECLARED, Settings
from argus_core.settings.folders import config_path, is_absent
from argus_core.settings.values import Given, convert, cut
from argus_core.text.reading import decoded

NOT_IN_DOTENV = frozenset({"config_dir"})
"""A folder that somebody else made may hold a `.env`; it must not bring a whole configuration with it."""


@dataclass(frozen=True, slots=True)
class LoadedSettings:
    """The settings, and for each field where its value came from: a name or path for a person to read."""

    settings: Settings
    sources: Mapping[str, str]


def load_settings(
    overrides: Mapping[str, object] | None = None, *, environ: Mapping[str, str], cwd: Path
) -> LoadedSettings:
    """Gather the settings from their sources; no folder is made.

    Args:
        overrides: What the command line gave, by field; None means not given.
        environ: The environment. An empty value means not set; `ARGUS_TEST_…` and other programs' names are left alone.
        cwd: Where `.env` is looked for, and what relative paths of command line, environment and `.env` start from.

    Raises:
        ConfigError: A name is unknown or a value cannot work; the hint is one line and holds no secret.
    """
    given = _from_command_line(overrides or {}, cwd)
    for more in (_from_environment(environ, cwd), _from_dotenv(cwd)):
        given = more | given
    folder = _config_folder(given)
    if folder is not None:
        given = _from_toml(folder / "config.toml") | given
    _refuse_lent_key(given)
    settings = Settings(**{name: convert(DECLARED[name], value) for name, value in given.items()})
    sources = {name: given[name].source if name in given else "default" for name in DECLARED}
    return LoadedSettings(settings, sources)


def _from_command_line(overrides: Mapping[str, object], cwd: Path) -> dict[str, Given]:
    _refuse_unknown(overrides, DECLARED, "on the command line")
    return {
        name: Given(value, "command line", "--" + name.replace("_", "-"), cwd)
        for name, value in overrides.items()
        if value is not None
    }


def _from_environment(environ: Mapping[str, str], cwd: Path) -> dict[str, Given]:
    _refuse_unknown((name for name in environ if _is_ours(name)), _known_names(), "in the environment")
    given: dict[str, Given] = {}
    for name, declared in DECLARED.items():
        for called in reversed(declared.names):
            if value := environ.get(called, "").strip():
                secret = declared.is_secret and called.endswith("_FILE")
                given[name] = Given(
                    _read_secret(called, Path(value)) if secret else value, f"environment {called}", called, cwd
                )
    return given


def _from_dotenv(cwd: Path) -> dict[str, Given]:
    path = cwd / ".env"
    text = _read(path) if os.path.isfile(path) else None  # noqa: PTH113 - False also where we may not look
    if text is None:
        return {}
    from dotenv import dotenv_values

    values = dotenv_values(stream=StringIO(text), interpolate=False)
    _refuse_unknown((name for name in values if _is_ours(name)), _known_names(), f"in {path}")
    given: dict[str, Given] = {}
    for name, declared in DECLARED.items():
        for called in reversed(declared.names):
            if value := (values.get(called) or "").strip():
                if name in NOT_IN_DOTENV or (declared.is_secret and called.endswith("_FILE")):
                    raise ConfigError(f"{called} stands in {path}; it works in the environment only.")
                given[name] = Given(value, ".env", f"{called} in {path}", cwd)
    return given


def _config_folder(given: Mapping[str, Given]) -> Path | None:
    """Return where `config.toml` would be, None when there is no place for it; who needs one is told."""
    named = {
        name: convert(DECLARED[name], given[name])
        for name in ("config_dir", "data_dir")
        if name in given and given[name].source != ".env"
    }
    try:
        return config_path(Settings(**named))
    except ConfigError:
        return None


def _from_toml(path: Path) -> dict[str, Given]:
    text = _read(path)
    if text is None:
        return {}
    import tomllib

    try:
        values = tomllib.loads(text)
        shared = path.stat().st_mode & 0o077
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {_reason(error)}.") from error
    _refuse_unknown(values, DECLARED.keys() - NOT_IN_DOTENV, f"in {path}")
    if os.name == "posix" and shared and any(DECLARED[name].is_secret for name in values):
        raise ConfigError(f"{path} holds a key and others may read it; run: chmod 600 '{path}'")
    return {name: Given(value, str(path), f"{name} in {path}", path.parent) for name, value in values.items()}


def _known_names() -> set[str]:
    return {called for declared in DECLARED.values() for called in declared.names}


def _is_ours(name: str) -> bool:
    return name.startswith("ARGUS_") and not name.startswith("ARGUS_TEST_")


def _read_secret(called: str, path: Path) -> str:
    try:
        return decoded(path.expanduser().read_bytes()).strip()
    except (OSError, RuntimeError, ValueError) as error:
        raise ConfigError(f"{called} names {path}, which cannot be read: {_reason(error)}.") from error


def _read(path: Path) -> str | None:
    """Return the text of a file, None when there is none."""
    try:
        return decoded(path.read_bytes())
    except (OSError, UnicodeDecodeError) as error:
        if is_absent(path, error):
            return None
        raise ConfigError(f"{path} cannot be read: {_reason(error)}.") from error


def _refuse_unknown(names: Iterable[str], known: Iterable[str], where: str) -> None:
    known = sorted(known)
    for name in names:
        if name not in known:
            from difflib import get_close_matches

            close = get_close_matches(name, known, 1)
            advice = f"did you mean {close[0]}?" if close else "`argus doctor` lists all there are."
            raise ConfigError(f"There is no setting {cut(repr(name))} ({where}); {advice}")


def _refuse_lent_key(given: Mapping[str, Given]) -> None:
    """Keep a `.env` that came with somebody's folder from sending the user's own key to an address in it."""
    address, key = given.get("gemini_base_url"), given.get("gemini_api_key")
    if address and address.source == ".env" and (key is None or key.source != ".env"):
        raise ConfigError(
            f"{address.called} would send your key there; put it in the environment or config.toml, "
            "or the key for it in the same .env."
        )


def _reason(error: Exception) -> str:
    """Say why in a few words, without what the file holds: it may be a key."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "it is not text in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error).rstrip(".")
