"""The end of a longer text as the phrase to continue."""

from __future__ import annotations

from model.text.normalize import normalize
from model.text.sentences import split_sentences

# Enough to convey the style, and short next to its continuation.
ENOUGH = 160  # characters


def closing_phrase(text: str, limit: int) -> str:
    """The last sentences of a text with at least `ENOUGH` characters in all, or the last words of a
    sentence longer than `limit` characters. Normalised; may be empty."""
    sentences = split_sentences(normalize(text))
    phrase = sentences.pop() if sentences else ""
    while sentences and len(phrase) < ENOUGH and len(sentences[-1]) + 1 + len(phrase) <= limit:
        phrase = f"{sentences.pop()} {phrase}"
    if len(phrase) <= limit:
        return phrase
    cut = phrase[-limit:]
    return cut.partition(" ")[2] or cut
