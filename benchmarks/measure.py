"""One run of one program: what it took to start, to show an answer, to open a conversation."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.answers import END, MARK, START
from benchmarks.probe import Probe, TimedOut
from benchmarks.server import Pace, Streamed
from benchmarks.subjects import ROOT, Subject

Figures = dict[str, float]
"""Named figures of one run; the unit is in the name."""

_QUESTION = "BENCHPROMPT tell me about streams"
_TYPED = "QZXVWKJYZX"
"""Keys pressed while an answer streams: in no answer."""
_TYPE_AFTER_S, _TYPE_GAP_S = 3.0, 0.37
_FRAME = b"\x1b[?2026h"


class StandIn:
    """The stand-in server as a process of its own, and what it noted."""

    def __init__(self, pace: Pace) -> None:
        given = [f"--{name}={value}" for name, value in _as_arguments(pace).items()]
        command = [sys.executable, "-m", "benchmarks.server", *given]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        self.records: list[Streamed] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.records.append(Streamed(**json.loads(line)))

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()
        self._reader.join()


def _as_arguments(pace: Pace) -> Mapping[str, object]:
    return {"kind": pace.kind, "tokens": pace.tokens, "rate": pace.rate, "chunk": pace.chunk}


@contextmanager
def running(subject: Subject, pace: Pace | None = None) -> Iterator[tuple[Probe, StandIn]]:
    """Start a program in a folder of its own, with a stand-in server beside it."""
    server = StandIn(pace or Pace(tokens=200))
    try:
        with tempfile.TemporaryDirectory(prefix="argus-bench-") as name:
            folder = Path(name)
            subject.prepare(folder)
            with Probe(subject.command(server.port), subject.env(folder, server.port), folder) as probe:
                yield probe, server
    finally:
        server.stop()


def _ready(probe: Probe, subject: Subject) -> float:
    return probe.wait_for(lambda screen: subject.ready in screen, 30)


def start(subject: Subject) -> Figures:
    """Measure the start and what the program takes while nobody does anything."""
    with running(subject) as (probe, _):
        ready_at = _ready(probe, subject)
        start_cpu_s = probe.cpu_s()
        probe.pump(2.0)
        before_s = probe.cpu_s()
        probe.pump(1.0)
        probe.check_alive()
        return {
            "ready_ms": (ready_at - probe.started_at) * 1000,
            "start_cpu_s": start_cpu_s,
            "idle_cpu_percent": (probe.cpu_s() - before_s) * 100,
            "idle_mb": probe.resident_mb(),
        }


def stream(subject: Subject, pace: Pace, *, keys: bool = False, timeout_s: float = 180) -> Figures:
    """Ask, and measure the answer from Enter to its last word on the screen."""
    with running(subject, pace) as (probe, server):
        _ready(probe, subject)
        probe.pump(1.0)
        probe.type(_QUESTION)
        probe.pump(0.7)
        probe.watch(rf"{START}|{END}|{MARK.pattern}|QZ[{_TYPED}]*")
        first_read, cpu_before_s = len(probe.reads), probe.cpu_s()
        asked_at = probe.press("\r")
        pressed = _type_meanwhile(probe) if keys else []
        _wait_for_end(probe, server, asked_at + timeout_s)
        probe.pump(1.0)
        cpu_s = probe.cpu_s() - cpu_before_s
        figures = {"cpu_s": cpu_s, "cpu_us_a_token": cpu_s / pace.tokens * 1e6, "peak_mb": probe.resident_mb()}
        return figures | _stream_figures(probe, server.records[-1], asked_at, first_read) | _echo(probe, pressed)


def _type_meanwhile(probe: Probe) -> list[float]:
    probe.pump(_TYPE_AFTER_S)
    return probe.type(_TYPED, _TYPE_GAP_S)


def _wait_for_end(probe: Probe, server: StandIn, deadline: float) -> None:
    """Read until the last word is on the screen, emulating only while the program is silent."""
    while END not in probe.seen_at:
        probe.check_alive()
        if time.monotonic() > deadline:
            raise TimedOut(probe.emulator.text())
        probe.pump(0.5)
        if server.records:
            probe.pump(30, quiet_s=0.3)
            probe.catch_up()


def _stream_figures(probe: Probe, sent: Streamed, asked_at: float, first_read: int) -> Figures:
    seen, end_at = probe.seen_at, probe.seen_at[END]
    reads = [data for at, data in probe.reads[first_read:] if at <= end_at]
    first_at = min(at for word, at in seen.items() if not word.startswith("QZ"))
    lags = [(seen[mark] - at) * 1000 for mark, at in sent.marks.items() if mark in seen]
    frames = sum(data.count(_FRAME) for data in reads)
    return {
        "first_token_ms": (first_at - asked_at) * 1000,
        "end_lag_ms": (end_at - sent.last_at) * 1000,
        "total_ms": (end_at - asked_at) * 1000,
        "mid_lag_ms": statistics.median(lags) if lags else 0.0,
        "mid_lag_max_ms": max(lags, default=0.0),
        "kilobytes": sum(map(len, reads)) / 1000,
        "frames_per_s": frames / max(1e-3, end_at - first_at),
    }


def _echo(probe: Probe, pressed: list[float]) -> Figures:
    """Return how long each key took to the screen."""
    echoes = []
    for count, at in enumerate(pressed, 1):
        shown = [seen for word, seen in probe.seen_at.items() if word.startswith(_TYPED[:count])]
        if count > 1 and shown:  # one letter alone is no word that is watched for
            echoes.append((min(shown) - at) * 1000)
    return {"echo_ms": statistics.median(echoes), "echo_max_ms": max(echoes)} if echoes else {}


def open_and_scroll(subject: Subject, title: str, last_words: str, pages: int = 20) -> Figures:
    """Jump to a conversation by its name, and page up in it."""
    with running(subject) as (probe, _):
        _ready(probe, subject)
        probe.pump(1.5)
        probe.press("\x0b")  # ctrl+k
        probe.pump(0.5)
        probe.type(title)
        probe.pump(0.7)
        probe.catch_up()
        cpu_before_s = probe.cpu_s()
        pressed_at = probe.press("\r")
        shown_at = probe.wait_for(lambda screen: last_words in screen, 30)
        probe.pump(1.0)
        opening_cpu_s = probe.cpu_s() - cpu_before_s
        before_s = probe.cpu_s()
        for _page in range(pages):
            probe.press("\x1b[5~")
            probe.pump(0.15)
        probe.check_alive()
        return {
            "open_ms": (shown_at - pressed_at) * 1000,
            "open_cpu_s": opening_cpu_s,
            "scroll_cpu_ms": (probe.cpu_s() - before_s) * 1000 / pages,
        }
