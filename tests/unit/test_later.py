"""What waits to be sent by itself, with a clock that only the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from argus_core.client.base import ChatClient
from argus_core.client.later import AGAIN_S, AT_MOST_S, MOST_TRIES, Later, Outcome, Waiting
from argus_core.domain import Conversation, Message, Problem, TextPart, Turn
from argus_core.errors import ArgusError, Conflict, InvalidInput, LimitReached, NotFound, ServerUnreachable
from argus_core.events import Completed, LoggedEvent
from tests.support.turns import NOW, a_turn

HERE = "c"


def refused(wait_s: float | None = 30.0, *, text: str = "", id: str = "m") -> Message:
    problem = Problem(code="rate_limited", title="Too many requests", retry_after_s=wait_s)
    return Message(
        id=id,
        conversation_id=HERE,
        parent_id="q",
        seq=2,
        role="assistant",
        parts=(TextPart(text),) if text else (),
        status="failed",
        created_at=NOW,
        problem=problem,
    )


@dataclass
class Server:
    """The roles that `Later` calls: it records what is asked, and raises `faults` first."""

    faults: list[ArgusError] = field(default_factory=list)
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    retried: list[str] = field(default_factory=list)
    conversation: Conversation = field(
        default_factory=lambda: Conversation(
            id=HERE, user_id="u", title="", created_at=NOW, updated_at=NOW, head_id="m", draft="Please"
        )
    )
    drafts: list[str] = field(default_factory=list)
    draft_fault: ArgusError | None = None
    ending: Message = field(default_factory=lambda: replace(refused(), status="completed", problem=None, id="m2"))
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def client(self) -> ChatClient:
        conversations = SimpleNamespace(get=self.get, save_draft=self.save_draft)
        generations = SimpleNamespace(ask=self.ask, retry=self.retry, events=self.events)
        messages = SimpleNamespace(get=self.get_message)
        return cast(
            ChatClient, SimpleNamespace(conversations=conversations, generations=generations, messages=messages)
        )

    async def get(self, conversation_id: str) -> Conversation:
        return self.conversation

    async def save_draft(self, conversation_id: str, draft: str) -> None:
        if self.draft_fault:
            raise self.draft_fault
        self.drafts.append(draft)

    async def ask(self, conversation_id: str, text: str, *, attachment_ids: Sequence[str], client_msg_id: str) -> Turn:
        self.asked.append((conversation_id, text, tuple(attachment_ids), client_msg_id))
        return self._turn()

    async def retry(self, conversation_id: str) -> Turn:
        self.retried.append(conversation_id)
        return self._turn()

    def _turn(self) -> Turn:
        if self.faults:
            raise self.faults.pop(0)
        return a_turn()

    async def events(self, generation_id: str) -> AsyncGenerator[LoggedEvent, None]:
        await self.ended.wait()
        yield LoggedEvent(generation_id, 1, "", Completed())

    async def get_message(self, message_id: str) -> Message:
        return self.ending


class Scene:
    """A `Later` on a server that is not there."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.server = Server()
        self.told: list[tuple[Waiting, Outcome]] = []
        self.heard = asyncio.Event()
        self.changes = 0
        self.later = Later(self._client(), self._tell, self._changed, clock=lambda: self.now)

    def _client(self) -> Callable[[], Awaitable[ChatClient]]:
        async def client() -> ChatClient:
            return self.server.client()

        return client

    def _tell(self, waiting: Waiting, outcome: Outcome) -> None:
        self.told.append((waiting, outcome))
        self.heard.set()

    def _changed(self) -> None:
        self.changes += 1

    async def passes(self, seconds: float) -> None:
        """Let time pass, and let what is due be sent."""
        self.now += seconds
        self.later.send_due()
        for _ in range(20):
            await asyncio.sleep(0)

    @property
    def outcomes(self) -> list[type]:
        return [type(outcome) for _, outcome in self.told]


@pytest.fixture
async def scene() -> AsyncGenerator[Scene, None]:
    scene = Scene()
    yield scene
    await scene.later.close()


def limit(wait_s: float | None = 30.0) -> LimitReached:
    return LimitReached("Wait.", title="30 questions a minute are used", retry_after_s=wait_s)


async def test_a_held_question_is_asked_when_it_is_due_and_its_draft_goes(scene: Scene) -> None:
    assert scene.later.hold(HERE, "Please", ["a1"], limit())
    waiting = scene.later.waiting(HERE)
    assert waiting is not None
    assert (waiting.text, waiting.why, scene.later.left_s(waiting)) == ("Please", "30 questions a minute are used", 30)

    await scene.passes(29.9)
    assert scene.server.asked == []
    await scene.passes(0.1)

    assert [one[:3] for one in scene.server.asked] == [(HERE, "Please", ("a1",))]
    assert scene.server.drafts == [""]
    assert scene.outcomes == [Turn]
    assert scene.later.is_empty


async def test_a_draft_that_was_written_on_stays(scene: Scene) -> None:
    scene.server.conversation = replace(scene.server.conversation, draft="Please, and more")
    scene.later.hold(HERE, "Please", (), limit())

    await scene.passes(30)

    assert scene.outcomes == [Turn]
    assert scene.server.drafts == []


async def test_a_draft_that_cannot_be_cleared_does_not_ask_twice(scene: Scene) -> None:
    scene.server.draft_fault = ServerUnreachable("Nobody answers.")
    scene.later.hold(HERE, "Please", (), limit())

    await scene.passes(30)

    assert scene.outcomes == [Turn]
    assert scene.later.is_empty


async def test_a_refused_answer_is_asked_for_again(scene: Scene) -> None:
    assert scene.later.resend(refused())
    assert scene.later.resend(refused())

    await scene.passes(30)

    assert scene.server.retried == [HERE]


async def test_a_conversation_that_went_on_is_left_alone(scene: Scene) -> None:
    scene.later.resend(refused())
    scene.server.conversation = replace(scene.server.conversation, head_id="another")

    await scene.passes(30)

    assert scene.server.retried == []
    assert [outcome for _, outcome in scene.told] == [None]


async def test_another_program_that_was_faster_is_no_fault(scene: Scene) -> None:
    scene.server.faults = [Conflict("An answer is being written.")]
    scene.later.resend(refused())

    await scene.passes(30)

    assert [outcome for _, outcome in scene.told] == [None]


async def test_a_conversation_that_was_deleted_is_told(scene: Scene) -> None:
    scene.later.hold(HERE, "Please", (), limit())
    scene.server.conversation = replace(scene.server.conversation, deleted_at=NOW)

    await scene.passes(30)

    assert scene.server.asked == []
    assert scene.outcomes == [NotFound]


@pytest.mark.parametrize("error", [limit(None), limit(AT_MOST_S + 1), InvalidInput("Too long.")])
async def test_what_has_to_wait_too_long_or_for_nothing_is_not_held(scene: Scene, error: ArgusError) -> None:
    assert not scene.later.hold(HERE, "Please", (), error)
    assert scene.later.waiting(HERE) is None


@pytest.mark.parametrize(
    "message", [refused(None), refused(AT_MOST_S + 1), refused(text="Half"), replace(refused(), problem=None)]
)
async def test_an_answer_that_has_text_or_names_no_short_wait_is_not_sent_again(scene: Scene, message: Message) -> None:
    assert not scene.later.resend(message)
    assert scene.later.is_empty


async def test_each_conversation_waits_for_itself(scene: Scene) -> None:
    scene.later.hold("a", "One", (), limit(10))
    scene.later.hold("b", "Two", (), limit(20))

    await scene.passes(10)
    assert [one[0] for one in scene.server.asked] == ["a"]
    assert scene.later.waiting("a") is None
    assert scene.later.waiting("b") is not None
    await scene.passes(10)
    assert [one[0] for one in scene.server.asked] == ["a", "b"]


async def test_what_is_dropped_is_returned_and_never_sent(scene: Scene) -> None:
    scene.later.hold("a", "One", (), limit())
    scene.later.hold("b", "Two", (), limit())

    dropped = scene.later.drop("a")
    assert dropped is not None
    assert dropped.text == "One"
    assert scene.later.drop("a") is None
    assert [one.text for one in scene.later.drop_all()] == ["Two"]
    await scene.passes(60)

    assert scene.server.asked == []
    assert scene.told == []


async def test_now_means_now(scene: Scene) -> None:
    scene.later.hold(HERE, "Please", (), limit())
    scene.later.send_now("another")
    scene.later.send_now(HERE)

    await scene.passes(0)

    assert len(scene.server.asked) == 1


async def test_a_question_that_is_refused_again_waits_again_and_is_the_same_one(scene: Scene) -> None:
    scene.server.faults = [limit(7), ServerUnreachable("Nobody answers.")]
    scene.later.hold(HERE, "Please", (), limit())

    await scene.passes(30)
    await scene.passes(7)
    assert scene.told == []
    await scene.passes(AGAIN_S)

    assert scene.outcomes == [Turn]
    assert len({one[3] for one in scene.server.asked}) == 1
    assert len(scene.server.asked) == 3


async def test_after_so_many_refusals_it_is_left_to_the_user(scene: Scene) -> None:
    scene.server.faults = [limit(1) for _ in range(MOST_TRIES + 1)]
    scene.later.hold(HERE, "Please", (), limit(1))

    for _ in range(MOST_TRIES + 2):
        await scene.passes(1)

    assert len(scene.server.asked) == MOST_TRIES
    assert scene.outcomes == [LimitReached]
    assert scene.later.is_empty
    assert scene.later.drop(HERE) is None
    assert scene.later.hold(HERE, "Please", (), limit(1))  # the user has asked again


async def test_a_fault_that_waiting_does_not_mend_is_told(scene: Scene) -> None:
    scene.server.faults = [InvalidInput("Too long.")]
    scene.later.hold(HERE, "Please", (), limit())

    await scene.passes(30)

    assert scene.outcomes == [InvalidInput]
    assert scene.server.drafts == []


async def test_an_answer_that_is_followed_is_asked_for_again_when_it_is_refused(scene: Scene) -> None:
    scene.server.ending = refused(5)
    scene.later.follow(a_turn())
    await scene.passes(0)
    assert scene.later.is_empty

    scene.server.ended.set()
    await scene.passes(0)
    assert scene.later.waiting(HERE) is not None
    await scene.passes(5)

    assert scene.server.retried == [HERE]


async def test_the_timer_sends_without_being_told(scene: Scene) -> None:
    scene.later = Later(scene._client(), scene._tell)
    scene.later.hold(HERE, "Please", (), limit(0.01))

    await asyncio.wait_for(scene.heard.wait(), 5)

    assert len(scene.server.asked) == 1


async def test_each_change_of_what_waits_is_told(scene: Scene) -> None:
    scene.later.hold(HERE, "Please", (), limit())
    assert scene.changes == 1
    scene.later.drop(HERE)
    assert scene.changes == 2
    scene.later.drop(HERE)
    assert scene.changes == 2
