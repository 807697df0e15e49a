"""The folders of Argus: made for this user alone, refused when others could write into them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from argus_core.errors import ConfigError
from argus_core.settings.fields import DECLARED, Settings

STORE_FILE = "argus.db"
"""The store in the data folder."""
_APP = "argus"
_NO_HOME = "This user has no home folder; set HOME, or ARGUS_DATA_DIR to where everything is to be kept."


def data_dir(settings: Settings) -> Path:
    """Return the folder of conversations and pictures, made if need be for this user alone.

    Raises:
        ConfigError: It cannot be made, or others could write into it.
    """
    path = data_path(settings)
    if path is None:
        raise ConfigError(_NO_HOME)
    return own_folder(path, DECLARED["data_dir"].env)


def data_path(settings: Settings) -> Path | None:
    """Return where the data folder is, whether it exists or not; None when there is no home and no folder is named."""
    return settings.data_dir or _usual("data")


def config_dir(settings: Settings) -> Path:
    """Return the folder of `config.toml` and a kept key, made if need be for this user alone.

    Raises:
        ConfigError: It cannot be made, or others could write into it.
    """
    return own_folder(config_path(settings), DECLARED["config_dir"].env)


def config_path(settings: Settings) -> Path:
    """Return where the config folder is, whether it exists or not: who has no home keeps everything in one folder.

    Raises:
        ConfigError: There is no home, and no folder is named.
    """
    path = settings.config_dir or _usual("config") or settings.data_dir
    if path is None:
        raise ConfigError(_NO_HOME)
    return path


def working_folder() -> Path:
    """Return the folder that the program was started in.

    Raises:
        ConfigError: It is not there any more.
    """
    try:
        return Path.cwd()
    except OSError as error:
        raise ConfigError("Change to another one.", title="The folder you are in is gone") from error


def is_absent(path: Path, error: Exception) -> bool:
    """Return whether a file that could not be read is none of ours: it is not there, or its folder is shut to us.

    Such a folder is the home of somebody else, as with `docker run --user` where HOME still is /root.
    """
    return isinstance(error, FileNotFoundError | NotADirectoryError) or (
        isinstance(error, PermissionError) and not os.access(path.parent, os.X_OK)
    )


def home_folder() -> Path | None:
    """Return the user's home, None when there is none."""
    try:
        home = Path.home()
    except RuntimeError:  # neither HOME nor an entry in /etc/passwd
        return None
    return home if home.is_absolute() else None


def _usual(kind: Literal["data", "config"]) -> Path | None:
    """Return where this system keeps such things of a user, None when the user has no home."""
    import platformdirs

    find = platformdirs.user_data_path if kind == "data" else platformdirs.user_config_path
    try:
        path = find(_APP, appauthor=False)
    except RuntimeError:
        return None
    return path if path.is_absolute() else None


def own_folder(path: Path, env: str) -> Path:
    """Return the folder, made if need be for this user alone.

    Args:
        path: Where.
        env: The setting that moves it, for errors.

    Raises:
        ConfigError: It cannot be made, or others could write into it.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
    except OSError as error:
        reason = "it is a file" if isinstance(error, FileExistsError) else error.strerror
        raise ConfigError(f"The folder {path} ({env}) cannot be used: {reason}.") from error
    if os.name == "posix" and found.st_uid != os.getuid():
        raise ConfigError(f"The folder {path} ({env}) belongs to somebody else.")
    if os.name == "posix" and found.st_mode & 0o002:
        raise ConfigError(f"Everybody may write into the folder {path} ({env}); run: chmod 700 '{path}'")
    return path
