import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from argus_core.text.clean import FORBIDDEN
from argus_tui.rendering.blocks import render
from argus_tui.rendering.wrapping import line_spans
from tests.unit.markdown_support import ink_of, is_styled, rows, settings, texts


def test_headings_are_bold_text() -> None:
    (row,) = rows("## Three *days*")
    assert row.text == "Three days"
    assert is_styled(row, "Three", "bold")
    assert is_styled(row, "days", "italic")
    assert ink_of(row, "Three") == "text"


def test_blocks_are_one_blank_row_apart_and_code_closes_with_its_own_gap() -> None:
    assert texts("a\n\n\nb") == ["a", "", "b"]
    found = texts("```\nx\n```\nb", 20)
    assert found[1:] == [" x", "▀" * 20, "b"]


def test_items_hang_by_their_own_number() -> None:
    assert texts("9. one two three\n10. four five six", 12) == ["9. one two", "   three", "10. four", "    five six"]


def test_nested_lists_are_indented_and_keep_the_gaps_of_their_source() -> None:
    assert texts("- a\n  - b\n\n    c\n- d") == ["• a", "  • b", "", "    c", "• d"]


def test_tasks_have_boxes() -> None:
    done, todo = rows("- [x] done\n- [ ] todo")
    assert (done.text, todo.text) == ("[x] done", "[ ] todo")
    assert ink_of(done, "[x]") == "accent"
    assert ink_of(todo, "[ ]") == "muted"


def test_quotes_are_muted_italic_behind_a_bar() -> None:
    first, second = rows("> buy the ticket online", 16)
    assert (first.text, second.text) == ("▎ buy the ticket", "▎ online")
    assert ink_of(first, "▎") == "rule"
    assert ink_of(first, "buy") == "muted"
    assert is_styled(first, "buy", "italic")


def test_links_are_shown_with_their_address_and_never_as_terminal_links() -> None:
    (row,) = rows("see [docs](https://x.example/a)", 60)
    assert row.text == "see docs (https://x.example/a)"
    assert ink_of(row, "docs") == "accent"
    assert is_styled(row, "docs", "underline")
    assert ink_of(row, "https") == "muted"
    assert all(segment.style is None or segment.style.link is None for segment in row.segments)


@pytest.mark.parametrize("source", ["<https://x.example/>", "[https://x.example](https://x.example/)"])
def test_links_that_are_their_own_text_are_shown_once(source: str) -> None:
    assert texts(source)[0].count("x.example") == 1


def test_images_are_text() -> None:
    assert texts("![a dome](u.png)") == ["▣ a dome"]
    assert texts("![](u.png)") == ["▣ picture"]


def test_inline_code_has_its_own_ink_and_ground() -> None:
    (row,) = rows("run `make`")
    assert ink_of(row, "make") == "code"
    grounds = {segment.style.bgcolor.name for segment in row.segments if segment.style and segment.style.bgcolor}
    assert len(grounds) == 2


def test_code_fills_the_width_and_names_its_language() -> None:
    head, line, edge = rows("```python\nreturn 'x'  # why\n```", 40)
    assert head.text.strip().startswith("python")
    assert head.text.endswith("^y copy")
    assert head.cells <= 40
    assert edge.cells == 40
    assert ink_of(line, "return") == "accent"
    assert ink_of(line, "x") == "code"
    assert ink_of(line, "why") == "muted"
    assert head.fill is not None
    assert line.fill is not None


def test_code_in_an_unknown_language_is_plain() -> None:
    _, line, _ = rows("```nonesuch\nreturn 1\n```")
    assert ink_of(line, "return") == "text"


def test_long_lines_of_code_are_cut_at_the_edge_and_lose_nothing() -> None:
    found = texts("```\n" + "abcdefghij" * 5 + "\n```", 22)
    assert "".join(line.strip() for line in found[1:-1]) == "abcdefghij" * 5


def test_tables_have_a_muted_header_a_hairline_and_numbers_on_the_right() -> None:
    found = rows("| Place | Stay |\n|---|---|\n| Eram | 2 h |\n| Hafez | 40 min |")
    assert [row.text for row in found] == ["Place     Stay", "─" * 14, "Eram       2 h", "Hafez   40 min"]
    assert ink_of(found[0], "Place") == "muted"
    assert ink_of(found[1], "─") == "rule"


def test_wide_tables_fold_into_lines() -> None:
    found = texts("| Place | What |\n|---|---|\n| Eram | a long garden walk |\n| Arg | citadel |", 20)
    assert found == ["Place: Eram", "What: a long", "  garden walk", "", "Place: Arg", "What: citadel"]


def test_html_is_text() -> None:
    assert texts("<script>\nalert(1)\n</script>") == ["<script>", "alert(1)", "</script>"]
    assert texts("a <b>c</b>") == ["a <b>c</b>"]


def test_rules_span_the_width() -> None:
    assert texts("---", 12) == ["─" * 12]


def test_line_ends_of_people_stay() -> None:
    found = render("one\ntwo", settings(typed=True))
    assert [row.text for row in found] == ["one", "two"]
    assert texts("one\ntwo") == ["one two"]
    assert texts("one  \ntwo") == ["one", "two"]


def test_wide_and_persian_text_is_measured_in_cells() -> None:
    assert texts("漢字漢字漢字", 8) == ["漢字漢字", "漢字"]
    (row,) = rows("می‌خواهم")
    assert row.cells == 7
    assert "\u200c" in row.text


@pytest.mark.parametrize("source", ["&#x202e;abc", "&#x1b;[31m", "`\x1b[31mred`", "\x9b31mred", "[a](x\u202ey)"])
def test_no_row_holds_what_must_not_reach_a_terminal(source: str) -> None:
    assert not any(FORBIDDEN.search(text) for text in texts(source))


@given(st.text(alphabet="ab 漢é\u200cسل\u0301🙂", max_size=80), st.integers(2, 30))
def test_no_line_is_wider_than_the_column_and_no_letter_is_lost(text: str, width: int) -> None:
    spans = line_spans(text, width)
    assert all(cells <= width for _, _, cells in spans)
    shown = "".join(text[start:end] for start, end, _ in spans)
    assert shown.replace(" ", "") == text.replace(" ", "")


@given(st.text(alphabet="ab 漢é\u200cسل", max_size=80), st.integers(2, 30))
def test_spans_tell_the_width_of_their_text(text: str, width: int) -> None:
    assert all(cell_len(text[start:end]) == cells for start, end, cells in line_spans(text, width))


@given(st.text(max_size=200), st.integers(10, 60))
def test_any_text_can_be_drawn(text: str, width: int) -> None:
    for row in rows(text, width):
        assert not FORBIDDEN.search("".join(segment.text for segment in row.segments))
        assert row.cells == sum(segment.cell_length for segment in row.segments)


def test_containers_in_containers_end_somewhere() -> None:
    assert texts("> " * 60 + "deep", 30)[-1].endswith("deep")
    assert texts("- " * 40 + "deep", 30)[0].endswith("deep")
    assert all(row.cells <= 30 for row in rows("> - " * 40 + "deep and wide enough to wrap around", 30))
