"""Steps in PyTorch's own operations, for any decoder on any device."""

from __future__ import annotations

import copy
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from model.cuda.buffers import (
    AUTOMATON,
    BASE,
    POSITION,
    RING,
    SLOT,
    TOKENS,
    UNIFORMS,
    USED,
    SharedBuffers,
)
from model.pytorch.backend import arrange
from model.pytorch.cache import StaticCache
from model.pytorch.decoder import Decoder
from model.pytorch.sampling import sample

_LENGTHS = 128  # attention reads a multiple of this many keys


class TorchSteps:
    """See model.cuda.session.Steps; nothing here reads from the device.

    dtype: of matrices and KV cache; the residual stream stays float32.
    """

    exact = False

    def __init__(self, decoder: Decoder, buffers: SharedBuffers, dtype: torch.dtype) -> None:
        self._buffers, self._context, self._dtype = buffers, decoder.config.context, dtype
        self._decoder = decoder if dtype == torch.float32 else _cast(decoder, dtype)
        slots = buffers.spare + 1
        self._cache = StaticCache(decoder.config, slots, buffers.device, dtype)

    def bound(self, length: int) -> int:
        """See Steps: how many keys attention reads."""
        return min(self._context, -(-length // _LENGTHS) * _LENGTHS)

    def read(self, columns: int, upto: int) -> None:
        """See Steps."""
        token, slot, position = self._buffers.columns[:columns].long().unbind(1)
        self._decode(token, slot, position, upto)

    def step(self, batch: int, speculative: int, upto: int) -> None:
        """See Steps; speculative: 0."""
        buffers = self._buffers
        inputs, outputs = buffers.inputs[:batch], buffers.outputs[:batch]
        slots = inputs[:, SLOT].long()
        states = buffers.states[slots].long()
        position, state, used = states[:, POSITION], states[:, AUTOMATON], states[:, USED]
        token = states[:, TOKENS:].gather(1, position[:, None] % RING)[:, 0]
        going = position < self._context
        slot, at = slots.where(going, buffers.spare), position.where(going, 0)

        logits = self._decode(token, slot, at, upto) + buffers.masks[buffers.constraints[state]]
        number = (UNIFORMS + used - inputs[:, BASE]).clamp(max=buffers.inputs.shape[1] - 1)
        uniform = buffers.float_inputs[:batch].gather(1, number[:, None])[:, 0]
        temperature, top_p = buffers.sampling_params[slots].unbind(1)
        sampled, likelihood = sample(logits, temperature, top_p, uniform)

        place = (1 + outputs[:, 0].long())[:, None].clamp(max=buffers.most)
        outputs.scatter_(1, place, sampled[:, None].int())
        buffers.likelihoods[:batch].scatter_(1, place - 1, likelihood[:, None])
        outputs[:, 0] += going
        after = states.clone()
        after[:, POSITION] += 1
        after[:, AUTOMATON] = buffers.following[state, sampled]
        after[:, USED] += 1
        after[:, TOKENS:].scatter_(1, after[:, POSITION, None] % RING, sampled[:, None])
        buffers.states[slots] = after.where(going[:, None], states).int()

    def _decode(self, tokens: Tensor, slots: Tensor, positions: Tensor, upto: int) -> Tensor:
        casting: AbstractContextManager[object] = nullcontext()
        if self._dtype != torch.float32:
            kind = self._buffers.device.type
            casting = torch.autocast(kind, self._dtype, cache_enabled=False)
        with casting:
            return self._decoder.decode(tokens, self._cache, slots, positions, upto)


def _cast(decoder: Decoder, dtype: torch.dtype) -> Decoder:
    """A copy with matrices of this type."""
    copied = copy.deepcopy(decoder)
    for module in copied.modules():
        if isinstance(module, nn.Linear):
            module.to(dtype)
    arrange(copied)
    return copied
