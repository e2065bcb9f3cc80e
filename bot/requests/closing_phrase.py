"""The end of a longer text as the phrase to go on from."""

from __future__ import annotations

from model.text.normalize import normalize
from model.text.sentences import split_sentences

# Enough for the decoder to catch the tone, and not so much that an answer mostly repeats.
ENOUGH = 160  # characters


def closing_phrase(text: str, limit: int) -> str:
    """The last whole sentences of a text, as few as hold `ENOUGH` characters; of a last sentence
    that is longer than `limit` characters, its last words. Normalised, possibly empty."""
    sentences = split_sentences(normalize(text))
    phrase = sentences.pop() if sentences else ""
    while sentences and len(phrase) < ENOUGH and len(sentences[-1]) + 1 + len(phrase) <= limit:
        phrase = f"{sentences.pop()} {phrase}"
    if len(phrase) <= limit:
        return phrase
    cut = phrase[-limit:]
    return cut.partition(" ")[2] or cut
