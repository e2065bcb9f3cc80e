"""A text at the engine's table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from model.engine.composition import Composition
from model.engine.sequence import Sequence


@dataclass(eq=False)
class Seat:
    """A sequence and its cache row, of whose tokens the row holds the first `held` visible ones.

    text: what the sequence is a part or a candidate of; hidden: how many of its tokens the window
    had left behind when the row was read last; drafts: guesses that were read behind those; places:
    of the logits behind each; settled: whether a runner goes on with it by itself; left: whether
    its text has gone.
    """

    text: Composition
    sequence: Sequence
    row: int
    held: int = 0
    hidden: int = 0
    drafts: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    settled: bool = False
    left: bool = False


class Way(Protocol):
    """How the seated texts are written, which depends on what the session offers."""

    newcomers: int  # how many may sit down before one write

    def share(self, source: int, row: int, length: int) -> bool:
        """Let a row hold the first `length` tokens that another holds; False where it cannot."""

    def write(self, seats: list[Seat]) -> list[Seat]:
        """Write a token or more of seated texts. Returns the seats whose texts it touched."""
