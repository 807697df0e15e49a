"""What Gemini says when it does not answer, told in our errors: one mapping for both SDKs."""

from __future__ import annotations

import math
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

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

SAID_LIMIT = 300
"""Characters of a server's own words that are kept."""
_SHORTEST_SECRET = 8
"""Anything shorter is no key, and striking it out would spoil words."""
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
_PROXY_HINT = (
    "Reach it through a proxy by setting HTTPS_PROXY or ALL_PROXY, or another address by GOOGLE_GEMINI_BASE_URL."
)
_NETWORK_HINT = "Check the network, and HTTPS_PROXY, ALL_PROXY and GOOGLE_GEMINI_BASE_URL if you use them."
_AGAIN = "Try again in a moment, or choose another model."


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
        """Seconds to wait: what RetryInfo says, else the header; None when neither makes sense."""
        for detail in self.details:
            if str(detail.get("@type", "")).endswith("RetryInfo"):
                seconds = _seconds(str(detail.get("retryDelay", "")).removesuffix("s"))
                if seconds is not None:
                    return seconds
        return _seconds(self.retry_after) if self.retry_after else None

    @property
    def for_the_day(self) -> bool:
        """Whether a daily quota is used up, so that waiting a little does not help."""
        return any("PerDay" in str(detail.get("violations", "")) for detail in self.details)


def refusal(code: int | None, body: Any, *, retry_after: str = "") -> Refusal:
    """Read the JSON of an error answer, whatever shape it has."""
    found = body[0] if isinstance(body, list) and body else body
    inner = found.get("error", found) if isinstance(found, Mapping) else {}
    if not isinstance(inner, Mapping):
        inner = {"message": inner}
    given, details = inner.get("code"), inner.get("details")
    return Refusal(
        code=code or (given if isinstance(given, int) else 0),
        status=str(inner.get("status") or ""),
        message=str(inner.get("message") or ""),
        details=tuple(d for d in details if isinstance(d, Mapping)) if isinstance(details, list) else (),
        retry_after=retry_after,
    )


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
        return _rate_limited(said)
    if code in (408, 499) or code >= 500:
        return _unavailable(code, said.retry_after_s)
    if code == 413:
        return RequestRejected("Send fewer or smaller pictures.", title="The question is too large for Gemini")
    return ProviderError(_gemini_says(words) or _AGAIN)


def _bad_request(said: Refusal, words: str) -> ProviderError:
    if _KEY.search(said.message) or any(detail.get("reason") == "API_KEY_INVALID" for detail in said.details):
        return _no_access(Refusal(code=401), words)
    if said.status == "FAILED_PRECONDITION" or _PLACE.search(said.message):
        return PlaceNotSupported(_PROXY_HINT)
    if match := _TOKENS.search(said.message):
        return ContextTooLong(
            f"It has {int(match[1]):,} tokens and the model reads {int(match[2]):,}; "
            "start a new conversation or choose another model."
        )
    if _TOO_LONG.search(said.message):
        return ContextTooLong("Start a new conversation, or choose a model that reads more.")
    return RequestRejected(_gemini_says(words))


def _no_access(said: Refusal, words: str) -> ProviderError:
    if said.code == 403 and words and not _KEY.search(words):
        return KeyRejected(_gemini_says(words), title="Gemini does not allow this with your key")
    return KeyRejected("Check GEMINI_API_KEY, or make a new key at https://aistudio.google.com/apikey.")


def _not_found(model: str) -> ProviderError:
    if model:
        return ModelNotFound(f"Gemini has no model “{one_line(model, limit=80)}” for this key; choose another one.")
    return ProviderUnavailable(
        "Check GOOGLE_GEMINI_BASE_URL and GOOGLE_GENAI_API_VERSION.", title="That address is not a Gemini API"
    )


def _rate_limited(said: Refusal) -> ProviderError:
    wait = said.retry_after_s
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
    hint = f"Try again in {in_words(retry_after_s)}." if retry_after_s is not None else _AGAIN
    return ProviderUnavailable(hint, title=title, retry_after_s=retry_after_s)


_BLOCKED = {
    "SAFETY": ("Gemini's safety rules stopped this", "Ask in another way; what had come is kept."),
    "RECITATION": (
        "Gemini stopped because the answer repeated a known text",
        "Ask for it in other words; what had come is kept.",
    ),
    "LANGUAGE": ("Gemini does not answer in this language", "Ask in another language."),
    "BLOCKLIST": ("Gemini stopped at a word it may not use", "Ask in another way."),
    "PROHIBITED_CONTENT": ("Gemini does not allow this content", "Ask in another way."),
    "SPII": ("Gemini stopped because the answer held personal data", "Ask without names, numbers or addresses."),
    "JAILBREAK": ("Gemini took the question for an attempt to get around its rules", "Ask in another way."),
    "IMAGE_SAFETY": ("Gemini's safety rules stopped the picture", "Describe another picture."),
    "IMAGE_PROHIBITED_CONTENT": ("Gemini does not make such pictures", "Describe another picture."),
    "IMAGE_RECITATION": ("Gemini stopped because the picture repeated a known one", "Describe another picture."),
    "MODEL_ARMOR": ("A safety filter of the account stopped this", "Ask in another way."),
    "ESCALATION": ("A safety filter of the account stopped this", "Ask in another way."),
    "PUP_LIMITED_DISABLED": ("Google has limited this account", "See the notice in your Google account."),
}
_BROKEN = {
    "NO_IMAGE": ("Gemini made no picture", "Say more plainly what the picture should show."),
    "IMAGE_OTHER": ("Gemini could not make the picture", "Try again, or describe another picture."),
}


def stopped(reason: str) -> ProviderError:
    """Return the error for an answer that ended with a finish reason other than `STOP` and `MAX_TOKENS`."""
    if reason in _BLOCKED:
        title, hint = _BLOCKED[reason]
        return ContentBlocked(hint, title=title)
    title, hint = _BROKEN.get(reason, ("Gemini stopped without saying why", _AGAIN))
    return ProviderError(hint, title=title)


def blocked_prompt(reason: str) -> ContentBlocked:
    """Return the error for a question that was not answered at all."""
    if reason == "SAFETY" or reason not in _BLOCKED:
        return ContentBlocked("Ask in another way.", title="Gemini's safety rules stopped the question")
    title, hint = _BLOCKED[reason]
    return ContentBlocked(hint.removesuffix("; what had come is kept.").removesuffix(".") + ".", title=title)


def broke_off(*, started: bool) -> ProviderUnavailable:
    """Return the error for a connection that ended before the answer did."""
    title = "The answer broke off" if started else "Gemini closed the connection without an answer"
    return ProviderUnavailable("The connection was closed before the end; try again.", title=title)


def silent(seconds: float) -> ProviderUnavailable:
    """Return the error for a server that sent nothing for `seconds`."""
    return ProviderUnavailable(_AGAIN, title=f"Gemini was silent for {in_words(seconds)}")


def unreadable() -> ProviderError:
    """Return the error for an answer that the SDK cannot read."""
    return ProviderError(_AGAIN, title="Gemini sent something that cannot be read")


def not_connected(error: BaseException, *, seconds: float | None = None) -> ProviderUnavailable:
    """Return the error for a connection that was not made, by what lies under `error`.

    Args:
        error: What the HTTP library raised.
        seconds: How long was waited, when it is known that the time ran out.
    """
    causes = list(_causes(error))
    hint = _NETWORK_HINT
    if seconds is not None:
        why = f"there was no connection within {in_words(seconds)}"
    elif any(isinstance(cause, socket.gaierror) or "NameResolution" in type(cause).__name__ for cause in causes):
        why, hint = "its name was not found", "Check that this machine is online; behind a proxy set HTTPS_PROXY."
    elif any(isinstance(cause, ssl.SSLError) for cause in causes):
        why = "its certificate cannot be trusted"
    elif any("Proxy" in type(cause).__name__ for cause in causes):
        why, hint = "the proxy did not let it through", "Check HTTPS_PROXY and ALL_PROXY."
    elif any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        why = "the connection was refused"
    else:
        why = "the connection failed"
    return ProviderUnavailable(hint, title=f"Gemini cannot be reached: {why}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield `error` and all that led to it."""
    seen: set[int] = set()
    todo = [error]
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        todo += [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]


def one_line(text: str, *, hide: str = "", limit: int = SAID_LIMIT) -> str:
    """Return `text` on one line, at most `limit` characters, with `hide` struck out."""
    line = " ".join((text.replace(hide, "****") if len(hide) >= _SHORTEST_SECRET else text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def in_words(seconds: float) -> str:
    """Return a wait as people say it: `3 s`, `2 min`, `5 h`."""
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{math.ceil(seconds)} s"
    return f"{math.ceil(seconds / 60)} min" if seconds < 7200 else f"{math.ceil(seconds / 3600)} h"


def _gemini_says(words: str) -> str:
    return f"Gemini says: {words}" if words else ""


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
