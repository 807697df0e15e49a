"""The documentation names everything there is, and nothing in the tree points to a place that is not there."""

from __future__ import annotations

import re
import subprocess
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from argus_core.errors import all_errors
from argus_core.settings import Settings
from argus_tui.cli.app import app as command_line
from argus_tui.commands import COMMANDS, Command

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
# Written in pieces, so that this file does not hold what it looks for.
PACKAGE_INDEXES = ("pypi" + ".org", "files." + "pythonhosted", "registry." + "npmjs", "test." + "pypi")
MACHINE_PATHS = ("/work" + "/", "/opt" + "/pypi", "/opt" + "/wheels")


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    paths = [ROOT / name for name in listed.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def anchors(text: str) -> set[str]:
    """The anchors that headings of a page have."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", ["docs/settings.md", ".env.example"])
@pytest.mark.parametrize("setting", fields(Settings), ids=lambda field: field.name)
def test_every_setting_is_described(name: str, setting: Field[Any]) -> None:
    env = setting.metadata["env"]
    assert re.search(rf"\b{env}\b", page(name)), f"{env} is not in {name}"


@pytest.mark.parametrize("code", sorted(all_errors()))
def test_every_error_code_is_described(code: str) -> None:
    assert f"| `{code}` | `{all_errors()[code].__name__}` |" in page("docs/errors.md")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.action)
def test_every_key_and_slash_command_is_described(command: Command) -> None:
    row = next((line for line in page("docs/keys.md").splitlines() if f"| `{command.id}` |" in line), "")
    assert row, f"{command.id} has no row in docs/keys.md"
    missing = [what for what in (*command.keys.split(","), command.usage) if what and f"`{what}`" not in row]
    assert not missing, f"{command.id}: {missing} not in its row"


@pytest.mark.parametrize("name", sorted(getattr(get_command(command_line), "commands", {})))
def test_every_command_of_the_shell_is_described(name: str) -> None:
    assert f"argus {name}" in page("docs/cli.md")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(path: Path) -> None:
    broken = []
    for target in LINK.findall(path.read_text(encoding="utf-8")):
        place, _, anchor = target.partition("#")
        if "://" in place:
            continue
        file = (path.parent / place).resolve() if place else path
        if not file.exists() or (anchor and anchor not in anchors(file.read_text(encoding="utf-8"))):
            broken.append(target)
    assert not broken


def test_no_tracked_file_names_a_package_index_or_this_machine() -> None:
    found = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", "ignore")
        found += [f"{path.relative_to(ROOT)}: {word}" for word in (*PACKAGE_INDEXES, *MACHINE_PATHS) if word in text]
    assert not found


def test_every_decision_is_in_the_list_of_decisions() -> None:
    listed = page("docs/adr/README.md")
    pages = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
    assert [path.name for path in pages if path.name not in listed] == []
    assert [int(path.name[:4]) for path in pages] == list(range(1, len(pages) + 1))
