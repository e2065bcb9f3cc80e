"""What the engine asks of a decoder, whoever computes it.

A backend holds the weights; a session holds the rows of a KV cache, one text in each, and the
logits behind each text. A runner is a session that goes on by itself for some tokens.
`model.pytorch.decoder` is the backend that runs on torch, on any device; `model.native` the one
that runs on a CPU without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

from model.checkpoint.config import DecoderConfig
from model.checkpoint.draft_table import DraftTable
from model.checkpoint.weights import Floats
from model.text.automaton import Automaton

# On a GPU PyTorch may run kernels of ours instead of its own, and either captured as CUDA graphs.
EngineName = Literal["native", "pytorch", "pytorch-graphs", "kernels", "kernels-graphs"]


# Tokens, and the natural log-probability of each at temperature 1.
Drawn = tuple[list[int], list[float]]


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

    def fork(self, source: int, row: int, length: int) -> bool:
        """Copy the first `length` tokens that the row `source` holds to another row, in place of
        what that held. False, and nothing is copied, where a text must be read instead."""

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
    ) -> Drawn:
        """A token from the logits in each of these places; `model.pytorch.sampling` says how it is
        drawn.

        masks: which of the session's masks is added to the logits.
        """


@runtime_checkable
class Runner(Protocol):
    """Rows of a KV cache in which several tokens of each text are drawn before anybody looks: where
    a question and its answer take longer than a step.

    It goes on from launch to launch by itself; only `settle` says where to go on instead. It draws
    what `model.pytorch.sampling` would with the random numbers it is given, under the constraints
    that its automaton knows, until a row is full.
    """

    @property
    def exact(self) -> bool:
        """As with a Session."""

    def settle(
        self,
        row: int,
        tokens: Sequence[int],
        held: int,
        state: int,
        temperature: float,
        top_p: float,
    ) -> None:
        """Read a text of up to `context` tokens into a row, in place of what it held, and go on
        behind it from the next launch on; its first `held`, fewer than all, are known to be there.

        state: that of the automaton behind the text.
        """

    def wanted(self, texts: int) -> int:
        """How many random numbers the next launch of so many texts may use up of each, those that
        a launch may have used up already which was not collected yet included."""

    def launch(self, rows: Sequence[int], uniforms: Sequence[Sequence[float]]) -> None:
        """Begin to draw in each of these rows, and do not wait for it.

        uniforms: of each, as many random numbers as are wanted, from that for the first token on
        which was not collected yet.
        """

    def collect(self) -> list[Drawn]:
        """Wait for the oldest launch that was not collected: what was drawn in each of its rows,
        nothing where the row has been settled anew since."""


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
        """Who computes, as far as is known before the first text."""

    @property
    def device(self) -> object:
        """Where it computes; `str` names it, as in `cpu` or `cuda:0`."""

    def session(
        self,
        rows: int,
        masks: Floats,
        drafts: DraftTable | None = None,
        automaton: Automaton | None = None,
    ) -> Session | Runner:
        """Room for `rows` texts. masks: (M, V), each may be added to logits before a draw; drafts:
        where guesses come from, if the backend can check them cheaply; automaton: by which masks
        can be chosen without asking, and only then there may be a Runner."""
