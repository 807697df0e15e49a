"""Every error Argus raises on purpose.

    ArgusError
    ├── InvalidInput              what was given is not usable
    │   └── AttachmentRejected
    ├── NotFound                  no such thing for this user
    ├── Conflict                  somebody was faster
    ├── NotAuthenticated          sign in first
    │   ├── BadCredentials        no such email with this password
    │   └── TokenExpired          the access token is too old: refresh it
    ├── PermissionDenied
    ├── LimitReached              a limit of this Argus: wait
    ├── ProviderError             the model's service
    │   ├── KeyMissing            no key is set
    │   ├── KeyRejected           401, 403, or 400 «API key not valid»
    │   ├── PlaceNotSupported     400 FAILED_PRECONDITION: the user's place
    │   ├── RequestRejected       any other 400
    │   ├── ModelNotFound         404
    │   ├── RateLimited           429
    │   ├── ProviderUnavailable   500, 502, 503, 504, refused, reset, silent
    │   ├── ContentBlocked        the prompt or the answer was blocked
    │   ├── EmptyAnswer           it ended well without a word
    │   └── ContextTooLong        more than the model reads
    ├── StorageError
    │   ├── StorageUnavailable
    │   └── SchemaTooNew          the store was written by a newer Argus
    ├── ServerUnreachable
    └── ConfigError               a setting that cannot work

`title` says what happened in a few words, `hint` what to do now in one sentence; both are safe to show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from argus_core.domain import Problem


class ArgusError(Exception):
    """Base of all: `code` is stable and goes over the wire."""

    code: ClassVar[str] = "error"
    default_title: ClassVar[str] = "Something went wrong"
    retryable: ClassVar[bool] = False

    def __init__(self, hint: str = "", *, title: str = "", retry_after_s: float | None = None) -> None:
        self.title = title or self.default_title
        self.hint = hint
        self.retry_after_s = retry_after_s
        """Seconds after which a new try makes sense; None when nobody said."""
        super().__init__(f"{self.title}. {hint}" if hint else f"{self.title}.")

    def problem(self) -> Problem:
        """Return the error as a value that can be stored and sent."""
        from argus_core.domain import Problem  # the first paint catches errors and needs no values

        return Problem(code=self.code, title=self.title, hint=self.hint, retry_after_s=self.retry_after_s)


class InvalidInput(ArgusError):
    """What was given cannot be used."""

    code = "invalid_input"
    default_title = "That cannot be used"


class AttachmentRejected(InvalidInput):
    """A file that is not what it says, too large, or of a kind that is not taken."""

    code = "attachment_rejected"
    default_title = "The file was not attached"


class NotFound(ArgusError):
    """There is no such thing, or it is not this user's: both look the same."""

    code = "not_found"
    default_title = "Not found"


class Conflict(ArgusError):
    """Somebody changed it first, or the name is taken."""

    code = "conflict"
    default_title = "It changed meanwhile"
    retryable = True


class NotAuthenticated(ArgusError):
    """Nobody is signed in."""

    code = "not_authenticated"
    default_title = "Not signed in"


class BadCredentials(NotAuthenticated):
    """The email and the password do not belong together; nobody is told which of them is wrong."""

    code = "bad_credentials"
    default_title = "Wrong email or password"


class TokenExpired(NotAuthenticated):
    """The access token has expired; a refresh token buys another one."""

    code = "token_expired"
    default_title = "The sign-in has to be refreshed"


class LimitReached(ArgusError):
    """A limit of this Argus, not of the model's service: a rate, or what a user may use in a day."""

    code = "limit_reached"
    default_title = "A limit is reached"
    retryable = True


class PermissionDenied(ArgusError):
    """This user may not do that."""

    code = "permission_denied"
    default_title = "Not allowed"


class ProviderError(ArgusError):
    """The model's service did not answer as it should."""

    code = "provider_error"
    default_title = "The model's service answered with an error"


class KeyMissing(ProviderError):
    """No key is set for the provider."""

    code = "key_missing"
    default_title = "No Gemini key is set"


class KeyRejected(ProviderError):
    """The provider does not accept the key."""

    code = "key_rejected"
    default_title = "Gemini did not accept the key"


class PlaceNotSupported(ProviderError):
    """The provider does not serve the place this machine is in."""

    code = "place_not_supported"
    default_title = "Gemini is not offered where you are"


class RequestRejected(ProviderError):
    """The provider did not understand or accept the request."""

    code = "request_rejected"
    default_title = "Gemini did not accept the request"


class ModelNotFound(ProviderError):
    """The provider has no such model."""

    code = "model_not_found"
    default_title = "There is no such model"


class RateLimited(ProviderError):
    """The provider refused for now; `retry_after_s` seconds, None when it did not say."""

    code = "rate_limited"
    default_title = "Too many requests"
    retryable = True


class ProviderUnavailable(ProviderError):
    """The provider is down, overloaded, silent, or cannot be reached."""

    code = "provider_unavailable"
    default_title = "Gemini cannot be reached"
    retryable = True


class ContentBlocked(ProviderError):
    """The provider's safety rules stopped the prompt or the answer."""

    code = "content_blocked"
    default_title = "Gemini's safety rules stopped this"


class EmptyAnswer(ProviderError):
    """The model ended its answer without a word or a picture; its thinking and what it used are kept."""

    code = "empty_answer"
    default_title = "The model answered without a word"
    retryable = True


class ContextTooLong(ProviderError):
    """The conversation is longer than the model reads."""

    code = "context_too_long"
    default_title = "The conversation is too long for this model"


class StorageError(ArgusError):
    """The store could not do what was asked."""

    code = "storage_error"
    default_title = "The store did not take it"


class StorageUnavailable(StorageError):
    """The store does not answer."""

    code = "storage_unavailable"
    default_title = "The store cannot be reached"
    retryable = True


class SchemaTooNew(StorageError):
    """A newer Argus wrote the store."""

    code = "schema_too_new"
    default_title = "The store was written by a newer Argus"


class ServerUnreachable(ArgusError):
    """The Argus server does not answer."""

    code = "server_unreachable"
    default_title = "The server cannot be reached"
    retryable = True


class ConfigError(ArgusError):
    """A setting holds something that cannot work; the start stops with one line."""

    code = "config_error"
    default_title = "A setting is wrong"


def all_errors() -> dict[str, type[ArgusError]]:
    """Return every error class by its `code`."""
    found: dict[str, type[ArgusError]] = {}
    todo: list[type[ArgusError]] = [ArgusError]
    while todo:
        cls = todo.pop()
        found[cls.code] = cls
        todo.extend(cls.__subclasses__())
    return found


def from_problem(problem: Problem) -> ArgusError:
    """Return the error that `problem` was made from; an unknown code gives a plain `ArgusError`."""
    cls = all_errors().get(problem.code, ArgusError)
    return cls(problem.hint, title=problem.title, retry_after_s=problem.retry_after_s)
