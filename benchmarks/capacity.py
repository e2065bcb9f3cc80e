"""The capacity of one core, one bot process and one PostgreSQL, and the length of answers.

    python -m benchmarks.capacity [--only writing worker answers front store] [--rounds 3]
                                  [--save build/capacity.json]

Each part is measured several times and noted with its date and the load of the machine before and
after, and added to what the file has of the other parts. `benchmarks.simulation` reads the file.
A GPU is measured where there is one, with `LITTERAGPT_DEVICE=cuda litteragpt bench --json`.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import itertools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks import front, postgres
from benchmarks.decoding import Case, measure_apart
from bot.executor.executor import Executor
from bot.executor.program import WorkerOptions
from model.checkpoint.discovery import bundled_checkpoints, find_checkpoint
from model.cpu import available_cores
from model.engine.backend import Backend
from model.engine.benchmark import PHRASE
from model.engine.engine import Engine
from model.engine.generate import compose
from model.engine.loaded_model import LoadedModel
from model.runtime import choose_runtime
from model.text.prompt import PHRASE_LIMIT, Options
from training.run.machine import describe_machine

PROGRESS = Console(stderr=True)
SAVE = Path("build/capacity.json")
AT_ONCE = (1, 2, 4, 8, 16, 32, 64)
# Typical phrases; each is continued with many seeds.
PHRASES = (
    PHRASE, "Era una noche de invierno", "El caballero", "Cuando llegó a la posada", "—Señor mío",
    "La mañana siguiente,", "No había en el pueblo", "Mi amo", "En la catedral", "Yo",
    "Las campanas de la torre", "Dijo entonces el cura", "Si yo fuera rey", "La vida es",
    "Una tarde de otoño, junto al río,", "Nadie supo nunca por qué",
)  # fmt: skip
ANSWERS = 480
QUANTILES = 100
WORKER_SECONDS, FRONT_SECONDS, STORE_SECONDS = 5.0, 12.0, 4
CONNECTIONS = (1, 4, 16)


def writing(rounds: int) -> dict[str, Any]:
    """Characters per second of one core and of all, by wall clock and by processor time.

    By the number of texts at once, each figure from its own process. Processor time is independent
    of other programs on the core.
    """
    cores = sorted({1, available_cores()})
    cases = [(c, n) for _ in range(rounds) for c in cores for n in AT_ONCE]
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    for threads, requests in track(cases, "writing", console=PROGRESS):
        case = Case("native + drafts", "small", requests)
        speed = measure_apart(case, threads, None)
        row = found.setdefault(str(threads), {}).setdefault(str(requests), {})
        row.setdefault("speed", []).append(speed.characters_per_second)
        row.setdefault("processor", []).append(speed.characters_per_processor_second)
    return {"cores": found}


def worker(rounds: int) -> dict[str, Any]:
    """The same through the executor and its worker process on one thread, as in the bot, with a
    constant number of texts under way, each from its phrase to its end."""
    found: dict[str, dict[str, list[float]]] = {}
    for requests in track([n for _ in range(rounds) for n in AT_ONCE], "worker", console=PROGRESS):
        figures = asyncio.run(_keep_busy(requests, WORKER_SECONDS))
        row = found.setdefault(str(requests), {})
        for name, value in figures.items():
            row.setdefault(name, []).append(value)
    return {"at_once": found}


async def _keep_busy(requests: int, seconds: float) -> dict[str, float]:
    """Characters per second by wall clock and by the worker's processor time, and the median of the
    seconds to a first character."""
    checkpoint = find_checkpoint("small", bundled_checkpoints())
    options = WorkerOptions(checkpoint, threads=1, max_batch=requests, queue_limit=requests)
    executor, seeds = Executor(options), itertools.count()
    characters, firsts = 0, list[float]()

    async def ask() -> None:
        nonlocal characters
        while True:
            seed, begun, first = next(seeds), time.perf_counter(), 0.0
            generation = executor.submit(PHRASES[seed % len(PHRASES)], Options(seed=seed))
            async for piece in generation:
                first = first or time.perf_counter() - begun
                characters += len(piece) if isinstance(piece, str) else 0
            firsts.append(first)

    await executor.start()
    asking = [asyncio.create_task(ask()) for _ in range(requests)]
    try:
        await asyncio.sleep(1.0)  # warms caches up and is not counted
        process = psutil.Process(executor.worker_pid)
        characters, begun, before = 0, time.perf_counter(), front.spent(process)
        firsts.clear()
        await asyncio.sleep(seconds)
        return {
            "speed": characters / (time.perf_counter() - begun),
            "processor": characters / (front.spent(process) - before),
            "first": statistics.median(firsts),
        }
    finally:
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await executor.close()


def answers(_: int) -> dict[str, Any]:
    """The characters of an answer of two sentences, and the prefill of a long phrase in seconds per
    character."""
    runtime = choose_runtime("native", "cpu", 1)
    checkpoint = runtime.load(find_checkpoint("small", bundled_checkpoints()))
    engine = Engine(checkpoint, slots=16)
    phrases = [PHRASES[number % len(PHRASES)] for number in range(ANSWERS)]
    sequences = [
        compose(checkpoint, phrase, Options(seed=seed)) for seed, phrase in enumerate(phrases)
    ]
    for sequence in sequences:
        engine.add(sequence)
    while engine.busy:
        engine.step()
    lengths = [sequence.characters for sequence in sequences]
    percents = np.linspace(0, 100, QUANTILES + 1)
    return {
        "checkpoint": checkpoint.id,
        "count": len(lengths),
        "mean": statistics.fmean(lengths),
        "quantiles": np.percentile(lengths, percents).tolist(),
        "reading": _reading(checkpoint),
    }


def _reading(checkpoint: LoadedModel[Backend]) -> float:
    """Prefill of a phrase of the longest allowed length, up to the first new character, in seconds
    of a core per character of the phrase."""
    took = []
    for seed in range(20):
        engine = Engine(checkpoint, slots=1)
        start = f"{seed} veces " + f"{PHRASE} " * PHRASE_LIMIT
        sequence = compose(checkpoint, start[:PHRASE_LIMIT].strip(), Options(seed=seed))
        begun = time.process_time()
        engine.add(sequence)
        while not sequence.characters:
            engine.step()
        took.append(time.process_time() - begun)
    return statistics.median(took) / PHRASE_LIMIT


def front_door(rounds: int) -> dict[str, Any]:
    """The capacity of one bot process, by load."""
    found: dict[str, list[dict[str, Any]]] = {}
    cases = [case for _ in range(rounds) for case in front.CASES]
    for case in track(cases, "bot process", console=PROGRESS):
        with tempfile.TemporaryDirectory() as folder:
            figures = asyncio.run(front.measure(case, Path(folder), FRONT_SECONDS))
        found.setdefault(case.name, []).append(asdict(figures))
    return {"cases": found}


def store(rounds: int) -> dict[str, Any]:
    """The capacity of one PostgreSQL."""
    runs = []
    for _ in track(range(rounds), "PostgreSQL", console=PROGRESS):
        with tempfile.TemporaryDirectory() as folder:
            runs.append(postgres.measure(Path(folder), STORE_SECONDS, CONNECTIONS))
    return {"runs": runs}


PARTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "writing": writing,
    "worker": worker,
    "answers": answers,
    "front": front_door,
    "store": store,
}


def noted(part: Callable[[int], dict[str, Any]], rounds: int) -> dict[str, Any]:
    """A part's figures with date, machine and load average."""
    before = os.getloadavg()[0]
    figures = part(rounds)
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="minutes"),
        "machine": describe_machine("cpu"),
        "load": [round(before, 1), round(os.getloadavg()[0], 1)],
        "rounds": rounds,
        **figures,
    }


def spread(values: Iterable[float], digits: int = 0) -> str:
    """The median and the range."""
    ordered = sorted(values)
    low, middle, high = ordered[0], statistics.median(ordered), ordered[-1]
    return f"{middle:,.{digits}f} [{low:,.{digits}f}-{high:,.{digits}f}]"


def tables(found: dict[str, Any]) -> Iterable[Table]:
    """All figures as tables."""
    if (part := found.get("writing")) is not None:
        table = _table(part, "characters a second", "cores", *(f"{n} at once" for n in AT_ONCE))
        for cores, rows in part["cores"].items():
            table.add_row(cores, *(spread(rows[str(n)]["speed"]) for n in AT_ONCE))
            if cores == "1":
                own = (spread(rows[str(n)]["processor"]) for n in AT_ONCE)
                table.add_row("1, of its own time", *own)
        yield table
    if (part := found.get("worker")) is not None:
        table = _table(part, "through the worker", "", *(f"{n} at once" for n in AT_ONCE))
        rows = [part["at_once"][str(n)] for n in AT_ONCE]
        table.add_row("characters a second", *(spread(row["speed"]) for row in rows))
        table.add_row("of its own time", *(spread(row["processor"]) for row in rows))
        firsts = (spread([1000 * s for s in row["first"]], 1) for row in rows)
        table.add_row("first character, ms", *firsts)
        yield table
    if (part := found.get("answers")) is not None:
        wanted = (5, 25, 50, 75, 95, 99, 100)
        table = _table(part, "characters of an answer", "mean", *(f"{p} %" for p in wanted))
        cells = (f"{part['quantiles'][p]:.0f}" for p in wanted)
        table.add_row(f"{part['mean']:.0f}", *cells)
        yield table
    if (part := found.get("front")) is not None:
        heads = ("people", "requests a second", "processor ms each", "its worker's")
        table = _table(part, "one bot process", "asked", *heads)
        for name, runs in part["cases"].items():
            columns = ("per_second", "processor", "worker")
            cells = (spread((run[each] for run in runs), 1) for each in columns)
            table.add_row(name, str(runs[0]["people"]), *cells)
        yield table
    if (part := found.get("store")) is not None:
        heads = ("commits", "connections", "a second", "ms each", "processor ms each")
        table = _table(part, "one PostgreSQL", "script", *heads)
        for same in zip(*part["runs"], strict=True):
            first = same[0]
            forced = "on the disk" if first["forced"] else "in memory"
            columns = ("per_second", "milliseconds", "processor")
            cells = (spread((run[each] for run in same), 2) for each in columns)
            table.add_row(first["script"], forced, str(first["connections"]), *cells)
        yield table


def _table(part: dict[str, Any], title: str, *heads: str) -> Table:
    note = f"{part['date']}, load {part['load'][0]} to {part['load'][1]}, {part['rounds']} rounds"
    table = Table(title=f"{title} ({note}; median and range)")
    for head in heads:
        table.add_column(head, justify="right")
    return table


def main() -> None:
    """Measure, save and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", type=Path, default=SAVE)
    asked = parser.parse_args()
    asked.save.parent.mkdir(parents=True, exist_ok=True)
    found = json.loads(asked.save.read_text("utf-8")) if asked.save.exists() else {}
    for name in asked.only:
        found[name] = noted(PARTS[name], asked.rounds)
        asked.save.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    console = Console(width=190)
    console.print(describe_machine("cpu"))
    for table in tables(found):
        console.print(table)


if __name__ == "__main__":
    main()
