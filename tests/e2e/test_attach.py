"""A picture goes with a question: by its path, or picked with the keyboard; what is no picture is refused."""

from __future__ import annotations

from tests.e2e.home import Home, ask
from tests.support.fake_gemini import png
from tests.support.terminal import BACKSPACE, DOWN, END, ENTER, HOME, ctrl

UPPER_HALF = "▀"


def pixels(screen: str) -> int:
    """Return how many half blocks the transcript shows; the composer is drawn with some, too."""
    lines = screen.splitlines()
    composer = next(y for y, line in enumerate(lines) if "▄▄▄▄▄▄▄▄" in line)
    return "".join(lines[:composer]).count(UPPER_HALF)


def test_picture_by_its_path_is_sent_described_and_drawn(home: Home) -> None:
    (home.path / "red.png").write_bytes(png(40, 30))
    argus = home.start()
    ask(argus, "/attach ~/red.png")
    argus.wait_for(lambda screen: "red.png" in screen and " B  " in screen)
    ask(argus, "What do you see?")
    argus.wait_for("I see a picture: image/png, ")
    screen = argus.wait_for(lambda screen: pixels(screen) > 20)
    assert "40 × 30" in screen
    ((size,),) = home.rows("SELECT json_extract(attachment, '$.size_bytes') FROM attachments")
    assert f"image/png, {size} bytes." in screen


def test_what_is_no_picture_is_refused_in_its_chip_and_the_question_waits(home: Home) -> None:
    (home.path / "paper.png").write_bytes(b"%PDF-1.7 not a picture")
    argus = home.start()
    ask(argus, "/attach ~/paper.png")
    argus.wait_for("a PDF document")
    ask(argus, "What is it?")
    argus.wait_for("paper.png cannot be attached")
    argus.send(HOME, BACKSPACE)
    argus.wait_gone("a PDF document")
    argus.send(END, " And without it?", ENTER)
    argus.wait_for("You said: What is it? And without it?")
    assert home.rows("SELECT id FROM attachments") == []


def test_picture_is_picked_with_the_keyboard(home: Home) -> None:
    folder = home.path / "photos"
    folder.mkdir()
    (folder / "roof.png").write_bytes(png(8, 8))
    argus = home.start()
    argus.send(ctrl("o"))
    argus.wait_for("photos/")
    argus.press(DOWN)  # past data/
    argus.send(ENTER)
    argus.wait_for("roof.png")
    argus.press(DOWN)
    argus.send(ENTER)
    argus.wait_gone("Attach a picture")
    argus.wait_for(lambda screen: "roof.png" in screen and " B  " in screen)
    ask(argus, "What is it?")
    argus.wait_for("I see a picture: image/png")
