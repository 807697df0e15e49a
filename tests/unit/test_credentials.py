"""The key and sign-ins: in a keyring that answers, else in a file of the owner alone. No real keyring is touched."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from argus_core.credentials import Credentials, KeptSession, KeptSignIn, Keyring
from argus_core.domain import SignedIn, User
from argus_core.errors import ConfigError, InvalidInput
from argus_core.settings import Secret
from tests.support.builders import NOON

KEY = Secret("AIzaSy-very-secret")


class MemoryKeyring:
    """A keyring that forgets at the end of the test."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class ForgetfulKeyring(MemoryKeyring):
    """A keyring that takes everything and keeps nothing, as the null backend does."""

    def set_password(self, service: str, username: str, password: str) -> None:
        pass


def no_keyring() -> Keyring:
    raise RuntimeError("no backend")


def must_not_be_opened() -> Keyring:
    return pytest.fail("the keyring was opened")


def credentials(folder: Path, open_keyring: Callable[[], Keyring], use_keyring: bool = True) -> Credentials:
    return Credentials(folder, use_keyring, open_keyring=open_keyring, timeout_s=5.0)


def test_key_goes_into_the_keyring_and_into_no_file(tmp_path: Path) -> None:
    keyring = MemoryKeyring()
    kept = credentials(tmp_path, lambda: keyring)
    assert kept.keep_key(KEY) == "your keyring"
    assert credentials(tmp_path, lambda: keyring).find_key() == KEY
    assert all(KEY.value not in path.read_text() for path in tmp_path.iterdir())


@pytest.mark.parametrize("open_keyring", [no_keyring, ForgetfulKeyring])
def test_without_a_keyring_that_keeps_it_the_key_goes_into_a_file_of_the_user_alone(
    tmp_path: Path, open_keyring: Callable[[], Keyring]
) -> None:
    path = tmp_path / "gemini_api_key"
    assert credentials(tmp_path, open_keyring).keep_key(KEY) == str(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert credentials(tmp_path, must_not_be_opened).find_key() == KEY


def test_keyring_is_not_opened_when_it_is_switched_off_or_holds_nothing_of_ours(tmp_path: Path) -> None:
    assert credentials(tmp_path, must_not_be_opened).find_key() is None
    assert not credentials(tmp_path, must_not_be_opened).has_key()
    off = credentials(tmp_path, must_not_be_opened, use_keyring=False)
    assert off.keep_key(KEY) == str(tmp_path / "gemini_api_key")
    assert off.find_key() == KEY
    assert off.has_key()


def test_keyring_that_hangs_is_left_behind(tmp_path: Path) -> None:
    release = threading.Event()

    def hang() -> Keyring:
        release.wait()
        raise RuntimeError

    kept = Credentials(tmp_path, True, open_keyring=hang, timeout_s=0.05)
    try:
        assert kept.keep_key(KEY) == str(tmp_path / "gemini_api_key")
        (tmp_path / "gemini_api_key").unlink()
        (tmp_path / "gemini_api_key.in_keyring").touch()
        assert kept.has_key()
        assert kept.find_key() is None
        with pytest.raises(ConfigError, match="did not answer"):
            kept.forget_key()
    finally:
        release.set()


def test_newer_key_replaces_the_older_wherever_that_was(tmp_path: Path) -> None:
    keyring, newer = MemoryKeyring(), Secret("newer")
    credentials(tmp_path, no_keyring).keep_key(KEY)
    credentials(tmp_path, lambda: keyring).keep_key(newer)
    assert credentials(tmp_path, lambda: keyring).find_key() == newer
    credentials(tmp_path, no_keyring).keep_key(KEY)
    assert credentials(tmp_path, lambda: keyring).find_key() == KEY


@pytest.mark.parametrize("in_keyring", [True, False])
def test_forgotten_key_is_gone_everywhere(tmp_path: Path, in_keyring: bool) -> None:
    keyring = MemoryKeyring()
    kept = credentials(tmp_path, lambda: keyring, use_keyring=in_keyring)
    kept.keep_key(KEY)
    kept.forget_key()
    kept.forget_key()
    assert kept.find_key() is None
    assert not kept.has_key()
    assert keyring.kept == {}
    assert list(tmp_path.iterdir()) == []


def test_two_config_folders_do_not_share_a_key(tmp_path: Path) -> None:
    keyring = MemoryKeyring()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        credentials(tmp_path / name, lambda: keyring).keep_key(Secret(name))
    assert credentials(tmp_path / "one", lambda: keyring).find_key() == Secret("one")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_file_that_others_can_read_is_refused_with_the_command_that_mends_it(tmp_path: Path, mode: int) -> None:
    kept = credentials(tmp_path, must_not_be_opened, use_keyring=False)
    path = Path(kept.keep_key(KEY))
    path.chmod(mode)
    with pytest.raises(ConfigError) as caught:
        kept.find_key()
    command = caught.value.hint.partition("run: ")[2]
    subprocess.run(["sh", "-c", command], check=True)
    assert kept.find_key() == KEY


def test_file_of_somebody_else_link_or_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = credentials(tmp_path, must_not_be_opened, use_keyring=False)
    path = Path(kept.keep_key(KEY))
    with monkeypatch.context() as patch:
        patch.setattr(os, "getuid", lambda: path.stat().st_uid + 1)
        with pytest.raises(ConfigError, match="somebody else"):
            kept.find_key()
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigError):
        kept.find_key()
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigError):
        kept.find_key()


@pytest.mark.parametrize("content", [b"", b"two words", b"k\xff", b"a\nb", b"x" * 5000])
def test_file_without_a_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "gemini_api_key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match="holds no key"):
        credentials(tmp_path, must_not_be_opened).find_key()


@pytest.mark.parametrize("text", ["", "two words", "schlüssel", "a\nb", "a\x1b"])
def test_what_cannot_be_a_key_is_not_kept(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput):
        credentials(tmp_path, must_not_be_opened).keep_key(Secret(text))
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_written_is_told_without_the_key(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError) as caught:
        credentials(tmp_path / "file" / "config", must_not_be_opened, use_keyring=False).keep_key(KEY)
    assert "ARGUS_CONFIG_DIR" in caught.value.hint
    assert KEY.value not in str(caught.value)


def test_importing_credentials_loads_no_keyring() -> None:
    code = "import sys, argus_core.credentials; print('keyring' in sys.modules)"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# Sign-ins

PLACE = "https://argus.example.org"


def signed_in(number: int = 1) -> SignedIn:
    return SignedIn(
        user=User(id="u", name="سارا", email="sara@example.org", created_at=NOON),
        session_id="session",
        access_token=f"access-{number}",
        refresh_token=f"refresh-{number}",
        device_token="device",
        expires_in_s=600,
    )


def session(folder: Path, open_keyring: Callable[[], Keyring] = must_not_be_opened, place: str = PLACE) -> KeptSession:
    use_keyring = open_keyring is not must_not_be_opened
    return KeptSession(folder, place, use_keyring, open_keyring=open_keyring, timeout_s=5.0)


def file_of(folder: Path) -> Path:
    (path,) = folder.glob("session_*[0-9a-f]")
    return path


def test_a_sign_in_is_kept_without_its_access_token(tmp_path: Path) -> None:
    kept = session(tmp_path)
    assert not kept.is_kept()
    assert kept.find() is None
    assert kept.keep(signed_in()) == str(file_of(tmp_path))
    found = session(tmp_path).find()
    assert found == KeptSignIn(
        place=PLACE,
        user=signed_in().user,
        session_id="session",
        refresh_token="refresh-1",
        device_token="device",
    )
    assert kept.is_kept()
    assert file_of(tmp_path).stat().st_mode & 0o777 == 0o600
    assert "access" not in file_of(tmp_path).read_text()
    assert "argus.example.org" in file_of(tmp_path).name
    assert "refresh-1" not in repr(found)


def test_a_sign_in_goes_into_the_keyring_if_there_is_one(tmp_path: Path) -> None:
    keyring = MemoryKeyring()
    assert session(tmp_path, lambda: keyring).keep(signed_in()) == "your keyring"
    assert all("refresh-1" not in path.read_text() for path in tmp_path.iterdir())
    found = session(tmp_path, lambda: keyring).find()
    assert found is not None
    assert found.refresh_token == "refresh-1"


@pytest.mark.parametrize("in_keyring", [True, False])
def test_after_signing_out_only_the_device_is_known(tmp_path: Path, in_keyring: bool) -> None:
    keyring = MemoryKeyring()
    kept = session(tmp_path, (lambda: keyring) if in_keyring else must_not_be_opened)
    kept.keep(signed_in())
    kept.forget()
    assert kept.find() == KeptSignIn(place=PLACE, device_token="device")
    everything = [path.read_text() for path in tmp_path.iterdir()] + list(keyring.kept.values())
    assert "refresh-1" not in "".join(everything)


def test_forgetting_what_was_never_kept_is_harmless(tmp_path: Path) -> None:
    kept = session(tmp_path)
    kept.forget()
    kept.keep(replace(signed_in(), device_token=""))
    kept.forget()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "other",
    [
        "http://argus.example.org",
        "https://argus.example.org:8443",
        "https://argus.example.org/team",
        "https://argus.example.org_team",
    ],
)
def test_places_do_not_share_a_sign_in(tmp_path: Path, other: str) -> None:
    session(tmp_path).keep(signed_in(1))
    session(tmp_path, place=other).keep(signed_in(2))
    found = session(tmp_path).find()
    assert found is not None
    assert found.refresh_token == "refresh-1"


def test_a_sign_in_that_others_can_read_is_refused(tmp_path: Path) -> None:
    session(tmp_path).keep(signed_in())
    file_of(tmp_path).chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        session(tmp_path).find()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"place": 7}', '{"place": "https://evil.example.org"}', "[" * 16_000]
)
def test_a_file_without_a_sign_in_of_that_place_is_refused(tmp_path: Path, content: str) -> None:
    session(tmp_path).keep(signed_in())
    file_of(tmp_path).write_text(content)
    with pytest.raises(ConfigError, match="holds no sign-in"):
        session(tmp_path).find()
    session(tmp_path).keep(signed_in(2))
    assert session(tmp_path).find() is not None


async def test_one_at_a_time_refreshes(tmp_path: Path) -> None:
    log: list[str] = []

    async def refresh(name: str) -> None:
        async with session(tmp_path).alone():
            log.append(f"{name} in")
            for _ in range(5):
                await asyncio.sleep(0)
            log.append(f"{name} out")

    await asyncio.gather(*(refresh(name) for name in "abc"))
    assert [entry.split()[1] for entry in log] == ["in", "out"] * 3
    assert [entry[0] for entry in log[::2]] == [entry[0] for entry in log[1::2]]


async def test_whoever_holds_the_lock_for_ever_does_not_stop_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("argus_core.credentials.LOCK_S", 0.0)
    passed = []
    async with session(tmp_path).alone(), session(tmp_path).alone():
        passed.append(True)
    assert passed == [True]


async def test_the_lock_goes_with_its_process(tmp_path: Path) -> None:
    code = (
        "import asyncio, os, pathlib, sys; from argus_core.credentials import KeptSession\n"
        "async def main():\n"
        "    async with KeptSession(pathlib.Path(sys.argv[1]), sys.argv[2], False).alone(): os._exit(3)\n"
        "asyncio.run(main())"
    )
    root = Path(__file__).parents[2]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, str(tmp_path), PLACE, cwd=root)
    assert await process.wait() == 3
    async with asyncio.timeout(10), session(tmp_path).alone():
        assert not session(tmp_path).is_kept()
