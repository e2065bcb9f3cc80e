"""Continuous batching: texts join and leave between steps, each step one token for every text.

The engine is single-threaded and knows nothing of processes or chats. Rows of the KV cache are the
places at the table; who finds none waits in order.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor

from model.cache import KVCache
from model.checkpoint import Checkpoint
from model.sampling import sample
from model.sentences import OPENERS
from model.sequence import Constraint, Sequence, visible
from model.tokenizer import SEPARATOR, START, Tokenizer


@dataclass
class _Seat:
    """A sequence at the table: its cache row and how many visible tokens the row holds."""

    sequence: Sequence
    row: int
    held: int = 0


class Engine:
    """Writes up to `rows` texts at a time with one checkpoint."""

    def __init__(self, checkpoint: Checkpoint, rows: int = 16) -> None:
        self.checkpoint = checkpoint
        self.decoder = checkpoint.decoder
        device = self.decoder.device
        self._cache = KVCache(self.decoder.config, rows, device, torch.float32)
        self._masks = constraint_masks(checkpoint.tokenizer).to(device)
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

    @torch.inference_mode()
    def step(self) -> list[Sequence]:
        """Write one token of every seated text. Returns the texts it touched."""
        # One newcomer a step, so that reading phrases never holds the others up for long.
        if self._waiting and self._free:
            self._seats.append(_Seat(self._waiting.popleft(), self._free.pop()))
        if not self._seats:
            return []
        tokens = self._draw(self._logits())
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

    def _logits(self) -> Tensor:
        """Logits (B, V) behind every seated text, in the order of the seats."""
        device = self.decoder.device
        behind: dict[int, Tensor] = {}
        together: list[tuple[_Seat, int]] = []
        for seat in self._seats:
            tokens = visible(seat.sequence.tokens, self.decoder.config.context)
            if seat.held == len(tokens) - 1 and seat.held > 0:
                together.append((seat, tokens[-1]))
            else:  # a newcomer, or the window moved: read the whole of it
                read = torch.tensor(tokens, device=device)
                behind[seat.row] = self.decoder.prefill(read, self._cache, seat.row)
            seat.held = len(tokens)
        if together:
            logits = self.decoder.decode(
                torch.tensor([token for _, token in together], device=device),
                self._cache,
                torch.tensor([seat.row for seat, _ in together], device=device),
                torch.tensor([seat.held - 1 for seat, _ in together], device=device),
            )
            behind |= {seat.row: row for (seat, _), row in zip(together, logits, strict=True)}
        return torch.stack([behind[seat.row] for seat in self._seats])

    def _draw(self, logits: Tensor) -> list[int]:
        sequences = [seat.sequence for seat in self._seats]
        device = logits.device
        constraints = torch.tensor([int(each.constraint()) for each in sequences], device=device)
        drawn = sample(
            logits + self._masks[constraints],
            torch.tensor([each.options.temperature for each in sequences], device=device),
            torch.tensor([each.options.top_p for each in sequences], device=device),
            torch.tensor([each.draw() for each in sequences], device=device),
        )
        ids: list[int] = drawn.tolist()
        return ids


def constraint_masks(tokenizer: Tokenizer) -> Tensor:
    """What each Constraint adds to the logits: 0 or -inf, float32 (4, V)."""
    masks = torch.zeros(len(Constraint), tokenizer.size)
    masks[:, [START, *tokenizer.markers]] = -torch.inf
    masks[[Constraint.INSIDE, Constraint.CONTINUES, Constraint.STARTS], SEPARATOR] = -torch.inf
    for character, token in tokenizer.character_ids.items():
        opens = character in OPENERS
        if not (opens or character.islower()):
            masks[Constraint.CONTINUES, token] = -torch.inf
        if not (opens or character.isupper() or character.isdigit() or character == "»"):
            masks[Constraint.STARTS, token] = -torch.inf
    return masks
