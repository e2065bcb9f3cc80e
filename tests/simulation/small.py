"""A small fleet with round figures."""

from __future__ import annotations

import numpy as np

from benchmarks.simulation.bots import Fleet
from benchmarks.simulation.demand import Arrivals, Demand, arrivals
from benchmarks.simulation.fleet import Failure, Simulation
from benchmarks.simulation.measured import Cost, Measured, Speeds
from benchmarks.simulation.record import Record

MEASURED = Measured(
    replica=Speeds((1, 4, 16), (1_000.0, 1_500.0, 2_000.0), (0.01, 0.02, 0.05)),
    lengths=(100.0, 300.0, 700.0),
    reading=50.0,
    discord=Cost(0.002, 0.003),
    telegram=Cost(0.003, 0.003),
    transaction=0.0005,
    commit=0.001,
)
DEMAND = Demand(servers=400, people=20_000, telegram=0.2)
HOUR = 3600.0


def people(demand: Demand = DEMAND, seed: int = 1, seconds: float = HOUR) -> Arrivals:
    """Who begins in the busiest hour."""
    return arrivals(demand, np.random.default_rng(seed), 2 * HOUR, seconds)


def simulate(
    fleet: Fleet,
    demand: Demand = DEMAND,
    seed: int = 1,
    failures: tuple[Failure, ...] = (),
    seconds: float = HOUR,
) -> Record:
    """An hour of it."""
    simulation = Simulation(demand, fleet, MEASURED, seed, failures)
    return simulation.run(people(demand, seed, seconds), seconds)
