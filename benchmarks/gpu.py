"""How fast a GPU writes, in each of the ways there are, and how fast it could read what it must.

    python -m benchmarks.gpu [--shape base] [--rounds 3] [--save FILE] [--peers FOLDER] [--profile]

One process measures all ways in turn, some rounds of them, each with an engine that has written
before, so that nothing is captured or compiled while it is measured. `base` is the bundled
checkpoint of that name; until there is one, its shape with the small one's weights in it (see
`benchmarks.grown`). Fifty people at once are measured through the worker, as they would be served.
On a machine without a GPU the ways of PyTorch are measured, to see that all this works.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table
from safetensors.numpy import save_file

from benchmarks import gpu_peers, load
from benchmarks.decoders import stored
from benchmarks.gpu_limit import Limit, limit_of
from model.checkpoint.checkpoint import StoredCheckpoint, read_checkpoint, writing_checkpoint
from model.checkpoint.discovery import bundled_checkpoints
from model.cuda.graphs import Abilities
from model.cuda.selection import CudaSessions
from model.engine.backend import Backend
from model.engine.benchmark import PHRASE, Speed, measure_engine
from model.engine.engine import Engine
from model.engine.loaded_model import LoadedModel, with_decoder
from model.pytorch.backend import TorchBackend
from model.pytorch.decoder import Decoder
from training.run.machine import describe_machine, git_revision

SIZES = (1, 16, 64, 256)
PEOPLE = 50
GOALS = {1: 15_000, 256: 1_000_000}
GOAL_SECONDS = 0.3


@dataclass(frozen=True)
class Way:
    """kernels, graphs: see model.cuda.graphs.Abilities; ahead: with a runner, else token by
    token."""

    name: str
    kernels: bool = False
    graphs: bool = False
    drafts: bool = False
    ahead: bool = True


ON_GPU = (
    Way("kernels in graphs, guesses", kernels=True, graphs=True, drafts=True),
    Way("kernels in graphs", kernels=True, graphs=True),
    Way("kernels, not captured", kernels=True),
    Way("PyTorch in graphs", graphs=True),
)
ANYWHERE = (Way("PyTorch, not captured"), Way("PyTorch, token by token", ahead=False))


class Backing(TorchBackend):
    """A decoder that writes in one way and no other.

    dtype: of matrices and cache where it writes ahead.
    """

    def __init__(self, decoder: Decoder, way: Way, dtype: torch.dtype) -> None:
        self.way = way
        self.ways = CudaSessions(decoder, Abilities(way.kernels, way.graphs), dtype)
        super().__init__(decoder, self.ways if way.ahead else None)

    @property
    def fallen(self) -> bool:
        """Whether it turned out that this machine can't."""
        return self.ways.abilities != Abilities(self.way.kernels, self.way.graphs)


def find(shape: str) -> StoredCheckpoint:
    """The checkpoint in this folder, or the bundled one of this name, or of this shape."""
    for folder in (Path(shape), bundled_checkpoints() / shape):
        if folder.is_dir():
            return read_checkpoint(folder)
    return stored(shape)


def backed(found: StoredCheckpoint, way: Way, device: torch.device) -> LoadedModel[Backend]:
    """The checkpoint, to be written with in this way."""
    decoder = Decoder(found.config)
    decoder.load_state_dict({name: torch.from_numpy(w) for name, w in found.weights.items()})
    decoder.requires_grad_(False).eval().to(device)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    checkpoint: LoadedModel[Backend] = with_decoder(found, Backing(decoder, way, dtype))
    return checkpoint if way.drafts else replace(checkpoint, drafts=None)


@dataclass
class Row:
    """A way, an engine for it and what was found for each number of texts at once."""

    way: Way
    engine: Engine
    speeds: dict[int, list[Speed]]

    @property
    def fell_back(self) -> bool:
        """Whether it turned out that this machine can't, and something slower was measured."""
        backing = self.engine.checkpoint.decoder
        return isinstance(backing, Backing) and backing.fallen


def measure_all(
    rows: list[Row], sizes: list[int], rounds: int, characters: int, seconds: float
) -> None:
    """Rounds of everything, after one that is not counted."""
    for number in track(range(rounds + 1), "rounds", console=Console(stderr=True)):
        for row in rows:
            for size in sizes:
                # Rows remember phrases; a first character is to come of one that nobody has read.
                phrase = f"{'Dos Tres Cuatro Cinco'.split()[number % 4]} veces {number}: {PHRASE}"
                speed = measure_engine(row.engine, size, characters, seconds, phrase)
                if number:
                    row.speeds[size].append(speed)


def people_at_once(found: StoredCheckpoint, people: int, rounds: int) -> load.Wave:
    """Fifty people at once, through the executor and its worker."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / found.name
        config, tokenizer = found.config, found.tokenizer
        with writing_checkpoint(path, config, tokenizer, found.metrics, "") as weights:
            save_file(found.weights, weights)
        if found.drafts is not None:
            found.drafts.save(path)
        # The first wave is not counted: graphs are captured then.
        return asyncio.run(load.measure(path, [people], 2 * rounds, unmeasured=1))[people]


def profile(row: Row, sizes: list[int]) -> Iterator[str]:
    """What the device does in a second or so, kernel by kernel, for each number of texts."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as watch

    cuda = row.engine.checkpoint.decoder.device != torch.device("cpu")
    watching = ProfilerActivity.CUDA if cuda else ProfilerActivity.CPU
    order = f"self_{'device' if cuda else 'cpu'}_time_total"
    for size in sizes:
        measure_engine(row.engine, size, 64, 1.0)  # captures what there is to capture
        with watch(activities=[watching]) as watched:
            speed = measure_engine(row.engine, size, 64, 1.0)
        table = watched.key_averages().table(sort_by=order, row_limit=14)
        rate = speed.characters_per_second
        yield f"{row.way.name}, {size} at once: {rate:,.0f} characters/s\n{table}"


def table_of(rows: list[Row], limit: Limit, sizes: list[int]) -> Table:
    """The figures for people: medians and ranges."""
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
    """Each goal, and what the best way reached."""
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
    parser.add_argument("--peers", type=Path, help="other engines too; weights for them go here")
    parser.add_argument("--profile", action="store_true", help="kernel by kernel, and no more")
    parser.add_argument("--debug", action="store_true", help="why something fell back, in full")
    parser.add_argument("--save", type=Path, help="write all figures as JSON")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("model").setLevel(logging.DEBUG if arguments.debug else logging.WARNING)
    console = Console(width=160)
    device = torch.device(arguments.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    sizes = [int(size) for size in arguments.sizes.split(",")]
    found = find(arguments.shape)
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
    peers: dict[str, gpu_peers.Speeds] = {}
    if arguments.peers is not None:
        peers = gpu_peers.measure_apart(found, arguments.peers, str(device), sizes)
        console.print(gpu_peers.table_of(peers, sizes))
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
    """All figures of a way, for a file."""
    figures = {size: [asdict(speed) for speed in found] for size, found in row.speeds.items()}
    return asdict(row.way) | {"fell_back": row.fell_back, "figures": figures}


if __name__ == "__main__":
    main()
