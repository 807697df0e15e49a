"""`argus serve` as a process: encrypted, in several processes, drained before it ends."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from argus_core.client.entrance import HttpEntrance
from argus_core.credentials import KeptSession
from argus_core.errors import ServerUnreachable
from tests.support.mongod import free_port

pytestmark = pytest.mark.slow
START_S = 60.0


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "ARGUS_DATA_DIR": str(folder / "data"),
        "ARGUS_CONFIG_DIR": str(folder / "config"),
        "ARGUS_KEYRING": "false",
        "JWT_SECRET_KEY": "a key of the tests that is long enough for anybody",
        "PORT": str(free_port()),
        **more,
    }


@contextmanager
def serving(folder: Path, *arguments: str, **more: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start `argus serve`; gives the process and its port once it listens."""
    env = environment(folder, **more)
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "argus_tui", "serve", *arguments], env=env, cwd=folder, stdout=out, stderr=out
        )
    try:
        until_listening(process, int(env["PORT"]), log)
        yield process, int(env["PORT"])
    finally:
        process.kill()
        process.wait()


def until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and process.poll() is None:
        for scheme in ("http", "https"):
            try:
                if httpx2.get(f"{scheme}://127.0.0.1:{port}/readyz", verify=False, trust_env=False).status_code == 200:
                    return
            except httpx2.HTTPError:
                continue
        time.sleep(0.1)
    raise AssertionError(log.read_text())


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for this machine that only whoever has it trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "argus of the tests")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_path, key_path = folder / "cert.pem", folder / "key.pem"
    cert_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_path, key_path


async def test_with_a_certificate_it_speaks_https_and_clients_check_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, key = certificate(tmp_path)
    with serving(tmp_path, "--tls-cert", str(cert), "--tls-key", str(key)) as (_, port):
        address = f"https://127.0.0.1:{port}"
        with pytest.raises(ServerUnreachable):
            await HttpEntrance(address, KeptSession(tmp_path, address, False), name="test").policy()
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        assert await HttpEntrance(address, KeptSession(tmp_path, address, False), name="test").policy() == "invite"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--tls-cert", "missing.pem"), "go together"),
        (("--tls-cert", "missing.pem", "--tls-key", "missing.pem"), "cannot be used"),
        (("--workers", "0"), "1 to 64"),
        (("--port", "70000"), "1 to 65535"),
    ],
)
def test_what_cannot_work_stops_the_start_in_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "argus_tui", "serve", *arguments],
        env=environment(tmp_path),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_port_that_is_taken_is_told_in_one_sentence(tmp_path: Path) -> None:
    with serving(tmp_path) as (_, port):
        done = subprocess.run(
            [sys.executable, "-m", "argus_tui", "serve", "--port", str(port)],
            env=environment(tmp_path),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 7
    assert f"port {port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_several_processes_serve_one_port_and_one_that_dies_is_started_anew(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2") as (process, port):
        children = workers_of(process.pid)
        assert len(children) == 2
        os.kill(children[0], signal.SIGKILL)
        end = time.monotonic() + START_S
        while (now := workers_of(process.pid)) == children or len(now) < 2:
            assert time.monotonic() < end
            time.sleep(0.1)
        assert httpx2.get(f"http://127.0.0.1:{port}/api/v1/server", trust_env=False).json()["name"] == "argus"
        numbers = httpx2.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
        assert 'argus_requests_total{method="GET",route="/api/v1/server",status="200"}' in numbers
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=START_S) == 0
    assert workers_of(process.pid) == []


def workers_of(pid: int) -> list[int]:
    """Return the worker processes of a server; the supervisor has a helper of Python's beside them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
            command = (entry.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != "Z" and b"spawn_main" in command:
            found.append(int(entry.parent.name))
    return sorted(found)
