"""Cutting texts to a platform's limit.

`fits` tells whether a text keeps within the limit; each platform counts in its own units. A
beginning of a text that fits must fit as well.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from model.text.sentences import split_sentences

ELLIPSIS = "..."


def cut_answer(phrase: str, continuation: str, fits: Callable[[str], bool]) -> str:
    """The continuation up to the last end of a sentence that fits, or else up to the last word
    that fits, with an ellipsis."""
    sentences = split_sentences(phrase + continuation)
    while len(sentences) > 1:
        sentences.pop()
        kept = " ".join(sentences)[len(phrase) :]
        if not kept:
            break
        if fits(kept):
            return kept
    return cut_words(continuation, lambda text: fits(text + ELLIPSIS)) + ELLIPSIS


def cut_words(text: str, fits: Callable[[str], bool]) -> str:
    """The longest beginning of a text that fits, cut between words if there is a space."""
    if fits(text):
        return text
    length = bisect_left(range(1, len(text) + 1), True, key=lambda n: not fits(text[:n]))
    kept = text[:length]
    return kept if text[length] == " " else kept.rpartition(" ")[0] or kept
