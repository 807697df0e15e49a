"""The log goes into the file that is named, readable by its owner alone, or nowhere."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from argus_core.errors import ConfigError
from argus_tui.cli import log


@pytest.fixture(autouse=True)
def _core_log_as_it_was() -> Iterator[None]:
    core = logging.getLogger("argus_core")
    handlers, level = core.handlers, core.level
    yield
    for handler in core.handlers:
        handler.close()
    core.handlers = handlers
    core.setLevel(level)


def test_what_the_core_says_is_in_the_named_file(tmp_path: Path) -> None:
    path = tmp_path / "argus.log"
    log.start(path)

    logging.getLogger("argus_core.generations.run").error("a generation ended by a bug")

    assert "argus_core.generations.run: a generation ended by a bug" in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o600


def test_without_a_file_nothing_reaches_the_screen(capfd: pytest.CaptureFixture[str]) -> None:
    log.start(None)

    logging.getLogger("argus_core.generations.run").error("a generation ended by a bug")

    assert capfd.readouterr() == ("", "")


def test_a_file_that_cannot_be_written_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ARGUS_LOG_FILE"):
        log.start(tmp_path / "missing" / "argus.log")
