"""A candidate, read once for all rules."""

from __future__ import annotations

import re
from functools import cached_property

from model.candidate import Candidate
from model.sentences import split_sentences

_WORD = re.compile(r"[^\W\d_]+")


def words_of(text: str) -> list[str]:
    """The words of a text in lower case."""
    return _WORD.findall(text.lower())


class Reading:
    """A candidate's words.

    start: where in the sentence the decoder began to write; written, words: the words of the
    sentence as they are written and in lower case; first: the place among them of the first word
    that the decoder wrote, in whole or in part; ends: where each word ends in the sentence.
    """

    def __init__(self, candidate: Candidate) -> None:
        self.candidate = candidate
        self.sentence = candidate.sentence
        self.start = len(candidate.sentence) - len(candidate.own)
        self.written: list[str] = []
        self.ends: list[int] = []
        for found in _WORD.finditer(candidate.sentence):
            self.written.append(found[0])
            self.ends.append(found.end())
        self.words = [word.lower() for word in self.written]
        self.first = sum(end <= self.start for end in self.ends)

    @property
    def own_words(self) -> list[str]:
        """The words that the decoder wrote, in lower case."""
        return self.words[self.first :]

    @property
    def inherited(self) -> str:
        """The part of the phrase that the sentence continues; "" for a sentence of its own."""
        return self.sentence[: self.start]

    @property
    def opens(self) -> bool:
        """Whether nothing but the phrase stands before what was written."""
        return not self.candidate.before or self.candidate.before == self.candidate.phrase

    @cached_property
    def given(self) -> str:
        """All the text before what the decoder wrote."""
        return f"{self.candidate.before} {self.inherited}".strip()

    @cached_property
    def given_words(self) -> frozenset[str]:
        """The words of that text, in lower case."""
        return frozenset(words_of(self.given))

    @cached_property
    def previous(self) -> str:
        """The sentence before this one, "" where there is none."""
        before = self.candidate.before
        return split_sentences(before)[-1] if before else ""
