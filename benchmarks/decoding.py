"""How fast characters come: the native kernel, PyTorch and the original's way, same weights.

Three decoders write with the bundled checkpoint and with the base shape (random weights, since only
speed is measured). `original` is what the published program did: no cache, the whole context read
again for every character, one request after the other. Each figure comes from a process of its own;
processes take turns for some rounds, so that a machine whose speed drifts is fair to all.

    python -m benchmarks.decoding [--rounds 3] [--threads 0]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil

from model.backend import Backend
from model.config import DecoderConfig
from model.engine import Engine
from model.generation import make_sequence
from model.places import bundled_checkpoints
from model.prompt import Options
from model.runtime import available_cores, choose_runtime
from model.stored import Checkpoint, StoredCheckpoint, read_checkpoint
from model.tokenizer import Tokenizer

SHAPES = ("small", "base")
DECODERS = ("native", "pytorch", "original")
REQUESTS = (1, 16, 64)
PHRASE = "En un lugar de la Mancha"
CHARACTERS = 256  # of every text, or as many as are written in SECONDS
SECONDS = 6.0
BASE = DecoderConfig("modern", 115, 528, 512, 6, 8, 1376)
ENDLESS = Options(sentences=5, sentence_limit=4000, temperature=1.0, top_p=1.0)


@dataclass(frozen=True)
class Measurement:
    """What one process found. Times in seconds, memory in MiB."""

    characters_per_second: float
    first_character: float
    memory: float


def stored(shape: str) -> StoredCheckpoint:
    """The bundled checkpoint, or one of the base shape with random weights."""
    bundled = read_checkpoint(bundled_checkpoints() / "small")
    if shape == "small":
        return bundled
    random = np.random.default_rng(0)
    weights = {
        name: random.standard_normal(size, dtype=np.float32) * 0.05
        for name, size in BASE.tensors().items()
    }
    more = "αβγδεζηθικλμ"[: BASE.vocabulary - bundled.tokenizer.size]
    tokenizer = Tokenizer(bundled.tokenizer.styles, bundled.tokenizer.characters + more)
    return StoredCheckpoint(Path("base"), "random", BASE, weights, tokenizer, bundled.metrics)


def load(decoder: str, shape: str, threads: int) -> Checkpoint[Backend]:
    """A decoder for a process that measures."""
    engine = "native" if decoder == "native" else "pytorch"
    choose_runtime(engine, "cpu", threads)
    found = stored(shape)
    if engine == "native":
        from model.native.decoder import NativeDecoder

        return found.with_decoder(NativeDecoder(found.config, found.weights))
    import torch

    from model.decoder import Decoder

    made = Decoder(found.config)
    made.load_state_dict({name: torch.from_numpy(w) for name, w in found.weights.items()})
    made.requires_grad_(False).eval().arrange()
    return found.with_decoder(made)


def write_cached(checkpoint: Checkpoint[Backend], requests: int) -> tuple[float, float]:
    """Characters a second of so many texts at once, and seconds to the first character of one."""
    engine = Engine(checkpoint, requests)
    first = time.perf_counter()
    engine.add(make_sequence(checkpoint, PHRASE, ENDLESS))
    engine.step()
    first = time.perf_counter() - first
    for seed in range(1, requests):
        engine.add(make_sequence(checkpoint, PHRASE, Options(**asdict(ENDLESS) | {"seed": seed})))
    while engine.running < requests:
        engine.step()
    begun = now = time.perf_counter()
    written = 0
    while written < CHARACTERS * requests and now - begun < SECONDS:
        written += len(engine.step())
        now = time.perf_counter()
    return written / (now - begun), first


def write_uncached(checkpoint: Checkpoint[Backend]) -> tuple[float, float]:
    """The same the original's way: the whole context is read for every character."""
    import torch

    tokens = [0, *checkpoint.tokenizer.encode(PHRASE)]
    times = [time.perf_counter()]
    with torch.inference_mode():
        for _ in range(CHARACTERS):
            read = torch.tensor([tokens[-checkpoint.decoder.config.context :]])
            probabilities = checkpoint.decoder(read)[0, -1].softmax(-1)  # type: ignore[operator]
            tokens.append(int(torch.multinomial(probabilities, 1)))
            times.append(time.perf_counter())
    return CHARACTERS / (times[-1] - times[0]), times[1] - times[0]


def measure(decoder: str, shape: str, requests: int, threads: int) -> Measurement:
    """In this process."""
    checkpoint = load(decoder, shape, threads)
    if decoder == "original":
        speed, first = write_uncached(checkpoint)
    else:
        write_cached(checkpoint, 1)  # the first text warms caches up and is not counted
        speed, first = write_cached(checkpoint, requests)
    memory = psutil.Process().memory_info().rss / 2**20
    return Measurement(speed, first, memory)


def measure_apart(decoder: str, shape: str, requests: int, threads: int) -> Measurement:
    """In a process of its own."""
    arguments = ["--one", decoder, shape, str(requests), "--threads", str(threads)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.decoding", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return Measurement(**json.loads(done.stdout))


@contextmanager
def busy_neighbour() -> Iterator[None]:
    """Another process takes one core meanwhile."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as neighbour:
        try:
            yield
        finally:
            neighbour.kill()


def read_bandwidth(size: int, threads: int) -> float:
    """Bytes a second at which so many threads together read memory of `size` bytes again and again.

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


def cases() -> Iterator[tuple[str, str, int]]:
    """Decoder, shape and requests of every figure."""
    for shape in SHAPES:
        for decoder in DECODERS:
            for requests in REQUESTS if decoder != "original" else (1,):
                yield decoder, shape, requests


def report(rounds: int, threads: int) -> None:
    """Measure everything in turn and print a table for each shape."""
    from rich.console import Console
    from rich.progress import track
    from rich.table import Table

    from training.machine import describe_machine

    found: dict[tuple[str, str, int], list[Measurement]] = {case: [] for case in cases()}
    beside: dict[tuple[str, str], list[Measurement]] = {
        (decoder, shape): [] for shape in SHAPES for decoder in DECODERS[:2]
    }
    limits: dict[str, list[float]] = {shape: [] for shape in SHAPES}
    for _ in track(range(rounds), "rounds"):
        for case, measurements in found.items():
            measurements.append(measure_apart(*case, threads))
        for (decoder, shape), measurements in beside.items():
            with busy_neighbour():
                measurements.append(measure_apart(decoder, shape, 1, threads))
        for shape, speeds in limits.items():
            speeds.append(read_bandwidth(weight_bytes(shape), threads))

    console = Console(width=120)
    console.print(f"{describe_machine('cpu')}, {threads} threads, {rounds} rounds, medians [range]")
    for shape in SHAPES:
        table = Table(title=f"{shape}: characters a second")
        headings = ("decoder", *(f"{n} at once" for n in REQUESTS), "1, busy neighbour",
                    "first character", "memory")  # fmt: skip
        for heading in headings:
            table.add_column(heading, justify="right")
        for decoder in DECODERS:
            one = found[decoder, shape, 1]
            table.add_row(
                decoder,
                *(spread(found.get((decoder, shape, n), [])) for n in REQUESTS),
                spread(beside.get((decoder, shape), [])),
                f"{1000 * statistics.median(each.first_character for each in one):.1f} ms",
                f"{statistics.median(each.memory for each in one):.0f} MiB",
            )
        console.print(table)
        speed, size = statistics.median(limits[shape]), weight_bytes(shape)
        console.print(
            f"NumPy reads as many bytes as the 8-bit weights have ({size / 1e6:.1f} MB) at "
            f"{speed / 1e9:.0f} GB/s, {speed / size:,.0f} times a second\n"
        )


def weight_bytes(shape: str) -> int:
    """What a step reads of the weights, at one byte each."""
    config = BASE if shape == "base" else read_checkpoint(bundled_checkpoints() / "small").config
    embedding = config.vocabulary * config.width
    return sum(int(np.prod(size)) for size in config.tensors().values()) - embedding


def spread(measurements: list[Measurement]) -> str:
    """The median of the speeds and their range."""
    speeds = [each.characters_per_second for each in measurements]
    if not speeds:
        return ""
    return f"{statistics.median(speeds):,.0f} [{min(speeds):,.0f}-{max(speeds):,.0f}]"


def main() -> None:
    """Measure and print; `--one` is for the processes that this one starts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    threads = arguments.threads or available_cores()
    if arguments.one:
        decoder, shape, requests = arguments.one
        print(json.dumps(asdict(measure(decoder, shape, int(requests), threads))))
    else:
        report(arguments.rounds, threads)


if __name__ == "__main__":
    main()
