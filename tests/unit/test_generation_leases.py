"""Watching leases: who is given up, and who never is."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from argus_core.generations.leases import ABANDONED_S, Leases
from tests.support.turns import NOW, a_generation

RENEWED_S = 1.0
GAPS_S = st.lists(st.floats(0.01, 1.2), min_size=1, max_size=60)


@given(GAPS_S, st.floats(0, 0.2), st.floats(-1e6, 1e6))
def test_who_renews_each_second_is_never_given_up(gaps_s: list[float], answer_s: float, skew_s: float) -> None:
    leases, now_s = Leases(), 0.0
    for gap_s in gaps_s:
        asked_s, now_s = now_s + gap_s, now_s + gap_s + answer_s
        renewals = now_s // RENEWED_S
        alive = a_generation(lease_until=NOW + timedelta(seconds=skew_s + renewals * RENEWED_S))
        assert leases.look([alive], asked_s, now_s) == set()


@given(GAPS_S, st.floats(0, 0.2))
def test_who_never_renews_is_given_up_once_watched_for_long_enough(gaps_s: list[float], answer_s: float) -> None:
    leases, now_s, watched_s = Leases(), 0.0, 0.0
    dead = a_generation()
    assert leases.look([dead], 0.0, 0.0) == set()
    for gap_s in gaps_s:
        asked_s, now_s = now_s + gap_s, now_s + gap_s + answer_s
        watched_s += min(gap_s, 1.0)
        given_up = leases.look([dead], asked_s, now_s)
        assert given_up == ({dead.id} if watched_s > ABANDONED_S else set()) or abs(watched_s - ABANDONED_S) < 1e-6


@given(GAPS_S, st.floats(2.01, 1e6))
def test_after_an_absence_everyone_has_the_whole_time_again(gaps_s: list[float], absence_s: float) -> None:
    leases, now_s = Leases(), 0.0
    one = a_generation()
    for gap_s in gaps_s:
        now_s += gap_s
        leases.look([one], now_s, now_s)
    now_s += absence_s
    assert leases.look([one], now_s, now_s) == set()
    for _ in range(5):
        now_s += 0.5
        assert leases.look([one], now_s, now_s) == set()


def test_one_that_ended_and_others_are_told_apart() -> None:
    leases = Leases()
    for second in range(5):
        renewed = a_generation("g2", lease_until=NOW + timedelta(seconds=second))
        running = [a_generation("g1"), renewed] if second else [renewed]
        given_up = leases.look(running, second, second)

    assert given_up == {"g1"}
    assert leases.look([], 5, 5) == set()
    assert leases.look([a_generation("g1")], 6, 6) == set()
