from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from argus_core.errors import (
    ContentBlocked,
    ContextTooLong,
    KeyRejected,
    ModelNotFound,
    PlaceNotSupported,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    RequestRejected,
)
from argus_core.providers import endings, faults, line_faults, wording


def told(code: int, message: str = "synthetic", *details: Any, status: str = "") -> ProviderError:
    body = {"error": {"code": code, "message": message, "status": status, "details": list(details)}}
    return faults.refused(faults.refusal(code, body), model="gemini-x")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (told(400, "Invalid value at 'contents'"), RequestRejected),
        (told(400, "API key not valid. Please pass a valid API key."), KeyRejected),
        (told(400, "API key expired. Please renew the API key."), KeyRejected),
        (told(400, "x", {"reason": "API_KEY_INVALID"}), KeyRejected),
        (told(400, "User location is not supported for the API use."), PlaceNotSupported),
        (told(400, "Free tier is not available in your country.", status="FAILED_PRECONDITION"), PlaceNotSupported),
        (
            told(400, "The input token count (2000) exceeds the maximum number of tokens allowed (1000)."),
            ContextTooLong,
        ),
        (told(401), KeyRejected),
        (told(403), KeyRejected),
        (told(404), ModelNotFound),
        (told(413), RequestRejected),
        (told(429), RateLimited),
        (told(500), ProviderUnavailable),
        (told(502), ProviderUnavailable),
        (told(503), ProviderUnavailable),
        (told(504), ProviderUnavailable),
        (told(418), ProviderError),
    ],
)
def test_each_refusal_becomes_one_of_our_errors(error: ProviderError, kind: type[ProviderError]) -> None:
    assert type(error) is kind


def test_the_numbers_of_a_conversation_that_is_too_long_are_told() -> None:
    error = told(400, "The input token count (1234567) exceeds the maximum number of tokens allowed (1048576).")

    assert "1,234,567" in error.hint
    assert "1,048,576" in error.hint


def test_an_error_without_a_code_is_understood_by_its_status() -> None:
    said = faults.refusal(None, {"error": {"status": "UNAVAILABLE", "message": "x"}})

    assert type(faults.refused(said)) is ProviderUnavailable


@pytest.mark.parametrize(
    "body", [None, [], "text", 3, {"error": "text"}, {"error": None}, {"error": {"details": "x", "code": "y"}}, [[]]]
)
def test_any_body_can_be_read(body: Any) -> None:
    assert type(faults.refused(faults.refusal(503, body))) is ProviderUnavailable


def test_an_error_inside_an_array_is_read() -> None:
    assert faults.refusal(None, [{"error": {"code": 429}}]).code == 429


RETRY = "type.googleapis.com/google.rpc.RetryInfo"


@pytest.mark.parametrize(
    ("delay", "header", "seconds"),
    [
        ("3s", "", 3.0),
        ("34.5s", "", 34.5),
        ("3s", "9", 3.0),
        ("nonsense", "9", 9.0),
        ("-3s", "", None),
        ("nan", "", None),
        ("1e99s", "", None),
        ("", "", None),
        ("", "nonsense", None),
    ],
)
def test_the_wait_is_taken_from_the_details_or_else_the_header(delay: str, header: str, seconds: float | None) -> None:
    details = [{"@type": RETRY, "retryDelay": delay}] if delay else []
    error = faults.refused(faults.refusal(429, {"error": {"details": details}}, retry_after=header))

    assert error.retry_after_s == seconds


def test_the_wait_may_be_a_date() -> None:
    header = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    error = faults.refused(faults.refusal(429, {}, retry_after=header))

    assert error.retry_after_s is not None
    assert 0 < error.retry_after_s <= 60


def test_the_hint_of_a_rate_limit_says_the_wait() -> None:
    assert told(429, "x", {"@type": RETRY, "retryDelay": "34s"}).hint == "Gemini takes questions again in 34 s."


def test_a_daily_limit_says_that_waiting_a_little_does_not_help() -> None:
    error = told(429, "x", {"violations": [{"quotaId": "GenerateRequestsPerDayPerProject"}]})

    assert "today" in error.hint


DAY = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProject"}]}


def test_a_daily_limit_names_no_wait() -> None:
    error = told(429, "Please retry in 36.4s.", DAY, {"@type": RETRY, "retryDelay": "36s"})

    assert error.retry_after_s is None


@pytest.mark.parametrize(
    "error",
    [
        told(429, "Quota exceeded for metric: g/free_tier_requests, limit: 0, model: gemini-3-pro", DAY),
        told(
            429, "x", {"violations": [{"quotaId": "PerDay", "quotaValue": "0"}]}, {"@type": RETRY, "retryDelay": "9s"}
        ),
        told(429, "* g/a, limit: 20, model: x\n* g/b, limit: 0"),
    ],
)
def test_a_quota_of_nothing_says_that_this_key_may_not_use_the_model(error: ProviderError) -> None:
    assert type(error) is KeyRejected
    assert error.title == "Your key may not use this model"
    assert error.hint == "Its quota for “gemini-x” is 0; choose another model, or turn on billing for the key."
    assert error.retry_after_s is None


@pytest.mark.parametrize("message", ["limit: 20", "limit: 0.5", "limit: 05", "a limit"])
def test_any_other_quota_does_not(message: str) -> None:
    assert type(told(429, message, {"violations": [{"quotaValue": "20"}]})) is RateLimited


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("Please retry in 36.429760048s.", 36.429760048),
        ("Please retry in 1h2m3.5s.", 3723.5),
        ("please RETRY IN 500ms", 0.5),
        ("Please retry in 2m", 120.0),
        ("Please retry in a moment.", None),
        ("Please retry in 1.2.3s.", None),
        ("Please retry in 999999999h.", None),
    ],
)
def test_the_wait_is_read_from_the_message_when_nothing_else_says_it(message: str, seconds: float | None) -> None:
    assert told(429, message).retry_after_s == seconds
    assert told(429, message, {"@type": RETRY, "retryDelay": "3s"}).retry_after_s == 3.0


BILLED = "Imagen API is only accessible to billed users at this time."
LINKED = "User location is not supported for the API use without a billing account linked."


@pytest.mark.parametrize("message", [BILLED, LINKED])
def test_what_needs_billing_says_so_in_geminis_words(message: str) -> None:
    error = told(400, message, status="FAILED_PRECONDITION")

    assert type(error) is RequestRejected
    assert "billing" in error.title
    assert error.hint == f"Gemini says: {message}"
    assert "PROXY" not in error.hint


def test_another_precondition_is_told_in_geminis_words() -> None:
    error = told(400, "The file is not in the ACTIVE state.", status="FAILED_PRECONDITION")

    assert (type(error), error.hint) == (RequestRejected, "Gemini says: The file is not in the ACTIVE state.")


@pytest.mark.parametrize(
    ("message", "title"),
    [
        ("Your API key was reported as leaked. Please use another API key.", "Your key was reported as leaked"),
        ("Permission denied: Consumer 'api_key:AIzaSyFAKE0123' has been suspended.", "Google has suspended your key"),
    ],
)
def test_a_key_that_google_has_shut_says_what_to_do(message: str, title: str) -> None:
    error = told(403, message, status="PERMISSION_DENIED")

    assert (type(error), error.title) == (KeyRejected, title)
    assert "make a new key at https://aistudio.google.com/apikey" in error.hint
    assert "AIza" not in error.hint


def test_a_page_of_a_proxy_is_not_quoted() -> None:
    assert told(403, " <html>Forbidden</html>").hint.startswith("Check GEMINI_API_KEY")
    assert told(418, "<html>I am a teapot</html>").hint == "Try again in a moment, or choose another model."


def test_a_key_that_is_not_ours_is_struck_out_too() -> None:
    assert wording.one_line("key AIzaSyB-1234567890_x and 'api_key:abc-1' here") == "key **** and 'api_key:****' here"


def test_geminis_words_about_an_ending_come_before_the_hint() -> None:
    error = endings.stopped("MALFORMED_FUNCTION_CALL", "Malformed function call: weather()")

    assert error.title == "Gemini tried to call a function and got it wrong"
    assert error.hint.startswith("Gemini says: Malformed function call: weather(). Try again")
    assert endings.stopped("TIRED", "I am tired.").hint.startswith("Gemini says: I am tired. Try")


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("https://user:secret@proxy.example/login?token=secret", "It leads to https://proxy.example, where"),
        ("/login?token=secret", "It leads elsewhere;"),
        ("http://[", "It leads elsewhere;"),
        ("", "It leads elsewhere;"),
    ],
)
def test_a_redirect_names_the_setting_and_no_secret(location: str, words: str) -> None:
    error = line_faults.redirected(location)

    assert error.hint.startswith(words)
    assert "GOOGLE_GEMINI_BASE_URL" in error.hint
    assert "secret" not in error.hint


def test_a_missing_address_is_not_taken_for_a_missing_model() -> None:
    assert type(faults.refused(faults.refusal(404, {}))) is ProviderUnavailable


def test_a_secret_that_the_server_repeats_is_struck_out() -> None:
    said = faults.refusal(400, {"error": {"message": "bad value AIza-secret-key in header"}})

    assert faults.refused(said, hide="AIza-secret-key").hint == "Gemini says: bad value **** in header"


def test_words_are_cut_to_one_line() -> None:
    assert wording.one_line("a\r\n b\u2028c\t" + "x" * 400) == ("a b c " + "x" * 400)[:299] + "…"


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"])
def test_a_stop_by_a_rule_is_blocked_content_with_its_own_words(reason: str) -> None:
    error = endings.stopped(reason)

    assert type(error) is ContentBlocked
    assert reason not in error.title + error.hint


@pytest.mark.parametrize("reason", ["OTHER", "MALFORMED_RESPONSE", "MISSING_THOUGHT_SIGNATURE", "\x1b]0;x\x07"])
def test_a_stop_without_a_known_reason_repeats_nothing_of_it(reason: str) -> None:
    error = endings.stopped(reason)

    assert type(error) is ProviderError
    assert reason not in error.title + error.hint


@pytest.mark.parametrize("reason", ["SAFETY", "BLOCKLIST", "OTHER", "of the future"])
def test_a_blocked_question_is_blocked_content(reason: str) -> None:
    error = endings.blocked_prompt(reason)

    assert type(error) is ContentBlocked
    assert "kept" not in error.hint


def caused(error: BaseException) -> Exception:
    try:
        raise RuntimeError("of the HTTP library") from error
    except RuntimeError as outer:
        return outer


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (ConnectionRefusedError(), "refused"),
        (socket.gaierror(), "name"),
        (ssl.SSLCertVerificationError(), "certificate"),
        (ExceptionGroup("all attempts failed", [OSError(), ConnectionRefusedError()]), "refused"),
        (OSError(), "failed"),
    ],
)
def test_a_connection_that_was_not_made_says_why(cause: BaseException, words: str) -> None:
    error = line_faults.not_connected(caused(cause))

    assert words in error.title.removeprefix("Gemini cannot be reached: ")
    assert error.hint


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "0.2 s"), (3, "3 s"), (34.1, "35 s"), (120, "2 min"), (7200, "2 h"), (90000, "25 h")]
)
def test_a_wait_is_said_as_people_do(seconds: float, words: str) -> None:
    assert wording.in_words(seconds) == words
