"""What the files and pages on deployment name is there: settings, files, commands, secrets."""

from __future__ import annotations

import re

import pytest
from typer.main import get_command

from argus_tui.cli.app import app as command_line
from tests.deploy.files import DEPLOY, ROOT, SETTINGS

FILES = sorted([*DEPLOY.iterdir(), *(ROOT / "docs" / "deploy").iterdir(), ROOT / "docs" / "security.md"])
NAMES = [str(path.relative_to(ROOT)) for path in FILES]
A_SETTING = re.compile(r"\b(?:ARGUS_[A-Z0-9_]+|MONGO_URI\w*|JWT_SECRET_KEY\w*|GEMINI_API_KEY\w*)\b")
A_PATH = re.compile(r"(?<![\w/.~-])(?:deploy|docs|tests|argus_core|argus_tui|\.ci)/[\w./-]*\w")
A_LINK = re.compile(r"\]\([^)]*\)")
"""Relative to its page; `tests/unit/test_docs.py` follows those."""
CODE = re.compile(r"```\w*\n.*?```|`[^`\n]+`", re.DOTALL)
A_COMMAND = re.compile(r"(?<![\w.-])argus (?:--server \S+ )?(?!argus\b)([a-z][a-z-]+(?: [a-z]+)*)")
MADE_BY_THE_READER = {"deploy/.env"}


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_that_is_named_exists(name: str) -> None:
    named = set(A_SETTING.findall((ROOT / name).read_text(encoding="utf-8")))
    assert named - SETTINGS == set()


@pytest.mark.parametrize("name", NAMES)
def test_every_file_that_is_named_exists(name: str) -> None:
    content = A_LINK.sub("]", (ROOT / name).read_text(encoding="utf-8"))
    named = set(A_PATH.findall(content)) - MADE_BY_THE_READER
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def test_every_file_of_deploy_is_explained() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "deploy").glob("*.md"))
    assert [path.name for path in DEPLOY.iterdir() if f"deploy/{path.name}" not in pages] == []


def test_every_page_is_reached_from_the_first() -> None:
    folder = ROOT / "docs" / "deploy"
    first = (folder / "README.md").read_text(encoding="utf-8")
    assert [
        path.name for path in folder.glob("*.md") if path.name != "README.md" and f"({path.name})" not in first
    ] == []


def test_shell_scripts_can_be_run() -> None:
    scripts = [path for path in DEPLOY.iterdir() if path.read_bytes().startswith(b"#!")]
    assert [path.name for path in scripts] == ["make-secrets"]
    assert all(path.stat().st_mode & 0o111 for path in scripts)


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".md")])
def test_every_command_of_argus_that_is_named_exists(name: str) -> None:
    content = (ROOT / name).read_text(encoding="utf-8")
    code = "\n".join(CODE.findall(content))
    assert [words for words in A_COMMAND.findall(code) if not is_a_command(words.split())] == []


def is_a_command(words: list[str]) -> bool:
    """Return whether the words lead to a command that does something; what follows are its arguments."""
    command: object = get_command(command_line)
    for word in words:
        inner: dict[str, object] = getattr(command, "commands", {})
        if not inner:
            return True
        command = inner.get(word)
    return command is not None and not hasattr(command, "commands")
