"""Whatever an answer is made of, each of its words is on the screen, while it streams and at the end.

Not shown are, and so without words here: comments, the names and attributes of tags that are read, the titles and
definitions of links, and the addresses of pictures.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from argus_tui.rendering.code import COPY_HINT
from argus_tui.rendering.row import Row
from argus_tui.rendering.streaming import StreamingMarkdown
from tests.unit import markdown_support as support

SCRIPTS = ("word", "Éa", "سلا", "می‌خو", "漢字", "한국", "ภาษ", "Ωμ", "🙂", "a👩‍👧b")
"""Short enough that a word is hardly ever wider than its column; each gets a number of its own."""
JUNK = st.text(alphabet="*_`~$\\|[])>!#-+=& ", max_size=4)
SEPARATORS = st.sampled_from([" ", " ", "", ", ", "。", "「", "」", "، ", "(", "*", "**", "\n", "  \n", "\\\n", " - "])
WRAPPERS = st.sampled_from(
    [
        *("{}", "{}", "**{}**", "*{}*", "~~{}~~", "***{}***", "__{}__", "`{}`", "``{} ` | {}``"),
        *("**「{}」**", "**{}:**{}", r"\*{}\*", "{}&amp;{}", "$5 {} $6", "<b>{}</b>", "<i class='q'>{}"),
        *("[{}](http://x.example)", "[{}][ref]", "[{}]", "![{}](u.png)", "![*{}* {}][ref]", "[**{}**](<u v> 'title')"),
        *("${}_1 * {}$", "$${} | {}$$", r"\({}\)", r"\[{} \\ {}\]", r"\begin{{x}} {} \end{{x}}", r"\{} {}", "${} $"),
        *("H<sub>{}</sub>", "x<sup>{}</sup>", "<sup>{} {}</sup>", "<kbd>{}</kbd>", "<kbd>*{}*</kbd>"),
        *("{}<br>{}", "{}<br/>", "<!-- -->{}", "<sub>{}", "{}</kbd>"),
    ]
)
BLOCKS = st.sampled_from(
    [
        *("LINE", "LINE", "LINE LINE", "# LINE", "####### LINE", "W\n===", "TABLE", "TABLE", "TABLE\nLINE", "---"),
        *("```\nW\n\n W | x\n```", "~~~~sh W\n W\n~~~~", "```python\nW", "    W\n    W"),
        *("<div align='center'>\nW<br>\n**W**\n</div>", "<!-- a\ncomment -->", "<!-- a --> W", "</details>"),
        *("<details>\n<summary>W</summary>\nLINE\n</details>", "<details open><summary>\nW\n</summary> W"),
        *("[ref]: http://x.example 'title'", "[Note]: W", "[^1]: W W"),
        *("$$\nW \\\\\n= W\n$$", "\\[\nW \\\\\n- W\n\\] W", "$$\nW\n\nLINE", "$$ W = W\nW"),
        *("\\begin{a}\n\nW\n\\end{a}", "\\begin{a} W\n# W\n\nLINE"),
    ]
)
CONTAINERS = st.sampled_from([("> ", "> "), ("- ", "  "), ("* ", "  "), ("7. ", "   "), ("- [ ] ", "  ")])
Numbers = Callable[[], int]


@st.composite
def words(draw: st.DrawFn, number: Numbers) -> str:
    return f"{draw(st.sampled_from(SCRIPTS))}{number()}q"


@st.composite
def line(draw: st.DrawFn, number: Numbers, most: int = 4) -> str:
    """Some words in some wrappers, with junk between them."""
    pieces: list[str] = []
    for _ in range(draw(st.integers(1, most))):
        wrapper = draw(WRAPPERS)
        pieces += [wrapper.format(*(draw(words(number)) for _ in range(2))), draw(JUNK), draw(SEPARATORS)]
    return "".join(pieces)


@st.composite
def table(draw: st.DrawFn, number: Numbers) -> str:
    columns = draw(st.integers(1, 3))
    rows = [[draw(words(number)) for _ in range(columns)], ["---"] * columns]
    for _ in range(draw(st.integers(0, 3))):
        cells = st.lists(line(number, most=2).map(lambda cell: cell.replace("\n", " ")), min_size=1, max_size=5)
        rows.append(draw(cells))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


@st.composite
def block(draw: st.DrawFn, number: Numbers, depth: int) -> str:
    if depth < 2 and draw(st.integers(0, 3)) == 0:
        first, rest = draw(CONTAINERS)
        return prefixed(draw(blocks(number, depth + 1)), first, rest)
    parts = {"W": words(number), "LINE": line(number), "TABLE": table(number)}
    return re.sub(r"\b(W|LINE|TABLE)\b", lambda found: draw(parts[found[1]]), draw(BLOCKS))


def prefixed(text: str, first: str, rest: str) -> str:
    head, *others = text.split("\n")
    return "\n".join([first + head, *(f"{rest}{other}".rstrip() for other in others)])


@st.composite
def blocks(draw: st.DrawFn, number: Numbers, depth: int = 0) -> str:
    found = [draw(block(number, depth)) for _ in range(draw(st.integers(1, 4 if depth else 6)))]
    return "".join(piece + draw(st.sampled_from(["\n", "\n\n", "\n\n\n"])) for piece in found)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A document and the words that must be seen, in their order."""
    number = count(10).__next__
    text = draw(blocks(number))
    found = [f"{script}{n}q" for n in range(10, number()) for script in SCRIPTS if f"{script}{n}q" in text]
    return text, sorted(found, key=text.index)


def letters(text: str) -> str:
    """The text without what is drawn around words and without the places where lines break."""
    plain = unicodedata.normalize("NFKC", text)
    return "".join([sign for sign in plain if sign.isalnum() or sign > "\U0001f000" or unicodedata.combining(sign)])


def missing(wanted: Iterable[str], rows: Iterable[Row]) -> list[str]:
    seen = letters("\n".join([row.text.removesuffix(COPY_HINT) for row in rows]))
    return [word for word in wanted if letters(word) not in seen]


@settings(max_examples=300000, deadline=None)
@given(documents(), st.sampled_from([24, 40, 92]))
def test_every_word_of_a_document_is_drawn(document: tuple[str, list[str]], width: int) -> None:
    text, wanted = document
    assert missing(wanted, support.rows(text, width)) == []


@settings(max_examples=3000, deadline=None)
@given(documents(), st.integers(1, 60), st.sampled_from([24, 60]))
def test_every_word_is_drawn_while_it_streams(document: tuple[str, list[str]], size: int, width: int) -> None:
    text, wanted = document
    stream = StreamingMarkdown(support.settings(width))
    for at in range(0, len(text), size):
        stream.append(text[at : at + size])
        so_far = text[: at + size]
        assert missing([word for word in wanted if word in so_far], [stream[n] for n in range(len(stream))]) == []
    stream.finish(text)
    assert support.drawn([stream[n] for n in range(len(stream))]) == support.drawn(support.rows(text, width))
