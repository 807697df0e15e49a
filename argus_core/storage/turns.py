"""What a turn must be before any storage takes it."""

from __future__ import annotations

from argus_core.domain import Turn
from argus_core.errors import InvalidInput


def check_turn(turn: Turn) -> None:
    """Raise `InvalidInput` when the three do not belong together."""
    question, reply, generation = turn.question, turn.reply, turn.generation
    together = (
        generation.conversation_id == reply.conversation_id
        and generation.message_id == reply.id
        and reply.generation_id == generation.id
        and (question is None or question.conversation_id == reply.conversation_id)
        and (question is None or reply.parent_id == question.id)
    )
    if not together:
        raise InvalidInput("Question, reply and generation of a turn do not belong together.")
