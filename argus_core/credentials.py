"""The key that a person pasted: kept in the system's keyring, or in a file that only they can read."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

from argus_core.disk import open_regular, write_durably
from argus_core.errors import ConfigError, InvalidInput
from argus_core.settings import Secret

T = TypeVar("T")
_log = logging.getLogger(__name__)
_SERVICE = "argus"
_NOT_KEPT = "The key was not kept"
_NOT_READ = "The kept key was not read"
_MAX_KEY = 4096


class Keyring(Protocol):
    """The part of a keyring backend that is used."""

    def get_password(self, service: str, username: str) -> str | None:
        """Return what is kept there."""

    def set_password(self, service: str, username: str, password: str) -> None:
        """Keep it."""

    def delete_password(self, service: str, username: str) -> None:
        """Forget it."""


def system_keyring() -> Keyring:
    """Return the keyring of this system; slow. One that stores plain text does not count: our file does that better."""
    from keyring import core

    core.init_backend(core.recommended)
    return core.get_keyring()


class Credentials:
    """Finds, keeps and forgets the Gemini key. All methods block; those that ask a keyring for `timeout_s` at most.

    A key in the keyring leaves a note in the config folder, so that nobody who has none there pays for a keyring at
    the start. The entry is named after the folder: two configurations do not share a key.
    """

    def __init__(
        self,
        config_dir: Path,
        use_keyring: bool,
        *,
        open_keyring: Callable[[], Keyring] = system_keyring,
        timeout_s: float = 3.0,
    ) -> None:
        self._file = config_dir / "gemini_api_key"
        self._note = config_dir / "gemini_api_key.in_keyring"
        self._entry = f"gemini_api_key {config_dir}"
        self._use_keyring = use_keyring
        self._open_keyring = open_keyring
        self._timeout_s = timeout_s

    def has_key(self) -> bool:
        """Say at once, without asking the keyring, whether a key was kept."""
        return self._file.exists() or (self._use_keyring and self._note.exists())

    def find_key(self) -> Secret | None:
        """Return the kept key; None when there is none or the keyring does not give it.

        Raises:
            ConfigError: The file may be read by others, or holds no key.
        """
        key = self._read_file()
        if key is None and self._use_keyring and self._note.exists():
            key = self._ask_keyring(lambda keyring: keyring.get_password(_SERVICE, self._entry))
        return Secret(key) if key else None

    def keep_key(self, key: Secret) -> str:
        """Keep the key instead of an older one and return where it is, in words: `your keyring` or a path.

        Raises:
            InvalidInput: That cannot be a key.
            ConfigError: The file could not be written.
        """
        if not _is_key(key.value):
            raise InvalidInput("A key is made of ASCII letters, digits and signs, without spaces.")
        try:
            if self._use_keyring and self._ask_keyring(lambda keyring: self._put(keyring, key)):
                write_durably(self._note, b"The key is in the system's keyring.\n")
                self._file.unlink(missing_ok=True)
                return "your keyring"
            write_durably(self._file, key.value.encode())
            self._note.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"{self._file} cannot be written: {error.strerror}.", title=_NOT_KEPT) from error
        return str(self._file)

    def forget_key(self) -> None:
        """Remove the key from wherever it was kept; harmless when there is none.

        Raises:
            ConfigError: A file could not be removed, or the keyring did not let go of the key.
        """
        if self._note.exists() and not self._ask_keyring(self._drop):
            raise ConfigError("The keyring did not answer; remove the entry of argus there.", title="It is still kept")
        try:
            self._file.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"{error.filename} cannot be removed: {error.strerror}.") from error

    def _put(self, keyring: Keyring, key: Secret) -> bool:
        keyring.set_password(_SERVICE, self._entry, key.value)
        return keyring.get_password(_SERVICE, self._entry) == key.value

    def _drop(self, keyring: Keyring) -> bool:
        if keyring.get_password(_SERVICE, self._entry) is not None:
            keyring.delete_password(_SERVICE, self._entry)
        return True

    def _ask_keyring(self, work: Callable[[Keyring], T]) -> T | None:
        """Return what `work` does with the keyring; None when that fails or takes too long.

        A daemon thread of its own, not a pool: a keyring that waits for a locked desktop may never come back, and
        nothing may wait for it at the end of the program.
        """
        answer: queue.SimpleQueue[T | None] = queue.SimpleQueue()

        def run() -> None:
            try:
                answer.put(work(self._open_keyring()))
            except Exception as error:  # noqa: BLE001 - backends are plugins: they raise what they like
                _log.debug("the keyring failed: %s", type(error).__name__)
                answer.put(None)

        threading.Thread(target=run, name="argus-keyring", daemon=True).start()
        try:
            return answer.get(timeout=self._timeout_s)
        except queue.Empty:
            _log.debug("the keyring did not answer in time")
            return None

    def _read_file(self) -> str | None:
        try:
            with open_regular(self._file) as file:
                self._refuse_shared(os.fstat(file.fileno()))
                key = file.read(_MAX_KEY + 2).decode("ascii", "replace").strip()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"{self._file} cannot be read: {error.strerror}.", title=_NOT_READ) from error
        if not _is_key(key):
            raise ConfigError(f"{self._file} holds no key; remove it.", title=_NOT_READ)
        return key

    def _refuse_shared(self, found: os.stat_result) -> None:
        if os.name == "posix" and found.st_uid != os.getuid():
            raise ConfigError(f"{self._file} belongs to somebody else; remove it.", title=_NOT_READ)
        if os.name == "posix" and found.st_mode & 0o077:
            raise ConfigError(f"Others may read it; run: chmod 600 '{self._file}'", title=_NOT_READ)


def _is_key(text: str) -> bool:
    return 0 < len(text) <= _MAX_KEY and text.isascii() and text.isprintable() and " " not in text
