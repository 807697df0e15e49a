"""From what was given to a value of the right type, or to a sentence that says what would be right."""

from __future__ import annotations

import math
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from argus_core.errors import ConfigError
from argus_core.settings.fields import Declared, Secret

MONGO_SCHEMES = ("mongodb://", "mongodb+srv://")


class Given(NamedTuple):
    """A value as it was given."""

    value: object
    source: str
    called: str
    """What the giver calls the setting, for errors."""
    base: Path
    """Where a relative path starts."""


class _Unusable(ValueError):
    """The value does not fit; the text says what would."""


def convert(declared: Declared, given: Given) -> Any:
    """Return the value of the setting, checked.

    Raises:
        ConfigError: It cannot work; one line, with secrets masked.
    """
    try:
        if declared.choices:
            value = _one_of(given.value, declared.choices)
        else:
            value = _CONVERTERS[declared.kind](given.value, given.base)
        fits, wanted = _RULES.get(declared.name, (None, ""))
        if fits and not fits(value):
            raise _Unusable(wanted)
    except _Unusable as error:
        raise ConfigError(f"{given.called} holds {_shown_bad(declared, given.value)}; it takes {error}.") from None
    return value


def shown(declared: Declared, value: object) -> str:
    """Return a value for people to read; secrets, and what an address may hide, are masked."""
    if value is None:
        return "not set"
    if declared.is_secret:
        return "****"
    if isinstance(value, bool):
        return str(value).lower()
    if declared.name == "gemini_base_url":
        start, at, end = str(value).partition("?")[0].rpartition("@")
        return f"{start.partition('//')[0]}//****@{end}" if at else end
    return str(value)


def cut(text: str) -> str:
    """Return `text` short enough for an error of one line."""
    return text if len(text) <= 60 else text[:59] + "…"


def _shown_bad(declared: Declared, value: object) -> str:
    text = shown(declared, value)
    return text if declared.is_secret else cut(repr(text) if isinstance(value, str) else text)


def _one_of(value: object, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise _Unusable(" or ".join(choices))
    return str(value)


def _text(value: object, _base: Path) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise _Unusable("text on one line")
    return value.strip()


def _secret(value: object, _base: Path) -> Secret:
    value = value.value if isinstance(value, Secret) else value
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or not value.strip():
        raise _Unusable("a key: ASCII letters, digits and signs")
    return Secret(value)


def _flag(value: object, _base: Path) -> bool:
    word = str(value).lower() if isinstance(value, bool | str) else ""
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off"}:
        return False
    raise _Unusable("true or false")


def _whole(value: object, _base: Path) -> int:
    try:
        return int(value) if isinstance(value, str) else _plain_int(value)
    except ValueError:
        raise _Unusable("a whole number") from None


def _plain_int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError
    return value


def _number(value: object, _base: Path) -> float:
    try:
        number = float(value) if isinstance(value, str | float) else float(_plain_int(value))
    except (ValueError, OverflowError):
        raise _Unusable("a number") from None
    return number


def _path(value: object, base: Path) -> Path:
    if not isinstance(value, str | Path) or not str(value) or "\0" in str(value):
        raise _Unusable("a path")
    try:
        return base / Path(value).expanduser()
    except RuntimeError:
        raise _Unusable("a path; the user after ~ is not known") from None


def _is_web_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and not parts.query and not parts.fragment


def _is_server(address: str) -> bool:
    parts = urlsplit(address) if _is_web_address(address) else None
    return parts is not None and parts.username is None and parts.password is None


def _are_networks(text: str) -> bool:
    try:
        return bool(networks(text))
    except ValueError:
        return False


def networks(text: str) -> list[IPv4Network | IPv6Network]:
    """Return the addresses and networks in a list with commas, or raise `ValueError`."""
    return [ip_network(one.strip()) for one in text.split(",") if one.strip()]


def _is_time(seconds: float) -> bool:
    return math.isfinite(seconds) and 0 < seconds <= 86_400


_CONVERTERS: dict[Any, Callable[[object, Path], Any]] = {
    str: _text,
    bool: _flag,
    int: _whole,
    float: _number,
    Path: _path,
    Secret: _secret,
}
_COUNT: tuple[Callable[[Any], bool], str] = (lambda count: 0 <= count <= 10**12, "a whole number, 0 for no limit")
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "gemini_api_key": (lambda key: " " not in key.value, "a key: ASCII letters, digits and signs, no spaces"),
    "gemini_base_url": (_is_web_address, "an address such as https://host/path, without ? and #"),
    "gemini_api_version": (str.isalnum, "letters and digits such as v1beta"),
    "model": (lambda model: " " not in model, "the name of a model, without spaces"),
    "title_model": (lambda model: " " not in model, "the name of a model, without spaces"),
    "mongo_uri": (lambda uri: uri.value.startswith(MONGO_SCHEMES), "an address such as mongodb://host:27017/argus"),
    "server": (_is_server, "an address such as https://argus.example.org"),
    "host": (lambda host: " " not in host and "/" not in host, "an address or a name of this machine such as 0.0.0.0"),
    "port": (lambda port: 0 <= port <= 65535, "a port: 1 to 65535, or 0 for a free one"),
    "workers": (lambda count: 1 <= count <= 64, "a whole number, 1 to 64"),
    "trusted_proxies": (_are_networks, "addresses or networks such as 10.0.0.7, 172.16.0.0/12"),
    "drain_s": (lambda seconds: math.isfinite(seconds) and 0 <= seconds <= 3600, "seconds, 0 to 3600"),
    "requests_per_minute": _COUNT,
    "requests_per_day": _COUNT,
    "tokens_per_day": _COUNT,
    "usd_per_day": (lambda usd: math.isfinite(usd) and 0 <= usd <= 1_000_000, "US dollars, 0 or more"),
    "unpriced_usd_per_million": (lambda usd: math.isfinite(usd) and 0 <= usd <= 1_000_000, "US dollars, 0 or more"),
    "address_requests_per_minute": _COUNT,
    "provider_requests_per_minute": _COUNT,
    "max_output_tokens": (lambda count: count > 0, "a whole number above 0"),
    "connect_timeout_s": (_is_time, "seconds, above 0 and at most 86400"),
    "read_timeout_s": (_is_time, "seconds, above 0 and at most 86400"),
}
