"""Addresses of servers: which are taken, what they are called, and what may stand in a path."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from argus_core.errors import ConfigError, NotFound
from argus_core.network import is_loopback

API = "/api/v1"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def checked_address(address: str, *, allow_http: bool) -> str:
    """Return the address of a server in its one form: scheme, host, port if it is not the usual one, path if any.

    Raises:
        ConfigError: It is none, holds a password, or would send everything unencrypted over a network.
    """
    try:
        parts = urlsplit(address)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        host, port = "", None
    if not host or parts.scheme not in _DEFAULT_PORTS or parts.query or parts.fragment:
        raise ConfigError("It takes an address such as https://argus.example.org.", title="That is no server's address")
    if parts.username is not None or parts.password is not None:
        raise ConfigError("Leave name and password out of it; sign in instead.", title="That is no server's address")
    if parts.scheme == "http" and not allow_http and not is_loopback(host):
        raise ConfigError(
            f"http://{host} would send your password and all you write unencrypted; use https://, "
            "or set ARGUS_ALLOW_HTTP=true in a network you trust."
        )
    shown_port = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    shown_host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown_host}{shown_port}{parts.path.rstrip('/')}"


def place_of(address: str) -> str:
    """Return what people call the server at a checked address, such as `chat.example.org`."""
    return address.partition("://")[2]


def segment(identifier: str) -> str:
    """Return an id as a part of a path.

    Raises:
        NotFound: Nothing can have that id; it could even lead elsewhere.
    """
    if not _ID.fullmatch(identifier):
        raise NotFound("There is nothing with that id.")
    return identifier


def word(name: str) -> str:
    """Return any name as one part of a path."""
    quoted = quote(name.encode("utf-8", "replace"), safe="")
    if not quoted.strip("."):
        raise NotFound("There is nothing with that name.")
    return quoted
