"""The n-gram memory in PyTorch; `model.checkpoint.memory_keys` defines its shape and keys.

Shapes: B sequences, T tokens, K tables of R rows of M numbers, C width of the decoder.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.checkpoint.memory_keys import (
    BASIS,
    MASK,
    MULTIPLIER,
    PRIME,
    WORD_LETTERS,
    WORD_REACH,
    MemoryConfig,
)

# Rows start as small as embeddings; this factor makes them comparable after a few steps.
SCALE = 8.0


class Memory(nn.Module):
    """An embedding (B, T, C) of the n-grams that end at each token, added to the token's own."""

    symbols: Tensor
    letters: Tensor

    def __init__(self, config: MemoryConfig, width: int) -> None:
        super().__init__()
        self.config = config
        self.tables = nn.Parameter(torch.zeros(config.tables, config.rows, config.width))
        self.mix = nn.Linear(config.inputs, width, bias=False)
        # One more entry each, for token -1: a position before the text.
        for name, values in (("symbols", config.symbols), ("letters", config.letters)):
            self.register_buffer(name, torch.tensor([*values, 0]), persistent=False)

    def forward(self, rows: Tensor) -> Tensor:
        """The embeddings (B, T, C) for row numbers (B, T, K) from `rows`."""
        config = self.config
        offsets = torch.arange(config.tables, device=rows.device) * config.rows
        found = F.embedding(rows + offsets, self.tables.flatten(0, 1))  # (B, T, K, M)
        if self.training and config.dropout:
            kept = torch.rand(rows.shape, device=rows.device) >= config.dropout
            found = found * (kept / (1 - config.dropout))[..., None]
        mixed: Tensor = self.mix(found.flatten(-2))
        return mixed * SCALE

    def rows(self, tokens: Tensor) -> Tensor:
        """The row numbers for each token, (B, T, K) int64, as memory_keys.rows_of defines them.

        tokens: (B, T) int64, -1 before a text. Intermediate numbers stay below 2^63.
        """
        config = self.config
        symbols, letters = self.symbols[tokens], self.letters[tokens]
        hashes: list[Tensor] = []  # torch.compile cannot trace list[Tensor]()
        h = torch.full_like(tokens, BASIS)
        for back in range(max(config.orders, default=0)):
            h = _step(h, _shifted(symbols, back))
            if back + 1 in config.orders:
                hashes.append(h)
        h = torch.where(letters > 0, BASIS, BASIS ^ MASK)
        for number, word in enumerate(_words(letters, max(config.words, default=0)), start=1):
            h = _step(h, word)
            if number in config.words:
                hashes.append(h)
        return _mixed(torch.stack(hashes, -1)) * config.rows >> 32


def _words(letters: Tensor, count: int) -> list[Tensor]:
    """The hashes of the last `count` words up to each token, newest first, each (B, T)."""
    if not count:
        return []
    places = torch.arange(letters.shape[1], device=letters.device).expand_as(letters)
    last_letter = torch.where(letters > 0, places, -1).cummax(1).values
    last_other = torch.where(letters > 0, -1, places).cummax(1).values
    hashes = _word_hashes(letters)
    found: list[Tensor] = []
    end = last_letter
    for _ in range(count):
        there = (end >= 0) & (places - end < WORD_REACH)
        at = end.clamp(min=0)
        found.append(torch.where(there, hashes.gather(1, at), 0))
        before = torch.maximum(last_other.gather(1, at), at - WORD_LETTERS)
        earlier = last_letter.gather(1, before.clamp(min=0))
        end = torch.where(there & (before >= 0), earlier, -1)
    return found


def _word_hashes(letters: Tensor) -> Tensor:
    """The hash of the word that ends at each letter, (B, T)."""
    h, inside = torch.full_like(letters, BASIS), letters > 0
    for back in range(WORD_LETTERS):
        letter = _shifted(letters, back)
        inside = inside & (letter > 0)
        h = torch.where(inside, _step(h, letter), h)
    return h


def _shifted(values: Tensor, back: int) -> Tensor:
    """The value `back` positions earlier, 0 before the first."""
    length = values.shape[1]
    return F.pad(values, (back, 0))[:, :length] if back else values


def _step(h: Tensor, value: Tensor) -> Tensor:
    return (h ^ value) * PRIME & MASK


def _mixed(value: Tensor) -> Tensor:
    for _ in range(2):
        value = (value ^ (value >> 16)) * MULTIPLIER & MASK
    return value ^ (value >> 16)
