"""The table of models: what each takes, how much it reads, what it costs."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from argus_core.domain import ModelInfo
from argus_core.text.clean import clean_line
from argus_tui import format as fmt
from argus_tui.glyphs import FULL
from argus_tui.widgets.ink import ACCENT, MUTED, ON_PICKED, RULE
from argus_tui.widgets.rows import Rows

_STEPS = (0.0, 0.3, 1.0, 3.0)
"""Dollars for a million tokens, three read to one written, above which one more square is filled."""
_TAKES_CELLS = 21
_WIDE = 86
"""Cells from which the column that says what a model takes has room."""
_FIXED_CELLS = 2 + 6 + 8 + 8 + 3 + 4 + 2 + 3 + 2
"""Bar, reads, two prices, gap, squares, gap, `now`, margin."""


def takes(model: ModelInfo) -> str:
    """Return what may be put in, and where it runs when that is here."""
    if model.makes_images:
        return "makes pictures"
    kinds = "text pictures" if model.takes_images else "text"
    return f"{kinds}, offline" if model.provider == "local" else kinds


def squares(model: ModelInfo) -> int:
    """Return how dear a model is, 0 to 4 squares."""
    if model.input_usd_per_million is None or model.output_usd_per_million is None:
        return 0
    price = (3 * model.input_usd_per_million + model.output_usd_per_million) / 4
    return sum(price > step for step in _STEPS)


def price(usd: float | None) -> str:
    """Return a price with cents; `free`, or `?` when it is not known."""
    if usd is None:
        return "?"
    return f"{usd:.2f}" if usd else "free"


def name_cells(width: int) -> int:
    """Return the width of the first column."""
    return width - _FIXED_CELLS - (_TAKES_CELLS if width >= _WIDE else 0)


def header(width: int) -> Content:
    """Return the names of the columns."""
    middle = f"{'Takes':<{_TAKES_CELLS}}" if width >= _WIDE else ""
    return Content.styled(f"  {'Model':<{name_cells(width)}}{middle}{'Reads':>6}{'$ in':>8}{'$ out':>8}   cost", MUTED)


class ModelRows(Rows, can_focus=False):
    """The models that match; the field above keeps the focus."""

    def __init__(self, current: str | None) -> None:
        super().__init__()
        self._current_id = current
        self._models: Sequence[ModelInfo] = ()

    @property
    def current(self) -> ModelInfo | None:
        """The model under the cursor."""
        return self._models[self.cursor] if self.cursor is not None and self.cursor < len(self._models) else None

    def show(self, models: Sequence[ModelInfo]) -> None:
        """Show these; the cursor stays on its model, begins on the current one, else on the first."""
        wanted = self.current.id if self.current else self._current_id
        self._models = models
        ids = [model.id for model in models]
        place = ids.index(wanted) if wanted in ids else 0
        self.cursor = place if ids else None
        self.rows_changed()
        self.post_message(self.Moved(self, self.cursor))

    def row_count(self) -> int:
        return len(self._models)

    def draw_row(self, index: int, width: int) -> Content:
        model, here = self._models[index], index == self.cursor
        room = name_cells(width)
        name = fmt.fit(clean_line(model.id), room - 1) + " "
        limit = fmt.count(model.input_token_limit) if model.input_token_limit else "?"
        filled = squares(model)
        middle = f"{takes(model):<{_TAKES_CELLS}}" if width >= _WIDE else ""
        row = Content.assemble(
            (FULL.chosen, ACCENT) if here else " ",
            " ",
            (name, "bold" if here else ""),
            (middle, MUTED),
            f"{limit:>6}{price(model.input_usd_per_million):>8}{price(model.output_usd_per_million):>8}   ",
            (FULL.price * filled, ACCENT),
            (FULL.price * (len(_STEPS) - filled), RULE),
            ("  now  " if model.id == self._current_id else "", ACCENT),
        )
        return row.truncate(width, pad=True).stylize_before(ON_PICKED) if here else row
