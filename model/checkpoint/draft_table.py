"""Guesses of the next tokens, which a decoder reads several at a time and then confirms or not.

The table knows, for the last few tokens of a text, which one followed most often in the texts it
was made from, and how sure that is. A guess costs one more column in a step that is made anyway,
and saves a step where it comes true. What is written does not change by a bit: the engine draws
every token from the decoder's own logits with the text's own random number, and a guess counts only
where it is what was drawn. (Speculative decoding, arXiv 2211.17192, with the draw as the test.)

A checkpoint may have the file `drafts.safetensors` beside its weights:

    slots   (2^n,) uint32: 16 bits of check, 8 of token, 8 of limit; 0 where nothing is known

Contexts of several lengths are hashed into one table, a slot each; where two meet, the more
frequent stays. A guess is worth a column where the random number of its draw is below `limit` /
256, for a draw takes the likeliest token where that is small. A limit of 0 says that nothing is
worth it here, and shorter contexts are not asked.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from model.checkpoint.filenames import DRAFTS
from model.checkpoint.weights import Tensors, read_optional
from model.files import replacing

# The lengths of contexts, shortest first; the longest that is known is believed. As in drafts.c.
ORDERS = (3, 4, 5, 7)
_MOST_BITS = 24

Slots = NDArray[np.uint32]
Keys = NDArray[np.uint64]


class DraftTable:
    """What probably comes next; the kernel looks it up (model/native/drafts.c).

    slots: see above; raises ValueError for anything else.
    """

    def __init__(self, slots: Slots) -> None:
        self.bits = slots.size.bit_length() - 1
        if slots.dtype != np.uint32 or slots.ndim != 1 or slots.size != 1 << self.bits:
            raise ValueError("slots must be a vector of 2^n uint32")
        if not 1 <= self.bits <= _MOST_BITS:
            raise ValueError(f"from 2 to 2^{_MOST_BITS} slots are read")
        self.slots = slots

    def save(self, folder: Path) -> None:
        """Write the file into a checkpoint's folder."""
        with replacing(folder / DRAFTS) as temporary:
            save_file({"slots": self.slots}, temporary)


def load_drafts(folder: Path, vocabulary: int) -> DraftTable | None:
    """The table of a checkpoint, None where it has none; raises CheckpointError for a bad file."""

    def made(tensors: Tensors) -> DraftTable:
        table = DraftTable(tensors["slots"].astype(np.uint32, casting="no", copy=False))
        known = table.slots[table.slots > 0] >> 8 & 0xFF
        if known.size and known.max() >= vocabulary:
            raise ValueError("it has tokens that the vocabulary has not")
        return table

    return read_optional(folder / DRAFTS, "table of drafts", made)


# A 64-bit hash of contexts, from their last tokens backwards; the same as in drafts.c.


def extend(keys: Keys, tokens: Keys) -> Keys:
    """The keys of contexts that are longer by one token before them; that of no token is 0."""
    return keys * np.uint64(0x9E3779B97F4A7C15) + tokens + np.uint64(1)


def locate(keys: Keys, bits: int) -> tuple[Keys, Keys]:
    """The places of keys among 2^bits slots, and the 16 bits of check of each."""
    mixed = (keys ^ keys >> np.uint64(29)) * np.uint64(0xBF58476D1CE4E5B9)
    return mixed >> np.uint64(64 - bits), mixed >> np.uint64(20) & np.uint64(0xFFFF)
