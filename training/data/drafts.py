"""The drafts of a checkpoint (model/checkpoint/draft_table.py), counted in the texts it was
trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random

import numpy as np
from numpy.typing import NDArray

from model.checkpoint.draft_table import ORDERS, DraftTable, Keys, extend, locate
from model.text.tokenizer import Tokenizer
from training.data.corpus import Paragraph
from training.data.dataset import Ids, encode_stream

BITS = 17
# Characters to count: more take gigabytes and hardly change the table.
CHARACTERS = 5_000_000
LARGEST_VOCABULARY = 256
# A context that was seen less often says nothing, and a guess must be right about every other time.
SEEN, SURE = 3, 0.5
# A longer context is kept where it says something else than the shorter one does.
DIFFERENCE = 0.15

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class _Contexts:
    """The different contexts of one length: the key of each, the token that followed most often,
    the probability of that, and how often the context was seen."""

    keys: Keys
    tokens: Numbers
    sureness: NDArray[np.float64]
    seen: Numbers

    def of(self, chosen: NDArray[np.bool_]) -> _Contexts:
        """Some of them."""
        return _Contexts(
            self.keys[chosen], self.tokens[chosen], self.sureness[chosen], self.seen[chosen]
        )


def drafts_of(tokenizer: Tokenizer, paragraphs: Sequence[Paragraph]) -> DraftTable:
    """The table for a checkpoint that was trained on these paragraphs: all of them, or so many,
    chosen by chance, as say enough. Raises ValueError for too large a vocabulary."""
    chosen = list(paragraphs)
    Random(0).shuffle(chosen)  # noqa: S311 (no secret)
    held = accumulate(len(paragraph.text) for paragraph in chosen)
    enough = sum(1 for length in held if length <= CHARACTERS)
    return make_drafts(encode_stream(tokenizer, chosen[: max(1, enough)]))


def make_drafts(stream: Ids, bits: int = BITS) -> DraftTable:
    """A table of 2^bits slots from a run of ids (T,), as `training.data.dataset.encode_stream`
    makes it.

    Raises ValueError for a vocabulary of more than LARGEST_VOCABULARY.
    """
    if stream.size and stream.max() >= LARGEST_VOCABULARY:
        raise ValueError(f"a table of drafts holds at most {LARGEST_VOCABULARY} different tokens")
    # The prediction of the shorter contexts at every position of the run.
    said, how_surely = np.full(stream.size, -1), np.zeros(stream.size)
    chosen = []
    key = np.zeros(stream.size, np.uint64)
    for distance in range(1, ORDERS[-1] + 1):
        before = np.concatenate([np.zeros(distance, np.int64), stream[:-distance]])
        key = extend(key, before.astype(np.uint64))
        if distance in ORDERS:
            chosen.append(_worth_keeping(key, stream, said, how_surely))
    return _fill(chosen, bits)


def _worth_keeping(
    key: Keys, stream: Ids, said: Numbers, how_surely: NDArray[np.float64]
) -> _Contexts:
    """The contexts that say something new, which is noted in `said` and `how_surely`."""
    order = np.lexsort((stream, key))
    keys, tokens = key[order], stream[order]
    begins = np.flatnonzero(_changes(keys) | _changes(tokens))  # runs of one token behind one key
    counts = np.diff(begins, append=keys.size)
    most = np.lexsort((-counts, keys[begins]))  # of the runs of a key the longest first
    first = np.flatnonzero(_changes(keys[begins][most]))
    seen = np.add.reduceat(counts[most], first)
    best = most[first]
    found = _Contexts(keys[begins][best], tokens[begins][best], counts[best] / (seen + 1), seen)

    somewhere = order[begins][best]  # a place in the run where each context stands
    same = (said[somewhere] == found.tokens) & (
        np.abs(how_surely[somewhere] - found.sureness) < DIFFERENCE
    )
    unsure = (how_surely[somewhere] < SURE) & (found.sureness < SURE)
    new = (found.seen >= SEEN) & ~same & ~unsure
    place = np.repeat(np.arange(seen.size), seen)  # of which context every place of `order` is
    said[order[new[place]]] = found.tokens[place][new[place]]
    how_surely[order[new[place]]] = found.sureness[place][new[place]]
    return found.of(new)


def _changes(values: NDArray[np.generic]) -> NDArray[np.bool_]:
    """Where a value differs from the one before it; the first does."""
    return np.concatenate([[True], values[1:] != values[:-1]])


def _fill(chosen: list[_Contexts], bits: int) -> DraftTable:
    slots = np.zeros(1 << bits, np.uint32)
    seen = np.concatenate([each.seen for each in chosen])
    entries, places = [], []
    for each in chosen:
        place, check = locate(each.keys, bits)
        # A draw takes the likeliest token where its random number is small: the more probable the
        # guess, the larger the numbers that may meet it.
        limit = np.where(each.sureness >= SURE, np.floor(255 * np.sqrt(each.sureness)), 0)
        entries.append(check << 16 | each.tokens.astype(np.uint64) << 8 | limit.astype(np.uint64))
        places.append(place)
    rarest_first = np.argsort(seen, kind="stable")  # so that the most frequent one stays
    slots[np.concatenate(places)[rarest_first]] = np.concatenate(entries)[rarest_first]
    return DraftTable(slots)
