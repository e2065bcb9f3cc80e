"""The session of the decoder that runs on torch; see model.engine.backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from model.checkpoint.weights import Floats
from model.engine.backend import Drawn
from model.pytorch.cache import KVCache
from model.pytorch.sampling import sample

if TYPE_CHECKING:
    from model.pytorch.decoder import Decoder


class TorchSession:
    """A KV cache and the logits (rows, V) behind each of its rows, on the decoder's device.

    What PyTorch computes depends in its last bits on how much it computes at once. So that a seed
    gives the same text every time, each text is read in the same portions: all at once, and then
    token by token.
    """

    exact, spare = False, 0

    def __init__(self, decoder: Decoder, rows: int, masks: Floats) -> None:
        self._decoder, self._device = decoder, decoder.device
        config = decoder.config
        self._cache = KVCache(config, rows, self._device, torch.float32)
        self._logits = torch.zeros(rows, config.vocabulary, device=self._device)
        self._masks = torch.from_numpy(masks).to(self._device)

    @torch.inference_mode()
    def prefill(self, row: int, tokens: Sequence[int], held: int = 0) -> None:
        """See model.engine.backend.Session; all of it is read."""
        read = torch.tensor(tokens, device=self._device)
        self._logits[row] = self._decoder.prefill(read, self._cache, row)

    @torch.inference_mode()
    def decode(
        self,
        rows: Sequence[int],
        tokens: Sequence[int],
        positions: Sequence[int],
        places: Sequence[int],
    ) -> None:
        """See model.engine.backend.Session."""
        chosen, read, held = (
            torch.tensor(values, device=self._device) for values in (rows, tokens, positions)
        )
        self._logits[list(places)] = self._decoder.decode(read, self._cache, chosen, held)

    def fork(self, source: int, row: int, length: int) -> bool:
        """False: a text is read in the same portions every time."""
        return False

    def draft(self, tokens: Sequence[int], uniforms: Sequence[float]) -> list[int]:
        """Nothing: see model.engine.backend.Session."""
        return []

    @torch.inference_mode()
    def draw(
        self,
        places: Sequence[int],
        masks: Sequence[int],
        temperatures: Sequence[float],
        top_ps: Sequence[float],
        uniforms: Sequence[float],
    ) -> Drawn:
        """See model.engine.backend.Session."""
        logits = self._logits[list(places)] + self._masks[list(masks)]
        settings = (
            torch.tensor(values, device=self._device) for values in (temperatures, top_ps, uniforms)
        )
        ids, likelihoods = sample(logits, *settings)
        return ids.tolist(), likelihoods.tolist()
