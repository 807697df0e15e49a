"""Z1 and Z2: two users never see each other, and nobody sets what is not theirs to set (ASVS 5.0, 8.2 and 15.3)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from argus_core.domain import SignedIn
from argus_core.server.app import create_app
from tests.security.team import Team
from tests.server.conftest import Web
from tests.server.test_streams import reading
from tests.support.fake_gemini import png

pytestmark = pytest.mark.slow

DOCUMENT = create_app(lambda: pytest.fail("nobody opens it here")).openapi()
PREFIX = "/api/v1"
NOBODYS = "f" * 32
"""An id that nothing has."""
SECRET = "zirconium"
"""Stands in everything that Alice writes."""
METHODS = ("get", "post", "put", "patch", "delete")
PERSONAL = {
    "GET /account/events",
    "GET /account/preferences/{name}",
    "PUT /account/preferences/{name}",
}
"""What has no id of something, or a name that everybody has for themselves."""


@dataclass(frozen=True, slots=True)
class Alice:
    """A user and the ids of what she has, by what an address begins with."""

    who: SignedIn
    ids: dict[str, str]
    client_msg_id: str = "aa" * 16


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Return method, path and description of every operation there is."""
    return [
        (method.upper(), path.removeprefix(PREFIX), each)
        for path, methods in DOCUMENT["paths"].items()
        for method, each in methods.items()
        if method in METHODS
    ]


WITH_ID = [each for each in operations() if "{id}" in each[1]]
WITHOUT_ID = [each for each in operations() if "{" not in each[1]]


def example(operation: dict[str, Any]) -> Any:
    """Return a body that the operation takes; None when it takes none."""
    content = operation.get("requestBody", {}).get("content", {})
    if "application/json" not in content:
        return None
    name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return DOCUMENT["components"]["schemas"][name]["examples"][0]


def required_query(operation: dict[str, Any]) -> dict[str, str]:
    wanted = [each for each in operation.get("parameters", ()) if each["in"] == "query" and each.get("required")]
    return {each["name"]: "c" * 32 for each in wanted}


@pytest.fixture
async def alice(team: Team) -> Alice:
    """A user with one of everything, each with the secret in it."""
    web, who = team.webs[0], await team.servers[0].sign_up("Alice")
    conversation = (await web("POST", "/conversations", who, {"title": f"{SECRET} title", "system": SECRET})).json()
    picture = await web("POST", "/attachments", who, content=png(4, 4), params={"name": f"{SECRET}.png"})
    body = {"text": f"{SECRET} text", "attachment_ids": [picture.json()["id"]], "client_msg_id": "aa" * 16}
    turn = (await web("POST", f"/conversations/{conversation['id']}/questions", who, body)).json()
    generation_id = turn["generation"]["id"]
    async with reading(team.servers[0], f"/generations/{generation_id}/events", who) as frames:
        assert [frame async for frame in frames]
    await web("PUT", f"/conversations/{conversation['id']}/draft", who, {"draft": f"{SECRET} draft"})
    await web("PUT", "/account/preferences/theme", who, {"value": SECRET})
    ids = {
        "/conversations/": conversation["id"],
        "/messages/": turn["question"]["id"],
        "/generations/": generation_id,
        "/attachments/": picture.json()["id"],
        "/account/sessions/": who.session_id,
        "/admin/users/": who.user.id,
        "/admin/invites/": NOBODYS,
    }
    return Alice(who, ids)


def bare(answer: httpx2.Response) -> tuple[int, str, Any]:
    """Return what two answers may be compared by: all but the id of the request."""
    body = json.loads(answer.text) if answer.text else None
    if isinstance(body, dict):
        body.pop("request_id", None)
    return answer.status_code, answer.headers.get("content-type", ""), body


async def test_z1_what_is_anothers_is_answered_as_what_does_not_exist(team: Team, alice: Alice) -> None:
    assert len(WITH_ID) > 20
    mallory = await team.servers[1].sign_up("Mallory")
    before = await everything(team.webs[0], alice)
    for method, path, operation in WITH_ID:
        kind = next(prefix for prefix in alice.ids if path.startswith(prefix))  # a new kind of id must be added above
        for web in team.webs:
            mine, nobodys = [
                await web(
                    method, path.replace("{id}", id), mallory, example(operation), params=required_query(operation)
                )
                for id in (alice.ids[kind], NOBODYS)
            ]
            assert bare(mine) == bare(nobodys), (method, path)
            assert mine.status_code == (403 if path.startswith("/admin/") else 404), (method, path)
            assert SECRET not in mine.text
            assert alice.ids[kind] not in mine.text
    assert await everything(team.webs[0], alice) == before
    assert (await team.webs[0]("GET", "/account", alice.who)).status_code == 200


async def everything(web: Web, alice: Alice) -> list[Any]:
    """Return all that Alice sees, to be compared: nobody else has changed it."""
    paths = [
        "/conversations",
        f"/conversations/{alice.ids['/conversations/']}",
        f"/messages/{alice.ids['/messages/']}/path",
        f"/generations/{alice.ids['/generations/']}",
        "/account/preferences/theme",
        "/prompts",
        "/account/sessions",
    ]
    answers = [await web("GET", path, alice.who) for path in paths]
    assert all(answer.status_code == 200 for answer in answers)
    assert SECRET in "".join(answer.text for answer in answers)
    return [answer.json() for answer in answers]


async def test_z1_no_list_search_or_stream_holds_a_byte_of_anothers(team: Team, alice: Alice) -> None:
    mallory = await team.servers[1].sign_up("Mallory")
    hints = {
        "/search": {"q": SECRET},
        "/conversations": {"title_words": SECRET},
        "/conversations/find": {"id_prefix": alice.ids["/conversations/"][:8]},
    }
    looked_at = 0
    for method, path, operation in WITHOUT_ID:
        if method != "GET" or f"{method} {path}" in PERSONAL:
            continue
        query = required_query(operation) | hints.get(path, {})
        for web in team.webs:
            answer = await web(method, path, mallory, params=query)
            assert answer.status_code in (200, 403, 404), (path, answer.text)
            assert SECRET not in answer.text, path
            for id in (*alice.ids.values(), "alice"):
                assert id not in answer.text, path
            looked_at += 1
    assert looked_at > 40
    found = await team.webs[2]("GET", "/search", alice.who, params={"q": SECRET})
    assert len(found.json()["items"]) == 1


async def test_z1_the_stream_of_an_account_tells_nothing_of_another(team: Team, alice: Alice) -> None:
    mallory = await team.servers[1].sign_up("Mallory")
    client_id = "c" * 32
    async with (
        reading(team.servers[1], f"/account/events?client_id={client_id}", mallory) as frames,
        reading(team.servers[2], f"/account/events?client_id={client_id}", alice.who) as hers,
    ):
        seen = [await anext(frames)]
        looking = {"client_id": "d" * 32, "conversation_id": alice.ids["/conversations/"]}
        for web in team.webs:
            assert (await web("PUT", "/account/looking-at", alice.who, looking)).status_code == 204
        await team.webs[0]("PATCH", f"/conversations/{alice.ids['/conversations/']}", alice.who, {"title": SECRET})
        async for frame in hers:
            if SECRET in frame.get("data", ""):
                break
        # One of Mallory's own comes last: what would have come before it has come.
        own = (await team.webs[0]("POST", "/conversations", mallory, {"title": "own"})).json()
        async for frame in frames:
            seen.append(frame)
            if own["id"] in frame.get("data", ""):
                break
    told = json.dumps(seen)
    assert own["id"] in told
    assert SECRET not in told
    assert alice.ids["/conversations/"] not in told
    assert "Alice" not in told


async def test_z1_another_watching_my_conversation_is_not_shown_it(team: Team, alice: Alice) -> None:
    """Saying that one looks at what is another's shows nothing, neither here nor there."""
    mallory = await team.servers[1].sign_up("Mallory")
    looking = {"client_id": "e" * 32, "conversation_id": alice.ids["/conversations/"]}
    answer = await team.webs[1]("PUT", "/account/looking-at", mallory, looking)
    nobodys = await team.webs[1]("PUT", "/account/looking-at", mallory, looking | {"conversation_id": NOBODYS})
    assert bare(answer) == bare(nobodys)
    async with reading(team.servers[1], f"/account/events?client_id={'c' * 32}", alice.who) as frames:
        first = await anext(frames)
    assert first["event"] == "watchers"
    assert "Mallory" not in first["data"]


async def test_z1_ids_that_clients_make_find_nothing_of_another(team: Team, alice: Alice) -> None:
    mallory = await team.servers[1].sign_up("Mallory")
    web = team.webs[1]
    hers = alice.ids["/conversations/"]
    made = [await web("POST", "/conversations", mallory, {"id": id, "title": "mine"}) for id in (hers, NOBODYS)]
    assert [each.status_code for each in made] == [201, 201]  # a taken id and a free one look alike
    assert not {each.json()["id"] for each in made} & {hers, NOBODYS}
    assert SECRET not in made[0].text
    own = (await web("POST", "/conversations", mallory, {})).json()
    sent = await web(
        "POST", f"/conversations/{own['id']}/questions", mallory, {"text": "mine", "client_msg_id": alice.client_msg_id}
    )
    assert sent.status_code == 201
    assert SECRET not in sent.text
    assert sent.json()["generation"]["id"] != alice.ids["/generations/"]


@pytest.mark.parametrize("field", ["attachment_ids", "parent_id"])
async def test_z1_a_question_takes_in_nothing_of_another(team: Team, alice: Alice, field: str) -> None:
    mallory = await team.servers[1].sign_up("Mallory")
    web = team.webs[2]
    own = (await web("POST", "/conversations", mallory, {})).json()
    answers = []
    for id in (alice.ids["/attachments/" if field == "attachment_ids" else "/messages/"], NOBODYS):
        body = {"text": "mine", field: [id] if field == "attachment_ids" else id}
        answers.append(await web("POST", f"/conversations/{own['id']}/questions", mallory, body))
    assert bare(answers[0]) == bare(answers[1])
    assert answers[0].status_code == 404


async def test_z1_a_place_in_a_stream_of_another_is_none(team: Team, alice: Alice) -> None:
    mallory = await team.servers[1].sign_up("Mallory")
    for web in team.webs:
        for last in ("0", "1", "999"):
            headers = {"Last-Event-ID": last}
            path = f"/generations/{alice.ids['/generations/']}/events"
            answer = await web("GET", path, mallory, headers=headers)
            assert answer.status_code == 404
            assert SECRET not in answer.text


async def test_z1_a_cursor_of_another_shows_only_ones_own(team: Team, alice: Alice) -> None:
    mallory = await team.servers[1].sign_up("Mallory")
    for number in range(3):
        await team.webs[0]("POST", "/conversations", alice.who, {"title": f"{SECRET} {number}"})
    page = (await team.webs[0]("GET", "/conversations", alice.who, params={"limit": 1})).json()
    answer = await team.webs[1]("GET", "/conversations", mallory, params={"cursor": page["next_cursor"]})
    assert answer.status_code == 200
    assert answer.json().get("items", []) == []


async def test_z1_not_even_an_admin_reads_conversations(team: Team, alice: Alice) -> None:
    admin = await team.servers[0].sign_up("Admin", role="admin")
    for method, path, operation in WITH_ID:
        if method == "GET":
            kind = next(prefix for prefix in alice.ids if path.startswith(prefix))
            answer = await team.webs[0](
                method, path.replace("{id}", alice.ids[kind]), admin, params=required_query(operation)
            )
            assert answer.status_code == 404, path
    for _, path, operation in [each for each in WITHOUT_ID if each[0] == "GET" and each[1] != "/account/events"]:
        answer = await team.webs[0]("GET", path, admin, params=required_query(operation))
        assert SECRET not in answer.text, path


FORBIDDEN_FIELDS = {
    "user_id": NOBODYS,
    "owner": "me",
    "cost": 0,
    "cost_micro_usd": 0,
    "usage": {},
    "created_at": "2020-01-01T00:00:00Z",
    "rev": 9,
    "seq": 9,
    "status": "completed",
    "disabled": False,
    "password_hash": "x",
    "__proto__": {},
    "$set": {},
}
WITH_BODY = [each for each in operations() if example(each[2]) is not None]


async def test_z2_a_field_that_is_not_known_is_refused_everywhere(web: Web, sara: SignedIn, admin: SignedIn) -> None:
    assert len(WITH_BODY) > 15
    for method, path, operation in WITH_BODY:
        body = example(operation)
        who = admin if path.startswith("/admin/") else sara
        address = path.replace("{id}", NOBODYS).replace("{name}", "theme")
        for name, value in (FORBIDDEN_FIELDS | {"role": "admin"}).items():
            if name in DOCUMENT["components"]["schemas"][schema_name(operation)]["properties"]:
                continue
            answer = await web(method, address, who, body | {name: value})
            assert answer.status_code == 422, (method, path, name)
            assert answer.json()["code"] == "invalid_input"


def schema_name(operation: dict[str, Any]) -> str:
    name: str = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    return name


async def test_z2_what_is_not_known_behind_the_question_mark_is_refused(web: Web, sara: SignedIn) -> None:
    for query in ({"user_id": NOBODYS}, {"limit": "5", "user": "x"}, {"role": "admin"}, {"$where": "1"}):
        assert (await web("GET", "/conversations", sara, params=query)).status_code == 422
    assert (await web("GET", "/account", sara, params={"user_id": NOBODYS})).status_code == 422


async def test_z2_nobody_makes_themselves_an_admin(web: Web, sara: SignedIn) -> None:
    body = {"name": "Eve", "email": "eve@example.org", "password": "seven grey herons wade"}
    assert (await web("POST", "/auth/signup", None, body | {"role": "admin"})).status_code == 422
    made = (await web("POST", "/auth/signup", None, body)).json()
    assert made["user"].get("role", "member") == "member"
    for method, path, operation in operations():
        if path.startswith("/admin/"):
            address = path.replace("{id}", sara.user.id)
            answer = await web(method, address, sara, example(operation), params=required_query(operation))
            assert answer.status_code == 403, (method, path)
    assert (await web("GET", "/account", sara)).json().get("role", "member") == "member"


async def test_z2_only_declared_fields_leave(web: Web, sara: SignedIn, admin: SignedIn) -> None:
    schemas = DOCUMENT["components"]["schemas"]
    user = (await web("GET", "/account", sara)).json()
    assert set(user) <= set(schemas["User"]["properties"])
    listed = (await web("GET", "/admin/users", admin)).json()["items"]
    assert all(set(each) <= set(schemas["User"]["properties"]) for each in listed)
    for name in schemas:
        for field in schemas[name].get("properties", ()):
            assert "hash" not in field, (name, field)
            assert "secret" not in field, (name, field)
    leaving = {"SignedIn", "NewInvite"}
    for name in ("User", "Session", "Invite", "Conversation", "Generation", "Allowance"):
        assert name not in leaving
        assert not {"access_token", "refresh_token", "device_token", "code", "code_digest"} & set(
            schemas[name]["properties"]
        )


async def test_z2_types_are_not_guessed(web: Web, sara: SignedIn) -> None:
    conversation = (await web("POST", "/conversations", sara, {})).json()
    path = f"/conversations/{conversation['id']}"
    for body in ({"pinned": 1}, {"pinned": "true"}, {"title": 7}, {"title": None}, {"pinned": True, "title": "x"}, {}):
        assert (await web("PATCH", path, sara, body)).status_code == 422, body
    for limit in ("0", "501", "-1", "1e2", "ten", "5.5", "", "٥"):
        answer = await web("GET", "/conversations", sara, params={"limit": limit})
        assert answer.status_code == 422, limit
