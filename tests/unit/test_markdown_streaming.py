import random
from collections.abc import Callable
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argus_core.text.clean import clean
from argus_tui.rendering import parsing, references
from argus_tui.rendering.streaming import LONG_BLOCK, StreamingMarkdown
from tests.unit import markdown_support as support

_T = TypeVar("_T")
LINES = st.sampled_from(
    [
        *("# title", "para *b* `c`", "more text", "", "", "", "===", "---", "* * *", "word " * 15, "trailing  ", "\\"),
        *(
            "- item",
            "- ",
            "  - nested",
            "   - three",
            "    deep",
            "  cont",
            "+ plus",
            "* star",
            "- [ ] todo",
            "- [x] did",
        ),
        *("1. one", "2. two", "3) paren", "> quote", "> - in quote", ">"),
        *("```python", "x = 1  # why", "'''open", "```", "~~~", "````", "    indented", "\ttab"),
        *("| a | b |", "|---|--:|", "| 1 | 22 |", "| a longer cell | 3 |", "|x", "a | b", "--|--"),
        *("<div>", "</div>", "<!-- c", "-->", "[a]: http://x.example", "see [a] there", "**open", "`open"),
        *("[b]:", "http://y.example", "- see [b] and [a][b]", "| [b] | ![a] |", "> [a]: <z>", "- [c]: /c", "[c]"),
        *("$$", "\\[", "x_1 * y", "\\]", "$$x$$ and", "\\begin{a}", "\\end{a}", "$5 and $x$"),
        *(
            "<details>",
            "</details>",
            "<summary>s</summary>",
            "a<br>b",
            "<br>",
            "<kbd>k</kbd>",
            "<!-- c --> d",
            "5. five",
        ),
        *("| `a | b` | $c|d$ | e | f |", "| ` | ` |", "| a<br>b |", "``", "~", "```sh some title"),
        *("\x1b[31mred\x1b[0m", "سلام دنیا", "漢字漢字", "&#27;x", "\x1b]0;t\x07after", "**「a」**b"),
    ]
)
DOCUMENTS = st.lists(st.tuples(LINES, st.sampled_from(["\n"] * 6 + ["\r\n", "\r", "\x85", "\u2028"])), max_size=24).map(
    lambda lines: "".join(line + end for line, end in lines)
)


def chunks(document: str, sizes: list[int]) -> list[str]:
    found, at, turn = [], 0, 0
    while at < len(document):
        size = sizes[turn % len(sizes)]
        found.append(document[at : at + size])
        at, turn = at + size, turn + 1
    return found


def seen(stream: StreamingMarkdown, count: int | None = None) -> list[tuple[list[tuple[str, object]], int, bool]]:
    return support.drawn([stream[number] for number in range(len(stream) if count is None else count)])


@settings(max_examples=200, deadline=None)
@given(DOCUMENTS, st.lists(st.integers(1, 40), min_size=1, max_size=5), st.sampled_from([16, 40]))
def test_streaming_in_any_chunks_ends_in_the_rows_of_the_whole(document: str, sizes: list[int], width: int) -> None:
    stream = StreamingMarkdown(support.settings(width))
    for chunk in chunks(document, sizes):
        stream.append(chunk)
    stream.finish(document)
    assert seen(stream) == support.drawn(support.rows(document, width))


@settings(max_examples=200, deadline=None)
@given(DOCUMENTS, st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_finished_rows_never_change_while_text_comes(document: str, sizes: list[int]) -> None:
    stream = StreamingMarkdown(support.settings())
    finished: list[tuple[list[tuple[str, object]], int, bool]] = []
    for chunk in chunks(document, sizes):
        stream.append(chunk)
        assert seen(stream, len(finished)) == finished
        assert stream.changed_from <= len(stream)
        finished = seen(stream, stream.finished_rows)


@settings(max_examples=80, deadline=None)
@given(DOCUMENTS, st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_rows_before_the_first_changed_one_are_as_before(document: str, sizes: list[int]) -> None:
    stream = StreamingMarkdown(support.settings())
    before: list[tuple[list[tuple[str, object]], int, bool]] = []
    for chunk in chunks(document, sizes):
        stream.append(chunk)
        after = seen(stream)
        assert after[: stream.changed_from] == before[: stream.changed_from]
        before = after


@settings(max_examples=80, deadline=None)
@given(DOCUMENTS, st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_the_source_is_kept_whole(document: str, sizes: list[int]) -> None:
    stream = StreamingMarkdown(support.settings())
    for chunk in chunks(document, sizes):
        stream.append(chunk)
    assert stream.source == clean(document)


@pytest.mark.parametrize("word", ["**word** and ", "- item of a list\n", "> quoted\n", "- a\n  b\n\n"])
def test_long_blocks_end_in_the_rows_of_the_whole(word: str) -> None:
    document = word * (3 * LONG_BLOCK // len(word)) + "\n\nafter it\n"
    stream = StreamingMarkdown(support.settings())
    for chunk in chunks(document, [97]):
        stream.append(chunk)
    stream.finish(document)
    assert seen(stream) == support.drawn(support.rows(document))


def test_an_escape_sequence_cut_in_two_never_shows() -> None:
    stream = StreamingMarkdown(support.settings())
    for piece in ("a \x1b[3", "1mred\x1b", "[0m b"):
        stream.append(piece)
    assert stream[0].text == "a red b"


def test_half_of_a_closing_fence_is_not_shown() -> None:
    stream = StreamingMarkdown(support.settings())
    for piece in ("```python\nx = 1\ny = 2\n", "``"):
        stream.append(piece)
    assert [stream[number].text.strip() for number in range(1, len(stream) - 1)] == ["x = 1", "y = 2"]


@pytest.mark.parametrize("before", ["- ", "> ", "  > - "])
def test_half_of_a_fence_is_not_shown_inside_containers_either(before: str) -> None:
    rest = before.replace("-", " ")
    stream = StreamingMarkdown(support.settings())
    stream.append(f"{before}```\n{rest}x = 1\n{rest}``")
    assert "`" not in "".join(stream[number].text for number in range(len(stream)))
    stream.finish(f"{before}```\n{rest}x = 1\n{rest}``")
    assert "``" in "".join(stream[number].text for number in range(len(stream)))


LINKED = {
    "paragraph": ("see [docs][d] now\n\nmore\n\nand more\n\n", "see docs (http://d.example) now"),
    "list": ("- see [docs][d] now\n- two\n\n", "• see docs (http://d.example) now"),
    "table": ("| a |\n|---|\n| [docs][d] |\n\n", "docs (http://d.example)"),
    "quote": ("> see [docs][d] now\n\nmore\n\nand more\n\n", "▎ see docs (http://d.example) now"),
    "picture": ("![docs][d]\n\nmore\n\nand more\n\n", "▣ docs"),
}


@pytest.mark.parametrize(("before", "row"), LINKED.values(), ids=LINKED.keys())
def test_a_link_is_one_as_soon_as_its_definition_is_there(before: str, row: str) -> None:
    stream = StreamingMarkdown(support.settings())
    for letter in before:
        stream.append(letter)
    assert row not in [stream[number].text for number in range(len(stream))]
    text = "[d]: http://d.example\n"
    stream.append(text)
    assert seen(stream) == support.drawn(support.rows(before + text))
    assert row in [stream[number].text for number in range(len(stream))]
    assert stream.changed_from <= [stream[number].text for number in range(len(stream))].index(row)


def test_a_definition_lays_out_only_the_blocks_that_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = StreamingMarkdown(support.settings())
    stream.append("".join(f"word [link {number}] word\n\n" for number in range(200)))
    with monkeypatch.context() as patched:
        parsed = counting(patched)
        stream.append("[link 7]: http://x.example\nafter\n\nit\n\n")
    assert sum(parsed) < 500
    assert stream[14].text == "word link 7 (http://x.example) word"


@settings(max_examples=100, deadline=None)
@given(DOCUMENTS, st.integers(1, 40))
def test_a_document_that_ends_in_whole_lines_is_drawn_as_the_whole_at_once(document: str, size: int) -> None:
    """The text is; so are the colours, but in code that is still open, where they are made of its last lines."""
    stream = StreamingMarkdown(support.settings())
    for chunk in chunks(document + "\n\nthe end\n\n", [size]):
        stream.append(chunk)
    now, whole = seen(stream), support.drawn(support.rows(document + "\n\nthe end\n\n"))
    assert [words(row) for row in now] == [words(row) for row in whole]
    if "```" not in document and "~~~" not in document:
        assert now == whole


def words(row: tuple[list[tuple[str, object]], int, bool]) -> str:
    return "".join(text for text, _ in row[0])


@pytest.mark.parametrize("block", ["word " * 1200, "<table>\n" + "<tr><td>cell</td></tr>\n" * 250 + "</table>"])
def test_what_follows_a_long_block_is_laid_out_at_once(block: str) -> None:
    document = f"{block}\n\n## After *it*\n\nand **more**\n"
    stream = StreamingMarkdown(support.settings(80))
    for chunk in chunks(document, [40]):
        stream.append(chunk)
    assert seen(stream) == support.drawn(support.rows(document, 80))


def test_a_long_list_of_definitions_holds_at_once_and_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    links = "".join(f"[link {number}]: http://x.example/{number}\n" for number in range(300))
    document = f"see [link 1] and [link 298]\n\n<!-- links -->\n\n{links}"
    stream = StreamingMarkdown(support.settings(80))
    lengths = counting(monkeypatch)
    for chunk in chunks(document, [40]):
        stream.append(chunk)
    assert stream[0].text == "see link 1 (http://x.example/1) and link 298 (http://x.example/298)"
    assert sum(lengths) < 10 * len(document)


def test_the_final_text_wins_over_what_was_streamed() -> None:
    stream = StreamingMarkdown(support.settings())
    stream.append("something else")
    stream.finish("# The stored one")
    assert [row.text for row in (stream[0],)] == ["The stored one"]
    assert len(stream) == 1


@settings(max_examples=80, deadline=None)
@given(DOCUMENTS, st.lists(st.integers(1, 40), min_size=1, max_size=5), st.integers(0, 60))
def test_text_that_was_not_streamed_is_there_at_the_end(document: str, sizes: list[int], missing: int) -> None:
    stream = StreamingMarkdown(support.settings())
    for chunk in chunks(document[: len(document) - missing], sizes):
        stream.append(chunk)
    stream.finish(document)
    assert seen(stream) == support.drawn(support.rows(document))


def counting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the length of each text the parser sees from now on."""
    lengths: list[int] = []

    def counted(real: Callable[[str, parsing.References], _T]) -> Callable[[str, parsing.References], _T]:
        def parse(source: str, known: parsing.References) -> _T:
            lengths.append(len(source))
            return real(source, known)

        return parse

    monkeypatch.setattr(references, "parse", counted(parsing.parse))
    monkeypatch.setattr(references, "parse_inline", counted(parsing.parse_inline))
    return lengths


def counted_parses(monkeypatch: pytest.MonkeyPatch, document: str) -> int:
    """Return how many characters the parser saw while a document streamed in pieces of 100."""
    lengths = counting(monkeypatch)
    stream = StreamingMarkdown(support.settings(80))
    for chunk in chunks(document, [100]):
        stream.append(chunk)
    return sum(lengths)


@pytest.mark.parametrize(
    ("head", "line"),
    [
        ("", "- an item of a list that is as long as a line\n"),
        ("", "1. an item of a list that is as long as a line\n"),
        ("```python\n", "    name = compute(value, limit=3)  # why it is so\n"),
        ("| name | value |\n|---|---|\n", "| some name of a thing | 4711 |\n"),
        ("", "a paragraph of prose with some words in it.\n\n"),
        ("", "one paragraph without any end, word for word and "),
        ("", "> a quote without any end, line for line\n"),
    ],
    ids=["list", "numbers", "code", "table", "prose", "paragraph", "quote"],
)
def test_work_grows_with_the_text_and_not_with_its_square(
    monkeypatch: pytest.MonkeyPatch, head: str, line: str
) -> None:
    short = counted_parses(monkeypatch, head + line * (10_000 // len(line)))
    long = counted_parses(monkeypatch, head + line * (40_000 // len(line)))
    assert long < 4.5 * short + 100_000


@pytest.mark.parametrize(
    "before", ["", "some text\n\n", "\n\n", "[a]: http://x.example\n\n", "</details>\n", "- a\n- b\n\n"]
)
@pytest.mark.parametrize(
    ("head", "line", "most"),
    [
        ("```python\n", "    name = compute(value)  # why\n", 0.0),
        ("| name | value |\n|---|---|\n", "| some name of a thing | 4711 |\n", 5.0),
        ("| name | value |\n|---|---|\n", "some name of a thing | 4711 |\n", 30.0),
    ],
    ids=["code", "table", "table without edges"],
)
def test_an_open_block_is_not_parsed_again(
    monkeypatch: pytest.MonkeyPatch, before: str, head: str, line: str, most: float
) -> None:
    stream = StreamingMarkdown(support.settings(80))
    for chunk in chunks(before + head + 3 * line, [5]):
        stream.append(chunk)
    lengths = counting(monkeypatch)
    for chunk in chunks(300 * line, [9]):
        stream.append(chunk)
    assert sum(lengths) <= most * 300 * len(line)


def test_random_answers_in_random_chunks() -> None:
    rng = random.Random(20)
    pieces = ["- a\n", "- b\n\n", "text\n\n", "```\ncode\n```\n", "| a |\n|---|\n| b |\n", "\n", "x **y", "** z\n"]
    for _ in range(60):
        document = "".join(rng.choice(pieces) for _ in range(30))
        stream = StreamingMarkdown(support.settings(24))
        for chunk in chunks(document, [rng.randint(1, 9)]):
            stream.append(chunk)
        stream.finish(document)
        assert seen(stream) == support.drawn(support.rows(document, 24))
