"""What a run comes to, in figures: latency, load, machines, money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.simulation.bots import Fleet
from benchmarks.simulation.demand import DAY, HOUR
from benchmarks.simulation.record import End, Record

PERCENTS = (50, 95, 99, 99.9)
STAGES = ("acknowledged", "first", "done")


@dataclass(frozen=True)
class Prices:
    """What an hour costs, in euros. Examples, not a vendor's prices; take your own.

    replica: of what one replica runs on, a core; core: of one core of anything else, of which a bot
    process takes `bot_cores` and the store `store_cores`.
    """

    replica: float = 0.04
    core: float = 0.04
    bot_cores: float = 1.0
    store_cores: float = 4.0


@dataclass(frozen=True)
class Summary:
    """One run. Of the whole, also where a part of it was simulated: requests, machines, money.

    latency: seconds by stage, at PERCENTS; peak_latency: the same of the fifteen minutes with the
    most requests; loads: the busiest minute's share of time of the busiest event loop of Discord,
    of Telegram's and of the store; cost: of a million answers, by what it is for.
    """

    asked: float
    ends: dict[str, float]
    peak_rate: float
    latency: dict[str, list[float]]
    peak_latency: dict[str, list[float]]
    telegram_latency: list[float]
    replicas: float
    most_replicas: float
    busy: float
    bots: int
    loads: dict[str, float]
    reruns: float
    cost: dict[str, float]

    @property
    def served(self) -> float:
        """The share of what was asked that was answered."""
        return self.ends.get(End.ANSWERED, 0.0) / max(1.0, self.asked)

    @property
    def total_cost(self) -> float:
        """Euros for a million answers."""
        return sum(self.cost.values())


def summarize(record: Record, fleet: Fleet, bots: int, seconds: float, prices: Prices) -> Summary:
    """The figures of a run that lasted so long; `bots` is how many processes the whole has."""
    whole = 1 / fleet.fraction
    arrived = record.times("arrived")
    peak, peak_rate = busiest(record, seconds)
    at_peak = (record.times("asked") >= peak) & (record.times("asked") < peak + 900.0)
    samples = record.samples
    return Summary(
        asked=len(arrived) * whole,
        ends={str(end): count * whole for end, count in record.ends.items() if count},
        peak_rate=peak_rate * whole,
        latency={stage: percentiles(record.times(stage)) for stage in STAGES},
        peak_latency={stage: percentiles(record.times(stage)[at_peak]) for stage in STAGES},
        telegram_latency=percentiles(record.times("done")[record.on_telegram]),
        replicas=record.replica_seconds / record.ended * whole,
        most_replicas=max(sample.replicas + sample.starting for sample in samples) * whole,
        busy=record.busy_seconds / max(1e-9, record.replica_seconds),
        bots=bots,
        loads={
            "event loop": max(sample.busiest for sample in samples),
            "Telegram's event loop": max(sample.telegram for sample in samples),
            "store": max(sample.store for sample in samples),
        },
        reruns=record.reruns * whole,
        cost=_cost(record, bots, whole, prices),
    )


def _cost(record: Record, bots: int, whole: float, prices: Prices) -> dict[str, float]:
    hours = record.ended / HOUR
    answers = max(1, record.ends[End.ANSWERED]) * whole
    spent = {
        "replicas": record.replica_seconds / HOUR * whole * prices.replica,
        "bots": bots * hours * prices.bot_cores * prices.core,
        "store": hours * prices.store_cores * prices.core,
    }
    return {name: 1e6 * euros / answers for name, euros in spent.items()}


def busiest(record: Record, seconds: float, span: float = 900.0) -> tuple[float, float]:
    """When the fullest quarter of an hour begins, and requests a second in it."""
    spans = max(1, int(seconds // span))
    counts, edges = np.histogram(record.times("arrived"), spans, (0.0, spans * span))
    fullest = int(np.argmax(counts))
    return float(edges[fullest]), float(counts[fullest] / min(span, seconds))


def percentiles(values: Any) -> list[float]:
    """At PERCENTS; NaN without values."""
    if not len(values):
        return [float("nan")] * len(PERCENTS)
    return [float(value) for value in np.percentile(values, PERCENTS)]


def series(record: Record, fleet: Fleet, begin: float, step: float = 600.0) -> dict[str, Any]:
    """The day in steps, for pictures: hours UTC, requests a second, latency, machines."""
    last = record.samples[-1].moment if record.samples else step
    edges = np.arange(0.0, min(DAY, last) + 1.0, step)
    whole = 1 / fleet.fraction
    arrived = np.histogram(record.times("arrived"), edges)[0] * whole / step
    answered = np.histogram(record.times("asked"), edges)[0] * whole / step
    bins = np.digitize(record.times("asked"), edges) - 1
    found: dict[str, Any] = {
        "hours": ((begin + edges[:-1] + step / 2) / HOUR).tolist(),
        "asked": arrived.tolist(),
        "answered": answered.tolist(),
    }
    for stage in STAGES:
        times = record.times(stage)
        rows = [percentiles(times[bins == number]) for number in range(len(edges) - 1)]
        found[stage] = [list(column) for column in zip(*rows, strict=True)]
    minutes = [sample for sample in record.samples if sample.moment <= edges[-1]]
    found["minutes"] = [(begin + sample.moment) / HOUR for sample in minutes]
    found["replicas"] = [sample.replicas * whole for sample in minutes]
    return found
