"""Continuous batching: texts join and leave between steps, each step one token for every text.

The engine is single-threaded and knows nothing of processes or chats. Rows of the KV cache are the
places at the table; who finds none waits in order.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from model.backend import Backend
from model.sentences import OPENERS
from model.sequence import Constraint, Sequence, visible
from model.stored import Checkpoint
from model.tokenizer import Tokenizer
from model.weights import Floats


@dataclass
class _Seat:
    """A sequence at the table: its cache row and how many visible tokens the row holds."""

    sequence: Sequence
    row: int
    held: int = 0


class Engine:
    """Writes up to `rows` texts at a time with one checkpoint."""

    def __init__(self, checkpoint: Checkpoint[Backend], rows: int = 16) -> None:
        self.checkpoint = checkpoint
        self._context = checkpoint.decoder.config.context
        self._session = checkpoint.decoder.session(rows, constraint_masks(checkpoint.tokenizer))
        self._free = list(range(rows))[::-1]
        self._waiting: deque[Sequence] = deque()
        self._seats: list[_Seat] = []

    @property
    def busy(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._waiting or self._seats)

    @property
    def running(self) -> int:
        """How many texts the next step extends."""
        return len(self._seats)

    def add(self, sequence: Sequence) -> None:
        """Queue a text made for this engine's checkpoint."""
        self._waiting.append(sequence)

    def cancel(self, sequence: Sequence) -> None:
        """Drop a text wherever it is; unknown ones are ignored."""
        if sequence in self._waiting:
            self._waiting.remove(sequence)
        for seat in [seat for seat in self._seats if seat.sequence is sequence]:
            self._leave(seat)

    def step(self) -> list[Sequence]:
        """Write one token of every seated text. Returns the texts it touched."""
        # One newcomer a step, so that reading phrases never holds the others up for long.
        if self._waiting and self._free:
            self._seats.append(_Seat(self._waiting.popleft(), self._free.pop()))
        if not self._seats:
            return []
        self._read()
        tokens = self._draw()
        touched = []
        for seat, token in zip(list(self._seats), tokens, strict=True):
            if seat.sequence.accept(token):
                seat.held = 0
            touched.append(seat.sequence)
            if seat.sequence.finished:
                self._leave(seat)
        return touched

    def _leave(self, seat: _Seat) -> None:
        self._seats.remove(seat)
        self._free.append(seat.row)

    def _read(self) -> None:
        """Let the session read what is new of every seated text."""
        together: list[_Seat] = []
        tokens: list[int] = []
        for seat in self._seats:
            shown = visible(seat.sequence.tokens, self._context)
            if seat.held == len(shown) - 1 and seat.held > 0:
                together.append(seat)
                tokens.append(shown[-1])
            else:  # a newcomer, or the window moved: read the whole of it
                self._session.prefill(seat.row, shown)
            seat.held = len(shown)
        if together:
            rows = [seat.row for seat in together]
            self._session.decode(rows, tokens, [seat.held - 1 for seat in together])

    def _draw(self) -> list[int]:
        """The next token of every seated text, in the order of the seats."""
        sequences = [seat.sequence for seat in self._seats]
        return self._session.draw(
            [seat.row for seat in self._seats],
            [each.constraint() for each in sequences],
            [each.options.temperature for each in sequences],
            [each.options.top_p for each in sequences],
            [each.draw() for each in sequences],
        )


def constraint_masks(tokenizer: Tokenizer) -> Floats:
    """What each Constraint adds to the logits: 0 or -inf, (4, V)."""
    masks = np.zeros((len(Constraint), tokenizer.size), np.float32)
    masks[:, list(tokenizer.markers)] = -np.inf
    masks[[Constraint.CONTINUES, Constraint.STARTS], tokenizer.separator] = -np.inf
    if tokenizer.marked:
        masks[Constraint.INSIDE, tokenizer.separator] = -np.inf
    for character, token in tokenizer.character_ids.items():
        opens = character in OPENERS
        if not (opens or character.islower()):
            masks[Constraint.CONTINUES, token] = -np.inf
        if not (opens or character.isupper() or character.isdigit() or character == "»"):
            masks[Constraint.STARTS, token] = -np.inf
    return masks
