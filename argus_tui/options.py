"""What the app is told by whoever starts it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argus_core.client.base import Entrance


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
    open_entrance: Callable[[], AbstractAsyncContextManager[Entrance]] | None = None
    """Opens the place where one signs in; None where there are no accounts."""
    keep_fault: Callable[[BaseException], str] | None = None
    """Writes the traceback of a fault of ours to a log and returns its name; None where a fault ends the program."""
    answers_run_here: bool = True
    """The core runs in this process: leaving it ends the answers being written. False at a server, which goes on."""
