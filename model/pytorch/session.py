"""The session of a PyTorch decoder; see model.engine.backend.Session."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from model.arrays import Floats
from model.engine.backend import Sampled
from model.pytorch.cache import KVCache
from model.pytorch.decoder import Decoder
from model.pytorch.sampling import sample


class TorchSession:
    """A KV cache and the logits (slots, V) after each sequence, on the decoder's device.

    The last bits of PyTorch's results depend on the size of a computation. So that a seed always
    gives the same text, every sequence is read in the same portions: the prompt at once, then
    token by token.
    """

    exact, spare = False, 0

    def __init__(self, decoder: Decoder, slots: int, masks: Floats) -> None:
        self._decoder, self._device = decoder, decoder.device
        config = decoder.config
        self._cache = KVCache(config, slots, self._device, torch.float32)
        self._logits = torch.zeros(slots, config.vocabulary, device=self._device)
        self._masks = torch.from_numpy(masks).to(self._device)

    @torch.inference_mode()
    def prefill(self, slot: int, tokens: Sequence[int], held: int = 0) -> None:
        """See model.engine.backend.Session; `held` is ignored, all tokens are read."""
        read = torch.tensor(tokens, device=self._device)
        self._logits[slot] = self._decoder.prefill(read, self._cache, slot)

    @torch.inference_mode()
    def decode(
        self,
        slots: Sequence[int],
        tokens: Sequence[int],
        positions: Sequence[int],
        places: Sequence[int],
    ) -> None:
        """See model.engine.backend.Session."""
        chosen, read, held = (
            torch.tensor(values, device=self._device) for values in (slots, tokens, positions)
        )
        self._logits[list(places)] = self._decoder.decode(read, self._cache, chosen, held)

    def fork(self, source: int, target: int, length: int) -> bool:
        """False: a copied prefix would not have been read in the usual portions."""
        return False

    def speculate(self, tokens: Sequence[int], uniforms: Sequence[float]) -> list[int]:
        """No tokens: `spare` is 0."""
        return []

    @torch.inference_mode()
    def sample(
        self,
        places: Sequence[int],
        masks: Sequence[int],
        temperatures: Sequence[float],
        top_ps: Sequence[float],
        uniforms: Sequence[float],
    ) -> Sampled:
        """See model.engine.backend.Session."""
        logits = self._logits[list(places)] + self._masks[list(masks)]
        parameters = (
            torch.tensor(values, device=self._device) for values in (temperatures, top_ps, uniforms)
        )
        ids, likelihoods = sample(logits, *parameters)
        return ids.tolist(), likelihoods.tolist()
