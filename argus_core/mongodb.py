"""MongoDB for storage and blobs: the client with our settings, calls that end, and its errors in our words."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable
from datetime import UTC
from typing import TYPE_CHECKING, Any, TypeVar

from bson.errors import BSONError
from pymongo import AsyncMongoClient, WriteConcern
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)
from pymongo.read_concern import ReadConcern

from argus_core.errors import ArgusError, ConfigError, Conflict, InvalidInput, StorageError, StorageUnavailable

if TYPE_CHECKING:
    from pymongo.asynchronous.collection import AsyncCollection
    from pymongo.asynchronous.database import AsyncDatabase

T = TypeVar("T")
Document = dict[str, Any]
"""What MongoDB keeps: field -> value."""
if TYPE_CHECKING:
    Database = AsyncDatabase[Document]
    Collection = AsyncCollection[Document]
    Client = AsyncMongoClient[Document]

DEFAULT_DATABASE = "argus"
DUPLICATE_KEY = 11000
DRIVER_ERRORS = (PyMongoError, BSONError, UnicodeEncodeError, OverflowError)
_REFUSED = (13, 18, 8000)
"""Unauthorized, AuthenticationFailed, and Atlas's word for both."""
_PASSING = (50, 64, 91, 100, 189, 262, 10107, 11600, 11602, 13435, 13436)
"""Timeouts of the server, and members that step down, shut down or do not reach a majority."""


def connect(uri: str, timeout_s: float) -> Client:
    """Return a client of that server; it connects when it is first asked for something.

    Args:
        uri: What MongoDB calls a connection string.
        timeout_s: Seconds that one call may take with all its retries.

    Raises:
        ConfigError: The string cannot work.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # an option that is misspelt must not be left out
            return AsyncMongoClient(
                uri,
                appname="argus",
                tz_aware=True,
                tzinfo=UTC,
                w="majority",
                readConcernLevel="majority",
                readPreference="primary",
                retryWrites=True,
                timeoutMS=int(timeout_s * 1000),
            )
    except (ConfigurationError, ValueError, TypeError, UserWarning) as error:
        raise ConfigError("The address of MongoDB cannot work; it looks like mongodb://host:27017/argus.") from error


def place_of(uri: str) -> str:
    """Return the hosts that a connection string names, without the user and the password in it."""
    return _behind_user(uri).partition("/")[0]


def database_name(uri: str) -> str:
    """Return the database that a connection string names, else the default one."""
    return _behind_user(uri).partition("/")[2].partition("?")[0] or DEFAULT_DATABASE


def _behind_user(uri: str) -> str:
    return uri.rpartition("@")[2].removeprefix("mongodb://").removeprefix("mongodb+srv://")


def database_of(client: Client) -> Database:
    """Return the database that the connection string names, else `argus`."""
    return client.get_default_database(DEFAULT_DATABASE)


class Calls:
    """Calls to one server, each in a task of its own.

    pymongo may swallow a cancellation (Python 3.11's `wait_for` does), and then nobody would ever end who was told to.
    Who is cancelled here leaves at once; the call ends by itself, within its time.
    """

    def __init__(self, place: str) -> None:
        self._place = place
        self._running: set[asyncio.Future[Any]] = set()

    async def run(self, call: Awaitable[T]) -> T:
        """Return what a call returns, and raise its errors as ours."""
        task = asyncio.ensure_future(call)
        self._running.add(task)
        task.add_done_callback(self._ended)
        try:
            return await asyncio.shield(task)
        except DRIVER_ERRORS as error:
            raise translated(error, self._place) from error

    async def wait(self) -> None:
        """Return when every call has ended."""
        if self._running:
            await asyncio.wait(self._running)

    def _ended(self, call: asyncio.Future[Any]) -> None:
        self._running.discard(call)
        if not call.cancelled():
            call.exception()  # taken, so that it is no news when its caller has left


def passing(collection: Collection) -> Collection:
    """Return the collection for what need not survive the loss of the primary: it waits for no disk, and is read so."""
    return collection.with_options(write_concern=WriteConcern(w=1), read_concern=ReadConcern("local"))


def is_duplicate(error: BulkWriteError) -> bool:
    """Return whether nothing but taken keys kept a bulk write from being done and durable."""
    details = error.details
    taken = all(each["code"] == DUPLICATE_KEY for each in details["writeErrors"])
    return bool(details["writeErrors"]) and taken and not details["writeConcernErrors"]


def translated(error: Exception, place: str) -> ArgusError:
    """Return our error for one of the driver; the hint names the place and never quotes what was stored."""
    if isinstance(error, DuplicateKeyError) or (isinstance(error, BulkWriteError) and is_duplicate(error)):
        return Conflict("Something with this id is there already.")
    if isinstance(error, DocumentTooLarge):
        return InvalidInput("It is too large to be stored; MongoDB takes 16 MB.")
    if isinstance(error, BSONError | UnicodeEncodeError | OverflowError):
        return InvalidInput("It holds text or a number that cannot be stored.")
    if isinstance(error, InvalidOperation):
        return StorageUnavailable("The store is closed.")
    if isinstance(error, ConfigurationError):
        return ConfigError(f"The address of MongoDB at {place} cannot work ({type(error).__name__}).")
    if isinstance(error, OperationFailure) and error.code in _REFUSED:
        return StorageUnavailable(f"MongoDB at {place} does not accept the user or the password in MONGO_URI.")
    if _passes(error):
        return StorageUnavailable(f"MongoDB at {place} does not answer, or has no primary with a majority.")
    code = getattr(error, "code", None)
    return StorageError(f"MongoDB at {place} did not do what was asked ({type(error).__name__}, code {code}).")


def _passes(error: Exception) -> bool:
    """Return whether the same call may work later."""
    if isinstance(error, ConnectionFailure | WriteConcernError) or getattr(error, "timeout", False):
        return True
    if isinstance(error, BulkWriteError) and error.details["writeConcernErrors"]:
        return True
    return isinstance(error, OperationFailure) and error.code in _PASSING
