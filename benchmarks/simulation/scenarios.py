"""The questions that are asked of the simulation, each a run or several."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from benchmarks.simulation.bots import Fleet
from benchmarks.simulation.demand import DAY, HOUR, LOW, PEAK, Demand, arrivals, curve
from benchmarks.simulation.fleet import Failure, Simulation
from benchmarks.simulation.measured import Measured
from benchmarks.simulation.record import Record
from benchmarks.simulation.report import Prices, Summary, percentiles, summarize

Progress = Callable[[float], None]
SIZES = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
# One replica is soon full.
GROWING = (500, 1_000, 2_000, 3_000, 3_500, 4_000, 5_000)
# And one token of Telegram, of ever more people.
CROWDS = (100_000, 200_000, 300_000, 400_000, 500_000, 600_000, 700_000)
PEOPLE_A_SERVER = 100
# So many requests are simulated at most; of what has more, a part is.
REQUESTS = 3_000_000
# Twenty minutes about the peak, and when in them something dies.
BUSIEST, DEATH = (PEAK - 600.0, 1200.0), 300.0


@dataclass(frozen=True)
class World:
    """Everything but the question."""

    demand: Demand
    fleet: Fleet
    measured: Measured
    prices: Prices
    seed: int

    def run(
        self,
        begin: float = LOW,
        seconds: float = DAY,
        failures: tuple[Failure, ...] = (),
        progress: Progress = lambda _: None,
    ) -> tuple[Record, Summary]:
        """Simulate `fleet.fraction` of this from a moment of the day on, for so long."""
        fleet, part = self.fleet, self.demand.part(self.fleet.fraction)
        people = arrivals(part, np.random.default_rng(self.seed), begin, seconds)
        if fleet.scaling is not None:
            # A queue of a moment must not start ten times what the peak takes.
            most = min(fleet.scaling.most, 2 * self.enough(PEAK))
            scaling = replace(fleet.scaling, most=most)
            fleet = replace(fleet, replicas=self.enough(begin), scaling=scaling)
        simulation = Simulation(part, fleet, self.measured, self.seed, failures)
        record = simulation.run(people, seconds, progress)
        return record, summarize(record, self.fleet, self.bots, seconds, self.prices)

    def enough(self, moment: float, load: float = 0.6) -> int:
        """How many replicas to begin with: so many that each is about this busy then."""
        rate = self.demand.requests / DAY * float(curve(np.array([moment]))[0])
        work = np.mean(self.measured.lengths) + self.demand.onward * self.measured.reading
        rows = self.fleet.rows
        full = rows * float(self.measured.replica.rates(rows)[rows])
        needed = rate * self.fleet.fraction * work / full
        return max(1, math.ceil(needed / load))

    @property
    def bots(self) -> int:
        """How many processes the whole has: those of Discord, and Telegram's."""
        shards = -(-self.demand.servers // self.fleet.shard_servers)
        return -(-shards // self.fleet.shards) + 1

    def of_size(self, servers: int) -> World:
        """The same world with so many servers, and as large a part of it as is soon simulated."""
        demand = replace(self.demand, servers=servers, people=PEOPLE_A_SERVER * servers)
        fraction = min(1.0, REQUESTS / demand.requests)
        return replace(self, demand=demand, fleet=replace(self.fleet, fraction=fraction))


def sizes(world: World, wanted: Iterable[int], progress: Callable[[int], None]) -> list[Any]:
    """A day at each size, with the autoscaler."""
    rows = []
    for servers in wanted:
        sized = world.of_size(servers)
        _, summary = sized.run()
        rows.append({"servers": servers, "fraction": sized.fleet.fraction, **asdict(summary)})
        progress(servers)
    return rows


def one_of_each(world: World, wanted: Iterable[int], progress: Callable[[int], None]) -> list[Any]:
    """The busiest hour of ever more servers with one bot process, one replica and one store, as on
    a machine of two cores: where does it break, and what?"""
    rows = []
    for servers in wanted:
        demand = replace(world.demand, servers=servers, people=PEOPLE_A_SERVER * servers)
        shards = -(-servers // world.fleet.shard_servers)
        fleet = replace(world.fleet, shards=shards, replicas=1, scaling=None, fraction=1.0)
        _, summary = replace(world, demand=demand, fleet=fleet).run(PEAK - HOUR / 2, HOUR)
        rows.append({"servers": servers, **asdict(summary)})
        progress(servers)
    return rows


def one_token(world: World, wanted: Iterable[int], progress: Callable[[int], None]) -> list[Any]:
    """Two hours about the peak with nobody but so many people a day on Telegram, and with replicas
    enough."""
    rows = []
    for people in wanted:
        demand = replace(world.demand, servers=1, people=people, telegram=1.0, events=0.0)
        crowd = replace(world, demand=demand, fleet=replace(world.fleet, fraction=1.0))
        fleet = replace(crowd.fleet, scaling=None, replicas=crowd.enough(PEAK, load=0.5))
        _, summary = replace(crowd, fleet=fleet).run(PEAK - HOUR, 2 * HOUR)
        rows.append({"people": people, **asdict(summary)})
        progress(people)
    return rows


def losses(
    world: World, replicas: int, wanted: Iterable[int], progress: Callable[[int], None]
) -> list[Any]:
    """The peak with so many replicas that nobody replaces, of which some die at once: what people
    notice from then on."""
    rows = []
    for lost in wanted:
        failures = tuple(Failure(DEATH, "replica") for _ in range(lost))
        fleet = replace(world.fleet, replicas=replicas, scaling=None)
        record, summary = replace(world, fleet=fleet).run(*BUSIEST, failures)
        rows.append({"lost": lost, "after": _afterwards(record), **asdict(summary)})
        progress(lost)
    return rows


def failures(
    world: World, wanted: dict[str, tuple[Failure, ...]], progress: Callable[[int], None]
) -> list[Any]:
    """The peak with the autoscaler, while these die in it."""
    rows = []
    for number, (name, planned) in enumerate(wanted.items()):
        record, summary = world.run(*BUSIEST, planned)
        rows.append({"what": name, "after": _afterwards(record), **asdict(summary)})
        progress(number)
    return rows


def _afterwards(record: Record) -> list[float]:
    """Percentiles of the seconds to an answer, of what was asked since shortly before the death."""
    return percentiles(record.times("done")[record.times("asked") >= DEATH - 10.0])
