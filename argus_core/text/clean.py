r"""What may reach a screen: text without escape sequences, controls and invisible tricks.

Every string of a model, a file, another user or a server goes through `clean()` or `clean_line()` before it is shown,
since Textual passes them to the terminal as they are. Sequences are those of ECMA-48 sections 5.4 to 5.6; the bidi
controls that go are those of the "Trojan Source" paper. ZWNJ, ZWJ, RLM, LRM, marks and emoji stay: Persian needs them.
"""

from __future__ import annotations

import re

_BAD = r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f"

FORBIDDEN = re.compile(f"[{_BAD}]")
"""One character that `clean()` never leaves in: all C0 but tab and newline, DEL, C1, line and paragraph separators,
bidi embeddings, overrides and isolates, BOM, surrogates, tags. A last line of defence can replace its matches."""

# A payload holds no control character: each scan ends at the next introducer, so the whole stays linear, and one not
# ended on its line loses its introducer only. The quantifiers are possessive: nothing is tried again.
_SEQUENCE = re.compile(
    r"""
    (?: \x1b[\]PX^_] | [\x90\x98\x9d-\x9f] )                                  # OSC DCS SOS PM APC, 7 and 8 bits ...
        (?: [^\x00-\x1f\x7f-\x9f]{0,4096}+ (?: \x07 | \x9c | \x1b\\ ) )?      # ... to BEL or ST, when that is near
    | (?: \x1b\[ | \x9b ) (?: [0-?]{0,64}+ [\x20-/]{0,16}+ [@-~] )?           # CSI
    | \x1b [\x20-/]{1,3}+ [0-~]                                               # such as the choice of a character set
    | \x1b\\?                                                                 # ESC alone, and a stray ST
    | ["""
    + _BAD
    + r"""]
    """,
    re.VERBOSE,
)
LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
"""What `clean()` makes newlines of: all line ends of Unicode (UAX #14, classes BK, CR and NL)."""
_BLANKS = re.compile("[ \t\n]+")


def clean(text: str) -> str:
    """Return `text` safe to show: only newlines and tabs are left of all controls; line ends become newlines.

    Run it on joined text, never on single deltas: a sequence that is cut in two pieces is not seen in either. While an
    answer streams, the start of a sequence may show as harmless letters until its end comes and takes them away.
    Cleaning what is clean changes nothing, and the time grows linearly, whatever the text.
    """
    if FORBIDDEN.search(text) is None:
        return text
    return _SEQUENCE.sub("", LINE_ENDS.sub("\n", text))


def clean_line(text: str, limit: int | None = None) -> str:
    """Return `text` as one clean line for titles, names and errors; runs of blanks become one space, none at the ends.

    Args:
        text: Any text.
        limit: The longest result in code points, at least 1; what is longer ends in `…`.
    """
    line = _BLANKS.sub(" ", clean(text)).strip(" ")
    if limit is None or len(line) <= limit:
        return line
    return line[: limit - 1].rstrip(" ") + "…"
