"""A step of several texts on the device, in PyTorch's own operations: of any decoder, anywhere."""

from __future__ import annotations

import copy
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from model.cuda.buffers import (
    AUTOMATON,
    BASE,
    POSITION,
    RING,
    ROW,
    TOKENS,
    UNIFORMS,
    USED,
    SharedBuffers,
)
from model.pytorch.sampling import sample
from model.pytorch.static_cache import StaticCache

if TYPE_CHECKING:
    from model.pytorch.decoder import Decoder

_LENGTHS = 128  # attention looks at a multiple of so many keys


class PlainSteps:
    """The work of a launch on its buffers; nothing in it asks the host for anything.

    dtype: of matrices and cache; what is added up over the layers stays float32.
    """

    exact = False

    def __init__(self, decoder: Decoder, buffers: SharedBuffers, dtype: torch.dtype) -> None:
        self._buffers, self._context, self._dtype = buffers, decoder.config.context, dtype
        self._decoder = decoder if dtype == torch.float32 else _halved(decoder, dtype)
        rows = buffers.spare + 1
        self._cache = StaticCache(decoder.config, rows, buffers.device, dtype)

    def bound(self, length: int) -> int:
        """How far attention is to look where no text will be longer than this."""
        return min(self._context, -(-length // _LENGTHS) * _LENGTHS)

    def read(self, columns: int, upto: int) -> None:
        """Read the first so many columns, at positions below `upto`."""
        token, row, position = self._buffers.columns[:columns].long().unbind(1)
        self._decode(token, row, position, upto)

    def step(self, slots: int, drafts: int, upto: int) -> None:
        """Read each slot's last token and draw its next one. drafts: 0."""
        buffers = self._buffers
        orders, answers = buffers.orders[:slots], buffers.answers[:slots]
        rows = orders[:, ROW].long()
        states = buffers.states[rows].long()
        position, state, used = states[:, POSITION], states[:, AUTOMATON], states[:, USED]
        token = states[:, TOKENS:].gather(1, position[:, None] % RING)[:, 0]
        going = position < self._context
        row, at = rows.where(going, buffers.spare), position.where(going, 0)

        logits = self._decode(token, row, at, upto) + buffers.masks[buffers.constraints[state]]
        number = (UNIFORMS + used - orders[:, BASE]).clamp(max=buffers.orders.shape[1] - 1)
        uniform = buffers.numbers[:slots].gather(1, number[:, None])[:, 0]
        temperature, top_p = buffers.manners[rows].unbind(1)
        drawn, likelihood = sample(logits, temperature, top_p, uniform)

        place = (1 + answers[:, 0].long())[:, None].clamp(max=buffers.most)
        answers.scatter_(1, place, drawn[:, None].int())
        buffers.likelihoods[:slots].scatter_(1, place - 1, likelihood[:, None])
        answers[:, 0] += going
        after = states.clone()
        after[:, POSITION] += 1
        after[:, AUTOMATON] = buffers.following[state, drawn]
        after[:, USED] += 1
        after[:, TOKENS:].scatter_(1, after[:, POSITION, None] % RING, drawn[:, None])
        buffers.states[rows] = after.where(going[:, None], states).int()

    def _decode(self, tokens: Tensor, rows: Tensor, positions: Tensor, upto: int) -> Tensor:
        casting: AbstractContextManager[object] = nullcontext()
        if self._dtype != torch.float32:
            kind = self._buffers.device.type
            casting = torch.autocast(kind, self._dtype, cache_enabled=False)
        with casting:
            return self._decoder.decode(tokens, self._cache, rows, positions, upto)


def _halved(decoder: Decoder, dtype: torch.dtype) -> Decoder:
    """A copy whose matrices are of this type."""
    copied = copy.deepcopy(decoder)
    for module in copied.modules():
        if isinstance(module, nn.Linear):
            module.to(dtype)
    copied.arrange()
    return copied
