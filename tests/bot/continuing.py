"""The phrases from which a text of ours may have been continued."""

from __future__ import annotations

from bot.requests.closing_phrase import closing_phrase
from model.text.prompt import PHRASE_LIMIT


def phrases_to_continue(text: str) -> set[str]:
    """The end of the text as it is asked for, and without its ellipsis.

    The ellipsis goes where the model completes the word before it, as untrained models often do.
    """
    phrase = closing_phrase(text, PHRASE_LIMIT)
    return {phrase, phrase.removesuffix("...")}
