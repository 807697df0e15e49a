"""Asking, reading along, stopping, and what is shown when an answer fails."""

from __future__ import annotations

from pathlib import Path

from argus_core.providers.scripted import ScriptedProvider, saying
from tests.tui.chat_support import END, Store, text


async def test_question_and_answer_stand_in_the_transcript(tmp_path: Path) -> None:
    store = Store(tmp_path, ScriptedProvider(saying("Because light scatters.")))
    async with store.program() as person:
        await person.send("Why is the sky blue?")
        answer = await person.answered()
        await person.sees("Why is the sky blue?", "Because light scatters.")
        assert (answer.text, answer.status) == ("Because light scatters.", "completed")
        assert person.drafts == ""
