"""Text that comes in pieces is as clean as text that comes whole."""

from hypothesis import example, given
from hypothesis import strategies as st

from argus_core.text.clean import FORBIDDEN, clean
from argus_tui.cli.stream_cleaner import StreamCleaner

pieces = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.sampled_from(
            ["\x1b", "\x1b[", "31", "m", "\x1b]52;c;", "\x07", "\x1b\\", "\\", "\x9b", "\x9d0;", "\x9c", "\r", "\n"]
        ),
        st.text(alphabet="\x1b[]0;1mP^_\\\x07\r\n\x9b\x9d\x9c ab(", max_size=12),
    ),
    max_size=12,
)


def stream(texts: list[str]) -> list[str]:
    cleaner = StreamCleaner()
    return [*(cleaner.feed(text) for text in texts), cleaner.finish()]


@given(pieces)
@example(["\x1b]52;c;aGk=", "\x1b", "\\ok"])
@example(["a\r", "\nb"])
@example(["\x1b]" + "x" * 5000, "y\x07"])
@example(["\x1b]" + "x" * 4096, "\x07y"])
def test_any_cut_cleans_to_the_same_text(texts: list[str]) -> None:
    assert "".join(stream(texts)) == clean("".join(texts))


@given(pieces)
def test_no_piece_ever_holds_a_control(texts: list[str]) -> None:
    assert all(FORBIDDEN.search(piece) is None for piece in stream(texts))


def test_plain_text_is_never_kept_back() -> None:
    assert StreamCleaner().feed("سلام\u200cها, hello\n") == "سلام\u200cها, hello\n"


def test_a_cut_colour_leaves_no_trace() -> None:
    assert stream(["a\x1b[3", "1mb"]) == ["a", "b", ""]
