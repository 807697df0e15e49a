"""No escape sequence, control or override of a model, a file or a server reaches the terminal: read from the bytes."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.e2e.home import Home, ask
from tests.e2e.hostile import CASES, LINES, all_seen, assert_harmless
from tests.support.fake_gemini import FakeGemini, Refuse, error, png, text, thought
from tests.support.terminal import END, alt, ctrl


def test_in_an_answer_whole_and_letter_by_letter(home: Home, gemini: FakeGemini) -> None:
    whole = "\n\n".join(LINES)
    gemini.play("whole", text(whole), text("\n\nthe end", finish="STOP"))
    gemini.play("letters", *map(text, whole), text("\n\nthe end", finish="STOP"))
    for model in ("whole", "letters"):
        argus = home.start(ARGUS_MODEL=model, rows=80)
        ask(argus, "Be nasty")
        argus.wait_for("the end")
        argus.wait_for(all_seen)
        assert_harmless(argus.written)


def test_in_thoughts_and_in_the_title_a_model_makes(home: Home, gemini: FakeGemini) -> None:
    gemini.play("thinker", *map(thought, LINES), text(f"Title {LINES[3]} {LINES[4]} {LINES[10]}", finish="STOP"))
    argus = home.start(ARGUS_MODEL="thinker", ARGUS_TITLES="auto", rows=60)
    ask(argus, "Be nasty")
    argus.wait_for(lambda screen: "Title" in screen.splitlines()[1])
    argus.send(ctrl("t"))
    argus.wait_for("z17")
    assert_harmless(argus.written)


def test_in_titles_and_names_of_models_that_are_in_the_store(home: Home) -> None:
    home.run("ask", "The first", ARGUS_MODEL="flood-3")
    with closing(sqlite3.connect(home.store)) as connection, connection:
        connection.execute("CREATE TEMPORARY TABLE copy AS SELECT * FROM conversations")
        for number, line in enumerate(LINES):
            connection.execute("UPDATE copy SET num = num + 1, id = ?, title = ?", (f"{number:032}", line))
            connection.execute("INSERT INTO conversations SELECT * FROM copy")
        everything = "".join(LINES)
        connection.execute("UPDATE messages SET model = ? WHERE role = 'assistant'", (everything,))
        connection.execute("UPDATE conversations SET model = ?, title = ? WHERE num = 1", (everything, everything))
    argus = home.start(columns=140, rows=60)
    argus.wait_for(all_seen)
    argus.send(alt("1"))
    argus.wait_for("tok3")
    argus.send(ctrl("k"))
    argus.wait_for("enter open")
    argus.wait_for(lambda screen: screen.count("z05") >= 2)
    assert_harmless(argus.written)


def test_in_the_words_of_an_error(home: Home, gemini: FakeGemini) -> None:
    half = len(LINES) // 2
    for model, lines in (("first", LINES[:half]), ("second", LINES[half:])):
        gemini.play(model, Refuse(400, error(400, " ".join(lines))))
        argus = home.start(ARGUS_MODEL=model)
        ask(argus, "Be nasty")
        argus.wait_for("Gemini says")
        argus.wait_for(lines[-1][-3:])
        assert_harmless(argus.written)


def test_in_names_of_files_on_the_disk_and_attached(home: Home) -> None:
    for line in LINES:
        (home.path / f"{line}.png").write_bytes(png(4, 4))
    argus = home.start(rows=60)
    argus.send(ctrl("o"))
    argus.wait_for("a11z11.png")
    argus.send(END)
    argus.wait_for("z17.png")
    assert_harmless(argus.written)


def test_in_names_of_pictures_that_were_sent(home: Home) -> None:
    pictures = [home.path / f"{line}.png" for line in (LINES[0], LINES[4], LINES[10], LINES[15])]
    for path in pictures:
        path.write_bytes(png(4, 4))
    home.run("ask", *(word for path in pictures for word in ("-i", str(path))), "What are these?")
    argus = home.start(rows=60)
    argus.wait_for("What are these?")
    argus.send(alt("1"))
    argus.wait_for("I see a picture")
    argus.wait_for("z15")
    assert_harmless(argus.written)


def test_in_what_the_commands_write_on_a_terminal(home: Home, gemini: FakeGemini) -> None:
    gemini.play("whole", text("\n\n".join(LINES)), text(" the end", finish="STOP"))
    gemini.models[:] = [{**gemini.models[0], "name": f"models/{line}", "displayName": line} for line in LINES]
    asked = home.start("ask", "Be nasty " + LINES[0].replace("\x1b", ""), rows=200, ARGUS_MODEL="whole")
    assert asked.wait_exit() == 0
    with closing(sqlite3.connect(home.store)) as connection, connection:
        connection.execute("UPDATE conversations SET title = ?", ("".join(LINES),))
        ((identity,),) = connection.execute("SELECT id FROM conversations").fetchall()
    commands = [("list",), ("show", identity), ("show", identity, "--markdown"), ("search", "nasty"), ("models",)]
    shown = [asked, *(home.start(*command, columns=200, rows=200) for command in commands)]
    for terminal in shown:
        assert terminal.wait_exit() == 0
        terminal.hang_up()
        assert_harmless(terminal.written)
        assert "a00" in terminal.text
    assert len(CASES) >= 16
