"""The AheadSession for a GPU: the host writes inputs and reads outputs, the device does the rest.

It also runs without a GPU, then synchronously.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.arrays import Integers
from model.cuda.buffers import (
    AUTOMATON,
    BASE,
    FRESH,
    POSITION,
    RECENT,
    RING,
    SAMPLING,
    SLOT,
    STATE,
    TOKENS,
    UNIFORMS,
    SharedBuffers,
)
from model.cuda.graphs import Graphs
from model.engine.backend import Sampled

# Sizes of launches and of prefills; each has a graph of its own.
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
COLUMNS = (16, 64, 256)


class Steps(Protocol):
    """The computation on the shared buffers. `upto` bounds all positions; see `bound`."""

    @property
    def exact(self) -> bool:
        """See AheadSession."""

    def bound(self, length: int) -> int:
        """`upto` for sequences of at most this length: one of a few values."""

    def read(self, columns: int, upto: int) -> None:
        """Read the first `columns` of the buffer of that name."""

    def step(self, batch: int, speculative: int, upto: int) -> None:
        """Sample a token per sequence, and up to `speculative` more while they match."""


@dataclass(frozen=True)
class Plan:
    """The length of a launch: how many steps, with how many speculative tokens each."""

    steps: int
    speculative: int

    @property
    def most(self) -> int:
        """How many tokens it gives per sequence at most."""
        return self.steps * (1 + self.speculative)


def plan(sequences: int, speculating: bool) -> Plan:
    """The plan for a launch of this many sequences.

    Long enough that Python finishes its part before the device does, and not much longer: tokens
    sampled after the end of a text are wasted. Speculative tokens are used while they hardly
    lengthen a step.
    """
    if speculating and sequences <= 4:
        return Plan(8, 6)
    if speculating and sequences <= 16:
        return Plan(8, 3)
    return Plan(16, 0)


MOST = max(
    plan(sequences, speculating).most for sequences in BATCHES for speculating in (False, True)
)


@dataclass(frozen=True)
class _Launch:
    slots: NDArray[np.int64]
    generations: NDArray[np.int64]
    most: int
    outputs: Tensor
    wait: Callable[[], None]


class CudaSession:
    """Slots of a static KV cache in which `steps` samples; see AheadSession.

    speculating: whether the steps have a draft table.
    """

    def __init__(
        self, buffers: SharedBuffers, steps: Steps, graphs: Graphs, context: int, speculating: bool
    ) -> None:
        self.exact = steps.exact
        self._buffers, self._steps, self._graphs = buffers, steps, graphs
        self._context, self._speculating = context, speculating
        slots = buffers.spare + 1
        self._generations = np.zeros(slots, np.int64)  # how often each slot was prefilled
        self._collected = np.zeros(slots, np.int64)  # tokens since the prefill
        self._prefilled_at = np.zeros(slots, np.int64)  # positions
        self._fresh: dict[int, tuple[Integers, float, float]] = {}
        self._unread: list[tuple[int, int, int]] = []
        self._launches: deque[_Launch] = deque()

    def prefill(
        self,
        slot: int,
        tokens: Sequence[int],
        held: int,
        state: int,
        temperature: float,
        top_p: float,
    ) -> None:
        """See AheadSession; `held` is ignored unless the steps are exact."""
        last = len(tokens) - 1
        first = held if self.exact else 0
        self._unread += ((tokens[at], slot, at) for at in range(first, last))
        described = np.zeros(TOKENS + RING, np.int32)
        described[POSITION], described[AUTOMATON] = last, state
        for at in range(max(0, last + 1 - RECENT), last + 1):
            described[TOKENS + at % RING] = tokens[at]
        self._fresh[slot] = described, temperature, top_p
        self._generations[slot] += 1
        self._collected[slot], self._prefilled_at[slot] = 0, last

    def uniforms_needed(self, sequences: int) -> int:
        """See AheadSession."""
        return plan(sequences, self._speculating).most + sum(each.most for each in self._launches)

    def launch(self, slots: Sequence[int], uniforms: Sequence[Sequence[float]]) -> None:
        """See AheadSession."""
        ahead, batch = plan(len(slots), self._speculating), smallest(BATCHES, len(slots))
        known = np.asarray(slots, np.int64)
        longest = (self._prefilled_at[known] + self._collected[known]).max()
        length = int(longest) + self.uniforms_needed(len(slots))
        upto = self._steps.bound(min(self._context, length))
        with self._graphs.working():
            self._read()
            self._send(self._buffers.inputs, self._inputs(known, uniforms, batch))
            self._graphs.run(("begin", batch), lambda: self._buffers.begin_launch(batch))
            for _ in range(ahead.steps):
                self._graphs.run(
                    ("step", batch, ahead.speculative, upto),
                    lambda: self._steps.step(batch, ahead.speculative, upto),
                )
            outputs = self._fetch(self._buffers.outputs[: len(slots)])
            wait = self._graphs.mark()
        self._launches.append(_Launch(known, self._generations[known], ahead.most, outputs, wait))

    def collect(self) -> list[Sampled]:
        """See AheadSession."""
        launch = self._launches.popleft()
        launch.wait()
        outputs = launch.outputs.numpy()
        current = self._generations[launch.slots] == launch.generations
        counts = np.where(current, outputs[:, 0], 0)
        self._collected[launch.slots] += counts
        first = 1 + self._buffers.most
        tokens: list[list[int]] = outputs[:, 1 : 1 + launch.most].tolist()
        likelihoods = outputs.view(np.float32)[:, first : first + launch.most].tolist()
        return [
            (ids[:count], found[:count])
            for ids, found, count in zip(tokens, likelihoods, counts.tolist(), strict=True)
        ]

    def _read(self) -> None:
        """Have the device read the prefilled tokens, except the last of each sequence."""
        unread, self._unread = self._unread, []
        for first in range(0, len(unread), COLUMNS[-1]):
            part = np.array(unread[first : first + COLUMNS[-1]], np.int32)
            columns = smallest(COLUMNS, len(part))
            sent = np.zeros((columns, 3), np.int32)
            sent[:, 1] = self._buffers.spare
            sent[: len(part)] = part
            upto = self._steps.bound(int(part[:, 2].max()) + 1)
            self._send(self._buffers.columns, sent)
            self._graphs.run(("read", columns, upto), lambda: self._steps.read(columns, upto))  # noqa: B023

    def _inputs(
        self, slots: NDArray[np.int64], uniforms: Sequence[Sequence[float]], batch: int
    ) -> Integers:
        inputs = np.zeros((batch, self._buffers.inputs.shape[1]), np.int32)
        floats = inputs.view(np.float32)
        inputs[:, SLOT] = self._buffers.spare
        inputs[: len(slots), SLOT] = slots
        inputs[: len(slots), BASE] = self._collected[slots]
        given = np.array(uniforms, np.float32)
        floats[: len(slots), UNIFORMS : UNIFORMS + given.shape[1]] = given
        for index, slot in enumerate(slots.tolist() if self._fresh else ()):
            if (fresh := self._fresh.pop(slot, None)) is not None:
                inputs[index, FRESH] = 1
                inputs[index, STATE:SAMPLING] = fresh[0]
                floats[index, SAMPLING:UNIFORMS] = fresh[1:]
        return inputs

    def _send(self, target: Tensor, content: Integers) -> None:
        """Copy to the first lines of a device tensor, asynchronously."""
        sent = torch.from_numpy(content)
        if self._buffers.device.type == "cuda":
            sent = sent.pin_memory()
        target[: len(sent)].copy_(sent, non_blocking=True)

    def _fetch(self, source: Tensor) -> Tensor:
        """A host copy, complete when the already queued work is done."""
        pinned = self._buffers.device.type == "cuda"
        target = torch.empty(source.shape, dtype=source.dtype, pin_memory=pinned)
        return target.copy_(source, non_blocking=True)


def smallest(sizes: tuple[int, ...], wanted: int) -> int:
    """The smallest of the rising sizes that is at least `wanted`."""
    return next(size for size in sizes if size >= wanted)
