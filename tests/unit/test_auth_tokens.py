"""Tokens: ours pass, forged ones and those of another kind do not (facts §7: S1, S2)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from functools import partial
from typing import Any

import jwt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from argus_core.auth.tokens import Claims, Generation, Tokens, check_key
from argus_core.errors import ConfigError, NotAuthenticated, TokenExpired
from argus_core.settings import Secret
from tests.support.auth import KEY, OLDER_KEY, Clock

USER, SESSION = "a" * 32, "b" * 32
GENERATION = Generation(SESSION, 3)
CLOCK = Clock()
NOW_S = int(CLOCK.now.timestamp())
TOKENS = Tokens([KEY], clock=CLOCK)
ACCESS = TOKENS.access(USER, GENERATION, CLOCK.now)
SIGNING_KEY = TOKENS._keys[0].access
"""What access tokens are signed with: the worst forgers know everything but this, and the tests more."""
Change = dict[str, Any]


def signed(
    claims: Change | None = None, header: Change | None = None, *, without: str = "", key: bytes = SIGNING_KEY
) -> str:
    """Return our access token with some of it changed, and a right signature."""
    body = jwt.decode(ACCESS, options={"verify_signature": False}) | (claims or {})
    body.pop(without, None)
    head = jwt.get_unverified_header(ACCESS) | (header or {})
    return jwt.encode(body, key, head["alg"], headers=head)


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def unsigned() -> str:
    head = jwt.get_unverified_header(ACCESS) | {"alg": "none"}
    return f"{b64(json.dumps(head).encode())}.{ACCESS.split('.')[1]}."


def with_own_key_in_header() -> str:
    """A token signed with a key that it brings along."""
    own = b"o" * 32
    header = {"kid": "mine", "jwk": {"kty": "oct", "k": b64(own)}, "jku": "https://evil.example/keys", "x5u": "https:"}
    return signed(header=header, key=own)


def with_known_kid_and_own_key() -> str:
    own = b"o" * 32
    return signed(header={"jwk": {"kty": "oct", "k": b64(own)}, "jku": "https://evil.example/keys"}, key=own)


def with_another_end() -> str:
    return ACCESS[:-2] + ("AA" if not ACCESS.endswith("AA") else "BA")


FORGED: dict[str, Callable[[], str]] = {
    "alg none": unsigned,
    "another algorithm": lambda: signed(header={"alg": "HS512"}, key=SIGNING_KEY * 2),
    "another key": lambda: signed(key=b"x" * 32),
    "the signing key itself": lambda: signed(key=KEY.value.encode()),
    "unknown kid": lambda: signed(header={"kid": "other"}),
    "a broken signature": with_another_end,
    "another audience": lambda: signed({"aud": "other"}),
    "audiences": lambda: signed({"aud": ["argus-api", "other"]}),
    "another issuer": lambda: signed({"iss": "other"}),
    "begins later": lambda: signed({"nbf": NOW_S + 60}),
    "made later": lambda: signed({"iat": NOW_S + 60}),
    "another type": lambda: signed(header={"typ": "JWT"}),
    "no type": lambda: signed(header={"typ": ""}),
    "a key of its own": with_own_key_in_header,
    "a key of its own under our kid": with_known_kid_and_own_key,
    "a critical extension": lambda: signed(header={"crit": ["b64"], "b64": True}),
    "a user that is no text": lambda: signed({"sub": 7}),
    "a session that is no text": lambda: signed({"sid": [SESSION]}),
    "an end that is no number": lambda: signed({"exp": "9999999999"}),
    "an end that is no whole number": lambda: signed({"exp": float("inf")}),
    "nothing": lambda: "",
    "no token": lambda: "a.b.c",
    "not of its letters": lambda: "ي.ي.ي",
    "half a surrogate": lambda: "\ud800.a.b",
    **{f"without {name}": partial(signed, without=name) for name in jwt.decode(
        ACCESS, options={"verify_signature": False}
    )},
}  # fmt: skip


def test_s1_ours_is_accepted() -> None:
    assert TOKENS.read_access(ACCESS) == TOKENS.read_access(signed()) == Claims(USER, SESSION)
    header = jwt.get_unverified_header(ACCESS)
    assert (header["alg"], header["typ"]) == ("HS256", "at+jwt")
    claims = jwt.decode(ACCESS, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 600
    assert set(claims) == {"iss", "aud", "sub", "sid", "iat", "nbf", "exp", "jti"}


@pytest.mark.parametrize("name", FORGED)
def test_s1_forged_ones_are_refused(name: str) -> None:
    with pytest.raises(NotAuthenticated) as refused:
        TOKENS.read_access(FORGED[name]())
    assert type(refused.value) is NotAuthenticated


def test_s1_keys_that_a_token_brings_are_ignored() -> None:
    brought = signed(
        header={"jku": "https://evil.example/keys", "x5u": "https://evil.example/c", "jwk": {"kty": "oct"}}
    )
    assert TOKENS.read_access(brought) == Claims(USER, SESSION)


def test_s1_an_expired_one_is_told_apart_only_if_it_is_ours() -> None:
    clock = Clock()
    clock.go(minutes=11)
    later = Tokens([KEY], clock=clock)
    with pytest.raises(TokenExpired):
        later.read_access(ACCESS)
    with pytest.raises(NotAuthenticated) as refused:
        later.read_access(signed(key=b"x" * 32))
    assert type(refused.value) is NotAuthenticated


def test_clocks_of_replicas_may_differ_by_seconds() -> None:
    for seconds in (-9, 609):
        clock = Clock()
        clock.go(seconds=seconds)
        assert Tokens([KEY], clock=clock).read_access(ACCESS).user_id == USER


def test_s2_no_kind_passes_for_another() -> None:
    refresh, device = TOKENS.refresh(GENERATION), TOKENS.device(SESSION, "3")
    for other in (refresh, device):
        with pytest.raises(NotAuthenticated):
            TOKENS.read_access(other)
    for other in (ACCESS, device):
        with pytest.raises(NotAuthenticated):
            TOKENS.read_refresh(other)
    assert TOKENS.find_device(refresh, SESSION) is None
    assert TOKENS.find_device(ACCESS, USER) is None


def test_refresh_tokens_say_their_generation() -> None:
    refresh = TOKENS.refresh(GENERATION)
    assert TOKENS.read_refresh(refresh) == GENERATION
    assert refresh == TOKENS.refresh(GENERATION)
    assert refresh != TOKENS.refresh(Generation(SESSION, 4))


def test_device_tokens_are_of_one_user() -> None:
    device = TOKENS.device(USER, "d" * 32)
    assert TOKENS.find_device(device, USER) == "d" * 32
    assert TOKENS.find_device(device, SESSION) is None
    assert TOKENS.find_device("", USER) is None


@given(st.text() | st.from_regex(r"[0-9a-f]{1,8}\.[0-9]{1,8}\.[A-Za-z0-9_-]{43}", fullmatch=True))
def test_nonsense_is_refused_and_breaks_nothing(text: str) -> None:
    for read in (TOKENS.read_refresh, TOKENS.read_access):
        with pytest.raises(NotAuthenticated):
            read(text)
    assert TOKENS.find_device(text, text.partition(".")[0]) is None


@given(st.integers(0, len(ACCESS) - 1), st.characters(min_codepoint=33, max_codepoint=0x7FF))
def test_one_changed_character_spoils_any_token(at: int, letter: str) -> None:
    for token, read in ((TOKENS.refresh(GENERATION), TOKENS.read_refresh), (ACCESS, TOKENS.read_access)):
        place = at % len(token)
        changed = token[:place] + letter + token[place + 1 :]
        assume(changed != token)
        with pytest.raises(NotAuthenticated):
            read(changed)


def test_a_key_is_replaced_without_signing_anybody_out() -> None:
    before = Tokens([OLDER_KEY], clock=CLOCK)
    both = Tokens([KEY, OLDER_KEY], clock=CLOCK)
    access, refresh = before.access(USER, GENERATION, CLOCK.now), before.refresh(GENERATION)
    device = before.device(USER, "d")
    assert both.read_access(access) == Claims(USER, SESSION)
    assert both.read_refresh(refresh) == GENERATION
    assert both.find_device(device, USER) == "d"
    assert both.access(USER, GENERATION, CLOCK.now) == ACCESS  # the newest signs
    assert both.refresh(GENERATION) == TOKENS.refresh(GENERATION)
    for read, token in ((TOKENS.read_access, access), (TOKENS.read_refresh, refresh)):
        with pytest.raises(NotAuthenticated):
            read(token)
    assert TOKENS.find_device(device, USER) is None


def test_no_token_shows_a_key() -> None:
    for key in (KEY.value.encode(), SIGNING_KEY):
        shown = b64(hmac.digest(key, b"", hashlib.sha256))
        assert shown not in ACCESS
    assert KEY.value not in repr(vars(TOKENS))


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("", "has 0 bytes"),
        ("x9K2-qP7", "has 8 bytes"),
        ("changeme" * 8, "placeholder"),
        ("Change-Me-please-0123456789-abcdefgh", "placeholder"),
        ("<change_this> to something long and random", "placeholder"),
        ("secret-secret-secret-secret-secret-1", "placeholder"),
        ("your-super-secret-jwt-key-goes-in-here", "placeholder"),
        ("a" * 64, "repeats"),
        ("0123456789abcdef" * 4, "repeats"),
        ("ab" * 32, "repeats"),
        ("aaaaaaaabbbbbbbbccccccccddddddddeeee", "repeats"),
    ],
)
def test_s1_a_weak_key_stops_the_start(key: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as refused:
        Tokens([KEY, Secret(key)])
    assert "secrets.token_urlsafe(48)" in refused.value.hint
    assert refused.value.hint.startswith("JWT_SECRET_KEY ")
    assert not key or key not in str(refused.value)


@given(st.binary(min_size=32, max_size=48))
def test_what_the_sentence_says_makes_a_good_key(random: bytes) -> None:
    from_urandom = hashlib.sha256(random).digest() + hashlib.sha256(random + b"2").digest()[:16]
    for text in (b64(from_urandom), from_urandom.hex()):
        check_key(Secret(text))


def test_one_key_or_two() -> None:
    for keys in ([], [KEY, OLDER_KEY, KEY]):
        with pytest.raises(ConfigError):
            Tokens(keys)
