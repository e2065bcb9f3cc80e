"""What the engine asks of a decoder, whoever computes it.

A backend holds the weights; a session holds the rows of a KV cache, one text in each, and the
logits behind each text. `model.decoder` is the backend that runs on torch, on any device;
`model.native` the one that runs on a CPU without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from model.config import DecoderConfig
from model.drafting import DraftTable
from model.weights import Floats

EngineName = Literal["native", "pytorch"]


class Session(Protocol):
    """Rows of a KV cache, numbered from 0, and places for logits: one for each row, of the same
    number, and `spare` more behind them for what is drafted."""

    @property
    def exact(self) -> bool:
        """Whether logits are the same, bit for bit, in whatever portions a text is read."""

    @property
    def spare(self) -> int:
        """How many drafted tokens a step can check, of all texts together; 0 unless `exact`."""

    def prefill(self, row: int, tokens: Sequence[int], held: int = 0) -> None:
        """Read a text of up to `context` tokens into a row, in place of what it held; its first
        `held`, fewer than all, are known to be there."""

    def decode(
        self,
        rows: Sequence[int],
        tokens: Sequence[int],
        positions: Sequence[int],
        places: Sequence[int],
    ) -> None:
        """Read more tokens, each in its row at its position, and keep the logits behind each in its
        place. Those of one row stand together; without drafts there is one for each row."""

    def draft(self, tokens: Sequence[int], uniforms: Sequence[float]) -> list[int]:
        """Guess what will be drawn behind these tokens with these random numbers, as far as it is
        worth while: nothing where `spare` is 0."""

    def draw(
        self,
        places: Sequence[int],
        masks: Sequence[int],
        temperatures: Sequence[float],
        top_ps: Sequence[float],
        uniforms: Sequence[float],
    ) -> list[int]:
        """A token from the logits in each of these places; `model.sampling` says how it is drawn.

        masks: which of the session's masks is added to the logits.
        """


class Backend(Protocol):
    """A decoder's weights, ready to be used."""

    @property
    def config(self) -> DecoderConfig:
        """The shape."""

    @property
    def parameter_count(self) -> int:
        """How many trainable numbers the decoder has."""

    @property
    def engine(self) -> EngineName:
        """Who computes."""

    @property
    def device(self) -> object:
        """Where it computes; `str` names it, as in `cpu` or `cuda:0`."""

    def session(self, rows: int, masks: Floats, drafts: DraftTable | None = None) -> Session:
        """Room for `rows` texts. masks: (M, V), each may be added to logits before a draw; drafts:
        where guesses come from, if the backend can check them cheaply."""
