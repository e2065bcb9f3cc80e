"""Measures of texts beyond the loss: their words, repetitions and copies.

A checkpoint's texts and the books' own continuations are measured alike, since each figure needs
the other as a reference: authors leave the vocabulary too, and independent writers share runs of
twenty characters.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.answers.copies import WordNumbers, characters_of, longest_copies
from training.data.corpus import Corpus

WORD = re.compile(r"[^\W\d_]+")
GRAM = 4  # words: seq-rep-4 of Welleck et al., 2020 (arXiv 1908.04319)


def words(text: str) -> list[str]:
    """The words of a text in lower case."""
    return WORD.findall(text.lower())


@dataclass(frozen=True)
class Text:
    """A text to measure.

    written: the new text, without the phrase.
    sentences: complete sentences, the first with the phrase.
    """

    written: str
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Prose:
    """Figures of some texts.

    in_corpus, in_training: shares of the words that occur there.
    unknown: words that the corpus lacks, most frequent first.
    repeated: share of runs of four words that occur earlier in the same text.
    shared: share of runs of four words that occur in another text.
    sentence_lengths: in characters.
    copied_characters, copied_words: per text, the length of its longest run from a training
        paragraph.
    copies: these runs, in the same order.
    """

    texts: int
    words: int
    in_corpus: float
    in_training: float
    unknown: list[str]
    repeated: float
    shared: float
    sentence_lengths: list[int]
    copied_characters: list[int]
    copied_words: list[int]
    copies: list[str]


def measure(texts: Sequence[Text], corpus: Corpus) -> Prose:
    """Measure texts, at least one, beside the corpus that their writer learned from."""
    learned = {word for paragraph in corpus.train for word in words(paragraph.text)}
    kept = (*corpus.dev, *corpus.validation, *corpus.held)
    known = learned.union(word for paragraph in kept for word in words(paragraph.text))
    written = [words(text.written) for text in texts]
    every = [word for each in written for word in each]
    unknown = Counter(word for word in every if word not in known)
    characters, in_words, copies = _copied(texts, written, corpus)
    return Prose(
        texts=len(texts),
        words=len(every),
        in_corpus=_share(word in known for word in every),
        in_training=_share(word in learned for word in every),
        unknown=[word for word, _ in unknown.most_common()],
        repeated=_share(_repeated(written)),
        shared=_share(_shared(written)),
        sentence_lengths=[len(sentence) for text in texts for sentence in text.sentences],
        copied_characters=characters,
        copied_words=in_words,
        copies=copies,
    )


def _share(facts: Iterable[bool]) -> float:
    """How many of the facts are so; 0 where there are none."""
    every = list(facts)
    return sum(every) / len(every) if every else 0.0


def _grams(text: Sequence[str]) -> list[tuple[str, ...]]:
    return list(zip(*(text[start:] for start in range(GRAM)), strict=False))


def _repeated(texts: Iterable[Sequence[str]]) -> Iterator[bool]:
    """Of every run of four words whether it stands earlier in the same text."""
    for text in texts:
        seen = set[tuple[str, ...]]()
        for gram in _grams(text):
            yield gram in seen
            seen.add(gram)


def _shared(texts: Sequence[Sequence[str]]) -> Iterator[bool]:
    """Of every run of four words whether it stands in another text too."""
    held = [_grams(text) for text in texts]
    texts_with = Counter(gram for grams in held for gram in set(grams))
    for grams in held:
        for gram in grams:
            yield texts_with[gram] > 1


def _copied(
    texts: Sequence[Text], written: Sequence[Sequence[str]], corpus: Corpus
) -> tuple[list[int], list[int], list[str]]:
    """Of each text the longest run out of the training part: characters, words, and the run."""
    characters = longest_copies(
        [characters_of(text.written) for text in texts],
        (characters_of(paragraph.text) for paragraph in corpus.train),
    )
    numbers = WordNumbers(written)
    in_words = longest_copies(
        [numbers(text) for text in written],
        (numbers(words(paragraph.text)) for paragraph in corpus.train),
    )
    runs = [
        text.written[copy.start : copy.start + copy.length]
        for text, copy in zip(texts, characters, strict=True)
    ]
    return [copy.length for copy in characters], [copy.length for copy in in_words], runs
