"""A Bloom filter: a set of texts in about ten bits each, with about 1 % false positives.

Each text sets a few bits; a text is in the set if all of its bits are set. There are no false
negatives, and more bits make false positives rarer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

_MIX = 0x9E3779B97F4A7C15
_WHOLE = (1 << 64) - 1


class Bloom:
    """bits: (n,) uint8, bit 8·i + j being bit j of byte i; probes: how many bits a text sets."""

    def __init__(self, bits: NDArray[np.uint8], probes: int) -> None:
        if bits.dtype != np.uint8 or bits.ndim != 1 or not bits.size:
            raise ValueError("a filter must be a vector of uint8, and not empty")
        self.bits, self.probes = bits, probes
        self._bytes, self._size = bits.tobytes(), 8 * bits.size

    @classmethod
    def of(cls, texts: Iterable[bytes], each: float, probes: int) -> Bloom:
        """A filter of distinct texts with `each` bits per text."""
        hashes = np.array([crc32(text) for text in texts], np.uint64)
        size = 8 * max(1, int(hashes.size * each / 8))
        mixed = hashes * np.uint64(_MIX)  # modulo 2^64, as below
        step = mixed >> np.uint64(32) | np.uint64(1)
        bits = np.zeros(size, np.bool_)
        for probe in range(probes):
            bits[(hashes + np.uint64(probe) * step) % np.uint64(size)] = True
        return cls(np.packbits(bits, bitorder="little"), probes)

    def __contains__(self, text: bytes) -> bool:
        content, size, place = self._bytes, self._size, crc32(text)
        step = (place * _MIX & _WHOLE) >> 32 | 1
        for _ in range(self.probes):
            if not content[(bit := place % size) >> 3] >> (bit & 7) & 1:
                return False
            place += step
        return True

    def among(self, texts: Sequence[bytes]) -> list[int]:
        """The indices of the texts that are in the set; fast if most are not."""
        content, size = self._bytes, self._size
        likely = [
            place
            for place, bit in enumerate([crc32(text) % size for text in texts])
            if content[bit >> 3] >> (bit & 7) & 1
        ]
        return [place for place in likely if texts[place] in self]
