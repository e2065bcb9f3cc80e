"""The memory-bandwidth limit: bytes that a step reads, and how fast the device reads them."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from benchmarks.decoding import read_bandwidth
from model.checkpoint.checkpoint import StoredCheckpoint
from model.cpu import available_cores
from model.engine.benchmark import PHRASE


@dataclass(frozen=True)
class Limit:
    """Bytes that a step reads, and bytes per second of the device.

    weights: all weights but the embedding.
    text: keys and values of one text of mean length.
    little, much: bandwidth of a buffer that fits the caches, and of one that does not.
    """

    weights: int
    text: int
    little: float
    much: float

    def __str__(self) -> str:
        return (
            f"A step reads weights of {self.weights / 1e6:.1f} MB, at {self.little / 1e9:,.0f} "
            f"GB/s, and keys and values of {self.text / 1e6:.2f} MB of each text, at "
            f"{self.much / 1e9:,.0f} GB/s, where reading is all that takes time."
        )

    def characters(self, texts: int) -> float:
        """Upper bound of characters per second for `texts` texts without speculative tokens."""
        seconds = self.weights / self.little + texts * self.text / self.much
        return texts / seconds


def limit_of(found: StoredCheckpoint, device: torch.device, characters: int) -> Limit:
    """Measure the device's bandwidth for this checkpoint."""
    config, size = found.config, 2 if device.type == "cuda" else 4
    weights = sum(held.size for held in found.weights.values()) - config.vocabulary * config.width
    mean = len(PHRASE) + characters // 2
    text = 2 * config.layers * config.width * min(mean, config.context) * size
    if device.type != "cuda":
        speed = read_bandwidth(weights * size, available_cores())
        return Limit(weights * size, text, speed, speed)
    little, much = card_bandwidth(weights * size), card_bandwidth(2**31)
    return Limit(weights * size, text, little, much)


def card_bandwidth(size: int) -> float:
    """Bytes per second while the card sums up a tensor of `size` bytes repeatedly."""
    read, total = torch.ones(size // 4, device="cuda"), torch.zeros((), device="cuda")
    rounds = max(4, 2**33 // size)
    torch.sum(read, dim=0, out=total)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for _ in range(rounds):
            torch.sum(read, dim=0, out=total)
    times = []
    for _ in range(5):
        torch.cuda.synchronize()
        begun = time.perf_counter()
        graph.replay()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - begun)
    return rounds * size / min(times)
