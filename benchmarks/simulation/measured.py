"""What one of each part takes, as the simulation uses it: the file of `benchmarks.capacity`."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.front import Case
from model.prompt import PHRASE_LIMIT

# The figures that docs/scale.md tells of.
FIGURES = Path(__file__).with_name("figures.json")


@dataclass(frozen=True)
class Speeds:
    """Of one replica, by how many texts it writes at once: characters a second of all together, and
    seconds until a newcomer has its first one. Between what was measured it is a straight line."""

    at_once: tuple[int, ...]
    speed: tuple[float, ...]
    first: tuple[float, ...]

    def rates(self, rows: int) -> npt.NDArray[np.float64]:
        """Characters a second of each text, for 0 to `rows` at once."""
        texts = np.arange(rows + 1, dtype=np.float64)
        total = np.interp(texts, self.at_once, self.speed)
        return np.divide(total, texts, out=np.zeros(rows + 1), where=texts > 0)

    def firsts(self, rows: int) -> npt.NDArray[np.float64]:
        """Seconds to the first character, for 0 to `rows` at once."""
        return np.interp(np.arange(rows + 1), self.at_once, self.first)


@dataclass(frozen=True)
class Cost:
    """Seconds of an event loop for a request: until it is acknowledged, and from then on."""

    receive: float
    deliver: float


@dataclass(frozen=True)
class Measured:
    """Seconds throughout.

    lengths: characters of an answer at even steps of its distribution; reading: characters that a
    replica could have written while it reads what «Continuar» goes on from; transaction: how long
    the store is busy with one; commit: how long one takes when nothing else happens.
    """

    replica: Speeds
    lengths: tuple[float, ...]
    reading: float
    discord: Cost
    telegram: Cost
    transaction: float
    commit: float

    @classmethod
    def load(cls, path: Path = FIGURES) -> Measured:
        """The medians of what was measured."""
        found = json.loads(path.read_text("utf-8"))
        rows = found["worker"]["at_once"]
        replica = Speeds(
            tuple(map(int, rows)),
            tuple(statistics.median(row["speed"]) for row in rows.values()),
            tuple(statistics.median(row["first"]) for row in rows.values()),
        )
        answers, fronts = found["answers"], found["front"]["cases"]
        store = [speed for run in found["store"]["runs"] for speed in run]
        return cls(
            replica,
            tuple(answers["quantiles"]),
            answers["reading"] * PHRASE_LIMIT * replica.speed[0],
            _cost(fronts, "discord", "small"),
            _cost(fronts, "telegram", "tiny"),
            1 / max(_rate(store, connections) for connections in {s["connections"] for s in store}),
            1 / _rate(store, 1),
        )


def _cost(fronts: dict[str, list[dict[str, Any]]], platform: str, checkpoint: str) -> Cost:
    def seconds(case: Case) -> float:
        return float(statistics.median(run["processor"] for run in fronts[case.name])) / 1000

    # What is refused is answered at once: that is what receiving and acknowledging cost.
    receive = seconds(Case(platform, 0, refused=True))
    return Cost(receive, max(0.0, seconds(Case(platform, 0, checkpoint)) - receive))


def _rate(store: list[dict[str, Any]], connections: int) -> float:
    """Transactions a second of Discord's requests, each on the disk before it counts."""
    rates = [
        float(each["transactions"] * each["per_second"])
        for each in store
        if each["script"] == "Discord request"
        and each["forced"]
        and each["connections"] == connections
    ]
    return statistics.median(rates)
