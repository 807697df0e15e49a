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
from argus_core.providers import faults


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


def test_a_missing_address_is_not_taken_for_a_missing_model() -> None:
    assert type(faults.refused(faults.refusal(404, {}))) is ProviderUnavailable


def test_a_secret_that_the_server_repeats_is_struck_out() -> None:
    said = faults.refusal(400, {"error": {"message": "bad value AIza-secret-key in header"}})

    assert faults.refused(said, hide="AIza-secret-key").hint == "Gemini says: bad value **** in header"


def test_words_are_cut_to_one_line() -> None:
    assert faults.one_line("a\r\n b\u2028c\t" + "x" * 400) == ("a b c " + "x" * 400)[:299] + "…"


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY"])
def test_a_stop_by_a_rule_is_blocked_content_with_its_own_words(reason: str) -> None:
    error = faults.stopped(reason)

    assert type(error) is ContentBlocked
    assert reason not in error.title + error.hint


@pytest.mark.parametrize("reason", ["OTHER", "MALFORMED_RESPONSE", "\x1b]0;x\x07"])
def test_a_stop_without_a_known_reason_repeats_nothing_of_it(reason: str) -> None:
    error = faults.stopped(reason)

    assert type(error) is ProviderError
    assert reason not in error.title + error.hint


@pytest.mark.parametrize("reason", ["SAFETY", "BLOCKLIST", "OTHER", "of the future"])
def test_a_blocked_question_is_blocked_content(reason: str) -> None:
    error = faults.blocked_prompt(reason)

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
    error = faults.not_connected(caused(cause))

    assert words in error.title.removeprefix("Gemini cannot be reached: ")
    assert error.hint


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.2, "0.2 s"), (3, "3 s"), (34.1, "35 s"), (120, "2 min"), (7200, "2 h"), (90000, "25 h")]
)
def test_a_wait_is_said_as_people_do(seconds: float, words: str) -> None:
    assert faults.in_words(seconds) == words
