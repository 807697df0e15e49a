"""What `argus` alone is, and what goes to the command line."""

import pytest

from argus_tui.__main__ import app_overrides


@pytest.mark.parametrize(
    ("arguments", "overrides"),
    [
        ([], {}),
        (["--data-dir", "here"], {"data_dir": "here"}),
        (["--data-dir=here", "--config-dir", "there"], {"data_dir": "here", "config_dir": "there"}),
        (["--data-dir", "--help"], {"data_dir": "--help"}),
        (["--data-dir="], {"data_dir": ""}),
    ],
)
def test_the_app_opens_with_folders_at_most(arguments: list[str], overrides: dict[str, str]) -> None:
    assert app_overrides(arguments) == overrides


@pytest.mark.parametrize(
    "arguments", [["list"], ["--help"], ["--version"], ["--data-dir"], ["--data-dir", "here", "list"], ["--"], [""]]
)
def test_everything_else_is_a_command(arguments: list[str]) -> None:
    assert app_overrides(arguments) is None
