"""Tokens: what proves who asks, what buys the next proof, and what tells a client that was here before.

    access     a JWT (RFC 9068): user and session, ten minutes
    refresh    `session_id.generation.mac`: the session row knows which generation is valid now
    device     `user_id.device_id.mac`: this user has signed in on this client before

Nothing of them is stored. All keys are derived from the signing key, one for each purpose, so that none passes for
another; while the signing key is being replaced, the one before is accepted too. The same generation of a session has
the same tokens each time: whoever lost an answer on the line gets it again (docs/adr/0013).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import jwt

from argus_core.errors import ConfigError, NotAuthenticated, TokenExpired
from argus_core.ids import utc_now
from argus_core.settings import Secret

ACCESS_LIFETIME = timedelta(minutes=10)
ISSUER = "argus"
AUDIENCE = "argus-api"
LEEWAY_S = 10
"""How much the clocks of two replicas may differ."""
MIN_KEY_BYTES = 32
KEY_MAKER = "python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
"""What makes a signing key, for a shell."""
_ALGORITHM = "HS256"
_TYPE = "at+jwt"
_TIMES = ("iat", "nbf", "exp")
_CLAIMS = ("iss", "aud", "sub", "sid", "jti", *_TIMES)
_PLACEHOLDERS = (
    "changeme", "changethis", "replaceme", "secret", "yoursecret", "mysecret", "supersecret", "topsecret", "jwtsecret",
    "yourkey", "yourjwt", "yoursuper", "password", "placeholder", "insecure", "example", "donotuse", "unsafe",
)  # fmt: skip
_MIN_DISTINCT = 8


class Claims(NamedTuple):
    """What an access token says."""

    user_id: str
    session_id: str


class Generation(NamedTuple):
    """What a refresh token says."""

    session_id: str
    number: int


class Tokens:
    """Makes tokens with the newest key and accepts those of each.

    Args:
        keys: The signing key, and the one before it while it is being replaced.
        clock: Tells the time.

    Raises:
        ConfigError: A key is too weak, or there are none or too many.
    """

    def __init__(self, keys: Sequence[Secret], *, clock: Callable[[], datetime] = utc_now) -> None:
        if not 1 <= len(keys) <= 2:
            raise ConfigError(f"{len(keys)} keys to sign tokens with were given; it takes one, or two to replace one.")
        for key in keys:
            check_key(key)
        self._keys = [_Keys(key) for key in keys]
        self._by_id = {each.id: each.access for each in self._keys}
        self._clock = clock

    def access(self, user_id: str, generation: Generation, at: datetime) -> str:
        """Return the access token that goes with a generation of a session.

        Args:
            user_id: Whose.
            generation: Of the session.
            at: When the generation was made: the lifetime begins then.
        """
        newest = self._keys[0]
        began = int(at.timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user_id,
            "sid": generation.session_id,
            "jti": _mac(newest.access, "jti", generation.session_id, str(generation.number))[:22],
            "iat": began,
            "nbf": began,
            "exp": began + int(ACCESS_LIFETIME.total_seconds()),
        }
        return jwt.encode(claims, newest.access, _ALGORITHM, headers={"typ": _TYPE, "kid": newest.id})

    def read_access(self, access_token: str) -> Claims:
        """Return whom an access token names.

        Raises:
            TokenExpired: It was good once.
            NotAuthenticated: It is not one of ours.
        """
        try:
            claims = self._verified(access_token)
        except jwt.PyJWTError as error:
            raise _refused() from error
        now = self._clock().timestamp()
        # Checked here and not by PyJWT, which knows no clock but its own.
        if any(type(claims[name]) is not int for name in _TIMES) or max(claims["iat"], claims["nbf"]) > now + LEEWAY_S:
            raise _refused()
        if claims["exp"] <= now - LEEWAY_S:
            raise TokenExpired()
        return Claims(claims["sub"], claims["sid"])

    def _verified(self, access_token: str) -> dict[str, Any]:
        """Return the claims of a token whose signature, kind and claims are ours, whatever the time."""
        if not access_token.isascii():
            raise _refused()
        header = jwt.get_unverified_header(access_token)
        key_id = header.get("kid")
        # Keys come from our table alone: `jku`, `x5u` and `jwk` in the header are never looked at.
        key = self._by_id.get(key_id) if isinstance(key_id, str) else None
        if key is None or header.get("typ") != _TYPE:
            raise _refused()
        claims: dict[str, Any] = jwt.decode(
            access_token,
            key,
            algorithms=[_ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            options={
                "require": list(_CLAIMS),
                "strict_aud": True,
                "verify_iat": False,
                "verify_nbf": False,
                "verify_exp": False,
            },
        )
        if not isinstance(claims["sid"], str):
            raise _refused()
        return claims

    def refresh(self, generation: Generation) -> str:
        """Return the refresh token of a generation."""
        return _signed(self._keys[0].refresh, "refresh", generation.session_id, str(generation.number))

    def read_refresh(self, refresh_token: str) -> Generation:
        """Return what a genuine refresh token says, valid now or not any more.

        Raises:
            NotAuthenticated: It is not one of ours.
        """
        for keys in self._keys:
            parts = _genuine(keys.refresh, "refresh", refresh_token)
            if parts is not None:
                return Generation(parts[0], int(parts[1]))
        raise _refused()

    def device(self, user_id: str, device_id: str) -> str:
        """Return the token that tells that this user has signed in on this client."""
        return _signed(self._keys[0].device, "device", user_id, device_id)

    def find_device(self, device_token: str, user_id: str) -> str | None:
        """Return the device id if the token is genuine and of that user."""
        for keys in self._keys:
            parts = _genuine(keys.device, "device", device_token)
            if parts is not None and parts[0] == user_id:
                return parts[1]
        return None


class _Keys:
    """What is derived from one signing key: a key for each purpose, and a name for the header of JWTs."""

    def __init__(self, key: Secret) -> None:
        root = key.value.encode("utf-8", "surrogatepass")
        self.access, self.refresh, self.device = (
            hmac.digest(root, f"argus {purpose} tokens".encode(), hashlib.sha256)
            for purpose in ("access", "refresh", "device")
        )
        self.id = _mac(root, "kid")[:8]


def check_key(key: Secret, name: str = "JWT_SECRET_KEY") -> None:
    """Raise `ConfigError` if somebody could guess the key; the sentence says how to make a better one.

    Args:
        key: Signs tokens.
        name: The setting it stands in.
    """
    text = key.value
    plain = "".join(filter(str.isalnum, text)).lower()
    size_bytes = len(text.encode("utf-8", "surrogatepass"))
    if size_bytes < MIN_KEY_BYTES:
        what = f"has {size_bytes} bytes and needs {MIN_KEY_BYTES} or more"
    elif plain.startswith(_PLACEHOLDERS):
        what = "is a placeholder that anybody can guess"
    elif len(set(text)) < _MIN_DISTINCT or text in (text + text)[1:-1]:
        what = "repeats the same characters"
    else:
        return
    raise ConfigError(f"{name} {what}; make one: {KEY_MAKER}")


def _refused() -> NotAuthenticated:
    return NotAuthenticated("Sign in again: `argus login`.")


def _mac(key: bytes, purpose: str, *parts: str) -> str:
    digest = hmac.digest(key, "|".join((purpose, *parts)).encode("utf-8", "surrogatepass"), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _signed(key: bytes, purpose: str, *parts: str) -> str:
    return ".".join((*parts, _mac(key, purpose, *parts)))


def _genuine(key: bytes, purpose: str, text: str) -> tuple[str, str] | None:
    """Return the two parts of a text if we have signed it."""
    parts = text.split(".")
    if len(parts) != 3:
        return None
    mac = _mac(key, purpose, *parts[:2])
    is_ours = hmac.compare_digest(mac.encode(), parts[2].encode("utf-8", "surrogatepass"))
    return (parts[0], parts[1]) if is_ours else None
