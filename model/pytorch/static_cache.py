"""A KV cache whose every use has the same shapes: a step can be captured as a CUDA graph."""

from __future__ import annotations

from torch import Tensor

from model.pytorch.cache import KVCache


class StaticCache(KVCache):
    """Written and read by index only: what rows and positions are is never asked on the host.

    `upto`, which fixes how much of each row attention looks at, is a bound and no length: what lies
    between is masked.
    """

    def extend(
        self, layer: int, rows: Tensor, positions: Tensor, keys: Tensor, values: Tensor, upto: int
    ) -> tuple[Tensor, Tensor]:
        """See KVCache; a row may stand several times in `rows`, at other positions."""
        stored_keys, stored_values = self.keys[layer], self.values[layer]
        index = (rows[:, None], slice(None), positions)  # (B, T, heads, head width)
        stored_keys[index] = keys.transpose(1, 2).to(stored_keys.dtype)
        stored_values[index] = values.transpose(1, 2).to(stored_values.dtype)
        # Only what is looked at is copied.
        return stored_keys[:, :, :upto][rows], stored_values[:, :, :upto][rows]
