"""Gemini through google-generativeai, the older SDK: chosen by `ARGUS_GEMINI_SDK`, installed by an extra.

The only importer of that SDK. It is blocking over REST, so each answer is read by a thread of its own that hands chunks
to the event loop. It does not ask for thinking, and shows thoughts that come anyway as text, because the SDK drops what
tells them apart. Its `GenerativeModel` holds every chunk back until the next one has come, so its client is used.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import warnings
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from argus_core.domain import ModelInfo
from argus_core.errors import ProviderError, ProviderUnavailable
from argus_core.providers import faults
from argus_core.providers.answer import Answer, makes_images, model_info
from argus_core.providers.base import Chunk, Prompt, PromptImage, PromptMessage
from argus_core.providers.feed import Feed
from argus_core.settings import Secret

if TYPE_CHECKING:
    import requests

_GOOGLE = "generativelanguage.googleapis.com"
_ODDITIES = (ValueError, TypeError, AttributeError, LookupError, RuntimeError)
_THIS_THREAD = threading.local()
"""`.reading`: the `_Reading` that this thread works for."""


class _RefusedError(Exception):
    """The API answered with an error; raised before the SDK sees it, which cannot read all of them."""

    def __init__(self, said: faults.Refusal) -> None:
        super().__init__(said.status)
        self.said = said


class GeminiLegacyProvider:
    """Answers by the Gemini API (version v1beta), over HTTP and one long JSON array.

    Args:
        api_key: Sent as a header, never in an address.
        base_url: Another address of the API; None for Google's.
        connect_timeout_s: Seconds to wait for a connection.
        read_timeout_s: Seconds the server may be silent.
    """

    name = "gemini"

    def __init__(
        self,
        api_key: Secret,
        *,
        base_url: str | None = None,
        connect_timeout_s: float = 10.0,
        read_timeout_s: float = 120.0,
    ) -> None:
        self._key = api_key
        self._base_url = (base_url or _GOOGLE).rstrip("/")
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._lock = threading.Lock()
        self._clients: tuple[Any, Any] | None = None
        """The SDK's clients for answers and for models."""

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        """Yield the answer as it comes; see `Provider.stream`."""
        reading = _Reading(self, prompt)
        threading.Thread(target=reading.run, name="gemini-legacy", daemon=True).start()
        try:
            while (chunk := await reading.feed.take()) is not None:
                yield chunk
        finally:
            reading.stop()
        yield await reading.answer.end(prompt.model)

    async def list_models(self) -> list[ModelInfo]:
        """Return the models that answer questions, in the API's order."""
        return await asyncio.to_thread(self._list)

    def preload(self) -> None:
        """Import the SDK and build its clients."""
        self.clients()

    async def close(self) -> None:
        """Close all connections."""
        with self._lock:
            clients, self._clients = self._clients, None
        for client in clients or ():
            client.transport.close()

    def clients(self) -> tuple[Any, Any]:
        """Return the SDK's clients for answers and for models, built once; blocking."""
        with self._lock:
            if self._clients is None:
                self._clients = self._build()
            return self._clients

    def _build(self) -> tuple[Any, Any]:
        _silence()
        try:
            import google.generativeai  # noqa: F401 - says whether the extra is there
            from google.ai import generativelanguage as glm
        except ImportError as error:
            hint = "Install it by pip install 'argus-tui[google-generativeai]', or unset ARGUS_GEMINI_SDK."
            raise ProviderError(hint, title="google-generativeai is not installed") from error
        options = {"api_endpoint": self._base_url, "api_key": self._key.value}
        clients: tuple[Any, ...] = tuple(
            kind(transport="rest", client_options=options)
            for kind in (glm.GenerativeServiceClient, glm.ModelServiceClient)
        )
        for client in clients:
            session: requests.Session = client.transport._session  # the SDK has no other door to its HTTP
            adapter = _adapter(self._connect_timeout_s, self._read_timeout_s)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
        return clients[0], clients[1]

    def _list(self) -> list[ModelInfo]:
        try:
            models = list(self.clients()[1].list_models(request={"page_size": 200}, retry=None, timeout=None))
        except _sdk_errors() as error:
            raise self.told(error, model="", started=False) from error
        return [
            model_info(
                model.name,
                display_name=model.display_name,
                description=model.description,
                input_limit=model.input_token_limit,
                output_limit=model.output_token_limit,
                thinks=False,
            )
            for model in models
            if "generateContent" in model.supported_generation_methods
        ]

    def told(self, error: Exception, *, model: str, started: bool) -> ProviderError:
        """Return our error for one of the SDK or of what lies under it."""
        if isinstance(error, ProviderError):
            return error
        if isinstance(error, _RefusedError):
            return faults.refused(error.said, model=model, hide=self._key.value)
        return self._broken(error, started=started) or faults.unreadable()

    def _broken(self, error: Exception, *, started: bool) -> ProviderUnavailable | None:
        """Return the error for a connection that failed; None when it did not."""
        import requests

        if not isinstance(error, OSError):  # every error of requests is one
            return None
        if isinstance(error, requests.ConnectTimeout):
            return faults.not_connected(error, seconds=self._connect_timeout_s)
        if isinstance(error, requests.Timeout) or "timed out" in str(error):  # in mid-stream it is a ConnectionError
            return faults.silent(self._read_timeout_s)
        not_made = (
            "NewConnectionError",
            "NameResolutionError",
            "SSLError",
            "ProxyError",
            "InvalidURL",
            "InvalidSchema",
        )
        if any(name in repr(error) for name in not_made):
            return faults.not_connected(error)
        return faults.broke_off(started=started)


class _Reading:
    """One answer: a thread reads it, the event loop takes the chunks."""

    def __init__(self, provider: GeminiLegacyProvider, prompt: Prompt) -> None:
        self.answer = Answer()
        self.feed: Feed[Chunk] = Feed()
        self._provider = provider
        self._prompt = prompt
        self._lock = threading.Lock()
        self._connection: Any = None

    def uses(self, connection: Any) -> None:
        """Remember the connection that this answer comes on; refuse it when nobody waits any more."""
        with self._lock:
            if self.feed.stopped:
                raise ConnectionAbortedError("stopped")
            connection.reading = self
            self._connection = connection

    def stop(self) -> None:
        """Break the connection, because a thread that waits for a byte cannot be stopped otherwise."""
        with self._lock:
            self.feed.stopped = True
            connection, self._connection = self._connection, None
        sock = getattr(connection, "sock", None)
        if sock is not None and connection.reading is self:
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def run(self) -> None:
        """Read the answer to its end; in the thread."""
        _THIS_THREAD.reading = self
        end: ProviderError | None = None
        try:
            self._read()
        except _sdk_errors() as error:
            if not self.answer.finish:
                end = self._provider.told(error, model=self._prompt.model, started=self.answer.began)
        finally:
            with self._lock:
                self._connection = None
            self.feed.end(end)

    def _read(self) -> None:
        client, _ = self._provider.clients()
        responses = client.stream_generate_content(_request(self._prompt), retry=None, timeout=None)
        try:
            for response in responses:
                for chunk in _chunks(response, self.answer):
                    self.feed.give(chunk)
                if self.feed.stopped:
                    return
        finally:
            responses.cancel()  # lets go of the connection


def _silence() -> None:
    """Keep the SDK's farewell and the warnings of its dependencies off the terminal."""
    warnings.filterwarnings("ignore", message=r"\s*All support for the `google.generativeai`")
    warnings.filterwarnings("ignore", module=r"google\.")


def _sdk_errors() -> tuple[type[Exception], ...]:
    """Return what reading an answer can raise: our own errors, and those of the SDK and of what lies under it."""
    ours = (ProviderError, _RefusedError, *_ODDITIES, OSError)
    try:
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError
        from google.protobuf.json_format import Error  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        return ours
    return (*ours, GoogleAPIError, GoogleAuthError, Error)


def _adapter(connect_timeout_s: float, read_timeout_s: float) -> requests.adapters.HTTPAdapter:
    """Return what sends requests: with our timeouts, telling each `_Reading` its connection, and reading errors."""
    import requests

    class NotedConnection:
        """Mixed into the connections of urllib3."""

        def connect(self) -> None:
            _note(self)
            super().connect()  # type: ignore[misc]

        def request(self, *args: Any, **kwargs: Any) -> None:
            _note(self)
            super().request(*args, **kwargs)  # type: ignore[misc]

    class Adapter(requests.adapters.HTTPAdapter):
        def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
            pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
            if not issubclass(pool.ConnectionCls, NotedConnection):
                pool.ConnectionCls = type("Noted", (NotedConnection, pool.ConnectionCls), {})
            return pool

        def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
            response = super().send(request, *args, **(kwargs | {"timeout": (connect_timeout_s, read_timeout_s)}))
            if response.status_code >= 400:
                raise _RefusedError(_refusal(response))
            return response

    return Adapter(pool_maxsize=100)


def _note(connection: Any) -> None:
    reading: _Reading | None = getattr(_THIS_THREAD, "reading", None)
    if reading is not None:
        reading.uses(connection)


def _refusal(response: requests.Response) -> faults.Refusal:
    try:
        body = json.loads(response.content)
    except ValueError:
        body = {}
    return faults.refusal(response.status_code, body, retry_after=response.headers.get("Retry-After", ""))


def _request(prompt: Prompt) -> Any:
    from google.ai import generativelanguage as glm

    return glm.GenerateContentRequest(
        model=prompt.model if "/" in prompt.model else f"models/{prompt.model}",
        contents=[_content(message) for message in prompt.messages if any(message.parts)],
        system_instruction=glm.Content(parts=[glm.Part(text=prompt.system)]) if prompt.system else None,
        generation_config=glm.GenerationConfig(
            max_output_tokens=prompt.max_output_tokens,
            response_modalities=["TEXT", "IMAGE"] if makes_images(prompt.model) else [],
        ),
    )


def _content(message: PromptMessage) -> Any:
    from google.ai import generativelanguage as glm

    parts = [
        glm.Part(inline_data=glm.Blob(mime_type=part.media_type, data=part.data))
        if isinstance(part, PromptImage)
        else glm.Part(text=part)
        for part in message.parts
        if part
    ]
    return glm.Content(role="model" if message.role == "assistant" else "user", parts=parts)


def _chunks(response: Any, answer: Answer) -> Iterator[Chunk]:
    """Yield what one response brings, and note in `answer` what decides the end."""
    answer.model_version = getattr(response, "model_version", "") or answer.model_version
    usage = response.usage_metadata
    thinking = usage.total_token_count - usage.prompt_token_count - usage.candidates_token_count
    if usage.total_token_count:
        answer.count(
            input_tokens=usage.prompt_token_count,
            output_tokens=usage.candidates_token_count,
            thought_tokens=max(0, thinking),  # the SDK does not know the field, the total does
            cached=usage.cached_content_token_count,
        )
    if response.prompt_feedback.block_reason:
        answer.block = _name(response.prompt_feedback.block_reason)
    if not response.candidates:
        return
    candidate = response.candidates[0]
    for part in candidate.content.parts:
        yield from answer.text(part.text) or answer.data(part.inline_data.mime_type, part.inline_data.data)
    for page in candidate.grounding_metadata.grounding_chunks:
        yield from answer.source(page.web.title, page.web.uri)
    if candidate.finish_reason:
        answer.finish = _name(candidate.finish_reason)


def _name(value: Any) -> str:
    """Return the name of an enum's value; values newer than the SDK are plain numbers."""
    return str(getattr(value, "name", value))
