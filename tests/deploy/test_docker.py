"""The Dockerfile keeps its promises; its build is done without a container, since there is none for tests."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest
from dockerfile_parse import DockerfileParser

from tests.deploy.files import DEPLOY, ROOT, SECRETS, SETTINGS


class Instruction(NamedTuple):
    stage: int
    name: str
    value: str


def instructions() -> list[Instruction]:
    found, stage = [], -1
    for one in DockerfileParser(str(DEPLOY / "Dockerfile")).structure:
        if one["instruction"] == "COMMENT":
            continue
        stage += one["instruction"] == "FROM"
        found.append(Instruction(stage, one["instruction"], one["value"]))
    return found


def of(name: str, stage: int | None = None) -> list[str]:
    return [one.value for one in instructions() if one.name == name and stage in (None, one.stage)]


def environment(stage: int) -> dict[str, str]:
    pairs = (word.partition("=") for value in of("ENV", stage) for word in shlex.split(value))
    return {name: value for name, _, value in pairs}


def copied_from_the_repository() -> list[str]:
    copies = [shlex.split(value) for value in of("COPY")]
    return [source for words in copies if not words[0].startswith("--from") for source in words[:-1]]


def ignored(path: str) -> bool:
    """Return whether `.dockerignore` keeps a path out: the last pattern that fits decides."""
    out = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.removeprefix("!")
        if pattern and not pattern.startswith("#") and (pattern == "*" or f"{path}/".startswith(f"{pattern}/")):
            out = not line.startswith("!")
    return out


def test_it_is_built_in_two_stages_of_one_slim_python() -> None:
    images = [value.split()[0] for value in of("FROM")]
    assert len(images) == 2
    assert len(set(images)) == 1  # the environment is moved from one to the other with its links
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", images[0])


def test_the_server_runs_as_a_user_who_is_not_root() -> None:
    last = instructions()[-3:]
    assert [one.name for one in instructions() if one.stage == 1].count("USER") == 1
    assert of("USER", 1) == ["10001:10001"]
    assert {one.name for one in last} == {
        "STOPSIGNAL",
        "HEALTHCHECK",
        "CMD",
    }


def test_the_command_is_a_list_so_that_signals_reach_it() -> None:
    assert json.loads(of("CMD")[0]) == ["argus", "serve", "--host", "0.0.0.0"]
    assert of("ENTRYPOINT") == []
    assert of("STOPSIGNAL") == ["SIGTERM"]


def test_the_health_check_asks_the_port_that_is_set() -> None:
    command = json.loads(of("HEALTHCHECK")[0].partition("CMD ")[2])
    assert command[:2] == ["python", "-c"]
    assert "/healthz" in command[2]
    assert "environ['PORT']" in command[2]
    assert environment(1)["PORT"] == of("EXPOSE")[0]


def test_what_is_installed_has_hashes() -> None:
    run = " ".join(of("RUN", 0))
    installs = re.findall(r"pip install [^&]+", run)
    assert "--require-hashes --no-deps --only-binary :all: -r .ci/lock/run.txt" in installs[0]
    assert all("--no-index" in install for install in installs[1:])
    assert "--no-index" in re.findall(r"pip wheel [^&]+", run)[0]


def test_no_build_tool_is_in_the_last_stage() -> None:
    assert "pip uninstall --yes -r .ci/lock/build.in" in " ".join(of("RUN", 0))
    assert not re.search(r"pip|apt|curl|wget|gcc", " ".join(of("RUN", 1)))
    assert of("COPY", 1) == ["--from=build /opt/argus /opt/argus"]


def test_nothing_comes_from_an_address_and_no_secret_is_baked_in() -> None:
    assert of("ADD") == []
    assert of("ARG") == []
    for stage in (0, 1):
        assert not SECRETS & environment(stage).keys()
    assert {name for name in environment(1) if name.startswith("ARGUS_")} <= SETTINGS


def test_what_is_written_is_under_data_which_the_user_owns() -> None:
    env = environment(1)
    assert "install -d -o argus -g argus -m 0700 /data" in of("RUN", 1)[0]
    assert [env["ARGUS_DATA_DIR"], env["HOME"], *of("WORKDIR", 1)] == ["/data"] * 3
    assert env["ARGUS_CONFIG_DIR"].startswith("/data/")
    assert env["PYTHONDONTWRITEBYTECODE"] == "1"


@pytest.mark.parametrize("source", copied_from_the_repository())
def test_what_is_copied_is_there_and_reaches_the_builder(source: str) -> None:
    assert (ROOT / source).exists()
    assert not ignored(source)


@pytest.mark.parametrize("path", [".git", ".env", ".venv", "tests", "deploy", "docs", ".ci/run", ".ci/lock/dev.txt"])
def test_the_rest_of_the_repository_stays_out(path: str) -> None:
    assert ignored(path)


@pytest.mark.slow
def test_what_is_copied_is_enough_for_the_wheel(tmp_path: Path) -> None:
    """Run the Dockerfile's `pip wheel` in a folder that holds what it copies and nothing else."""
    context, wheels = tmp_path / "src", tmp_path / "wheel"
    for source in copied_from_the_repository():
        target = context / source
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copyfile
        copy(ROOT / source, target)
    line = re.search(r"pip (wheel [^&]+)", " ".join(of("RUN", 0)))
    assert line
    words = [str(wheels) if word == "/wheel" else word for word in shlex.split(line[1])]
    subprocess.run([sys.executable, "-m", "pip", *words], cwd=context, check=True, capture_output=True)
    with zipfile.ZipFile(next(wheels.iterdir())) as wheel:
        names = wheel.namelist()
    assert "argus_core/serve.py" in names
    assert "argus_tui/cli/app.py" in names
    assert any(name.endswith("entry_points.txt") for name in names)
