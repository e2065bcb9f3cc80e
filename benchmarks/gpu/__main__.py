"""How fast a GPU writes, in each of its ways, and how fast it could read what a step needs.

    python -m benchmarks.gpu [--shape base] [--rounds 3] [--save FILE] [--peers FOLDER]
    python -m benchmarks.gpu --profile    # time per kernel
    python -m benchmarks.gpu --tune       # a step with other sizes of the kernels' parts

One process measures all ways in turn for some rounds, each with an engine that is warm: nothing is
captured or compiled while it is measured. `base` is the bundled checkpoint of that name; until one
is bundled, its shape holds the small model's weights (see `benchmarks.grown`). Fifty requesters at
once go through the worker, as in production. Without a GPU the PyTorch ways are measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from safetensors.numpy import save_file

from benchmarks import load
from benchmarks.gpu import peers as other_engines
from benchmarks.gpu.limit import Limit, limit_of
from benchmarks.gpu.ways import ANYWHERE, ON_GPU, Row, backed, find, measure_all
from model.checkpoint.checkpoint import StoredCheckpoint, writing_checkpoint
from model.engine.benchmark import measure_engine
from model.engine.engine import Engine
from training.run.machine import describe_machine, git_revision

SIZES = (1, 16, 64, 256)
PEOPLE = 50
GOALS = {1: 15_000, 256: 1_000_000}
GOAL_SECONDS = 0.3


def people_at_once(found: StoredCheckpoint, people: int, rounds: int) -> load.Wave:
    """`people` requesters at once, through the executor and its worker."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / found.name
        config, tokenizer = found.config, found.tokenizer
        with writing_checkpoint(path, config, tokenizer, found.metrics, "") as weights:
            save_file(found.weights, weights)
        if found.drafts is not None:
            found.drafts.save(path)
        # Graphs are captured during the first wave, so it is not counted.
        return asyncio.run(load.measure(path, [people], 2 * rounds, unmeasured=1))[people]


def profile(row: Row, sizes: list[int]) -> Iterator[str]:
    """Time per kernel during about a second, for each number of texts."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as watch

    cuda = row.engine.checkpoint.decoder.device != torch.device("cpu")
    watching = ProfilerActivity.CUDA if cuda else ProfilerActivity.CPU
    order = f"self_{'device' if cuda else 'cpu'}_time_total"
    for size in sizes:
        measure_engine(row.engine, size, 64, 1.0)  # captures the graphs
        with watch(activities=[watching]) as watched:
            speed = measure_engine(row.engine, size, 64, 1.0)
        table = watched.key_averages().table(sort_by=order, row_limit=14)
        rate = speed.characters_per_second
        yield f"{row.way.name}, {size} at once: {rate:,.0f} characters/s\n{table}"


def table_of(rows: list[Row], limit: Limit, sizes: list[int]) -> Table:
    """Medians and ranges as a table."""
    table = Table()
    joining = max(each for each in sizes if each <= 64)
    headings = ("way", *(f"{n} at once" for n in sizes), "first character", f"joining {joining}")
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in rows:
        speeds = row.speeds
        table.add_row(
            row.way.name + (" (fell back)" if row.fell_back else ""),
            *(spread([s.characters_per_second for s in speeds[n]]) for n in sizes),
            milliseconds([s.first_character for s in speeds[sizes[0]]]),
            milliseconds([s.joining for s in speeds[joining]]),
        )
    bounds = [f"{limit.characters(n):,.0f}" for n in sizes]
    table.add_row("limit: reading, without guesses", *bounds, "", "", style="dim")
    return table


def spread(values: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):,.0f} [{min(values):,.0f}-{max(values):,.0f}]"


def milliseconds(values: list[float]) -> str:
    """The median of some seconds."""
    return f"{1000 * statistics.median(values):.2f} ms"


def verdict(rows: list[Row], wave: load.Wave | None, people: int) -> Iterator[str]:
    """Each goal with the best way's figure."""
    for size, goal in GOALS.items():
        reached = [
            statistics.median(s.characters_per_second for s in row.speeds[size])
            for row in rows
            if size in row.speeds
        ]
        if reached:
            yield f"{size} at once: {max(reached):,.0f} characters/s, the goal is {goal:,}"
    if wave is not None:
        yield (
            f"{people} people at once, through the worker: answers after "
            f"{load.percentiles(wave.total)} (p50 / p99; the goal is {GOAL_SECONDS} s), first "
            f"characters after {load.percentiles(wave.first)}, "
            f"{wave.characters / wave.seconds:,.0f} characters/s"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", default="base", help="small, base or a checkpoint's folder")
    parser.add_argument("--device", choices=["cuda", "cpu"])
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--characters", type=int, default=256, help="of every text")
    parser.add_argument("--seconds", type=float, default=1.5, help="at most, for a figure")
    parser.add_argument("--people", type=int, default=PEOPLE, help="at once; 0: leave this out")
    parser.add_argument(
        "--peers", type=Path, help="measure other engines; folder for their weights"
    )
    parser.add_argument("--profile", action="store_true", help="time per kernel, and no more")
    parser.add_argument("--tune", action="store_true", help="other kernel sizes, and no more")
    parser.add_argument("--length", type=int, default=200, help="characters of a text, for --tune")
    parser.add_argument("--debug", action="store_true", help="log why a way fell back")
    parser.add_argument("--save", type=Path, help="write all figures as JSON")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("model").setLevel(logging.DEBUG if arguments.debug else logging.WARNING)
    console = Console(width=160)
    device = torch.device(arguments.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    sizes = [int(size) for size in arguments.sizes.split(",")]
    found = find(arguments.shape)
    if arguments.tune:
        from benchmarks.gpu.tuning import tuned  # needs Triton

        console.print(tuned(found, sizes, arguments.length))
        return
    rows = []
    for way in (*(ON_GPU if device.type == "cuda" else ()), *ANYWHERE):
        checkpoint = backed(found, way, device)
        engine = Engine(checkpoint, max(sizes) + 1)
        rows.append(Row(way, engine, {size: [] for size in sizes}))

    rounds = arguments.rounds
    machine = f"{describe_machine(str(device))}, {git_revision()}, {rounds} rounds"
    console.print(f"{found.name} ({found.id}), {machine}, medians [range]")
    if arguments.profile:
        for told in profile(rows[0], [sizes[0], sizes[-1]]):
            console.print(told, soft_wrap=True)
        return
    measure_all(rows, sizes, rounds, arguments.characters, arguments.seconds)
    limit = limit_of(found, device, arguments.characters)
    console.print(table_of(rows, limit, sizes))
    console.print(str(limit))
    peers: dict[str, other_engines.Speeds] = {}
    if arguments.peers is not None:
        peers = other_engines.measure_apart(found, arguments.peers, str(device), sizes)
        console.print(other_engines.table_of(peers, sizes))
    wave = people_at_once(found, arguments.people, rounds) if arguments.people else None
    for told in verdict(rows, wave, arguments.people):
        console.print(told)
    if arguments.save is not None:
        content = {
            "machine": machine,
            "checkpoint": found.id,
            "shape": found.name,
            "ways": [described(row) for row in rows],
            "limit": asdict(limit) | {"characters": {n: limit.characters(n) for n in sizes}},
            "peers": peers,
            "people": None if wave is None else asdict(wave),
        }
        arguments.save.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def described(row: Row) -> dict[str, Any]:
    """All figures of a way, for JSON."""
    figures = {size: [asdict(speed) for speed in found] for size, found in row.speeds.items()}
    return asdict(row.way) | {"fell_back": row.fell_back, "figures": figures}


if __name__ == "__main__":
    main()
