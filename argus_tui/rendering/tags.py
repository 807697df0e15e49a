"""HTML in answers: what a few tags and comments mean is shown, and not the tags. Any other HTML is text.

`<br>` breaks the line, `<sub>` and `<sup>` are written in Unicode, `<kbd>` is a key, `<details>` is open.
"""

from __future__ import annotations

import re

from markdown_it.rules_block import StateBlock, html_block
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

_TAG = re.compile(r"<(/?)(br|sub|sup|kbd|details|summary)(?:\s[^>]*)?/?>", re.IGNORECASE)
_INLINE = re.compile(r"</?(?:br|sub|sup|kbd)(?:\s[^>]*)?/?>|<!--(?:(?!-->).)*-->\s*\S", re.IGNORECASE)
_FOLD = re.compile(r"</?(?:details|summary)(?:\s[^>]*)?>", re.IGNORECASE)
_SUMMARY = re.compile(r"<summary(?:\s[^>]*)?>(.*)</summary\s*>", re.IGNORECASE)
_VERBATIM = re.compile(r"\s*<(?:script|pre|style|textarea)\b", re.IGNORECASE)

_RAISED = str.maketrans(
    "0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWβγδθφχ",
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵝᵞᵟᶿᵠᵡ",
)
_LOWERED = str.maketrans(
    "0123456789+-−=()aehijklmnoprstuvxβγρφχ",
    "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ",
)
_LETTERS = {"sup": (_RAISED, "^"), "sub": (_LOWERED, "_")}


# Blocks


def html(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Block rule round markdown-it's: a line that begins with one of our tags for words begins a paragraph."""
    if not _begins_tag(state, start_line) or _INLINE.match(_line(state, start_line)):
        return False
    return html_block(state, start_line, end_line, silent)


def fold(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Block rule: the tags of `<details>` hold for their line only, so that what lies inside is Markdown."""
    if not _begins_tag(state, start_line) or state.is_code_block(start_line):
        return False
    line = _line(state, start_line)
    if not _FOLD.match(line):
        return False
    if silent:
        return True
    kind, tag = ("heading", "h6") if _SUMMARY.search(line) else ("paragraph", "p")
    state.line = start_line + 1
    if said := _FOLD.sub(" ", line).strip():
        state.push(f"{kind}_open", tag, 1).map = [start_line, start_line + 1]
        inline = state.push("inline", "", 0)
        inline.map, inline.content, inline.children = [start_line, start_line + 1], said, []
        state.push(f"{kind}_close", tag, -1)
    return True


def text_of_html(source: str) -> str:
    """Return what is shown of a block of HTML; it may be nothing."""
    if not _VERBATIM.match(source):
        source = _TAG.sub(lambda tag: "\n" if tag[2].lower() == "br" else "", _without_comments(source))
    return source.strip("\n") if source.strip() else ""


def _without_comments(source: str) -> str:
    """Return what is not in comments; one that is not ended is none."""
    kept, at = "", 0
    while (start := source.find("<!--", at)) >= 0 and (end := source.find("-->", start + 2)) >= 0:
        kept, at = kept + source[at:start], end + 3
    return kept + source[at:]


def _begins_tag(state: StateBlock, line: int) -> bool:
    return state.src.startswith("<", state.bMarks[line] + state.tShift[line])


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]


# Inside blocks


def read_tags(state: StateCore) -> None:
    """Core rule: put what our tags mean in place of their tokens."""
    for token in state.tokens:
        if token.children and any(child.type == "html_inline" for child in token.children):
            token.children = _read(token.children)


def _read(tokens: list[Token]) -> list[Token]:
    kept: list[Token] = []
    opened: dict[str, list[int]] = {}
    for token in tokens:
        found = _TAG.fullmatch(token.content) if token.type == "html_inline" else None
        name = found[2].lower() if found else ""
        if token.type == "html_inline" and token.content.startswith("<!--"):
            continue
        if token.type == "text" and _ends_in_blank(kept):
            token.content = token.content.lstrip(" ")
        if token.type == "softbreak" and kept and kept[-1].type == "hardbreak":
            continue
        if name == "br":
            kept.append(Token("hardbreak", "br", 0))
        elif found is None or (found[1] and not opened.get(name)):
            kept.append(token)
        elif found[1]:
            start = opened[name].pop()
            kept[start:] = _between(name, kept[start + 1 :])
        else:
            opened.setdefault(name, []).append(len(kept))
            kept.append(token)
    return kept


def _ends_in_blank(tokens: list[Token]) -> bool:
    """Return whether a blank that follows would be one too many: something was left out before it."""
    before = tokens[-1] if tokens else None
    return before is None or before.type == "hardbreak" or (before.type == "text" and before.content.endswith(" "))


def _between(name: str, tokens: list[Token]) -> list[Token]:
    """Return what stands for a pair of tags and the tokens between them."""
    if len(tokens) == 1 and tokens[0].type == "text":
        if name == "kbd":
            tokens[0].type = "key"
        elif name in _LETTERS:
            tokens[0].content = _moved(tokens[0].content, *_LETTERS[name])
    return tokens


def _moved(text: str, letters: dict[int, int], sign: str) -> str:
    """Return text in raised or lowered letters; where one has none, with the sign of plain text for it."""
    if all(ord(letter) in letters for letter in text):
        return text.translate(letters)
    if any(letter.isspace() for letter in text):
        return text
    return f"{sign}{text}" if len(text) == 1 or text[0] in "([{" else f"{sign}({text})"
