"""What the app is told by whoever starts it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOptions:
    """What the app needs of the settings."""

    theme: str | None = None
    """A theme that the settings name; it wins over the one that was chosen last."""
    plain_glyphs: bool = False
    images: bool = True
    attach_root: Path
    """The only folder that pictures may be attached from."""
    read_attachment: Callable[[Path, Path], bytes]
    """Reads a file below a root, or raises `AttachmentRejected`."""
