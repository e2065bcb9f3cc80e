"""Overhead and gain of a cluster: a request against the local executor, and a second replica.

Starts a Ray cluster on this machine with the code of `litteragpt cluster up`. The local executor
and the cluster's take turns, one request at a time, so that both meet the same load; then several
requesters at once use one replica and two.

    python -m benchmarks.cluster [--rounds 30] [--people 8] [--waves 3]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console
from rich.table import Table

from bot.cluster.ray import node as nodes
from bot.cluster.ray.options import ClusterOptions, loopback, token_file
from bot.executor.executor import Executor
from bot.executor.program import WorkerOptions, WorkerProgram
from bot.settings.settings import Settings
from model.checkpoint.discovery import bundled_checkpoints
from model.cpu import available_cores
from model.text.prompt import Options
from training.run.machine import describe_machine

PHRASE = "En un lugar de la Mancha"
CHECKPOINT = bundled_checkpoints() / "small"
# Outside of 10002 to 19999, which Ray gives to its workers.
PORT = 26379
ROWS = 16


@dataclass
class Times:
    """Seconds to the first character and to the whole answer."""

    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)


async def one(executor: Executor, seed: int, times: Times) -> int:
    """One request; how many characters came."""
    started = time.perf_counter()
    generation = executor.submit(PHRASE, Options(seed=seed))
    first = None
    async for _ in generation:
        first = first or time.perf_counter() - started
    result = await generation.result()
    times.first.append(first or 0.0)
    times.whole.append(time.perf_counter() - started)
    return result.characters


@asynccontextmanager
async def started(program: WorkerProgram) -> AsyncIterator[Executor]:
    """An executor that has written once."""
    executor = Executor(program)
    await executor.start()
    try:
        await one(executor, 0, Times())
        yield executor
    finally:
        await executor.close()


async def in_turns(local: WorkerOptions, cluster: ClusterOptions, rounds: int) -> list[Times]:
    """The same requests of both, one after the other."""
    times = [Times(), Times()]
    async with started(local) as here, started(cluster) as there:
        for seed in range(1, rounds + 1):
            for executor, each in zip((here, there), times, strict=True):
                await one(executor, seed, each)
    return times


async def at_once(program: WorkerProgram, people: int, waves: int) -> tuple[Times, float]:
    """Waves of simultaneous requesters; characters per second in all."""
    times = Times()
    async with started(program) as executor:
        began, characters = time.perf_counter(), 0
        for wave in range(waves):
            seeds = range(1000 * wave, 1000 * wave + people)
            characters += sum(await asyncio.gather(*(one(executor, s, times) for s in seeds)))
        return times, characters / (time.perf_counter() - began)


@asynccontextmanager
async def cluster_of(replicas: int) -> AsyncIterator[ClusterOptions]:
    """A cluster of `replicas` replicas with a core each."""
    with TemporaryDirectory() as folder:
        settings = Settings(state_dir=Path(folder))
        node = nodes.start(
            settings, join=None, host=loopback(), port=PORT, cpus=available_cores(), gpus=0
        )
        try:
            told = {"min_replicas": replicas, "max_replicas": replicas, "rows": ROWS, "threads": 1}
            await asyncio.to_thread(nodes.deploy, settings, node.address, told)
            token = token_file(settings.state_dir)
            yield ClusterOptions(node.address, CHECKPOINT, token_file=token, queue_limit=1024)
        finally:
            nodes.end(settings, node)


async def measure(rounds: int, people: int, waves: int) -> None:
    """Everything, with a table of each."""
    local = WorkerOptions(CHECKPOINT, threads=1, max_batch=ROWS, queue_limit=1024)
    async with cluster_of(1) as cluster:
        here, there = await in_turns(local, cluster, rounds)
        alone = await at_once(local, people, waves)
        one_replica = await at_once(cluster, people, waves)
    async with cluster_of(2) as cluster:
        two_replicas = await at_once(cluster, people, waves)

    console = Console()
    console.print(describe_machine("cpu"))
    table = Table(title=f"one request at a time, {rounds} of each in turns, one thread")
    for column in ("", "local", "cluster", "difference", "ratio"):
        table.add_column(column, justify="right")
    for name, ours, theirs in (
        ("first character, median", np.median(here.first), np.median(there.first)),
        ("whole answer, median", np.median(here.whole), np.median(there.whole)),
        ("whole answer, p95", np.percentile(here.whole, 95), np.percentile(there.whole, 95)),
    ):
        more = f"{1000 * (theirs - ours):+.1f} ms"
        row = (f"{1000 * ours:.1f} ms", f"{1000 * theirs:.1f} ms", more, f"{theirs / ours:.2f}")
        table.add_row(name, *row)
    console.print(table)

    table = Table(title=f"{people} people at once, {waves} times, a thread each")
    for column in ("", "first p50", "whole p50", "characters/s in all", "ratio"):
        table.add_column(column, justify="right")
    for name, (times, speed) in (
        ("local", alone),
        ("one replica", one_replica),
        ("two replicas", two_replicas),
    ):
        shown = (f"{np.median(each):.2f} s" for each in (times.first, times.whole))
        table.add_row(name, *shown, f"{speed:.0f}", f"{speed / one_replica[1]:.2f}")
    console.print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--waves", type=int, default=3)
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.rounds, arguments.people, arguments.waves))


if __name__ == "__main__":
    main()
