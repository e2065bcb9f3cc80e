"""What the engine asks of a decoder, whoever computes it.

A backend holds the weights; a session holds the rows of a KV cache, one text in each, and the
logits behind each text. `model.decoder` is the backend that runs on torch, on any device;
`model.native` the one that runs on a CPU without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from model.config import DecoderConfig
from model.weights import Floats

EngineName = Literal["native", "pytorch"]


class Session(Protocol):
    """Rows of a KV cache, numbered from 0, and the logits behind what each of them holds."""

    def prefill(self, row: int, tokens: Sequence[int]) -> None:
        """Read a text of up to `context` tokens into a row, in place of what it held."""

    def decode(self, rows: Sequence[int], tokens: Sequence[int], positions: Sequence[int]) -> None:
        """Read one more token in each of these rows; `positions` says how many a row holds."""

    def draw(
        self,
        rows: Sequence[int],
        masks: Sequence[int],
        temperatures: Sequence[float],
        top_ps: Sequence[float],
        uniforms: Sequence[float],
    ) -> list[int]:
        """The next token of each of these rows; `model.sampling` says how it is drawn.

        masks: which of the session's masks is added to the row's logits.
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

    def session(self, rows: int, masks: Floats) -> Session:
        """Room for `rows` texts. masks: (M, V), each may be added to logits before a draw."""
