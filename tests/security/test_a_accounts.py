"""A1 to A7: passwords, guessing them, and how one comes in (ASVS 5.0, chapter 6)."""

from __future__ import annotations

import asyncio
import re
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import httpx2
import pytest

from argus_core.auth import invites
from argus_core.auth.passwords import COST, MIN_CHARS, Passwords, _common
from argus_core.auth.service import Auth, Origin
from argus_core.auth.tokens import Tokens
from argus_core.domain import SignedIn, SignUpPolicy
from argus_core.ids import utc_now
from argus_core.providers.scripted import ScriptedProvider
from argus_core.server.context import ServerContext
from argus_core.settings import DECLARED, Settings
from argus_core.storage.accounts import Rate, Taken
from argus_core.storage.sqlite import SqliteStorage
from tests.server.conftest import Web
from tests.support.server import KEY, PASSWORD, QUICK_COST, RunningServer, open_context, open_server, running

pytestmark = pytest.mark.slow

PERSIAN = ("گربه‌ی سیاه روی بام خیس خانه‌ی همسایه نشسته و به ماه نگاه می‌کند" * 2)[:63]


async def sign_up(web: Web, name: str, password: str, **more: str) -> httpx2.Response:
    body = {"name": name, "email": f"{name}@example.org", "password": password, **more}
    return await web("POST", "/auth/signup", None, body)


async def log_in(web: Web, name: str, password: str, **more: str) -> httpx2.Response:
    return await web("POST", "/auth/login", None, {"email": f"{name}@example.org", "password": password, **more})


def without_id(answer: httpx2.Response) -> dict[str, Any]:
    """Return a refusal but for what is another in each."""
    body: dict[str, Any] = answer.json()
    assert len(body.pop("request_id")) == 32
    return body


async def test_a1_every_one_of_64_persian_characters_counts(web: Web) -> None:
    assert (await sign_up(web, "sara", PERSIAN + "ا")).status_code == 201
    assert (await log_in(web, "sara", PERSIAN + "ب")).status_code == 401
    assert (await log_in(web, "sara", PERSIAN + "ا")).status_code == 200


@pytest.mark.parametrize(
    "password", ["qzwxplmokn", "        x       y", "73190528460", "خانه‌ای در مه", "\x00\x01 null\x00"]
)
async def test_a1_no_kind_of_character_is_asked_for(web: Web, password: str) -> None:
    assert (await sign_up(web, "sara", password)).status_code == 201
    assert (await log_in(web, "sara", password)).status_code == 200


@pytest.mark.parametrize("length", [7, 257, 300, 5000])
async def test_a1_what_is_too_short_or_too_long_is_422(web: Web, sara: SignedIn, length: int) -> None:
    password = "گ" * length
    assert (await sign_up(web, "ali", password)).status_code == 422
    assert (await log_in(web, "sara", password)).status_code in (401, 422)
    changed = await web("PUT", "/account/password", sara, {"old": PASSWORD, "new": password})
    assert changed.status_code == 422


async def test_a2_the_3000_passwords_that_everybody_tries_are_refused(web: Web, sara: SignedIn) -> None:
    common = sorted(word for word in _common() if len(word) >= MIN_CHARS)
    assert len(_common()) == 3000
    checked = Passwords(cost=QUICK_COST)
    for word in common:
        with pytest.raises(Exception, match="most common passwords"):
            checked.check(word)
    checked.close()
    for word in (common[0], common[-1].upper(), "password1"):
        refused = await sign_up(web, "ali", word)
        assert (refused.status_code, refused.json()["title"]) == (422, "That password cannot be used")
        changed = await web("PUT", "/account/password", sara, {"old": PASSWORD, "new": word})
        assert (changed.status_code, changed.json()["title"]) == (422, "That password cannot be used")


async def test_a3_a_new_password_needs_the_old_one(web: Web, sara: SignedIn) -> None:
    new = "seven grey herons wade"
    wrong = await web("PUT", "/account/password", sara, {"old": "not this one", "new": new})
    assert (wrong.status_code, wrong.json()["code"]) == (401, "bad_credentials")
    assert (await web("PUT", "/account/password", sara, {"new": new})).status_code == 422
    assert (await log_in(web, "sara", PASSWORD)).status_code == 200
    assert (await web("PUT", "/account/password", sara, {"old": PASSWORD, "new": new})).status_code == 204
    assert (await log_in(web, "sara", PASSWORD)).status_code == 401
    assert (await log_in(web, "sara", new)).status_code == 200


class Unthrottled(SqliteStorage):
    """A store whose buckets are never empty: thirty tries in a row are wanted here."""

    async def take_from_bucket(self, key: str, rate: Rate, count: int = 1) -> Taken:
        await super().take_from_bucket(key, rate, count)
        return Taken(allowed=True, left=1, wait_s=0.0, full_in_s=0.0)


@asynccontextmanager
async def with_real_hashes(folder: Path, provider: ScriptedProvider) -> AsyncIterator[RunningServer]:
    """Serve with the cost that passwords have outside of tests."""
    async with open_context(folder, provider, storage=Unthrottled(folder / "argus.db")) as context:
        auth = Auth(context.services.storage, Passwords(), Tokens([KEY]), signup="open")
        real = ServerContext(
            services=context.services, auth=auth, metrics=context.metrics, streams=context.streams, version="0"
        )
        async with running(real) as server:
            yield server
        await auth.close()


KINDS = ("known", "unknown", "locked")


async def times_of(web: Web, tries: int) -> tuple[dict[str, float], dict[str, float], list[httpx2.Response]]:
    """Return the medians of each kind of refusal: seconds of work, and seconds by the clock, which others lengthen.

    They take turns, so what disturbs one disturbs all.
    """
    work: dict[str, list[float]] = {kind: [] for kind in KINDS}
    clock: dict[str, list[float]] = {kind: [] for kind in KINDS}
    answers = []
    for number in range(tries):
        for kind in KINDS[number % 3 :] + KINDS[: number % 3]:
            began_work, began = time.process_time(), time.perf_counter()
            answers.append(await log_in(web, kind, "not this one"))
            work[kind].append(time.process_time() - began_work)
            clock[kind].append(time.perf_counter() - began)
    return _medians(work), _medians(clock), answers


def _medians(seconds: dict[str, list[float]]) -> dict[str, float]:
    return {kind: statistics.median(each) for kind, each in seconds.items()}


def _spread(medians: dict[str, float]) -> float:
    return max(medians.values()) / min(medians.values())


async def test_a4_known_unknown_and_locked_are_answered_alike_and_take_as_long(
    tmp_path: Path, provider: ScriptedProvider
) -> None:
    async with with_real_hashes(tmp_path, provider) as server, httpx2.AsyncClient(timeout=60, trust_env=False) as http:
        web = Web(http, server)
        admin = server.context.auth.administration(None)
        await admin.create_user("known@example.org", "Known", password=PASSWORD)
        locked = await admin.create_user("locked@example.org", "Locked", password=PASSWORD)
        await admin.set_disabled(locked.id, True)
        await times_of(web, 1)
        for tries in (30, 60):  # the time is the promise here; a busy machine gets a second, longer look
            work, clock, answers = await times_of(web, tries)
            assert {answer.status_code for answer in answers} == {401}
            assert all(without_id(answer) == without_id(answers[0]) for answer in answers)
            assert {tuple(sorted(answer.headers)) for answer in answers} == {tuple(sorted(answers[0].headers))}
            if _spread(work) <= 1.1 and _spread(clock) <= 1.5:
                break
        else:
            pytest.fail(f"the times differ by more than a tenth: {work}, by the clock {clock}")
        # The right password of a locked account is no exception.
        assert without_id(await log_in(web, "locked", PASSWORD)) == without_id(answers[0])


async def test_a4_signing_up_hashes_before_it_tells_that_an_email_is_taken(
    web: Web, server: RunningServer, sara: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    original = Passwords.hash

    async def counted(self: Passwords, password: str) -> str:
        hashed.append(password)
        return await original(self, password)

    monkeypatch.setattr(Passwords, "hash", counted)
    assert (await sign_up(web, "sara", "seven grey herons wade")).status_code == 409
    assert (await sign_up(web, "new", "seven grey herons wade")).status_code == 201
    assert len(hashed) == 2


async def test_a5_the_6th_try_is_refused_before_it_is_hashed_and_the_owner_still_gets_in(
    web: Web, sara: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []
    original = Passwords.verify

    async def counted(self: Passwords, password: str, stored: str | None) -> bool:
        verified.append(password)
        return await original(self, password, stored)

    monkeypatch.setattr(Passwords, "verify", counted)
    answers = [await log_in(web, "sara", "not this one") for _ in range(6)]
    statuses = [answer.status_code for answer in answers]
    assert statuses[-1] == 429
    assert set(statuses[:-1]) <= {401, 429}
    assert len(verified) == statuses.count(401) <= 5
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 30
    assert (await log_in(web, "sara", PASSWORD)).status_code == 429  # from a client that nobody knows
    known = await log_in(web, "sara", PASSWORD, device_token=sara.device_token)
    assert known.status_code == 200


async def test_a5_many_tries_at_once_on_three_servers_are_counted_together(store: Any, team: Any) -> None:
    del store
    first: RunningServer = team.servers[0]
    sara = await first.sign_up("Sara")
    tries = [log_in(web, "sara", "not this one") for web in team.webs * 5]
    statuses = [answer.status_code for answer in await asyncio.gather(*tries)]
    assert statuses.count(401) <= 5
    assert statuses.count(401) + statuses.count(429) == 15
    assert (await log_in(team.webs[1], "sara", PASSWORD, device_token=sara.device_token)).status_code == 200


async def test_a6_no_account_is_there_and_nobody_may_make_one(tmp_path: Path, provider: ScriptedProvider) -> None:
    assert Settings().signup == "invite"
    assert DECLARED["signup"].default == "invite"
    for policy in set(get_args(SignUpPolicy)) - {"open"}:
        folder = tmp_path / policy
        folder.mkdir()
        async with (
            open_server(folder, provider, signup=policy) as server,
            httpx2.AsyncClient(timeout=30, trust_env=False) as http,
        ):
            web = Web(http, server)
            assert (await server.services.storage.list_users()).items == ()
            for name in ("admin", "root", "argus"):
                assert (await log_in(web, name, name * 2)).status_code == 401
            assert (await sign_up(web, "sara", PASSWORD)).status_code == 403


async def test_a6_invites_work_once_expire_and_cannot_be_guessed(
    web: Web, server: RunningServer, admin: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.context.auth, "signup", "invite")
    made = (await web("POST", "/admin/invites", admin, {})).json()
    letters = re.sub(r"[^a-z0-9]", "", made["code"])
    assert 5 * len(letters) >= 128  # five bits a letter
    assert timedelta(days=7) >= invites.LIFETIME
    assert (await sign_up(web, "sara", PASSWORD, invite=made["code"])).status_code == 201
    assert (await sign_up(web, "ali", PASSWORD, invite=made["code"])).status_code == 403
    late = (await web("POST", "/admin/invites", admin, {})).json()
    monkeypatch.setattr(server.context.auth, "_clock", lambda: utc_now() + timedelta(days=7, seconds=1))
    assert (await sign_up(web, "ali", PASSWORD, invite=late["code"])).status_code == 403


async def test_a6_a_reset_code_works_once(web: Web, sara: SignedIn, admin: SignedIn) -> None:
    code = (await web("POST", f"/admin/users/{sara.user.id}/reset", admin)).json()["code"]
    assert (await web("GET", "/account", sara)).status_code == 401
    assert (await sign_up(web, "sara", "seven grey herons wade", invite=code)).status_code == 201
    assert (await sign_up(web, "sara", "eight grey herons wade", invite=code)).status_code == 403
    assert (await log_in(web, "sara", "seven grey herons wade")).status_code == 200


async def test_a7_what_is_stored_says_its_scheme_and_its_cost(server: RunningServer) -> None:
    assert COST >= 12
    passwords = Passwords()
    assert (await passwords.hash(PASSWORD)).startswith(f"argus1$2b${COST}$")
    passwords.close()


async def test_a7_a_weaker_hash_is_renewed_at_the_next_sign_in(server: RunningServer, sara: SignedIn) -> None:
    storage = server.services.storage
    before = (await storage.get_login(sara.user.id)).password_hash or ""
    assert before.startswith(f"argus1$2b${QUICK_COST:02}$")
    auth = Auth(storage, Passwords(), Tokens([KEY]), signup="open")
    await auth.sign_in("sara@example.org", PASSWORD, Origin(address="192.0.2.1"))
    after = (await storage.get_login(sara.user.id)).password_hash or ""
    await auth.close()
    assert after.startswith(f"argus1$2b${COST}$")
