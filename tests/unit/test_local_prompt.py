from __future__ import annotations

from argus_core.providers.base import Prompt, PromptImage, PromptMessage
from argus_core.providers.local import _messages, _shortened, _shorter_and_shorter

Said = list[dict[str, str]]


def talk(turns: int, *, system: bool = True) -> Said:
    """Return turns of about 60 tokens."""
    first: Said = [{"role": "system", "content": "Be kind."}] if system else []
    for n in range(turns):
        first += [{"role": "user", "content": f"{n} " * 40}, {"role": "assistant", "content": f"{n} " * 40}]
    return [*first, {"role": "user", "content": "the last question"}]


def test_a_short_conversation_is_kept_whole() -> None:
    assert _shortened(talk(3), 1500) == talk(3)


def test_the_oldest_turns_go_first_and_the_rest_begins_with_a_question() -> None:
    kept = _shortened(talk(50), 300)

    assert kept[0]["role"] == "system"
    assert kept[1]["role"] == "user"
    assert kept[1:] == talk(50)[-len(kept) + 1 :]
    assert 3 <= len(kept) < 15


def test_the_last_question_is_kept_whatever_its_length() -> None:
    long = [{"role": "user", "content": "سلام " * 5000}]

    assert _shortened(long, 100) == long


def test_an_answer_to_go_on_from_keeps_its_question() -> None:
    said = [*talk(5), {"role": "assistant", "content": "half of " * 300}]

    assert _shortened(said, 100) == [said[0], *said[-2:]]


def test_each_guess_is_shorter_down_to_the_last_question() -> None:
    guesses = list(_shorter_and_shorter(talk(100, system=False)))

    lengths = [len(guess) for guess in guesses]
    assert lengths == sorted(set(lengths), reverse=True)
    assert guesses[-1] == [{"role": "user", "content": "the last question"}]


def test_a_prompt_of_its_own_comes_before_that_of_the_model() -> None:
    prompt = Prompt(model="x", messages=(PromptMessage("user", ("a", "b")),), system="mine")

    assert _messages(prompt, system="its")[0] == {"role": "system", "content": "mine"}


def test_a_picture_further_back_is_only_named() -> None:
    messages = (PromptMessage("user", (PromptImage("image/png", b"x"),)), PromptMessage("user", ("and now?",)))

    said = _messages(Prompt(model="x", messages=messages), system="")

    assert [message["content"] for message in said] == ["(a picture)", "and now?"]
