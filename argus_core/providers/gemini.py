"""Gemini through google-genai.

The only importer of that SDK, which takes half a second to load: always late, and never in the event loop. The SDK
makes the request, authenticates it and reads refusals; the answer is read by `gemini_reading`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import warnings
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from argus_core.domain import ModelInfo
from argus_core.errors import ProviderError, ProviderUnavailable, RequestRejected
from argus_core.network import transport_to, trusted
from argus_core.providers import faults, line_faults
from argus_core.providers.answer import makes_images, model_info
from argus_core.providers.base import Chunk, Prompt, PromptImage, PromptMessage
from argus_core.providers.gemini_reading import LIST_LIMIT_S, MAX_BODY_BYTES, ODDITIES, read_answer
from argus_core.settings import Secret

if TYPE_CHECKING:
    import httpx2
    from google import genai
    from google.genai import types

_CALL: ContextVar[_Call | None] = ContextVar("gemini_call", default=None)
"""Who asks; the HTTP client hands the answer over to it."""
_GOOGLE = "https://generativelanguage.googleapis.com"
_MOST_MODELS = 1000


class GeminiProvider:
    """Answers by the Gemini API, over HTTP and server-sent events.

    Args:
        api_key: Sent as a header, never in an address.
        base_url: Another address of the API; None for Google's.
        api_version: `v1beta`, `v1` or `v1alpha`.
        connect_timeout_s: Seconds to wait for a connection.
        read_timeout_s: Seconds the server may be silent.

    Proxies of the environment (`HTTPS_PROXY`, `ALL_PROXY`, …) are used.
    """

    name = "gemini"

    def __init__(
        self,
        api_key: Secret,
        *,
        base_url: str | None = None,
        api_version: str = "v1beta",
        connect_timeout_s: float = 10.0,
        read_timeout_s: float = 120.0,
    ) -> None:
        self._key = api_key
        self._base_url = base_url
        self._api_version = api_version
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._lock = threading.Lock()
        self._client: genai.Client | None = None
        self._http: httpx2.AsyncClient | None = None
        self._thoughtless: set[str] = set()
        """Models that refused to be asked for their thinking."""

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        """Yield the answer as it comes; see `Provider.stream`."""
        client = await self._ready()
        thoughts = prompt.thoughts and prompt.model not in self._thoughtless
        try:
            async with aclosing(self._answer(client, prompt, thoughts=thoughts)) as answer:
                async for chunk in answer:
                    yield chunk
        except RequestRejected as error:
            if not (thoughts and "think" in error.hint.lower()):
                raise
            self._thoughtless.add(prompt.model)
        else:
            return
        async with aclosing(self._answer(client, prompt, thoughts=False)) as answer:
            async for chunk in answer:
                yield chunk

    def _answer(self, client: genai.Client, prompt: Prompt, *, thoughts: bool) -> AsyncGenerator[Chunk, None]:
        call = _Call(self, client, prompt, thoughts=thoughts)
        return read_answer(call, model=prompt.model, silence_s=self._read_timeout_s, hide=self._key.value)

    async def list_models(self) -> list[ModelInfo]:
        """Return the models that answer questions, in the API's order."""
        client = await self._ready()
        limit_s = min(self._read_timeout_s, LIST_LIMIT_S)
        try:
            async with asyncio.timeout(limit_s):
                found = await self._list(client)
        except TimeoutError as error:
            raise line_faults.slow(limit_s) from error
        return await asyncio.to_thread(_infos, found)

    def preload(self) -> None:
        """Import the SDK, build its client, and let it build the rest."""
        _rehearse(self._load())

    async def close(self) -> None:
        """Close all connections; what is still being loaded has none, and is not waited for."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            http, self._http, self._client = self._http, None, None
        finally:
            self._lock.release()
        if http is not None:
            await http.aclose()

    async def _ready(self) -> genai.Client:
        if self._client is not None:
            return self._client
        return await asyncio.to_thread(self._load)

    def _load(self) -> genai.Client:
        with self._lock:
            if self._client is not None:
                return self._client
            http, client = self._build()
            self._http, self._client = http, client
            return client

    def _build(self) -> tuple[httpx2.AsyncClient, genai.Client]:
        """Return the HTTP client and the SDK's client on top of it."""
        import httpx2
        from google import genai
        from google.genai import types

        _silence()
        timeout = httpx2.Timeout(self._read_timeout_s, connect=self._connect_timeout_s, pool=None).as_dict()

        async def before(request: httpx2.Request) -> None:
            request.extensions["timeout"] = timeout  # the SDK sends timeout=None, which overrides the client's own

        async def after(response: httpx2.Response) -> None:
            if 300 <= response.status_code < 400:
                raise line_faults.redirected(response.headers.get("location", ""))
            if response.status_code == 200 and (call := _CALL.get()) is not None:
                call.take_over(response)
            else:
                await _read_whole(response)

        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=20)
        tls = trusted()
        http = httpx2.AsyncClient(
            transport=transport_to(self._base_url or _GOOGLE, tls, limits),
            follow_redirects=False,
            event_hooks={"request": [before], "response": [after]},
        )
        client = genai.Client(
            api_key=self._key.value,
            vertexai=False,
            http_options=types.HttpOptions(
                base_url=self._base_url,
                api_version=self._api_version,
                httpx_async_client=http,
                async_client_args={"ssl": tls},  # else the SDK reads the settings of certificates by itself
                httpx_client=httpx2.Client(transport=httpx2.MockTransport(_rehearsed)),
            ),
        )
        return http, client

    async def _list(self, client: genai.Client) -> list[types.Model]:
        found: list[types.Model] = []
        with self.told_in_our_errors(""):
            async for model in await client.aio.models.list(config={"page_size": 200}):
                found.append(model)
                if len(found) >= _MOST_MODELS:
                    break
        return found

    @contextmanager
    def told_in_our_errors(self, model: str) -> Iterator[None]:
        """Turn what the SDK and the HTTP library raise into a `ProviderError`."""
        import httpx2
        from google.genai import errors

        try:
            yield
        except errors.APIError as error:
            raise self._refused(error, model) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError) as error:
            raise self.broken(error, started=False) from error
        except ODDITIES as error:
            raise line_faults.unreadable() from error

    def _refused(self, error: genai.errors.APIError, model: str) -> ProviderError:
        headers = getattr(error.response, "headers", None) or {}
        said = faults.refusal(error.code, error.details, retry_after=headers.get("retry-after", ""))
        return faults.refused(said, model=model, hide=self._key.value)

    def broken(self, error: Exception, *, started: bool) -> ProviderUnavailable:
        """Return the error for a connection that failed."""
        import httpx2

        if isinstance(error, httpx2.ConnectTimeout):
            return line_faults.not_connected(error, seconds=self._connect_timeout_s)
        if isinstance(error, httpx2.TimeoutException):
            return line_faults.silent(self._read_timeout_s)
        if isinstance(error, httpx2.ConnectError | httpx2.ProxyError | httpx2.UnsupportedProtocol | httpx2.InvalidURL):
            return line_faults.not_connected(error)
        return line_faults.broke_off(started=started)


class _Call:
    """One question. It takes the connection from the SDK, which would close it only with the garbage."""

    def __init__(self, provider: GeminiProvider, client: genai.Client, prompt: Prompt, *, thoughts: bool) -> None:
        self._provider = provider
        self._client = client
        self._prompt = prompt
        self._thoughts = thoughts
        self._response: httpx2.Response | None = None

    def take_over(self, response: httpx2.Response) -> None:
        """Keep the stream of `response`, and leave an empty one to the SDK."""
        import httpx2

        self._response = httpx2.Response(200, headers=response.headers, stream=response.stream)
        response.stream = httpx2.ByteStream(b"")

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Send the question and yield the bytes of the answer."""
        import httpx2

        began = False
        try:
            with self._provider.told_in_our_errors(self._prompt.model):
                await self._ask()
            if self._response is None:
                return
            async for piece in self._response.aiter_bytes():
                yield piece
                began = True
        except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
            raise self._provider.broken(error, started=began) from error
        finally:
            if self._response is not None:
                await self._response.aclose()

    async def _ask(self) -> None:
        mark = _CALL.set(self)
        try:
            answer = await self._client.aio.models.generate_content_stream(
                model=self._prompt.model,
                contents=[_content(message) for message in self._prompt.messages if any(message.parts)],
                config=_config(self._prompt, thoughts=self._thoughts),
            )
            async for _ in answer:
                pass  # it is empty; asking for it is what sends the question
        finally:
            _CALL.reset(mark)


async def _read_whole(response: httpx2.Response) -> None:
    """Read a body that is no stream, as far as is allowed, and leave it to the SDK as if it had come so.

    Raises:
        ProviderError: There is more of it than is read, or it is a web page that claims to be a list.
    """
    import httpx2

    source = httpx2.Response(response.status_code, headers=response.headers, stream=response.stream)
    body = bytearray()
    try:
        async for piece in source.aiter_bytes():
            body += piece
            if len(body) > MAX_BODY_BYTES:
                break
    finally:
        await source.aclose()
    if response.status_code == 200:
        if len(body) > MAX_BODY_BYTES:
            raise line_faults.too_large(MAX_BODY_BYTES)
        if body.lstrip()[:1] == b"<":
            raise line_faults.not_gemini()
    elif len(body) > MAX_BODY_BYTES:
        body.clear()  # the status says enough
    for name in ("content-encoding", "content-length", "transfer-encoding"):
        response.headers.pop(name, None)
    response.stream = httpx2.ByteStream(bytes(body))


def _silence() -> None:
    """Keep the SDK from writing on the terminal, where its words could repeat those of the server."""
    logging.getLogger("google_genai").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module=r"google\.genai\.")


def _rehearse(client: genai.Client) -> None:
    """Ask a question that never leaves this process, because the SDK builds its classes at the first one."""
    import anyio

    anyio.run(anyio.sleep, 0)  # the sockets of httpx2 load half of anyio at the first connection
    prompt = Prompt(model="rehearsal", messages=(PromptMessage("user", ("Hello",)),))
    contents = [_content(message) for message in prompt.messages]
    for _ in client.models.generate_content_stream(
        model=prompt.model, contents=contents, config=_config(prompt, thoughts=True)
    ):
        pass


def _rehearsed(_: httpx2.Request) -> httpx2.Response:
    """Answer the question of `_rehearse` with nothing."""
    import httpx2

    return httpx2.Response(200)


def _content(message: PromptMessage) -> types.Content:
    from google.genai import types

    parts = [
        types.Part(inline_data=types.Blob(mime_type=part.media_type, data=part.data))
        if isinstance(part, PromptImage)
        else types.Part(text=part)
        for part in message.parts
        if part
    ]
    return types.Content(role="model" if message.role == "assistant" else "user", parts=parts)


def _config(prompt: Prompt, *, thoughts: bool) -> types.GenerateContentConfig:
    from google.genai import types

    return types.GenerateContentConfig(
        system_instruction=prompt.system or None,
        max_output_tokens=prompt.max_output_tokens,
        thinking_config=types.ThinkingConfig(include_thoughts=True) if thoughts else None,
        response_modalities=["TEXT", "IMAGE"] if makes_images(prompt.model) else None,
        store=False,  # else Google keeps question and answer for up to 55 days
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    )


def _infos(models: list[types.Model]) -> list[ModelInfo]:
    return [
        model_info(
            model.name,
            display_name=model.display_name or "",
            description=model.description or "",
            input_limit=model.input_token_limit or 0,
            output_limit=model.output_token_limit or 0,
            thinks=bool(model.thinking),
        )
        for model in models
        if model.name and "generateContent" in (model.supported_actions or ())
    ]
