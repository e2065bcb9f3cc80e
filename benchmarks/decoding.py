"""Characters per second of our decoders, the original's method and other engines.

All use the same weights: see `benchmarks.decoders`. Each figure comes from its own process; the
processes take turns for some rounds, so that drift of the machine's speed affects all alike.

    python -m benchmarks.decoding [--rounds 3] [--threads 0] [--peers FOLDER] [--save FILE]
                                  [--only DECODER…]
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import peers
from benchmarks.decoders import DECODERS, SHAPES, Measurement, stored, weight_bytes
from model.cpu import available_cores
from training.run.machine import describe_machine

REQUESTS = (1, 16, 64)
# These run with one and sixteen texts only, since they are slow.
MOST = {"original": 1, **dict.fromkeys(peers.PEERS, 2)}
DISTURBED = ("llama.cpp Q8_0",)


@dataclass(frozen=True)
class Case:
    """One figure: decoder, weights, texts at once, and whether another program uses a core."""

    decoder: str
    shape: str
    requests: int
    disturbed: bool = False


Found = dict[Case, list[Measurement]]


def cases(exports: Path | None, only: list[str]) -> Iterator[Case]:
    """All cases, restricted to the named decoders if any."""
    for shape in SHAPES:
        for decoder in (*DECODERS, *(peers.PEERS if exports else ())):
            if only and decoder not in only:
                continue
            for requests in REQUESTS[: MOST.get(decoder, len(REQUESTS))]:
                yield Case(decoder, shape, requests)
            if decoder not in MOST or decoder in DISTURBED:
                yield Case(decoder, shape, 1, disturbed=True)


def measure_apart(case: Case, threads: int, exports: Path | None) -> Measurement:
    """Measure in a separate process."""
    arguments = [case.decoder, case.shape, str(case.requests), str(threads)]
    command = [sys.executable, "-m", "benchmarks.decoders", *arguments]
    with busy_neighbour() if case.disturbed else nullcontext():
        done = subprocess.run(
            [*command, *([str(exports)] if exports else [])],
            capture_output=True,
            text=True,
            check=True,
        )
    return Measurement(**json.loads(done.stdout.splitlines()[-1]))


@contextmanager
def busy_neighbour() -> Iterator[None]:
    """Another process uses one core inside the context."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as neighbour:
        try:
            yield
        finally:
            neighbour.kill()


def read_bandwidth(size: int, threads: int) -> float:
    """Bytes per second while `threads` threads together read a buffer of `size` bytes repeatedly.

    Measured with NumPy's dot product of a vector with itself, which reads faster than it computes.
    """
    parts = [np.ones(size // 4 // threads, np.float32) for _ in range(threads)]
    rounds = max(1, 2**31 // size)

    def read(part: np.ndarray) -> None:
        for _ in range(rounds):
            np.dot(part, part)

    begun = time.perf_counter()
    readers = [threading.Thread(target=read, args=(part,)) for part in parts]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    return rounds * size / (time.perf_counter() - begun)


def table_of(shape: str, found: Found) -> Table:
    """The figures of one shape as a table."""
    table = Table(title=f"{shape}: characters a second")
    headings = ("decoder", *(f"{n} at once" for n in REQUESTS), "1, busy neighbour",
                "first character", "joining 16", "memory")  # fmt: skip
    for heading in headings:
        table.add_column(heading, justify="right")
    for decoder in dict.fromkeys(case.decoder for case in found if case.shape == shape):
        table.add_row(
            decoder,
            *(spread(found.get(Case(decoder, shape, n), [])) for n in REQUESTS),
            spread(found.get(Case(decoder, shape, 1, disturbed=True), [])),
            median(found, Case(decoder, shape, 1), "first_character", 1000, "ms"),
            median(found, Case(decoder, shape, 16), "joining", 1000, "ms"),
            median(found, Case(decoder, shape, 1), "memory", 1, "MiB"),
        )
    return table


def spread(measurements: list[Measurement]) -> str:
    """The median of the speeds and their range."""
    speeds = [each.characters_per_second for each in measurements]
    if not speeds:
        return ""
    return f"{statistics.median(speeds):,.0f} [{min(speeds):,.0f}-{max(speeds):,.0f}]"


def median(found: Found, case: Case, what: str, factor: float, unit: str) -> str:
    """The median of an optional figure; empty where it is missing."""
    values = [getattr(each, what) for each in found.get(case, [])]
    if not values or math.isnan(values[0]):
        return ""
    return f"{factor * statistics.median(values):.3g} {unit}"


def report(rounds: int, threads: int, exports: Path | None, only: list[str]) -> dict[str, object]:
    """Measure everything in turn, print a table for each shape, and return all figures."""
    if exports is not None:
        for shape in SHAPES:
            if not (exports / shape).exists():
                peers.prepare(stored(shape), exports / shape)
    found: Found = {case: [] for case in cases(exports, only)}
    limits: dict[str, list[float]] = {shape: [] for shape in SHAPES}
    for _ in track(range(rounds), "rounds", console=Console(stderr=True)):
        for case, measurements in found.items():
            measurements.append(measure_apart(case, threads, exports))
        for shape, speeds in limits.items():
            speeds.append(read_bandwidth(weight_bytes(shape), threads))

    console = Console(width=150)
    machine = f"{describe_machine('cpu')}, {threads} threads, {rounds} rounds, medians [range]"
    console.print(machine)
    for shape in SHAPES:
        console.print(table_of(shape, found))
        speed, size = statistics.median(limits[shape]), weight_bytes(shape)
        console.print(
            f"NumPy reads as many bytes as the 8-bit weights have ({size / 1e6:.1f} MB) at "
            f"{speed / 1e9:.0f} GB/s, {speed / size:,.0f} times a second\n"
        )
    figures = [
        {**asdict(case), "measurements": [asdict(each) for each in measurements]}
        for case, measurements in found.items()
    ]
    return {"machine": machine, "figures": figures}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--peers", type=Path, help="other engines too; weights for them go here")
    parser.add_argument("--only", nargs="*", default=[], help="these decoders and no others")
    parser.add_argument("--save", type=Path, help="write all figures as JSON")
    arguments = parser.parse_args()
    threads = arguments.threads or available_cores()
    found = report(arguments.rounds, threads, arguments.peers, arguments.only)
    if arguments.save is not None:
        arguments.save.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
