"""Attachments: hostile files in, pictures made by ourselves out, or `AttachmentRejected` with the reason in words."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path, PurePath

from argus_core import pictures
from argus_core.blobs.base import BlobStore
from argus_core.disk import open_regular
from argus_core.domain import Attachment
from argus_core.errors import AttachmentRejected
from argus_core.ids import new_id
from argus_core.shares import Shares
from argus_core.storage.base import Storage
from argus_core.text.clean import clean_line

MAX_BYTES = 20 * 1024 * 1024
MAX_NAME = 120
_TIME_LIMIT_S = 10.0
_TAKEN = "Argus takes pictures: JPEG, PNG, WebP and GIF."
_SUFFIXES = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".gif": "GIF",
}
_KINDS = (
    (b"%PDF-", "a PDF document"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a program"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"<svg", "an SVG drawing"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
    (b"BM", "a BMP picture"),
    (b"II*\0", "a TIFF picture"),
    (b"MM\0*", "a TIFF picture"),
)
"""How some other kinds begin, in lower case where they are text: for the words of a refusal, never for a decision."""
_CHILD_NEEDS = (
    "PATH",
    "HOME",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONUSERBASE",
    "LD_LIBRARY_PATH",
    "SYSTEMROOT",
    "APPDATA",
)
"""All that the decoder sees of the environment: what Python needs to start, no key."""


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """A picture that we encoded ourselves: upright, shrunk (see `pictures`), one frame, no metadata."""

    media_type: str
    """`image/jpeg`, `image/png` or `image/webp`."""
    data: bytes
    width: int
    height: int


class Attachments:
    """The pictures of one user.

    Args:
        storage: Knows whose they are.
        blobs: Keeps their bytes.
        user_id: Whose.
        shares: Says how much they may take together, but for what is added at the same moment.
    """

    def __init__(self, storage: Storage, blobs: BlobStore, user_id: str, *, shares: Shares | None = None) -> None:
        self._storage = storage
        self._blobs = blobs
        self._user_id = user_id
        self._shares = shares or Shares(storage)

    async def add(self, name: str, data: bytes) -> Attachment:
        """Check, turn upright, shrink, encode again and keep a picture; its bytes are durable before its row is.

        Args:
            name: What its giver calls it; it never becomes a path.
            data: The file, at most 20 MiB.

        Raises:
            AttachmentRejected: It is not a picture that is taken, or there is no room; the hint says why.
            StorageError: It could not be kept.
        """
        await self._shares.room_for_picture(self._user_id, 1)  # before the work
        picture = await asyncio.to_thread(prepare_image, data, name)
        await self._shares.room_for_picture(self._user_id, len(picture.data))
        attachment = Attachment(
            id=new_id(),
            name=clean_name(name),
            media_type=picture.media_type,
            size_bytes=len(picture.data),
            digest=await self._blobs.put(picture.data),
            width=picture.width,
            height=picture.height,
        )
        return await self._storage.create_attachment(self._user_id, attachment)

    async def get(self, attachment_id: str) -> Attachment:
        """Return the user's attachment with this id, or raise `NotFound`."""
        return await self._storage.get_attachment(self._user_id, attachment_id)

    async def read(self, attachment: Attachment) -> bytes:
        """Return the stored bytes.

        Raises:
            NotFound: This user has no such attachment, or its bytes are gone.
            StorageError: The bytes are damaged.
        """
        mine = await self._storage.get_attachment(self._user_id, attachment.id)
        return await self._blobs.get(mine.digest)


def prepare_image(data: bytes, name: str = "") -> PreparedImage:
    """Decode a picture in a process of its own, 1 GiB and 10 s at most, and return it encoded again; blocking.

    Args:
        data: The file.
        name: When it ends like a picture's, the file must hold that kind of picture.

    Raises:
        AttachmentRejected: It is not a picture that is taken; the hint says why.
    """
    _refuse_size(len(data))
    suffix = PurePath(clean_name(name)).suffix.lower()
    answer, _, encoded = _decode_apart(data).partition(b"\n")
    match answer.decode("ascii", "replace").split(" "):
        case ["ok", source, media_type, width, height]:
            _refuse_false_suffix(suffix, source)
            return PreparedImage(media_type, encoded, int(width), int(height))
        case ["pixels"]:
            raise AttachmentRejected(f"It has more than {pictures.MAX_PIXELS // 1_000_000} megapixels.")
        case ["unknown"] if not _begins_like_a_picture(data):
            raise AttachmentRejected(_unknown_words(suffix, data))
    raise AttachmentRejected("The picture is broken or cut off.")


def clean_name(name: str) -> str:
    """Return the last part of a file's name: one clean line of 1 to 120 characters, its suffix kept."""
    last = clean_line(name.replace("\\", "/")).rstrip("/ ").rpartition("/")[2].strip(" .")
    if len(last) > MAX_NAME:
        suffix = PurePath(last).suffix[:10]
        last = clean_line(last, MAX_NAME - len(suffix)) + suffix
    return last or "picture"


def open_attachment(path: Path, root: Path) -> bytes:
    """Return the bytes of a file on this machine that lies in `root`, also after following links; blocking.

    Raises:
        AttachmentRejected: It is outside, no regular file, empty, over 20 MiB, or cannot be read.
    """
    try:
        with open_regular(_inside(path, root)) as file:
            # A folder on the way may have been swapped for a link: the file that was opened must be the one inside.
            if not os.path.samestat(os.fstat(file.fileno()), _inside(path, root).stat()):
                raise AttachmentRejected("It changed while it was opened.")
            data = file.read(MAX_BYTES + 1)
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a NUL in the name
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "the path is not valid"
        raise AttachmentRejected(f"It cannot be read: {reason}.") from error
    _refuse_size(len(data))
    return data


def _inside(path: Path, root: Path) -> Path:
    real = path.resolve(strict=True)
    if not real.is_relative_to(root.resolve(strict=True)):
        raise AttachmentRejected(f"It lies outside of {root}, the only folder that files are attached from.")
    return real


def _refuse_size(size_bytes: int) -> None:
    if size_bytes == 0:
        raise AttachmentRejected("The file is empty.")
    if size_bytes > MAX_BYTES:
        raise AttachmentRejected(f"It is larger than {MAX_BYTES >> 20} MB.")


def _refuse_false_suffix(suffix: str, source: str) -> None:
    if _SUFFIXES.get(suffix, source) != source:
        right = next(one for one, kind in _SUFFIXES.items() if kind == source)
        raise AttachmentRejected(f"It says {suffix} but holds a {source} picture; call it {right} if you trust it.")


def _begins_like_a_picture(data: bytes) -> bool:
    return data.startswith((b"\xff\xd8\xff", b"\x89PNG", b"GIF8")) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def _unknown_words(suffix: str, data: bytes) -> str:
    kind = _kind(data)
    if suffix in _SUFFIXES:
        return f"It says {suffix} but holds {kind or 'something else'}; {_TAKEN}"
    return f"It is {kind}; {_TAKEN}" if kind else "It is not a picture that Argus takes (JPEG, PNG, WebP, GIF)."


def _kind(data: bytes) -> str:
    start = data[:1024].lstrip().lower()
    if data[4:8] == b"ftyp":
        return "a HEIC or AVIF picture, or a video"
    if start.startswith(b"<?xml") and b"<svg" in start:
        return "an SVG drawing"
    return next((words for magic, words in _KINDS if (start if magic[:1] == b"<" else data).startswith(magic)), "")


def _decode_apart(data: bytes) -> bytes:
    """Run `pictures.py` on `data` and return what it wrote; nothing when it failed."""
    program = [sys.executable, "-P", "-B", str(Path(pictures.__file__))]
    try:
        done = subprocess.run(
            program,
            input=data,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _CHILD_NEEDS if name in os.environ},
            timeout=_TIME_LIMIT_S,
            start_new_session=True,  # away from the terminal of the screen
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise AttachmentRejected(f"It took longer than {_TIME_LIMIT_S:.0f} seconds to read.") from None
    except OSError as error:
        raise AttachmentRejected(f"The program that reads pictures did not start: {error.strerror}.") from error
    return done.stdout if done.returncode == 0 else b""
