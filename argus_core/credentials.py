"""What stays secret between two runs, the Gemini key and sign-ins: in the keyring, or in a file of the user alone."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import queue
import re
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from argus_core.disk import open_regular, try_lock, write_durably
from argus_core.domain import SignedIn, User
from argus_core.errors import ConfigError, InvalidInput
from argus_core.settings import DECLARED, Secret, is_absent, own_folder
from argus_core.text.reading import decoded
from argus_core.wire import decode, encode

T = TypeVar("T")
_log = logging.getLogger(__name__)
CONFIG_DIR = DECLARED["config_dir"].env
_SERVICE = "argus"
_MAX_KEY = 4096
_MAX_SIGN_IN = 16_384
LOCK_S = 20.0
"""Who waited so long for another process to refresh goes on without it: that one may be stopped for good."""
_LOCK_TRY_S = 0.05


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


class KeptSecret:
    """One secret under one name. All methods block; those that ask a keyring for `timeout_s` at most.

    A secret in the keyring leaves a note in the config folder, so that nobody who has none there pays for a keyring at
    the start. The entry is named after the folder: two configurations share nothing.

    Args:
        config_dir: The folder of the file and of the note; it is made when there is something to keep.
        name: Of the file, and of the entry in the keyring.
        what: What it is, for errors.
        fits: Tells whether a text can be such a secret.
    """

    def __init__(
        self,
        config_dir: Path,
        name: str,
        use_keyring: bool,
        *,
        what: str,
        fits: Callable[[str], bool],
        open_keyring: Callable[[], Keyring] = system_keyring,
        timeout_s: float = 3.0,
    ) -> None:
        self.file = config_dir / name
        self._note = config_dir / f"{name}.in_keyring"
        self._entry = f"{name} {config_dir}"
        self._what = what
        self._fits = fits
        self._use_keyring = use_keyring
        self._open_keyring = open_keyring
        self._timeout_s = timeout_s

    def is_kept(self) -> bool:
        """Say at once, without asking the keyring, whether something was kept."""
        return _is_there(self.file) or self._is_in_keyring()

    def find(self) -> str | None:
        """Return what was kept; None when there is nothing or the keyring does not give it.

        Raises:
            ConfigError: The file may be read by others, or holds something else.
        """
        text = self._read_file()
        if text is None and self._is_in_keyring():
            text = self._ask_keyring(lambda keyring: keyring.get_password(_SERVICE, self._entry))
        return text or None

    def keep(self, text: str) -> str:
        """Keep it instead of an older one and return where it is, in words: `your keyring` or a path.

        Raises:
            ConfigError: The file could not be written.
        """
        own_folder(self.file.parent, CONFIG_DIR)
        try:
            if self._use_keyring and self._ask_keyring(lambda keyring: self._put(keyring, text)):
                write_durably(self._note, f"The {self._what} is in the system's keyring.\n".encode())
                self.file.unlink(missing_ok=True)
                return "your keyring"
            write_durably(self.file, text.encode())
            self._note.unlink(missing_ok=True)
        except OSError as error:
            title = f"The {self._what} was not kept"
            raise ConfigError(f"{self.file} cannot be written: {error.strerror}.", title=title) from error
        return str(self.file)

    def forget(self) -> None:
        """Remove it from wherever it was kept; harmless when there is none.

        Raises:
            ConfigError: A file could not be removed, or the keyring did not let go of it.
        """
        if _is_there(self._note) and not self._ask_keyring(self._drop):
            raise ConfigError("The keyring did not answer; remove the entry of argus there.", title="It is still kept")
        try:
            self.file.unlink(missing_ok=True)
            self._note.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"{error.filename} cannot be removed: {error.strerror}.") from error

    def _is_in_keyring(self) -> bool:
        return self._use_keyring and _is_there(self._note)

    def _put(self, keyring: Keyring, text: str) -> bool:
        keyring.set_password(_SERVICE, self._entry, text)
        return keyring.get_password(_SERVICE, self._entry) == text

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
        title = f"The kept {self._what} was not read"
        try:
            with open_regular(self.file) as file:
                self._refuse_shared(os.fstat(file.fileno()), title)
                text = decoded(file.read(_MAX_SIGN_IN + 2), "replace").strip()
        except OSError as error:
            if is_absent(self.file, error):
                return None
            raise ConfigError(f"{self.file} cannot be read: {error.strerror}.", title=title) from error
        if not self._fits(text):
            raise ConfigError(f"{self.file} holds no {self._what}; remove it.", title=title)
        return text

    def _refuse_shared(self, found: os.stat_result, title: str) -> None:
        if os.name == "posix" and found.st_uid != os.getuid():
            raise ConfigError(f"{self.file} belongs to somebody else; remove it.", title=title)
        if os.name == "posix" and found.st_mode & 0o077:
            raise ConfigError(f"Others may read it; run: chmod 600 '{self.file}'", title=title)


class Credentials:
    """Finds, keeps and forgets the Gemini key. All methods block, see `KeptSecret`."""

    def __init__(
        self,
        config_dir: Path,
        use_keyring: bool,
        *,
        open_keyring: Callable[[], Keyring] = system_keyring,
        timeout_s: float = 3.0,
    ) -> None:
        self._secret = KeptSecret(
            config_dir,
            "gemini_api_key",
            use_keyring,
            what="key",
            fits=_is_key,
            open_keyring=open_keyring,
            timeout_s=timeout_s,
        )

    def has_key(self) -> bool:
        """Say at once, without asking the keyring, whether a key was kept."""
        return self._secret.is_kept()

    def find_key(self) -> Secret | None:
        """Return the kept key; None when there is none or the keyring does not give it.

        Raises:
            ConfigError: The file may be read by others, or holds no key.
        """
        key = self._secret.find()
        return Secret(key) if key else None

    def keep_key(self, key: Secret) -> str:
        """Keep the key instead of an older one and return where it is, in words: `your keyring` or a path.

        Raises:
            InvalidInput: That cannot be a key.
            ConfigError: The file could not be written.
        """
        if not _is_key(key.value):
            raise InvalidInput("A key is made of ASCII letters, digits and signs, without spaces.")
        return self._secret.keep(key.value)

    def forget_key(self) -> None:
        """Remove the key from wherever it was kept; harmless when there is none.

        Raises:
            ConfigError: A file could not be removed, or the keyring did not let go of the key.
        """
        self._secret.forget()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSignIn:
    """What is kept of a sign-in at one place."""

    place: str
    user: User | None = None
    """None after signing out: only the device token is left then."""
    session_id: str = ""
    refresh_token: str = field(default="", repr=False)
    device_token: str = field(default="", repr=False)


class KeptSession:
    """The sign-in at one place, a server or a store with accounts; several programs may share it.

    All methods but `alone` block, see `KeptSecret`. An access token is never kept.

    Args:
        config_dir: The config folder; it is made when there is something to keep.
        place: An address that names the place, without secrets.
        use_keyring: Try the keyring first.
    """

    def __init__(
        self,
        config_dir: Path,
        place: str,
        use_keyring: bool,
        *,
        open_keyring: Callable[[], Keyring] = system_keyring,
        timeout_s: float = 3.0,
    ) -> None:
        self.place = place
        name = f"session_{_file_name(place)}"
        self._secret = KeptSecret(
            config_dir,
            name,
            use_keyring,
            what="sign-in",
            fits=lambda text: _sign_in(text, place) is not None,
            open_keyring=open_keyring,
            timeout_s=timeout_s,
        )
        self._lock_file = config_dir / f"{name}.lock"

    def is_kept(self) -> bool:
        """Say at once, without asking the keyring, whether somebody signed in here before."""
        return self._secret.is_kept()

    def find(self) -> KeptSignIn | None:
        """Return what is kept, None when nothing is or the keyring does not give it.

        Raises:
            ConfigError: The file may be read by others, or holds something else.
        """
        text = self._secret.find()
        return _sign_in(text, self.place) if text else None

    def keep(self, signed_in: SignedIn) -> str:
        """Keep it instead of an older one and return where it is, in words: `your keyring` or a path.

        Raises:
            ConfigError: The file could not be written.
        """
        return self._keep(
            KeptSignIn(
                place=self.place,
                user=signed_in.user,
                session_id=signed_in.session_id,
                refresh_token=signed_in.refresh_token,
                device_token=signed_in.device_token,
            )
        )

    def forget(self) -> None:
        """Forget the sign-in; only that somebody has signed in here before stays known.

        Raises:
            ConfigError: It could not be removed.
        """
        kept = self.find()
        if kept is not None and kept.device_token:
            self._keep(KeptSignIn(place=self.place, device_token=kept.device_token))
        else:
            self._secret.forget()

    @asynccontextmanager
    async def alone(self) -> AsyncGenerator[None, None]:
        """While entered, no other process refreshes this session: what is read, exchanged and kept is one step."""
        with suppress(OSError, ConfigError):  # a folder that cannot be written to: `keep` will say so
            own_folder(self._lock_file.parent, CONFIG_DIR)
            self._lock_file.touch(mode=0o600)
        try:
            file = self._lock_file.open("rb")
        except OSError:
            yield
            return
        with file:
            until = time.monotonic() + LOCK_S
            while not try_lock(file):
                if time.monotonic() > until:
                    break
                await asyncio.sleep(_LOCK_TRY_S)
            yield

    def _keep(self, kept: KeptSignIn) -> str:
        return self._secret.keep(json.dumps(encode(kept), ensure_ascii=True))


def _sign_in(text: str, place: str) -> KeptSignIn | None:
    """Return what `text` holds, None when it is nothing of that place."""
    try:
        kept = decode(KeptSignIn, json.loads(text))
    except (ValueError, RecursionError, InvalidInput):
        return None
    return kept if kept.place == place else None


def _file_name(place: str) -> str:
    """Return a name for a place that people recognise and no other place has."""
    readable = re.sub(r"[^A-Za-z0-9.-]+", "_", place.partition("://")[2] or place)[:60]
    return f"{readable}_{hashlib.sha256(place.encode()).hexdigest()[:12]}"


def _is_there(path: Path) -> bool:
    return os.path.exists(path)  # noqa: PTH110 - False also where we may not look


def _is_key(text: str) -> bool:
    return 0 < len(text) <= _MAX_KEY and text.isascii() and text.isprintable() and " " not in text
