"""What host and device have in common while texts are written ahead: fixed tensors on the device.

The host orders a launch by filling in a line for every slot (a place in the launch), the device
keeps the state of every row between launches, and answers with a line for every slot.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.checkpoint.draft_table import ORDERS
from model.checkpoint.weights import Floats
from model.text.automaton import Automaton

# A row's recent tokens are a ring: that at position p is at p mod RING. It holds the context of a
# guess, and guesses that are not confirmed yet do not reach what is behind that.
RING = 16
RECENT = ORDERS[-1]

# Columns of an order. Row, whether its state is to be set, how many of its random numbers were used
# when the first that is given comes; then a state: position, state of the automaton, numbers used
# up, ring; temperature and top-p as float32; then random numbers as float32.
ROW, FRESH, BASE, STATE = 0, 1, 2, 3
POSITION, AUTOMATON, USED, TOKENS = range(4)  # within a state
STATE_SIZE = TOKENS + RING
MANNER = STATE + STATE_SIZE
UNIFORMS = MANNER + 2


class SharedBuffers:
    """Room for `rows` texts, in launches of `slots` of them that draw up to `most` tokens each.

    A row more, `spare`, is where columns go that stand for nothing.
    orders: (slots, UNIFORMS + 2 most) int32, see above; answers: (slots, 1 + 2 most) int32, how
    many tokens, which, and from 1 + most on the log-probability of each as float32; columns: (C, 3)
    int32, tokens to be read, their rows and positions.
    """

    def __init__(
        self,
        rows: int,
        slots: int,
        columns: int,
        most: int,
        masks: Floats,
        automaton: Automaton,
        device: torch.device,
    ) -> None:
        def zeros(*size: int, dtype: torch.dtype = torch.int32) -> Tensor:
            return torch.zeros(size, dtype=dtype, device=device)

        self.device, self.spare, self.most = device, rows, most
        self.orders = zeros(slots, UNIFORMS + 2 * most)
        self.answers = zeros(slots, 1 + 2 * most)
        self.columns = zeros(columns, 3)
        self.states = zeros(rows + 1, STATE_SIZE)
        self.manners = zeros(rows + 1, 2, dtype=torch.float32)
        self.masks = torch.from_numpy(masks).to(device)
        self.following = _to(device, automaton.following)
        self.constraints = _to(device, automaton.constraints)

    @property
    def numbers(self) -> Tensor:
        """The orders as float32, for what is in them of that kind."""
        return self.orders.view(torch.float32)

    @property
    def likelihoods(self) -> Tensor:
        """The log-probabilities in the answers, (slots, most) float32."""
        return self.answers.view(torch.float32)[:, 1 + self.most :]

    def take_orders(self, slots: int) -> None:
        """Begin a launch: set the states that are to be set, and empty the answers."""
        orders = self.orders[:slots]
        rows, fresh = orders[:, ROW].long(), orders[:, FRESH, None] != 0
        self.states[rows] = torch.where(fresh, orders[:, STATE:MANNER], self.states[rows])
        manners = self.numbers[:slots, MANNER:UNIFORMS]
        self.manners[rows] = torch.where(fresh, manners, self.manners[rows])
        self.answers[:slots, 0] = 0


def _to(device: torch.device, table: NDArray[np.int32]) -> Tensor:
    return torch.from_numpy(table.copy()).to(device)
