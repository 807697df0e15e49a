"""`/usage`: what was used today, what is left of each limit, and what is kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content

from argus_core.client.base import AccountRole
from argus_core.domain import Allowance, Kept, KeptName, Meter, MeterName
from argus_core.errors import ArgusError
from argus_core.text.clean import clean_line
from argus_tui import format as fmt
from argus_tui.glyphs import FULL
from argus_tui.screens.overlay import Overlay, overlay_keys
from argus_tui.widgets.ink import ACCENT, MUTED, RULE, WARN, Drawn, spread

NAMES: Final[dict[MeterName, str]] = {
    "requests_per_minute": "questions a minute",
    "requests_per_day": "questions a day",
    "tokens_per_day": "tokens a day",
    "micro_usd_per_day": "money a day",
}
KEPT: Final[dict[KeptName, str]] = {
    "conversations": "conversations",
    "text_bytes": "text",
    "picture_bytes": "pictures",
    "sessions": "signed-in clients",
}
_LABEL = 20
_BAR = 16
_SOON_S = 1.0


def amount(meter: Meter, number: int) -> str:
    """Return a number of what the meter counts."""
    return fmt.money(number) if meter.name == "micro_usd_per_day" else fmt.count(number)


def bar(left: int, limit: int, cells: int) -> Content:
    """Return a bar that is as full as what is left; nothing left is told in the colour of a problem."""
    filled = max(1, round(cells * left / limit)) if left > 0 and limit else 0
    return Content.assemble((FULL.heavy * filled, ACCENT), (FULL.heavy * (cells - filled), RULE if filled else WARN))


class UsageTable(Drawn):
    """The numbers in rows."""

    DEFAULT_CSS = "UsageTable { height: auto; padding: 0 2; }"

    def __init__(self, allowance: Allowance) -> None:
        super().__init__()
        self._allowance = allowance

    def show(self, allowance: Allowance) -> None:
        """Show these numbers."""
        self._allowance = allowance
        self.refresh(layout=True)

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        return len(self.lines(width))

    def lines(self, width: int) -> Sequence[Content]:
        used = self._allowance
        today = [
            ("questions", fmt.grouped(used.requests)),
            ("tokens", fmt.grouped(used.tokens)),
            ("cost", fmt.money(used.cost_micro_usd)),
        ]
        left = [self._meter(meter, width) for meter in used.meters]
        kept = [_kept_line(each) for each in used.kept]
        if not kept:
            left = left or [Content.styled("Nothing is limited here.", MUTED)]
        return [
            Content.styled("Used today (UTC)", "bold"),
            *(Content.assemble((name.ljust(_LABEL), MUTED), words) for name, words in today),
            *_section("Left", left),
            *_section("Kept", kept),
        ]

    def _meter(self, meter: Meter, width: int) -> Content:
        words = f"{amount(meter, meter.left)} of {amount(meter, meter.limit)}"
        full = meter.left >= meter.limit or meter.resets_in_s < _SOON_S
        resets = "" if full else f"full again in {fmt.duration(meter.resets_in_s)}"
        label = Content.styled(NAMES[meter.name].ljust(_LABEL), MUTED)
        return spread(label + bar(meter.left, meter.limit, _BAR) + f"  {words}", Content.styled(resets, MUTED), width)


def _kept_line(kept: Kept) -> Content:
    label = Content.styled(KEPT[kept.name].ljust(_LABEL), MUTED)
    return label + bar(kept.limit - kept.used, kept.limit, _BAR) + f"  {fmt.share(kept)}"


def _section(title: str, lines: Sequence[Content]) -> Sequence[Content]:
    return [Content.empty(), Content.styled(title, "bold"), *lines] if lines else []


class Usage(Overlay[None]):
    """Shows the allowance as it was when it was opened, or looked at again."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "again", "Look again", id="usage.again", tooltip="Ask for the numbers again", show=False)
    ]
    AUTO_FOCUS = ""

    def __init__(self, account: AccountRole, allowance: Allowance) -> None:
        super().__init__()
        self._account = account
        self._table = UsageTable(allowance)

    def compose(self) -> ComposeResult:
        with Vertical(classes="overlay", id="usage"):
            yield self._table
            yield overlay_keys((("f5", "look again"),), ("esc", "close"))

    def action_again(self) -> None:
        """Ask for the numbers again."""
        self.run_worker(self._look(), group="usage", exclusive=True)

    async def _look(self) -> None:
        try:
            self._table.show(await self._account.allowance())
        except ArgusError as error:
            self.notify(clean_line(error.hint), title=clean_line(error.title), severity="warning", markup=False)
