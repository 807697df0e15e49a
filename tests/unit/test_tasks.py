"""Work in the background: never lost, its bugs told."""

from __future__ import annotations

import asyncio

import pytest

from argus_core.tasks import Background, Grumble


async def test_join_waits_and_close_cancels() -> None:
    background = Background()
    ended: list[str] = []
    gate = asyncio.Event()

    async def work(name: str) -> None:
        try:
            await gate.wait()
            ended.append(name)
        except asyncio.CancelledError:
            ended.append(f"{name} cancelled")
            raise

    background.start(work("one"), "one")
    gate.set()
    await background.join()
    gate.clear()
    background.start(work("two"), "two")
    await asyncio.sleep(0)
    await background.close()
    await background.close()

    assert ended == ["one", "two cancelled"]


async def test_a_bug_is_told_by_the_name_of_the_task(caplog: pytest.LogCaptureFixture) -> None:
    async def work() -> None:
        raise ZeroDivisionError

    background = Background()
    background.start(work(), "counting")
    await background.join()

    assert "counting ended by a bug" in caplog.text


async def test_a_loop_goes_on_after_a_bug_which_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    grumble = Grumble("the loop")
    for bug in (TypeError("a"), TypeError("a"), ValueError("b"), None, ValueError("b")):
        with grumble.told():
            if bug is not None:
                raise bug
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [TypeError, ValueError, ValueError]
    with pytest.raises(asyncio.CancelledError), grumble.told():
        raise asyncio.CancelledError
