"""The folders of Argus: made for this user alone, refused when others could write into them."""

from __future__ import annotations

import os
from pathlib import Path

from argus_core.errors import ConfigError
from argus_core.settings.fields import DECLARED, Settings

_APP = "argus"


def data_dir(settings: Settings) -> Path:
    """Return the folder of conversations and pictures, made if need be for this user alone.

    Raises:
        ConfigError: It cannot be made, or others could write into it.
    """
    if settings.data_dir is not None:
        return _own_folder(DECLARED["data_dir"].env, settings.data_dir)
    from platformdirs import user_data_path

    return _own_folder(DECLARED["data_dir"].env, user_data_path(_APP, appauthor=False))


def config_dir(settings: Settings) -> Path:
    """Return the folder of `config.toml` and a kept key, made if need be for this user alone.

    Raises:
        ConfigError: It cannot be made, or others could write into it.
    """
    return _own_folder(DECLARED["config_dir"].env, config_path(settings.config_dir))


def config_path(chosen: Path | None) -> Path:
    """Return where the config folder is, whether it exists or not."""
    if chosen is not None:
        return chosen
    from platformdirs import user_config_path

    return user_config_path(_APP, appauthor=False)


def _own_folder(env: str, path: Path) -> Path:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
    except OSError as error:
        raise ConfigError(f"The folder {path} ({env}) cannot be used: {error.strerror}.") from error
    if os.name == "posix" and found.st_uid != os.getuid():
        raise ConfigError(f"The folder {path} ({env}) belongs to somebody else.")
    if os.name == "posix" and found.st_mode & 0o002:
        raise ConfigError(f"Everybody may write into the folder {path} ({env}); run: chmod 700 '{path}'")
    return path
