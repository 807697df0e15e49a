r"""Formulas in TeX, found by the signs round them and kept as they were written.

Inline they stand between `$…$`, `$$…$$`, `\(…\)`, `\[…\]` or `\begin{x}…\end{x}`; the same signs but the first and the
third at the start of a line begin a block. Whether a line begins one is seen from that line alone, so that a formula
still being written is drawn as one.
"""

from __future__ import annotations

import re
from typing import Final

from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

_MOST: Final = 2000
"""Characters of a formula inside a line at most: what has no end is not searched for one to the end of a document."""
_FORMULA = re.compile(
    rf"""
      \$\$(?!\$) (?: [^$\\`] | \\. | \$(?!\$) ){{1,{_MOST}}}+ \$\$
    | \$(?![\s$]) (?: [^$\\`] | \\. ){{1,{_MOST}}}+ (?<!\s) \$ (?![\d$])   # the next dollar decides: $5 to $10 is money
    | \\\( (?: [^\\] | \\[^)] ){{1,{_MOST}}}+ \\\)
    | \\\[ (?: [^\\] | \\[^\]] ){{1,{_MOST}}}+ \\\]
    | \\begin\{{([A-Za-z]+\*?)\}} .{{0,{_MOST}}}? \\end\{{\1\}}
    """,
    re.VERBOSE | re.DOTALL,
)
_SIGN = re.compile(r"[\\^_{}=+<>]")
"""What prose between dollars hardly has."""
_WORD = re.compile(r"[^\W\d_]{3,}")
_UP_TO_MARKUP = re.compile(r"(?:^|\s)[*_~(\[{\"'“‘«]+$|\*\*$|~~$")
_NOTE = re.compile(r"\\\[(?:\d+(?:[,–-] ?\d+)*|(?=[^\\]*[^\W\d_]{3})[^\W_]+(?:[ ’'-][^\W_]+)*)\\\]")
"""`\\[Your Name\\]`, `\\[1\\]`: brackets that were escaped so as to be brackets."""
_OPENER = re.compile(r"\$\$(?!\$)|\\\[|\\begin\{([A-Za-z]+\*?)\}")


def formula_end(text: str, start: int) -> int:
    """Return where the formula that begins at `start` ends, exclusive; -1 when none begins there."""
    found = _FORMULA.match(text, start)
    if found is None:
        return -1
    formula = found.group()
    if formula.startswith("$") and not formula.startswith("$$"):
        said = formula[1:-1]
        is_money = said[0].isdigit() and _WORD.search(said) and not _SIGN.search(said)
        if is_money or _UP_TO_MARKUP.search(said):
            return -1
    return -1 if _NOTE.fullmatch(formula) else found.end()


def formula(state: StateInline, silent: bool) -> bool:
    """Inline rule: `math_inline` holds a formula with its signs."""
    start = state.pos
    if state.src[start] not in "$\\":
        return False
    end = formula_end(state.src, start)
    if not start < end <= state.posMax:
        return False
    if not silent:
        state.push("math_inline", "math", 0).content = state.src[start:end]
    state.pos = end
    return True


def formula_block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Block rule: `math_block` holds the lines of a formula, and what follows its end on the last of them."""
    start = state.bMarks[start_line] + state.tShift[start_line]
    if not state.src.startswith(("$$", "\\"), start) or state.is_code_block(start_line):
        return False
    line = _line(state, start_line)
    opener = _OPENER.match(line)
    if opener is None or _NOTE.match(line):
        return False
    closer = rf"\end{{{opener[1]}}}" if opener[1] else {"$$": "$$", r"\[": r"\]"}[opener.group()]
    said = line[opener.end() :]
    _, closed, after = said.partition(closer)
    if after.strip(" \t.,;") if closed else said.strip() and not (opener[1] or _SIGN.search(said)):
        return False
    if silent:
        return True
    last = start_line if closed else _last_line(state, start_line, end_line, closer)
    token = state.push("math_block", "math", 0)
    token.map = [start_line, last + 1]
    token.content = state.getLines(start_line, last + 1, state.sCount[start_line], False)
    state.line = last + 1
    return True


def _last_line(state: StateBlock, start_line: int, end_line: int, closer: str) -> int:
    """Return the line with the closer, or the last one that is not blank before the formula breaks off.

    A blank line breaks it off unless nothing was said yet, an environment is open, or the closer comes next.
    """
    first = _line(state, start_line)
    depth, is_begun, last = _depth(first), len(first) > len(closer), start_line
    for number in range(start_line + 1, end_line):
        line = _line(state, number)
        if not line:
            if is_begun and depth <= 0 and not _line(state, state.skipEmptyLines(number)).startswith(closer):
                break
            continue
        if state.sCount[number] < state.blkIndent:
            break
        last, is_begun = number, True
        if closer in line:
            break
        depth += _depth(line)
    return last


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].rstrip()


def _depth(line: str) -> int:
    return line.count(r"\begin{") - line.count(r"\end{")
