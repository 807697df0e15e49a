"""What happens before each picture: what is stored, what is pressed, and what the model says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from argus_core.domain import Conversation, Usage
from argus_core.errors import RateLimited
from argus_core.providers.base import EndChunk, TextChunk, ThoughtChunk
from benchmarks.screens.fixed import NOW
from benchmarks.screens.photo import encoded
from benchmarks.screens.stage import Screen, Stage

Play = Callable[[Stage, Screen], Awaitable[None]]
Prepare = Callable[[Stage], Awaitable[None]]

TRIP = "Trip to Shiraz"
QUESTION = "Three days in Shiraz with a six-year-old, more gardens than museums. From our roof:"
THOUGHT = "The dome in the picture is Shah Cheragh. Three days, a child, gardens: short walks, shade at noon."
ANSWER = """\
That dome is Shah Cheragh: you are in the old town, most of this is **a short walk**.

- **Nasir al-Mulk** at sunrise, when the windows paint the carpet.
- Lunch near Vakil, then the bath: cool at noon, with stories a child can follow.

| Place | Go at | Stay | Walk from you |
|---|---:|---:|---:|
| Nasir al-Mulk | 07:30 | 40 min | 9 min |
| Eram garden | 16:00 | 2 h | taxi, 12 min |
| Tomb of Hafez | 20:00 | 1 h | 25 min |

> Buy the citadel ticket online; the queue at noon is longer than the visit.

```python
for day, place in enumerate(["Nasir al-Mulk", "Eram", "Hafez"], 1):
    print(f"Day {day}: {place}")        # paste into your notes
```

Keep the second morning free for Eram: it opens at eight and"""
NEXT_QUESTION = "And if it rains on the second day?"
_OTHERS = (  # title, days ago, hours before two o'clock
    ("Why is the deploy slow?", 0, 1.1),
    ("Packing list", 0, 2.5),
    ("Regex for phone numbers", 1, 1),
    ("Logo ideas, third try", 1, 2),
    ("Letter to the council", 1, 3),
    ("Tax letter", 1, 5),
    ("Sourdough at altitude", 9, 1),
    ("Interview questions", 12, 1),
    ("asyncio and signals", 20, 1),
    ("Receipts, October", 24, 1),
    ("Car insurance", 40, 1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One picture."""

    name: str
    play: Play
    prepare: Prepare
    columns: int = 120
    rows: int = 40
    theme: str = "argus-night"
    few: bool = False
    """In 256 colours."""
    key: bool = True
    team: Literal["", "outside", "inside"] = ""
    """At a server: before one is signed in, or after."""


async def _conversations(stage: Stage) -> Conversation:
    """Store what the sidebar shows and return the trip."""
    long_ago = NOW - timedelta(days=60)
    await stage.conversation("Release notes 2.4", long_ago, pinned=True, unread=2)
    await stage.conversation("Mongo schema", long_ago + timedelta(hours=1), pinned=True)
    for title, days, hours in reversed(_OTHERS):
        at = NOW - timedelta(days=days, hours=hours)
        await stage.conversation(title, at, unread=title == "Packing list")
    return await stage.conversation(TRIP, NOW - timedelta(minutes=5))


async def _sidebar(stage: Stage) -> None:
    await _conversations(stage)


async def _ask_about_roof(stage: Stage) -> None:
    """Ask with a picture, think for three seconds, and answer almost to the end."""
    trip = await _conversations(stage)
    (stage.folder / "ticket.png").write_bytes(encoded("PNG", 240, 150))
    roof = await stage.client.attachments.add("roof.jpg", encoded("JPEG", 1600, 660))
    await stage.client.generations.ask(trip.id, QUESTION, attachment_ids=[roof.id])
    stage.provider.feed(ThoughtChunk(THOUGHT))
    await asyncio.sleep(3)
    await _say(stage, ANSWER, tokens_per_s=60)


async def _say(stage: Stage, text: str, call: int = 0, *, tokens_per_s: float = 0.0) -> None:
    """Let the model say it, as fast as it is taken or at a pace."""
    words = text.split(" ")
    said = 0
    for number, word in enumerate(words):
        tokens = 1 + len(word) // 4
        said += tokens
        stage.provider.feed(TextChunk(word + " " * (number < len(words) - 1), output_tokens=said), call=call)
        if tokens_per_s:
            await asyncio.sleep(tokens / tokens_per_s)


async def _open_trip(screen: Screen) -> None:
    await screen.until("sara")  # the list is there as well
    await screen.press("alt+3")  # two are pinned above it
    await screen.until("at eight and")


async def _chat(stage: Stage, screen: Screen) -> None:
    await _open_trip(screen)
    if screen.app.size.width >= 100:
        await screen.type(f"/attach {stage.folder / 'ticket.png'}")
        await screen.press("enter")
        await screen.until("ticket.png")
    await screen.type(NEXT_QUESTION)
    await screen.until(NEXT_QUESTION)


async def _start(_stage: Stage, screen: Screen) -> None:
    await screen.until("gemini-flash-latest")
    await screen.pilot.pause(0.5)


async def _empty(_stage: Stage) -> None:
    """Nothing is stored yet."""


async def _no_key(_stage: Stage, screen: Screen) -> None:
    await screen.until("No Gemini key is set")
    await screen.pilot.pause(0.3)


async def _switcher(_stage: Stage, screen: Screen) -> None:
    await _open_trip(screen)
    await screen.press("ctrl+k")
    await screen.pilot.pause(0.3)
    await screen.type("shiraz")
    await screen.pilot.pause(1.0)


async def _models(_stage: Stage, screen: Screen) -> None:
    await _open_trip(screen)
    await screen.press("f4")
    await screen.until("gemini-pro-latest")
    await screen.pilot.pause(0.3)


async def _troubles(stage: Stage) -> None:
    """An answer that was stopped, and a question that was refused for a while."""
    trip = await _conversations(stage)
    generations = stage.client.generations
    first = await generations.ask(trip.id, "And one for the last day, half a day is enough.")
    await _say(stage, "For the last half day stay close: the Arg, then ice cream at", call=0)
    await asyncio.sleep(0.6)
    await generations.cancel(first.generation.id)
    await asyncio.sleep(0.3)
    await generations.ask(trip.id, "Where is shade for lunch?")
    await _say(stage, "Lunch near Vakil, then the bath: cool at noon, with stories a child can follow.", call=1)
    stage.provider.feed(EndChunk(Usage(input_tokens=41_200, output_tokens=22, cost_micro_usd=400)), call=1)
    await asyncio.sleep(0.6)


async def _refused(stage: Stage, screen: Screen) -> None:
    await screen.until("sara")
    await screen.press("alt+3")
    await screen.until("stories a child")
    await screen.type("Make it a table, with opening hours in winter.")
    await screen.press("enter")
    stage.provider.feed(RateLimited("Fifteen questions a minute, all used.", retry_after_s=23), call=2)
    await screen.until("Too many requests")
    await screen.pilot.pause(0.5)


async def _sign_in(_stage: Stage, screen: Screen) -> None:
    await screen.until("^r show")
    await screen.type("sara@example.org")
    await screen.press("tab")
    await screen.type("correct h")
    await screen.pilot.pause(0.3)


async def _sign_up(_stage: Stage, screen: Screen) -> None:
    await screen.until("^r show")
    await screen.press("ctrl+t")
    for words in ("sara", "sara@example.org", "correct horse b", "correct hors"):
        await screen.type(words)
        await screen.press("tab")
    await screen.type("kh7-2mq-")
    await screen.pilot.pause(0.3)


async def _line_drops(stage: Stage, screen: Screen) -> None:
    """An answer is being written, another terminal is open on it, and the line drops."""
    assert stage.place is not None
    await screen.until("sara")
    await screen.press("alt+3")
    await screen.until("stories a child")
    chat = screen.app.chat
    assert chat is not None
    assert chat.talk.conversation_id is not None
    await stage.place.also_on_laptop(chat.talk.conversation_id)
    await screen.type("Make it a table, with opening hours in winter.")
    await screen.press("enter")
    await asyncio.sleep(0.5)
    await _say(stage, "Nasir al-Mulk opens at 07:30 and closes at 17:00; come for the first", call=2)
    await screen.until("for the first")
    await stage.place.drop_line()
    await screen.until("The line to the server dropped.")
    await screen.pilot.pause(0.3)


def _overlay(command: str, words: str, *keys: str) -> Play:
    async def play(_stage: Stage, screen: Screen) -> None:
        await screen.until("sara")
        await screen.press("alt+3")
        await screen.until("stories a child")
        await screen.type(command)
        await screen.press("enter")
        await screen.until(words)
        await screen.press(*keys)
        await screen.pilot.pause(0.4)

    return play


STORIES = (
    Story(name="01-chat-dark-120x40", prepare=_ask_about_roof, play=_chat),
    Story(name="02-chat-light-120x40", prepare=_ask_about_roof, play=_chat, theme="argus-day"),
    Story(name="03-chat-dark-80x24", prepare=_ask_about_roof, play=_chat, columns=80, rows=24),
    Story(name="04-start-dark-120x40", prepare=_sidebar, play=_start),
    Story(name="05-start-light-80x24", prepare=_empty, play=_start, theme="argus-day", columns=80, rows=24),
    Story(name="08-signup-light-120x40", prepare=_empty, play=_sign_up, theme="argus-day", team="outside"),
    Story(name="08-signup-dark-80x24", prepare=_empty, play=_sign_up, columns=80, rows=24, team="outside"),
    Story(name="09-signin-dark-80x24", prepare=_empty, play=_sign_in, columns=80, rows=24, team="outside"),
    Story(name="10-switcher-dark-120x40", prepare=_ask_about_roof, play=_switcher),
    Story(name="11-models-light-120x40", prepare=_ask_about_roof, play=_models, theme="argus-day"),
    Story(name="12-errors-dark-120x40", prepare=_troubles, play=_refused),
    Story(name="12-offline-dark-120x40", prepare=_troubles, play=_line_drops, team="inside"),
    Story(
        name="12-offline-light-80x24",
        prepare=_troubles,
        play=_line_drops,
        theme="argus-day",
        columns=80,
        rows=24,
        team="inside",
    ),
    Story(name="13-nokey-light-80x24", prepare=_empty, play=_no_key, theme="argus-day", columns=80, rows=24, key=False),
    Story(name="15-chat-dark-256-120x40", prepare=_ask_about_roof, play=_chat, few=True),
    Story(name="16-chat-gruvbox-120x40", prepare=_ask_about_roof, play=_chat, theme="gruvbox"),
    Story(name="17-usage-dark-120x40", prepare=_troubles, play=_overlay("/usage", "24 of 30"), team="inside"),
    Story(
        name="18-account-light-120x40",
        prepare=_troubles,
        play=_overlay("/account", "on laptop", "down"),
        theme="argus-day",
        team="inside",
    ),
    Story(name="19-admin-dark-120x40", prepare=_troubles, play=_overlay("/admin", "amir", "down"), team="inside"),
    Story(
        name="19-admin-light-80x24",
        prepare=_troubles,
        play=_overlay("/admin", "amir", "tab"),
        theme="argus-day",
        columns=80,
        rows=24,
        team="inside",
    ),
)
