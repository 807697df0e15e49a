"""F1 to F4: pictures in and out (ASVS 5.0, chapter 5)."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import struct
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from argus_core import attachments, pictures
from argus_core.attachments import MAX_BYTES, Attachments
from argus_core.blobs.files import FileBlobs
from argus_core.domain import SignedIn
from argus_core.errors import AttachmentRejected
from argus_core.server.uploads import AT_A_TIME, OF_USER, Uploads
from argus_core.settings import Settings
from argus_core.shares import ShareLimits, Shares
from tests.security import processes
from tests.server.conftest import Web
from tests.support.builders import ALICE, a_user
from tests.support.fake_gemini import png
from tests.support.server import RunningServer
from tests.support.store_drivers import StoreDriver

pytestmark = pytest.mark.slow

PIECE = 64 << 10


def upload(replica: Any, token: str, pieces: Iterator[bytes], *, length: int | None = None) -> tuple[bytes, int]:
    """Send a body piece by piece and return what came back and how many bytes of it were sent."""
    with socket.create_connection(("127.0.0.1", replica.port), timeout=60) as line:
        framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        head = ("POST /api/v1/attachments?name=a.png HTTP/1.1", "Host: x", "Connection: close", framing)
        line.sendall("\r\n".join((*head, f"Authorization: Bearer {token}", "\r\n")).encode())
        sent = 0
        with suppress(ConnectionError):
            for piece in pieces:
                line.sendall(piece if length is not None else b"%x\r\n%s\r\n" % (len(piece), piece))
                sent += len(piece)
            if length is None:
                line.sendall(b"0\r\n\r\n")
        answer = b""
        with suppress(ConnectionError):
            while more := line.recv(PIECE):
                answer += more
        return answer, sent


def resident_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))


def test_f1_an_upload_without_end_is_cut_with_flat_memory_and_nothing_left(tmp_path: Path) -> None:
    with processes.serving(tmp_path) as replica:
        token = processes.sign_up(replica, "Sara", "seven grey herons wade")["access_token"]
        upload(replica, token, iter([png(4, 4)]))  # what is loaded at the first picture is loaded
        before = resident_kib(replica.pid)
        blobs = {path for path in (tmp_path / "data").rglob("*") if path.is_file()}
        peaks = []
        for _ in range(5):
            answer, sent = upload(replica, token, iter([b"\x89PNG" + b"x" * PIECE] * (21 << 4)))
            assert sent < 22 << 20
            assert answer == b"" or b"422" in answer.splitlines()[0]
            peaks.append(resident_kib(replica.pid))
        assert peaks[-1] - before < 64 << 10  # one body and its copy, not one for each
        assert peaks[-1] - peaks[1] < 24 << 10
        lied, _ = upload(replica, token, iter([b"x" * PIECE] * (21 << 4)), length=1 << 40)
        assert lied == b"" or b"422" in lied.splitlines()[0]
        after = {path for path in (tmp_path / "data").rglob("*") if path.is_file()}
        assert {path.name for path in after - blobs} <= {"argus.db-wal", "argus.db-shm"}
        status, _, _ = processes.send(replica, "GET", "/api/v1/account", token=token)
        assert status == 200


async def test_f1_one_byte_more_than_20_mib_is_refused(web: Web, sara: SignedIn) -> None:
    answer = await web("POST", "/attachments", sara, content=b"x" * (MAX_BYTES + 1), params={"name": "a.png"})
    assert (answer.status_code, answer.json()["code"]) == (422, "attachment_rejected")
    assert "20 MB" in answer.json()["hint"]


async def test_f1_what_a_user_keeps_is_bounded(store: StoreDriver, tmp_path: Path) -> None:
    storage = store.connect()
    await storage.open()
    try:
        await storage.ensure_user(a_user(ALICE))
        small = len(attachments.prepare_image(png(4, 4)).data)
        shares, blobs = Shares(storage, ShareLimits(picture_bytes=2 * small)), FileBlobs(tmp_path / "blobs")
        mine = Attachments(storage, blobs, ALICE, shares=shares)
        for _ in range(2):
            await mine.add("a.png", png(4, 4))
        with pytest.raises(AttachmentRejected, match="delete conversations with pictures"):
            await mine.add("a.png", png(4, 4))
        assert (await storage.keeping(ALICE)).picture_bytes == 2 * small
        await Attachments(storage, blobs, "another", shares=shares).add("b.png", png(4, 4))
        await Attachments(storage, blobs, ALICE).add("a.png", png(4, 4))
    finally:
        await storage.close()


def test_f1_the_setting_bounds_what_a_user_keeps_on_the_server(tmp_path: Path) -> None:
    assert Settings().user_storage_mb == 1024
    noise = Image.effect_noise((1500, 1500), 200).convert("RGB")
    out = io.BytesIO()
    noise.save(out, "JPEG", quality=95)
    with processes.serving(tmp_path, ARGUS_USER_STORAGE_MB="1") as replica:
        token = processes.sign_up(replica, "Sara", "seven grey herons wade")["access_token"]
        statuses = []
        for _ in range(4):
            status, _, body = processes.send(replica, "POST", "/api/v1/attachments?name=a.jpg", out.getvalue(), token)
            statuses.append(status)
        assert statuses[-1] == 422
        assert statuses[0] == 201 or len(attachments.prepare_image(out.getvalue()).data) > 1 << 20
        assert "of 1 MB: delete conversations with pictures" in json.loads(body)["hint"]
        other = processes.sign_up(replica, "Ali", "seven grey herons wade")["access_token"]
        assert processes.send(replica, "POST", "/api/v1/attachments?name=a.png", png(4, 4), other)[0] == 201


async def test_f1_who_sends_slowly_keeps_only_their_own_waiting() -> None:
    uploads = Uploads()
    receiving: Counter[str] = Counter()
    go_on = asyncio.Event()

    async def slowly(user: str) -> AsyncIterator[bytes]:
        receiving[user] += 1
        yield b"half of "
        await go_on.wait()
        yield b"it"

    async def send(user: str) -> bytes:
        async with uploads.received(user, slowly(user)) as data:
            return data

    slow = [asyncio.create_task(send(f"slow{n}")) for n in range(3 * AT_A_TIME)]
    slow += [asyncio.create_task(send("hoarder")) for _ in range(10)]
    await asyncio.sleep(0)
    assert receiving["hoarder"] == OF_USER
    assert receiving.total() == 3 * AT_A_TIME + OF_USER
    async with uploads.received("sara", at_once(b"a picture")) as data:
        assert data == b"a picture"
    slow[-1].cancel()
    go_on.set()
    results = await asyncio.gather(*slow, return_exceptions=True)
    assert results[:-1] == [b"half of it"] * (len(slow) - 1)


async def test_f1_only_a_few_pictures_are_in_memory() -> None:
    uploads = Uploads()
    inside = most = 0

    async def send(user: str) -> None:
        nonlocal inside, most
        async with uploads.received(user, at_once(b"a picture")):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(send(f"user{n}") for n in range(5 * AT_A_TIME)))
    assert most == AT_A_TIME


async def at_once(data: bytes) -> AsyncIterator[bytes]:
    yield data


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
REFUSED: dict[str, tuple[str, Callable[[], bytes]]] = {
    "SVG": ("a.svg", lambda: SVG),
    "SVG as PNG": ("a.png", lambda: SVG),
    "HTML": ("a.html", lambda: b"<!doctype html><script>alert(1)</script>"),
    "HTML as GIF": ("a.gif", lambda: b"GIF89a/*<script>*/=1;alert(1)"),
    "PDF": ("a.pdf", lambda: b"%PDF-1.7\n"),
    "program": ("a.png", lambda: b"MZ" + b"\0" * 400),
    "truncated": ("a.png", lambda: png(60, 60)[:-30]),
    "wrong ending": ("a.jpg", lambda: png(4, 4)),
    "EPS": ("a.png", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
    "TIFF": ("a.tif", lambda: _saved("TIFF")),
    "ICO": ("a.ico", lambda: _saved("ICO")),
    "nothing": ("a.png", lambda: b""),
}


def _saved(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize("name", REFUSED)
async def test_f2_what_is_no_picture_of_the_four_kinds_is_refused(
    web: Web, sara: SignedIn, server: RunningServer, name: str
) -> None:
    file, make = REFUSED[name]
    answer = await web("POST", "/attachments", sara, content=make(), params={"name": file})
    assert (answer.status_code, answer.json()["code"]) == (422, "attachment_rejected")
    assert (await server.services.storage.keeping(sara.user.id)).picture_bytes == 0


async def test_f2_what_gets_in_is_encoded_anew(web: Web, sara: SignedIn) -> None:
    hidden = b"PK\x03\x04 hidden <script>alert(1)</script>"
    exif = Image.Exif()
    exif[0x010E] = "a secret description"
    out = io.BytesIO()
    Image.effect_noise((200, 200), 200).convert("RGB").save(out, "JPEG", exif=exif, comment=b"a secret comment")
    for data, name in ((out.getvalue() + hidden, "a.jpg"), (png(9, 9) + hidden, "b.png")):
        made = (await web("POST", "/attachments", sara, content=data, params={"name": name})).json()
        stored = (await web("GET", f"/attachments/{made['id']}/content", sara)).content
        assert stored != data
        assert b"hidden" not in stored
        assert b"secret" not in stored
        with Image.open(io.BytesIO(stored)) as picture:
            assert not picture.getexif()


def pixels(width: int, height: int) -> bytes:
    """Return a PNG that says it is so large, and holds nothing of it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("width", "height"), [(8200, 5000), (1, 41_000_000), (65_535, 65_535)])
async def test_f3_41_megapixels_are_refused_before_they_are_decoded(
    web: Web, sara: SignedIn, width: int, height: int
) -> None:
    assert width * height > pictures.MAX_PIXELS
    answer = await web("POST", "/attachments", sara, content=pixels(width, height), params={"name": "a.png"})
    assert answer.status_code == 422
    assert "megapixels" in answer.json()["hint"]
    assert (await web("GET", "/account", sara)).status_code == 200


async def test_f3_a_decoder_that_takes_too_long_is_ended_and_the_server_lives(
    web: Web, sara: SignedIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    sleeper = tmp_path / "sleeper.py"
    sleeper.write_text("import time\ntime.sleep(60)\n", encoding="utf-8")
    monkeypatch.setattr(pictures, "__file__", str(sleeper))
    monkeypatch.setattr(attachments, "_TIME_LIMIT_S", 0.5)
    refused = asyncio.create_task(web("POST", "/attachments", sara, content=png(4, 4), params={"name": "a.png"}))
    await asyncio.sleep(0.1)
    assert (await web("GET", "/account", sara)).status_code == 200
    assert (await refused).status_code == 422
    sleeper.write_text(
        f"import runpy; m = runpy.run_path({pictures.__spec__.origin!r}); m['limit_this_process']()\n"
        "x = bytearray(8 << 30)\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(attachments, "_TIME_LIMIT_S", 30.0)
    greedy = await web("POST", "/attachments", sara, content=png(4, 4), params={"name": "a.png"})
    assert (greedy.status_code, greedy.json()["code"]) == (422, "attachment_rejected")
    assert (await web("GET", "/account", sara)).status_code == 200


async def test_f4_pictures_are_downloads_of_their_exact_type_that_nobody_keeps(web: Web, sara: SignedIn) -> None:
    name = 'a"; filename=evil.html\r\nX-Evil: 1.png'
    made = (await web("POST", "/attachments", sara, content=png(4, 4), params={"name": name})).json()
    answer = await web("GET", f"/attachments/{made['id']}/content", sara)
    assert answer.headers["content-disposition"] == f'attachment; filename="{made["id"]}.png"'
    assert answer.headers["content-type"] == made["media_type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "x-evil" not in answer.headers
    assert answer.content.startswith(b"\x89PNG")
