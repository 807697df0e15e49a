"""Who runs a generation, and whether it is certainly gone."""

from __future__ import annotations

import os

import pytest

from argus_core.generations import owner
from argus_core.generations.owner import is_gone, new_owner


def test_this_process_is_not_gone() -> None:
    assert not is_gone(new_owner())


def test_names_are_never_used_twice() -> None:
    assert new_owner() != new_owner()


def test_a_number_that_went_to_another_process_is_gone() -> None:
    machine, pid, started, salt = new_owner().split("/")
    assert is_gone("/".join((machine, pid, f"{started}1", salt)))


def test_a_number_that_nobody_has_is_gone() -> None:
    machine, _, started, salt = new_owner().split("/")
    assert is_gone("/".join((machine, "99999999999999999999", started, salt)))


@pytest.mark.parametrize("name", ["", "/", "elsewhere/1/1/x", "a name", "elsewhere/x"])
def test_nothing_is_known_of_processes_elsewhere(name: str) -> None:
    assert not is_gone(name)


@pytest.mark.parametrize("pid", ["", "0", "-1", "x", "²"])
def test_a_number_that_is_none_tells_nothing(pid: str) -> None:
    machine, _, started, salt = new_owner().split("/")
    assert not is_gone("/".join((machine, pid, started, salt)))


def test_a_container_on_the_same_machine_is_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    machine, _, _, salt = new_owner().split("/")
    there = f"{machine}9/1/1/{salt}"
    assert not is_gone(there)


def test_a_process_of_somebody_else_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr("argus_core.generations.owner.os.kill", refuse)
    assert not is_gone(new_owner())


def test_a_machine_without_proc_goes_by_the_number_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owner, "_started", lambda pid: "")
    monkeypatch.setattr(owner, "_machine", lambda: "a-mac")
    name = new_owner()

    assert name.startswith(f"a-mac/{os.getpid()}//")
    assert not is_gone(name)
