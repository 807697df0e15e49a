"""What users may use: questions in a minute, and questions, tokens and money in a day, shared by all processes.

A question first sets aside what its answer may take (`reserve`), so that many at once cannot pass a limit together;
when the answer ends, what it took is charged in the place of that (`settle`), once, whichever process does it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from argus_core.domain import (
    Allowance,
    AttachmentPart,
    Generation,
    Message,
    Meter,
    MeterName,
    RoleLimits,
    ThoughtPart,
    Usage,
    User,
    UserRole,
)
from argus_core.errors import ConfigError, LimitReached, NotFound, PermissionDenied
from argus_core.events import Failed, Interrupted
from argus_core.generations.fold import Folded
from argus_core.ids import utc_now
from argus_core.storage.accounts import AccountStorage, Amounts, Caps, DayUsage, Hold, Rate, Taken
from argus_core.storage.base import Storage

Price = Callable[[str, int, int], int | None]
"""From the id of a model, input tokens and output tokens to the most they may cost, in millionths of a US dollar; None
when the price is not known."""

MAX_ANSWER_TOKENS = 8192
"""The longest answer where no setting says it and tokens or money are limited: what is held must not be passed."""
MIN_ANSWER_TOKENS = 16
"""With less than that left of the day no answer begins."""
_BYTES_PER_TOKEN = 3
"""Fewer bytes than most tokens have: an estimate of what is read should rather be too high."""
_IMAGE_TOKENS = 1290
_STALE = timedelta(hours=1)
_NONE = Amounts()
_LIMIT_NAMES = {
    "requests_per_minute": "requests_per_minute",
    "requests_per_day": "requests_per_day",
    "tokens_per_day": "tokens_per_day",
    "usd_per_day": "micro_usd_per_day",
}
"""What settings call the limits, and what `RoleLimits` does."""


class Limits:
    """The limits of all users, and the one of the model's service.

    Args:
        storage: Keeps what was used.
        roles: What one user of each role may use; a role that is not named may use anything.
        provider_per_minute: Questions that all users together may ask the provider; None for any number.
        max_output_tokens: The longest answer that settings allow.
        price: Tells what an answer costs.
        clock: Tells the time.
    """

    def __init__(
        self,
        storage: AccountStorage,
        roles: Mapping[UserRole, RoleLimits] | None = None,
        *,
        provider_per_minute: int | None = None,
        max_output_tokens: int | None = None,
        price: Price = lambda model, read, written: None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._storage = storage
        self._roles = roles or {}
        self._provider_per_minute = provider_per_minute
        self._answer_tokens = max_output_tokens or MAX_ANSWER_TOKENS
        self._price = price
        self._clock = clock
        self._read_tokens: dict[str, int] = {}
        """What the running answers of this process are taken to read, for those that end without saying it."""

    def of(self, role: UserRole) -> RoleLimits:
        """Return what one user of that role may use."""
        return self._roles.get(role) or RoleLimits(role=role)

    async def admit(
        self, user: User, generation: Generation, provider: str, before: Sequence[Message], system: str = ""
    ) -> int | None:
        """Count a question and set aside what its answer may take; return how long the answer may be, in tokens.

        Args:
            user: Who asks.
            generation: The answer, not yet stored.
            provider: Who would answer; only `gemini` has a limit of its own.
            before: The messages that lead to the answer, the last ones at least: what they took tells the rest.
            system: The system instruction.

        Returns:
            None when nothing of the day bounds it.

        Raises:
            LimitReached: `retry_after_s` says how long to wait; nothing was counted in the day.
            PermissionDenied: Money is limited, and what the model costs is not known.
        """
        limits = self.of(user.role)
        read = self._read_tokens[generation.id] = _read_tokens(before, system)
        hold = _Wanted(user.id, generation, 1, read, self._answer_tokens)
        # Side by side, since both wait for the store: who is over a limit of the day has asked in this minute too.
        longest, too_fast = await asyncio.gather(
            self._reserve(hold, limits),
            self._take(f"questions:{user.id}", limits.requests_per_minute, "You are asking too fast"),
            return_exceptions=True,
        )
        if isinstance(longest, BaseException):
            self._read_tokens.pop(generation.id, None)
            raise longest
        try:
            if too_fast is not None:
                raise too_fast
            await self._take_of_provider(provider)
        except BaseException:
            await self.release(generation)
            raise
        return longest if limits.tokens_per_day is not None or limits.micro_usd_per_day is not None else None

    async def admit_aside(self, generation: Generation, provider: str, text: str, longest: int) -> None:
        """Set aside what a short answer takes that nobody asked for, such as a title: it is no question, but costs.

        Args:
            generation: The answer; it is not stored.
            provider: Who would answer.
            text: All that is read.
            longest: How long the answer may be, in tokens.

        Raises:
            LimitReached: Not all of it is left, or the provider is asked too often.
            NotFound: There is no such user.
            PermissionDenied: As `admit`.
        """
        limits = self.of((await self._storage.get_login(generation.user_id)).user.role)
        read = self._read_tokens[generation.id] = _tokens(text)
        try:
            await self._reserve(_Wanted(generation.user_id, generation, 0, read, longest), limits, least=longest)
            await self._take_of_provider(provider)
        except BaseException:
            await self.release(generation)  # of a hold that may not be there
            raise

    async def _take_of_provider(self, provider: str) -> None:
        if provider == "gemini":
            await self._take("provider:gemini", self._provider_per_minute, "Gemini is very busy here")

    async def _reserve(self, wanted: _Wanted, limits: RoleLimits, least: int = MIN_ANSWER_TOKENS) -> int:
        """Hold what the longest answer takes, or all that is left of the day when that is less; return its length."""
        caps = Caps(requests=limits.requests_per_day, tokens=limits.tokens_per_day, micro_usd=limits.micro_usd_per_day)
        hold = self._hold(wanted, limits)
        if await self._storage.reserve(hold, caps):
            return wanted.longest
        day = await self._storage.get_day(wanted.user_id, hold.day)
        longest = self._affordable(wanted, limits, day)
        if longest >= least:
            smaller = self._hold(replace(wanted, longest=longest), limits)
            if await self._storage.reserve(smaller, caps):
                return longest
        raise _day_is_used(limits, day, hold.amounts, self._clock())

    def _affordable(self, wanted: _Wanted, limits: RoleLimits, day: DayUsage) -> int:
        """Return how many tokens an answer may have with what is left of the day."""
        longest, read, model = wanted.longest, wanted.read, wanted.generation.model
        if limits.tokens_per_day is not None:
            longest = min(longest, limits.tokens_per_day - day.used.tokens - day.held.tokens - read)
        if limits.micro_usd_per_day is not None:
            left = limits.micro_usd_per_day - day.used.micro_usd - day.held.micro_usd
            asked = self._price(model, read, 0) or 0
            answer = (self._price(model, read, wanted.longest) or 0) - asked
            if answer > 0:
                longest = min(longest, (left - asked) * wanted.longest // answer)
        return longest

    async def release(self, generation: Generation) -> None:
        """Take back what was set aside for an answer that does not begin."""
        await self._storage.settle(generation.user_id, _day(generation), generation.id, _NONE)
        self._read_tokens.pop(generation.id, None)

    async def settle(
        self, generation: Generation, usage: Usage | None, text: str, *, pictures: int = 0, requests: int = 1
    ) -> None:
        """Charge what an answer took, all of it, also where less was held; repeating it changes nothing.

        Args:
            generation: It has its terminator.
            usage: What the provider says; None when it was stopped or broke off before it could. A count of 0 is taken
                for one that was left out.
            text: What it wrote, its thinking too.
            pictures: How many it made.
            requests: How many questions it counts as.
        """
        read = self._read_tokens.pop(generation.id, 0)
        written = _tokens(text) + pictures * _IMAGE_TOKENS
        used = self._charged(generation.model, usage or Usage(), read, written, requests)
        await self._storage.settle(generation.user_id, _day(generation), generation.id, used)

    async def take_for_address(self, address: str, per_minute: int | None) -> None:
        """Count a question or a sign-in from an address or a network, or raise `LimitReached`."""
        await self._take(f"address:{address}", per_minute, "Too many requests come from your network")

    async def allowance(self, user: User) -> Allowance:
        """Return what the user has used today and may still use."""
        day = await self._storage.get_day(user.id, self._clock().date())
        return Allowance(
            requests=day.used.requests + day.held.requests,
            tokens=day.used.tokens,
            cost_micro_usd=day.used.micro_usd,
            meters=tuple(await self._meters(user, day)),
        )

    async def meters(self, user: User) -> list[Meter]:
        """Return what is limited for the user and what is left; the day is looked up only where it is limited."""
        day = DayUsage()
        if _days(self.of(user.role), day):
            day = await self._storage.get_day(user.id, self._clock().date())
        return await self._meters(user, day)

    async def _meters(self, user: User, day: DayUsage) -> list[Meter]:
        limits, meters = self.of(user.role), []
        if limits.requests_per_minute is not None:
            looked = await self._look(f"questions:{user.id}", limits.requests_per_minute)
            meters.append(
                Meter(
                    name="requests_per_minute",
                    limit=limits.requests_per_minute,
                    left=looked.left,
                    resets_in_s=round(looked.full_in_s, 1),
                )
            )
        rest_s = _until_midnight_s(self._clock())
        return meters + [
            Meter(name=each.name, limit=each.cap, left=max(0, each.cap - each.taken), resets_in_s=rest_s)
            for each in _days(limits, day)
        ]

    async def free_stale(self, storage: Storage) -> int:
        """Free what is held by answers that never began or ended long ago: a crash stood between two writes."""
        freed = 0
        for hold in await self._storage.list_holds(self._clock() - _STALE):
            try:
                running = (await storage.get_generation(hold.user_id, hold.generation_id)).status == "running"
            except NotFound:
                running = False
            if not running:
                freed += await self._storage.settle(hold.user_id, hold.day, hold.generation_id, _NONE)
        return freed

    def _hold(self, wanted: _Wanted, limits: RoleLimits) -> Hold:
        model = wanted.generation.model
        cost = 0 if limits.micro_usd_per_day is None else self._price(model, wanted.read, wanted.longest)
        if cost is None:
            raise _unpriced(model)
        return Hold(
            user_id=wanted.user_id,
            day=_day(wanted.generation),
            generation_id=wanted.generation.id,
            amounts=Amounts(requests=wanted.requests, tokens=wanted.read + wanted.longest, micro_usd=cost),
            created_at=self._clock(),
        )

    def _charged(self, model: str, said: Usage, read: int, written: int, requests: int) -> Amounts:
        """Return what to charge for what the provider says, and for estimates where it says nothing."""
        said_written = said.output_tokens + said.thought_tokens
        cost = said.cost_micro_usd
        is_limited = any(limits.micro_usd_per_day is not None for limits in self._roles.values())
        read, written = said.input_tokens or read, said_written or written
        if is_limited and (cost is None or not (said.input_tokens and said_written)):
            cost = self._price(model, read, written)
        return Amounts(requests=requests, tokens=read + written, micro_usd=cost or 0)

    async def _take(self, key: str, per_minute: int | None, title: str) -> None:
        if per_minute is not None:
            taken = await self._storage.take_from_bucket(key, _rate(per_minute))
            if not taken.allowed:
                wait_s = math.ceil(taken.wait_s)
                raise LimitReached(f"Try again in {wait_s} s.", title=title, retry_after_s=wait_s)

    async def _look(self, key: str, per_minute: int) -> Taken:
        return await self._storage.take_from_bucket(key, _rate(per_minute), 0)


def settle_with(limits: Limits) -> Callable[[Generation, Folded], Awaitable[None]]:
    """Return what charges an answer when its log is whole; for the engine."""

    async def settle(generation: Generation, folded: Folded) -> None:
        last = folded.terminator
        usage = None if last is None or isinstance(last, Interrupted) else last.usage
        parts = folded.parts()
        if isinstance(last, Failed) and usage is None and not parts:
            await limits.release(generation)  # refused before anything came: nothing was used
            return
        thoughts = "".join(part.text for part in parts if isinstance(part, ThoughtPart))
        pictures = sum(isinstance(part, AttachmentPart) for part in parts)
        await limits.settle(generation, usage, thoughts + folded.text, pictures=pictures)

    return settle


def admin_limits(member: RoleLimits, changed: str | None) -> RoleLimits:
    """Return the limits of admins: those of members, but for what a setting changes.

    Args:
        member: What members may use.
        changed: Such as `requests_per_minute=120, usd_per_day=0`; 0 is no limit.

    Raises:
        ConfigError: It is not written so.
    """
    values = {name: getattr(member, name) for name in _LIMIT_NAMES.values()}
    for pair in filter(None, (changed or "").replace(" ", "").split(",")):
        name, _, number = pair.partition("=")
        try:
            amount = float(number)
            values[_LIMIT_NAMES[name]] = round(amount * (1_000_000 if name == "usd_per_day" else 1)) or None
        except (KeyError, ValueError, OverflowError):
            raise ConfigError(
                f"ARGUS_ADMIN_LIMITS holds {pair[:60]!r}; it takes NAME=NUMBER with commas between them, of "
                f"{', '.join(_LIMIT_NAMES)}."
            ) from None
    return RoleLimits(role="admin", **values)


def _rate(per_minute: int) -> Rate:
    return Rate(burst=per_minute, per_s=per_minute / 60)


def _day(generation: Generation) -> date:
    return generation.created_at.astimezone(UTC).date()


def _read_tokens(before: Sequence[Message], system: str) -> int:
    """Return what the next answer is taken to read: the last one says what stood before it, the rest is estimated."""
    total = 0
    for message in reversed(before):
        total += _tokens(message.text) + _IMAGE_TOKENS * len(message.attachments)
        if message.usage is not None and message.usage.input_tokens:
            return total + message.usage.input_tokens
    return total + _tokens(system)


def _tokens(text: str) -> int:
    return math.ceil(len(text.encode(errors="replace")) / _BYTES_PER_TOKEN)


def _until_midnight_s(now: datetime) -> float:
    tomorrow = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
    return round((tomorrow - now).total_seconds(), 1)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What one answer would take."""

    user_id: str
    generation: Generation
    requests: int
    read: int
    longest: int
    """Both in tokens."""


class _OfDay(NamedTuple):
    """One limit of a day, and what is taken of it: used or held."""

    name: MeterName
    words: str
    cap: int
    taken: int
    wanted: int = 0


def _days(limits: RoleLimits, day: DayUsage, wanted: Amounts = _NONE) -> list[_OfDay]:
    used, held = day.used, day.held
    every: tuple[tuple[MeterName, str, int | None, int, int], ...] = (
        ("requests_per_day", "question", limits.requests_per_day, used.requests + held.requests, wanted.requests),
        ("tokens_per_day", "token", limits.tokens_per_day, used.tokens + held.tokens, wanted.tokens),
        ("micro_usd_per_day", "spending", limits.micro_usd_per_day, used.micro_usd + held.micro_usd, wanted.micro_usd),
    )
    return [_OfDay(name, words, cap, taken, want) for name, words, cap, taken, want in every if cap is not None]


def _day_is_used(limits: RoleLimits, day: DayUsage, wanted: Amounts, now: datetime) -> LimitReached:
    """Return the refusal, in the words of the first limit that would be passed."""
    passed = next((each for each in _days(limits, day, wanted) if each.taken + each.wanted > each.cap), None)
    return LimitReached(
        "It resets at midnight UTC; /usage shows what you used.",
        title=f"You have reached today's {passed.words + ' ' if passed else ''}limit",
        retry_after_s=_until_midnight_s(now),
    )


def _unpriced(model: str) -> PermissionDenied:
    return PermissionDenied(
        "Choose another model, or ask an admin to set ARGUS_UNPRICED_USD_PER_MILLION.",
        title=f"What {model} costs is not known, and your spending is limited",
    )
