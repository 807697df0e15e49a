"""Settings and where they come from; built once by the command line and passed on as arguments.

Order, first wins: command line, environment, `.env` in the working folder, `config.toml` in the config folder, default.
A frozen dataclass rather than pydantic-settings: that would double the time to the first paint (docs/adr/0005).
"""

from argus_core.settings.fields import DECLARED, Secret, Settings
from argus_core.settings.folders import (
    STORE_FILE,
    config_dir,
    config_path,
    data_dir,
    data_path,
    home_folder,
    is_absent,
    own_folder,
    working_folder,
)
from argus_core.settings.report import Described, describe, env_example
from argus_core.settings.sources import LoadedSettings, load_settings
from argus_core.settings.values import MONGO_SCHEMES, networks

__all__ = [
    "DECLARED",
    "MONGO_SCHEMES",
    "STORE_FILE",
    "Described",
    "LoadedSettings",
    "Secret",
    "Settings",
    "config_dir",
    "config_path",
    "data_dir",
    "data_path",
    "describe",
    "env_example",
    "home_folder",
    "is_absent",
    "load_settings",
    "networks",
    "own_folder",
    "working_folder",
]
