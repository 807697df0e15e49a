"""nginx with the configuration of `deploy/`, in a folder and on ports of its own, before a server the test plays."""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.deploy.files import text
from tests.support.mongod import free_port

WAIT_S = 20.0
_LIVE = "/etc/letsencrypt/live/argus.example.org"
_AROUND = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/argus.conf;
}}
"""


class Proxied(NamedTuple):
    """A running nginx and the server behind it."""

    upstream: socket.socket
    """Where the test accepts what nginx passes on."""
    http_port: int
    https_port: int
    trust: ssl.SSLContext


def write_configuration(folder: Path, http_port: int, https_port: int, upstream_port: int) -> Path:
    """Write the configuration with other ports and paths, and a certificate; return nginx's main file."""
    _write_certificate(folder)
    conf = text("nginx.conf").replace(_LIVE, str(folder)).replace("127.0.0.1:8080", f"127.0.0.1:{upstream_port}")
    conf = re.sub(r"(?m)^ *listen \[::\].*\n", "", conf)
    conf = conf.replace("listen 80;", f"listen 127.0.0.1:{http_port};")
    conf = conf.replace("listen 443 ssl;", f"listen 127.0.0.1:{https_port} ssl;")
    (folder / "argus.conf").write_text(conf, encoding="utf-8")
    main = folder / "nginx.conf"
    main.write_text(_AROUND.format(folder=folder), encoding="utf-8")
    return main


@contextmanager
def nginx(folder: Path) -> Iterator[Proxied]:
    """Run nginx until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as upstream:
        upstream.settimeout(WAIT_S)
        http_port, https_port = free_port(), free_port()
        main = write_configuration(folder, http_port, https_port, upstream.getsockname()[1])
        with subprocess.Popen(["nginx", "-p", str(folder), "-c", str(main)]) as process:
            try:
                _wait_until_it_listens(https_port, process)
                trust = ssl.create_default_context(cafile=folder / "fullchain.pem")
                yield Proxied(upstream, http_port, https_port, trust)
            finally:
                process.terminate()


def _wait_until_it_listens(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _write_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "argus.example.org")])
    names = [x509.DNSName("argus.example.org"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    certificate = builder.sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(pem))
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "privkey.pem").write_bytes(key.private_bytes(pem, form, plain))
