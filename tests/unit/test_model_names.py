"""Names of models: one spelling each, checked against what the provider lists."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_core.domain import ModelInfo
from argus_core.errors import ModelNotFound, ProviderUnavailable
from argus_core.providers.catalogue import FRESH_S, RETRY_S, Catalogue
from argus_core.providers.names import canonical, is_sound, no_such_model
from argus_core.providers.scripted import ScriptedProvider


class Lister(ScriptedProvider):
    """Lists what it is told to, when it is told to."""

    def __init__(self, *ids: str) -> None:
        super().__init__()
        self.ids = ids
        self.fault: Exception | None = None
        self.asked = 0
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def list_models(self) -> list[ModelInfo]:
        self.asked += 1
        await self.goes_on.wait()
        if self.fault is not None:
            raise self.fault
        return [ModelInfo(id=one, name=one, provider="gemini") for one in self.ids]


class Ticks:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


IDS = ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-flash-latest")


@pytest.mark.parametrize(
    "name",
    [
        "gemini-2.5-pro",
        "models/gemini-2.5-pro",
        "Models/Gemini-2.5-PRO",
        "publishers/google/models/gemini-2.5-pro",
        "  gemini-2.5-pro\n",
        "\u200bgemini-2.5-\u200dpro\ufeff",
        "gemini\u00ad-2.5-pro",
        "gemini-2.5-pro\ufe0f",
        "ｇｅｍｉｎｉ-2.5-pro",
    ],
)
async def test_every_spelling_is_one_model(name: str) -> None:
    assert canonical(name) == "gemini-2.5-pro"
    assert await Catalogue(Lister(*IDS)).choose(name) == "gemini-2.5-pro"


@pytest.mark.parametrize(
    "name",
    [
        "tunedModels/gemini-2.5-pro",
        "models/models/gemini-2.5-pro",
        "x/models/gemini-2.5-pro",
        "gemini-2.5-flash/../gemini-2.5-pro",
        "../models/gemini-2.5-pro",
        "gemini-2.5-pro:generateContent",
        "gemini-2.5-pro?x=1",
        "gemini-2.5-pro#x",
        "gemini-2.5-pro%20",
        "gemini%2d2.5-pro",
        "models%2Fgemini-2.5-pro",
        "gemini-2.5-pro.",
        "gemini-2.5-pro..",
        "gemini-2.5-pro/",
        "gemini 2.5 pro",
        "gemini-2.5-рro",  # a Cyrillic er
        "gemini-2.5-pro\u3164",
        "g" * 101,
        "/",
        "..",
    ],
)
async def test_tricks_with_a_name_are_refused_whether_the_provider_lists_or_not(name: str) -> None:
    unlisted = Lister()
    unlisted.fault = ProviderUnavailable()

    for catalogue in (Catalogue(Lister(*IDS)), Catalogue(unlisted)):
        with pytest.raises(ModelNotFound):
            await catalogue.choose(name)
        with pytest.raises(ModelNotFound):
            catalogue.find(name)
        await catalogue.close()


@given(st.text())
def test_a_sound_name_means_nothing_in_an_address(name: str) -> None:
    plain = canonical(name)
    if is_sound(plain):
        assert canonical(plain) == plain
        assert plain.isascii()
        assert ".." not in plain
        assert set(plain).isdisjoint("/?#%:&= @\\")


def test_a_refusal_names_those_that_are_like_it() -> None:
    refused = no_such_model("models/gemini-2.5-prp", IDS)

    assert str(refused).startswith("There is no model 'models/gemini-2.5-prp'. Did you mean gemini-2.5-pro or ")
    assert "Did you mean a-3, a-2 or a-1? " in str(no_such_model("a-", ["a-1", "a-2", "a-3"]))
    assert "Did you mean" not in str(no_such_model("zzz", IDS))
    assert len(str(no_such_model("\x1b" * 10_000, IDS))) < 400
    assert "\x1b" not in str(no_such_model("\x1b[2J", IDS))


async def test_what_the_provider_lists_is_what_is_asked_for_in_its_own_spelling() -> None:
    catalogue = Catalogue(Lister("Qwen-3", "google/gemini-2.5-pro"))

    assert await catalogue.choose("qwen-3") == "Qwen-3"
    assert await catalogue.choose("google/gemini-2.5-pro") == "google/gemini-2.5-pro"
    with pytest.raises(ModelNotFound):
        await catalogue.choose("gemini-2.5-pro")


async def test_a_question_waits_for_no_list() -> None:
    lister = Lister(*IDS)
    lister.goes_on.clear()
    catalogue = Catalogue(lister)

    assert catalogue.find("gemini-9") == "gemini-9"  # nothing is known yet
    lister.goes_on.set()
    await asyncio.sleep(0)
    await catalogue.models()
    with pytest.raises(ModelNotFound):
        catalogue.find("gemini-9")
    assert lister.asked == 1


async def test_who_chooses_waits_for_a_list_that_is_on_its_way() -> None:
    lister = Lister(*IDS)
    lister.goes_on.clear()
    catalogue = Catalogue(lister)
    catalogue.find("gemini-9")
    choosing = asyncio.create_task(catalogue.choose("gemini-9"))
    await asyncio.sleep(0)
    lister.goes_on.set()

    with pytest.raises(ModelNotFound):
        await choosing
    assert lister.asked == 1


async def test_a_provider_that_does_not_answer_keeps_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("argus_core.providers.catalogue.WAIT_S", 0.01)
    lister = Lister(*IDS)
    lister.goes_on.clear()
    catalogue = Catalogue(lister)

    assert await catalogue.choose("gemini-9") == "gemini-9"
    await catalogue.close()


async def test_a_provider_that_cannot_list_is_asked_again_later(caplog: pytest.LogCaptureFixture) -> None:
    ticks, lister = Ticks(), Lister(*IDS)
    catalogue = Catalogue(lister, ticks=ticks)
    lister.fault = ProviderUnavailable()
    assert await catalogue.choose("gemini-9") == "gemini-9"
    assert await catalogue.choose("gemini-9") == "gemini-9"
    assert lister.asked == 1

    ticks.now, lister.fault = RETRY_S, None
    with pytest.raises(ModelNotFound):
        await catalogue.choose("gemini-9")
    assert caplog.records == []


async def test_a_list_that_cannot_be_renewed_still_counts() -> None:
    ticks, lister = Ticks(), Lister(*IDS)
    catalogue = Catalogue(lister, ticks=ticks)
    await catalogue.models()
    await catalogue.models()
    assert lister.asked == 1

    ticks.now, lister.fault = FRESH_S, ProviderUnavailable()
    assert catalogue.find("gemini-2.5-pro") == "gemini-2.5-pro"
    await asyncio.sleep(0.01)
    assert lister.asked == 2
    with pytest.raises(ModelNotFound):
        await catalogue.choose("gemini-9")


async def test_a_bug_in_listing_is_told_and_stops_no_question(caplog: pytest.LogCaptureFixture) -> None:
    lister = Lister(*IDS)
    lister.fault = ZeroDivisionError()

    assert await Catalogue(lister).choose("gemini-9") == "gemini-9"
    assert "list models ended by a bug" in caplog.text


async def test_the_operators_own_names_need_not_be_listed() -> None:
    lister = Lister(*IDS)
    catalogue = Catalogue(lister, ("models/Gemini-Next", "google/gemini-x"))

    assert catalogue.find("gemini-next") == "Gemini-Next"
    assert catalogue.find("google/gemini-x") == "google/gemini-x"
    assert lister.asked == 0
    with pytest.raises(ModelNotFound, match="Gemini-Next"):
        await catalogue.choose("gemini-nex")
