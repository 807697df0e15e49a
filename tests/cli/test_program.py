"""The real program in a process of its own: terminals, pipes, signals."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest
from rich.cells import cell_len

from tests.cli.conftest import ROOT

pytestmark = pytest.mark.slow

ARGUS = [sys.executable, "-m", "argus_tui"]
OWN_SEQUENCES = re.compile(r"\x1b\[(?:K|0m|1m|2m)")
"""The line of the spinner and our own styles."""


@pytest.fixture
def env(environ: dict[str, str]) -> dict[str, str]:
    return {
        **environ,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        "LANG": "C.UTF-8",
    }


def run(env: dict[str, str], *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([*ARGUS, *arguments], env=env, input=stdin, capture_output=True, text=True)


def spawn(env: dict[str, str], *arguments: str, columns: int = 80) -> pexpect.spawn:
    return pexpect.spawn(
        sys.executable, ["-m", "argus_tui", *arguments], env=env, encoding="utf-8", dimensions=(24, columns), timeout=20
    )


def ended(child: pexpect.spawn) -> tuple[int, str]:
    """Return the exit code and what was written until then, since the last match."""
    child.expect(pexpect.EOF)
    child.close()
    code = child.exitstatus if child.exitstatus is not None else 128 + child.signalstatus
    return code, child.before


def last_message(env: dict[str, str]) -> dict[str, Any]:
    (conversation,) = [json.loads(line) for line in run(env, "list", "--json").stdout.splitlines()]
    message = json.loads(run(env, "show", conversation["id"], "--json").stdout)["messages"][-1]
    assert isinstance(message, dict)
    return message


def words_of(message: dict[str, Any]) -> list[str]:
    return "".join(part["text"] for part in message["parts"] if part["type"] == "text").split()


def test_without_a_terminal_the_program_says_so(env: dict[str, str]) -> None:
    done = run(env)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "argus: This needs a terminal; in a script use `argus ask TEXT`, and see `argus --help`.\n"


def test_a_dumb_terminal_is_none(env: dict[str, str]) -> None:
    code, said = ended(spawn({**env, "TERM": "dumb"}))
    assert code == 2
    assert "needs a terminal" in said


def test_ctrl_c_keeps_the_partial_answer_and_exits_130(env: dict[str, str]) -> None:
    child = spawn(env, "ask", "-m", "rate-2000-50", "count")
    child.expect("tok8 ")
    child.sendintr()
    code, rest = ended(child)
    assert code == 130
    assert rest.endswith("\r\n")
    assert "Traceback" not in rest
    message = last_message(env)
    assert message["status"] == "cancelled"
    words = words_of(message)
    assert words == [f"tok{n}" for n in range(1, len(words) + 1)]
    assert len(words) >= 8


def test_sigterm_stops_in_good_order(env: dict[str, str]) -> None:
    child = spawn(env, "ask", "-m", "rate-2000-50", "count")
    child.expect("tok8 ")
    child.kill(signal.SIGTERM)
    assert ended(child)[0] == 143
    assert last_message(env)["status"] == "cancelled"


def test_after_a_hang_up_the_answer_is_whole(env: dict[str, str]) -> None:
    child = spawn(env, "ask", "-m", "rate-60-50", "count")
    child.expect("tok8 ")
    os.close(child.child_fd)  # the line drops: the kernel sends SIGHUP, and writing fails from now on
    child.ptyproc.fd = child.child_fd = -1
    _, status = os.waitpid(child.pid, 0)
    child.ptyproc.terminated = True
    assert os.waitstatus_to_exitcode(status) == 129
    message = last_message(env)
    assert message["status"] == "completed"
    assert len(words_of(message)) == 60


def test_a_reader_that_has_enough_ends_the_answer_quietly(env: dict[str, str]) -> None:
    with subprocess.Popen(
        [*ARGUS, "ask", "-m", "rate-2000-50", "count"],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(5) == b"tok1 "
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0
    assert last_message(env)["status"] == "cancelled"


def test_a_list_into_a_closed_pipe_is_quiet(env: dict[str, str]) -> None:
    run(env, "ask", "hello")
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*ARGUS, "list"], env=env, stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.PIPE
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_full_disk_is_one_sentence(env: dict[str, str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*ARGUS, "doctor", "--offline"], env=env, stdin=subprocess.DEVNULL, stdout=full, stderr=subprocess.PIPE
        )
    assert done.returncode == 1
    assert done.stderr.startswith(b"argus: No space left on device")
    assert done.stderr.count(b"\n") == 1


def test_waiting_shows_on_the_terminal_and_goes_away(env: dict[str, str]) -> None:
    child = spawn(env, "ask", "-m", "silent", "hello")
    child.expect("waiting 1 s")
    child.sendintr()
    code, rest = ended(child)
    assert code == 130
    assert "\r\x1b[K" in rest


@pytest.mark.parametrize("arguments", [("ask", "-m", "hostile", "hello"), ("ask", "-m", "err-hostile", "hello")])
def test_no_foreign_sequence_reaches_the_terminal(env: dict[str, str], arguments: tuple[str, ...]) -> None:
    _, said = ended(spawn(env, *arguments))
    assert not set(OWN_SEQUENCES.sub("", said)) & set("\x1b\x07\x9b\u202e\u2066")


def test_no_color_takes_the_styles_away(env: dict[str, str]) -> None:
    run(env, "ask", "hello")
    assert "\x1b[2m" in ended(spawn(env, "list"))[1]
    assert "\x1b[" not in ended(spawn({**env, "NO_COLOR": "1"}, "list"))[1]


def test_a_table_fits_the_terminal_and_is_aligned_by_cells(env: dict[str, str]) -> None:
    for title in (
        "a very long title that goes on and on for ever",
        "东京都的天气怎么样东京都的天气怎么样",
        "سلام می‌خواهم",
    ):
        run(env, "ask", "-m", "model", title)
    code, said = ended(spawn({**env, "NO_COLOR": "1"}, "list", columns=44))
    lines = said.splitlines()
    assert code == 0
    assert len(lines) == 4
    assert all(cell_len(line) <= 44 for line in lines)
    starts = {cell_len(line[: line.index("model")]) for line in lines[1:]}
    assert starts == {cell_len(lines[0][: lines[0].index("MODEL")])}


def test_output_in_a_poor_encoding_is_replaced_not_refused(env: dict[str, str]) -> None:
    done = run({**env, "PYTHONIOENCODING": "ascii"}, "ask", "-m", "unicode", "hello")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_a_bug_is_one_sentence_and_a_log(env: dict[str, str]) -> None:
    code = (
        "import sys; sys.argv = ['argus', 'list']; import argus_tui.cli.conversations as c; "
        "c._newest = lambda *_: 1 / 0; from argus_tui.__main__ import main; sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("argus: This is a bug in Argus (ZeroDivisionError)")
    assert done.stderr.count("\n") == 1
    (log,) = (Path(env["ARGUS_DATA_DIR"]) / "logs").iterdir()
    assert str(log) in done.stderr
    assert "ZeroDivisionError" in log.read_text()


def test_ctrl_c_while_the_program_loads_is_quiet(env: dict[str, str]) -> None:
    code = (
        "import sys; sys.argv = ['argus', 'list']; import argus_tui.__main__ as m\n"
        "def interrupted(_): raise KeyboardInterrupt\n"
        "m._run = interrupted; sys.exit(m.main())"
    )
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "")


def test_a_shell_gets_completions(env: dict[str, str]) -> None:
    asked = {**env, "_ARGUS_COMPLETE": "complete_bash", "COMP_WORDS": "argus sea", "COMP_CWORD": "1"}
    assert run(asked).stdout.split() == ["search"]


def test_several_deletions_are_asked_about_on_a_terminal(env: dict[str, str]) -> None:
    for word in ("one", "two"):
        run(env, "ask", word)
    ids = [line.split("\t")[0] for line in io.StringIO(run(env, "list").stdout)]
    child = spawn(env, "rm", *ids)
    child.expect("Delete 2 conversations")
    child.sendline("n")
    assert ended(child)[0] == 1
    assert len(run(env, "list").stdout.splitlines()) == 2
    assert ended(spawn(env, "rm", "--yes", *ids))[0] == 0
    assert run(env, "list").stdout == ""


def test_a_key_typed_on_a_terminal_is_not_shown(env: dict[str, str]) -> None:
    child = spawn(env, "key")
    child.expect("not shown")
    child.sendline(env["GEMINI_API_KEY"])
    code, said = ended(child)
    assert code == 0
    assert env["GEMINI_API_KEY"] not in said
    assert "The key works" in said
