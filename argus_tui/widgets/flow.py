"""A layout that puts widgets side by side and goes on in the next row when there is no room."""

from __future__ import annotations

from textual.geometry import Region, Size
from textual.layout import ArrangeResult, WidgetPlacement
from textual.layouts.horizontal import HorizontalLayout
from textual.widget import Widget


class FlowLayout(HorizontalLayout):
    """Words of a paragraph, but widgets."""

    name = "flow"

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:
        return _wrapped(list(super().arrange(parent, children, size, greedy)), size.width)


def _wrapped(placements: list[WidgetPlacement], width: int) -> list[WidgetPlacement]:
    x = y = tallest = 0
    wrapped = []
    for placement in placements:
        region = placement.region
        if x and x + region.width > width:
            x, y, tallest = 0, y + tallest, 0
        wrapped.append(placement._replace(region=Region(x, y, region.width, region.height)))
        x += region.width + placement.margin.right
        tallest = max(tallest, region.height)
    return wrapped
