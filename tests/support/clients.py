"""A client over a real store whose answers come from a provider of the test."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from argus_core.attachments import Attachments
from argus_core.auth.service import Auth
from argus_core.blobs.files import FileBlobs
from argus_core.client.local import LocalClient, Services
from argus_core.credentials import Credentials
from argus_core.domain import Attachment, RoleLimits, User, UserRole
from argus_core.generations.engine import Engine
from argus_core.generations.owner import new_owner
from argus_core.ids import utc_now
from argus_core.limits import Limits, settle_with
from argus_core.models import Providers
from argus_core.presence import PresenceBoard
from argus_core.providers.base import Provider
from argus_core.settings import Secret
from argus_core.shares import ShareLimits, Shares
from argus_core.storage.accounts import FullStorage
from argus_core.storage.sqlite import SqliteStorage
from argus_core.titles import Titles

USER_ID = "0" * 32
OTHER_USER_ID = "1" * 32
MODEL = "scripted-1"


@asynccontextmanager
async def open_services(
    folder: Path,
    provider: Provider,
    *,
    storage: FullStorage | None = None,
    titles_by_model: bool = False,
    roles: Mapping[UserRole, RoleLimits] | None = None,
    provider_per_minute: int | None = None,
    make_auth: Callable[[FullStorage], Auth] | None = None,
    shares: ShareLimits | None = None,
) -> AsyncGenerator[Services, None]:
    """Open the services over the store in `folder`; `provider` answers for every model."""
    storage = storage or SqliteStorage(folder / "argus.db")
    limits = Limits(storage, roles, provider_per_minute=provider_per_minute)
    blobs = FileBlobs(folder / "blobs")

    async def keep(user_id: str, name: str, data: bytes) -> Attachment:
        return await Attachments(storage, blobs, user_id).add(name, data)

    await storage.open()
    engine = Engine(storage, keep, new_owner(), settle=settle_with(limits))
    await engine.open()
    providers = Providers(
        gemini=lambda key: provider,
        key=Secret("a-key"),
        local=None,
        local_model_id=None,
        credentials=Credentials(folder / "config", use_keyring=False),
        gemini_model=MODEL,
    )
    titles = Titles(storage, lambda model: providers.resolve(model, None), limits)
    if titles_by_model:
        engine.on_completed.append(titles.completed)
    services = Services(
        storage=storage,
        blobs=blobs,
        engine=engine,
        providers=providers,
        titles=titles,
        limits=limits,
        presence=PresenceBoard(storage),
        shares=Shares(storage, shares),
        auth=make_auth(storage) if make_auth else None,
    )
    try:
        yield services
    finally:
        await services.close()


async def client_of(services: Services, user_id: str = USER_ID) -> LocalClient:
    """Return the client of a user, made if need be."""
    user = await services.storage.ensure_user(User(id=user_id, name="test", created_at=utc_now()))
    return LocalClient(services, user)


@asynccontextmanager
async def open_local(
    folder: Path, provider: Provider, *, storage: FullStorage | None = None, titles_by_model: bool = False
) -> AsyncGenerator[LocalClient, None]:
    """Open the client of the one user of the store in `folder`."""
    async with open_services(folder, provider, storage=storage, titles_by_model=titles_by_model) as services:
        yield await client_of(services)
