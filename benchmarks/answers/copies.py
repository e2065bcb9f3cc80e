"""The longest run of a text that a source contains symbol for symbol: does it write or recite?

Exact, for any symbols (characters, words), without an index of the sources. For each length it
keeps the positions of the texts and of the sources that begin a common run. Few positions are left
after a dozen symbols, so a source costs about a dozen comparisons per symbol.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Symbols = NDArray[np.int64]
# Marks that end a text and a source. They differ, so no run reaches across one.
_END_OF_TEXT, _END_OF_SOURCE, _FIRST = 0, 1, 2
# Symbols of sources looked through at once: enough for numpy, little memory.
_PORTION = 8_000_000


@dataclass(frozen=True)
class Copy:
    """The first of a text's longest runs: `length` symbols from `start` on."""

    start: int
    length: int


def longest_copies(texts: Sequence[Symbols], sources: Iterable[Symbols]) -> list[Copy]:
    """For each text (numbers from 0 on) the longest run that some source has too.

    A run lies within one text and within one source.
    """
    ours = _chained(texts, _END_OF_TEXT)
    ends = np.cumsum([len(text) + 1 for text in texts])
    owner = np.repeat(np.arange(len(texts)), [len(text) + 1 for text in texts])
    best = [Copy(0, 0)] * len(texts)
    for portion in _portions(sources):
        theirs = _chained(portion, _END_OF_SOURCE)
        for length, places in enumerate(_shared(ours, theirs), start=1):
            found, first = np.unique(owner[places], return_index=True)
            for text, place in zip(found.tolist(), places[first].tolist(), strict=True):
                run = Copy(place - (int(ends[text]) - len(texts[text]) - 1), length)
                best[text] = max(best[text], run, key=lambda copy: (copy.length, -copy.start))
    return best


def _shared(ours: Symbols, theirs: Symbols) -> Iterator[Symbols]:
    """For lengths 1, 2, …: the places of `ours`, in order, where a run that long begins that
    `theirs` has too; as long as there are any."""
    symbols = int(max(ours.max(initial=0), theirs.max(initial=0))) + 1
    here, there = np.arange(len(ours)), np.arange(len(theirs))
    # Places with the same number begin the same run of the length reached.
    here_run, there_run = np.zeros_like(ours), np.zeros_like(theirs)
    for length in range(len(ours)):
        here_longer = here_run * symbols + ours[here + length]
        there_longer = there_run * symbols + theirs[there + length]
        runs, here_run = np.unique(here_longer, return_inverse=True)
        place = np.minimum(np.searchsorted(runs, there_longer), len(runs) - 1)
        same = runs[place] == there_longer
        there, there_run = there[same], place[same]
        if not len(there):
            return
        met = np.zeros(len(runs), bool)
        met[there_run] = True
        here, here_run = here[met[here_run]], here_run[met[here_run]]
        yield here


def _chained(parts: Sequence[Symbols], end: int) -> Symbols:
    """The parts one behind the other, `end` behind each."""
    mark = np.asarray([end], np.int64)
    pieces = [piece for part in parts for piece in (part + _FIRST, mark)]
    return np.concatenate(pieces) if pieces else np.empty(0, np.int64)


def _portions(sources: Iterable[Symbols]) -> Iterator[list[Symbols]]:
    portion: list[Symbols] = []
    for source in sources:
        portion.append(source)
        if sum(map(len, portion)) >= _PORTION:
            yield portion
            portion = []
    if portion:
        yield portion


def characters_of(text: str) -> Symbols:
    """A text's characters as numbers."""
    return np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.int64)


class WordNumbers:
    """Numbers of words: those of the texts each their own, all others one that no text has."""

    def __init__(self, texts: Iterable[Sequence[str]]) -> None:
        words = dict.fromkeys(word for text in texts for word in text)
        self._numbers = {word: number for number, word in enumerate(words, start=1)}

    def __call__(self, words: Sequence[str]) -> Symbols:
        """The numbers of these words; 0 for one that stands in no text."""
        return np.asarray([self._numbers.get(word, 0) for word in words], np.int64)
