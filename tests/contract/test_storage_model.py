"""Any story of conversations, told to every storage and to a plain model of it: both must say the same all the time."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Coroutine, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from _pytest.mark import ParameterSet
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)
from hypothesis.stateful import run_state_machine_as_test as tell_stories

from argus_core.domain import Conversation, ConversationRow, Generation, Message, MessageStatus, Turn
from argus_core.errors import Conflict, NotFound
from argus_core.events import Cancelled, Completed, Failed, Interrupted, LoggedEvent, TextDelta
from argus_core.generations.fold import Folded
from argus_core.ids import new_id
from argus_core.storage.base import ConversationChange
from argus_core.storage.transfer import PortableStorage
from tests.support.builders import OWNER, a_conversation, a_turn, a_user, an_answer, later, row_of
from tests.support.mongod import LEFT_OPEN
from tests.support.store_drivers import DRIVERS, StoreDriver

T = TypeVar("T")
WORDS = ("roof", "rain", "بام", "میخواهم", "snow")
PAGE = 3
MOST = 500
TIME = st.sampled_from((0.0, 1.0, 60.0))
ASKING = st.sampled_from((0.001, 1.0, 60.0))
"""Nothing says which of two questions came first that were asked in one millisecond in two conversations."""
TEXT = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
FAULT = NotFound("Something.").problem()
TERMINATORS = (Completed(), Completed(truncated=True), Cancelled(), Failed(FAULT), Interrupted())


@dataclass
class Talk:
    """What the model knows of a conversation."""

    value: Conversation
    messages: dict[str, Message] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    logs: dict[str, list[LoggedEvent]] = field(default_factory=dict)
    generations: dict[str, Generation] = field(default_factory=dict)

    def set(self, **fields: Any) -> None:
        self.value = replace(self.value, **fields)

    def path(self, leaf_id: str | None) -> list[Message]:
        """Return the messages that lead to a leaf, oldest first."""
        found: list[Message] = []
        while leaf_id is not None:
            found.insert(0, self.messages[leaf_id])
            leaf_id = found[0].parent_id
        return found


class Stories(RuleBasedStateMachine):
    """A user with conversations on one storage; the next example is another user on the same one."""

    storage: PortableStorage
    runner: asyncio.Runner
    talks = Bundle("talks")
    running = Bundle("running")

    def __init__(self) -> None:
        super().__init__()
        self.user_id = new_id()
        self.now_s = 0.0
        self.known: dict[str, Talk] = {}
        self.prompts: list[tuple[str, str]] = []
        """Conversation and text of each question, in the order they were asked."""
        self.do(self.storage.ensure_user(a_user(self.user_id)))

    def do(self, call: Awaitable[T]) -> T:
        async def wait() -> T:
            return await call

        return self.runner.run(wait())

    def fails(self, error: type[Exception], call: Coroutine[Any, Any, object]) -> None:
        with pytest.raises(error):
            self.do(call)

    def tick(self, seconds: float) -> datetime:
        self.now_s += seconds
        return later(self.now_s)

    # Conversations

    @initialize(target=talks)
    def begin(self) -> MultipleResults[Talk]:
        return multiple(*(self.created(title, False, 1.0) for title in ("roof", "rain roof", "")))

    @initialize(target=running, talk=talks)
    def first_question(self, talk: Talk) -> tuple[Talk, Turn]:
        return self.asked(talk, "rain on the roof", 0, 1.0)

    @rule(target=talks, title=st.one_of(st.just(""), TEXT), pinned=st.booleans(), passed=TIME)
    def create(self, title: str, pinned: bool, passed: float) -> Talk:
        return self.created(title, pinned, passed)

    def created(self, title: str, pinned: bool, passed: float) -> Talk:
        at = self.tick(passed)
        new = a_conversation(user_id=self.user_id, title=title, at=at, pinned=pinned)
        assert self.do(self.storage.create_conversation(new)) == new
        talk = self.known[new.id] = Talk(new)
        return talk

    @rule(talk=talks)
    def create_again(self, talk: Talk) -> None:
        other = a_conversation(talk.value.id, user_id=self.user_id, title="another", at=later(self.now_s))
        if talk.value.id in self.known:
            assert self.do(self.storage.create_conversation(other)) == talk.value

    @rule(talk=talks, change=st.sampled_from(("title", "draft", "system", "pinned", "unread", "model")), text=TEXT)
    def update(self, talk: Talk, change: str, text: str) -> None:
        values = {"pinned": not talk.value.pinned, "unread": 0}
        asked = ConversationChange(**{change: values.get(change, text)})  # type: ignore[arg-type]
        if talk.value.id not in self.known or talk.value.deleted_at is not None:
            self.fails(NotFound, self.storage.update_conversation(self.user_id, talk.value.id, asked))
            return
        talk.set(**{change: values.get(change, text)})
        talk.set(is_prepared=bool(talk.value.draft or talk.value.system))
        assert self.do(self.storage.update_conversation(self.user_id, talk.value.id, asked)) == talk.value

    @rule(talk=talks, passed=TIME)
    def delete(self, talk: Talk, passed: float) -> None:
        at = self.tick(passed)
        if talk.value.id not in self.known:
            self.fails(NotFound, self.storage.delete_conversation(self.user_id, talk.value.id, at))
            return
        self.do(self.storage.delete_conversation(self.user_id, talk.value.id, at))
        talk.set(deleted_at=talk.value.deleted_at or at)

    @rule(talk=talks)
    def restore(self, talk: Talk) -> None:
        if talk.value.id not in self.known:
            self.fails(NotFound, self.storage.restore_conversation(self.user_id, talk.value.id))
            return
        talk.set(deleted_at=None)
        assert self.do(self.storage.restore_conversation(self.user_id, talk.value.id)) == talk.value

    @rule()
    def purge(self) -> None:
        before = later(self.now_s)
        old = [id for id, talk in self.known.items() if talk.value.deleted_at and talk.value.deleted_at < before]
        assert self.do(self.storage.purge_deleted(before)) == len(old)
        for id in old:
            talk = self.known.pop(id)
            self.fails(NotFound, self.storage.get_conversation(self.user_id, id))
            for message_id in talk.messages:
                self.fails(NotFound, self.storage.get_message(self.user_id, message_id))

    # Turns

    @rule(target=running, talk=talks, text=TEXT, place=st.integers(0, 20), passed=ASKING)
    def ask(self, talk: Talk, text: str, place: int, passed: float) -> tuple[Talk, Turn]:
        """Ask below the head, or below any earlier message as after an edit, or as another first question."""
        return self.asked(talk, text, place, passed)

    def asked(self, talk: Talk, text: str, place: int, passed: float) -> tuple[Talk, Turn]:
        below = [talk.value.head_id, *talk.messages, None]
        turn = a_turn(
            talk.value, text, parent_id=below[place % len(below)], at=self.tick(passed), client_msg_id=new_id()
        )
        return talk, self.start(talk, turn)

    @precondition(lambda self: any(talk.turns for talk in self.known.values()))
    @rule(target=running, talk=talks, place=st.integers(0, 20), passed=ASKING)
    def answer_again(self, talk: Talk, place: int, passed: float) -> tuple[Talk, Turn] | None:
        questions = [turn.question for turn in talk.turns if turn.question is not None]
        if not questions:
            return talk, self.start(talk, a_turn(talk.value, "rain", at=self.tick(passed)))
        question = questions[place % len(questions)]
        return talk, self.start(talk, an_answer(talk.value, question.id, at=self.tick(passed)))

    def start(self, talk: Talk, turn: Turn) -> Turn:
        if talk.value.id not in self.known or talk.value.deleted_at is not None:
            self.fails(NotFound, self.storage.start_turn(turn))
            return turn
        stored = self.do(self.storage.start_turn(turn))
        last = max((message.seq for message in talk.messages.values()), default=0)
        for message in filter(None, (stored.question, stored.reply)):
            assert message.seq > last
            last = message.seq
            talk.messages[message.id] = message
        assert replace(stored.reply, seq=0) == turn.reply
        assert stored.generation == turn.generation
        if stored.question is not None and turn.question is not None:
            assert replace(stored.question, seq=0) == turn.question
            self.prompts.append((talk.value.id, stored.question.text))
        talk.turns.append(stored)
        talk.generations[turn.generation.id] = stored.generation
        talk.logs[turn.generation.id] = []
        at = max(talk.value.updated_at, turn.reply.created_at)
        talk.set(head_id=turn.reply.id, rev=talk.value.rev + 1, updated_at=at, running=talk.value.running + 1)
        return stored

    @rule(known=running)
    def send_again(self, known: tuple[Talk, Turn]) -> None:
        """A question that is sent again finds the first turn, however far that has come."""
        talk, turn = known
        if turn.question is None or turn.generation.id not in talk.logs or talk.value.id not in self.known:
            return
        again = a_turn(talk.value, "something else", client_msg_id=turn.question.client_msg_id, at=later(self.now_s))
        if again.question is None or again.question.client_msg_id is None:
            return
        found = self.do(self.storage.start_turn(again))
        assert found.generation == talk.generations[turn.generation.id]
        assert found.question == talk.messages[turn.question.id]
        assert found.reply == talk.messages[turn.reply.id]

    @rule(talk=talks, place=st.integers(0, 20), stale=st.booleans())
    def move_head(self, talk: Talk, place: int, stale: bool) -> None:
        to = [*talk.messages, None][place % (len(talk.messages) + 1)]
        call = self.storage.move_head(self.user_id, talk.value.id, to, talk.value.rev - stale)
        if talk.value.id not in self.known or talk.value.deleted_at is not None:
            self.fails(NotFound, call)
        elif stale:
            self.fails(Conflict, call)
        else:
            talk.set(head_id=to, rev=talk.value.rev + 1)
            assert self.do(call) == talk.value

    # Answers

    @rule(known=running, texts=st.lists(TEXT, min_size=1, max_size=3))
    def append(self, known: tuple[Talk, Turn], texts: list[str]) -> None:
        self.log(known, [TextDelta(f"{text} ") for text in texts])

    @rule(known=running)
    def append_again(self, known: tuple[Talk, Turn]) -> None:
        """What is written again by the same process, since an answer was lost, is one write."""
        talk, turn = known
        log = talk.logs.get(turn.generation.id, [])
        if log and talk.value.id in self.known:
            assert self.do(self.storage.append_events(log[-2:])) == set()

    @rule(known=running)
    def append_to_a_slot_that_is_taken(self, known: tuple[Talk, Turn]) -> None:
        talk, turn = known
        log = talk.logs.get(turn.generation.id, [])
        if log:
            other = replace(log[-1], owner="another process")
            assert self.do(self.storage.append_events([other])) == {turn.generation.id}

    @rule(known=consumes(running), terminator=st.sampled_from(TERMINATORS), passed=TIME, twice=st.booleans())
    def finish(
        self,
        known: tuple[Talk, Turn],
        terminator: Completed | Cancelled | Failed | Interrupted,
        passed: float,
        twice: bool,
    ) -> None:
        talk, turn = known
        at = self.tick(passed)
        if turn.generation.id not in talk.logs or talk.value.id not in self.known:
            return
        log = self.log(known, [terminator])
        ending = Folded().add(log).ending(at, 2.5)
        for _ in range(1 + twice):
            self.do(self.storage.finish_generation(turn.generation.id, ending))
        self.end(talk, turn, ending.status, at)
        talk.messages[turn.reply.id] = replace(
            talk.messages[turn.reply.id],
            status=ending.status,
            parts=ending.parts,
            problem=ending.problem,
            duration_s=2.5,
            truncated=ending.truncated,
        )
        assert self.do(self.storage.append_events([replace(log[-1], n=log[-1].n + 1)])) == {turn.generation.id}

    def end(self, talk: Talk, turn: Turn, status: MessageStatus, at: datetime) -> None:
        id = turn.generation.id
        talk.generations[id] = replace(talk.generations[id], status=status, ended_at=at)
        talk.set(
            running=talk.value.running - 1,
            unread=talk.value.unread + 1,
            updated_at=max(talk.value.updated_at, at),
        )

    def log(self, known: tuple[Talk, Turn], events: Iterable[Any]) -> list[LoggedEvent]:
        talk, turn = known
        log = talk.logs.get(turn.generation.id)
        if log is None or talk.value.id not in self.known:
            return []
        more = [LoggedEvent(turn.generation.id, n, OWNER, event) for n, event in enumerate(events, len(log) + 1)]
        assert self.do(self.storage.append_events(more)) == set()
        log += more
        return log

    # What can be asked

    @rule(talk=talks)
    def look_at(self, talk: Talk) -> None:
        id = talk.value.id
        if id not in self.known:
            return
        for generation_id, generation in talk.generations.items():
            assert self.do(self.storage.get_generation(self.user_id, generation_id)) == generation
            assert self.do(self.storage.events_after(generation_id, 0, 1000)) == talk.logs[generation_id]
        for parent_id in (None, *talk.messages):
            below = sorted((one for one in talk.messages.values() if one.parent_id == parent_id), key=_seq)
            assert self.do(self.storage.list_children(self.user_id, id, parent_id)) == below

    @rule(word=st.sampled_from((*WORDS, "ro", "nothing")))
    def search(self, word: str) -> None:
        wanted = {
            message.id
            for talk in self.listed()
            for message in talk.messages.values()
            if message.status != "running" and any(each.startswith(word) for each in message.text.split())
        }
        hits = self.do(self.storage.search_messages(self.user_id, word, MOST))
        assert {hit.message.id for hit in hits} == wanted
        assert all(hit.conversation == row_of(self.known[hit.conversation.id].value) for hit in hits)

    @rule(word=st.sampled_from(("", *WORDS)))
    def list_pages(self, word: str) -> None:
        found: list[ConversationRow] = []
        cursor: str | None = None
        while True:
            page = self.do(self.storage.list_conversations(self.user_id, limit=PAGE, cursor=cursor, title_words=word))
            found += page.items
            cursor = page.next_cursor
            if cursor is None:
                break
        wanted = [talk.value for talk in self.listed() if not word or word in talk.value.title.split()]
        assert found == [row_of(each) for each in sorted(wanted, key=_as_listed)]

    @rule()
    def list_prompts(self) -> None:
        listed = {talk.value.id for talk in self.listed()}
        texts = [text for place, text in reversed(self.prompts) if place in listed]
        wanted = [text for n, text in enumerate(texts) if n == 0 or texts[n - 1] != text]
        assert self.do(self.storage.list_prompts(self.user_id, MOST)) == wanted

    def listed(self) -> list[Talk]:
        return [talk for talk in self.known.values() if talk.value.deleted_at is None]

    @invariant()
    def nothing_else_has_changed(self) -> None:
        for id, talk in self.known.items():
            assert self.do(self.storage.get_conversation(self.user_id, id)) == talk.value
            if talk.value.head_id is not None:
                path = self.do(self.storage.list_path(self.user_id, talk.value.head_id, MOST))
                assert path == talk.path(talk.value.head_id)
        assert self.do(self.storage.count_conversations(self.user_id)) == len(self.listed())
        running = [
            generation
            for talk in self.known.values()
            for generation in talk.generations.values()
            if generation.status == "running"
        ]
        found = self.do(self.storage.list_running(self.user_id))
        assert found == sorted(running, key=lambda one: (one.created_at, one.id))

    def teardown(self) -> None:
        """Leave nothing that the next story's purge would find."""
        for id in self.known:
            self.do(self.storage.delete_conversation(self.user_id, id, later(0)))
        self.do(self.storage.purge_deleted(later(1e9)))


def _seq(message: Message) -> int:
    return message.seq


def _as_listed(conversation: Conversation) -> tuple[bool, float, str]:
    return not conversation.pinned, -conversation.updated_at.timestamp(), conversation.id


def _parameter(name: str) -> ParameterSet:
    return pytest.param(name, marks=[pytest.mark.slow, pytest.mark.filterwarnings(LEFT_OPEN)])


@pytest.mark.parametrize("name", [_parameter(name) for name in sorted(DRIVERS)])
def test_every_story_is_told_as_the_model_tells_it(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        driver: StoreDriver = DRIVERS[name](Path(folder))
        storage = driver.connect()
        runner.run(storage.open())
        machine = type("Stories", (Stories,), {"storage": storage, "runner": runner})
        try:
            tell_stories(machine, settings=settings(max_examples=15 if driver.slow else 60, stateful_step_count=40))
        finally:
            runner.run(storage.close())
            driver.discard()
