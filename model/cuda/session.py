"""A Runner for a GPU: the host orders launches and reads answers, the device does the rest.

Nothing here needs a GPU; without one the same work is done at once instead of meanwhile.
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

from model.cuda.buffers import (
    AUTOMATON,
    BASE,
    FRESH,
    MANNER,
    POSITION,
    RECENT,
    RING,
    ROW,
    STATE,
    TOKENS,
    UNIFORMS,
    SharedBuffers,
)
from model.cuda.graphs import Graphs
from model.engine.backend import Drawn

Integers = NDArray[np.int32]

# Launches and readings are made in so many sizes, each a graph of its own.
SLOTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
COLUMNS = (16, 64, 256)


class Steps(Protocol):
    """The work on the shared buffers. `upto` is above all positions it will meet; see `bound`."""

    @property
    def exact(self) -> bool:
        """See Runner."""

    def bound(self, length: int) -> int:
        """`upto` for texts that are at most so long: one of a few values."""

    def read(self, columns: int, upto: int) -> None:
        """Read so many of the tokens in `columns`."""

    def step(self, slots: int, drafts: int, upto: int) -> None:
        """Draw a token in each of so many slots, and up to so many more where guesses come true."""


@dataclass(frozen=True)
class Plan:
    """How far a launch goes: so many steps, each with so many guesses."""

    steps: int
    drafts: int

    @property
    def most(self) -> int:
        """How many tokens may come of it for each text."""
        return self.steps * (1 + self.drafts)


def plan(texts: int, drafting: bool) -> Plan:
    """How far to go with so many texts at once.

    Far enough that Python has long done its part when the device has done its own, and not much
    farther: what is drawn behind the end of a text is drawn for nothing. Guesses cost little as
    long as a step takes as long with them as without.
    """
    if drafting and texts <= 4:
        return Plan(8, 6)
    if drafting and texts <= 16:
        return Plan(8, 3)
    return Plan(16, 0)


MOST = max(plan(texts, drafting).most for texts in SLOTS for drafting in (False, True))


@dataclass(frozen=True)
class _Launch:
    rows: NDArray[np.int64]
    turns: NDArray[np.int64]
    most: int
    answers: Tensor
    wait: Callable[[], None]


class CudaSession:
    """Rows of a static KV cache in which `steps` draws; see model.engine.backend.Runner."""

    def __init__(
        self, buffers: SharedBuffers, steps: Steps, graphs: Graphs, context: int, drafting: bool
    ) -> None:
        """drafting: whether the steps can guess."""
        self.exact = steps.exact
        self._buffers, self._steps, self._graphs = buffers, steps, graphs
        self._context, self._drafting = context, drafting
        rows = buffers.spare + 1
        self._turns = np.zeros(rows, np.int64)  # how often a row was settled
        self._drawn = np.zeros(rows, np.int64)  # tokens collected since
        self._settled_at = np.zeros(rows, np.int64)  # positions
        self._fresh: dict[int, tuple[Integers, float, float]] = {}
        self._unread: list[tuple[int, int, int]] = []
        self._launches: deque[_Launch] = deque()

    def settle(
        self,
        row: int,
        tokens: Sequence[int],
        held: int,
        state: int,
        temperature: float,
        top_p: float,
    ) -> None:
        """See model.engine.backend.Runner; what is held is only believed where steps are exact."""
        last = len(tokens) - 1
        first = held if self.exact else 0
        self._unread += ((tokens[at], row, at) for at in range(first, last))
        described = np.zeros(TOKENS + RING, np.int32)
        described[POSITION], described[AUTOMATON] = last, state
        for at in range(max(0, last + 1 - RECENT), last + 1):
            described[TOKENS + at % RING] = tokens[at]
        self._fresh[row] = described, temperature, top_p
        self._turns[row] += 1
        self._drawn[row], self._settled_at[row] = 0, last

    def wanted(self, texts: int) -> int:
        """See model.engine.backend.Runner."""
        return plan(texts, self._drafting).most + sum(each.most for each in self._launches)

    def launch(self, rows: Sequence[int], uniforms: Sequence[Sequence[float]]) -> None:
        """See model.engine.backend.Runner."""
        ahead, slots = plan(len(rows), self._drafting), least(SLOTS, len(rows))
        known = np.asarray(rows, np.int64)
        longest = (self._settled_at[known] + self._drawn[known]).max()
        upto = self._steps.bound(min(self._context, int(longest) + self.wanted(len(rows))))
        with self._graphs.working():
            self._read()
            self._send(self._buffers.orders, self._orders(known, uniforms, slots))
            self._graphs.run(("orders", slots), lambda: self._buffers.take_orders(slots))
            for _ in range(ahead.steps):
                self._graphs.run(
                    ("step", slots, ahead.drafts, upto),
                    lambda: self._steps.step(slots, ahead.drafts, upto),
                )
            answers = self._fetch(self._buffers.answers[: len(rows)])
            wait = self._graphs.mark()
        self._launches.append(_Launch(known, self._turns[known], ahead.most, answers, wait))

    def collect(self) -> list[Drawn]:
        """See model.engine.backend.Runner."""
        launch = self._launches.popleft()
        launch.wait()
        answers = launch.answers.numpy()
        counts = np.where(self._turns[launch.rows] == launch.turns, answers[:, 0], 0)
        self._drawn[launch.rows] += counts
        first = 1 + self._buffers.most
        tokens: list[list[int]] = answers[:, 1 : 1 + launch.most].tolist()
        likelihoods = answers.view(np.float32)[:, first : first + launch.most].tolist()
        return [
            (ids[:count], found[:count])
            for ids, found, count in zip(tokens, likelihoods, counts.tolist(), strict=True)
        ]

    def _read(self) -> None:
        """Let the device read the tokens of newcomers that stand before their last ones."""
        unread, self._unread = self._unread, []
        for first in range(0, len(unread), COLUMNS[-1]):
            part = np.array(unread[first : first + COLUMNS[-1]], np.int32)
            columns = least(COLUMNS, len(part))
            sent = np.zeros((columns, 3), np.int32)
            sent[:, 1] = self._buffers.spare
            sent[: len(part)] = part
            upto = self._steps.bound(int(part[:, 2].max()) + 1)
            self._send(self._buffers.columns, sent)
            self._graphs.run(("read", columns, upto), lambda: self._steps.read(columns, upto))  # noqa: B023

    def _orders(
        self, rows: NDArray[np.int64], uniforms: Sequence[Sequence[float]], slots: int
    ) -> Integers:
        orders = np.zeros((slots, self._buffers.orders.shape[1]), np.int32)
        numbers = orders.view(np.float32)
        orders[:, ROW] = self._buffers.spare
        orders[: len(rows), ROW] = rows
        orders[: len(rows), BASE] = self._drawn[rows]
        given = np.array(uniforms, np.float32)
        numbers[: len(rows), UNIFORMS : UNIFORMS + given.shape[1]] = given
        for slot, row in enumerate(rows.tolist() if self._fresh else ()):
            if (fresh := self._fresh.pop(row, None)) is not None:
                orders[slot, FRESH] = 1
                orders[slot, STATE:MANNER] = fresh[0]
                numbers[slot, MANNER:UNIFORMS] = fresh[1:]
        return orders

    def _send(self, target: Tensor, content: Integers) -> None:
        """Copy to the first lines of a tensor on the device, without waiting."""
        sent = torch.from_numpy(content)
        if self._buffers.device.type == "cuda":
            sent = sent.pin_memory()
        target[: len(sent)].copy_(sent, non_blocking=True)

    def _fetch(self, source: Tensor) -> Tensor:
        """A copy on the host that is whole when the work that is ordered so far is done."""
        pinned = self._buffers.device.type == "cuda"
        target = torch.empty(source.shape, dtype=source.dtype, pin_memory=pinned)
        return target.copy_(source, non_blocking=True)


def least(sizes: tuple[int, ...], wanted: int) -> int:
    """The smallest of the sizes that will do."""
    return next(size for size in sizes if size >= wanted)
