"""The measuring tools themselves: answers, the emulated terminal, the table, the drawn cells."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from textual.strip import Strip

from argus_core.providers.base import EndChunk, Prompt, PromptMessage, TextChunk
from argus_core.server.streams import frame
from benchmarks import cases, table
from benchmarks.answers import END, START, Kind, answer
from benchmarks.emulator import Emulator
from benchmarks.screens.blocks import boxes
from benchmarks.screens.draw import Painter
from benchmarks.screens.fonts import CELL_HEIGHT, CELL_WIDTH
from benchmarks.team import __main__ as team
from benchmarks.team import ask, history, idle, load, stream_cpu
from benchmarks.team.fleet import Account
from benchmarks.team.reading import Read
from benchmarks.team.report import Runs
from benchmarks.team.sockets import EventLine, parse
from benchmarks.team.speaker import MODEL, Speaker, question, spoken
from tests.support import mongod
from tests.support.builders import a_user

KINDS: tuple[Kind, ...] = ("mix", "prose", "list", "code", "table")
THEME = TerminalTheme((0, 0, 0), (255, 255, 255), [(0, 0, 0)] * 8)
MARGIN = 12
_SHORT_STREAMS = stream_cpu.Streaming(readers=2, tokens=40, replayed_events=600, replays=2, rounds=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [200, 2_000])
def test_an_answer_has_exactly_as_many_tokens_as_asked_for(kind: Kind, count: int) -> None:
    said = answer(kind, count)
    assert len(said.tokens) == count
    assert said.tokens[0] == START
    assert said.tokens[-1] == END


@pytest.mark.parametrize("kind", KINDS)
def test_marks_stand_where_the_answer_says(kind: Kind) -> None:
    said = answer(kind, 2_000)
    assert len(said.marks) >= 15
    assert all(said.tokens[index].strip() == mark for index, mark in said.marks.items())


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        (b"\x1b[c", b"\x1b[?62;22c"),
        (b"\x1b[?2026$p", b"\x1b[?2026;2$y"),
        (b"\x1b[?9999$p", b"\x1b[?9999;0$y"),
        (b"\x1b[18t", b"\x1b[8;24;80t"),
        (b"\x1b[31mred\x1b[0m", b""),
    ],
)
def test_the_emulator_answers_as_a_terminal_does(asked: bytes, answered: bytes) -> None:
    assert Emulator(80, 24).replies(asked) == answered


def test_a_question_cut_by_the_end_of_a_read_is_still_answered_once() -> None:
    emulator = Emulator(80, 24)
    assert emulator.replies(b"text \x1b[?20") == b""
    assert emulator.replies(b"26$p more") == b"\x1b[?2026;2$y"
    assert emulator.replies(b"text") == b""


def test_the_emulator_keeps_the_text_of_the_screen() -> None:
    emulator = Emulator(20, 4)
    emulator.feed(b"\x1b[?1049h\x1b[2;3H\x1b[38;2;1;2;3mHel")
    emulator.feed("lo ┃".encode()[:-1])
    emulator.feed("┃".encode()[-1:])
    assert emulator.text().splitlines()[1] == "  Hello ┃"


def test_the_table_divides_medians_by_those_of_the_floor() -> None:
    row = cases.Row("start", "argus", "ready_ms", "hello", "≤ 1.25 ×")
    runs = {"argus": [{"ready_ms": 240.0}, {"ready_ms": 300.0}, {"ready_ms": 900.0}], "hello": [{"ready_ms": 250.0}]}
    assert "| start | 300 ms [240 to 900] | 250 ms | 1.20 × | ≤ 1.25 × |" in table.render([row], runs)


def test_a_row_whose_case_did_not_run_is_left_out() -> None:
    assert table.render([cases.Row("start", "argus", "ready_ms")], {}).count("\n") == 1


def test_every_row_compares_figures_of_the_same_name_in_known_groups() -> None:
    assert set(cases.ROWS) == set(cases.GROUPS)


@pytest.mark.parametrize("character", [*"█▀▄▌▐▍▎▏▕─━│┃▁▂▃▅▆▇", "⠹", "⣿"])
def test_blocks_stay_inside_their_cell(character: str) -> None:
    found = boxes(character)
    assert found
    for left, top, right, bottom in found:
        assert 0 <= left <= right < CELL_WIDTH
        assert 0 <= top <= bottom < CELL_HEIGHT


@pytest.mark.parametrize("character", ["a", "•", "س", "\u2800"])
def test_what_is_no_block_is_left_to_the_font(character: str) -> None:
    assert boxes(character) is None


def test_half_blocks_are_drawn_in_both_colours() -> None:
    strip = Strip([Segment("▀", Style(color="#ff0000", bgcolor="#0000ff"))])
    image = Painter(THEME).paint([strip], (0, 0, 0))
    assert image.getpixel((MARGIN + 1, MARGIN + 1)) == (255, 0, 0)
    assert image.getpixel((MARGIN + 1, MARGIN + CELL_HEIGHT - 1)) == (0, 0, 255)
    assert image.getpixel((1, 1)) == (0, 0, 0)


def test_few_colours_are_those_of_the_palette() -> None:
    strip = Strip([Segment("█", Style(color="#123456"))])
    image = Painter(THEME, few=True).paint([strip], (0, 0, 0))
    pixel = image.getpixel((MARGIN + 1, MARGIN + 1))
    assert pixel != (0x12, 0x34, 0x56)
    assert isinstance(pixel, tuple)
    assert all(part in (0, 95, 135, 175, 215, 255) or (part - 8) % 10 == 0 for part in pixel)


def test_a_speaker_says_exactly_what_is_asked_for() -> None:
    async def say() -> tuple[str, int]:
        words, ends = [], 0
        prompt = Prompt(model=MODEL, messages=(PromptMessage("user", (question(30),)),))
        async for chunk in Speaker().stream(prompt):
            words.append(chunk.text if isinstance(chunk, TextChunk) else "")
            ends += isinstance(chunk, EndChunk)
        return "".join(words), ends

    assert asyncio.run(say()) == (spoken(30), 1)


def test_an_event_is_taken_apart() -> None:
    sent = frame("text_delta", {"type": "text_delta", "text": "a\n\nb"}, 7)
    assert parse(sent) == (7, "text_delta", {"type": "text_delta", "text": "a\n\nb"})
    assert parse(b": beat\n\n") == (0, "", None)


@pytest.mark.parametrize("size", [1, 7, 4096])
async def test_a_line_finds_the_events_wherever_a_read_ends(size: int) -> None:
    frames = [frame("text_delta", {"text": f"word {n}"}, n) for n in range(1, 20)]
    halves = [b"".join(frames)[:50], b"".join(frames)[50:]]
    sent = b"HTTP/1.1 200 OK\r\n\r\n" + b"".join(b"%x\r\n%s\r\n" % (len(half), half) for half in halves) + b"0\r\n\r\n"
    came: list[bytes] = []
    line = EventLine(b"", came.append)
    for at in range(0, len(sent), size):
        line.data_received(sent[at : at + size])
    assert (line.status, line.came_whole, came) == (200, True, frames)


def test_a_reader_notes_what_is_not_the_next_event() -> None:
    read = Read(Account(a_user(), "session"), "generation", "message", 2, asked_at=0.0)
    for n, event, data in ((1, "started", {}), (3, "text_delta", {"text": "w0001 "}), (4, "completed", {})):
        read.take(frame(event, data, n))
    read.take(frame("completed", {}, 5))
    assert (read.n, read.ended, len(read.faults)) == (5, "completed", 2)


@pytest.mark.parametrize("name", team.CASES)
def test_every_row_of_the_team_names_a_figure_with_a_unit(name: str) -> None:
    rows = team.CASES[name].rows
    runs = {row.case: [{row.figure: 2.0}] for row in rows} | {row.floor or "": [{row.figure: 1.0}] for row in rows}
    assert table.render(rows, runs).count("\n") == 1 + len(rows)


@pytest.mark.slow
@pytest.mark.filterwarnings(mongod.LEFT_OPEN)
async def test_the_load_kills_servers_and_finds_every_answer_whole() -> None:
    runs = await load.measure(load.Load(answers=6, tokens=60, duration_s=6.0, kill_each_s=2.0))
    figures = runs["load"][0]
    assert figures["kills_count"] >= 1
    assert figures["answers_count"] >= 6
    assert (figures["violations_count"], figures["unexpected_count"]) == (0, 0)
    assert "| violations | 0 |" in table.render(load.ROWS, runs)


@pytest.mark.slow
@pytest.mark.filterwarnings(mongod.LEFT_OPEN)
@pytest.mark.parametrize(
    ("rows", "measuring"),
    [
        (ask.ROWS, lambda: ask.measure(ask.Asking(times=1))),
        (history.ROWS, lambda: history.measure(history.Lengths(long=60, times=1))),
        (stream_cpu.ROWS, lambda: stream_cpu.measure(_SHORT_STREAMS)),
        (idle.ROWS, lambda: idle.measure(idle.Crowd(idle=3, live=2, tokens=20, rounds=1, settle_s=0.1))),
    ],
    ids=["ask", "history", "stream", "idle"],
)
async def test_every_row_of_the_team_is_measured(
    rows: tuple[cases.Row, ...], measuring: Callable[[], Coroutine[Any, Any, Runs]]
) -> None:
    assert table.render(rows, await measuring()).count("\n") == 1 + len(rows)
