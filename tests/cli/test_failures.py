"""Every error ends in one sentence and the exit code of its family; a bug ends in a log."""

import errno
import io
import re
import stat
import sys
from pathlib import Path

import pytest

from argus_core.errors import ArgusError, NotFound, RateLimited, all_errors
from argus_tui.cli import failures

DOCUMENTED = {
    "error": 1,
    "conflict": 1,
    "invalid_input": 2,
    "attachment_rejected": 2,
    "not_found": 3,
    "not_authenticated": 4,
    "bad_credentials": 4,
    "token_expired": 4,
    "permission_denied": 4,
    "key_missing": 4,
    "key_rejected": 4,
    "provider_error": 5,
    "place_not_supported": 5,
    "request_rejected": 5,
    "model_not_found": 5,
    "rate_limited": 5,
    "provider_unavailable": 5,
    "content_blocked": 5,
    "context_too_long": 5,
    "empty_answer": 5,
    "storage_error": 6,
    "storage_unavailable": 6,
    "schema_too_new": 6,
    "config_error": 7,
    "server_unreachable": 8,
    "limit_reached": 9,
}


@pytest.mark.parametrize("code", sorted(all_errors()))
def test_every_error_has_the_documented_exit_code(code: str) -> None:
    assert failures.exit_code(all_errors()[code]("hint")) == DOCUMENTED[code]


def test_docs_name_every_error_beside_its_exit_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| (\d+) \|(.*)\|$", page, re.MULTILINE))
    missing = {code: number for code, number in DOCUMENTED.items() if f"`{code}`" not in rows[str(number)]}
    assert missing == {}


def test_an_error_is_one_clean_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert failures.fail(NotFound("\x1b]52;c;aGk=\x07two\nlines")) == 3
    assert capsys.readouterr().err == "argus: Not found. two lines\n"


def test_a_subclass_nobody_listed_has_the_code_of_its_family() -> None:
    class Slower(RateLimited):
        code = "rate_limited"

    assert failures.exit_code(Slower()) == 5
    assert failures.exit_code(ArgusError()) == 1


def test_a_reader_that_left_is_no_failure(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "drop_output", lambda: None)
    assert failures.fail_to_write(BrokenPipeError()) == 0
    assert failures.fail_to_write(OSError(errno.EIO, "Input/output error")) == 0
    assert capsys.readouterr().err == ""


def test_a_full_disk_is_a_failure_in_words(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "drop_output", lambda: None)
    assert failures.fail_to_write(OSError(errno.ENOSPC, "No space left on device")) == 1
    assert "No space left on device" in capsys.readouterr().err


def raise_bug() -> ZeroDivisionError:
    try:
        raise ZeroDivisionError("a bug with \x1b[31m colours")
    except ZeroDivisionError as error:
        return error


def test_a_bug_is_one_sentence_and_a_private_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = raise_bug()
    failures.report_bug(lambda: tmp_path, type(error), error, error.__traceback__)
    (log,) = (tmp_path / "logs").iterdir()
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert str(log) in said
    assert "Traceback" not in said
    assert "Traceback" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700


def test_a_bug_without_a_place_for_its_log_is_still_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs").write_text("not a folder")
    error = raise_bug()
    failures.report_bug(lambda: tmp_path, type(error), error, error.__traceback__)
    assert "could not be written" in capsys.readouterr().err


class DeadTerminal(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(errno.EIO, "Input/output error")


def test_nothing_is_raised_where_the_terminal_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", DeadTerminal())
    assert failures.fail(NotFound()) == 3
