"""Phrases that the bot may derive from a text to continue it."""

from __future__ import annotations

from bot.requests.closing_phrase import closing_phrase
from model.text.prompt import PHRASE_LIMIT


def phrases_to_continue(text: str) -> set[str]:
    """The end of the text as a phrase, with and without its ellipsis.

    The bot omits the ellipsis if the model completes the word before it, which untrained models
    often do."""
    phrase = closing_phrase(text, PHRASE_LIMIT)
    return {phrase, phrase.removesuffix("...")}
