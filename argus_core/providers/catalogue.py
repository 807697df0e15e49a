"""What a provider lists, kept for a while: whoever asks a question waits for no list."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence

from argus_core.domain import ModelInfo
from argus_core.errors import ProviderError
from argus_core.providers.base import Provider
from argus_core.providers.names import canonical, is_sound, no_such_model
from argus_core.tasks import report_bug

FRESH_S = 600.0
"""A list is asked for again when it is older."""
RETRY_S = 30.0
"""A provider that could not list is left alone for so long."""
WAIT_S = 3.0
"""Whoever chooses a model waits for the list at most so long."""


class Catalogue:
    """The models of one provider.

    Args:
        provider: Lists them.
        trusted: Names that the operator has set: they need not be listed.
        ticks: Tells seconds that never jump.
    """

    def __init__(
        self, provider: Provider, trusted: Collection[str] = (), *, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._provider = provider
        self._trusted = {canonical(name): name.strip().removeprefix("models/") for name in trusted}
        self._ticks = ticks
        self._models: Sequence[ModelInfo] = ()
        self._ids: dict[str, str] = {}
        """The listed ids by their canonical names."""
        self._due_s: float | None = None
        """When to list again; None: now."""
        self._listing: asyncio.Task[Sequence[ModelInfo]] | None = None

    async def models(self) -> Sequence[ModelInfo]:
        """Return what the provider lists, as it was a few minutes ago or now, or raise `ProviderError`."""
        if self._models and not self._is_due():
            return self._models
        return await asyncio.shield(self._refresh())

    async def choose(self, name: str) -> str:
        """Return the id of the model with that name; one that is not known yet waits a little for the list.

        Raises:
            ModelNotFound: The provider does not list it, or it can be no name of a model.
        """
        is_listing = self._listing is not None and not self._listing.done()
        if self._find(name) is None and (is_listing or self._is_due()):
            await asyncio.wait([self._refresh()], timeout=WAIT_S)
        return self.find(name)

    def find(self, name: str) -> str:
        """Return the id of the model with that name without waiting; the list is refreshed in the background.

        Where the provider has listed nothing yet, every name is taken that could be one of its models.

        Raises:
            ModelNotFound: As `choose`.
        """
        found = self._find(name)
        if found is not None and canonical(name) in self._trusted:
            return found
        if self._is_due():
            self._refresh()
        if found is not None:
            return found
        plain = canonical(name)
        if self._ids or not is_sound(plain):
            raise no_such_model(name, {**self._trusted, **self._ids}.values())
        return plain

    async def close(self) -> None:
        """Stop asking."""
        if self._listing is not None:
            self._listing.cancel()
            await asyncio.wait([self._listing])

    def _find(self, name: str) -> str | None:
        plain = canonical(name)
        return self._ids.get(plain) or self._trusted.get(plain)

    def _is_due(self) -> bool:
        return self._due_s is None or self._ticks() >= self._due_s

    def _refresh(self) -> asyncio.Task[Sequence[ModelInfo]]:
        """Return the task that lists; there is one at a time."""
        if self._listing is None or self._listing.done():
            self._listing = asyncio.create_task(self._list(), name="list models")
            self._listing.add_done_callback(_report)
        return self._listing

    async def _list(self) -> Sequence[ModelInfo]:
        self._due_s = self._ticks() + RETRY_S
        models = await self._provider.list_models()
        if models:
            self._models = models
            self._ids = {canonical(model.id): model.id for model in models}
            self._due_s = self._ticks() + FRESH_S
        return models


def _report(listing: asyncio.Task[Sequence[ModelInfo]]) -> None:
    """Log a bug; that a provider cannot list now is none."""
    if listing.cancelled() or not isinstance(listing.exception(), ProviderError):
        report_bug(listing)
