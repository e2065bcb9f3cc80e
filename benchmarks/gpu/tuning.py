"""Microseconds of a step with other sizes of the kernels' parts, one changed at a time.

The sizes are constants of `model.cuda.triton_step`; the best ones belong there. A step is captured
and replayed. A size that does not compile, or needs more memory than the card has, shows its error.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from rich.table import Table

from benchmarks.gpu.ways import Way, backed
from model.checkpoint.checkpoint import StoredCheckpoint
from model.cuda import triton_step
from model.cuda.buffers import POSITION, SAMPLING, SLOT, UNIFORMS, SharedBuffers
from model.cuda.session import BATCHES, COLUMNS, MOST, smallest
from model.cuda.triton_step import KernelSteps, KernelWeights
from model.text.automaton import Automaton
from model.text.constraints import constraint_masks
from training.run.machine import describe_machine

Size = int | tuple[int, int]
OTHERS: dict[str, list[Size]] = {
    "TILE": [16, 64],
    "STAGES": [2, 3, 5],
    "HEADS_BLOCK": [32, 128],
    "ATTENTION_BLOCK": [32, 64, 256],
    "ATTENTION_WARPS": [2, 8],
    "OUT": [(16, 64), (16, 256), (32, 128), (64, 64)],
    "GATE": [(16, 64), (16, 128), (32, 128), (64, 64)],
    "DOWN": [(16, 64), (16, 256), (32, 128), (64, 64)],
    "HEAD": [(16, 64), (16, 128), (32, 128)],
}
REPLAYS = 50  # at most MOST, the length of a launch's answers


@contextmanager
def changed(name: str, size: Size | None) -> Iterator[None]:
    """Set a constant of the kernels inside the context."""
    before = getattr(triton_step, name, None)
    if size is not None:
        setattr(triton_step, name, size)
    try:
        yield
    finally:
        if size is not None:
            setattr(triton_step, name, before)


class Bench:
    """Steps of different numbers of slots on one set of buffers."""

    def __init__(self, found: StoredCheckpoint, slots: list[int], length: int) -> None:
        checkpoint = backed(found, Way(""), torch.device("cuda"))
        decoder = checkpoint.decoder.decoder  # type: ignore[attr-defined]
        masks, automaton = constraint_masks(found.tokenizer), Automaton(found.tokenizer)
        rows, most = max(slots), max(*slots, COLUMNS[-1])
        self.buffers = SharedBuffers(
            rows, smallest(BATCHES, rows), COLUMNS[-1], MOST, masks, automaton, torch.device("cuda")
        )
        self.steps = KernelSteps(KernelWeights(decoder, torch.bfloat16), self.buffers, most, None)
        self.length = min(length, found.config.context - REPLAYS)
        self.buffers.inputs[:rows, SLOT] = torch.arange(rows, dtype=torch.int32, device="cuda")
        numbers = self.buffers.float_inputs
        numbers[:, SAMPLING:UNIFORMS] = 0.8
        numbers[:, UNIFORMS:] = 0.5
        self.buffers.sampling_params.fill_(0.8)

    def time(self, slots: int) -> float:
        """Seconds of a step."""
        self.steps.step(slots, 0, 0)  # compiles
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._rewind()
            for _ in range(REPLAYS):
                self.steps.step(slots, 0, 0)
        times = []
        for _ in range(5):
            torch.cuda.synchronize()
            begun = time.perf_counter()
            graph.replay()
            torch.cuda.synchronize()
            times.append(time.perf_counter() - begun)
        return min(times) / REPLAYS

    def _rewind(self) -> None:
        """Reset the texts to their length, with all random numbers unused."""
        self.buffers.states.zero_()
        self.buffers.states[:, POSITION] = self.length - REPLAYS // 2
        self.buffers.outputs.zero_()


@torch.inference_mode()
def tuned(found: StoredCheckpoint, slots: list[int], length: int) -> Table:
    """A row for each size, with texts of about `length` tokens in the slots."""
    bench = Bench(found, slots, length)
    table = Table(title=f"µs of a step, {describe_machine('cuda')}")
    for heading in ("changed", *(f"{each} texts" for each in slots)):
        table.add_column(heading, justify="right")
    cases = [("none", None), *((name, size) for name in OTHERS for size in OTHERS[name])]
    for name, size in cases:
        with changed(name, size):
            try:
                times = [f"{1e6 * bench.time(each):.1f}" for each in slots]
            except Exception as error:  # noqa: BLE001 - the next sizes are still to be tried
                times = [type(error).__name__]
        table.add_row(name if size is None else f"{name} = {size}", *times)
    return table
