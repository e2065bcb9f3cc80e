"""Tensors that host and device share while the device samples ahead.

For a launch the host writes an input line per sequence; the device keeps the state of every slot
between launches and writes an output line per sequence.
"""

from __future__ import annotations

import torch
from torch import Tensor

from model.arrays import Floats, Integers
from model.checkpoint.draft_table import ORDERS
from model.text.automaton import Automaton

# A slot's recent tokens are a ring buffer: the token at position p is at p mod RING. It holds the
# context of the draft table, and unverified speculative tokens do not overwrite that.
RING = 16
RECENT = ORDERS[-1]

# Columns of an input line: the slot; whether to set its state; the slot's count of consumed
# uniforms at the first uniform of this line; the state: position, state of the automaton, consumed
# uniforms, ring; temperature and top-p as float32; the uniforms as float32.
SLOT, FRESH, BASE, STATE = 0, 1, 2, 3
POSITION, AUTOMATON, USED, TOKENS = range(4)  # within a state
STATE_SIZE = TOKENS + RING
SAMPLING = STATE + STATE_SIZE
UNIFORMS = SAMPLING + 2


class SharedBuffers:
    """Fixed tensors for `slots` sequences, in launches of up to `batch` that sample `most` tokens.

    spare: an additional slot for padding columns.
    inputs: (batch, UNIFORMS + 2 most) int32, see above.
    outputs: (batch, 1 + 2 most) int32: the number of tokens, the tokens, and their
    log-probabilities as float32.
    columns: (C, 3) int32, token, slot and position of the columns to prefill.
    """

    def __init__(
        self,
        slots: int,
        batch: int,
        columns: int,
        most: int,
        masks: Floats,
        automaton: Automaton,
        device: torch.device,
    ) -> None:
        def zeros(*size: int, dtype: torch.dtype = torch.int32) -> Tensor:
            return torch.zeros(size, dtype=dtype, device=device)

        self.device, self.spare, self.most = device, slots, most
        self.inputs = zeros(batch, UNIFORMS + 2 * most)
        self.outputs = zeros(batch, 1 + 2 * most)
        self.columns = zeros(columns, 3)
        self.states = zeros(slots + 1, STATE_SIZE)
        self.sampling_params = zeros(slots + 1, 2, dtype=torch.float32)
        self.masks = torch.from_numpy(masks).to(device)
        self.following = _to(device, automaton.following)
        self.constraints = _to(device, automaton.constraints)

    @property
    def float_inputs(self) -> Tensor:
        """The inputs viewed as float32."""
        return self.inputs.view(torch.float32)

    @property
    def likelihoods(self) -> Tensor:
        """The log-probabilities in the outputs, (batch, most) float32."""
        return self.outputs.view(torch.float32)[:, 1 + self.most :]

    def begin_launch(self, batch: int) -> None:
        """Set the states and sampling parameters of fresh slots, and clear the outputs."""
        inputs = self.inputs[:batch]
        slots, fresh = inputs[:, SLOT].long(), inputs[:, FRESH, None] != 0
        self.states[slots] = torch.where(fresh, inputs[:, STATE:SAMPLING], self.states[slots])
        given = self.float_inputs[:batch, SAMPLING:UNIFORMS]
        self.sampling_params[slots] = torch.where(fresh, given, self.sampling_params[slots])
        self.outputs[:batch, 0] = 0


def _to(device: torch.device, table: Integers) -> Tensor:
    return torch.from_numpy(table.copy()).to(device)
