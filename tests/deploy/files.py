"""The files of `deploy/`, and what each of them must grant the server."""

from __future__ import annotations

from pathlib import Path

from argus_core.settings import DECLARED, Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SETTINGS = {name for declared in DECLARED.values() for name in declared.names}
"""Every name in the environment, with the `_FILE` variants."""
SECRETS = {name for declared in DECLARED.values() if declared.is_secret for name in declared.names}
STOP_S = Settings().drain_s + 5
"""How long the server may take to end: its running answers, then its connections, and a little."""


def text(name: str) -> str:
    """Return a file of `deploy/`."""
    return (DEPLOY / name).read_text(encoding="utf-8")


def seconds(duration: str) -> float:
    """Return a duration as Docker, Compose and Traefik write it: `30s`, `5m`."""
    return float(duration[:-1]) * {"s": 1, "m": 60}[duration[-1]]
