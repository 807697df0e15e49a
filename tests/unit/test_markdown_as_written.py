r"""What CommonMark would eat, or leave as signs, is shown as it was meant: formulas, tags, pipes, emphasis, numbers."""

from __future__ import annotations

import pytest

from argus_tui.rendering.blocks import render
from tests.unit.markdown_support import ink_of, is_styled, rows, settings, texts


def shown(source: str, width: int = 92) -> str:
    return "\n".join(texts(source, width))


# Formulas

FORMULAS = [
    r"$P_\theta(Y_T, \dots, Y_2 \mid Y_1)$",
    r"$a_1 * b_1 * c_1$",
    r"$p_i=\frac{e^{z_i}}{\sum_{j=1}^K e^{z_j}}$",
    r"$\mathbf{w}^*$ with $\mathbf{v}^*$",
    r"$\{x \in \mathbb{R} : |x| < 1\}$",
    r"$\text{a\_b}$ and $50\%$",
    r"$\$5 \le x$",
    r"$$\|x\| \\ y$$",
    r"\( x_i^2 * y_i \)",
    r"\[ \sum_{i=1}^{n} x_i * \{1\} \]",
    r"\begin{cases} a_1 & b \\ c_1 & d \end{cases}",
    r"the $n$th and the $k_1$-means",
]


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize(
    "around", ["{}", "before {} after", "**bold {}**", "- item {}", "> quote {}", "| a |\n|---|\n| {} |"]
)
def test_formulas_are_shown_as_written(formula: str, around: str) -> None:
    assert formula in shown(around.format(formula))
    assert not any(is_styled(row, "_", "italic") for row in rows(around.format(formula), 92))


@pytest.mark.parametrize(
    "block",
    [
        "$$\nA = \\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix}, \\quad S = \\{1, 2\\}\n$$",
        "\\[\n\\begin{aligned}\nf(x) &= x^2 \\\\\n\ng(x) &= 2x\n\\end{aligned}\n\\]",
        "\\begin{align*}\na_1 &= b_1 * c \\\\\n- d * e\n\\end{align*}",
        "$$\n\nx_1 * y_1\n\n$$",
        "$$\na\n= b\n- c\n# d\n> e\n| f | g |\n$$",
        "$$x_1 = \\\\\ny * z$$",
        "$$ \\boxed{\\mathcal{L} = -\\sum_{i} y_{i} \\log \\hat{y}_{i}} $$",
    ],
)
@pytest.mark.parametrize("before", ["", "text\n", "text\n\n"])
def test_blocks_of_formulas_keep_every_line(block: str, before: str) -> None:
    assert shown(f"{before}{block}\n\n*after*").endswith(f"{block}\n\nafter")


def test_a_formula_still_being_written_is_kept_and_ends_with_its_paragraph() -> None:
    assert shown("$$\na_1 * b_1 \\\\") == "$$\na_1 * b_1 \\\\"
    assert shown("$$\na_1 * b_1 \\\\\n\n*after*") == "$$\na_1 * b_1 \\\\\n\nafter"


def test_blocks_of_formulas_lie_in_lists_and_quotes() -> None:
    assert texts("- a\n\n  $$\n  x * y * z\n  $$\n- b") == ["• a", "", "  $$", "  x * y * z", "  $$", "• b"]
    assert texts("> $$\n> x * y * z\n> $$") == ["▎ $$", "▎ x * y * z", "▎ $$"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("it costs $5 to $10, or \\$0.60 each", "it costs $5 to $10, or $0.60 each"),
        ("$5 for **you** and 10$", "$5 for you and 10$"),
        ("$AAPL and **$TSLA** rose", "$AAPL and $TSLA rose"),
        ("$PATH and `$HOME`", "$PATH and $HOME"),
        ("($5)-($10) and *more*", "($5)-($10) and more"),
        ("- $$ Sushi: **good**\n- $$$ Bar: **dear**", "• $$ Sushi: good\n• $$$ Bar: dear"),
        ("Dear \\[Your Name\\], see \\[1\\]", "Dear [Your Name], see [1]"),
        ("\\[a link\\](not/*one*)", "[a link](not/one)"),
        ("`$a_1` *and* `$b_1`", "$a_1 and $b_1"),
    ],
)
def test_dollars_and_brackets_that_hold_no_formula_stay_what_they_are(source: str, expected: str) -> None:
    assert shown(source) == expected


# Emphasis


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("これは**「重要なこと」**です。", "「重要なこと」"),
        ("这是**我想做的事。**所以继续。", "我想做的事。"),
        ("문서를 작성할 때 **마크다운(Markdown)**을 사용하세요.", "마크다운(Markdown)"),
        ("این **«مهم»**است.", "«مهم»"),
        ("نکته: **مهم:**متن", "مهم:"),
        ("English: **Note:**text follows.", "Note:"),
        ("**Note (see below):**text", "Note (see below):"),
        ('he said**"no"**twice', '"no"'),
        ("**「一」**と**「二」**", "「二」"),
        ("これは***「両方」***です", "「両方」"),
    ],
)
def test_emphasis_beside_punctuation_is_bold(source: str, word: str) -> None:
    (row,) = rows(source, 92)
    assert "*" not in row.text
    assert is_styled(row, word, "bold")


def test_single_stars_and_tildes_follow_the_same_rule() -> None:
    (row,) = rows("~~删除的文字（带括号）。~~这个句子。 *「重」*です", 92)
    assert is_styled(row, "删除的文字（带括号）。", "strike")
    assert is_styled(row, "「重」", "italic")


@pytest.mark.parametrize(
    "source", ["f(x)**a + g(x)**b", "2**(n) - 3**(m)", "(a+b)**2 and (c+d)**2", "** a **", "snake_(a)_b"]
)
def test_powers_keep_their_stars(source: str) -> None:
    assert shown(source) == source


def test_nested_emphasis_is_still_that_of_commonmark() -> None:
    (row,) = rows('*foo "*bar*" foo* and **foo "*bar*" foo**', 92)
    assert row.text == 'foo "bar" foo and foo "bar" foo'


# Tags


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("First line<br>second <br/> third<BR />\nfourth", "First line\nsecond\nthird\nfourth"),
        ("H<sub>2</sub>O, CO<sub>2</sub>, x<sup>2</sup>, 10<sup>-6</sup>, x<sub>max</sub>", "H₂O, CO₂, x², 10⁻⁶, xₘₐₓ"),
        ("x<sup>Q</sup>, e<sup>-iωt</sup>, a<sup>[1]</sup>", "x^Q, e^(-iωt), a^[1]"),
        ("<sub>Source: an old book</sub>", "Source: an old book"),
        ("press <kbd>Ctrl</kbd>+<kbd>C</kbd>", "press Ctrl+C"),
        ("<kbd>Ctrl</kbd> is a key", "Ctrl is a key"),
        ("a <!-- hidden --> b", "a b"),
        ("<!-- hidden\n\nover lines -->\n\nshown", "shown"),
        ("<!-- hidden --> **shown**", "shown"),
        ("<!-- never ended", "<!-- never ended"),
        ("use <sub> for that", "use <sub> for that"),
        ("a <b>c</b> <span class='x'>d</span>", "a <b>c</b> <span class='x'>d</span>"),
        ("`a<br>b` and `<!-- c -->`", "a<br>b and <!-- c -->"),
        ("<div>\none<br>two <!-- three -->\n</div>", "<div>\none\ntwo\n</div>"),
    ],
)
def test_tags_are_read(source: str, expected: str) -> None:
    assert shown(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "<details>\n<summary>More</summary>\n\nHidden *text* here.\n\n</details>",
        "<details open><summary>More</summary>\nHidden *text* here.\n</details>",
        "<details>\n  <summary><b>More</b></summary>\n\n  Hidden *text* here.\n</details>\n",
    ],
)
def test_details_are_open(source: str) -> None:
    assert shown(source).replace("<b>", "").replace("</b>", "") == "More\n\nHidden text here."
    assert is_styled(rows(source)[0], "More", "bold")


def test_what_is_hidden_leaves_no_gap() -> None:
    assert texts("one\n\n<!-- a -->\n\n</details>\n\n<!-- b -->\n\ntwo") == ["one", "", "two"]


def test_what_people_type_keeps_its_tags() -> None:
    typed = [row.text for row in render("a<br>b <sub>c</sub>\n\n<!-- d -->\n<details>", settings(typed=True))]
    assert typed == ["a<br>b <sub>c</sub>", "", "<!-- d -->", "", "<details>"]


# Tables


def test_a_break_in_a_cell_is_a_line_of_the_cell() -> None:
    source = "| Step | What |\n|---|---|\n| 1 | Boil<br>Add<br/>Wait |\n| 2 | Eat |"
    assert texts(source) == ["Step   What", "─" * 11, "   1   Boil", "       Add", "       Wait", "   2   Eat"]
    source = "| Step | What |\n|---|---|\n| 1 | Boil<br>Add some salt |\n| 2 | Eat |"
    assert texts(source, 18) == ["Step: 1", "What: Boil", "  Add some salt", "", "Step: 2", "What: Eat"]


@pytest.mark.parametrize(
    ("row", "cells"),
    [
        ("| `ls | wc -l` | counts | k |", ["ls | wc -l", "counts", "k"]),
        ("| `a || b` | logical or | k |", ["a || b", "logical or", "k"]),
        ("| ``a ` | b`` | c | k |", ["a ` | b", "c", "k"]),
        (r"| `x \| y` | a \| b | k |", ["x | y", "a | b", "k"]),
        (r"| $\|x\|$ | $P(A|B)$ | k |", [r"$\|x\|$", "$P(A|B)$", "k"]),
        ("| ` | ` | k |", ["`", "`", "k"]),
        ("| $5|$10 | k |", ["$5", "$10", "k"]),
        ("| a | b | c | d | e |", ["a", "b", "c | d | e"]),
        ("a | b", ["a", "b", ""]),
    ],
)
def test_no_text_of_a_row_is_lost(row: str, cells: list[str]) -> None:
    found = texts(f"| h | i | j |\n|:--|:--|:--|\n{row}", 92)[2]
    at = -1
    for cell in cells:
        at = found.index(cell, at + 1)
    assert found.split() == " ".join(cells).split()


def test_a_head_may_hold_pipes_in_code_and_stays_when_the_table_is_folded_and_empty() -> None:
    assert texts("| `a | b` | c |\n|---|---|")[0] == "a | b   c"
    assert texts("| a long name | another |\n|---|---|", 12) == ["a long name", "another"]


# The rest


def test_numbers_are_those_that_were_written() -> None:
    assert texts("3. c\n2. b\n1. a") == ["3. c", "2. b", "1. a"]
    assert texts("1. a\n3. c\n5. e") == ["1. a", "3. c", "5. e"]
    assert texts("1. a\n1. b\n1. c") == ["1. a", "2. b", "3. c"]


def test_what_looks_like_a_definition_but_names_no_address_is_text() -> None:
    assert texts("[Note]: careful") == ["[Note]: careful"]
    assert texts("a[^1]\n\n[^1]: https://x.example") == ["a[^1]", "", "[^1]: https://x.example"]
    assert texts("[a]\n\n[a]: https://x.example") == ["a (https://x.example)"]


def test_all_that_stands_after_a_fence_is_shown() -> None:
    head, line, _ = rows('```python title="the app.py of it"\nreturn 1\n```', 60)
    assert 'python title="the app.py of it"' in head.text
    assert ink_of(line, "return") == "accent"
    assert [row.text.strip() for row in rows("```sh one two three\nls\n```", 20)][:3] == [
        "sh one two ^y copy",
        "three",
        "ls",
    ]


def test_what_lies_too_deep_is_text() -> None:
    assert "deep" in shown("> " * 300 + "deep")
    assert "deep" in shown("- " * 300 + "deep").replace("\n", "")


def test_addresses_are_shown_as_written_and_hosts_in_ascii() -> None:
    assert shown("[متن](https://fa.wikipedia.org/wiki/تهران)") == "متن (https://fa.wikipedia.org/wiki/تهران)"
    assert shown("<https://fa.wikipedia.org/wiki/تهران>") == "https://fa.wikipedia.org/wiki/تهران"
    assert shown("[apple.com](https://аррӏе.com/x)") == "apple.com (https://xn--80ak6aa92e.com/x)"


def test_emphasis_in_the_name_of_a_picture_is_read() -> None:
    assert texts("![a *dome*](u.png)") == ["▣ a dome"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_every_line_end_is_one(end: str) -> None:
    assert texts(f"- a{end}- b") == ["• a", "• b"]
    assert texts(f"```{end}x{end}y{end}```")[1:3] == [" x", " y"]
    assert texts(f"| a |{end}|---|{end}| b |") == ["a", "─", "b"]


@pytest.mark.parametrize("entity", ["&#12;", "&#x2028;", "&#10;"])
def test_a_line_end_that_is_spelt_out_ends_the_line(entity: str) -> None:
    assert texts(f"a{entity}b") == ["a", "b"]


@pytest.mark.parametrize("source", ["> - <!-- a\n> ", "> - <div>\n>  "])
def test_containers_that_end_in_half_a_line_are_drawn(source: str) -> None:
    assert texts(source)[0].startswith("▎ •")
