"""Every command of the program, once: the keys, the slash commands, the palette and the help are made from it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from argus_core.text.api_keys import holds_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something a person can do."""

    action: str
    """The screen's method `action_…`; a slash command's argument is passed to it."""
    about: str
    """One short sentence, without a full stop."""
    slash: str = ""
    """The name after `/`; empty for none."""
    argument: str = ""
    """What may follow the slash command, such as `NAME`; empty for nothing."""
    keys: str = ""
    """Textual's key names, the one to show first."""
    shown: str = ""
    """The short word in the row of keys; empty where it is not in that row."""
    for_admins: bool = False
    """Only admins are offered it."""

    @property
    def id(self) -> str:
        """The id of its binding, by which people rebind it."""
        return "chat." + self.action

    @property
    def key(self) -> str:
        """The first of its keys as it is written on the screen: `^n`, `f1`, `esc`."""
        return self.keys.split(",")[0].replace("ctrl+", "^").replace("escape", "esc")

    @property
    def usage(self) -> str:
        """`/name ARGUMENT`."""
        return f"/{self.slash} {self.argument}".strip() if self.slash else ""


COMMANDS: tuple[Command, ...] = (
    Command(action="new", slash="new", keys="ctrl+n", shown="new", about="start a new conversation"),
    Command(
        action="jump",
        slash="convs",
        keys="ctrl+k",
        shown="jump",
        about="jump to any conversation by its name or its words",
    ),
    Command(
        action="find", slash="search", argument="WORDS", keys="ctrl+f", shown="search", about="search what was said"
    ),
    Command(
        action="attach",
        slash="attach",
        argument="PATH",
        keys="ctrl+o",
        shown="attach",
        about="attach a picture to the question",
    ),
    Command(action="toggle_sidebar", keys="f2", shown="sidebar", about="show or hide the list of conversations"),
    Command(action="help", slash="help", keys="f1,ctrl+g", shown="help", about="show the keys and the commands"),
    Command(action="palette", keys="ctrl+p", about="find a command by its words"),
    Command(action="select", slash="select", argument="NUMBER", about="open a conversation by its place in the list"),
    Command(action="next", keys="ctrl+pagedown,alt+down", about="open the next conversation"),
    Command(action="previous", keys="ctrl+pageup,alt+up", about="open the previous conversation"),
    Command(action="model", slash="model", argument="NAME", keys="f4", about="choose which model answers here"),
    Command(
        action="system", slash="system", argument="TEXT", about="say how the model should behave in this conversation"
    ),
    Command(action="rename", slash="rename", argument="TITLE", about="give this conversation another title"),
    Command(action="pin", slash="pin", about="pin or unpin this conversation"),
    Command(action="delete", slash="delete", about="delete this conversation (can be undone)"),
    Command(action="undo", slash="undo", about="take back the last deletion, or the last question and its answer"),
    Command(action="stop", slash="stop", keys="escape", about="stop the answer; what has come is kept"),
    Command(action="retry", slash="retry", keys="f5", about="answer the last question again"),
    Command(action="continue", slash="continue", keys="f6", about="go on from an answer that was stopped or cut"),
    Command(action="copy", slash="copy", keys="ctrl+y", about="copy the last code block, or the last answer"),
    Command(action="thoughts", keys="ctrl+t", about="unfold or fold the model's thinking"),
    Command(action="editor", keys="alt+e", about="write the question in your editor ($EDITOR)"),
    Command(action="suspend", slash="suspend", about="go back to the shell for a while; fg returns"),
    Command(action="theme", slash="theme", argument="NAME", about="choose the colours"),
    Command(action="key", slash="key", about="set another Gemini key"),
    Command(action="login", slash="login", argument="EMAIL PASSWORD", about="sign in to the server"),
    Command(action="signup", slash="signup", argument="NAME EMAIL PASSWORD", about="make an account on the server"),
    Command(action="logout", slash="logout", about="sign out on this machine"),
    Command(action="usage", slash="usage", about="show what was used today and what is left"),
    Command(action="account", slash="account", about="show where you are signed in, or change your password"),
    Command(action="admin", slash="admin", about="look after users, invites and limits", for_admins=True),
    Command(action="quit", slash="quit", keys="ctrl+q", about="leave; drafts and answers are kept"),
)

BY_SLASH: dict[str, Command] = {command.slash: command for command in COMMANDS if command.slash}
WRITE_HERE = "Write here. Enter sends, ctrl+j new line, / for commands"
"""What stands in the empty composer."""
NUMBER_KEYS = tuple(f"alt+{digit}" for digit in range(1, 10))
"""Open the first nine conversations of the list."""


def parse_slash(text: str) -> tuple[str, str] | None:
    """Return the command and its argument of a line such as `/rename My trip`; None when it is not one.

    A line that begins with two slashes, or with a path such as `/home/me/a.png`, is not a command.
    """
    if not text.startswith("/") or "\n" in text.strip():
        return None
    name, _, argument = text[1:].partition(" ")
    return (name.lower(), argument.strip()) if name and "/" not in name else None


_WITH_PASSWORD = re.compile(r"\s*/(?:login|signup)(?=\s)", re.IGNORECASE)
_PASSWORD = re.compile(
    r"(?P<before>\s*/(?:signup\s+(?:\S+\s+)*?[^\s@]*@\S*|login\s+\S+)\s+)(?P<password>\S.*)", re.IGNORECASE
)


def holds_password(text: str) -> bool:
    """Tell whether it is `/login …` or `/signup …`: no question, whatever else is in it."""
    return _WITH_PASSWORD.match(text) is not None


def is_worth_keeping(draft: str) -> bool:
    """Tell whether a draft may be kept: not with a password or a Gemini key, nor if it may be a mistyped `/login …`."""
    command = parse_slash(draft.lstrip())
    unknown = command is not None and bool(command[1]) and command[0] not in BY_SLASH
    return not holds_password(draft) and not holds_key(draft) and not unknown


def with_password_hidden(line: str) -> str:
    """Return a line as it is shown: dots for the password that is typed behind `/login` or `/signup`."""
    found = _PASSWORD.fullmatch(line)
    return found["before"] + "•" * len(found["password"]) if found else line


def sign_in_words(argument: str) -> tuple[str, str]:
    """Return email and password of what follows `/login`; the password is all that stands behind the email."""
    email, _, password = argument.partition(" ")
    return email, password.strip()


def sign_up_words(argument: str) -> tuple[str, str, str]:
    """Return name, email and password of what follows `/signup`; the email is the first word with an `@`."""
    words = argument.split(" ")
    at = next((at for at, word in enumerate(words) if "@" in word), len(words))
    return " ".join(words[:at]).strip(), "".join(words[at : at + 1]), " ".join(words[at + 1 :]).strip()


def closest(name: str) -> str:
    """Return the slash command that looks most like `name`; empty when none does."""
    from difflib import get_close_matches

    found = get_close_matches(name, BY_SLASH, n=1, cutoff=0.5)
    return found[0] if found else ""
