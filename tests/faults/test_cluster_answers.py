"""Everything that Gemini may do instead of answering well: case 13."""

from __future__ import annotations

import asyncio

import pytest

from tests.faults.cluster import Cluster
from tests.faults.scene import set_scene
from tests.faults.witness import Witness
from tests.support.mongod import LEFT_OPEN

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(LEFT_OPEN)]

LONG = 1 << 19
"""Characters in one piece; what brings more than 1 MB at once is no answer."""
BEHAVIOURS = {
    "err-429": ("", "failed"),
    "err-500": ("", "failed"),
    "err-html": ("", "failed"),
    "cut-first": ("", "failed"),
    "mid-cut": ("Hello world", "failed"),
    "mid-err": ("Hello world", "failed"),
    "mid-badjson": ("Hello world", "failed"),
    "silent-mid": ("Hello world", "failed"),
    "silent": ("", "failed"),
    "safety": ("Hello world", "failed"),
    "blocked": ("", "failed"),
    "no-finish": ("Hello world", "failed"),
    "max-tokens": ("Hello world", "completed"),
    f"once-{LONG}": ("0123456789abcde " * (LONG // 16), "completed"),
    f"once-{4 * LONG}": ("", "failed"),
    f"flood-{10_000}": ("".join(f"tok{n} " for n in range(1, 10_001)), "completed"),
}
"""Model of the stand-in -> what of the answer comes, and how it ends."""


async def test_case_13_gemini_fails_in_every_way(cluster: Cluster) -> None:
    scene = await set_scene(cluster, talks=len(BEHAVIOURS) // 2 + 1)
    played: dict[str, Witness] = dict(zip(BEHAVIOURS, scene.witnesses, strict=False))

    async def ask(model: str, witness: Witness) -> None:
        await witness.begin(model)
        asked = witness.next_question(BEHAVIOURS[model][0])
        await witness.repeat(asked)
        await witness.read(asked)

    await asyncio.gather(*(ask(model, witness) for model, witness in played.items()))

    await scene.judge()
    ended = {model: witness.asked[0].ended for model, witness in played.items()}
    # a machine that is too busy may take a living server for dead
    strange = {model: how for model, how in ended.items() if how not in (BEHAVIOURS[model][1], "interrupted")}
    assert strange == {}
    assert set(ended.values()) >= {"failed", "completed"}
