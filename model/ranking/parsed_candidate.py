"""A candidate parsed into words, once for all rules."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache

from model.ranking.candidate import Candidate
from model.ranking.verbs import Verbs
from model.text.sentences import split_sentences

_WORD = re.compile(r"[^\W\d_]+")
# All candidates for a sentence share the text before it, so it is parsed once.
_CACHED = 256


def words_of(text: str) -> list[str]:
    """The words of a text, in their original case."""
    return _WORD.findall(text)


@lru_cache(_CACHED)
def _last_sentence(text: str) -> str:
    return split_sentences(text)[-1] if text else ""


@lru_cache(_CACHED)
def _words_before(text: str) -> frozenset[str]:
    return frozenset(words_of(text))


class ParsedCandidate:
    """A candidate's words.

    start: the index in the sentence of the first generated character.
    written, words: the words of the sentence in original and in lower case.
    first: the index of the first word that was generated, in whole or in part.
    finite: for each word whether it may be a finite verb.
    """

    def __init__(self, candidate: Candidate, verbs: Verbs) -> None:
        self.candidate = candidate
        self.sentence = candidate.sentence
        self.start = len(candidate.sentence) - len(candidate.own)
        self.written = words_of(candidate.sentence)
        self.words = [word.lower() for word in self.written]
        self.inherited = candidate.sentence[: self.start]
        stuck = self.inherited[-1:].isalpha() and candidate.own[:1].isalpha()
        self.first = len(words_of(self.inherited)) - stuck
        self.own_words = self.words[self.first :]
        self.finite = list(map(verbs.is_finite, self.words))

    @property
    def opens(self) -> bool:
        """Whether only the phrase precedes the generated text."""
        before = self.candidate.before
        return not before or before.rstrip() == self.candidate.phrase.rstrip()

    @cached_property
    def earlier(self) -> str:
        """The text before the sentence, including earlier sentences of the phrase."""
        phrase = self.candidate.phrase
        return self.candidate.before or phrase[: len(phrase) - len(self.inherited)]

    @cached_property
    def given(self) -> frozenset[str]:
        """The words before the generated text, in original case."""
        return _words_before(self.earlier) | _words_before(self.inherited)

    @property
    def previous(self) -> str:
        """The previous sentence, "" if there is none."""
        return _last_sentence(self.earlier.rstrip())

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """The start and end of each word in the sentence."""
        return [found.span() for found in _WORD.finditer(self.sentence)]

    def adjoins(self, place: int) -> bool:
        """Whether exactly one character separates the word at `place` from the previous one."""
        return self.spans[place][0] - self.spans[place - 1][1] == 1
