"""Decodes a hostile picture and encodes it again: a program of its own, which `attachments.py` runs and limits.

Picture in on stdin, out on stdout a line of ASCII and then the bytes: `ok PNG image/jpeg 640 480`, or only a line:
`unknown`, `pixels`. Any other end (an exit code, a signal, no time left) means that the picture is broken. It
imports nothing of Argus and is given neither the terminal nor the environment's secrets.
"""

from __future__ import annotations

import io
import math
import sys
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 40_000_000
"""Checked before anything is decoded."""
MAX_SIDE = 2048
"""Longest side of the result, in pixels, of a picture of usual shape."""
READABLE_SIDE = 768
"""Shortest side of a long one, such as a whole page in one screenshot: smaller, its letters would be lost."""
MOST_PIXELS = 8 << 20
MOST_SIDE = 16_383
"""Of any result: WebP has no more."""
MAX_MEMORY_BYTES = 1 << 30
MAX_CPU_S = 10
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_FEW_COLOURS = 4096
_MOST_PNG_BYTES = 4 << 20
"""A photo in grey has few colours, and as PNG many bytes."""


class TooManyPixelsError(Exception):
    """The picture says it has more than `MAX_PIXELS`."""


def limit_this_process() -> None:
    """Bound memory, time and files, where the system knows how to."""
    if sys.platform == "win32":
        return
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, MAX_CPU_S))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))


def encode_again(data: bytes) -> tuple[str, bytes]:
    """Return the first line of the answer and the new bytes: upright, shrunk, one frame, without any metadata.

    Raises:
        TooManyPixelsError: Found before decoding.
        PIL.UnidentifiedImageError: It is none of the four formats.
        Exception: Whatever Pillow raises on broken data.
    """
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        picture: Image.Image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise TooManyPixelsError from error
    if picture.width * picture.height > MAX_PIXELS:
        raise TooManyPixelsError
    source = {"MPO": "JPEG"}.get(str(picture.format), str(picture.format))
    if picture.mode not in {"RGB", "L", "CMYK"}:  # those a JPEG can shrink while it decodes
        picture = _plain(picture)
    picture.thumbnail(_room(*picture.size), Image.Resampling.LANCZOS)
    ImageOps.exif_transpose(picture, in_place=True)
    picture = _plain(picture)
    picture.info.clear()  # Pillow would write a colour profile and a comment along
    media_type, out = _encode(picture)
    return f"ok {source} {media_type} {picture.width} {picture.height}", out


def _room(width: int, height: int) -> tuple[int, int]:
    """Return the most that the result may have of each side."""
    long, short = max(width, height), min(width, height)
    wanted = max(MAX_SIDE / long, READABLE_SIDE / short)
    scale = min(1.0, wanted, math.sqrt(MOST_PIXELS / (long * short)), MOST_SIDE / long)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _plain(picture: Image) -> Image:
    """Return the picture as RGB, or as RGBA when some of it can be seen through."""
    if picture.mode.startswith("I"):  # 16 bits of grey: a plain conversion would cut them off instead of scaling
        picture = picture.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if not picture.has_transparency_data:
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    picture = picture if picture.mode == "RGBA" else picture.convert("RGBA")
    lowest = picture.getchannel("A").getextrema()[0]
    return picture.convert("RGB") if lowest == 255 else picture


def _encode(picture: Image) -> tuple[str, bytes]:
    out = io.BytesIO()
    if picture.getcolors(_FEW_COLOURS) is not None:
        picture.save(out, "PNG")
        if out.tell() <= _MOST_PNG_BYTES:
            return "image/png", out.getvalue()
        out = io.BytesIO()
    if picture.mode == "RGBA":
        picture.save(out, "WEBP", quality=85)
        return "image/webp", out.getvalue()
    picture.save(out, "JPEG", quality=85)
    return "image/jpeg", out.getvalue()


def main() -> None:
    """Read stdin, write stdout."""
    limit_this_process()
    from PIL import UnidentifiedImageError

    data = sys.stdin.buffer.read()
    out = b""
    try:
        answer, out = encode_again(data)
    except UnidentifiedImageError:
        answer = "unknown"
    except TooManyPixelsError:
        answer = "pixels"
    sys.stdout.buffer.write(answer.encode("ascii") + b"\n" + out)


if __name__ == "__main__":
    main()
