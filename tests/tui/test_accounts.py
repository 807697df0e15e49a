"""The program at a server: getting in, staying in, leaving, and what is kept through all of it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from argus_core.errors import LimitReached, ServerUnreachable
from argus_core.providers.scripted import ScriptedProvider, saying
from argus_tui.screens import chat
from argus_tui.screens.account import Account
from argus_tui.screens.account_commands import NO_ACCOUNTS
from argus_tui.screens.admin import Admin
from argus_tui.screens.sign_in import SignIn
from argus_tui.screens.usage import Usage
from tests.tui.account_support import PASSWORD, PLACE, SARA, FakeEntrance, Team, fills_in
from tests.tui.chat_support import SMALL, WIDE, Person, Store, talk_of

pytestmark = pytest.mark.slow


def team(folder: Path, *answers: str, inside: bool = True) -> Team:
    provider = ScriptedProvider(*(saying(answer) for answer in answers))
    return Team(Store(folder, provider), FakeEntrance(inside=inside))


async def at_the_form(person: Person) -> SignIn:
    await person.until(lambda: isinstance(person.app.screen, SignIn) and person.app.focused, "the form")
    assert isinstance(person.app.screen, SignIn)
    return person.app.screen


async def inside(person: Person) -> None:
    """Wait until the main screen is there and filled."""
    await person.until(lambda: person.app.screen is person.app.chat, "the main screen")
    await person.until(lambda: person.chat.user is not None and not person.chat.is_outside, "somebody signed in")
    await person.until(lambda: any(one.group == "changes" for one in person.app.workers), "the program ready")


async def test_who_is_not_signed_in_meets_the_form_and_comes_in(tmp_path: Path) -> None:
    place = team(tmp_path, "Hello Sara.", inside=False)
    async with place.program() as person:
        await at_the_form(person)
        await person.sees(PLACE, "Sign in", "Email", "Password", "^r show")
        assert "! " not in person.screen(), "nobody did anything wrong"
        await fills_in(person, SARA.email, PASSWORD)
        await person.press("enter")
        await inside(person)
        await person.sees(f"sara · {PLACE}", "●")
        await person.send("Hello")
        await person.sees("Hello Sara.")
        assert place.entrance.tries == [("in", SARA.email, PASSWORD)]


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_leaving_the_form_leaves_a_screen_that_says_how_to_go_on(tmp_path: Path, size: tuple[int, int]) -> None:
    place = team(tmp_path, inside=False)
    async with place.program(size=size) as person:
        await at_the_form(person)
        await person.press("escape")
        await person.sees("Not signed in", "/login opens the form again.", "not signed in · /login")
        await person.send("Is anybody there?")
        await at_the_form(person)
        await person.press("escape")
        await person.until(lambda: person.app.screen is person.chat, "the main screen")
        assert person.draft == "Is anybody there?"
        await person.send("/login")
        await at_the_form(person)
        await fills_in(person, SARA.email, PASSWORD)
        await person.press("enter")
        await inside(person)
        await person.sees_no("Not signed in")
        await person.press("ctrl+q")
        await person.until(lambda: not person.app.is_running, "the end")


async def test_leaving_the_program_at_the_form(tmp_path: Path) -> None:
    place = team(tmp_path, inside=False)
    async with place.program() as person:
        await at_the_form(person)
        await person.press("ctrl+q")
        await person.until(lambda: not person.app.is_running, "the end")
        assert (person.app.return_code, person.app.bug) == (0, None)


async def test_typing_outside_does_not_bring_the_form_back_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "SAVE_DRAFT_S", 0.01)
    place = team(tmp_path, inside=False)
    async with place.program() as person:
        await at_the_form(person)
        await person.press("escape")
        await person.until(lambda: person.app.screen is person.chat, "the main screen")
        await person.press(*"half")
        await person.until(lambda: person.draft == "half" and person.chat._draft_timer is None, "the draft looked at")
        assert person.app.screen is person.chat


async def test_session_that_is_ended_elsewhere_asks_again_and_keeps_what_was_written(tmp_path: Path) -> None:
    place = team(tmp_path, "Yes.", "Again.")
    async with place.program() as person:
        await person.send("Question")
        await person.answered()
        place.account.ended = True
        place.entrance.inside = False
        await person.press("ctrl+p")
        await person.until(lambda: person.app.screen is not person.chat, "an overlay that must not be in the way")
        person.chat.composer.draft = "half a thought"
        person.chat.do(lambda: _fails(place), "test")
        await at_the_form(person)
        await person.sees("This session was ended.", "what you wrote is kept")
        assert len(person.app.screen_stack) == 3, "the overlay is still there"
        await fills_in(person, SARA.email, PASSWORD)
        await person.press("enter")
        await inside(person)
        assert len(place.clients) == 2
        assert person.draft == "half a thought"
        await person.sees("Question", "Yes.")
        await person.send("Next")
        await person.sees("Again.")


async def _fails(place: Team) -> None:
    await place.account.allowance()


async def test_somebody_else_who_signs_in_sees_nothing_of_the_first(tmp_path: Path) -> None:
    place = team(tmp_path, "A secret.")
    async with place.program() as person:
        await person.send("Question")
        await person.answered()
        person.chat.composer.draft = "half a thought"
        place.entrance.user = replace(SARA, id="o" * 32, name="omid", email="omid@example.org", role="member")
        person.chat.action_login()
        await at_the_form(person)
        await fills_in(person, "omid@example.org", PASSWORD)
        await person.press("enter")
        await inside(person)
        await person.sees(f"omid · {PLACE}")
        assert person.chat.talk.conversation is None
        assert person.draft == ""
        assert "A secret." not in person.screen()
        assert "/admin" not in [usage for usage, _ in person.chat.composer.completions]


async def test_signing_out_clears_the_screen_and_shows_the_form(tmp_path: Path) -> None:
    place = team(tmp_path, "A secret.")
    async with place.program() as person:
        await person.send("Question")
        await person.answered()
        place.entrance.inside = False
        await person.send("/logout")
        await at_the_form(person)
        assert place.account.signed_out
        await person.press("escape")
        await person.sees("not signed in · /login")
        assert "A secret." not in person.screen()
        assert not person.chat.sidebar.rows
        assert not person.chat.composer.history


async def test_commands_with_arguments_sign_in_and_leave_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "SAVE_DRAFT_S", 0.01)
    place = team(tmp_path, inside=False)
    async with place.program() as person:
        await at_the_form(person)
        await person.press("escape")
        await person.until(lambda: person.app.screen is person.chat, "the main screen")
        await person.send(f"/login {SARA.email} {PASSWORD}")
        await inside(person)
        assert place.entrance.tries == [("in", SARA.email, PASSWORD)]
        assert person.draft == ""

        await person.send(f"/signup Sara K {SARA.email} {PASSWORD}\n")
        await person.until(lambda: len(place.clients) == 2, "the other client")
        await inside(person)
        assert place.entrance.tries[-1] == ("up", "Sara K", SARA.email, PASSWORD, "")

        person.chat.composer.draft = f"/login {SARA.email} {PASSWORD}"
        await person.until(lambda: person.chat._draft_timer is None, "the draft looked at")
        await person.chat.draft.save(None)
        await person.sees(f"/login {SARA.email} ••••")
        assert PASSWORD not in person.screen()
        assert place.account.kept == {}, "the draft was kept"
        assert place.client.asks is not None
        assert not person.chat.composer.history
        await person.press("enter")
        await person.until(lambda: len(place.entrance.tries) == 3, "signed in again")
        await inside(person)
        await person.press("up")
        assert PASSWORD not in person.draft


async def test_wrong_password_behind_the_command_is_told_at_the_form(tmp_path: Path) -> None:
    place = team(tmp_path)
    async with place.program() as person:
        await person.send(f"/login {SARA.email} wrong password")
        await at_the_form(person)
        await person.sees(SARA.email, "not right for this email", "••••••••••••••")
        await person.press("escape")
        await person.until(lambda: person.app.screen is person.chat, "the main screen")
        assert person.draft == ""
        assert not person.chat.is_outside, "who was signed in still is"


@pytest.mark.parametrize("line", ["/signup", "/login a@b.example secret1234", "/logout", "/account", "/admin"])
async def test_one_machine_without_accounts_says_in_one_sentence_what_to_do(tmp_path: Path, line: str) -> None:
    async with Store(tmp_path, ScriptedProvider()).program() as person:
        await person.send(line)
        await person.hears(NO_ACCOUNTS)
        assert person.app.screen is person.chat
        assert person.draft == ""


async def test_usage_account_and_admin_open_and_close(tmp_path: Path) -> None:
    place = team(tmp_path)
    async with place.program() as person:
        for line, screen, words in (
            ("/usage", Usage, "24 of 30"),
            ("/account", Account, "argus on laptop"),
            ("/admin", Admin, "person001@example.org"),
        ):
            await person.send(line)
            await person.until(lambda screen=screen: isinstance(person.app.screen, screen), line)  # type: ignore[misc]
            await person.sees(words)
            await person.press("escape")
            await person.until(lambda: person.app.screen is person.chat, "the main screen")


async def test_usage_is_there_without_accounts_too(tmp_path: Path) -> None:
    async with Store(tmp_path, ScriptedProvider()).program() as person:
        await person.send("/usage")
        await person.sees("Used today", "questions", "Nothing is limited here.")


async def test_who_is_no_admin_gets_one_sentence(tmp_path: Path) -> None:
    place = team(tmp_path)
    place.entrance.user = replace(SARA, role="member")
    async with place.program() as person:
        assert "/admin" not in [usage for usage, _ in person.chat.composer.completions]
        await person.send("/admin")
        await person.hears("Only an admin may do that; ask one of yours.")
        assert person.app.screen is person.chat


async def test_limit_holds_the_question_back_and_sends_it_by_itself(tmp_path: Path) -> None:
    place = team(tmp_path, "There you are.")
    place.faults = [LimitReached("Wait a little.", title="30 questions a minute are used", retry_after_s=0.5)]
    async with place.program() as person:
        await person.send("Please")
        await person.until(lambda: person.is_waiting, "the question held")
        await person.sees("30 questions a minute are used: sent by itself in", "esc do not send")
        assert person.draft == "Please"
        await person.sees("There you are.")
        await person.until(lambda: person.draft == "", "the composer empty")


async def test_held_question_is_the_writers_again_when_it_is_changed_or_kept_back(tmp_path: Path) -> None:
    place = team(tmp_path, "Never asked for.")
    place.faults = [LimitReached("Wait a little.", retry_after_s=60.0) for _ in range(2)]
    async with place.program() as person:
        await person.send("Please")
        await person.until(lambda: person.is_waiting, "the question held")
        await person.press("escape")
        await person.sees_no("sent by itself")
        assert person.draft == "Please"
        await person.press("enter")
        await person.until(lambda: person.is_waiting, "the question held again")
        await person.press("backspace")
        await person.until(lambda: not person.is_waiting, "the question let go")
        await person.hears("not sent by itself any more")
        await person.until(lambda: not person.chat._spinner._active.is_set(), "nothing ticking")
        assert person.draft == "Pleas"


async def test_held_question_is_sent_when_due_while_another_conversation_is_open(tmp_path: Path) -> None:
    place = team(tmp_path, "There you are.")
    async with place.store.services() as services:
        other = await talk_of(services, "Other", [("Ask other", "Say other")])
    place.faults = [LimitReached("Wait a little.", title="30 questions a minute are used", retry_after_s=60.0)]
    async with place.program() as person:
        await person.send("Please")
        await person.until(lambda: person.is_waiting, "the question held")
        held_in = person.chat.talk.conversation_id
        assert held_in is not None
        await person.opens(other.id)
        assert person.draft == ""
        assert not person.is_waiting
        await person.opens(held_in)
        await person.sees("30 questions a minute are used: sent by itself in", "f5 send it now")
        assert person.draft == "Please"
        await person.opens(other.id)
        person.chat.later.send_now(held_in)
        await person.until(lambda: any(row.unread for row in person.chat.sidebar.rows), "the unread mark")
        assert person.chat.talk.conversation_id == other.id
        await person.opens(held_in)
        await person.sees("Please", "There you are.")
        assert person.draft == ""


async def test_f5_sends_a_held_question_now(tmp_path: Path) -> None:
    place = team(tmp_path, "There you are.")
    place.faults = [LimitReached("Wait a little.", retry_after_s=60.0)]
    async with place.program() as person:
        await person.send("Please")
        await person.until(lambda: person.is_waiting, "the question held")
        await person.press("f5")
        await person.sees("There you are.")
        await person.until(lambda: person.draft == "", "the composer empty")


async def test_leaving_drops_a_held_question_keeps_its_text_and_says_so(tmp_path: Path) -> None:
    place = team(tmp_path, "Never asked for.")
    async with place.store.services() as services:
        other = await talk_of(services, "Other", [("Ask other", "Say other")])
    place.faults = [LimitReached("Wait a little.", retry_after_s=60.0)]
    async with place.program() as person:
        await person.send("Please")
        await person.until(lambda: person.is_waiting, "the question held")
        held_in = person.chat.talk.conversation_id
        assert held_in is not None
        await person.opens(other.id)
        await person.press("ctrl+q")
        await person.until(lambda: not person.app.is_running, "the end")
        assert [str(words) for words in person.app._exit_renderables] == [
            "A question was not sent; it is kept as the draft of its conversation."
        ]
    async with place.store.client() as client:
        assert (await client.conversations.get(held_in)).draft == "Please"


async def test_limit_of_the_day_is_told_and_not_waited_for(tmp_path: Path) -> None:
    place = team(tmp_path)
    place.faults = [
        LimitReached("It is full again at midnight UTC.", title="Today's tokens are used", retry_after_s=9e3)
    ]
    async with place.program() as person:
        await person.send("Please")
        await person.hears("Today's tokens are used It is full again at midnight UTC.")
        assert person.draft == "Please"
        assert not person.is_waiting


async def test_server_that_does_not_answer_at_the_start_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "START_AGAIN_S", 0.05)
    place = team(tmp_path)
    place.unreachable = 3
    async with place.program() as person:
        await person.sees("The server cannot be reached", "Look at your network.", "tried again by itself")
        await inside(person)
        await person.sees(f"sara · {PLACE}")
        await person.sees_no("The server cannot be reached")


async def test_question_whose_sending_failed_is_put_back_and_not_asked_twice(tmp_path: Path) -> None:
    place = team(tmp_path, "Once.")
    place.faults = [ServerUnreachable("Look at your network.")]
    async with place.program() as person:
        await person.send("Please")
        await person.hears("The server cannot be reached Look at your network.")
        assert person.draft == "Please"
        await person.press("enter")
        await person.sees("Once.")
        asked = getattr(place.client.asks, "asked", [])
        assert [text for text, _ in asked] == ["Please", "Please"]
        assert asked[0][1] == asked[1][1], "another id: the server would have asked it twice"


async def test_early_keys_wait_for_whoever_signs_in(tmp_path: Path) -> None:
    place = team(tmp_path, inside=False)
    async with place.program() as person:
        await at_the_form(person)
        person.chat.composer.draft = "typed too early"
        await fills_in(person, SARA.email, PASSWORD)
        await person.press("enter")
        await inside(person)
        assert person.draft == "typed too early"


async def test_conversation_that_is_gone_after_signing_in_again_leaves_an_empty_place(tmp_path: Path) -> None:
    place = team(tmp_path)
    async with place.store.services() as services:
        one = await talk_of(services, "One", [("Ask one", "Say one")])
    async with place.program() as person:
        await person.opens(one.id)
        person.chat.talk.conversation = replace(one, id="f" * 32)
        person.chat.action_login()
        await at_the_form(person)
        await fills_in(person, SARA.email, PASSWORD)
        await person.press("enter")
        await inside(person)
        await person.until(lambda: person.chat.talk.conversation is None, "an empty place")


async def test_form_that_is_waiting_can_be_left(tmp_path: Path) -> None:
    place = team(tmp_path, inside=False)
    place.entrance.gate = asyncio.Event()
    async with place.program() as person:
        await at_the_form(person)
        await fills_in(person, SARA.email, PASSWORD)
        await person.press("enter")
        await person.sees("Signing in", "esc to stop")
        await person.press("escape")
        await person.sees("not signed in · /login")


def test_nothing_of_accounts_is_loaded_before_somebody_asks_for_it() -> None:
    code = "import sys, argus_tui.app, argus_tui.screens.chat; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    late = {"sign_in", "account", "account_rules", "admin", "admin_rows", "usage", "change_password", "show_code"}
    assert not {f"argus_tui.screens.{name}" for name in late} & set(done.stdout.split())
    assert not {"argus_tui.widgets.form_field", "argus_tui.widgets.form_tabs"} & set(done.stdout.split())
