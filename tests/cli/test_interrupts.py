"""Signals while an answer is written."""

import asyncio
import os
import signal

import pytest

from argus_tui.cli.interrupts import Interrupts


class Left(Exception):
    """The process would be gone."""


async def test_a_second_ctrl_c_leaves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[object] = []
    told = asyncio.Event()
    left = asyncio.Event()

    def leave(code: int) -> None:
        done.append(code)
        left.set()

    monkeypatch.setattr("argus_tui.cli.interrupts.os._exit", leave)
    with Interrupts(lambda number: told.set()) as interrupts:
        os.kill(os.getpid(), signal.SIGINT)
        await told.wait()
        assert done == []
        os.kill(os.getpid(), signal.SIGINT)
        await left.wait()
    assert done == [130]
    assert interrupts.exit_code == 130


async def test_without_a_signal_there_is_no_exit_code() -> None:
    with Interrupts(lambda number: None) as interrupts:
        pass
    assert interrupts.exit_code is None


async def test_handlers_are_gone_afterwards() -> None:
    with Interrupts(lambda number: None):
        pass
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


async def test_where_the_loop_takes_no_handlers_nothing_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(asyncio.get_running_loop(), "add_signal_handler", refuse)
    with Interrupts(lambda number: None) as interrupts:
        assert interrupts.first is None
