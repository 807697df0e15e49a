"""The only place where settings become real objects: it alone picks a storage, a blob store and providers."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from argus_core.attachments import Attachments
from argus_core.blobs.base import BlobStore
from argus_core.blobs.transfer import PortableBlobs
from argus_core.client.base import ChatClient, Entrance
from argus_core.client.local import LocalClient, Services
from argus_core.credentials import Credentials, KeptSession
from argus_core.disk import create_durably
from argus_core.domain import LOCAL_USER_ID, Attachment, RoleLimits, User, UserRole
from argus_core.errors import ConfigError, NotFound
from argus_core.generations.engine import Engine
from argus_core.generations.owner import new_owner
from argus_core.generations.run import KeepPicture
from argus_core.housekeeping import keep_house
from argus_core.ids import utc_now
from argus_core.limits import Limits, admin_limits, settle_with
from argus_core.models import Providers
from argus_core.presence import PresenceBoard
from argus_core.providers.base import Provider
from argus_core.settings import DECLARED, MONGO_SCHEMES, STORE_FILE, Secret, Settings, config_dir, config_path, data_dir
from argus_core.shares import MOST_PREFERENCES, ShareLimits, Shares
from argus_core.storage.base import Storage
from argus_core.storage.transfer import PortableStorage
from argus_core.text.reading import decoded
from argus_core.titles import Titles

if TYPE_CHECKING:
    from argus_core.auth.service import Auth
    from argus_core.client.local_admin import LocalAdmin
    from argus_core.client.store_entrance import StoreEntrance
    from argus_core.server.context import ServerContext


@asynccontextmanager
async def open_client(settings: Settings, *, kept: bool = True) -> AsyncGenerator[ChatClient, None]:
    """Open the client of the user of this machine, and close it at the end.

    With `server` it speaks to that server; with `mongo_uri` it is signed in on that store; else it is the one user of
    the store in the data folder.

    Args:
        settings: Say where.
        kept: False for a store of its own in memory, wherever the settings point to: nothing is left of it.

    Raises:
        ConfigError: A setting cannot work.
        NotAuthenticated: Nobody is signed in there; `open_entrance` lets one in.
        StorageUnavailable: The store cannot be opened.
        SchemaTooNew: A newer Argus wrote the store.
    """
    if settings.server is not None and kept:
        from argus_core.client.http import open_http

        client = await open_http(settings)
        try:
            yield client
        finally:
            await client.close()
        return
    with_accounts = kept and settings.mongo_uri is not None
    services = await open_services(settings, with_accounts=with_accounts, kept=kept)
    try:
        yield await (_signed_in(settings, services) if services.auth else _only_user(services))
    finally:
        await services.close()


@asynccontextmanager
async def open_entrance(settings: Settings) -> AsyncGenerator[Entrance, None]:
    """Open the door of the server or the store that the settings name, and close it at the end.

    Raises:
        ConfigError: A setting cannot work, or there are no accounts: the store is that of one machine.
        StorageError: The store cannot be opened.
    """
    if settings.server is not None:
        from argus_core.client.entrance import http_entrance

        yield http_entrance(settings)
        return
    if settings.mongo_uri is None:
        raise ConfigError("There are no accounts on one machine; name a server: argus --server https://…")
    storage, blobs = _stores(settings)
    auth = _auth(settings, storage)
    try:
        await storage.open()
        yield _store_entrance(settings, auth)
    finally:
        await auth.close()
        await storage.close()
        await blobs.close()


async def _signed_in(settings: Settings, services: Services) -> LocalClient:
    """Return the client of whoever is signed in on the store."""
    assert services.auth is not None
    entrance = _store_entrance(settings, services.auth)
    signed_in = await entrance.resume()
    session_id = signed_in.session_id
    forget = partial(entrance.forget, session_id)
    return LocalClient(services, signed_in.user, session_id=session_id, place=entrance.place, forget=forget)


def _store_entrance(settings: Settings, auth: Auth) -> StoreEntrance:
    from argus_core.auth.service import Origin
    from argus_core.client.http import client_name
    from argus_core.client.store_entrance import StoreEntrance
    from argus_core.mongodb import database_name, place_of

    assert settings.mongo_uri is not None
    uri = settings.mongo_uri.value
    kept = KeptSession(config_path(settings), f"{place_of(uri)}/{database_name(uri)}", settings.keyring)
    return StoreEntrance(auth, kept, Origin(address="", client=client_name()))


async def _only_user(services: Services) -> LocalClient:
    try:
        user = await services.storage.get_user(LOCAL_USER_ID)
    except NotFound:
        new = User(id=LOCAL_USER_ID, name=_login_name(), created_at=utc_now())
        user = await services.storage.ensure_user(new)
    return LocalClient(services, user)


async def open_services(settings: Settings, *, with_accounts: bool = False, kept: bool = True) -> Services:
    """Return the services, open and repaired.

    Args:
        settings: Name the store and the providers.
        with_accounts: Users sign in, and the limits hold.
        kept: False for a store in memory.
    """
    storage, blobs = _stores(settings) if kept else _passing_stores()
    async with AsyncExitStack() as undo:
        undo.push_async_callback(blobs.close)
        undo.push_async_callback(storage.close)
        await storage.open()
        providers = await asyncio.to_thread(_providers, settings)
        undo.push_async_callback(providers.close)
        limits = await _limits(settings, storage, providers.is_free if with_accounts else None)
        engine = Engine(storage, _keep_picture(storage, blobs), new_owner(), settle=settle_with(limits))
        undo.push_async_callback(engine.close)
        await engine.open()
        shares = Shares(storage, _share_limits(settings) if with_accounts else None)
        auth = _auth(settings, storage) if with_accounts else None
        undo.pop_all()
    titles = Titles(storage, lambda model: providers.resolve(model, None), limits, settings.title_model)
    if settings.titles == "auto":
        engine.on_completed.append(titles.completed)
    services = Services(
        storage=storage,
        blobs=blobs,
        engine=engine,
        providers=providers,
        titles=titles,
        limits=limits,
        presence=PresenceBoard(storage),
        auth=auth,
        thoughts=settings.thoughts,
        max_output_tokens=settings.max_output_tokens,
        shares=shares,
    )
    services.background.start(keep_house(storage, blobs, limits), "housekeeping")
    return services


def _stores(settings: Settings) -> tuple[PortableStorage, BlobStore]:
    """Return where conversations and pictures are kept; neither is open yet."""
    place = data_dir(settings) if settings.mongo_uri is None else settings.mongo_uri.value
    return store_at(place), blobs_at(place)


def _passing_stores() -> tuple[PortableStorage, BlobStore]:
    from argus_core.blobs.memory import MemoryBlobs
    from argus_core.storage.sqlite import MEMORY, SqliteStorage

    return SqliteStorage(MEMORY), MemoryBlobs()


def store_at(place: str | Path) -> PortableStorage:
    """Return the storage at a place: a `mongodb://` address, or else a data folder. It is not yet open."""
    if str(place).startswith(MONGO_SCHEMES):
        from argus_core.storage.mongo import MongoStorage

        return MongoStorage(str(place))
    from argus_core.storage.sqlite import SqliteStorage

    return SqliteStorage(Path(place) / STORE_FILE)


def blobs_at(place: str | Path) -> PortableBlobs:
    """Return the pictures at a place: a `mongodb://` address, or else a data folder."""
    if str(place).startswith(MONGO_SCHEMES):
        from argus_core.blobs.gridfs import GridFsBlobs

        return GridFsBlobs(str(place))
    from argus_core.blobs.files import FileBlobs

    return FileBlobs(Path(place) / "blobs")


def _keep_picture(storage: Storage, blobs: BlobStore) -> KeepPicture:
    async def keep(user_id: str, name: str, data: bytes) -> Attachment:
        return await Attachments(storage, blobs, user_id).add(name, data)

    return keep


def _providers(settings: Settings) -> Providers:
    from argus_core.providers.local import LocalProvider, find_local_model

    credentials = Credentials(_key_folder(settings), use_keyring=settings.keyring)
    path = find_local_model(settings.local_model)
    local = LocalProvider(path) if path else None
    return Providers(
        gemini=lambda key: _gemini(settings, key),
        key=settings.gemini_api_key or credentials.find_key(),
        local=local,
        local_model_id=local.model_id if local else None,
        credentials=credentials,
        gemini_model=settings.model,
        title_model=settings.title_model,
    )


def _key_folder(settings: Settings) -> Path:
    """Return where a kept key would be; who has no home has none, and may ask unsaved all the same."""
    try:
        return config_path(settings)
    except ConfigError:
        return Path(os.devnull) / "argus"


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


@asynccontextmanager
async def open_server(settings: Settings) -> AsyncGenerator[ServerContext, None]:
    """Open what the endpoints of a server share, and close it at the end.

    Raises:
        ConfigError: A setting cannot work.
        StorageError: The store cannot be opened.
    """
    from argus_core.server.context import ServerContext
    from argus_core.server.metrics import Metrics
    from argus_core.server.streams import Streams

    _require_server_keys(settings)
    services = await open_services(settings, with_accounts=True)
    assert services.auth is not None
    metrics = Metrics()
    services.engine.on_ended.append(metrics.ended)
    try:
        yield ServerContext(
            services=services,
            auth=services.auth,
            metrics=metrics,
            streams=Streams(services.auth.find_alive, metrics),
            version=version("argus-tui"),
            address_requests_per_minute=settings.address_requests_per_minute or None,
            metrics_key=settings.metrics_key,
            is_only_process=settings.workers == 1 and settings.mongo_uri is None,
        )
    finally:
        await services.close()


async def check_server(settings: Settings) -> None:
    """Find out, before any process begins to serve, whether it could; the store is brought up to date.

    Raises:
        ConfigError: A setting cannot work.
        StorageError: The store cannot be opened.
    """
    _require_server_keys(settings)
    _roles(settings)
    storage, blobs = _stores(settings)
    try:
        await storage.open()
    finally:
        await storage.close()
        await blobs.close()


def _require_server_keys(settings: Settings) -> None:
    from argus_core.auth.tokens import KEY_MAKER, check_key

    if settings.jwt_secret_key is None:
        raise ConfigError(f"JWT_SECRET_KEY is not set; make one: {KEY_MAKER}")
    check_key(settings.jwt_secret_key)
    if settings.jwt_previous_key is not None:
        check_key(settings.jwt_previous_key, "ARGUS_JWT_PREVIOUS_KEY")


@asynccontextmanager
async def open_administration(settings: Settings) -> AsyncGenerator[LocalAdmin, None]:
    """Open users, invites and limits of a store for whoever may open it: the operator, on the server's machine.

    Raises:
        ConfigError: A setting cannot work.
        StorageError: The store cannot be opened.
    """
    from argus_core.auth.administration import Administration
    from argus_core.auth.passwords import Passwords
    from argus_core.client.local_admin import LocalAdmin

    storage, blobs = _stores(settings)
    passwords = Passwords()
    try:
        await storage.open()
        yield LocalAdmin(Administration(storage, passwords, by=None), Limits(storage, _roles(settings)))
    finally:
        passwords.close()
        await storage.close()
        await blobs.close()


def environment_of(overrides: Mapping[str, object]) -> dict[str, str]:
    """Return what the command line gave as the environment that says the same, for further processes."""
    return {DECLARED[name].env: str(value) for name, value in overrides.items() if value is not None}


async def _limits(settings: Settings, storage: PortableStorage, is_free: Callable[[str], bool] | None) -> Limits:
    """Return the limits.

    Args:
        settings: Name them.
        storage: Keeps what was used.
        is_free: Tells the models of this machine; None for its one user, who has no limits: what they use is counted.
    """
    from argus_core.providers import prices

    roles = {} if is_free is None else _roles(settings)
    if any(role.micro_usd_per_day is not None for role in roles.values()):
        await asyncio.to_thread(prices.load)  # no question shall wait for it

    def price(model: str, read: int, written: int) -> int | None:
        if is_free is not None and is_free(model):
            return 0
        return prices.most_micro_usd(model, read, written, settings.unpriced_usd_per_million)

    return Limits(
        storage,
        roles,
        provider_per_minute=settings.provider_requests_per_minute or None,
        max_output_tokens=settings.max_output_tokens,
        price=price,
    )


def _roles(settings: Settings) -> Mapping[UserRole, RoleLimits]:
    member = RoleLimits(
        role="member",
        requests_per_minute=settings.requests_per_minute or None,
        requests_per_day=settings.requests_per_day or None,
        tokens_per_day=settings.tokens_per_day or None,
        micro_usd_per_day=round(settings.usd_per_day * 1_000_000) if settings.usd_per_day else None,
    )
    return {"member": member, "admin": admin_limits(member, settings.admin_limits)}


def _share_limits(settings: Settings) -> ShareLimits:
    return ShareLimits(
        conversations=settings.user_conversations or None,
        text_bytes=(settings.user_text_mb or 0) << 20 or None,
        picture_bytes=(settings.user_storage_mb or 0) << 20 or None,
        preferences=MOST_PREFERENCES,
        sessions=settings.user_sessions or None,
    )


def _auth(settings: Settings, storage: PortableStorage) -> Auth:
    from argus_core.auth.passwords import Passwords
    from argus_core.auth.service import Auth
    from argus_core.auth.tokens import Tokens

    keys = [key for key in (settings.jwt_secret_key, settings.jwt_previous_key) if key is not None]
    return Auth(
        storage,
        Passwords(),
        Tokens(keys or [_own_key(settings)]),
        signup=settings.signup,
        most_sessions=settings.user_sessions or None,
    )


def _own_key(settings: Settings) -> Secret:
    """Return a key of this machine's own: who signs in to a store without a server needs no other to know it."""
    from argus_core.auth.tokens import check_key

    path = config_dir(settings) / "jwt_secret_key"
    try:
        if not path.exists():
            create_durably(path, secrets.token_urlsafe(48).encode())  # or another first start was faster
        key = Secret(decoded(path.read_bytes()).strip())
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(f"{path} cannot be read or made: {reason}.") from error
    check_key(key, f"The key in {path}")
    return key


def _login_name() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # no name for this uid, as in a bare container
        return "you"
