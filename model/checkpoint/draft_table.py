"""The draft table: proposes speculative tokens, which the decoder verifies several at a time.

For the last few tokens of a text it gives the token that followed most often in the texts that it
was made from, with a confidence. A speculative token costs one more column in a step and saves a
step if it is right. It never changes a text: the engine samples every token from the decoder's
logits with the text's own random number and keeps a speculative token only if it equals the sample.
(Speculative decoding, arXiv 2211.17192, with the sample as the test.)

A checkpoint may have the file `drafts.safetensors` beside its weights:

    slots   (2^n,) uint32: 16 bits of check, 8 of token, 8 of limit; 0 if empty

Contexts of several lengths are hashed into one table, an entry each; in a collision the more
frequent one stays. A speculative token is worth a column if the random number of its sample is
below `limit` / 256, since a small number selects the likeliest token. A limit of 0 means that no
token is worth it after this context; shorter contexts are not consulted.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from model.checkpoint.filenames import DRAFTS
from model.checkpoint.weights import Tensors, read_optional
from model.files import replacing

# The lengths of contexts, shortest first; the longest known one wins. As in drafts.c.
ORDERS = (3, 4, 5, 7)
_MOST_BITS = 24

Slots = NDArray[np.uint32]
Keys = NDArray[np.uint64]


class DraftTable:
    """A draft table; the kernel looks contexts up (model/native/drafts.c).

    slots: see above. Raises ValueError for another type or size.
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
    """The draft table of a checkpoint, or None; raises CheckpointError for an invalid file."""

    def made(tensors: Tensors) -> DraftTable:
        table = DraftTable(tensors["slots"].astype(np.uint32, casting="no", copy=False))
        known = table.slots[table.slots > 0] >> 8 & 0xFF
        if known.size and known.max() >= vocabulary:
            raise ValueError("it has tokens that the vocabulary has not")
        return table

    return read_optional(folder / DRAFTS, "table of drafts", made)


# A 64-bit hash of contexts, from the last token backwards; the same as in drafts.c.


def extend(keys: Keys, tokens: Keys) -> Keys:
    """The keys of contexts with one more token before them; the key of no tokens is 0."""
    return keys * np.uint64(0x9E3779B97F4A7C15) + tokens + np.uint64(1)


def locate(keys: Keys, bits: int) -> tuple[Keys, Keys]:
    """The indices of keys among 2^bits entries, and the 16 check bits of each."""
    mixed = (keys ^ keys >> np.uint64(29)) * np.uint64(0xBF58476D1CE4E5B9)
    return mixed >> np.uint64(64 - bits), mixed >> np.uint64(20) & np.uint64(0xFFFF)
