from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argus_core.text.plain import plain


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("## Three *days* in **Shiraz**", "Three days in Shiraz"),
        ("> - [x] done\n> - [ ] to do\n1. first", "done\nto do\n1. first"),
        ("see [the docs](https://x.example/a_(b)) and ![a dome](u.png)", "see the docs and a dome"),
        ("see [**the** docs][d]\n\n[d]: https://x.example", "see the docs"),
        ("run `make **all**` and ``a ` b``", "run make **all** and a ` b"),
        ("```python\nx = a * b * c\n```\nafter", "x = a * b * c\nafter"),
        ("| Place | Stay |\n|---|--:|\n| Eram | **2** h |", "Place   Stay\nEram   2 h"),
        ("$a_1 * b_1$ and $5 to $10", "$a_1 * b_1$ and $5 to $10"),
        ("$$\nx_1 * y\n$$", "x_1 * y"),
        ("H<sub>2</sub>O<br>next <!-- no -->&amp; <kbd>Ctrl</kbd>", "H2O next & Ctrl"),
        ("a snake_case_name and 2 * 3 * 4", "a snake_case_name and 2 * 3 * 4"),
        (r"\*not bold\* at \$5", "*not bold* at $5"),
        ("Title\n===\n\n---\n***\ntext  ", "Title\ntext"),
        ("これは**「重要」**です", "これは「重要」です"),
        ("<https://x.example> a < b", "https://x.example a < b"),
        ("```\nnever ended **x**", "never ended **x**"),
    ],
)
def test_what_is_read_stays_and_signs_go(source: str, expected: str) -> None:
    assert plain(source) == expected


@given(st.text(alphabet="ab سل漢1 \n", max_size=80))
def test_text_without_signs_keeps_every_word(text: str) -> None:
    assert plain(text).split() == text.split()


@pytest.mark.parametrize(
    "piece", ["[", "![a](", "`", "``a", "$a", "<", "<!-- ", "*a", "\\", "> ", "[a][", "|-", "(a" * 3]
)
def test_time_grows_with_the_text(piece: str) -> None:
    start = time.process_time()
    plain(piece * (60_000 // len(piece)))
    assert time.process_time() - start < 3
