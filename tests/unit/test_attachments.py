"""Pictures: what is taken, what is made of it, and what is refused with which words."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from argus_core import attachments, pictures
from argus_core.attachments import MAX_BYTES, Attachments, clean_name, open_attachment, prepare_image
from argus_core.blobs.files import FileBlobs
from argus_core.domain import Attachment
from argus_core.errors import AttachmentRejected, NotFound
from argus_core.storage.base import Storage
from argus_core.text.clean import FORBIDDEN
from argus_tui.widgets.pasting import PICTURE_SUFFIXES


@pytest.fixture(autouse=True)
def pillow_keeps_its_own_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", Image.MAX_IMAGE_PIXELS)


def photo(width: int = 200, height: int = 100, mode: str = "RGB") -> Image.Image:
    """A picture of very many colours."""
    channels = [Image.effect_noise((width, height), 60) for _ in range(3)]
    return Image.merge("RGB", channels).convert(mode)


def encoded(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def png_bomb(width: int, height: int) -> bytes:
    """A PNG of one colour whose few bytes unfold to `width * height` grey pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(width + 1)) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def again(data: bytes) -> tuple[str, Image.Image]:
    """Encode `data` again in this process; return the answer's first line and the result, opened."""
    answer, out = pictures.encode_again(data)
    return answer, Image.open(io.BytesIO(out))


def is_red(picture: Image.Image, x: int, y: int) -> bool:
    red, green, _ = cast(tuple[int, int, int], picture.convert("RGB").getpixel((x, y)))
    return red > green + 80


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_each_kind_is_taken_and_encoded_again(kind: str) -> None:
    data = encoded(photo(), kind)
    image = prepare_image(data, f"photo.{kind.lower()}")
    assert (image.width, image.height) == (200, 100)
    assert image.data != data
    assert Image.open(io.BytesIO(image.data)).get_format_mimetype() == image.media_type


def test_photo_becomes_jpeg_and_is_shrunk_with_its_proportions() -> None:
    answer, out = again(encoded(photo(4000, 2000), "PNG"))
    assert answer == "ok PNG image/jpeg 2048 1024"
    assert out.size == (2048, 1024)


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        (1080, 20000, (673, 12463)),  # a page as a phone takes it: 8 megapixels, and letters that can be read
        (1080, 2400, (922, 2048)),  # its screen
        (20000, 700, (15481, 542)),
        (900, 3000, (768, 2560)),
        (500, 6000, (500, 6000)),
        (300, 39000, (126, 16380)),
    ],
)
def test_a_long_picture_stays_readable(width: int, height: int, size: tuple[int, int]) -> None:
    assert again(encoded(Image.new("RGB", (width, height), "navy"), "PNG"))[1].size == size


def test_a_grey_photo_is_no_png_of_many_megabytes() -> None:
    noise = Image.effect_noise((2048, 2048), 90).convert("RGB")
    answer, out = again(encoded(noise, "PNG"))
    assert answer.startswith("ok PNG image/jpeg")
    assert out.size == (2048, 2048)


@pytest.mark.parametrize(("width", "height", "size"), [(1, 1, (1, 1)), (39000, 2, (16383, 1)), (1, 3000, (1, 3000))])
def test_extreme_sizes_keep_at_least_one_pixel(width: int, height: int, size: tuple[int, int]) -> None:
    assert again(encoded(Image.new("RGB", (width, height)), "PNG"))[1].size == size


def test_few_colours_become_png() -> None:
    assert again(encoded(Image.new("RGB", (50, 40), "navy"), "GIF"))[0] == "ok GIF image/png 50 40"


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparency_is_kept(kind: str) -> None:
    picture = photo(mode="RGBA")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    answer, out = again(encoded(picture, kind, lossless=True))
    assert answer == f"ok {kind} image/webp 200 100"
    lowest, highest = cast(tuple[int, int], out.getchannel("A").getextrema())
    assert (lowest < 10, highest > 245) == (True, True)


def test_transparent_colour_of_a_gif_is_kept() -> None:
    picture = Image.new("P", (10, 10), 0)
    picture.putpalette([255, 0, 0, 0, 255, 0])
    picture.putpixel((5, 5), 1)
    _, out = again(encoded(picture, "GIF", transparency=0))
    assert out.getpixel((0, 0))[3] == 0  # type: ignore[index]
    assert out.getpixel((5, 5)) == (0, 255, 0, 255)


def test_alpha_that_hides_nothing_is_dropped() -> None:
    assert again(encoded(photo(mode="RGBA"), "PNG"))[0] == "ok PNG image/jpeg 200 100"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16"])
def test_every_colour_mode_is_taken(mode: str) -> None:
    picture = Image.new("I;16", (20, 10), 0x8000) if mode == "I;16" else photo(20, 10).convert(mode)
    _, out = again(encoded(picture, "JPEG" if mode == "CMYK" else "PNG"))
    assert out.mode == "RGB"
    if mode == "I;16":
        assert out.getpixel((0, 0)) == (128, 128, 128)


@pytest.mark.parametrize(
    ("orientation", "size", "red_at"),
    [(1, (200, 100), (20, 50)), (3, (200, 100), (180, 50)), (6, (100, 200), (50, 20)), (8, (100, 200), (50, 180))],
)
def test_picture_is_turned_upright(orientation: int, size: tuple[int, int], red_at: tuple[int, int]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    flat = Image.new("RGB", (200, 100), "white")
    flat.paste("red", (0, 0, 100, 100))
    for kind in ("JPEG", "PNG", "WEBP"):
        _, out = again(encoded(flat, kind, exif=exif))
        assert out.size == size
        assert is_red(out, *red_at)
        assert not is_red(out, size[0] - 1 - red_at[0], size[1] - 1 - red_at[1])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_place_camera_profile_and_comments_are_gone(kind: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SECRETCAMERA"
    exif.get_ifd(0x8825)[2] = (51.0, 30.0, 0.0)
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "SECRETCOMMENT")
    every: dict[str, dict[str, Any]] = {
        "JPEG": {"comment": b"SECRETCOMMENT"},
        "PNG": {"pnginfo": text},
        "WEBP": {"xmp": b"SECRETCOMMENT"},
    }
    for picture in (photo(), Image.new("RGB", (9, 9), "navy")):  # one becomes JPEG, one PNG
        data = encoded(picture, kind, exif=exif, icc_profile=b"SECRETPROFILE" * 20, **every[kind])
        assert b"SECRETCAMERA" in data
        out = pictures.encode_again(data)[1]
        assert b"SECRET" not in out
        assert dict(Image.open(io.BytesIO(out)).getexif()) == {}
        assert "icc_profile" not in Image.open(io.BytesIO(out)).info


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    frames = [Image.new("RGB", (30, 20), colour) for colour in ("red", "blue", "green")]
    _, out = again(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert getattr(out, "n_frames", 1) == 1
    assert is_red(out, 10, 10)


def test_several_pictures_in_one_jpeg_give_the_first() -> None:
    data = encoded(photo(), "MPO", save_all=True, append_images=[photo(300, 300)])
    assert again(data)[0] == "ok JPEG image/jpeg 200 100"


def test_what_hides_behind_the_picture_is_gone() -> None:
    image = prepare_image(encoded(photo(), "JPEG") + b"PK\x03\x04<script>evil()</script>")
    assert b"evil" not in image.data


SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script>evil()</script></svg>'
TAKEN = "Argus takes pictures: JPEG, PNG, WebP and GIF."


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("empty.png", b"", "The file is empty."),
        ("drawing.svg", SVG, f"It is an SVG drawing; {TAKEN}"),
        ("page.html", b"\n<!DOCTYPE HTML><script>evil()</script>", f"It is a web page; {TAKEN}"),
        ("paper.png", b"%PDF-1.7\n%stuff", f"It says .png but holds a PDF document; {TAKEN}"),
        ("setup.exe", b"MZ\x90\0" + bytes(200), f"It is a Windows program; {TAKEN}"),
        ("photo.heic", b"\0\0\0\x18ftypheic" + bytes(100), f"It is a HEIC or AVIF picture, or a video; {TAKEN}"),
        ("notes.jpg", b"just words", f"It says .jpg but holds something else; {TAKEN}"),
        ("notes", b"just words", "It is not a picture that Argus takes (JPEG, PNG, WebP, GIF)."),
        ("scan.bmp", encoded(photo(), "BMP"), f"It is a BMP picture; {TAKEN}"),
        ("photo.png", encoded(photo(), "JPEG"), "It says .png but holds a JPEG picture; call it .jpg if you trust it."),
        ("photo.jpg", encoded(photo(), "JPEG")[:-2000], "The picture is broken or cut off."),
        ("photo.png", encoded(photo(), "PNG")[:-2000], "The picture is broken or cut off."),
        ("photo.webp", encoded(photo(), "WEBP")[:-500], "The picture is broken or cut off."),
        ("photo.gif", b"GIF89a", "The picture is broken or cut off."),
        ("bomb.png", png_bomb(16384, 16384), "It has more than 40 megapixels."),
        ("bomb.png", png_bomb(8192, 5005), "It has more than 40 megapixels."),
    ],
)
def test_what_is_no_picture_is_refused_in_words(name: str, data: bytes, words: str) -> None:
    with pytest.raises(AttachmentRejected) as caught:
        prepare_image(data, name)
    assert caught.value.hint == words


def test_script_that_begins_like_a_gif_is_refused() -> None:
    with pytest.raises(AttachmentRejected):
        prepare_image(b"GIF89a/*<script>*/=1;evil()" + bytes(2000), "x.gif")


def test_more_than_twenty_mebibytes_are_refused_before_anything_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "_decode_apart", lambda data: pytest.fail("it was read"))
    with pytest.raises(AttachmentRejected, match="larger than 20 MB"):
        prepare_image(bytes(MAX_BYTES + 1))


def test_too_many_pixels_are_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", lambda self: pytest.fail("it was decoded"))
    for height in (5005, 5100, 16384):
        with pytest.raises(pictures.TooManyPixelsError):
            pictures.encode_again(png_bomb(8192, height))


@pytest.mark.slow
def test_largest_picture_that_is_taken_fits_into_the_limits() -> None:
    picture = Image.new("RGBA", (8000, 5000), (10, 200, 30, 100))
    image = prepare_image(encoded(picture, "PNG", compress_level=1))
    assert (image.width, image.height) == (2048, 1280)


def test_decoder_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hanging = tmp_path / "hanging.py"
    hanging.write_text("import sys, time\nsys.stdin.buffer.read()\ntime.sleep(600)\n")
    monkeypatch.setattr(pictures, "__file__", str(hanging))
    monkeypatch.setattr(attachments, "_TIME_LIMIT_S", 0.3)
    with pytest.raises(AttachmentRejected, match="took longer"):
        prepare_image(encoded(photo(), "JPEG"))


def test_decoder_gets_no_more_memory_than_its_limit() -> None:
    code = (
        "from argus_core.pictures import limit_this_process as limit\nlimit()\n"
        "try:\n    bytearray(2 << 30)\nexcept MemoryError:\n    print('refused')"
    )
    root = Path(pictures.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"


def test_decoder_sees_no_secret_no_terminal_and_no_module_of_the_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "PIL.py").write_text("raise SystemExit('hijacked')")
    (tmp_path / "io.py").write_text("raise SystemExit('hijacked')")
    monkeypatch.chdir(tmp_path)
    assert prepare_image(encoded(photo(), "JPEG")).media_type == "image/jpeg"
    spy = tmp_path / "spy.py"
    spy.write_text(
        "import os\n"
        "try:\n    terminal = os.open('/dev/tty', os.O_RDWR)\nexcept OSError:\n    terminal = None\n"
        "print('GEMINI_API_KEY' in os.environ, terminal, os.isatty(0), os.isatty(2))"
    )
    monkeypatch.setenv("GEMINI_API_KEY", "secret")
    monkeypatch.setattr(pictures, "__file__", str(spy))
    assert attachments._decode_apart(b"") == b"False None False False\n"


def test_importing_attachments_loads_no_pillow() -> None:
    code = "import sys, argus_core.attachments; print('PIL' in sys.modules)"
    root = Path(pictures.__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# Names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cat.png", "cat.png"),
        ("../../etc/passwd", "passwd"),
        ("/abs/olute.jpg", "olute.jpg"),
        ("C:\\Users\\me\\cat.gif", "cat.gif"),
        ("a\0b.png", "ab.png"),
        ("gpj.\u202eexe.png", "gpj.exe.png"),
        ("\x1b]0;owned\x07cat.png", "cat.png"),
        ("two\nlines.png", "two lines.png"),
        ("گربه\u200cها.png", "گربه\u200cها.png"),
        ("..", "picture"),
        ("", "picture"),
        ("dir/", "dir"),
        (" . ", "picture"),
        ("\ud800.png", "png"),
    ],
)
def test_name_is_cleaned(name: str, expected: str) -> None:
    assert clean_name(name) == expected


def test_long_name_keeps_its_suffix() -> None:
    assert clean_name("a" * 300 + ".webp") == "a" * 114 + "….webp"


@given(st.text(st.one_of(st.sampled_from("/\\. \0\x1b\u202e"), st.characters(exclude_categories=()))))
def test_no_name_ever_has_a_path_or_a_control_in_it(name: str) -> None:
    cleaned = clean_name(name)
    assert 1 <= len(cleaned) <= 120
    assert FORBIDDEN.search(cleaned) is None
    assert not set("/\\\n\t") & set(cleaned)
    assert cleaned not in {".", ".."}


# The service


class Rows:
    """The two methods of a storage that attachments need."""

    def __init__(self, blobs_folder: Path) -> None:
        self.blobs_folder = blobs_folder
        self.rows: dict[tuple[str, str], Attachment] = {}

    async def create_attachment(self, user_id: str, attachment: Attachment) -> Attachment:
        assert (self.blobs_folder / attachment.digest[:2] / attachment.digest).exists(), "the row came before the bytes"
        self.rows[user_id, attachment.id] = attachment
        return attachment

    async def get_attachment(self, user_id: str, attachment_id: str) -> Attachment:
        try:
            return self.rows[user_id, attachment_id]
        except KeyError:
            raise NotFound from None


async def test_added_picture_is_kept_and_belongs_to_its_user_alone(tmp_path: Path) -> None:
    rows = Rows(tmp_path)
    mine, other = (Attachments(cast(Storage, rows), FileBlobs(tmp_path), user) for user in ("me", "other"))
    attachment = await mine.add("../../cat.png", encoded(photo(), "PNG"))
    assert (attachment.name, attachment.media_type) == ("cat.png", "image/jpeg")
    assert (attachment.width, attachment.height) == (200, 100)
    assert len(await mine.read(attachment)) == attachment.size_bytes
    with pytest.raises(NotFound):
        await other.read(attachment)


async def test_refused_picture_leaves_nothing(tmp_path: Path) -> None:
    rows = Rows(tmp_path)
    with pytest.raises(AttachmentRejected):
        await Attachments(cast(Storage, rows), FileBlobs(tmp_path), "me").add("a.svg", SVG)
    assert rows.rows == {}
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - nothing here waits


# Files of this machine


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "in").mkdir(parents=True)
    (root / "in" / "cat.png").write_bytes(b"cat")
    (tmp_path / "secret.png").write_bytes(b"secret")
    return root


def test_file_inside_is_read_also_through_links_that_stay_inside(root: Path) -> None:
    (root / "link.png").symlink_to(root / "in" / "cat.png")
    (root.parent / "way").symlink_to(root)
    for path in (root / "in" / "cat.png", root / "link.png", root.parent / "way" / "in" / "cat.png"):
        assert open_attachment(path, root) == b"cat"
    assert open_attachment(root / "link.png", root.parent / "way") == b"cat"


def test_everything_else_is_refused_in_words(root: Path) -> None:
    (root / "out.png").symlink_to(root.parent / "secret.png")
    (root / "loop.png").symlink_to(root / "loop.png")
    (root / "dangling.png").symlink_to(root / "none.png")
    (root / "empty.png").write_bytes(b"")
    os.mkfifo(root / "fifo.png")
    refused = {
        root / "out.png": "outside",
        root.parent / "secret.png": "outside",
        root / "in" / ".." / ".." / "secret.png": "outside",
        root / "loop.png": "cannot be read",
        root / "dangling.png": "No such file",
        root / "none.png": "No such file",
        root / "in": "not a file|directory",
        root / "fifo.png": "not a file",
        root / "empty.png": "empty",
        Path("/dev/zero"): "outside",
        root / "nul\0.png": "cannot be read",
    }
    for path, words in refused.items():
        with pytest.raises(AttachmentRejected, match=words):
            open_attachment(path, root)


def test_device_is_refused_although_it_is_inside() -> None:
    with pytest.raises(AttachmentRejected, match="not a file"):
        open_attachment(Path("/dev/zero"), Path("/dev"))


def test_file_that_is_too_large_is_not_read_to_its_end(root: Path) -> None:
    with (root / "huge.png").open("wb") as file:
        file.truncate(MAX_BYTES * 100)
    with pytest.raises(AttachmentRejected, match="larger than 20 MB"):
        open_attachment(root / "huge.png", root)


def test_folder_swapped_for_a_link_while_opening_is_noticed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_open = os.open

    def swap_then_open(path: Path, flags: int) -> int:
        (root / "in").rename(root / "away")
        (root / "in").symlink_to(root.parent)
        return real_open(path, flags)

    (root.parent / "cat.png").write_bytes(b"secret")
    monkeypatch.setattr(os, "open", swap_then_open)
    with pytest.raises(AttachmentRejected, match="outside"):
        open_attachment(root / "in" / "cat.png", root)


def test_the_program_takes_the_same_names_for_pictures_as_the_core() -> None:
    assert set(attachments._SUFFIXES) == PICTURE_SUFFIXES
