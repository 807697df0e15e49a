"""What Gemini says when it does not answer, told in our errors: one mapping for both SDKs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from argus_core.errors import (
    ContextTooLong,
    KeyRejected,
    ModelNotFound,
    PlaceNotSupported,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    RequestRejected,
)
from argus_core.providers.wording import AGAIN, gemini_says, in_words, one_line

_LONGEST_WAIT_S = 7 * 86400.0
_CODES = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_TOKENS = re.compile(r"token count[^0-9]*\((\d+)\) exceeds[^(]*\((\d+)\)", re.IGNORECASE)
_TOO_LONG = re.compile(r"token count.*exceeds|exceeds the maximum number of tokens|context length", re.IGNORECASE)
_PLACE = re.compile(r"location is not supported|not available in your (country|region|location)", re.IGNORECASE)
_KEY = re.compile(r"api key (not valid|not found|expired|is invalid)|API_KEY_INVALID", re.IGNORECASE)
_BILLING = re.compile(r"\bbill(?:ing|ed)\b", re.IGNORECASE)
_LEAKED = re.compile(r"\bleaked\b", re.IGNORECASE)
_SUSPENDED = re.compile(r"\bsuspended\b", re.IGNORECASE)
_NONE_AT_ALL = re.compile(r"\blimit: 0\b(?![.,]\d)")
_RETRY_IN = re.compile(r"\bretry in ((?:\d{1,9}(?:\.\d{1,12})?(?:ms|h|m|s)){1,4})", re.IGNORECASE)
_DURATION = re.compile(r"([\d.]+)(ms|h|m|s)", re.IGNORECASE)
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_MOST_SAID = 4000
"""Characters of a message that are looked at."""
_NEW_KEY = "make a new key at https://aistudio.google.com/apikey."
_PROXY_HINT = (
    "Reach it through a proxy by setting HTTPS_PROXY or ALL_PROXY, or another address by GOOGLE_GEMINI_BASE_URL."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An error as the API sends it, whatever SDK brought it."""

    code: int = 0
    """HTTP status; 0 when it gave none."""
    status: str = ""
    """The name beside the code, such as `FAILED_PRECONDITION`."""
    message: str = ""
    details: tuple[Mapping[str, Any], ...] = ()
    """Objects with an `@type`, such as `google.rpc.RetryInfo`."""
    retry_after: str = ""
    """The header of that name: seconds or a date."""

    @property
    def retry_after_s(self) -> float | None:
        """Seconds to wait: what RetryInfo says, else the header, else the message; None when none makes sense."""
        for detail in self.details:
            if str(detail.get("@type", "")).endswith("RetryInfo"):
                seconds = _seconds(str(detail.get("retryDelay", "")).removesuffix("s"))
                if seconds is not None:
                    return seconds
        by_header = _seconds(self.retry_after) if self.retry_after else None
        return _wait_in(self.message) if by_header is None else by_header

    @property
    def for_the_day(self) -> bool:
        """Whether a daily quota is used up, so that waiting a little does not help."""
        return any("PerDay" in str(detail.get("violations", "")) for detail in self.details)

    @property
    def gives_nothing(self) -> bool:
        """Whether the quota is 0: this key may not use the model at all, today or any other day."""
        violations = [one for detail in self.details for one in _list(detail.get("violations"))]
        values = [str(one.get("quotaValue", "")) for one in violations if isinstance(one, Mapping)]
        return "0" in values or _NONE_AT_ALL.search(self.message) is not None


def refusal(code: int | None, body: Any, *, retry_after: str = "") -> Refusal:
    """Read the JSON of an error answer, whatever shape it has."""
    found = body[0] if isinstance(body, list) and body else body
    inner = found.get("error", found) if isinstance(found, Mapping) else {}
    if not isinstance(inner, Mapping):
        inner = {"message": inner}
    given, message = inner.get("code"), inner.get("message")
    message = message[:_MOST_SAID] if isinstance(message, str) else ""
    return Refusal(
        code=code or (given if isinstance(given, int) else 0),
        status=str(inner.get("status") or ""),
        message="" if message.lstrip().startswith("<") else message,  # a page of a proxy says nothing to people
        details=tuple(detail for detail in _list(inner.get("details")) if isinstance(detail, Mapping)),
        retry_after=retry_after,
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def refused(said: Refusal, *, model: str = "", hide: str = "") -> ProviderError:
    """Return the error that tells `said` to a person.

    Args:
        said: What the API sent.
        model: Which model was asked; empty when it was no question to a model.
        hide: A secret that must not appear, in case the server repeats it.
    """
    code = said.code or _CODES.get(said.status, 0)
    words = one_line(said.message, hide=hide)
    if code == 400 or said.status == "FAILED_PRECONDITION":
        return _bad_request(said, words)
    if code in (401, 403):
        return _no_access(said, words)
    if code == 404:
        return _not_found(model)
    if code == 429:
        return _rate_limited(said, model)
    if code in (408, 499) or code >= 500:
        return _unavailable(code, said.retry_after_s)
    if code == 413:
        return RequestRejected("Send fewer or smaller pictures.", title="The question is too large for Gemini")
    return ProviderError(gemini_says(words) or AGAIN)


def _bad_request(said: Refusal, words: str) -> ProviderError:
    if _KEY.search(said.message) or any(detail.get("reason") == "API_KEY_INVALID" for detail in said.details):
        return _no_access(Refusal(code=401), words)
    if _BILLING.search(said.message):  # before the place: what is not served there for free may be for money
        return RequestRejected(gemini_says(words), title="This needs a key with billing turned on")
    if _PLACE.search(said.message):
        return PlaceNotSupported(_PROXY_HINT)
    if match := _TOKENS.search(said.message):
        return ContextTooLong(
            f"It has {int(match[1]):,} tokens and the model reads {int(match[2]):,}; "
            "start a new conversation or choose another model."
        )
    if _TOO_LONG.search(said.message):
        return ContextTooLong("Start a new conversation, or choose a model that reads more.")
    return RequestRejected(gemini_says(words))


def _no_access(said: Refusal, words: str) -> ProviderError:
    if _LEAKED.search(words):
        return KeyRejected(f"Google has shut it; {_NEW_KEY}", title="Your key was reported as leaked")
    if _SUSPENDED.search(words):
        return KeyRejected(
            f"See the notice in your Google account, or {_NEW_KEY}", title="Google has suspended your key"
        )
    if said.code == 403 and words and not _KEY.search(words):
        return KeyRejected(gemini_says(words), title="Gemini does not allow this with your key")
    return KeyRejected(f"Check GEMINI_API_KEY, or {_NEW_KEY}")


def _not_found(model: str) -> ProviderError:
    if model:
        return ModelNotFound(f"Gemini has no model “{one_line(model, limit=80)}” for this key; choose another one.")
    return ProviderUnavailable(
        "Check GOOGLE_GEMINI_BASE_URL and GOOGLE_GENAI_API_VERSION.", title="That address is not a Gemini API"
    )


def _rate_limited(said: Refusal, model: str) -> ProviderError:
    if said.gives_nothing:
        what = f"“{one_line(model, limit=80)}”" if model else "this model"
        hint = f"Its quota for {what} is 0; choose another model, or turn on billing for the key."
        return KeyRejected(hint, title="Your key may not use this model")
    wait = None if said.for_the_day else said.retry_after_s
    if said.for_the_day:
        hint = "The allowance of this key for today is used up; choose another model, or wait until tomorrow."
    elif wait is not None:
        hint = f"Gemini takes questions again in {in_words(wait)}."
    else:
        hint = "Wait a little and try again, or choose another model."
    return RateLimited(hint, retry_after_s=wait)


def _unavailable(code: int, retry_after_s: float | None) -> ProviderError:
    title = {
        500: "Gemini had an error of its own",
        503: "Gemini is overloaded right now",
        504: "Gemini took too long to answer",
        408: "Gemini took too long to answer",
    }.get(code, "Gemini is not working right now")
    hint = f"Try again in {in_words(retry_after_s)}." if retry_after_s is not None else AGAIN
    return ProviderUnavailable(hint, title=title, retry_after_s=retry_after_s)


def _wait_in(message: str) -> float | None:
    """Return the seconds of `Please retry in 1m36.4s.`; None when it is not said."""
    found = _RETRY_IN.search(message)
    parts = _DURATION.findall(found[1]) if found else []
    return _seconds(str(sum(float(number) * _UNIT_S[unit.lower()] for number, unit in parts))) if parts else None


def _seconds(text: str) -> float | None:
    """Return the seconds that `text`, a number or a date, stands for; None for nonsense."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text).astimezone(UTC) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    return seconds if 0 <= seconds <= _LONGEST_WAIT_S else None
