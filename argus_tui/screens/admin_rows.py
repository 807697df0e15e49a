"""What `/admin` lists: users, invites, and what each role may use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, TypeVar

from textual.content import Content
from textual.message import Message

from argus_core.domain import Invite, RoleLimits, User
from argus_core.text.clean import clean_line
from argus_tui import format as fmt
from argus_tui.glyphs import FULL
from argus_tui.widgets.ink import ACCENT, MUTED, ON_PICKED, WARN, Drawn, title
from argus_tui.widgets.rows import Rows

T = TypeVar("T")
_NEAR_END = 20
"""Rows before the end of what is loaded at which the next page is asked for."""
_ROLE, _STATE, _UNTIL = 8, 9, 18
_LIMITS: Final = ("questions a minute", "questions a day", "tokens a day", "money a day")
_LABEL = 22


class ItemRows(Rows, Generic[T]):
    """Rows of one kind of thing."""

    @dataclass(eq=False)
    class MoreWanted(Message):
        """The end of what is loaded is near."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.items: Sequence[T] = ()

    def show(self, items: Sequence[T]) -> None:
        """Show these; the cursor stays in its place."""
        self.items = items
        if self.cursor is None and items:
            self.cursor = 0
        self.rows_changed()

    @property
    def current(self) -> T | None:
        """What is under the cursor."""
        at = self.cursor
        return self.items[at] if at is not None and at < len(self.items) else None

    def row_count(self) -> int:
        return len(self.items)

    def watch_cursor(self, old: int | None, new: int | None) -> None:
        super().watch_cursor(old, new)
        if new is not None and new >= len(self.items) - _NEAR_END:
            self.post_message(self.MoreWanted())

    def draw_row(self, index: int, width: int) -> Content:
        here = index == self.cursor
        line = Content.assemble(
            (FULL.chosen, ACCENT) if here else " ", " ", self.said(self.items[index], width - 4), "  "
        )
        return line.stylize_before(ON_PICKED) if here else line

    def said(self, item: T, width: int) -> Content:
        """Return what a row says in exactly `width` cells."""
        raise NotImplementedError


class UserRows(ItemRows[User]):
    """Accounts: name, email, role, and whether they are shut."""

    def said(self, item: User, width: int) -> Content:
        room = width - _ROLE - _STATE - 4
        name = max(10, room * 2 // 5)
        email = fmt.fit(clean_line(item.email) or "no email", room - name - 2)
        return Content.assemble(
            title(item.name, name),
            ("  " + email, MUTED),
            "  " + fmt.fit(item.role if item.role == "admin" else "", _ROLE),
            ("  " + fmt.fit("disabled" if item.disabled else "", _STATE), WARN),
        )


class InviteRows(ItemRows[Invite]):
    """Invites: for whom, for what, and how long."""

    def __init__(self, now: Callable[[], datetime], *, id: str) -> None:
        super().__init__(id=id)
        self._now = now

    def said(self, item: Invite, width: int) -> Content:
        room = width - _UNTIL - 20
        what = "sets a password" if item.user_id else f"for a new {item.role}"
        is_over = item.used_at is not None or item.expires_at <= self._now()
        return Content.assemble(
            (fmt.fit(clean_line(item.email) or "anybody", room), MUTED if is_over else ""),
            ("  " + fmt.fit(what, 18), MUTED),
            (self._state(item).rjust(_UNTIL), MUTED),
        )

    def _state(self, invite: Invite) -> str:
        if invite.used_at is not None:
            return f"used {fmt.day(invite.used_at)}"
        return "expired" if invite.expires_at <= self._now() else f"until {fmt.day(invite.expires_at)}"


class LimitsTable(Drawn, can_focus=True):
    """What one user of each role may use; set where the server is started."""

    DEFAULT_CSS = "LimitsTable { height: 1fr; padding: 0 2; }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._limits: Sequence[RoleLimits] = ()

    def show(self, limits: Sequence[RoleLimits]) -> None:
        """Show these."""
        self._limits = limits
        self.refresh()

    def lines(self, width: int) -> Sequence[Content]:
        heads = "".join(limits.role.rjust(14) for limits in self._limits)
        rows = [[_amounts(limits)[at].rjust(14) for limits in self._limits] for at in range(len(_LIMITS))]
        return [
            Content.styled(" " * _LABEL + heads, MUTED),
            *(Content.assemble((name.ljust(_LABEL), MUTED), *cells) for name, cells in zip(_LIMITS, rows, strict=True)),
            Content.empty(),
            Content.styled("They are settings of the server, such as ARGUS_REQUESTS_PER_DAY.", MUTED),
        ]


def _amounts(limits: RoleLimits) -> tuple[str, ...]:
    numbers = (limits.requests_per_minute, limits.requests_per_day, limits.tokens_per_day)
    money = limits.micro_usd_per_day
    return (*("any" if n is None else fmt.grouped(n) for n in numbers), "any" if money is None else fmt.money(money))
