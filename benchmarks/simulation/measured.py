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
from model.text.prompt import PHRASE_LIMIT

# The figures that docs/scale.md tells of.
FIGURES = Path(__file__).with_name("figures.json")
# What the store runs on; one transaction takes one of them.
STORE_CORES = 2


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
        """What was measured, by processor time where that could be told."""
        found = json.loads(path.read_text("utf-8"))
        rows = found["worker"]["at_once"]
        replica = Speeds(
            tuple(map(int, rows)),
            # Of its own time, and as soon as it ever was: others used the machine as well.
            tuple(statistics.median(row["processor"]) for row in rows.values()),
            tuple(min(row["first"]) for row in rows.values()),
        )
        answers, fronts = found["answers"], found["front"]["cases"]
        store = [
            speed
            for run in found["store"]["runs"]
            for speed in run
            if speed["script"] == "Discord request" and speed["forced"]
        ]
        return cls(
            replica,
            tuple(answers["quantiles"]),
            answers["reading"] * PHRASE_LIMIT * replica.speed[0],
            _cost(fronts, "discord"),
            _cost(fronts, "telegram"),
            statistics.median(_transaction(each, "processor") for each in store) / STORE_CORES,
            min(_transaction(each, "milliseconds") for each in store),
        )


def _cost(fronts: dict[str, list[dict[str, Any]]], platform: str) -> Cost:
    def seconds(case: Case) -> float:
        return float(statistics.median(run["processor"] for run in fronts[case.name])) / 1000

    # A refusal is one message, like the delivery of an answer; all the rest is counted before the
    # acknowledgement, since the loop does the work of all who come at once in turns.
    total, message = seconds(Case(platform, 0)), seconds(Case(platform, 0, refused=True))
    return Cost(total - min(message, total / 2), min(message, total / 2))


def _transaction(speed: dict[str, Any], what: str) -> float:
    """Seconds of one transaction."""
    return float(speed[what] / speed["transactions"]) / 1000
