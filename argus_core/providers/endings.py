"""Why an answer ended without being one: Gemini's finish reasons, and answers without a word, told in our errors."""

from __future__ import annotations

from argus_core.errors import ContentBlocked, EmptyAnswer, ProviderError
from argus_core.providers.wording import AGAIN, gemini_says

_BLOCKED = {
    "SAFETY": ("Gemini's safety rules stopped this", "Ask in another way; what had come is kept."),
    "RECITATION": (
        "Gemini stopped because the answer repeated a known text",
        "Ask for it in other words; what had come is kept.",
    ),
    "LANGUAGE": ("Gemini does not answer in this language", "Ask in another language."),
    "BLOCKLIST": ("Gemini stopped at a word it may not use", "Ask in another way."),
    "PROHIBITED_CONTENT": ("Gemini does not allow this content", "Ask in another way."),
    "SPII": ("Gemini stopped because the answer held personal data", "Ask without names, numbers or addresses."),
    "JAILBREAK": ("Gemini took the question for an attempt to get around its rules", "Ask in another way."),
    "IMAGE_SAFETY": ("Gemini's safety rules stopped the picture", "Describe another picture."),
    "IMAGE_PROHIBITED_CONTENT": ("Gemini does not make such pictures", "Describe another picture."),
    "IMAGE_RECITATION": ("Gemini stopped because the picture repeated a known one", "Describe another picture."),
    "MODEL_ARMOR": ("A safety filter of the account stopped this", "Ask in another way."),
    "ESCALATION": ("A safety filter of the account stopped this", "Ask in another way."),
    "PUP_LIMITED_DISABLED": ("Google has limited this account", "See the notice in your Google account."),
}
_BROKEN = {
    "OTHER": ("Gemini stopped for a reason it does not give", AGAIN),
    "MALFORMED_FUNCTION_CALL": ("Gemini tried to call a function and got it wrong", AGAIN),
    "UNEXPECTED_TOOL_CALL": ("Gemini tried to use a tool it was not given", AGAIN),
    "TOO_MANY_TOOL_CALLS": ("Gemini used its tools too often", "Ask for less at once, or choose another model."),
    "MALFORMED_RESPONSE": ("Gemini wrote an answer that it could not send", AGAIN),
    "MISSING_THOUGHT_SIGNATURE": (
        "Gemini misses its earlier thinking in this conversation",
        "Start a new conversation, or choose another model.",
    ),
    "NO_IMAGE": ("Gemini made no picture", "Say more plainly what the picture should show."),
    "IMAGE_OTHER": ("Gemini could not make the picture", "Try again, or describe another picture."),
}
_ASK_AGAIN = "Ask again, or choose another model."


def stopped(reason: str, words: str = "") -> ProviderError:
    """Return the error for an answer that ended with a finish reason other than `STOP` and the length limit.

    Args:
        reason: The finish reason.
        words: What Gemini says beside it, on one line; empty for nothing.
    """
    if reason in _BLOCKED:
        title, hint = _BLOCKED[reason]
        return ContentBlocked(_with(hint, words), title=title)
    title, hint = _BROKEN.get(reason, ("Gemini stopped without saying why", AGAIN))
    if words and reason not in _BROKEN:
        title = "Gemini stopped before the end"
    return ProviderError(_with(hint, words), title=title)


def _with(hint: str, words: str) -> str:
    """Return the hint with Gemini's own words before it."""
    quoted = gemini_says(words)
    return f"{quoted}{'' if quoted.endswith(('.', '!', '?')) else '.'} {hint}" if quoted else hint


def blocked_prompt(reason: str) -> ContentBlocked:
    """Return the error for a question that was not answered at all."""
    if reason == "SAFETY" or reason not in _BLOCKED:
        return ContentBlocked("Ask in another way.", title="Gemini's safety rules stopped the question")
    title, hint = _BLOCKED[reason]
    return ContentBlocked(hint.removesuffix("; what had come is kept.").removesuffix(".") + ".", title=title)


def only_a_call() -> EmptyAnswer:
    """Return the error for an answer that is nothing but a call of a function."""
    return EmptyAnswer(_ASK_AGAIN, title="The model called a function instead of answering")


def empty(*, truncated: bool) -> EmptyAnswer:
    """Return the error for an answer of any provider that ended well without a word or a picture.

    Args:
        truncated: It ended at its length limit: the thinking took all of it.
    """
    if truncated:
        hint = "Ask again, ask for less at once, or choose another model."
        return EmptyAnswer(hint, title="The model reached its length limit before it wrote a word")
    return EmptyAnswer(_ASK_AGAIN)
