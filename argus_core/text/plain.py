"""Markdown to plain text, for excerpts and titles: what is read, without the signs that say how it looks.

It reads line by line and guesses where Markdown is ambiguous; what an answer itself looks like is `rendering`'s to say.
Every word stays but addresses, comments, and the language of a block of code.
"""

from __future__ import annotations

import html
import re

_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")
_NO_TEXT = re.compile(r"[ \t>]*(?:[|:\- \t]*-[|:\- \t]*|=+|[*_ \t]{3,}|\$\$|\\[\[\]]|\[[^\]]+\]:\s*\S*[/.#:@]\S*.*)")
"""Rules, the delimiters of tables, signs of formulas on a line of their own, definitions of links."""
_LEAD = re.compile(r"(?:[ \t]*(?:>|#{1,6}(?=[ \t])|[-*+](?=[ \t])(?:[ \t]+\[[ xX]\](?=[ \t]))?))+[ \t]*|[ \t]+")
_INLINE = re.compile(
    r"""
      (?P<ticks>`+) (?!`) (?P<inner>.{1,500}?) (?<!`) (?P=ticks) (?!`)
    | (?P<formula> \$\$? (?![\s$]) [^$\n]{1,500} (?<!\s) \$\$? (?!\d) )
    | !?\[ (?P<link>[^\[\]]{0,500}) \] (?: \( [^()\n]{0,500} (?:\([^()\n]{0,200}\)[^()\n]{0,500})? \)
                                   | \[ [^\]\n]{0,200} \] )
    | <(?P<address>[a-z]{2,9}:[^<>\s]{1,500})>
    | (?P<blank> <br\s*/?> | (?<!\\)\| )
    | </?(?:sub|sup|kbd|details|summary|b|i|em|strong|u|p|div|span)(?:\s[^<>]{0,200})?> | <!-- [^<>]{0,500} -->
    | \\ (?P<escaped>[!-/:-@\[-`{-~])
    | \*{2,3} | ~~ | __ | (?<![\w*])[*_](?=[^\W_]) | (?<=[\w.,!?)])[*_](?![\w*])
    """,
    re.VERBOSE | re.IGNORECASE,
)


def plain(source: str) -> str:
    """Return the text of some Markdown, a line for each that has text; time grows linearly with its length."""
    lines: list[str] = []
    fence = ""
    for line in source.split("\n"):
        found = _FENCE.match(line)
        if found and (not fence or found[1].startswith(fence)):
            fence = "" if fence else found[1]
        elif fence:
            lines.append(line)
        elif not _NO_TEXT.fullmatch(line):
            lines.append(_inline(_LEAD.sub("", line, count=1) if _LEAD.match(line) else line))
    return "\n".join(line for line in lines if line.strip())


def _inline(text: str) -> str:
    text = _INLINE.sub(_read, text)
    return html.unescape(text).strip() if "&" in text else text.strip()


def _read(found: re.Match[str]) -> str:
    if found["link"]:
        return _INLINE.sub(_read, found["link"])
    if found["blank"]:
        return " "
    return found["inner"] or found["formula"] or found["address"] or found["escaped"] or ""
