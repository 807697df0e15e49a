from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from argus_tui import format
from argus_tui.glyphs import FULL, PLAIN, choose, glyph_names

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("size_bytes", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (412_000, "412 kB"),
        (999_999, "1 MB"),
        (1_900_000, "1.9 MB"),
        (120_000_000, "120 MB"),
    ],
)
def test_sizes_are_decimal(size_bytes: int, shown: str) -> None:
    assert format.size(size_bytes) == shown


@pytest.mark.parametrize(
    ("number", "shown"), [(0, "0"), (999, "999"), (1000, "1k"), (4200, "4.2k"), (41_200, "41k"), (1_048_576, "1M")]
)
def test_counts_are_short(number: int, shown: str) -> None:
    assert format.count(number) == shown


@pytest.mark.parametrize(
    ("micro_usd", "shown"),
    [(0, "$0"), (400, "$0.0004"), (18_000, "$0.018"), (39_000, "$0.039"), (250_000, "$0.25"), (1_250_000, "$1.25")],
)
def test_money_shows_digits_that_count(micro_usd: int, shown: str) -> None:
    assert format.money(micro_usd) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (0.4, "0.4 s"), (3.2, "3 s"), (65, "1 min 5 s"), (120, "2 min"), (3840, "1 h 4 min"), (7200, "2 h")],
)
def test_durations(seconds: float, shown: str) -> None:
    assert format.duration(seconds) == shown


@pytest.mark.parametrize(
    ("ago", "shown"),
    [
        (timedelta(seconds=20), "now"),
        (timedelta(seconds=-5), "now"),
        (timedelta(minutes=5), "5 min"),
        (timedelta(hours=3), "3 h"),
        (timedelta(days=2), "2 d"),
    ],
)
def test_relative_time_is_coarse(ago: timedelta, shown: str) -> None:
    assert format.relative_time(NOW - ago, NOW) == shown


def test_relative_time_of_long_ago_is_a_date() -> None:
    assert format.relative_time(NOW - timedelta(days=30), NOW) == "21 Oct"
    assert format.relative_time(NOW - timedelta(days=365), NOW) == "20 Nov 2025"


def test_clock_and_grouped() -> None:
    assert format.clock(NOW) == f"{NOW.astimezone():%H:%M}"
    assert format.grouped(41200) == "41,200"


@given(st.text(max_size=40), st.integers(0, 30))
def test_clip_never_exceeds_its_cells(text: str, cells: int) -> None:
    assert cell_len(format.clip(text, cells)) <= cells


@given(st.text(alphabet="ab 漢é", max_size=40), st.integers(1, 30))
def test_fit_fills_its_cells(text: str, cells: int) -> None:
    assert cell_len(format.fit(text, cells)) == cells


def test_clip_marks_what_is_cut_and_leaves_what_fits() -> None:
    assert format.clip("Trip to Shiraz", 8) == "Trip to…"
    assert format.clip("Trip", 4) == "Trip"
    assert format.clip("漢字漢字", 4) == "漢…"


def test_both_glyph_tables_are_one_cell_wide_everywhere() -> None:
    for name in glyph_names():
        for table in (FULL, PLAIN):
            assert all(cell_len(sign) == 1 for sign in getattr(table, name)), name


def test_plain_glyphs_are_ascii() -> None:
    assert all(getattr(PLAIN, name).isascii() for name in glyph_names())


@pytest.mark.parametrize(
    ("setting", "environment", "plain"),
    [
        ("auto", {"TERM": "xterm-256color", "LANG": "en_US.UTF-8"}, False),
        ("auto", {"TERM": "xterm-256color", "LANG": "de_DE.utf8@euro"}, False),
        ("auto", {"TERM": "linux", "LANG": "en_US.UTF-8"}, True),
        ("auto", {"TERM": "xterm", "LC_ALL": "C", "LANG": "en_US.UTF-8"}, True),
        ("auto", {}, False),
        ("full", {"TERM": "linux"}, False),
        ("plain", {"LANG": "en_US.UTF-8"}, True),
    ],
)
def test_glyphs_are_chosen_by_setting_and_terminal(setting: str, environment: dict[str, str], plain: bool) -> None:
    assert (choose(setting, environment) is PLAIN) == plain


def test_spinners_turn_ten_times_a_second() -> None:
    assert FULL.spinner_at(0.0) == FULL.spinner[0]
    assert FULL.spinner_at(0.11) == FULL.spinner[1]
    assert PLAIN.spinner_at(0.41) == PLAIN.spinner[0]
