"""Who answers: which provider, which model, and what happens to keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from argus_core.credentials import Credentials
from argus_core.domain import ModelInfo
from argus_core.errors import KeyMissing, KeyRejected, ModelNotFound
from argus_core.models import Providers
from argus_core.providers.scripted import SCRIPTED_MODEL, ScriptedProvider
from argus_core.settings import Secret

LOCAL_MODEL = ModelInfo(id="small.gguf", name="Small", provider="local")


class Failing(ScriptedProvider):
    async def list_models(self) -> list[ModelInfo]:
        raise KeyRejected("Not this one.")


class Stage:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made: list[tuple[str, ScriptedProvider]] = []
        self.kind: type[ScriptedProvider] = ScriptedProvider
        self.local = ScriptedProvider(models=[LOCAL_MODEL])

    def make(self, key: Secret) -> ScriptedProvider:
        self.made.append((key.value, self.kind()))
        return self.made[-1][1]

    def providers(self, *, key: bool = True, local: bool = True) -> Providers:
        return Providers(
            gemini=self.make,
            key=Secret("first") if key else None,
            local=self.local if local else None,
            local_model_id=LOCAL_MODEL.id if local else None,
            credentials=Credentials(self.folder, use_keyring=False),
            gemini_model="gemini-flash-latest",
        )


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.mark.parametrize(
    ("key", "local", "preferred", "model"),
    [
        (True, True, None, "gemini-flash-latest"),
        (True, True, "gemini-pro", "gemini-pro"),
        (True, True, LOCAL_MODEL.id, LOCAL_MODEL.id),
        (False, True, None, LOCAL_MODEL.id),
        (False, True, "gemini-pro", LOCAL_MODEL.id),
        (True, False, None, "gemini-flash-latest"),
        (False, False, None, None),
        (False, False, "gemini-pro", None),
    ],
)
def test_the_default_is_the_first_that_can_answer(
    stage: Stage, key: bool, local: bool, preferred: str | None, model: str | None
) -> None:
    providers = stage.providers(key=key, local=local)

    assert providers.default(preferred) == model
    readiness = providers.readiness(preferred)
    assert (readiness.model, readiness.has_key, readiness.has_local) == (model, key, local)
    assert (readiness.provider is None) == (model is None)


async def test_a_conversation_may_ask_for_its_own_model(stage: Stage) -> None:
    providers = stage.providers()

    assert providers.resolve(LOCAL_MODEL.id, None) == (stage.local, LOCAL_MODEL.id)
    assert providers.resolve("gemini-pro", None) == (stage.made[0][1], "gemini-pro")
    await providers.close()


@pytest.mark.parametrize("name", ["Small.GGUF", " small.gguf ", "models/small.gguf"])
async def test_what_runs_here_is_free_and_nothing_else(stage: Stage, name: str) -> None:
    providers = stage.providers()

    assert await providers.choose(name) == LOCAL_MODEL.id
    assert providers.resolve(name, None) == (stage.local, LOCAL_MODEL.id)
    assert providers.is_free(LOCAL_MODEL.id)
    assert not providers.is_free("gemini-pro")
    assert not stage.providers(local=False).is_free(LOCAL_MODEL.id)


async def test_without_a_key_a_name_is_kept_for_when_there_is_one(stage: Stage) -> None:
    providers = stage.providers(key=False)

    assert await providers.choose("models/Gemini-Pro") == "gemini-pro"
    with pytest.raises(ModelNotFound):
        await providers.choose("../keys")


async def test_a_name_is_checked_again_when_a_question_starts(stage: Stage) -> None:
    providers = stage.providers()
    await providers.list()

    assert providers.resolve("models/SCRIPTED-1", None)[1] == "scripted-1"
    for name in ("gemini-pro", "tunedModels/scripted-1"):
        with pytest.raises(ModelNotFound):
            providers.resolve(name, None)
        with pytest.raises(ModelNotFound):
            providers.resolve(None, name)
    assert providers.resolve(None, None)[1] == "gemini-flash-latest"  # the operator's own need not be listed


async def test_a_new_key_is_asked_for_its_own_models(stage: Stage) -> None:
    providers = stage.providers()
    await providers.list()
    stage.kind = Failing
    await providers.keep_key("second")

    assert await providers.choose("gemini-pro") == "gemini-pro"  # nothing is listed with that key


def test_without_anyone_to_answer_the_error_says_what_to_set(stage: Stage) -> None:
    with pytest.raises(KeyMissing, match="GEMINI_API_KEY"):
        stage.providers(key=False, local=False).resolve(None, None)
    with pytest.raises(KeyMissing, match="GEMINI_API_KEY"):
        stage.providers(key=False).resolve("gemini-pro", None)


async def test_all_models_are_listed(stage: Stage) -> None:
    assert await stage.providers().list() == [SCRIPTED_MODEL, LOCAL_MODEL]


async def test_a_provider_that_fails_is_left_out_if_another_answers(stage: Stage) -> None:
    stage.kind = Failing

    assert await stage.providers().list() == [LOCAL_MODEL]
    with pytest.raises(KeyRejected):
        await stage.providers(local=False).list()
    with pytest.raises(KeyMissing):
        await stage.providers(key=False, local=False).list()


async def test_a_key_is_tried_apart_and_its_provider_closed(stage: Stage) -> None:
    providers = stage.providers(key=False)

    assert await providers.try_key(" second\n") == [SCRIPTED_MODEL]
    ((key, made),) = stage.made
    assert key == "second"
    assert made.closed
    assert not providers.readiness(None).has_key


async def test_a_key_that_is_refused_says_so_and_leaves_nothing_open(stage: Stage) -> None:
    providers = stage.providers(key=False)
    stage.kind = Failing

    with pytest.raises(KeyRejected):
        await providers.try_key("second")
    assert stage.made[0][1].closed


async def test_a_kept_key_is_used_from_now_on_and_found_at_the_next_start(stage: Stage) -> None:
    providers = stage.providers(key=False)
    where = await providers.keep_key(" second ")

    assert providers.resolve(None, None)[0] is stage.made[-1][1]
    assert str(stage.folder) in where
    assert Credentials(stage.folder, use_keyring=False).find_key() == Secret("second")


async def test_answers_by_an_old_key_are_not_broken_off(stage: Stage) -> None:
    providers = stage.providers()
    old = stage.made[0][1]
    await providers.keep_key("second")
    assert not old.closed

    await providers.close()
    assert all(made.closed for _, made in stage.made)
    assert stage.local.closed


async def test_only_the_default_model_is_loaded_ahead(stage: Stage) -> None:
    providers = stage.providers()
    await providers.preload(LOCAL_MODEL.id)
    await stage.providers(key=False, local=False).preload(None)

    assert stage.local.preloads == 1
    assert stage.made[0][1].preloads == 0
