"""What can go wrong on the line to Gemini, told in our errors: no connection, silence, or somebody else at the end."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from argus_core.errors import ProviderError, ProviderUnavailable
from argus_core.providers.wording import AGAIN, in_words, one_line

_NETWORK_HINT = "Check the network, and HTTPS_PROXY, ALL_PROXY and GOOGLE_GEMINI_BASE_URL if you use them."


def broke_off(*, started: bool) -> ProviderUnavailable:
    """Return the error for a connection that ended before the answer did."""
    title = "The answer broke off" if started else "Gemini closed the connection without an answer"
    return ProviderUnavailable("The connection was closed before the end; try again.", title=title)


def silent(seconds: float) -> ProviderUnavailable:
    """Return the error for a server that sent nothing that counts for `seconds`."""
    return ProviderUnavailable(AGAIN, title=f"Gemini was silent for {in_words(seconds)}")


def slow(seconds: float) -> ProviderUnavailable:
    """Return the error for an ordinary call that was not answered in whole within `seconds`."""
    return ProviderUnavailable(AGAIN, title=f"Gemini did not answer within {in_words(seconds)}")


def unreadable() -> ProviderError:
    """Return the error for an answer that cannot be read."""
    return ProviderError(AGAIN, title="Gemini sent something that cannot be read")


def too_large(limit_bytes: int) -> ProviderError:
    """Return the error for an answer that is not read on, for it would fill the memory."""
    return ProviderError(AGAIN, title=f"Gemini sent more than {limit_bytes >> 20} MB at once")


def not_gemini() -> ProviderUnavailable:
    """Return the error for a web page in the place of an answer."""
    hint = (
        "It sent a web page. If this network asks you to sign in, do that in a browser; "
        "else check GOOGLE_GEMINI_BASE_URL and HTTPS_PROXY."
    )
    return ProviderUnavailable(hint, title="What answered is not Gemini")


def redirected(location: str) -> ProviderUnavailable:
    """Return the error for a redirect, which is not followed: the key would go along to wherever it leads.

    Args:
        location: Where to; only its origin is told.
    """
    try:
        parts = urlsplit(location)
        origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""
    except ValueError:
        origin = ""
    leads = f"It leads to {one_line(origin, limit=100)}, where your key is not sent" if origin else "It leads elsewhere"
    hint = f"{leads}; set GOOGLE_GEMINI_BASE_URL to the address of the API itself."
    return ProviderUnavailable(hint, title="That address is not a Gemini API")


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
