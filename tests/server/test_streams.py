"""Server-sent events: resumed by their ids, kept alive, ended when they should be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from argus_core.domain import SignedIn
from argus_core.providers.base import EndChunk, TextChunk
from argus_core.providers.scripted import ScriptedProvider
from argus_core.server import streams
from tests.server.conftest import Web
from tests.support.server import RunningServer

Frame = dict[str, str]


@asynccontextmanager
async def reading(
    server: RunningServer, path: str, who: SignedIn, **headers: str
) -> AsyncIterator[AsyncIterator[Frame]]:
    """Open a stream and give out its frames; a comment is a frame with `comment`."""
    sent = {"Authorization": f"Bearer {who.access_token}"} | {
        name.replace("_", "-"): each for name, each in headers.items()
    }
    async with (
        httpx2.AsyncClient(timeout=20, trust_env=False) as http,
        http.stream("GET", server.api + path, headers=sent) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _frames(answer)


async def _frames(answer: httpx2.Response) -> AsyncIterator[Frame]:
    frame: Frame = {}
    async for line in answer.aiter_lines():
        if not line:
            yield frame
            frame = {}
        elif line.startswith(":"):
            frame["comment"] = line[1:].strip()
        else:
            name, _, value = line.partition(": ")
            frame[name] = value


async def ask(web: Web, who: SignedIn) -> dict[str, Any]:
    conversation = (await web("POST", "/conversations", who, {})).json()
    turn = await web("POST", f"/conversations/{conversation['id']}/questions", who, {"text": "Why?"})
    assert turn.status_code == 201
    found: dict[str, Any] = turn.json()
    return found


async def test_a_question_may_be_answered_by_the_stream_of_its_answer(
    web: Web, server: RunningServer, provider: ScriptedProvider, sara: SignedIn
) -> None:
    provider.feed(TextChunk("Because"), TextChunk(" so."), EndChunk())
    conversation = (await web("POST", "/conversations", sara, {})).json()
    path = f"/conversations/{conversation['id']}/questions"
    async with (
        httpx2.AsyncClient(timeout=20, trust_env=False) as http,
        http.stream(
            "POST",
            server.api + path,
            json={"text": "Why?"},
            headers={"Authorization": f"Bearer {sara.access_token}", "Accept": "text/event-stream"},
        ) as answer,
    ):
        assert answer.status_code == 201
        first, *rest = [frame async for frame in _frames(answer)]
    turn = json.loads(first["data"])
    assert (first["event"], turn["question"]["parts"]) == ("turn", [{"type": "text", "text": "Why?"}])
    async with reading(server, f"/generations/{turn['generation']['id']}/events", sara) as frames:
        assert rest == [frame async for frame in frames]
    assert rest[-1]["event"] == "completed"


async def test_where_no_stream_can_be_opened_the_question_is_answered_by_its_turn(
    web: Web, server: RunningServer, sara: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST_OF_SESSION", 0)
    conversation = (await web("POST", "/conversations", sara, {})).json()
    async with httpx2.AsyncClient(timeout=20, trust_env=False) as http:
        answer = await http.post(
            f"{server.api}/conversations/{conversation['id']}/questions",
            json={"text": "Why?"},
            headers={"Authorization": f"Bearer {sara.access_token}", "Accept": "text/event-stream"},
        )
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/json")
    assert answer.json()["generation"]["status"] == "running"


async def test_a_stream_is_resumed_behind_the_last_id(
    web: Web, server: RunningServer, provider: ScriptedProvider, sara: SignedIn
) -> None:
    turn = await ask(web, sara)
    provider.feed(TextChunk("Because"), TextChunk(" so."), EndChunk())
    path = f"/generations/{turn['generation']['id']}/events"
    async with reading(server, path, sara) as frames:
        whole = [frame async for frame in frames]
    assert [frame["id"] for frame in whole] == [str(n) for n in range(1, len(whole) + 1)]
    assert (whole[0]["event"], whole[-1]["event"]) == ("started", "completed")
    async with reading(server, path, sara, Last_Event_ID="1") as frames:
        assert [frame async for frame in frames] == whole[1:]
    async with reading(server, f"{path}?after=1", sara) as frames:
        assert [frame async for frame in frames] == whole[1:]
    async with reading(server, path, sara, Last_Event_ID=str(len(whole) + 5)) as frames:
        assert [frame async for frame in frames] == []


@pytest.mark.parametrize("last", ["-1", "text", "1.5", "٣", "9" * 40])
async def test_a_last_id_that_is_none_is_refused(web: Web, sara: SignedIn, last: str) -> None:
    turn = await ask(web, sara)
    headers = {"Last-Event-ID": last.encode()}
    refused = await web("GET", f"/generations/{turn['generation']['id']}/events", sara, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_input")


async def test_a_silent_stream_beats(
    web: Web, server: RunningServer, sara: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "BEAT_S", 0.0)
    monkeypatch.setattr(streams, "TICK_S", 0.05)
    turn = await ask(web, sara)
    async with reading(server, f"/generations/{turn['generation']['id']}/events", sara) as frames:
        seen = []
        async for frame in frames:
            seen.append(frame)
            if frame.get("comment") == "beat":
                break
    assert seen[-1] == {"comment": "beat"}


async def test_a_stream_ends_with_its_session(
    web: Web, server: RunningServer, sara: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "TICK_S", 0.05)
    monkeypatch.setattr(streams, "CHECK_S", 0.05)
    async with reading(server, f"/account/events?client_id={'c' * 32}", sara) as frames:
        first = await anext(frames)
        assert first["event"] == "watchers"
        assert (await web("POST", "/auth/logout", sara, {})).status_code == 204
        async with asyncio.timeout(10):
            rest = [frame async for frame in frames if "comment" not in frame]
    assert rest[-1]["event"] == "ended"
    assert "not_authenticated" in rest[-1]["data"]


async def test_a_drain_sends_readers_elsewhere(web: Web, server: RunningServer, sara: SignedIn) -> None:
    turn = await ask(web, sara)
    async with reading(server, f"/generations/{turn['generation']['id']}/events", sara) as frames:
        await anext(frames)
        await server.context.streams.drain()
        assert [frame["event"] async for frame in frames][-1] == "drain"
    async with reading(server, f"/generations/{turn['generation']['id']}/events", sara) as frames:
        assert (await anext(frames))["event"] == "started"  # whoever comes back here is served to the end


async def test_two_terminals_see_the_same_and_each_other(
    web: Web, server: RunningServer, provider: ScriptedProvider, sara: SignedIn
) -> None:
    async with (
        reading(server, f"/account/events?client_id={'c' * 32}", sara) as here,
        reading(server, f"/account/events?client_id={'d' * 32}", sara) as there,
    ):
        conversation = (await web("POST", "/conversations", sara, {"title": "Shared"})).json()
        looking = {"client_id": "d" * 32, "conversation_id": conversation["id"]}
        assert (await web("PUT", "/account/looking-at", sara, looking)).status_code == 204
        async with asyncio.timeout(20):
            seen = [frame async for frame in _until(here, f'"conversation_id":"{conversation["id"]}"')]
            await anext(there)
    assert any(frame["event"] == "conversation" and conversation["id"] in frame["data"] for frame in seen)
    assert "argus of Sara" in seen[-1]["data"]


async def _until(frames: AsyncIterator[Frame], text: str) -> AsyncIterator[Frame]:
    async for frame in frames:
        if "comment" in frame:
            continue
        yield frame
        if frame["event"] == "watchers" and text in frame["data"]:
            return


async def test_one_session_has_a_bounded_number_of_streams(
    web: Web, server: RunningServer, sara: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST_OF_SESSION", 1)
    async with reading(server, f"/account/events?client_id={'c' * 32}", sara) as frames:
        await anext(frames)
        refused = await web("GET", f"/account/events?client_id={'d' * 32}", sara)
    assert (refused.status_code, refused.json()["code"]) == (429, "limit_reached")
    assert refused.headers["retry-after"] == "5"


async def test_nobody_speaks_for_the_client_of_somebody_else(server: RunningServer, web: Web, sara: SignedIn) -> None:
    ali = await server.sign_up("Ali")
    for who, shown in ((sara, "hers"), (ali, "his")):
        looking = {"client_id": "made-up", "conversation_id": shown}
        assert (await web("PUT", "/account/looking-at", who, looking)).status_code == 204
    noted = await server.services.storage.list_presence({sara.user.id}, sara.user.created_at)
    assert [each.conversation_id for each in noted] == ["hers"]
