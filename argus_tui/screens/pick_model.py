"""/model: who answers here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input

from argus_core.client.base import ChatClient
from argus_core.domain import ModelInfo
from argus_core.errors import ArgusError
from argus_core.text.clean import clean_line
from argus_tui.glyphs import FULL
from argus_tui.screens.fuzzy import best
from argus_tui.screens.model_rows import ModelRows, header, takes
from argus_tui.screens.overlay import ListOverlay, overlay_keys
from argus_tui.widgets.field import Field
from argus_tui.widgets.ink import MUTED, RULE, WARN, Drawn
from argus_tui.widgets.rows import Rows
from argus_tui.widgets.status_line import KeyRow
from argus_tui.widgets.words import Words


class Columns(Drawn):
    """The names of the columns and the line under them."""

    DEFAULT_CSS = "Columns { height: 2; }"

    def lines(self, width: int) -> Sequence[Content]:
        return (header(width), rule(width))


class Rule(Drawn):
    """A hairline."""

    DEFAULT_CSS = "Rule { height: 1; }"

    def lines(self, width: int) -> Sequence[Content]:
        return (rule(width),)


def rule(width: int) -> Content:
    """Return a hairline between the margins."""
    return Content.styled("  " + FULL.rule * (width - 4), RULE)


class PickModel(ListOverlay[str | None]):
    """Returns the id of the model for this conversation, or None to keep the one it has.

    `ctrl+d` also makes it the model of all new conversations, through the client, before it returns.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+d",
            "everywhere",
            "All new ones",
            id="models.default",
            tooltip="And all new ones",
            show=False,
            priority=True,
        ),
        Binding("f5", "load", "Try again", id="models.retry", tooltip="Ask again for the models", show=False),
    ]

    def __init__(self, client: ChatClient, *, current: str | None, spent: str = "") -> None:
        """`spent` is a line of what this conversation took so far."""
        super().__init__()
        self._client = client
        self._current = current
        self._spent = spent
        self._models: Sequence[ModelInfo] = ()
        self._typed = ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="overlay", id="models"):
            with Horizontal(id="search"):
                yield Words(Content.styled("Which model answers here", "bold"), id="title")
                yield Words(Content.styled(f"{FULL.filter} ", MUTED), id="sign")
                yield Field(placeholder="type to filter")
            yield Columns(id="columns")
            yield ModelRows(self._current)
            yield Rule(id="rule")
            yield Words(id="about")
            yield overlay_keys((), ("esc", "keep"))

    def on_mount(self) -> None:
        self.action_load()

    def action_load(self) -> None:
        """Ask who can answer."""
        self._say(Content.styled("Asking which models there are …", MUTED))
        self._load()

    def action_everywhere(self) -> None:
        """Take the model for this conversation and all new ones."""
        model = self.query_one(ModelRows).current
        if model is not None:
            self._set_default(model.id)

    @work(group="models", exclusive=True)
    async def _load(self) -> None:
        try:
            self._models = await self._client.models.list()
        except ArgusError as error:
            self._fail(error)
            return
        if not self.query(Input):
            return  # it is being closed: widgets go before workers
        if self._models:
            self._show()
        else:
            self._say(Content("There is no model: no key is set, and no offline model is installed."))

    @work(group="default", exclusive=True)
    async def _set_default(self, model: str) -> None:
        try:
            await self._client.models.set_default(model)
        except ArgusError as error:
            self._fail(error)
            return
        self.dismiss(model)

    @on(Input.Changed)
    def _filter(self, event: Input.Changed) -> None:
        event.stop()
        self._typed = event.value
        self._show()

    @on(Rows.Moved)
    def _moved(self, event: Rows.Moved) -> None:
        event.stop()
        model = self.query_one(ModelRows).current
        if model is not None:
            self._describe(model)

    @on(Rows.Chosen)
    def _chosen(self, event: Rows.Chosen) -> None:
        event.stop()
        model = self.query_one(ModelRows).current
        if model is not None:
            self.dismiss(model.id)

    def _show(self) -> None:
        if not self._models:
            return
        found = [match.item for match in best(self._typed, self._models, lambda one: one.id, len(self._models))]
        self.query_one(ModelRows).show(found)
        self.query_one(KeyRow).hints = (("enter", "this conversation"), ("^d", "and all new ones"))
        if not found:
            self._say(Content("No model has this in its name."))

    def _describe(self, model: ModelInfo) -> None:
        about = clean_line(model.description, 240) or f"{clean_line(model.name)}: {takes(model)}."
        lines = [Content(about)]
        lines += [Content.styled(clean_line(self._spent), MUTED)] if self._spent else []
        if model.input_usd_per_million:
            lines.append(Content.styled("Prices are dollars for a million tokens.", MUTED))
        self._say(Content("\n").join(lines))

    def _fail(self, error: ArgusError) -> None:
        self._say(Content.assemble(("! ", WARN), (clean_line(error.title), "bold"), f". {clean_line(error.hint)}"))
        self.query_one(KeyRow).hints = (("f5", "try again"),)

    def _say(self, content: Content) -> None:
        self.query_one("#about", Words).content = content
