"""Keys and values of the tokens already read, so that a step reads one token and not the text."""

from __future__ import annotations

import torch
from torch import Tensor

from model.checkpoint.config import DecoderConfig


class KVCache:
    """Room for `rows` texts of up to `context` tokens each; rows fill and empty on their own.

    keys, values: (layers, rows, heads, context, head width); tokens: (rows, context) int64. Tokens
    of a row occupy 0..length-1; what lies behind is stale and never read.
    """

    def __init__(
        self, config: DecoderConfig, rows: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        shape = (config.layers, rows, config.heads, config.context, config.head_width)
        self.keys = torch.zeros(shape, device=device, dtype=dtype)
        self.values = torch.zeros(shape, device=device, dtype=dtype)
        self.tokens = torch.zeros(rows, config.context, device=device, dtype=torch.int64)

    def remember(self, rows: Tensor, positions: Tensor, tokens: Tensor, back: int) -> Tensor:
        """Write new tokens and return them behind the `back` tokens before the first of each row.

        rows: (B,), positions and tokens: (B, T), all int64, positions of a row consecutive. Returns
        (B, back + T), -1 before the start of a text.
        """
        self.tokens[rows[:, None], positions] = tokens
        length = back + positions.shape[1]
        wanted = positions[:, :1] - back + torch.arange(length, device=positions.device)
        read = self.tokens[rows[:, None], wanted.clamp(min=0)]
        return torch.where(wanted < 0, -1, read)

    def extend(
        self, layer: int, rows: Tensor, positions: Tensor, keys: Tensor, values: Tensor, upto: int
    ) -> tuple[Tensor, Tensor]:
        """Write new keys and values and return all of those rows' from 0 to `upto`.

        rows: (B,) and positions: (B, T), both int64, those of a row consecutive; keys, values:
        (B, heads, T, head width). Returns two tensors (B, heads, upto, head width).
        """
        stored_keys, stored_values = self.keys[layer], self.values[layer]
        if rows.numel() == 1:  # the usual case on a quiet bot: slices of one row, no copy of it
            row, first = int(rows[0]), int(positions[0, 0])
            stored_keys[row, :, first : first + positions.shape[1]] = keys[0]
            stored_values[row, :, first : first + positions.shape[1]] = values[0]
            return stored_keys[row : row + 1, :, :upto], stored_values[row : row + 1, :, :upto]
        index = (rows[:, None], slice(None), positions)  # (B, T, heads, head width)
        stored_keys[index] = keys.transpose(1, 2)
        stored_values[index] = values.transpose(1, 2)
        return stored_keys[rows, :, :upto], stored_values[rows, :, :upto]
