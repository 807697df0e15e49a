"""A team at two replicas on one MongoDB: real servers, real programs on terminals, a bad line between."""

from __future__ import annotations

import asyncio
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from argus_core.ids import new_id
from tests.e2e.home import ARGUS, Home, ask
from tests.faults.cluster import PASSWORD, Cluster, Replica
from tests.support.netproxy import NetProxy
from tests.support.terminal import ENTER, LONG_S, TAB, alt, until

SLOW = "rate-200-20"
"""The model of the stand-in that says `tok1 ` to `tok200 `, twenty a second."""
WHOLE = "".join(f"tok{number} " for number in range(1, 201)).strip()


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(2, ARGUS_MODEL=SLOW) as cluster:
        yield cluster


@pytest.fixture
def replicas(cluster: Cluster) -> tuple[Replica, Replica]:
    cluster.start_all()
    one, two = cluster.replicas
    return one, two


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Home]:
    """The machine of somebody who has no key and no store, only the team's server."""
    path = tmp_path / "home"
    path.mkdir(mode=0o700)
    home = Home(path, "http://127.0.0.1:9")
    with home.programs:
        yield home
    assert not any(terminal.left_over() for terminal in home.started)


@pytest.fixture
def email(cluster: Cluster) -> str:
    """An account of this test's own: guesses at one are throttled, and so are many sign-ins."""
    email = f"{new_id()[-8:]}@example.org"  # short: a form shows it whole
    with_password("admin", "create", "--email", email, "--name", "Sara", env=cluster.settings, cwd=cluster.folder)
    return email


def with_password(*arguments: str, env: Mapping[str, str], cwd: Path) -> None:
    """Run a command that takes the password from stdin, and see that it never says it."""
    done = subprocess.run(
        [ARGUS, *arguments, "--password-stdin"],
        env=env,
        cwd=cwd,
        input=f"{PASSWORD}\n".encode(),
        capture_output=True,
        timeout=LONG_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert PASSWORD.encode() not in done.stdout + done.stderr


def address(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def sign_in(home: Home, port: int, email: str) -> None:
    with_password("--server", address(port), "login", "--email", email, env=home.env, cwd=home.path)


def settings_of(port: int) -> dict[str, str | None]:
    """What a program of the team has in its environment: no key of its own."""
    return {"ARGUS_SERVER": address(port), "GEMINI_API_KEY": None, "GOOGLE_GEMINI_BASE_URL": None, "ARGUS_MODEL": None}


def test_two_terminals_on_two_replicas_show_one_answer_and_survive_the_end_of_one(
    team: Home, replicas: tuple[Replica, Replica], email: str
) -> None:
    first, _ = replicas
    for replica in replicas:
        sign_in(team, replica.port, email)
    here, there = (team.start(settings=settings_of(replica.port)) for replica in replicas)
    ask(here, "Count for both of us")
    here.wait_for("tok3 ")
    there.wait_for("Count for both of us")
    there.send(alt("1"))
    assert "tok150 " not in there.wait_for("tok20 ")
    here.wait_for("also open on")
    there.wait_for("also open on")

    first.kill()
    killed_at = time.monotonic()
    there.wait_for("cut off")
    assert time.monotonic() - killed_at < LONG_S
    here.wait_for("trying again")
    ask(there, "/continue")
    there.wait_for("tok200")
    there.wait_gone("tok/s")
    first.start()
    here.wait_for("tok200")
    here.wait_gone("trying again")


def test_a_client_that_was_killed_catches_up_elsewhere(
    team: Home, replicas: tuple[Replica, Replica], email: str
) -> None:
    for replica in replicas:
        sign_in(team, replica.port, email)
    here = team.start(settings=settings_of(replicas[0].port))
    ask(here, "Count on without me")
    here.wait_for("tok5 ")
    here.kill()
    there = team.start(settings=settings_of(replicas[1].port))
    there.wait_for("Count on without me")
    there.send(alt("1"))
    there.wait_for("tok200")
    there.wait_gone("tok/s")


def test_ask_prints_the_whole_answer_once_over_a_line_that_is_cut_every_second(
    team: Home, replicas: tuple[Replica, Replica], email: str
) -> None:
    with bad_line(replicas[0].port) as (port, cut_every_second, cuts):
        sign_in(team, port, email)
        cut_every_second()
        settings = {name: value for name, value in settings_of(port).items() if value is not None}
        done = team.run("ask", "Count over a bad line", **settings)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().strip() == WHOLE
    assert cuts() >= 5


def test_the_program_asks_to_sign_in_and_stays_signed_in(
    team: Home, replicas: tuple[Replica, Replica], email: str
) -> None:
    terminal = team.start(settings=settings_of(replicas[0].port), ready=False)
    terminal.wait_for("Make an account")
    terminal.send(email)
    terminal.wait_for(email)
    terminal.send(TAB)
    terminal.send("not the password")
    terminal.wait_for("•" * len("not the password"))
    terminal.send(ENTER)
    terminal.wait_for("not right for this email")
    assert b"not the password" not in terminal.written
    terminal.send("\x15" + PASSWORD)
    terminal.wait_for("•" * len(PASSWORD))
    terminal.send(ENTER)
    terminal.wait_for("Write here")
    assert PASSWORD.encode() not in terminal.written
    again = team.start(settings=settings_of(replicas[0].port), ready=False)
    again.wait_for("Write here")
    assert "Make an account" not in again.text


def test_with_a_mongodb_and_no_server_the_program_asks_to_sign_in(team: Home, cluster: Cluster, email: str) -> None:
    settings: dict[str, str | None] = {
        "MONGO_URI": cluster.uri,
        "GOOGLE_GEMINI_BASE_URL": cluster.gemini_url,
        "ARGUS_MODEL": SLOW,
    }
    terminal = team.start(settings=settings, ready=False)
    terminal.wait_for("Make an account")
    env = team.env | {name: str(value) for name, value in settings.items()}
    with_password("login", "--email", email, env=env, cwd=team.path)
    signed_in = team.start(settings=settings)
    ask(signed_in, "Count in the database")
    signed_in.wait_for("tok200")
    until(lambda: cluster.db.messages.count_documents({"status": "running"}) == 0, "the answer is stored")


@contextmanager
def bad_line(port: int) -> Iterator[tuple[int, Callable[[], None], Callable[[], int]]]:
    """Put a line before a port; gives its port, what makes it break once a second, and how often it broke."""
    loop = asyncio.new_event_loop()
    proxy = NetProxy(port)
    listening, cutting, stop = threading.Event(), threading.Event(), asyncio.Event()

    async def cut() -> None:
        async with proxy:
            listening.set()
            while not stop.is_set():
                await asyncio.sleep(1)
                if cutting.is_set():
                    proxy.reset_all()

    thread = threading.Thread(target=lambda: loop.run_until_complete(cut()), name="bad line")
    thread.start()
    assert listening.wait(LONG_S)
    try:
        yield proxy.port, cutting.set, lambda: proxy.resets
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
