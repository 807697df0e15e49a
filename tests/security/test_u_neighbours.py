"""U1 to U3 and U5 to U9: what one user does costs another nothing (`bystander`)."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor

import pytest

from tests.faults.cluster import gemini_process
from tests.security.bystander import Kind, Place, endure, place_of
from tests.support.mongod import LEFT_OPEN

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(LEFT_OPEN)]

USUAL = (Kind("sqlite", 1), Kind("mongo", 2))
OTHERS = (Kind("sqlite", 2), Kind("mongo", 1))


@pytest.fixture(scope="module")
def gemini_url() -> Iterator[str]:
    with gemini_process() as url:
        yield url


@pytest.fixture(scope="module")
def attackers() -> Iterator[Executor]:
    """One process in which the attacks run."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture(scope="module")
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, gemini_url: str) -> Iterator[Place]:
    """A server on a storage with a number of workers, for all attacks on it."""
    kind: Kind = request.param
    with place_of(kind, tmp_path_factory.mktemp("place"), gemini_url) as opened:
        yield opened


def _cases(heavy: tuple[str, ...], *others: str) -> pytest.MarkDecorator:
    """Try all attacks on two kinds of server, and the heavy ones on all four."""
    cases = [(kind, name) for kind in USUAL for name in (*heavy, *others)]
    cases += [(kind, name) for kind in OTHERS for name in heavy]
    names = [f"{kind.storage}-{kind.workers}-{name}" for kind, name in cases]
    return pytest.mark.parametrize(("place", "attack"), cases, indirect=["place"], ids=names)


async def _unharmed(place: Place, attack: str, attackers: Executor) -> None:
    outcome = await endure(place, attack, attackers)
    print(f"{place.kind.storage}-{place.kind.workers} {attack}: {outcome}")
    assert outcome.faults == [], "\n".join([str(outcome), *outcome.faults])


@_cases(("unknown_keys",), "deep_nesting", "strangers")
async def test_u1_bodies(place: Place, attack: str, attackers: Executor) -> None:
    await _unharmed(place, attack, attackers)


@_cases(("long_questions",), "long_texts", "long_searches")
async def test_u2_text(place: Place, attack: str, attackers: Executor) -> None:
    await _unharmed(place, attack, attackers)


@_cases(("unread_streams", "half_bodies"), "unread_pages", "ended_streams")
async def test_u3_who_does_not_read(place: Place, attack: str, attackers: Executor) -> None:
    await _unharmed(place, attack, attackers)


@_cases((), "hoards")
async def test_u5_things(place: Place, attack: str, attackers: Executor) -> None:
    await _unharmed(place, attack, attackers)


@_cases((), "large_events")
async def test_u6_events_of_the_provider(place: Place, attack: str, attackers: Executor) -> None:
    await _unharmed(place, attack, attackers)


@_cases((), "slow_heads", "crowd", "sign_in_storm")
async def test_u7_strangers_by_the_thousand(place: Place, attack: str, attackers: Executor) -> None:
    await _unharmed(place, attack, attackers)


@_cases((), "replays", "rename_storm")
async def test_u8_streams_in_a_loop(place: Place, attack: str, attackers: Executor) -> None:
    await _unharmed(place, attack, attackers)


@_cases((), "change_of_mind", "floods", "picture_storm")
async def test_u9_work_in_a_loop(place: Place, attack: str, attackers: Executor) -> None:
    await _unharmed(place, attack, attackers)
