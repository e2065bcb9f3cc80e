"""What one core, one bot process and one store take, read from a file of `benchmarks.capacity`."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from model.text.prompt import PHRASE_LIMIT

Floats = npt.NDArray[np.float64]

# The figures of docs/scale.md.
FIGURES = Path(__file__).with_name("figures.json")
_CONNECTIONS = 16  # of the store's measurement


@dataclass(frozen=True)
class Speeds:
    """Characters per second of one replica, all texts together, by the number of texts at once.

    Speeds between two measured batch sizes are interpolated.
    """

    at_once: tuple[int, ...]
    speed: tuple[float, ...]

    def rates(self, rows: int) -> Floats:
        """Characters per second of each text, for 0 to `rows` texts at once."""
        texts = np.arange(rows + 1, dtype=np.float64)
        total = np.interp(texts, self.at_once, self.speed)
        return np.divide(total, texts, out=np.zeros(rows + 1), where=texts > 0)


@dataclass(frozen=True)
class Measured:
    """Figures of one machine.

    replica: speed of a worker on one core, by processor time.
    lengths: characters of an answer, as evenly spaced quantiles.
    reading: prefill of a continued answer, as characters that the core would write meanwhile.
    discord: seconds of an event loop for one request.
    store: requests per second that one PostgreSQL commits.
    """

    replica: Speeds
    lengths: tuple[float, ...]
    reading: float
    discord: float
    store: float

    @classmethod
    def load(cls, path: Path = FIGURES) -> Measured:
        """Medians of the file's rounds."""
        found = json.loads(path.read_text("utf-8"))
        batches = found["worker"]["at_once"]
        speeds = tuple(statistics.median(batch["processor"]) for batch in batches.values())
        requests = found["front"]["cases"]["discord, tiny"]
        commits = [
            run["per_second"]
            for runs in found["store"]["runs"]
            for run in runs
            if run["script"] == "Discord request"
            and run["forced"]
            and run["connections"] == _CONNECTIONS
        ]
        return cls(
            replica=Speeds(tuple(map(int, batches)), speeds),
            lengths=tuple(found["answers"]["quantiles"]),
            reading=found["answers"]["reading"] * PHRASE_LIMIT * speeds[0],
            discord=statistics.median(run["processor"] for run in requests) / 1000,
            store=statistics.median(commits),
        )

    def draw_lengths(self, count: int, random: np.random.Generator) -> Floats:
        """Characters of `count` answers, drawn from the measured distribution."""
        steps = np.linspace(0.0, 1.0, len(self.lengths))
        return np.interp(random.random(count), steps, self.lengths)
