"""Gemini through google-generativeai, the older SDK: chosen by `ARGUS_GEMINI_SDK`, installed by an extra.

The only importer of that SDK. It is blocking over REST, so each answer is read by a thread of its own that hands the
bytes to the event loop. The SDK makes the request and authenticates it; on its way out the request is given what the
SDK does not know (`store`, and events instead of one long array), and the answer is read by `gemini_reading`. It does
not ask for thinking, for which the SDK has no word.
"""

from __future__ import annotations

import asyncio
import io
import json
import socket
import threading
import warnings
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from argus_core.domain import ModelInfo
from argus_core.errors import ProviderError, ProviderUnavailable
from argus_core.network import set_up_session
from argus_core.providers import faults, line_faults
from argus_core.providers.answer import makes_images, model_info
from argus_core.providers.base import Chunk, Prompt, PromptImage, PromptMessage
from argus_core.providers.feed import Feed
from argus_core.providers.gemini_reading import LIST_LIMIT_S, MAX_BODY_BYTES, ODDITIES, read_answer
from argus_core.settings import Secret

if TYPE_CHECKING:
    import requests

_GOOGLE = "generativelanguage.googleapis.com"
_PIECE_BYTES = 64 * 1024
_PIECES_WAITING = 16
"""How many pieces a thread reads ahead of the event loop."""
_ANSWER = ":streamGenerateContent"
_THIS_THREAD = threading.local()
"""`.talk`: the `_Talk` that this thread works for."""


class _RefusedError(Exception):
    """The API answered with an error; raised before the SDK sees it, which cannot read all of them."""

    def __init__(self, said: faults.Refusal) -> None:
        super().__init__(said.status)
        self.said = said


class GeminiLegacyProvider:
    """Answers by the Gemini API (version v1beta), over HTTP and server-sent events.

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
        await self._ready()
        call = _Call(self, prompt)
        answer = read_answer(call, model=prompt.model, silence_s=self._read_timeout_s, hide=self._key.value)
        async with aclosing(answer) as chunks:
            async for chunk in chunks:
                yield chunk

    async def list_models(self) -> list[ModelInfo]:
        """Return the models that answer questions, in the API's order."""
        await self._ready()
        limit_s = min(self._read_timeout_s, LIST_LIMIT_S)
        talk = _Talk()
        listing = asyncio.create_task(asyncio.to_thread(self._list, talk))
        try:
            async with asyncio.timeout(limit_s):
                return await asyncio.shield(listing)
        except TimeoutError as error:
            raise line_faults.slow(limit_s) from error
        finally:
            talk.stop()
            if not listing.done():
                listing.add_done_callback(_forget)

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

    async def _ready(self) -> None:
        """Build the clients; a wrong setting is told here, and not to the thread that reads an answer."""
        if self._clients is None:
            await asyncio.to_thread(self.clients)

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
        address = self._base_url if "://" in self._base_url else f"https://{self._base_url}"
        for client in clients:
            session: requests.Session = client.transport._session  # the SDK has no other door to its HTTP
            set_up_session(session, address)
            adapter = _adapter(self._connect_timeout_s, self._read_timeout_s)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
        return clients[0], clients[1]

    def _list(self, talk: _Talk) -> list[ModelInfo]:
        _THIS_THREAD.talk = talk
        try:
            models = list(self.clients()[1].list_models(request={"page_size": 200}, retry=None, timeout=None))
        except sdk_errors() as error:
            raise self.told(error, model="", started=False) from error
        finally:
            _THIS_THREAD.talk = None
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
        return self._broken(error, started=started) or line_faults.unreadable()

    def _broken(self, error: Exception, *, started: bool) -> ProviderUnavailable | None:
        """Return the error for a connection that failed; None when it did not."""
        import requests
        from urllib3.exceptions import HTTPError

        if not isinstance(error, OSError | HTTPError):  # every error of requests is the one, of urllib3 the other
            return None
        if isinstance(error, requests.ConnectTimeout):
            return line_faults.not_connected(error, seconds=self._connect_timeout_s)
        if isinstance(error, requests.Timeout) or "timed out" in str(error):  # in mid-stream it is a ConnectionError
            return line_faults.silent(self._read_timeout_s)
        not_made = (
            "NewConnectionError",
            "NameResolutionError",
            "SSLError",
            "ProxyError",
            "InvalidURL",
            "InvalidSchema",
        )
        if any(name in repr(error) for name in not_made):
            return line_faults.not_connected(error)
        return line_faults.broke_off(started=started)


class _Talk:
    """What a thread says to the API, on a connection that can be broken from outside."""

    def __init__(self) -> None:
        self.response: requests.Response | None = None
        """The answer to a question, before anybody has read of it."""
        self.stopped = False
        self._lock = threading.Lock()
        self._connection: Any = None

    def uses(self, connection: Any) -> None:
        """Remember the connection that this comes on; refuse it when nobody waits any more."""
        with self._lock:
            if self.stopped:
                raise ConnectionAbortedError("stopped")
            connection.talk = self
            self._connection = connection

    def stop(self) -> None:
        """Break the connection, because a thread that waits for a byte cannot be stopped otherwise."""
        with self._lock:
            self.stopped = True
            connection, self._connection = self._connection, None
        sock = getattr(connection, "sock", None)
        if sock is not None and connection.talk is self:
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def is_over(self) -> None:
        """Let go of the connection: it may serve others now."""
        with self._lock:
            self._connection = None


class _Call:
    """One question: a thread reads the answer, the event loop takes the bytes."""

    def __init__(self, provider: GeminiLegacyProvider, prompt: Prompt) -> None:
        self._provider = provider
        self._prompt = prompt
        self._talk = _Talk()
        self._room = threading.Semaphore(_PIECES_WAITING)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Send the question and yield the bytes of the answer."""
        feed: Feed[bytes] = Feed()
        threading.Thread(target=self._run, args=(feed,), name="gemini-legacy", daemon=True).start()
        try:
            while (piece := await feed.take()) is not None:
                self._room.release()
                yield piece
        finally:
            self._talk.stop()
            self._room.release()

    def _run(self, feed: Feed[bytes]) -> None:
        """Read the answer to its end; in the thread."""
        _THIS_THREAD.talk = self._talk
        end: ProviderError | None = None
        began = False
        try:
            for piece in self._read():
                self._room.acquire()
                if self._talk.stopped:
                    break
                began = True
                feed.give(piece)
        except sdk_errors() as error:
            end = self._provider.told(error, model=self._prompt.model, started=began)
        finally:
            self._talk.is_over()
            feed.end(end)

    def _read(self) -> Iterator[bytes]:
        client, _ = self._provider.clients()
        responses = client.stream_generate_content(_request(self._prompt), retry=None, timeout=None)
        try:
            if self._talk.response is not None:
                raw = self._talk.response.raw
                while piece := raw.read1(_PIECE_BYTES, decode_content=True):
                    yield piece
        finally:
            responses.cancel()  # lets go of the connection


def _forget(listing: asyncio.Task[list[ModelInfo]]) -> None:
    """Take note of how a listing ended that nobody waits for."""
    if not listing.cancelled():
        listing.exception()


def _silence() -> None:
    """Keep the SDK's farewell and the warnings of its dependencies off the terminal."""
    warnings.filterwarnings("ignore", message=r"\s*All support for the `google.generativeai`")
    warnings.filterwarnings("ignore", module=r"google\.")


def sdk_errors() -> tuple[type[Exception], ...]:
    """Return what reading an answer can raise: our own errors, and those of the SDK and of what lies under it."""
    ours = (ProviderError, _RefusedError, *ODDITIES, OSError)
    try:
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError
        from google.protobuf.json_format import Error  # type: ignore[import-untyped,unused-ignore]
        from urllib3.exceptions import HTTPError
    except ImportError:
        return ours
    return (*ours, GoogleAPIError, GoogleAuthError, Error, HTTPError)


def _adapter(connect_timeout_s: float, read_timeout_s: float) -> requests.adapters.HTTPAdapter:
    """Return what sends requests: with our timeouts, telling each `_Talk` its connection, and reading errors."""
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
            is_question = urlsplit(request.url).path.endswith(_ANSWER)
            if is_question:
                _complete(request)
            timeout = (connect_timeout_s, read_timeout_s)
            response = super().send(request, *args, **(kwargs | {"timeout": timeout, "stream": True}))
            if 300 <= response.status_code < 400:  # the key would go along to wherever it leads
                response.close()
                raise line_faults.redirected(response.headers.get("Location", ""))
            talk: _Talk | None = getattr(_THIS_THREAD, "talk", None)
            if response.status_code == 200 and is_question and talk is not None:
                talk.response = response
                return response
            _read_whole(response)
            if response.status_code >= 400:
                raise _RefusedError(_refusal(response))
            return response

    return Adapter(pool_maxsize=100)


def _complete(request: requests.PreparedRequest) -> None:
    """Put into a question what the SDK does not know: keep nothing of it, and answer in server-sent events."""
    body = request.body.encode() if isinstance(request.body, str) else bytes(request.body or b"{}")  # type: ignore[arg-type]
    # Else Google keeps question and answer for up to 55 days. Spliced in, for the body may hold megabytes of pictures.
    body = body.lstrip().replace(b"{", b'{"store":false,', 1)
    request.prepare_body(data=body, files=None)
    request.url = (request.url or "").partition("?")[0] + "?alt=sse"


def _read_whole(response: requests.Response) -> None:
    """Read a body that is no stream, as far as is allowed, and leave it to the SDK as if it had come so.

    Raises:
        ProviderError: There is more of it than is read, or it is a web page that claims to be a list.
    """
    body = bytearray()
    while len(body) <= MAX_BODY_BYTES and (piece := response.raw.read1(_PIECE_BYTES, decode_content=True)):
        body += piece
    is_good = response.status_code == 200
    if len(body) > MAX_BODY_BYTES:
        response.close()
        if is_good:
            raise line_faults.too_large(MAX_BODY_BYTES)
        body.clear()  # the status says enough
    if is_good and body.lstrip()[:1] == b"<":
        raise line_faults.not_gemini()
    response.raw = io.BytesIO(body)
    response.headers.pop("Content-Encoding", None)


def _note(connection: Any) -> None:
    talk: _Talk | None = getattr(_THIS_THREAD, "talk", None)
    if talk is not None:
        talk.uses(connection)


def _refusal(response: requests.Response) -> faults.Refusal:
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
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
