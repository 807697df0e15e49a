"""Text that would take a terminal over, one way in each case, and the proof that none of it came through."""

from __future__ import annotations

import re

CASES = {
    "colour": "\x1b[31;9101m",
    "clear": "\x1b[9102J",
    "a question to the terminal": "\x1b[9103n",
    "window title": "\x1b]0;t9104\x07",
    "clipboard": "\x1b]52;c;c9105\x1b\\",
    "link": "\x1b]8;;l9106\x1b\\",
    "device control": "\x1bPq9107\x1b\\",
    "application command": "\x1b_G9108\x1b\\",
    "privacy message": "\x1b^9109\x1b\\",
    "start of string": "\x1bX9110\x1b\\",
    "eight-bit sequence": "\x9b9111m",
    "eight-bit title": "\x9d0;9112\x9c",
    "reset": "\x1bc",
    "line drawing letters": "\x1b(0",
    "bell and backspaces": "\x07\x08\x08",
    "overrides of direction": "\u202e\u2066\u202a",
    "line separators and tags": "\u2028\u2029\U000e0041",
    "overwritten line": "\rw9118",
}
_NEVER = re.compile("[\x07\x08\x80-\x9f\u2028-\u202e\u2066-\u2069\U000e0000-\U000e007f]|\x1b[]P_^Xc(]")
"""What the program has no reason to write at all."""
_POINTER = re.compile("\x1b]22;[a-z-]+\x07")
"""The shape of the mouse pointer, which Textual sets at the start."""


def around(number: int, sequence: str) -> str:
    """Return a sequence between two words that must be seen."""
    return f"a{number:02}{sequence}z{number:02}"


LINES = [around(number, sequence) for number, sequence in enumerate(CASES.values())]


def all_seen(screen: str) -> bool:
    """Return whether the words around every sequence are on the screen."""
    return all(f"{letter}{number:02}" in screen for number in range(len(CASES)) for letter in "az")


def assert_harmless(written: bytes) -> None:
    """Fail when a byte of a hostile text reached the terminal."""
    text = _POINTER.sub("", written.decode("utf-8"))
    for name, sequence in CASES.items():
        assert sequence not in text, name
    found = _NEVER.search(text)
    assert found is None, text[max(0, found.start() - 40) : found.end() + 40].encode()
