"""ctrl+o: a picture from below one folder. Imported when it is opened, never at the start."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, TypeAlias

from rich.segment import Segment
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.strip import Strip
from textual.style import Style
from textual.visual import VisualType
from textual.widgets.option_list import Option
from textual_fspicker import FileOpen, Filters
from textual_fspicker.parts import CurrentDirectory, DirectoryNavigation
from textual_fspicker.parts.directory_navigation import DirectoryEntry

from argus_core.text.clean import clean_line
from argus_tui import format as fmt
from argus_tui.glyphs import FULL
from argus_tui.screens.overlay import overlay_keys
from argus_tui.widgets.field import Field
from argus_tui.widgets.ink import ACCENT, MUTED, WARN, spread
from argus_tui.widgets.pasting import PICTURE_SUFFIXES
from argus_tui.widgets.words import Words

OptionContent: TypeAlias = "Option | VisualType | None"

_SIZE_CELLS, _DAY_CELLS = 9, 13
_NOT_LAID_OUT = 40


def is_below(path: Path, root: Path) -> bool:
    """Tell whether a path, links followed, is the root or below it."""
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a link that leads to itself
        return False


def is_picture(path: Path) -> bool:
    """Tell by its suffix whether a file may be a picture; what is in it is checked when it is read."""
    return path.suffix.lower() in PICTURE_SUFFIXES


class Folder(DirectoryNavigation):
    """The folders and pictures of one folder; there is no way above the root."""

    def __init__(self, location: Path, root: Path) -> None:
        self._root = root
        super().__init__(location, double_click_directories=False)

    @property
    def is_root(self) -> bool:
        return bool(self._location.resolve() == self._root)

    def hide(self, path: Path) -> bool:
        return bool(super().hide(path)) or (path.is_symlink() and not is_below(path, self._root))

    def validate__location(self, location: Path) -> Path:
        """Stay at the root instead of leaving it, whichever way somebody tries."""
        return location if is_below(location, self._root) else self._root

    def add_option(self, option: OptionContent = None) -> Folder:
        return self.add_options([option] if option is not None else [])

    def add_options(self, new_options: Iterable[OptionContent]) -> Folder:
        """Draw each entry our way: the picker's own signs are emoji, and its names are not cleaned."""
        options = list(new_options)
        for option in options:
            if isinstance(option, DirectoryEntry):
                option._set_prompt(_entry(option.location, self.size.width))
        super().add_options(options)
        return self

    def on_resize(self) -> None:
        self._repopulate_display()  # the entries are drawn for one width

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        if self.scroll_offset.y + y != self.highlighted or not strip.cell_length:
            return strip
        ground = next(iter(strip)).style
        bar = Style.parse(ACCENT).rich_style
        return Strip([Segment(FULL.chosen, ground + bar if ground else bar), *strip.crop(1)])


def _entry(path: Path, width: int) -> Content:
    if path.name == "..":
        return Content.styled("  ..", MUTED)
    name = clean_line(path.name)
    try:
        stat = path.stat()
    except OSError:
        return Content.styled(f"  {name}", MUTED)
    if path.is_dir():
        return Content.assemble("    ", name, ("/", MUTED))
    changed = fmt.day(datetime.fromtimestamp(stat.st_mtime, UTC))
    facts = f"{fmt.size(stat.st_size):>{_SIZE_CELLS}}{changed:>{_DAY_CELLS}}  "
    left = Content.assemble("  ", (FULL.picture, ACCENT), " ", name)
    return spread(left, Content.styled(facts, MUTED), width or _NOT_LAID_OUT)


class Where(CurrentDirectory):
    """The folder that is shown, from the root on."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._root = root

    def _watch_current_directory(self) -> None:
        shown = self.current_directory
        if shown is None:
            return
        inside = shown.resolve()
        below = inside.relative_to(self._root).as_posix() if is_below(inside, self._root) else "."
        name = self._root.name or str(self._root)
        path = name if below == "." else f"{name}/{below}"
        self.update(Content.assemble(("Attach a picture", "bold"), (f"   from {clean_line(path)}", MUTED)))


class PickImage(FileOpen):
    """Returns the path of a file below `root` that looks like a picture, or None.

    Whoever opens the file must check again that it is below the root: it may be another one by then.
    """

    CSS_PATH = "pick_image.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Close", id="pick.close", tooltip="Attach nothing", show=False),
        Binding("full_stop", "hidden", "Hidden", id="pick.hidden", tooltip="Show hidden files too", show=False),
    ]

    def __init__(self, root: Path, start: Path | None = None) -> None:
        self._root = root.resolve()
        begin = start if start is not None and is_below(start, self._root) else self._root
        super().__init__(
            begin, filters=Filters(("Pictures", is_picture)), suggest_completions=False, double_click_directories=False
        )

    def compose(self) -> ComposeResult:
        with Vertical(classes="overlay", id="pick"):
            yield Where(self._root)
            yield Folder(Path(self._location), self._root)
            with Horizontal(id="path"):
                yield Field(placeholder="or a path below this folder")
            yield Words(id="about")
            hints = (("enter", "attach"), ("backspace", "up"), (".", "hidden"), ("tab", "type a path"))
            yield overlay_keys(hints, ("esc", "close"))

    @on(DirectoryNavigation.Selected)
    def _take(self, event: DirectoryNavigation.Selected) -> None:
        event.stop()
        path = event.path.resolve()
        if self._should_return(path):
            self.dismiss(path)

    def _should_return(self, candidate: Path) -> bool:
        resolved = candidate.resolve()
        if not is_below(resolved, self._root):
            self._set_error(f"Pictures are taken only from below {self._root}.")
        elif not resolved.is_file():
            self._set_error("There is no such file.")
        elif not is_picture(resolved):
            self._set_error("That is not a JPEG, PNG, WebP or GIF file.")
        else:
            return True
        return False

    def _set_error(self, message: str = "") -> None:
        said = Content.assemble(("! ", WARN), clean_line(message)) if message else Content.empty()
        self.query_one("#about", Words).content = said
