"""What every `ChatClient` promises, whatever is behind it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest

from argus_core.client.base import ChatClient
from argus_core.domain import Conversation, ConversationRow, Message, TextPart, ThoughtPart, Turn
from argus_core.errors import AttachmentRejected, Conflict, InvalidInput, ModelNotFound, NotFound, RateLimited
from argus_core.events import Cancelled, Completed, Event, Failed, Interrupted, Started, TextDelta, is_terminator
from argus_core.generations.prompt import GO_ON
from argus_core.ids import new_id
from argus_core.providers.base import EndChunk, PromptImage, PromptMessage, TextChunk, ThoughtChunk
from argus_core.providers.scripted import SCRIPTED_MODEL, ScriptedProvider, Stop, saying
from tests.support.client_drivers import DRIVERS, Clients
from tests.support.fake_gemini import png

MODELS = [replace(SCRIPTED_MODEL, id=f"scripted-{number}") for number in (1, 2, 3)]


@pytest.fixture(
    params=[pytest.param(each, marks=pytest.mark.slow if each == "http" else ()) for each in sorted(DRIVERS)]
)
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class OpenClients(Protocol):
    """Opens the clients of the driver under test."""

    def __call__(
        self, provider: ScriptedProvider, *, titles_by_model: bool = False
    ) -> AbstractAsyncContextManager[Clients]: ...


@pytest.fixture
def open_clients(driver: str, tmp_path: Path) -> OpenClients:
    @asynccontextmanager
    async def opened(provider: ScriptedProvider, *, titles_by_model: bool = False) -> AsyncGenerator[Clients, None]:
        async with DRIVERS[driver](tmp_path, provider, titles_by_model) as clients:
            yield clients

    return opened


@pytest.fixture
def provider() -> ScriptedProvider:
    """Answers what the test feeds it."""
    return ScriptedProvider(models=MODELS)


@pytest.fixture
async def clients(open_clients: OpenClients, provider: ScriptedProvider) -> AsyncGenerator[Clients, None]:
    async with open_clients(provider) as clients:
        yield clients


@pytest.fixture
def client(clients: Clients) -> ChatClient:
    return clients.client


@pytest.fixture
async def conversation(client: ChatClient) -> Conversation:
    return await client.conversations.create()


async def events_of(client: ChatClient, turn: Turn, after: int = 0) -> list[Event]:
    return [logged.event async for logged in client.generations.events(turn.generation.id, after=after)]


async def answered(client: ChatClient, provider: ScriptedProvider, conversation_id: str, *said: str) -> Message:
    """Ask and let the answer be `said`; return it as it is stored."""
    call = len(provider.calls)
    turn = await client.generations.ask(conversation_id, f"Question {call}?")
    provider.feed(*(TextChunk(text) for text in said), EndChunk(), call=call)
    await events_of(client, turn)
    return await client.messages.get(turn.reply.id)


async def head(client: ChatClient, conversation_id: str) -> Message:
    found = await client.conversations.get(conversation_id)
    assert found.head_id is not None
    return await client.messages.get(found.head_id)


async def until_titled(client: ChatClient, conversation_id: str, title: str) -> None:
    async with asyncio.timeout(20), aclosing(client.conversations.changes()) as changes:
        if (await client.conversations.get(conversation_id)).title == title:
            return
        async for changed in changes:
            if changed.id == conversation_id and changed.title == title:
                return


# Asking


async def test_a_question_is_stored_answered_and_kept(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    turn = await client.generations.ask(conversation.id, "Why?")
    assert turn.question is not None
    assert turn.question.text == "Why?"
    assert (turn.reply.status, turn.generation.status) == ("running", "running")
    assert [one.id for one in await client.generations.running()] == [turn.generation.id]

    provider.feed(ThoughtChunk("hm"), TextChunk("Because"), TextChunk(" so."), EndChunk())
    events = await events_of(client, turn)

    assert events[0] == Started("scripted-1")
    assert events[-1] == Completed()
    reply = await client.messages.get(turn.reply.id)
    assert reply.parts == (ThoughtPart("hm"), TextPart("Because so."))
    assert reply.status == "completed"
    assert [message.text for message in await client.messages.path(reply.id)] == ["Why?", "Because so."]
    assert await client.generations.running() == []
    assert (await client.generations.get(turn.generation.id)).status == "completed"
    assert list(await client.messages.prompts()) == ["Why?"]


async def test_the_model_is_sent_the_whole_path(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    await client.conversations.set_system(conversation.id, "Be brief.")
    await answered(client, provider, conversation.id, "One")
    await answered(client, provider, conversation.id, "Two")

    sent = provider.prompts[-1]
    assert sent.system == "Be brief."
    assert sent.messages == (
        PromptMessage("user", ("Question 0?",)),
        PromptMessage("assistant", ("One",)),
        PromptMessage("user", ("Question 1?",)),
    )


async def test_a_picture_goes_along(client: ChatClient, provider: ScriptedProvider, conversation: Conversation) -> None:
    attachment = await client.attachments.add("/secret/folder/roof.png", png(3, 2))
    assert (attachment.name, attachment.width, attachment.height) == ("roof.png", 3, 2)

    turn = await client.generations.ask(conversation.id, "", attachment_ids=[attachment.id])
    await provider.wait_for_call()

    (message,) = provider.prompts[0].messages
    (image,) = message.parts
    assert isinstance(image, PromptImage)
    assert image.data == await client.attachments.read(attachment)
    assert turn.question is not None
    assert turn.question.attachments == (attachment,)


async def test_what_is_no_picture_is_refused(client: ChatClient) -> None:
    with pytest.raises(AttachmentRejected):
        await client.attachments.add("roof.png", b"%PDF-1.7")


@pytest.mark.parametrize("text", ["", "  \n"])
async def test_nothing_is_no_question(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation, text: str
) -> None:
    with pytest.raises(InvalidInput):
        await client.generations.ask(conversation.id, text)
    assert (await client.conversations.get(conversation.id)).head_id is None


async def test_half_a_surrogate_pair_breaks_nothing(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    turn = await client.generations.ask(conversation.id, "bad \udc80 byte")
    provider.feed(TextChunk("half \ud83d pair"), EndChunk())
    await events_of(client, turn)

    assert (await client.messages.get(turn.reply.id)).status == "completed"


async def test_asking_where_nothing_is_or_no_longer_is(client: ChatClient, conversation: Conversation) -> None:
    await client.conversations.delete(conversation.id)

    for gone in (conversation.id, new_id()):
        with pytest.raises(NotFound):
            await client.generations.ask(gone, "Why?")


async def test_twenty_equal_sends_at_once_are_one_turn(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    sends = [client.generations.ask(conversation.id, "Why?", client_msg_id="m") for _ in range(20)]
    turns = await asyncio.gather(*sends)

    assert len({turn.generation.id for turn in turns}) == 1
    assert len({turn.reply.id for turn in turns}) == 1
    provider.feed(TextChunk("So."), EndChunk())
    await events_of(client, turns[0])
    late = await client.generations.ask(conversation.id, "Why?", client_msg_id="m")
    assert late.generation.id == turns[0].generation.id
    assert len(provider.calls) == 1
    assert len(await client.messages.path(late.reply.id)) == 2


async def test_twenty_different_questions_at_once_start_one_answer(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    sends = [client.generations.ask(conversation.id, f"Question {number}") for number in range(20)]
    turns = await asyncio.gather(*sends, return_exceptions=True)

    assert sum(isinstance(turn, Turn) for turn in turns) == 1
    assert sum(isinstance(turn, Conflict) for turn in turns) == 19
    assert len(await client.messages.prompts()) == 1


async def test_a_question_during_an_answer_is_refused_and_not_stored(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    turn = await client.generations.ask(conversation.id, "First?")
    for attempt in (
        client.generations.ask(conversation.id, "Second?"),
        client.generations.retry(conversation.id),
        client.generations.continue_(conversation.id),
    ):
        with pytest.raises(Conflict):
            await attempt

    assert list(await client.messages.prompts()) == ["First?"]
    assert (await client.conversations.get(conversation.id)).head_id == turn.reply.id


async def test_answers_run_side_by_side_in_different_conversations(
    client: ChatClient, provider: ScriptedProvider
) -> None:
    places = [await client.conversations.create() for _ in range(5)]
    turns = [await client.generations.ask(place.id, f"Question {n}") for n, place in enumerate(places)]
    await provider.wait_for_call(4)
    for number, prompt in enumerate(provider.prompts):
        provider.feed(TextChunk(f"to {prompt.messages[0].parts[0]}"), EndChunk(), call=number)
    for turn in turns:
        await events_of(client, turn)

    replies = [(await client.messages.get(turn.reply.id)).text for turn in turns]
    assert replies == [f"to Question {number}" for number in range(5)]


@pytest.mark.parametrize("steps", range(0, 40, 4))
async def test_a_question_whose_asker_went_away_is_answered_or_was_never_stored(
    open_clients: OpenClients, steps: int
) -> None:
    async with open_clients(ScriptedProvider(saying("So."))) as clients:
        client = clients.client
        conversation = await client.conversations.create()
        asking = asyncio.create_task(client.generations.ask(conversation.id, "Why?"))
        for _ in range(steps):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])
        await client.conversations.pin(conversation.id, True)  # the store has taken what came before
        assert await client.drain(20)

        async with asyncio.timeout(20):  # a server may be about to store it still, and answers it then
            async with aclosing(client.conversations.changes()) as changes:
                found: ConversationRow = await client.conversations.get(conversation.id)
                if found.running:
                    async for changed in changes:
                        if not changed.running:
                            found = changed
                            break
        if found.head_id is not None:
            assert (await head(client, conversation.id)).status == "completed"


# Versions


async def test_an_edited_question_is_another_version_beside_the_first(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    first = await answered(client, provider, conversation.id, "One")
    second = await answered(client, provider, conversation.id, "Two")
    turn = await client.generations.ask(conversation.id, "Edited?", parent_id=first.id)
    provider.feed(TextChunk("Three"), EndChunk(), call=2)
    await events_of(client, turn)

    path = await client.messages.path(turn.reply.id)
    assert [message.text for message in path] == ["Question 0?", "One", "Edited?", "Three"]
    assert (await client.messages.get(second.id)).text == "Two"
    assert (await head(client, conversation.id)).id == turn.reply.id


async def test_a_first_question_can_be_edited_too(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    await answered(client, provider, conversation.id, "One")
    turn = await client.generations.ask(conversation.id, "Edited?", parent_id="")

    assert turn.question is not None
    assert turn.question.parent_id is None
    await provider.wait_for_call(1)
    assert provider.prompts[1].messages == (PromptMessage("user", ("Edited?",)),)


async def test_a_parent_from_elsewhere_is_not_found(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    elsewhere = await answered(client, provider, (await client.conversations.create()).id, "One")

    with pytest.raises(NotFound):
        await client.generations.ask(conversation.id, "Why?", parent_id=elsewhere.id)


async def test_retry_answers_the_same_question_again(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    first = await answered(client, provider, conversation.id, "One")
    turn = await client.generations.retry(conversation.id)
    provider.feed(TextChunk("Other"), EndChunk(), call=1)
    await events_of(client, turn)

    assert turn.question is None
    assert turn.reply.parent_id == first.parent_id
    assert provider.prompts[0].messages == provider.prompts[1].messages
    assert (await client.messages.get(first.id)).text == "One"
    assert (await head(client, conversation.id)).text == "Other"


async def test_there_is_nothing_to_retry_continue_or_undo_in_an_empty_conversation(
    client: ChatClient, conversation: Conversation
) -> None:
    for attempt in (
        client.generations.retry(conversation.id),
        client.generations.continue_(conversation.id),
        client.conversations.undo(conversation.id),
    ):
        with pytest.raises(InvalidInput):
            await attempt


async def test_continue_goes_on_from_a_stopped_answer(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    stopped = await client.generations.ask(conversation.id, "Count.")
    provider.feed(TextChunk("One, "))
    async with aclosing(client.generations.events(stopped.generation.id)) as stream:
        async for logged in stream:
            if isinstance(logged.event, TextDelta):
                await client.generations.cancel(stopped.generation.id)
    turn = await client.generations.continue_(conversation.id)
    provider.feed(TextChunk("two."), EndChunk(), call=1)
    events = await events_of(client, turn)

    assert turn.generation.continues_id == stopped.reply.id
    assert provider.prompts[1].messages == (
        PromptMessage("user", ("Count.",)),
        PromptMessage("assistant", ("One, ",)),
        PromptMessage("user", (GO_ON,)),
    )
    first = next(event for event in events if isinstance(event, TextDelta))
    assert first.text.startswith("One, ")
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "One, two."
    assert (await head(client, conversation.id)).text == "One, two."
    assert (await client.messages.get(stopped.reply.id)).status == "cancelled"


async def test_continue_starts_anew_where_nothing_had_come(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    failed = await client.generations.ask(conversation.id, "Count.")
    provider.feed(RateLimited("Wait."))
    assert isinstance((await events_of(client, failed))[-1], Failed)
    turn = await client.generations.continue_(conversation.id)
    provider.feed(TextChunk("One."), EndChunk(), call=1)
    await events_of(client, turn)

    assert turn.generation.continues_id is None
    assert provider.prompts[1].messages == (PromptMessage("user", ("Count.",)),)
    assert (await head(client, conversation.id)).text == "One."


async def test_undo_takes_the_last_question_out_of_the_way(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    first = await answered(client, provider, conversation.id, "One")
    await answered(client, provider, conversation.id, "Two")

    assert (await client.conversations.undo(conversation.id)).head_id == first.id
    assert (await client.conversations.undo(conversation.id)).head_id is None
    again = await client.generations.ask(conversation.id, "Anew?")
    assert again.question is not None
    assert again.question.parent_id is None


async def test_undo_waits_for_the_end_of_an_answer(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    await client.generations.ask(conversation.id, "Why?")

    with pytest.raises(InvalidInput):
        await client.conversations.undo(conversation.id)


# Reading and stopping


async def test_an_answer_goes_on_when_nobody_reads(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    turn = await client.generations.ask(conversation.id, "Why?")
    provider.feed(TextChunk("One "))
    async with aclosing(client.generations.events(turn.generation.id)) as stream:
        async for logged in stream:
            if isinstance(logged.event, TextDelta):
                break
    provider.feed(TextChunk("two"), EndChunk())

    assert await client.drain(20)
    assert (await client.messages.get(turn.reply.id)).text == "One two"


@pytest.mark.parametrize("after", range(6))
async def test_a_reader_resumes_anywhere_and_gets_the_rest_once(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation, after: int
) -> None:
    turn = await client.generations.ask(conversation.id, "Why?")
    provider.feed(ThoughtChunk("hm"), TextChunk("One"), EndChunk())
    whole = await events_of(client, turn)

    assert await events_of(client, turn, after) == whole[after:]


async def test_ten_readers_see_the_same(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    turn = await client.generations.ask(conversation.id, "Why?")
    readers = [asyncio.create_task(events_of(client, turn)) for _ in range(10)]
    provider.feed(*(TextChunk(f"{number} ") for number in range(100)), EndChunk())
    seen = await asyncio.gather(*readers)

    assert all(one == seen[0] for one in seen)
    text = "".join(event.text for event in seen[0] if isinstance(event, TextDelta))
    assert text == (await client.messages.get(turn.reply.id)).text == "".join(f"{number} " for number in range(100))


async def test_stopping_a_silent_model_keeps_what_had_come(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    turn = await client.generations.ask(conversation.id, "Why?")
    call = await provider.wait_for_call()
    provider.feed(TextChunk("Half"))
    seen: list[Event] = []
    async for logged in client.generations.events(turn.generation.id):
        seen.append(logged.event)
        if isinstance(logged.event, TextDelta):
            await client.generations.cancel(turn.generation.id)
            await client.generations.cancel(turn.generation.id)

    assert seen[-1] == Cancelled()
    assert call.closed
    assert sum(is_terminator(event) for event in seen) == 1
    reply = await client.messages.get(turn.reply.id)
    assert (reply.text, reply.status) == ("Half", "cancelled")
    await client.generations.cancel(turn.generation.id)
    assert await client.messages.get(turn.reply.id) == reply


async def test_a_failure_tells_why_and_keeps_what_had_come(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    turn = await client.generations.ask(conversation.id, "Why?")
    provider.feed(TextChunk("Half"), RateLimited("Wait a little.", retry_after_s=7.5))
    last = (await events_of(client, turn))[-1]

    assert isinstance(last, Failed)
    assert last.problem == RateLimited("Wait a little.", retry_after_s=7.5).problem()
    reply = await client.messages.get(turn.reply.id)
    assert (reply.text, reply.status, reply.problem) == ("Half", "failed", last.problem)


async def test_a_connection_that_broke_is_a_failure(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    turn = await client.generations.ask(conversation.id, "Why?")
    provider.feed(TextChunk("Half"), Stop())

    assert isinstance((await events_of(client, turn))[-1], Failed)


async def test_closing_keeps_what_had_come_and_it_can_be_gone_on_from(open_clients: OpenClients) -> None:
    provider = ScriptedProvider()
    async with open_clients(provider) as clients:
        conversation = await clients.client.conversations.create()
        turn = await clients.client.generations.ask(conversation.id, "Count.")
        provider.feed(TextChunk("One, "))
        async with aclosing(clients.client.generations.events(turn.generation.id)) as stream:
            async for logged in stream:
                if isinstance(logged.event, TextDelta):
                    break
    assert provider.calls[0].closed

    async with open_clients(provider) as clients:
        client = clients.client
        reply = await client.messages.get(turn.reply.id)
        assert (reply.text, reply.status) == ("One, ", "interrupted")
        assert (await events_of(client, turn))[-1] == Interrupted()
        assert (await client.conversations.get(conversation.id)).running == 0
        more = await client.generations.continue_(conversation.id)
        provider.feed(TextChunk("two."), EndChunk(), call=1)
        await events_of(client, more)
        assert (await head(client, conversation.id)).text == "One, two."


# Users


async def test_nobody_reaches_what_belongs_to_another(
    clients: Clients, provider: ScriptedProvider, conversation: Conversation
) -> None:
    turn = await clients.client.generations.ask(conversation.id, "Secret?")
    call = await provider.wait_for_call()
    stranger = clients.stranger

    for attempt in (
        stranger.conversations.get(conversation.id),
        stranger.conversations.rename(conversation.id, "Mine"),
        stranger.conversations.delete(conversation.id),
        stranger.conversations.find(conversation.id[:8]),
        stranger.messages.get(turn.reply.id),
        stranger.messages.path(turn.reply.id),
        stranger.generations.ask(conversation.id, "Hello?"),
        stranger.generations.retry(conversation.id),
        stranger.generations.get(turn.generation.id),
        stranger.generations.cancel(turn.generation.id),
        anext(stranger.generations.events(turn.generation.id)),
    ):
        with pytest.raises(NotFound):
            await attempt
    assert not call.closed
    assert await stranger.generations.running() == []
    assert await stranger.search.messages("Secret") == []
    assert (await stranger.conversations.list()).items == ()
    assert await stranger.conversations.count() == 0
    assert list(await stranger.messages.prompts()) == []


async def test_everyone_has_preferences_of_their_own(clients: Clients) -> None:
    await clients.client.account.set_preference("theme", "argus-night")

    assert await clients.client.account.get_preference("theme") == "argus-night"
    assert await clients.stranger.account.get_preference("theme") is None
    await clients.client.account.set_preference("theme", None)
    assert await clients.client.account.get_preference("theme") is None
    assert (await clients.client.account.whoami()).id != (await clients.stranger.account.whoami()).id


# Conversations


async def test_conversations_are_made_once(client: ChatClient) -> None:
    key = new_id()
    first = await client.conversations.create(key=key, title="A \x1b[31mtitle")
    again = await client.conversations.create(key=key, title="Another")

    assert again == first
    assert (first.title, first.title_by_user) == ("A title", True)
    assert await client.conversations.count() == 1


async def test_a_key_tells_nothing_of_what_others_have(clients: Clients) -> None:
    hers = await clients.client.conversations.create(key="k", title="Hers")
    his = await clients.stranger.conversations.create(key="k", title="His")
    with_her_id = await clients.stranger.conversations.create(key=hers.id, title="His too")

    assert len({"k", hers.id, his.id, with_her_id.id}) == 4
    assert (await clients.client.conversations.get(hers.id)).title == "Hers"


async def test_a_title_that_is_empty_is_nobodys(client: ChatClient) -> None:
    made = await client.conversations.create(title="\x1b[2J ")

    assert (made.title, made.title_by_user) == ("", False)


async def test_renaming_pinning_and_settings(client: ChatClient, conversation: Conversation) -> None:
    await client.conversations.rename(conversation.id, " New\nname ")
    await client.conversations.pin(conversation.id, True)
    await client.conversations.set_model(conversation.id, "models/Scripted-2")
    await client.conversations.set_system(conversation.id, "Be brief.")
    await client.conversations.save_draft(conversation.id, "not yet")
    found = await client.conversations.get(conversation.id)

    assert (found.title, found.pinned, found.model) == ("New name", True, "scripted-2")
    assert (found.system, found.draft) == ("Be brief.", "not yet")
    assert found.updated_at == conversation.updated_at
    assert (await client.conversations.set_model(conversation.id, None)).model is None


@pytest.mark.parametrize("title", ["", "   ", "\x1b[2J", "x" * 201])
async def test_titles_that_are_refused(client: ChatClient, conversation: Conversation, title: str) -> None:
    with pytest.raises(InvalidInput):
        await client.conversations.rename(conversation.id, title)


async def test_a_system_instruction_has_a_limit(client: ChatClient, conversation: Conversation) -> None:
    with pytest.raises(InvalidInput):
        await client.conversations.set_system(conversation.id, "x" * 32_001)


async def test_a_gemini_key_is_no_question(client: ChatClient, conversation: Conversation) -> None:
    key = "AIza" + "0123456789_-" * 2 + "abcdefghijk"
    with pytest.raises(InvalidInput, match="Use /key"):
        await client.generations.ask(conversation.id, f"GEMINI_API_KEY={key}")
    assert (await client.conversations.get(conversation.id)).head_id is None


async def test_finding_by_the_start_of_an_id(client: ChatClient) -> None:
    made = [await client.conversations.create() for _ in range(17)]  # two of them begin with the same digit
    one = made[0]

    assert (await client.conversations.find(one.id[:12].upper())).id == one.id
    several = Counter(each.id[0] for each in made).most_common(1)[0][0]
    with pytest.raises(InvalidInput):
        await client.conversations.find(several)
    for nothing in ("f" * 32, "", "%"):
        with pytest.raises(NotFound):
            await client.conversations.find(nothing)


async def test_delete_and_restore(client: ChatClient, provider: ScriptedProvider, conversation: Conversation) -> None:
    await answered(client, provider, conversation.id, "One")
    before = await client.conversations.get(conversation.id)
    await client.conversations.delete(conversation.id)
    await client.conversations.delete(conversation.id)

    with pytest.raises(NotFound):
        await client.conversations.get(conversation.id)
    assert (await client.conversations.list()).items == ()
    assert await client.search.messages("question") == []
    assert await client.conversations.restore(conversation.id) == before
    assert len(await client.search.messages("question")) == 1


async def test_the_list_is_paged(client: ChatClient) -> None:
    for number in range(7):
        await client.conversations.create(title=f"Title {number}")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await client.conversations.list(limit=3, cursor=cursor)
        seen += [one.title for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert sorted(seen) == [f"Title {number}" for number in range(7)]
    assert [one.title for one in (await client.conversations.list(title_words="tit 5")).items] == ["Title 5"]


async def test_an_answer_that_ends_is_unread_until_it_is_read(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    other = await client.conversations.create()
    turn = await client.generations.ask(conversation.id, "Why?")
    during = await client.conversations.get(conversation.id)
    assert (during.unread, during.running) == (0, 1)
    provider.feed(TextChunk("So."), EndChunk())
    await events_of(client, turn)

    ended = await client.conversations.get(conversation.id)
    assert (ended.unread, ended.running) == (1, 0)
    assert ended.updated_at >= during.updated_at >= conversation.updated_at
    assert [one.id for one in (await client.conversations.list()).items] == [conversation.id, other.id]
    await client.conversations.mark_read(conversation.id)
    read = await client.conversations.get(conversation.id)
    assert (read.unread, read.updated_at) == (0, ended.updated_at)


async def test_changes_are_told(client: ChatClient, provider: ScriptedProvider, conversation: Conversation) -> None:
    async with asyncio.timeout(20), aclosing(client.conversations.changes()) as changes:
        await client.conversations.rename(conversation.id, "New name")
        async for changed in changes:
            if changed.title == "New name":
                break
        turn = await client.generations.ask(conversation.id, "Why?")
        async for changed in changes:
            if changed.running:
                break
        provider.feed(TextChunk("So."), EndChunk())
        async for changed in changes:
            if changed.unread and changed.head_id == turn.reply.id:
                break
        assert changed.running == 0


# Titles


async def test_a_conversation_is_named_by_its_first_words(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    await client.generations.ask(conversation.id, "سفر به شیراز چقدر طول می‌کشد؟")

    await until_titled(client, conversation.id, "سفر به شیراز چقدر طول می‌کشد؟")
    assert not (await client.conversations.get(conversation.id)).title_by_user


async def test_a_second_question_leaves_the_title(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    await answered(client, provider, conversation.id, "One")
    await until_titled(client, conversation.id, "Question 0?")
    await answered(client, provider, conversation.id, "Two")

    assert (await client.conversations.get(conversation.id)).title == "Question 0?"


async def test_the_model_names_a_conversation_once(open_clients: OpenClients) -> None:
    provider = ScriptedProvider(saying("Because."), saying("Making tea"), saying("Otherwise."))
    async with open_clients(provider, titles_by_model=True) as clients:
        client = clients.client
        conversation = await client.conversations.create()
        await events_of(client, await client.generations.ask(conversation.id, "How?"))
        await until_titled(client, conversation.id, "Making tea")
        named = await client.conversations.get(conversation.id)
        assert not named.title_by_user
        await events_of(client, await client.generations.retry(conversation.id))
        await events_of(client, await client.generations.ask(conversation.id, "And then?"))

        assert (await client.conversations.get(conversation.id)).title == "Making tea"
        assert len(provider.calls) == 4


async def test_no_title_of_a_model_replaces_one_of_a_person(open_clients: OpenClients) -> None:
    provider = ScriptedProvider()
    async with open_clients(provider, titles_by_model=True) as clients:
        client = clients.client
        conversation = await client.conversations.create()
        turn = await client.generations.ask(conversation.id, "How?")
        provider.feed(TextChunk("So."), EndChunk())
        await events_of(client, turn)
        call = await provider.wait_for_call(1)
        await client.conversations.rename(conversation.id, "How")
        provider.feed(TextChunk("Making tea"), EndChunk(), call=1)
        while True:
            await asyncio.sleep(0)
            if call.closed:
                break
        await client.conversations.pin(conversation.id, True)  # the store has taken what came before

        assert (await client.conversations.get(conversation.id)).title == "How"


async def test_a_title_that_fails_leaves_the_first_words(open_clients: OpenClients) -> None:
    provider = ScriptedProvider(saying("Because."), [RateLimited("Wait.")])
    async with open_clients(provider, titles_by_model=True) as clients:
        client = clients.client
        conversation = await client.conversations.create()
        await events_of(client, await client.generations.ask(conversation.id, "How?"))
        await provider.wait_for_call(1)
        await until_titled(client, conversation.id, "How?")


async def test_a_program_that_leaves_at_once_has_named_the_conversation(open_clients: OpenClients) -> None:
    async with open_clients(ScriptedProvider(), titles_by_model=True) as clients:
        conversation = await clients.client.conversations.create()
        await clients.client.generations.ask(conversation.id, "How?")
    async with open_clients(ScriptedProvider()) as clients:
        assert (await clients.client.conversations.get(conversation.id)).title == "How?"


# Models, search, the rest


async def test_models_and_the_default(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    assert list(await client.models.list()) == MODELS
    assert (await client.models.readiness()).model == "scripted-1"
    await client.models.set_default("scripted-2")
    assert (await client.models.readiness()).model == "scripted-2"

    turn = await client.generations.ask(conversation.id, "Why?")
    assert turn.generation.model == turn.reply.model == "scripted-2"
    await client.generations.cancel(turn.generation.id)
    assert await client.drain(20)
    await client.conversations.set_model(conversation.id, "scripted-3")
    turn = await client.generations.retry(conversation.id)
    assert turn.generation.model == "scripted-3"


@pytest.mark.parametrize("name", ["scripted-22", "tunedModels/scripted-2", "scripted-2/../scripted-1", "x" * 900])
async def test_a_model_that_is_not_listed_is_refused_where_it_is_named(
    client: ChatClient, conversation: Conversation, name: str
) -> None:
    for refused in (
        client.models.set_default(name),
        client.conversations.create(model=name),
        client.conversations.set_model(conversation.id, name),
    ):
        with pytest.raises(ModelNotFound) as told:
            await refused
        assert ("Did you mean scripted-" in told.value.hint) == (name != "x" * 900)
    assert await client.conversations.count() == 1
    assert (await client.conversations.get(conversation.id)).model is None
    assert (await client.models.readiness()).model == "scripted-1"


async def test_a_model_is_checked_again_when_a_question_starts(client: ChatClient, conversation: Conversation) -> None:
    await client.models.list()
    await client.account.set_preference("model", "tunedModels/scripted-2")
    with pytest.raises(ModelNotFound):
        await client.generations.ask(conversation.id, "Why?")
    await client.account.set_preference("model", "models/scripted-2")
    turn = await client.generations.ask(conversation.id, "Why?")
    assert turn.generation.model == "scripted-2"
    await client.generations.cancel(turn.generation.id)
    assert await client.drain(20)


async def test_what_was_said_is_found(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    reply = await answered(client, provider, conversation.id, "A wonderful answer")

    (hit,) = await client.search.messages("WONDER")
    assert (hit.message.id, hit.conversation.id) == (reply.id, conversation.id)
    assert hit.snippet[slice(*hit.spans[0])] == "wonderful"


async def test_what_the_doctor_prints_is_words(client: ChatClient) -> None:
    assert all(isinstance(value, str) for value in (await client.diagnose()).values())


async def test_drain_says_whether_all_ended(
    client: ChatClient, provider: ScriptedProvider, conversation: Conversation
) -> None:
    assert await client.drain(0)
    await client.generations.ask(conversation.id, "Why?")
    assert not await client.drain(0)
    provider.feed(TextChunk("So."), EndChunk())
    assert await client.drain(20)
