"""The commands against a real store and the stand-in Gemini server, in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import KEY, Argus, Outcome
from tests.support.fake_gemini import png


def ids(argus: Argus) -> list[str]:
    return [line.split("\t")[0] for line in argus("list").out.splitlines()]


# ---- ask ---------------------------------------------------------------------------------------------------------


def test_ask_writes_the_answer_and_keeps_it(argus: Argus) -> None:
    assert argus("ask", "hello there") == Outcome(0, "You said: hello there\n", "")
    (conversation,) = argus("list", "--json").objects
    assert conversation["title"] == "hello there"
    assert "unread" not in conversation


def test_what_is_piped_in_follows_the_question_after_a_blank_line(argus: Argus) -> None:
    argus("ask", "review this", stdin="+ سلام\n".encode())
    (shown,) = argus("show", ids(argus)[0], "--json").objects
    assert shown["messages"][0]["parts"] == [{"type": "text", "text": "review this\n\n+ سلام"}]


def test_the_question_may_come_from_the_pipe_alone(argus: Argus) -> None:
    assert argus("ask", stdin=b"from the pipe\n").out == "You said: from the pipe\n"


def test_nothing_to_ask_is_wrong_usage(argus: Argus) -> None:
    done = argus("ask")
    assert done.code == 2
    assert done.err == ("argus: There is nothing to ask. Give a TEXT, pipe one in, or name a picture with -i.\n")


def test_a_key_is_no_question(argus: Argus) -> None:
    done = argus("ask", "AIza" + "0123456789_-" * 2 + "abcdefghijk")
    assert done.code == 2
    assert done.err == "argus: That is a Gemini key, not a question. Set it with `argus key`.\n"
    assert argus("list").out == ""


def test_too_much_in_the_pipe_is_refused(argus: Argus) -> None:
    assert argus("ask", stdin=b"x" * 8_000_001).code == 2


def test_pictures_go_along(argus: Argus, tmp_path: Path) -> None:
    (tmp_path / "roof.png").write_bytes(png(3, 2))
    assert argus("ask", "-i", "roof.png", "-i", str(tmp_path / "roof.png"), "see?").out.count("I see a picture") == 2


@pytest.mark.parametrize("name", ["missing.png", ".", "text.png"])
def test_a_picture_that_is_none_is_refused_with_the_reason(argus: Argus, tmp_path: Path, name: str) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    done = argus("ask", "-i", name, "see?")
    assert done.code == 2
    assert done.err.startswith("argus: The file was not attached. ")
    assert argus("list").out == ""


def test_pictures_from_outside_the_folder_of_the_setting_are_refused(
    argus: Argus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "roof.png").write_bytes(png())
    (tmp_path / "inside").mkdir()
    monkeypatch.setenv("ARGUS_ATTACH_ROOT", str(tmp_path / "inside"))
    assert argus("ask", "-i", "roof.png", "see?").code == 2


def test_json_numbers_the_events_from_one_to_the_terminator(argus: Argus) -> None:
    first, *events = argus("ask", "--json", "hello").objects
    assert first["type"] == "generation"
    assert first["conversation_id"] == ids(argus)[0]
    assert [event["n"] for event in events] == list(range(1, len(events) + 1))
    assert [event["type"] for event in (events[0], events[-1])] == ["started", "completed"]
    assert "".join(event["text"] for event in events if event["type"] == "text_delta") == "You said: hello"
    assert events[-1]["usage"]["input_tokens"] == 7


def test_a_conversation_goes_on_by_the_start_of_its_id_or_as_the_last(argus: Argus) -> None:
    argus("ask", "one")
    (first,) = ids(argus)
    argus("ask", "two")
    assert argus("ask", "-c", first[:12], "three").code == 0
    assert argus("ask", "--last", "four").code == 0
    (shown,) = argus("show", first, "--json").objects
    asked = [message["parts"][0]["text"] for message in shown["messages"] if message["role"] == "user"]
    assert asked == ["one", "three", "four"]


def test_model_and_system_stay_with_the_conversation(argus: Argus) -> None:
    argus("ask", "-m", "model-a", "--system", "Be brief.", "one")
    argus("ask", "--last", "-m", "model-b", "--system", "Be long.", "two")
    (listed,) = argus("list", "--json").objects
    assert (listed["model"], listed["is_prepared"]) == ("model-b", True)
    (shown,) = argus("show", listed["id"], "--json").objects
    assert shown["conversation"]["system"] == "Be long."


@pytest.mark.parametrize(
    "options", [("-c", "abc", "--last"), ("--no-save", "--last"), ("--no-save", "-c", "abc"), ("--last", "--no-save")]
)
def test_options_that_contradict_each_other_are_wrong_usage(argus: Argus, options: tuple[str, ...]) -> None:
    assert argus("ask", *options, "hello").code == 2


def test_an_unknown_conversation_is_not_found(argus: Argus) -> None:
    assert argus("ask", "-c", "abc", "hello").code == 3
    assert argus("ask", "--last", "hello").code == 3


def test_no_save_keeps_nothing(argus: Argus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "roof.png").write_bytes(png())
    assert argus("ask", "--no-save", "-i", "roof.png", "secret words").out.endswith("You said: secret words\n")
    assert argus("list").out == ""
    assert list((tmp_path / "temporary").iterdir()) == []
    kept = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert all(b"secret words" not in path.read_bytes() for path in kept)


@pytest.mark.parametrize(
    ("model", "code", "words"),
    [
        ("err-400", 5, "did not accept the request"),
        ("err-401", 4, "did not accept the key"),
        ("err-403", 4, "does not allow this with your key"),
        ("key-invalid", 4, "did not accept the key"),
        ("err-404", 5, "no such model"),
        ("err-429", 5, "Too many requests"),
        ("err-500", 5, "Gemini"),
        ("err-503", 5, "Gemini"),
        ("location", 5, "not offered where you are"),
        ("blocked", 5, "safety"),
        ("too-long", 5, "too long"),
        ("empty-stop", 5, "without a word"),
        ("empty-nothing", 5, "without a word"),
        ("only-thoughts", 5, "without a word"),
        ("max-thoughts", 5, "length limit before it wrote a word"),
        ("function-call", 5, "called a function"),
        ("no-quota", 4, "Your key may not use this model. Its quota for “no-quota” is 0"),
        ("billing", 5, "Gemini says: Imagen API is only accessible to billed users"),
        ("html", 5, "What answered is not Gemini"),
    ],
)
def test_what_the_service_refuses_is_one_sentence_and_a_code(argus: Argus, model: str, code: int, words: str) -> None:
    done = argus("ask", "-m", model, "hello")
    assert (done.code, done.out) == (code, "")
    assert words in done.err
    assert done.err.startswith("argus: ")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("model", ["mid-cut", "safety", "mid-err"])
def test_a_broken_answer_keeps_what_had_come(argus: Argus, model: str) -> None:
    done = argus("ask", "-m", model, "hello")
    assert (done.code, done.out) == (5, "Hello world\n")
    assert "Hello world" in argus("show", ids(argus)[0]).out


def test_an_error_of_the_service_cannot_write_to_the_terminal(argus: Argus) -> None:
    done = argus("ask", "-m", "err-hostile", "hello")
    assert done.err.count("\n") == 1
    assert "\x1b" not in done.err


def test_without_a_key_nothing_is_kept_and_the_hint_says_what_to_set(
    argus: Argus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "")
    done = argus("ask", "-m", "gemini-flash-latest", "hello")
    assert done.code == 4
    assert "GEMINI_API_KEY" in done.err
    assert argus("list").out == ""


# ---- list, show, search, rm, restore ----------------------------------------------------------------------------


def test_list_in_a_pipe_is_tabs_and_whole_ids(argus: Argus) -> None:
    argus("ask", "-m", "model-a", "a title\twith a tab")
    (line,) = argus("list").out.splitlines()
    conversation_id, when, model, title = line.split("\t")
    assert len(conversation_id) == 32
    assert when.endswith("+00:00")
    assert (model, title) == ("model-a", "a title with a tab")


def test_list_keeps_to_its_limit(argus: Argus) -> None:
    for word in ("one", "two", "three"):
        argus("ask", word)
    assert [line.split("\t")[3] for line in argus("list", "-n", "2").out.splitlines()] == ["three", "two"]
    assert argus("list", "-n", "0").code == 2


def test_titles_answers_and_snippets_are_clean(argus: Argus) -> None:
    argus("ask", "-m", "hostile", "a\x1b]52;c;aGk=\x07b \u202egnp.exe")
    (conversation,) = ids(argus)
    for arguments in (("list",), ("show", conversation), ("show", conversation, "--markdown"), ("search", "plain")):
        done = argus(*arguments)
        assert done.code == 0
        assert done.out
        assert not set(done.out) & set("\x1b\x07\x9b\u202e\u2066")


def test_show_reads_like_a_conversation(argus: Argus) -> None:
    argus("ask", "-m", "mid-cut", "--system", "Be brief.", "hello")
    lines = argus("show", ids(argus)[0][:8]).out.splitlines()
    assert lines[0] == "hello"
    assert lines[2] == "system: Be brief."
    assert lines[4].startswith("You, ")
    assert lines[5] == "hello"
    assert lines[7].startswith("mid-cut, ")
    assert lines[8] == "Hello world"
    assert lines[9].startswith("(")


def test_show_as_markdown_has_headings(argus: Argus) -> None:
    argus("ask", "hello")
    out = argus("show", ids(argus)[0], "--markdown").out
    assert out.startswith("# hello\n\n## You, ")
    assert out.rstrip().endswith("You said: hello")


def test_an_answer_at_its_length_limit_is_marked_wherever_it_is_shown(argus: Argus) -> None:
    asked = argus("ask", "-m", "max-tokens", "hello", "--json")
    assert asked.code == 0
    assert asked.objects[-1]["truncated"] is True
    assert "length limit" in asked.err
    (conversation,) = ids(argus)
    assert argus("show", conversation).out.splitlines()[-1] == "(cut at the model's length limit)"
    assert argus("show", conversation, "--markdown").out.splitlines()[-1] == "*(cut at the model's length limit)*"
    (shown,) = argus("show", conversation, "--json").objects
    assert [message.get("truncated", False) for message in shown["messages"]] == [False, True]


def test_show_wants_one_form_and_a_conversation_that_exists(argus: Argus) -> None:
    assert argus("show", "abc").code == 3
    assert argus("show", "abc", "--json", "--markdown").code == 2


@pytest.mark.slow
def test_show_tells_a_long_conversation_whole(argus: Argus) -> None:
    argus("ask", "number 0")
    for number in range(1, 28):
        argus("ask", "--last", f"number {number}")
    (shown,) = argus("show", ids(argus)[0], "--json").objects
    asked = [message["parts"][0]["text"] for message in shown["messages"] if message["role"] == "user"]
    assert asked == [f"number {number}" for number in range(28)]


def test_search_finds_questions_and_answers(argus: Argus) -> None:
    argus("ask", "کتاب خوب")
    argus("ask", "something else")
    assert len(argus("search", "كتاب").out.splitlines()) == 2
    assert len(argus("search", "کتاب", "خوب", "--json").objects) == 2
    assert argus("search", "absent") == Outcome(0, "", "")


def test_rm_says_how_to_undo_and_restore_undoes(argus: Argus) -> None:
    argus("ask", "hello")
    before = argus("list", "--json").objects[0]
    done = argus("rm", before["id"][:8])
    assert done.code == 0
    assert argus("list").out == ""
    undo = done.out.rsplit("argus ", 1)[1].split()
    assert undo == ["restore", before["id"]]
    assert argus(*undo).code == 0
    assert argus("list", "--json").objects[0]["id"] == before["id"]


def test_rm_of_several_deletes_none_when_one_is_unknown(argus: Argus) -> None:
    argus("ask", "hello")
    assert argus("rm", ids(argus)[0], "abc").code == 3
    assert len(ids(argus)) == 1


# ---- models, key, doctor, settings ------------------------------------------------------------------------------


def test_models_lists_what_can_answer(argus: Argus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGUS_MODEL", "gemini-2.5-pro")
    rows = [line.split("\t") for line in argus("models").out.splitlines()]
    assert rows[0][:2] == ["*", "gemini-2.5-pro"]
    assert "embedding-001" not in [row[1] for row in rows]
    assert [model["id"] for model in argus("models", "--json").objects if model["default"]] == ["gemini-2.5-pro"]


def test_a_key_is_tried_before_it_is_kept(argus: Argus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "")
    assert argus("key", "--stdin", stdin=b"wrong\n").code == 4
    done = argus("key", "--stdin", stdin=KEY.encode() + b"\n")
    assert done.code == 0
    assert KEY not in done.out
    assert argus("ask", "-m", "any", "hello").out == "You said: hello\n"


@pytest.mark.parametrize("stdin", [b"", b"two words", b"x" * 501, "ключ".encode()])
def test_what_cannot_be_a_key_is_not_sent_anywhere(argus: Argus, stdin: bytes) -> None:
    assert argus("key", "--stdin", stdin=stdin).code == 2


def test_a_key_is_asked_for_on_a_terminal_only(argus: Argus) -> None:
    assert argus("key", stdin=KEY.encode()).code == 2


def test_doctor_shows_every_setting_and_no_secret(argus: Argus) -> None:
    from argus_core.settings import Settings

    done = argus("doctor")
    assert done.code == 0
    assert KEY not in done.out + done.err
    for name in Settings.__dataclass_fields__.values():
        assert name.metadata["env"] in done.out
    assert "A question can be answered." in done.out


def test_doctor_as_json_is_one_object(argus: Argus) -> None:
    (report,) = argus("doctor", "--json").objects
    assert report["can_answer"] is True
    assert report["settings"]["GEMINI_API_KEY"] == {"value": "****", "source": "environment GEMINI_API_KEY"}
    assert report["store"]["opens"] == "yes"
    assert KEY not in json.dumps(report)


def test_doctor_tells_that_a_key_does_not_work(argus: Argus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "AIzaWrong")
    monkeypatch.setenv("ARGUS_MODEL", "gemini-2.5-pro")
    (report,) = (done := argus("doctor", "--json")).objects
    assert report["answers"]["Gemini key"].startswith("does not work: ")
    assert "AIzaWrong" not in done.out


def test_doctor_offline_asks_nobody(argus: Argus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:9")
    done = argus("doctor", "--json", "--offline")
    assert done.code == 0
    assert done.objects[0]["answers"]["Gemini key"] == "set, not tried"


def test_doctor_finds_a_store_that_does_not_open(argus: Argus, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "argus.db").write_bytes(b"this is no database" * 1000)
    done = argus("doctor", "--json")
    assert done.code == 1
    assert done.objects[0]["store"]["opens"].startswith("no: ")


def test_a_wrong_setting_stops_the_start_with_one_line(argus: Argus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGUS_READ_TIMEOUT_S", "soon")
    done = argus("list")
    assert done.code == 7
    assert "ARGUS_READ_TIMEOUT_S" in done.err
    assert done.err.count("\n") == 1


def test_a_damaged_store_is_an_error_of_the_store(argus: Argus, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "argus.db").write_bytes(b"this is no database" * 1000)
    assert argus("list").code == 6


def test_the_folder_of_the_option_wins_over_the_environment(argus: Argus, tmp_path: Path) -> None:
    argus("ask", "hello")
    assert argus("--data-dir", str(tmp_path / "other"), "list").out == ""
    assert argus("list").out != ""


@pytest.mark.parametrize(
    "arguments", [("lst",), ("list", "--nope"), ("show",), ("list", "-n", "many"), ("ask", "one", "two"), ("--",)]
)
def test_wrong_usage_is_one_sentence_that_names_the_help(argus: Argus, arguments: tuple[str, ...]) -> None:
    done = argus(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("argus: ")
    assert done.err.endswith("--help`.\n")
    assert done.err.count("\n") == 1
