"""The way out of this machine as the environment has it: whose certificates are trusted, and which proxy serves what.

One home for Gemini, by either SDK, and for our own servers. Nothing here is loaded before a line is needed.
"""

from __future__ import annotations

import ipaddress
import os
import re
import ssl
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies

from argus_core.errors import ConfigError

if TYPE_CHECKING:
    import httpx2
    import requests

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Name the certificates of authorities to trust instead of the system's; the first that is set counts."""
_OF_REQUESTS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", *_CERTIFICATES)
_NOT_USABLE = "The proxy that is set cannot be used"
_SCHEMES = {"http": "http", "https": "https", "socks5": "socks5", "socks5h": "socks5h", "socks": "socks5"}
"""GNOME writes `socks://`."""
_PORTS = {"http": 80, "https": 443}
_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")
"""A certificate in a folder, as `openssl rehash` names it."""


def trusted() -> ssl.SSLContext:
    """Return whom we trust: the certificates that `SSL_CERT_FILE` or `SSL_CERT_DIR` names, else those of the system.

    Raises:
        ConfigError: The setting names no certificates.
    """
    import httpx2

    named = _first_set(_CERTIFICATES)
    return _context(*named) if named else httpx2.create_ssl_context(trust_env=False)


def _first_set(names: Sequence[str]) -> tuple[str, str] | None:
    """Return the first of these variables that holds something, and what; an empty one is not set."""
    return next(((name, value) for name in names if (value := os.environ.get(name, "").strip())), None)


def _context(name: str, path: str) -> ssl.SSLContext:
    """Return a context that trusts the certificates in a file, or in folders made by `openssl rehash`."""
    try:
        if name == "SSL_CERT_DIR" or Path(path).is_dir():
            _require_hashed(path)
            return ssl.create_default_context(capath=path)
        return ssl.create_default_context(cafile=path)
    except ssl.SSLError as error:
        reason = "which holds no certificate in PEM form"
        raise ConfigError(f"{name} names {path}, {reason}; correct it or unset it.") from error
    except OSError as error:
        reason = f"which cannot be read: {error.strerror or type(error).__name__}"
        raise ConfigError(f"{name} names {path}, {reason}; correct it or unset it.") from error


def _require_hashed(path: str) -> None:
    """Refuse folders in which OpenSSL finds no certificate: it takes any, also one that is not there."""
    names = [name for folder in path.split(os.pathsep) for name in os.listdir(folder)]  # noqa: PTH208 - as given
    if not any(_HASHED.fullmatch(name.lower()) for name in names):
        raise ssl.SSLError("no certificate is named by its hash")


def transport_to(address: str, trust: ssl.SSLContext, limits: httpx2.Limits) -> httpx2.AsyncHTTPTransport:
    """Return what carries requests to an address: straight, or through the proxy that serves it.

    Raises:
        ConfigError: The proxy cannot be used.
    """
    import httpx2

    proxy = proxy_for(address)
    try:
        return httpx2.AsyncHTTPTransport(verify=trust, trust_env=False, limits=limits, proxy=proxy)
    except ImportError as error:
        raise _missing_socks("argus-tui[socks]") from error


def _missing_socks(packages: str) -> ConfigError:
    return ConfigError(f"A socks proxy needs one more package: pip install '{packages}'.", title=_NOT_USABLE)


def proxy_for(address: str) -> str | None:
    """Return the proxy that serves an address, None when none does; others that are set do not matter.

    `HTTPS_PROXY` or `HTTP_PROXY` by the scheme of the address, else `ALL_PROXY`, unless `NO_PROXY` has the host; as
    with curl the name in small letters wins. No proxy is a way to this machine itself.

    Raises:
        ConfigError: It is no address of a proxy.
    """
    parts = urlsplit(address)
    host, scheme = (parts.hostname or "").lower(), parts.scheme.lower()
    proxies = getproxies()
    if is_loopback(host) or _excepts(proxies.get("no", ""), host, parts.port or _PORTS.get(scheme)):
        return None
    for kind in (scheme, "all"):
        if given := proxies.get(kind, "").strip():
            return _checked(kind, given)
    return None


def is_loopback(host: str) -> bool:
    """Return whether the host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _checked(kind: str, given: str) -> str:
    """Return the address of a proxy in the form that libraries know."""
    import httpx2

    scheme, separator, rest = given.partition("://")
    known = _SCHEMES.get(scheme.lower()) if separator else "http"
    address = f"{known}://{rest if separator else given}"
    with suppress(ValueError, httpx2.InvalidURL):
        parts = urlsplit(address)
        if known and parts.hostname and parts.port != 0 and not re.search(r"\s", address) and httpx2.Proxy(address):
            return address
    hint = f"{_called(kind)} holds no address of a proxy; write it as http://host:port or socks5://host:port."
    raise ConfigError(hint, title=_NOT_USABLE)


def _called(kind: str) -> str:
    """Return the name of the variable that holds the proxy."""
    for name in (f"{kind}_proxy", f"{kind.upper()}_PROXY"):
        if os.environ.get(name):
            return name
    return "The system's setting of a proxy"


def _excepts(no_proxy: str, host: str, port: int | None) -> bool:
    """Return whether `NO_PROXY` has the host: `*`, a domain with all below it, an address or a network, perhaps a port.

    https://curl.se/libcurl/c/CURLOPT_NOPROXY.html
    """
    return any(one == "*" or _is_one_of(one, host, port) for one in _entries(no_proxy))


def _entries(no_proxy: str) -> Iterator[str]:
    for one in re.split(r"[,\s]+", no_proxy.lower()):
        entry = one.rpartition("://")[2]
        if entry:
            yield entry


def _is_one_of(entry: str, host: str, port: int | None) -> bool:
    with suppress(ValueError):
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry.replace("[", "").replace("]", ""), strict=False)
    name, colon, wanted = entry.rpartition(":")
    if colon and wanted.isdecimal():
        if int(wanted) != port:
            return False
        entry = name
    domain = entry.strip("[]").removeprefix("*").strip(".")
    return bool(domain) and (host.rstrip(".") == domain or host.rstrip(".").endswith(f".{domain}"))


def set_up_session(session: requests.Session, address: str) -> None:
    """Give a session of `requests` that speaks to one address the same certificates and the same proxy.

    `REQUESTS_CA_BUNDLE` and `CURL_CA_BUNDLE`, which that library knows, win over ours.

    Raises:
        ConfigError: Proxy or certificates cannot be used.
    """
    session.trust_env = False
    if named := _first_set(_OF_REQUESTS):
        _context(*named)
        session.verify = named[1]
    proxy = proxy_for(address)
    if proxy is not None and proxy.startswith("socks") and find_spec("socks") is None:
        raise _missing_socks("requests[socks]")
    session.proxies = {"http": proxy, "https": proxy} if proxy else {}
