"""A running sequence in its KV-cache slot, and the loops that extend such sequences."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from model.engine.composition import Composition
from model.engine.sequence import Sequence


@dataclass(eq=False)
class Slot:
    """A slot of the KV cache and the sequence that owns it."""

    text: Composition  # the sequence is a part or a candidate of it
    sequence: Sequence
    number: int
    held: int = 0  # how many tokens of the sequence's context window the cache holds
    hidden: int = 0  # how many tokens the window had left behind at the last read
    speculative: list[int] = field(default_factory=list)  # tokens read after those held
    places: list[int] = field(default_factory=list)  # of the logits after the last and each of them
    prefilled: bool = False  # an AheadSession continues it
    released: bool = False  # the sequence has left the slot


class DecodeLoop(Protocol):
    """Extends the running sequences; the implementation depends on the kind of session."""

    prefills: int  # how many sequences may be prefilled before one step

    def fork(self, source: int, target: int, length: int) -> bool:
        """Copy the first `length` tokens of a slot to another; False if unsupported."""

    def step(self, slots: list[Slot]) -> list[Slot]:
        """Extend the sequences by a token or more; return the slots that were extended."""
