"""Text that people made with any editor or shell: in UTF-8, or as the byte order mark at its beginning says."""

from __future__ import annotations

import codecs

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
"""Notepad writes the first, `>` of Windows PowerShell the second."""


def decoded(data: bytes, errors: str = "strict") -> str:
    """Return the text in a file or a pipe, without the mark.

    Args:
        data: All of it.
        errors: What to do with bytes that are no text, as `bytes.decode` takes it.

    Raises:
        UnicodeDecodeError: It is not text.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, errors)
    return data.decode("utf-8", errors)


def without_halves(text: str) -> str:
    """Return text without halves of surrogate pairs, which stand for bytes that were no UTF-8, as U+FFFD instead."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if not text.isascii() else text
