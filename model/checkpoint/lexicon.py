"""The lexicon: facts of the training text by which the ranking judges candidates.

A checkpoint may have the file `lexicon.safetensors` beside its weights (`litteragpt lexicon` writes
it). Texts are UTF-8 with a line feed between entries; filters are those of
`model.checkpoint.bloom`:

    words    (n,) uint8     filter: word forms in lower case
    finite   (n,) uint8     filter: finite verb forms in lower case
    words_before, finite_before: the same for the checkpoint that training started from, if any
    blocks   (n,) uint8     filter: the text's blocks of BLOCK bytes at multiples of STEP in their
                            paragraphs, so that each overlaps the next
    styles   (n,) uint8     text: the authors
    names    (n,) uint8     text: the names of characters and their places, in original case
    homes    (N,) uint16    per name the index in `styles` of the author whose books have it
    nouns    (n,) uint8     text: words that follow articles, in lower case
    refused  (W,) uint8     per noun the articles that never precede it: bits, see MASCULINE
    frequent (n,) uint8     text: frequent words in lower case
    odds     (F, S) float32 per frequent word and author the logarithm of how much more often the
                            author uses it than the others
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from model.checkpoint.bloom import Bloom
from model.checkpoint.filenames import LEXICON
from model.checkpoint.weights import Tensors, read_optional
from model.files import replacing

STEP, BLOCK = 12, 24
# Any run of RUN characters contains this many consecutive whole blocks. Since blocks overlap, they
# are consecutive in the training text too.
RUN, BLOCKS = 60, 3
WORD_PROBES, FINITE_PROBES, BLOCK_PROBES = 7, 7, 5
_MOST_STYLES = 1 << 12
_CACHED = 1 << 15

# The forms of a noun that a determiner before it allows; several bits allow several.
MASCULINE, FEMININE, MASCULINE_PLURAL, FEMININE_PLURAL = 1, 2, 4, 8
_ALL_FORMS = 15

AnyInteger = TypeVar("AnyInteger", bound=np.integer[Any])


class Lexicon:
    """A lexicon from its tensors; raises KeyError or ValueError for invalid ones."""

    def __init__(self, tensors: Tensors) -> None:
        self.tensors = tensors
        words = _filters(tensors, "words", WORD_PROBES)
        finite = _filters(tensors, "finite", FINITE_PROBES)
        self._blocks = Bloom(_bytes(tensors, "blocks"), BLOCK_PROBES)
        self.styles = tuple(_lines(tensors, "styles"))
        if len(self.styles) > _MOST_STYLES:
            raise ValueError(f"more than {_MOST_STYLES} styles")
        names, homes = _lines(tensors, "names"), _numbers(tensors, "homes", np.uint16)
        if homes.size != len(names) or (homes >= len(self.styles)).any():
            raise ValueError("'homes' must hold a style for each name")
        self.names = dict(zip(names, homes.tolist(), strict=True))
        nouns, refused = _lines(tensors, "nouns"), _numbers(tensors, "refused", np.uint8)
        if refused.size != len(nouns) or (refused > _ALL_FORMS).any():
            raise ValueError("'refused' must hold four bits for each noun")
        self.nouns: dict[str, int] = dict(zip(nouns, refused.tolist(), strict=True))
        frequent, odds = _lines(tensors, "frequent"), tensors["odds"]
        if odds.dtype != np.float32 or odds.shape != (len(frequent), len(self.styles)):
            raise ValueError("'odds' must be float32, a row for each frequent word")
        if not np.isfinite(odds).all():
            raise ValueError("'odds' must be finite")
        self._odds = odds
        self._row = {word: row for row, word in enumerate(frequent)}
        # Words repeat, and a cache is faster than hashing.
        self.knows = lru_cache(_CACHED)(lambda word: _holds(words, word))
        self.may_be_finite = lru_cache(_CACHED)(lambda word: _holds(finite, word))

    def refused(self, word: str) -> int:
        """The articles that never precede this word (lower case): bits, see MASCULINE."""
        return self.nouns.get(word, 0)

    def manner(self, words: list[str], style: str) -> float:
        """How typical these words (lower case) are of a style's author: the mean of `odds`, 0 if
        unknown."""
        if style not in self.styles or not words:
            return 0.0
        rows = [self._row[word] for word in words if word in self._row]
        return float(self._odds[rows, self.styles.index(style)].sum()) / len(words) if rows else 0.0

    def has_copied(self, text: str) -> bool:
        """Whether `text` shares a run of more than RUN characters with the training text.

        A run of 48 or more is also found if it happens to begin with a block.
        """
        content = text.encode()
        places = _looked_at(len(content))
        found = self._blocks.among([content[place : place + BLOCK] for place in places])
        return any(self._run(content, places[index]) for index in found)

    def save(self, folder: Path) -> None:
        """Write the file into a checkpoint's folder."""
        with replacing(folder / LEXICON) as temporary:
            save_file(self.tensors, temporary)

    def _run(self, content: bytes, place: int) -> bool:
        """Whether BLOCKS consecutive blocks are known, including the one at `place`."""
        count, left, right = 1, place - STEP, place + STEP
        while left >= 0 and content[left : left + BLOCK] in self._blocks:
            count, left = count + 1, left - STEP
        while right + BLOCK <= len(content) and content[right : right + BLOCK] in self._blocks:
            count, right = count + 1, right + STEP
        return count >= BLOCKS


@lru_cache(_CACHED)
def _looked_at(length: int) -> list[int]:
    """The positions at which a text of `length` bytes is checked for known blocks.

    One of BLOCKS consecutive blocks begins in the last STEP bytes of each span of BLOCKS steps.
    """
    span = STEP * BLOCKS
    places = range(span - STEP, length - BLOCK + 1)
    return [place for place in places if place % span >= span - STEP]


def load_lexicon(folder: Path) -> Lexicon | None:
    """The lexicon of a checkpoint, or None; raises CheckpointError for an invalid file."""
    return read_optional(folder / LEXICON, "lexicon", Lexicon)


def text_tensor(lines: list[str]) -> NDArray[np.uint8]:
    """Entries without line feeds as a tensor, see above."""
    return np.frombuffer("\n".join(lines).encode(), np.uint8)


def _numbers(tensors: Tensors, name: str, dtype: type[AnyInteger]) -> NDArray[AnyInteger]:
    tensor = tensors[name]
    if tensor.dtype != dtype or tensor.ndim != 1:
        raise ValueError(f"{name!r} must be a vector of {dtype.__name__}")
    return tensor.astype(dtype, copy=False)


def _filters(tensors: Tensors, name: str, probes: int) -> list[Bloom]:
    before = [f"{name}_before"] if f"{name}_before" in tensors else []
    return [Bloom(_bytes(tensors, each), probes) for each in (name, *before)]


def _holds(filters: list[Bloom], word: str) -> bool:
    content = word.encode()
    return any(content in each for each in filters)


def _bytes(tensors: Tensors, name: str) -> NDArray[np.uint8]:
    return _numbers(tensors, name, np.uint8)


def _lines(tensors: Tensors, name: str) -> list[str]:
    text = _bytes(tensors, name).tobytes().decode()  # UnicodeDecodeError is a ValueError
    lines = text.split("\n") if text else []
    if len(set(lines)) != len(lines):
        raise ValueError(f"{name!r} has an entry twice")
    return lines
