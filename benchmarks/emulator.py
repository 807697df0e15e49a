"""A terminal without a window: it answers what programs ask a terminal, and keeps the text of the screen."""

from __future__ import annotations

import codecs
import re

import pyte

_QUERY = re.compile(
    rb"\x1b\[(?P<params>[0-9;?>=]*)(?P<dollar>\$?)(?P<final>[cnpqtu])"
    rb"|\x1b\](?P<osc>1[0-9]);\?(?:\x07|\x1b\\)"
)
_CUT = re.compile(rb"\x1b(\[[0-9;?>=]*\$?|\][^\x07\x1b]{0,16})?$")
"""A query may be cut by the end of a read."""
_FIXED: dict[tuple[bytes, bytes], bytes] = {
    (b"", b"c"): b"\x1b[?62;22c",
    (b"0", b"c"): b"\x1b[?62;22c",
    (b">", b"c"): b"\x1b[>41;1;0c",
    (b"5", b"n"): b"\x1b[0n",
    (b"?996", b"n"): b"\x1b[?997;1n",
    (b">", b"q"): b"\x1bP>|ArgusProbe(1.0)\x1b\\",
    (b">0", b"q"): b"\x1bP>|ArgusProbe(1.0)\x1b\\",
}
_KNOWN_MODES = frozenset({b"1000", b"1002", b"1003", b"1004", b"1006", b"1049", b"2004", b"2026"})

_SEQUENCE = re.compile(
    r"\x1b\[(?P<params>[0-?]*)(?P<middle>[ -/]*)(?P<final>[@-~])"
    r"|\x1b\](?:[^\x07\x1b]|\x1b(?!\\))*(?:\x07|\x1b\\)"
    r"|\x1b[P_^X](?:[^\x1b]|\x1b(?!\\))*\x1b\\"
    r"|\x1b[()*+][0-9A-Za-z]|\x1b[=>]|[\x0e\x0f\x07\x00]"
    r"|(?P<cut>\x1b(?:$|[()*+]$|\[[0-?]*[ -/]*$|[\]P_^X](?:[^\x07\x1b]|\x1b(?!\\))*$))"
)
_KEPT = frozenset("ABCDEFGHJKLMPSTX@`adefgr")
_WITHOUT_CELL = dict.fromkeys([*range(0x200B, 0x2010), 0x2060, *range(0xFE00, 0xFE10), 0xFEFF])
"""Characters of no width that join with nothing: pyte would drop what follows them."""


class Emulator:
    """Feeds pyte what moves and writes text; colours are dropped, which makes it several times faster."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._cut_text = ""
        self._cut_query = b""

    def replies(self, data: bytes) -> bytes:
        """Return what a terminal would send back for the questions in `data`."""
        data = self._cut_query + data
        cut = _CUT.search(data[-40:])
        self._cut_query = cut.group() if cut else b""
        return b"".join(self._reply(match) for match in _QUERY.finditer(data))

    def _reply(self, match: re.Match[bytes]) -> bytes:
        if osc := match["osc"]:
            shade = b"1e1e/1e1e/1e1e" if osc == b"11" else b"d0d0/d0d0/d0d0"
            return b"\x1b]" + osc + b";rgb:" + shade + b"\x1b\\"
        params, final = match["params"], match["final"]
        if match["dollar"]:
            state = b"2" if params.lstrip(b"?") in _KNOWN_MODES else b"0"
            return b"\x1b[" + params + b";" + state + b"$y" if final == b"p" else b""
        if final == b"n" and params in (b"6", b"?6"):
            return b"\x1b[%d;%dR" % (self.screen.cursor.y + 1, min(self.screen.cursor.x, self.columns - 1) + 1)
        if final == b"t" and params == b"18":
            return b"\x1b[8;%d;%dt" % (self.rows, self.columns)
        return _FIXED.get((params, final), b"")

    def feed(self, data: bytes) -> None:
        """Draw what a program wrote."""
        text = self._cut_text + self._decoder.decode(data)
        self._cut_text = ""
        self._stream.feed(_SEQUENCE.sub(self._translate, text).translate(_WITHOUT_CELL))

    def _translate(self, match: re.Match[str]) -> str:
        if match["cut"]:
            self._cut_text = match["cut"]
            return ""
        params, final = match["params"], match["final"]
        if final is None or match["middle"] or ":" in params:
            return ""
        if params[:1] in ("?", ">", "<", "="):
            return "\x1b[2J\x1b[H" if params == "?1049" and final == "h" else ""
        if final in "ST":  # pyte has no scrolling command, only lines that push
            count = int(params or 1)
            push = f"\x1b[{self.rows};1H" + "\x1bD" * count if final == "S" else "\x1b[1;1H" + "\x1bM" * count
            return f"\x1b7{push}\x1b8"
        return match.group() if final in _KEPT else ""

    def row(self, y: int) -> str:
        """Return one line of the screen, padded."""
        line = self.screen.buffer[y]
        return "".join(line[x].data for x in range(self.columns))

    def text(self) -> str:
        """Return the whole screen."""
        return "\n".join(self.row(y).rstrip() for y in range(self.rows))
