"""Text that people made with any editor or shell: in UTF-8, or as the byte order mark at its beginning says."""

from __future__ import annotations

import codecs
import re

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
"""Notepad writes the first, `>` of Windows PowerShell the second."""
_OTHER_HALVES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""No byte stands behind these (PEP 383)."""


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
    """Return text that has a UTF-8: bytes that Python took in as halves of pairs are read again, or become U+FFFD."""
    if text.isascii():
        return text
    return _OTHER_HALVES.sub("\ufffd", text).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
