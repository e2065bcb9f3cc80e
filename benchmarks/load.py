"""Many requesters at once: latency, throughput and the lag of the event loop.

Starts the real executor and its worker, sends waves of requests, and prints for each size of wave
the time to the first character and to the end (median and 99th percentile), characters per second
in all, and the lag of the event loop.

    python -m benchmarks.load [--checkpoint small] [--sizes 1,4,16] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bot.executor.executor import Executor
from bot.executor.program import WorkerOptions
from model.checkpoint.discovery import bundled_checkpoints, find_checkpoint
from model.text.prompt import Options
from training.run.machine import describe_machine

PHRASE = "En un lugar de la Mancha"
LAG_INTERVAL = 0.005


@dataclass
class Wave:
    """Times in seconds of the requests of one size of wave."""

    first: list[float] = field(default_factory=list)
    total: list[float] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    characters: int = 0
    seconds: float = 0.0


async def watch_lag(lags: list[float]) -> None:
    """Sample how late the loop wakes up."""
    while True:
        asked = time.perf_counter()
        await asyncio.sleep(LAG_INTERVAL)
        lags.append(time.perf_counter() - asked - LAG_INTERVAL)


async def one(executor: Executor, seed: int, wave: Wave) -> None:
    """One request, start to end."""
    started = time.perf_counter()
    generation = executor.submit(PHRASE, Options(seed=seed))
    first = None
    async for _ in generation:
        first = first or time.perf_counter() - started
    result = await generation.result()
    wave.first.append(first or 0.0)
    wave.total.append(time.perf_counter() - started)
    wave.characters += result.characters


async def measure(
    checkpoint: Path, sizes: list[int], rounds: int, unmeasured: int = 0
) -> dict[int, Wave]:
    """All waves on one executor, after `unmeasured` rounds of warm-up."""
    executor = Executor(WorkerOptions(checkpoint, max_batch=max(sizes), queue_limit=max(sizes) + 1))
    await executor.start()
    waves = {size: Wave() for size in sizes}
    try:
        await one(executor, 0, Wave())  # the first request warms caches up
        for number in range(-unmeasured, rounds):
            for size, counted in waves.items():
                wave = counted if number >= 0 else Wave()
                lag = asyncio.create_task(watch_lag(wave.lags))
                started = time.perf_counter()
                first = abs(number) * 1000
                seeds = range(first, first + size)
                await asyncio.gather(*(one(executor, seed, wave) for seed in seeds))
                wave.seconds += time.perf_counter() - started
                lag.cancel()
    finally:
        await executor.close()
    return waves


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default="small")
    parser.add_argument("--sizes", default="1,4,16")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    path = find_checkpoint(arguments.checkpoint, bundled_checkpoints())
    waves = asyncio.run(measure(path, sizes, arguments.rounds))

    table = Table(title=f"{path.name}, {describe_machine('cpu')}")
    for column in ("at once", "first character p50 / p99", "answer p50 / p99",
                   "characters/s in all", "loop lag p99"):  # fmt: skip
        table.add_column(column, justify="right")
    for size, wave in waves.items():
        table.add_row(
            str(size),
            percentiles(wave.first),
            percentiles(wave.total),
            f"{wave.characters / wave.seconds:.0f}",
            f"{1000 * np.percentile(wave.lags, 99):.1f} ms",
        )
    Console().print(table)


def percentiles(seconds: list[float]) -> str:
    """Median and 99th percentile in seconds."""
    return " / ".join(f"{np.percentile(seconds, q):.2f} s" for q in (50, 99))


if __name__ == "__main__":
    main()
