"""The rules that a sentence may violate."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """One name for each rule."""

    ALTERED_WORD = "altered_word"  # letters stuck to the last word of the phrase
    UNKNOWN_WORD = "unknown_word"  # neither in the training text nor in the dictionary
    UNBALANCED = "unbalanced"  # a mark of a pair without the other
    STUTTER = "stutter"  # words twice in a row, or a longer run of words twice
    STRANGER = "stranger"  # a character of the novels whom nothing has introduced
    MIXED_BOOKS = "mixed_books"  # characters of two authors
    COPIED = "copied"  # a long run of the training text
    TOO_LONG = "too_long"  # closed at its limit within a clause, or too many words
    TOO_SHORT = "too_short"  # too few words
    FRAGMENT = "fragment"  # no finite verb
    DANGLING = "dangling"  # ends on a word that something must follow
    TAG_ALONE = "tag_alone"  # names the speaker of a reply that is missing
    SAME_BEGINNING = "same_beginning"  # begins like the sentence before
    DISAGREEMENT = "disagreement"  # an article that does not go with its noun
