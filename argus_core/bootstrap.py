"""The only place where settings become real objects: it alone picks a storage, a blob store and providers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from argus_core.attachments import Attachments
from argus_core.blobs.base import BlobStore
from argus_core.client.local import LocalClient, Services
from argus_core.credentials import Credentials
from argus_core.domain import Attachment, User
from argus_core.errors import ConfigError
from argus_core.generations.engine import Engine
from argus_core.generations.owner import new_owner
from argus_core.generations.run import KeepPicture
from argus_core.ids import utc_now
from argus_core.models import Providers
from argus_core.providers.base import Provider
from argus_core.settings import MONGO_SCHEMES, Secret, Settings, config_dir, data_dir
from argus_core.storage.base import Storage
from argus_core.storage.transfer import PortableStorage
from argus_core.titles import Titles

STORE_FILE = "argus.db"
"""The store in a data folder."""
LOCAL_USER_ID = "0" * 32
"""The one user of a store on one machine."""


@asynccontextmanager
async def open_client(settings: Settings) -> AsyncGenerator[LocalClient, None]:
    """Open the store and the providers that `settings` name, and close them at the end.

    Raises:
        ConfigError: A setting cannot work.
        StorageUnavailable: The store cannot be opened.
        SchemaTooNew: A newer Argus wrote the store.
    """
    services = await open_services(settings)
    try:
        user = await services.storage.ensure_user(User(id=LOCAL_USER_ID, name=_login_name(), created_at=utc_now()))
        yield LocalClient(services, user)
    finally:
        await services.close()


async def open_services(settings: Settings) -> Services:
    """Return the services, open and repaired."""
    if settings.mongo_uri is not None:
        raise ConfigError("MONGO_URI is for the team's server, which this version does not have yet; unset it.")
    folder = data_dir(settings)
    storage, blobs = store_at(folder), _blobs(folder)
    async with AsyncExitStack() as undo:
        undo.push_async_callback(storage.close)
        await storage.open()
        engine = Engine(storage, _keep_picture(storage, blobs), new_owner())
        undo.push_async_callback(engine.close)
        await engine.open()
        providers = await asyncio.to_thread(_providers, settings)
        undo.pop_all()
    titles = Titles(storage, lambda model: providers.resolve(model, None), settings.title_model)
    if settings.titles == "auto":
        engine.on_completed.append(titles.completed)
    return Services(
        storage=storage,
        blobs=blobs,
        engine=engine,
        providers=providers,
        titles=titles,
        thoughts=settings.thoughts,
        max_output_tokens=settings.max_output_tokens,
    )


def store_at(place: str | Path) -> PortableStorage:
    """Return the storage at a place: a `mongodb://` address, or else a data folder. It is not yet open."""
    if str(place).startswith(MONGO_SCHEMES):
        from argus_core.storage.mongo import MongoStorage

        return MongoStorage(str(place))
    from argus_core.storage.sqlite import SqliteStorage

    return SqliteStorage(Path(place) / STORE_FILE)


def _blobs(folder: Path) -> BlobStore:
    from argus_core.blobs.files import FileBlobs

    return FileBlobs(folder / "blobs")


def _keep_picture(storage: Storage, blobs: BlobStore) -> KeepPicture:
    async def keep(user_id: str, name: str, data: bytes) -> Attachment:
        return await Attachments(storage, blobs, user_id).add(name, data)

    return keep


def _providers(settings: Settings) -> Providers:
    from argus_core.providers.local import LocalProvider, find_local_model

    credentials = Credentials(config_dir(settings), use_keyring=settings.keyring)
    path = find_local_model(settings.local_model)
    local = LocalProvider(path) if path else None
    return Providers(
        gemini=lambda key: _gemini(settings, key),
        key=settings.gemini_api_key or credentials.find_key(),
        local=local,
        local_model_id=local.model_id if local else None,
        credentials=credentials,
        gemini_model=settings.model,
    )


def _gemini(settings: Settings, key: Secret) -> Provider:
    if settings.gemini_sdk == "google-generativeai":
        from argus_core.providers.gemini_legacy import GeminiLegacyProvider

        return GeminiLegacyProvider(key, base_url=settings.gemini_base_url, read_timeout_s=settings.read_timeout_s)
    from argus_core.providers.gemini import GeminiProvider

    return GeminiProvider(
        key,
        base_url=settings.gemini_base_url,
        api_version=settings.gemini_api_version,
        connect_timeout_s=settings.connect_timeout_s,
        read_timeout_s=settings.read_timeout_s,
    )


def _login_name() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no name for this uid, as in a bare container
        return "you"
