"""`$EDITOR`: the draft in another program, whatever that is, does or leaves behind."""

from __future__ import annotations

import asyncio
import shlex
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final

from textual.app import SuspendNotSupported

from argus_core.errors import InvalidInput
from argus_core.text.clean import clean_line
from argus_tui.terminal import lent_terminal

MOST_BYTES: Final = 4 << 20
KEPT: Final = "Your draft is as it was."
_END_S: Final = 1.0
"""How long an editor may take to end when Argus does."""


def editor_command(environment: Mapping[str, str]) -> Sequence[str]:
    """Return the program and its arguments that VISUAL or EDITOR name, `vi` if neither does.

    Raises:
        InvalidInput: It is no command.
    """
    for name in ("VISUAL", "EDITOR"):
        value = environment.get(name, "")
        try:
            words = shlex.split(value)
        except ValueError:
            title = f"{name} has a quote without its partner: {clean_line(value, 60)}"
            raise InvalidInput(f"{KEPT} Correct {name} and start Argus again.", title=title) from None
        if words:
            return words
    return ["vi"]


async def edit(text: str, command: Sequence[str], suspend: Callable[[], AbstractContextManager[None]]) -> str:
    """Return the text as somebody left it in the editor; answers go on being written meanwhile.

    Args:
        text: What the editor begins with, in a file that only the user can read.
        command: The program and its arguments.
        suspend: Takes the screen away as long as the block runs.

    Raises:
        InvalidInput: The editor could not be used, or left something that is no text; if it is something else than
            what it began with, it is kept, and the hint says where.
    """
    folder = Path(tempfile.mkdtemp(prefix="argus-"))
    path = folder / "question.md"
    begun = text.encode("utf-8", "replace")
    try:
        path.write_bytes(begun)
        await _use(command, path, suspend)
        edited = await asyncio.to_thread(_read, path)
    except InvalidInput as error:
        if not _holds_something_else(path, begun):
            shutil.rmtree(folder, ignore_errors=True)
            raise
        raise InvalidInput(f"{error.hint} What the editor left is in {path}.", title=error.title) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    return edited


async def _use(command: Sequence[str], path: Path, suspend: Callable[[], AbstractContextManager[None]]) -> None:
    """Let somebody edit the file."""
    code: int | None = None
    cancelled: asyncio.CancelledError | None = None
    try:
        with suspend(), lent_terminal():  # nothing may be raised in here: the screen would not come back
            try:
                code = await _run([*command, str(path)])
            except asyncio.CancelledError as error:
                cancelled = error
            except (OSError, ValueError):  # not there, not to be run, a zero byte in its name
                pass
    except SuspendNotSupported:
        raise InvalidInput(KEPT, title="This terminal cannot be lent to an editor") from None
    if cancelled is not None:
        raise cancelled
    if code != 0:
        raise InvalidInput(f"{KEPT} Set EDITOR to an editor you like.", title=_how_it_ended(command[0], code))


def _holds_something_else(path: Path, begun: bytes) -> bool:
    try:
        return path.is_file() and (path.stat().st_size != len(begun) or path.read_bytes() != begun)
    except OSError:
        return False


async def _run(command: Sequence[str]) -> int:
    """Run a program on this terminal to its end; it ends with us."""
    process = await asyncio.create_subprocess_exec(*command)
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _END_S)


def _how_it_ended(name: str, code: int | None) -> str:
    name = clean_line(Path(name).name, 40)
    if code is None:
        return f"The editor {name} could not be started"
    return f"The editor {name} ended with {f'signal {-code}' if code < 0 else f'code {code}'}"


def _read(path: Path) -> str:
    """Return what the editor left.

    Raises:
        InvalidInput: It is not there, too long or no text.
    """
    try:
        if not path.is_file():
            raise InvalidInput(KEPT, title="The editor left no file")
        if path.stat().st_size > MOST_BYTES:
            raise InvalidInput(KEPT, title=f"The editor left more than {MOST_BYTES >> 20} MB")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidInput(KEPT, title=f"What the editor left cannot be read: {reason}") from error
    except UnicodeDecodeError:
        raise InvalidInput(f"{KEPT} Save it as UTF-8.", title="What the editor left is not UTF-8") from None
    if "\0" in text:
        raise InvalidInput(f"{KEPT} Save it as UTF-8.", title="What the editor left is no text")
    return text.rstrip("\r\n")
