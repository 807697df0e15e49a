"""A photo to attach: the roofs of a town at dusk, drawn here so that it belongs to nobody."""

from __future__ import annotations

import io
import math
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFilter

_SKY = ((0.0, (38, 44, 92)), (0.45, (126, 82, 128)), (0.72, (232, 138, 104)), (1.0, (252, 206, 140)))
_HILL, _TOWN, _LAMP = (112, 76, 112), (46, 30, 58), (255, 206, 120)
Rgb = tuple[int, int, int]


def _blend(one: Rgb, other: Rgb, share: float) -> Rgb:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _sky_at(height: float) -> Rgb:
    for (low, one), (high, other) in pairwise(_SKY):
        if height <= high:
            return _blend(one, other, (height - low) / (high - low))
    return _SKY[-1][1]


def dusk(width: int = 1600, height: int = 1000) -> Image.Image:
    """Return the picture."""
    image = Image.new("RGB", (width, height))
    canvas = ImageDraw.Draw(image)
    ground = height * 0.72
    for y in range(height):
        canvas.line((0, y, width, y), fill=_sky_at(min(1.0, y / ground)))
    _sun(canvas, width * 0.66, ground - height * 0.16, height)
    ridge = [
        (x, ground - height * (0.10 + 0.06 * math.sin(x / width * 7 + 1) + 0.03 * math.sin(x / width * 19)))
        for x in range(0, width + 1, 8)
    ]
    canvas.polygon([(0, ground), *ridge, (width, ground)], fill=_HILL)
    _town(canvas, width, height, ground)
    _pool(image, ground)
    return image


def _sun(canvas: ImageDraw.ImageDraw, x: float, y: float, height: int) -> None:
    for share, color in ((0.17, (250, 190, 128)), (0.13, (253, 214, 150)), (0.095, (255, 240, 200))):
        radius = share * height
        canvas.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)


def _town(canvas: ImageDraw.ImageDraw, width: int, height: int, ground: float) -> None:
    canvas.rectangle((width * 0.12, ground - height * 0.13, width * 0.56, ground), fill=_TOWN)
    x, radius = width * 0.33, height * 0.17
    canvas.pieslice((x - radius, ground - 1.9 * radius, x + radius, ground), 180, 360, fill=_TOWN)
    canvas.polygon(
        (
            (x - radius * 0.8, ground - radius * 1.3),
            (x, ground - radius * 2.5),
            (x + radius * 0.8, ground - radius * 1.3),
        ),
        fill=_TOWN,
    )
    canvas.rectangle((x - radius * 0.86, ground - radius, x + radius * 0.86, ground), fill=_TOWN)
    for share in (0.185, 0.475):
        canvas.rectangle((width * (share - 0.009), ground - height * 0.5, width * (share + 0.009), ground), fill=_TOWN)
    for share, tall in ((0.06, 0.30), (0.62, 0.26), (0.80, 0.36), (0.86, 0.28), (0.94, 0.33)):
        middle, top = width * share, ground - height * tall
        canvas.ellipse((middle - height * tall * 0.13, top, middle + height * tall * 0.13, ground + 20), fill=_TOWN)
    for number in range(7):
        left = width * (0.16 + number * 0.057)
        canvas.rectangle((left, ground - height * 0.07, left + width * 0.024, ground - height * 0.015), fill=_LAMP)


def _pool(image: Image.Image, ground: float) -> None:
    """Mirror the town in the water below it."""
    width, height = image.size
    deep = height - int(ground)
    above = image.crop((0, int(ground - deep * 1.9), width, int(ground))).resize((width, deep))
    mirrored = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    water = Image.blend(mirrored, Image.new("RGB", mirrored.size, (30, 34, 66)), 0.42)
    image.paste(water.filter(ImageFilter.GaussianBlur(3)), (0, int(ground)))


def encoded(kind: str, width: int = 1600, height: int = 1000) -> bytes:
    """Return the picture as the bytes of a file: `JPEG` or `PNG`."""
    buffer = io.BytesIO()
    dusk(width, height).save(buffer, kind)
    return buffer.getvalue()
