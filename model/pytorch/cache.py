"""KV caches: keys and values of the tokens read so far, so that a step reads only the new ones."""

from __future__ import annotations

import torch
from torch import Tensor

from model.checkpoint.config import DecoderConfig


class KVCache:
    """A cache of `slots` sequences of up to `context` tokens each; slots are independent.

    keys, values: (layers, slots, heads, context, head width).
    tokens: (slots, context) int64.
    A sequence of n tokens occupies positions 0 to n - 1; the rest is stale and never read.
    """

    def __init__(
        self, config: DecoderConfig, slots: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        shape = (config.layers, slots, config.heads, config.context, config.head_width)
        self.keys = torch.zeros(shape, device=device, dtype=dtype)
        self.values = torch.zeros(shape, device=device, dtype=dtype)
        self.tokens = torch.zeros(slots, config.context, device=device, dtype=torch.int64)

    def append_tokens(self, slots: Tensor, positions: Tensor, tokens: Tensor, back: int) -> Tensor:
        """Store new tokens; return them preceded by the `back` tokens before each slot's first.

        slots: (B,) int64.
        positions, tokens: (B, T) int64, the positions of a slot consecutive.
        Returns (B, back + T), -1 before the start of a sequence.
        """
        self.tokens[slots[:, None], positions] = tokens
        length = back + positions.shape[1]
        wanted = positions[:, :1] - back + torch.arange(length, device=positions.device)
        read = self.tokens[slots[:, None], wanted.clamp(min=0)]
        return torch.where(wanted < 0, -1, read)

    def extend(
        self, layer: int, slots: Tensor, positions: Tensor, keys: Tensor, values: Tensor, upto: int
    ) -> tuple[Tensor, Tensor]:
        """Store new keys and values; return those of positions 0 to `upto` - 1 of each slot.

        slots: (B,) int64.
        positions: (B, T) int64, those of a slot consecutive.
        keys, values: (B, heads, T, head width).
        Returns two tensors (B, heads, upto, head width).
        """
        stored_keys, stored_values = self.keys[layer], self.values[layer]
        if slots.numel() == 1:  # the usual case on a quiet bot: slices of one slot, no copy
            slot, first = int(slots[0]), int(positions[0, 0])
            stored_keys[slot, :, first : first + positions.shape[1]] = keys[0]
            stored_values[slot, :, first : first + positions.shape[1]] = values[0]
            return stored_keys[slot : slot + 1, :, :upto], stored_values[slot : slot + 1, :, :upto]
        index = (slots[:, None], slice(None), positions)  # (B, T, heads, head width)
        stored_keys[index] = keys.transpose(1, 2)
        stored_values[index] = values.transpose(1, 2)
        return stored_keys[slots, :, :upto], stored_values[slots, :, :upto]


class StaticCache(KVCache):
    """A KV cache whose operations have fixed shapes and never read slots or positions on the host.

    So a step can be captured as a CUDA graph. `upto` is a bound for all sequences, not a length:
    the caller masks the positions beyond each one.
    """

    def extend(
        self, layer: int, slots: Tensor, positions: Tensor, keys: Tensor, values: Tensor, upto: int
    ) -> tuple[Tensor, Tensor]:
        """See KVCache; `slots` may repeat a slot, at other positions."""
        stored_keys, stored_values = self.keys[layer], self.values[layer]
        index = (slots[:, None], slice(None), positions)  # (B, T, heads, head width)
        stored_keys[index] = keys.transpose(1, 2).to(stored_keys.dtype)
        stored_values[index] = values.transpose(1, 2).to(stored_values.dtype)
        # Slice before indexing, so that only the `upto` positions are copied.
        return stored_keys[:, :, :upto][slots], stored_values[:, :, :upto][slots]
