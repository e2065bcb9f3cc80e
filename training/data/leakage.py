"""The gate that keeps validation text out of everything a decoder learns from.

No run of 40 letters (letters only, lower case) of the validation text may occur in a training
text. Runs are compared by a 64-bit rolling hash over numpy arrays and confirmed letter by letter,
so that a hundred million characters take seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RUN = 40
_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, so multiplication modulo 2^64 loses nothing


def letters_of(text: str) -> str:
    """The letters of a text, lower-cased, and nothing else."""
    return "".join(filter(str.isalpha, text.lower()))


def _run_hashes(letters: str) -> NDArray[np.uint64]:
    """Hash of every run of RUN letters; empty when there are fewer.

    A run of 2n hashes to hash(first n) · base^n + hash(last n), so 40 = 32 + 8 takes six steps.
    """
    if len(letters) < RUN:
        return np.empty(0, np.uint64)
    codes = np.frombuffer(letters.encode("utf-32-le"), np.uint32).astype(np.uint64)
    by_length = {1: codes}
    power = {1: _BASE}
    with np.errstate(over="ignore"):
        for n in (1, 2, 4, 8, 16):
            half = by_length[n]
            by_length[2 * n] = half[: len(half) - n] * power[n] + half[n:]
            power[2 * n] = power[n] * power[n]
        long, short = by_length[32], by_length[8]
        count = len(codes) - RUN + 1
        hashes: NDArray[np.uint64] = long[:count] * power[8] + short[32 : 32 + count]
    return hashes


@dataclass(frozen=True)
class Gate:
    """The runs of a validation text, indexed for search."""

    hashes: NDArray[np.uint64]
    runs: frozenset[str]

    @classmethod
    def of_texts(cls, texts: Iterable[str]) -> Gate:
        """The gate of these texts; runs do not reach from one text into the next."""
        letters = [letters_of(text) for text in texts]
        runs = frozenset(
            text[start : start + RUN] for text in letters for start in range(len(text) - RUN + 1)
        )
        hashes = [_run_hashes(text) for text in letters]
        return cls(np.unique(np.concatenate([np.empty(0, np.uint64), *hashes])), runs)

    def leaks(self, text: str) -> list[tuple[int, str]]:
        """(position among the letters, run) of every validation run in `text`."""
        letters = letters_of(text)
        hashes = _run_hashes(letters)
        if not len(hashes) or not len(self.hashes):
            return []
        places = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        suspects = np.flatnonzero(self.hashes[places] == hashes)
        found = ((int(start), letters[start : start + RUN]) for start in suspects)
        return [(start, run) for start, run in found if run in self.runs]

    def leaking_sentences(self, sentences: Sequence[str]) -> set[int]:
        """Which of these consecutive sentences take part in a validation run."""
        leaks = self.leaks(" ".join(sentences))
        if not leaks:
            return set()
        ends = np.cumsum([len(letters_of(sentence)) for sentence in sentences])
        starts = np.concatenate([[0], ends[:-1]])
        return {
            index
            for position, _ in leaks
            for index in range(len(sentences))
            if starts[index] < position + RUN and position < ends[index]
        }


def stretches(leaks: Sequence[tuple[int, str]]) -> list[str]:
    """The letters found by `Gate.leaks`, with overlapping runs joined."""
    found: list[str] = []
    end = -1
    for position, run in leaks:
        if position > end:
            found.append(run)
        else:
            found[-1] += run[end - position :]
        end = position + len(run)
    return found
