"""The rules that a candidate may violate."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """A violated rule."""

    ALTERED_WORD = "altered_word"  # letters attached to the last word of the phrase
    UNKNOWN_WORD = "unknown_word"  # neither in the training text nor in the dictionary
    UNBALANCED = "unbalanced"  # a mark of a pair without its partner
    STUTTER = "stutter"  # words twice in a row, or a longer run of words twice
    STRANGER = "stranger"  # a character of the novels without introduction
    MIXED_BOOKS = "mixed_books"  # characters of two authors
    COPIED = "copied"  # a long passage of the training text
    TOO_LONG = "too_long"  # cut at its limit within a clause, or too many words
    TOO_SHORT = "too_short"  # too few words
    FRAGMENT = "fragment"  # no finite verb
    DANGLING = "dangling"  # ends on a word that cannot end a sentence
    TAG_ALONE = "tag_alone"  # a speech tag without speech
    SAME_BEGINNING = "same_beginning"  # begins like the previous sentence
    DISAGREEMENT = "disagreement"  # an article that does not agree with its noun
