"""The interface between the engine and a decoder.

A Backend holds the weights. A Session holds the KV cache, one slot per sequence, and the logits
after each sequence; the engine asks it for every token. An AheadSession samples several tokens per
call by itself. The backends are `model.pytorch.backend`, on any device, and
`model.native.decoder`, on a CPU without torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, runtime_checkable

from model.arrays import Floats
from model.checkpoint.config import DecoderConfig
from model.checkpoint.draft_table import DraftTable
from model.text.automaton import Automaton

# "kernels" are the Triton kernels of model.cuda; "graphs" means captured as CUDA graphs.
EngineName = Literal["native", "pytorch", "pytorch-graphs", "kernels", "kernels-graphs"]


# Tokens, and the natural log-probability of each at temperature 1.
Sampled = tuple[list[int], list[float]]


class Session(Protocol):
    """Slots of a KV cache, numbered from 0, and a buffer of logits.

    The logits buffer has one place per slot, with the slot's number, followed by `spare` places for
    the logits after speculative tokens.
    """

    @property
    def exact(self) -> bool:
        """Whether logits are bit-identical for any split of a sequence into calls."""

    @property
    def spare(self) -> int:
        """How many speculative tokens a step can verify, over all sequences; 0 unless `exact`."""

    def prefill(self, slot: int, tokens: Sequence[int], held: int = 0) -> None:
        """Read a sequence of up to `context` tokens into a slot, replacing its content.

        held: how many leading tokens the slot already holds, fewer than all.
        """

    def decode(
        self,
        slots: Sequence[int],
        tokens: Sequence[int],
        positions: Sequence[int],
        places: Sequence[int],
    ) -> None:
        """Read one token per entry, and store the logits after it in its place of the buffer.

        The entries of a slot are adjacent, in order of position. Without speculative tokens there
        is one entry per slot.
        """

    def fork(self, source: int, target: int, length: int) -> bool:
        """Copy the first `length` tokens of slot `source` to slot `target`, replacing its content.

        False, and no copy, if the session needs a prefill instead.
        """

    def speculate(self, tokens: Sequence[int], uniforms: Sequence[float]) -> list[int]:
        """The tokens that sampling will probably give after these, one per uniform at most.

        Stops at the first token that is not worth verifying. Empty if `spare` is 0.
        """

    def sample(
        self,
        places: Sequence[int],
        masks: Sequence[int],
        temperatures: Sequence[float],
        top_ps: Sequence[float],
        uniforms: Sequence[float],
    ) -> Sampled:
        """Sample a token from the logits in each place, as `model.pytorch.sampling` does.

        masks: the index of the session's mask that is added to the logits.
        """


@runtime_checkable
class AheadSession(Protocol):
    """Slots of a KV cache in which the device samples several tokens per launch.

    For devices where a round trip takes longer than a step. Launches continue from each other; only
    `prefill` restarts a slot. Tokens are those that `model.pytorch.sampling` gives for the same
    uniforms, under the constraints of the session's automaton, until a slot is full.
    """

    @property
    def exact(self) -> bool:
        """See Session."""

    def prefill(
        self,
        slot: int,
        tokens: Sequence[int],
        held: int,
        state: int,
        temperature: float,
        top_p: float,
    ) -> None:
        """Read a sequence of up to `context` tokens into a slot; the next launch continues it.

        held: how many leading tokens the slot already holds, fewer than all.
        state: the automaton's state after the sequence.
        """

    def uniforms_needed(self, sequences: int) -> int:
        """How many uniforms per sequence the next launch may consume.

        Includes those that launches in flight may have consumed.
        """

    def launch(self, slots: Sequence[int], uniforms: Sequence[Sequence[float]]) -> None:
        """Start sampling in these slots, without waiting.

        uniforms: `uniforms_needed` numbers per slot, the first for the first uncollected token.
        """

    def collect(self) -> list[Sampled]:
        """Wait for the oldest uncollected launch; the tokens sampled in each of its slots.

        A slot that was prefilled since the launch has none.
        """


class Backend(Protocol):
    """A decoder's weights, ready to serve."""

    @property
    def config(self) -> DecoderConfig:
        """The shape."""

    @property
    def parameter_count(self) -> int:
        """The number of trainable parameters."""

    @property
    def engine(self) -> EngineName:
        """The engine in use; on a GPU it may change with the first session."""

    @property
    def device(self) -> object:
        """The device; `str` names it, as in `cpu` or `cuda:0`."""

    def session(
        self,
        slots: int,
        masks: Floats,
        drafts: DraftTable | None = None,
        automaton: Automaton | None = None,
    ) -> Session | AheadSession:
        """A session of `slots` sequences.

        masks: (M, V), each may be added to logits before sampling.
        drafts: the source of speculative tokens, if the backend verifies them cheaply.
        automaton: selects masks on the device; required for an AheadSession.
        """
