"""S1 to S6: tokens and sessions (ASVS 5.0, chapters 7 and 9)."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from argus_core.auth.sessions import AGE, CACHE_S, GRACE, IDLE
from argus_core.auth.tokens import Generation, Tokens
from argus_core.domain import SignedIn
from argus_core.ids import utc_now
from argus_core.providers.base import TextChunk
from argus_core.providers.scripted import Delay, ScriptedProvider
from argus_core.server.streams import CHECK_S, TICK_S
from argus_core.settings import Secret
from tests.security.team import Team, open_team
from tests.server.conftest import Web
from tests.server.test_streams import reading
from tests.support.server import KEY, PASSWORD, RunningServer
from tests.support.store_drivers import StoreDriver
from tests.unit.test_auth_tokens import with_known_kid_and_own_key, with_own_key_in_header

pytestmark = pytest.mark.slow

SOON_S = 5.0
"""The promise: so long after the end of a session every server refuses it, and its streams are closed."""
EVERYWHERE = "everywhere"


def forged(sara: SignedIn, at: datetime) -> dict[str, str]:
    """Return fourteen tokens that are ours but for one thing each; where it can be, rightly signed."""
    tokens = Tokens([KEY])
    key = tokens._keys[0].access
    claims = jwt.decode(sara.access_token, options={"verify_signature": False})
    header = jwt.get_unverified_header(sara.access_token)
    now = int(at.timestamp())

    def made(change: dict[str, Any], *, head: dict[str, Any] | None = None, without: str = "", key: bytes = key) -> str:
        body = {name: value for name, value in (claims | change).items() if name != without}
        head = header | (head or {})
        return jwt.encode(body, key, head["alg"], headers=head)

    body = sara.access_token.split(".")[1]
    return {
        "none": jwt.encode(claims, "", "none", headers=header | {"alg": "none"}),
        "HS512": made({}, head={"alg": "HS512"}, key=key * 2),
        "another key": made({}, key=b"x" * 32),
        "our key itself": made({}, key=KEY.value.encode()),
        "unknown kid": made({}, head={"kid": "other"}),
        "no kid": made({}, head={"kid": ""}),
        "another audience": made({"aud": "other"}),
        "another issuer": made({"iss": "other"}),
        "expired": made({"exp": now - 60}),
        "begins later": made({"nbf": now + 600}),
        "made later": made({"iat": now + 600}),
        "without an end": made({}, without="exp"),
        "without a session": made({}, without="sid"),
        "another body": sara.access_token.replace(body, body[:-2] + ("AA" if not body.endswith("AA") else "BB")),
    }


async def test_s1_fourteen_forged_tokens_are_refused(web: Web, sara: SignedIn) -> None:
    assert (await web("GET", "/account", sara)).status_code == 200
    tokens = forged(sara, utc_now())
    assert len(tokens) == 14
    for name, token in tokens.items():
        answer = await web("GET", "/account", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, name
        assert answer.headers["www-authenticate"] == "Bearer"
        assert sara.user.id not in answer.text


async def test_s1_keys_that_a_token_brings_or_names_are_ignored(web: Web) -> None:
    for token in (with_own_key_in_header(), with_known_kid_and_own_key()):
        assert (await web("GET", "/account", headers={"Authorization": f"Bearer {token}"})).status_code == 401


@pytest.mark.parametrize("key", ["", "short", "changeme" * 8, "a" * 64])
def test_s1_a_key_that_can_be_guessed_stops_the_start(tmp_path: Path, key: str) -> None:
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "ARGUS_DATA_DIR": str(tmp_path / "data"),
        "ARGUS_CONFIG_DIR": str(tmp_path / "config"),
        "PORT": "1",
        "JWT_SECRET_KEY": key,
    }
    command = [sys.executable, "-m", "argus_tui", "serve"]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "JWT_SECRET_KEY" in done.stderr
    assert len(key) < 5 or key not in done.stderr
    assert "Traceback" not in done.stderr


async def test_s2_a_token_is_good_for_one_purpose(web: Web, sara: SignedIn) -> None:
    for token in (sara.refresh_token, sara.device_token):
        assert (await web("GET", "/account", headers={"Authorization": f"Bearer {token}"})).status_code == 401
    for token in (sara.access_token, sara.device_token):
        assert (await web("POST", "/auth/refresh", None, {"refresh_token": token})).status_code == 401
    wrong = {"email": "sara@example.org", "password": "not this one"}
    for token in (sara.access_token, sara.refresh_token):
        assert (await web("POST", "/auth/login", None, wrong | {"device_token": token})).status_code == 401
    assert (await web("GET", "/account", sara)).status_code == 200


@pytest.mark.parametrize(
    "change", [{"aud": "other"}, {"iss": "other"}, {"aud": ["argus-api", "other"]}, {"typ": "JWT"}]
)
async def test_s2_another_audience_issuer_or_type_is_refused(web: Web, sara: SignedIn, change: dict[str, Any]) -> None:
    claims = jwt.decode(sara.access_token, options={"verify_signature": False})
    header = jwt.get_unverified_header(sara.access_token)
    if "typ" in change:
        header |= change
    token = jwt.encode(claims | change, Tokens([KEY])._keys[0].access, "HS256", headers=header)
    assert (await web("GET", "/account", headers={"Authorization": f"Bearer {token}"})).status_code == 401


async def _log_out(team: Team, sara: SignedIn, admin: SignedIn) -> None:
    assert (await team.webs[0]("POST", "/auth/logout", sara, {})).status_code == 204


async def _log_out_everywhere(team: Team, sara: SignedIn, admin: SignedIn) -> None:
    other = await team.servers[0].sign_up("Sara")
    assert (await team.webs[0]("POST", "/auth/logout", other, {EVERYWHERE: True})).status_code == 204


async def _disable(team: Team, sara: SignedIn, admin: SignedIn) -> None:
    answer = await team.webs[0]("PATCH", f"/admin/users/{sara.user.id}", admin, {"disabled": True})
    assert answer.status_code == 200


async def _change_password(team: Team, sara: SignedIn, admin: SignedIn) -> None:
    other = await team.servers[0].sign_up("Sara")
    body = {"old": PASSWORD, "new": "seven grey herons wade"}
    assert (await team.webs[0]("PUT", "/account/password", other, body)).status_code == 204


async def _end_as_admin(team: Team, sara: SignedIn, admin: SignedIn) -> None:
    answer = await team.webs[0]("DELETE", f"/admin/users/{sara.user.id}/sessions", admin)
    assert answer.json()["count"] >= 1


async def _end_as_user(team: Team, sara: SignedIn, admin: SignedIn) -> None:
    other = await team.servers[0].sign_up("Sara")
    assert (await team.webs[0]("DELETE", f"/account/sessions/{sara.session_id}", other)).status_code == 204


async def _reset(team: Team, sara: SignedIn, admin: SignedIn) -> None:
    assert (await team.webs[0]("POST", f"/admin/users/{sara.user.id}/reset", admin)).status_code == 200


WAYS = (_log_out, _log_out_everywhere, _disable, _change_password, _end_as_admin, _end_as_user, _reset)


@pytest.mark.parametrize("end", WAYS, ids=lambda end: end.__name__.strip("_"))
async def test_s3_a_session_ends_on_every_server_within_five_seconds_its_streams_too(
    store: StoreDriver, tmp_path: Path, end: Any
) -> None:
    provider = ScriptedProvider([TextChunk("Because"), Delay(3600)])
    async with open_team(store, tmp_path, provider) as team, AsyncExitStack() as stack:
        sara = await team.servers[0].sign_up("Sara")
        admin = await team.servers[0].sign_up("Admin", role="admin")
        conversation = (await team.webs[0]("POST", "/conversations", sara, {})).json()
        turn = await team.webs[1]("POST", f"/conversations/{conversation['id']}/questions", sara, {"text": "Why?"})
        answer = f"/generations/{turn.json()['generation']['id']}/events"
        assert await team.statuses(sara) == [200, 200, 200]
        streams = []
        for number, server in enumerate(team.servers):
            for path in (answer, f"/account/events?client_id={number:032}"):
                frames = await stack.enter_async_context(reading(server, path, sara))
                await anext(frames)
                streams.append(frames)

        await end(team, sara, admin)
        ended = asyncio.get_running_loop().time()
        closings = await asyncio.gather(*map(_rest, streams))
        assert [rest[-1]["event"] for rest in closings] == ["ended"] * 6
        assert all(json.loads(rest[-1]["data"])["code"] == "not_authenticated" for rest in closings)
        assert await team.statuses(sara) == [401, 401, 401]
        for web in team.webs:
            refused = await web("POST", "/auth/refresh", None, {"refresh_token": sara.refresh_token})
            assert refused.status_code == 401
        # A busy machine takes its time to close things; the promise is what these add up to.
        assert asyncio.get_running_loop().time() - ended < 3 * SOON_S
        assert CHECK_S + TICK_S + CACHE_S <= SOON_S
        assert (await team.webs[2]("GET", "/account", admin)).status_code == 200


async def _rest(frames: AsyncIterator[dict[str, str]]) -> list[dict[str, str]]:
    async with asyncio.timeout(3 * SOON_S):
        return [frame async for frame in frames if "comment" not in frame]


async def test_s3_a_request_after_the_end_is_refused_by_every_server(team: Team) -> None:
    sara = await team.servers[0].sign_up("Sara")
    assert await team.statuses(sara) == [200, 200, 200]
    await _log_out(team, sara, sara)
    assert await team.statuses(sara) != [200, 200, 200]  # at once where it was ended
    await asyncio.sleep(1.1)
    assert await team.statuses(sara) == [401, 401, 401]


async def test_s4_each_sign_in_is_a_session_of_its_own(web: Web, sara: SignedIn) -> None:
    body = {"email": "sara@example.org", "password": PASSWORD, "device_token": sara.device_token}
    again = (await web("POST", "/auth/login", None, body)).json()
    assert again["session_id"] != sara.session_id
    assert again["access_token"] != sara.access_token
    assert again["refresh_token"] != sara.refresh_token


@pytest.mark.parametrize("pause", [IDLE, timedelta(days=29)])
async def test_s4_sessions_end_after_30_days_unused_and_90_in_all(
    web: Web, server: RunningServer, monkeypatch: pytest.MonkeyPatch, pause: timedelta
) -> None:
    assert (timedelta(days=30), timedelta(days=90)) == (IDLE, AGE)
    sara = await server.sign_up("Sara")
    now = [utc_now()]
    for each in (server.context.auth, server.context.auth._sessions, server.context.auth._tokens):
        monkeypatch.setattr(each, "_clock", lambda: now[0])
    token, alive = sara.refresh_token, timedelta()
    while True:
        now[0] += pause + timedelta(seconds=1)
        answer = await web("POST", "/auth/refresh", None, {"refresh_token": token})
        if answer.status_code != 200:
            break
        alive += pause
        token = answer.json()["refresh_token"]
    assert answer.status_code == 401
    assert alive == (timedelta() if pause == IDLE else 3 * pause)


async def test_s5_a_user_lists_and_ends_the_own_sessions(web: Web, server: RunningServer, sara: SignedIn) -> None:
    other = await server.sign_up("Sara")
    listed = (await web("GET", "/account/sessions", sara)).json()["items"]
    assert {each["id"] for each in listed} == {sara.session_id, other.session_id}
    assert [each["id"] for each in listed if each.get("current")] == [sara.session_id]
    assert "token" not in json.dumps(listed)
    assert (await web("DELETE", f"/account/sessions/{other.session_id}", sara)).status_code == 204
    assert (await web("GET", "/account", other)).status_code == 401
    third = await server.sign_up("Sara")
    assert (await web("DELETE", "/account/sessions", sara)).json() == {"count": 1}
    assert (await web("GET", "/account", third)).status_code == 401
    assert (await web("GET", "/account", sara)).status_code == 200


async def test_s5_an_admin_ends_anybodys_and_a_member_nobodys(
    web: Web, server: RunningServer, sara: SignedIn, admin: SignedIn
) -> None:
    ali = await server.sign_up("Ali")
    assert (await web("DELETE", f"/admin/users/{ali.user.id}/sessions", sara)).status_code == 403
    assert (await web("DELETE", f"/account/sessions/{ali.session_id}", sara)).status_code == 404
    assert (await web("GET", "/account", ali)).status_code == 200
    assert (await web("DELETE", f"/admin/users/{ali.user.id}/sessions", admin)).json() == {"count": 1}
    assert (await web("GET", "/account", ali)).status_code == 401


async def test_s6_of_twenty_refreshes_at_once_one_wins(team: Team) -> None:
    sara = await team.servers[0].sign_up("Sara")
    body = {"refresh_token": sara.refresh_token}
    answers = await asyncio.gather(*(web("POST", "/auth/refresh", None, body) for web in (team.webs * 7)[:20]))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["refresh_token"] for answer in answers}) == 1  # the winner's pair, for all
    stored = await team.servers[1].services.storage.find_session(sara.session_id)
    assert stored is not None
    assert stored.generation == 1


async def test_s6_a_token_that_comes_again_ends_the_session(
    web: Web, server: RunningServer, sara: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = (await web("POST", "/auth/refresh", None, {"refresh_token": sara.refresh_token})).json()
    second = (await web("POST", "/auth/refresh", None, {"refresh_token": first["refresh_token"]})).json()
    late = utc_now() + GRACE + timedelta(seconds=1)
    monkeypatch.setattr(server.context.auth._sessions, "_clock", lambda: late)
    stolen = await web("POST", "/auth/refresh", None, {"refresh_token": sara.refresh_token})
    assert stolen.status_code == 401
    for token in (first["refresh_token"], second["refresh_token"]):
        assert (await web("POST", "/auth/refresh", None, {"refresh_token": token})).status_code == 401
    newest = {"Authorization": f"Bearer {second['access_token']}"}
    assert (await web("GET", "/account", headers=newest)).status_code == 401


async def test_s6_a_made_up_generation_ends_nothing_unless_it_is_signed(web: Web, sara: SignedIn) -> None:
    other = Tokens([Secret("another key of the tests that is long enough")])
    for number in range(3):
        token = other.refresh(Generation(sara.session_id, number))
        assert (await web("POST", "/auth/refresh", None, {"refresh_token": token})).status_code == 401
    assert (await web("GET", "/account", sara)).status_code == 200
