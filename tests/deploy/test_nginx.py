"""nginx with the configuration of `deploy/`. This module is collected where nginx is installed, as in the CI."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path

import pytest

from tests.deploy.proxied import WAIT_S, Proxied, nginx, write_configuration

pytestmark = pytest.mark.slow

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENTS = "/api/v1/generations/g/events"


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[Proxied]:
    with nginx(tmp_path) as running:
        yield running


@pytest.fixture
def client(proxied: Proxied) -> Iterator[HTTPSConnection]:
    connection = HTTPSConnection("127.0.0.1", proxied.https_port, context=proxied.trust, timeout=WAIT_S)
    yield connection
    connection.close()


def accept(proxied: Proxied) -> tuple[socket.socket, str]:
    """Return the next connection from nginx, and the head of the request on it."""
    line, _ = proxied.upstream.accept()
    line.settimeout(WAIT_S)
    head = b""
    while b"\r\n\r\n" not in head:
        head += line.recv(65536)
    return line, head.decode("latin-1")


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def read_event(response: HTTPResponse) -> list[bytes]:
    lines = []
    while line := response.readline().strip():
        lines.append(line)
    return lines


def test_nginx_accepts_the_configuration(tmp_path: Path) -> None:
    main = write_configuration(tmp_path, 8081, 8443, 8080)
    done = subprocess.run(["nginx", "-t", "-p", str(tmp_path), "-c", str(main)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def test_each_event_arrives_before_the_next_is_sent(proxied: Proxied, client: HTTPSConnection) -> None:
    client.request("GET", EVENTS)
    line, _ = accept(proxied)
    with line:
        line.sendall(STREAM + chunk(b"id: 1\n\n"))
        response = client.getresponse()
        assert read_event(response) == [b"id: 1"]
        for n in range(2, 6):  # the server waits for the reader: whatever held an event back would stop both
            line.sendall(chunk(b"id: %d\n\n" % n))
            assert read_event(response) == [b"id: %d" % n]
        line.sendall(chunk(b""))
        assert response.read() == b""


def test_argus_sees_a_reader_leave(proxied: Proxied, client: HTTPSConnection) -> None:
    client.request("GET", EVENTS)
    line, _ = accept(proxied)
    with line:
        line.sendall(STREAM + chunk(b": beat\n\n"))
        with client.getresponse() as response:
            assert read_event(response) == [b": beat"]
        client.close()
        assert line.recv(1) == b""


def test_argus_learns_the_reader_s_address_and_not_what_the_reader_claims(
    proxied: Proxied, client: HTTPSConnection
) -> None:
    claims = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "gopher", "Forwarded": "for=6.6.6.6"}
    client.request("GET", EVENTS, headers={**claims, "Last-Event-ID": "7", "Authorization": "Bearer x"})
    line, head = accept(proxied)
    with line:
        line.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        assert client.getresponse().status == 204
    first, *headers = head.strip().split("\r\n")
    given = dict(header.lower().split(": ", 1) for header in headers)
    assert first == f"GET {EVENTS} HTTP/1.1"
    assert given["x-forwarded-for"] == "127.0.0.1"
    assert given["x-forwarded-proto"] == "https"
    assert (given["last-event-id"], given["authorization"]) == ("7", "bearer x")
    assert not given.keys() & {"forwarded", "connection"}


def test_a_picture_of_twenty_mebibytes_passes_and_more_does_not(proxied: Proxied, client: HTTPSConnection) -> None:
    client.request("POST", "/api/v1/attachments?name=a.png", body=bytes(20 << 20))
    line, head = accept(proxied)
    with line:
        assert f"content-length: {20 << 20}" in head.lower()
        line.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
        with client.getresponse() as response:
            assert response.status == 201
    client.close()
    client.putrequest("POST", "/api/v1/attachments?name=a.png")
    client.putheader("Content-Length", str(22 << 20))
    client.endheaders()
    with client.getresponse() as response:
        assert response.status == 413


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
def test_numbers_and_readiness_are_not_for_the_world(client: HTTPSConnection, path: str) -> None:
    client.request("GET", path)
    with client.getresponse() as response:
        assert response.status == 404


def test_plain_http_is_sent_to_https_with_its_method(proxied: Proxied) -> None:
    connection = HTTPConnection("127.0.0.1", proxied.http_port, timeout=WAIT_S)
    connection.request("POST", "/api/v1/auth/login?x=1", headers={"Host": "argus.example.org"})
    with connection.getresponse() as response:
        assert response.status == 308
        assert response.headers["Location"] == "https://argus.example.org/api/v1/auth/login?x=1"
    connection.close()
