"""`python -m benchmarks.simulation`: machines, waits and costs for a number of people per day.

Prints a plan for each fleet size, the point at which each part saturates, how one core behaves near
its limit, and what losing replicas at the peak costs. Measured figures come from a file of
`benchmarks.capacity`; docs/scale.md lists the assumptions.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.simulation.demand import Demand
from benchmarks.simulation.measured import FIGURES, Measured, Speeds
from benchmarks.simulation.plan import Rules, default, limits, people_at, plan
from benchmarks.simulation.replicas import Outcome, poisson, serve

SIZES = (100, 1_000, 3_000, 10_000, 30_000, 100_000)
GROWING = (500, 1_000, 2_000, 3_000, 3_500, 4_000, 5_000)
LOST = (0, 1, 2, 4)
SECONDS = 900.0


@dataclass(frozen=True)
class World:
    """Everything but the question."""

    demand: Demand
    measured: Measured
    rules: Rules
    seed: int

    def of_size(self, servers: int) -> World:
        """The same number of people per server on `servers` servers."""
        people = round(self.demand.people * servers / self.demand.servers)
        return replace(self, demand=replace(self.demand, servers=servers, people=people))

    def at_peak(self, replicas: int, bots: int) -> Outcome:
        """The peak with fixed numbers of replicas and bot processes."""
        random = np.random.default_rng(self.seed)
        arrived = poisson(self.demand.peak, SECONDS, random)
        works = self.measured.draw_lengths(len(arrived), random)
        works += self.measured.reading * (random.random(len(arrived)) < self.demand.onward)
        limit = bots * default("queue_limit")
        rows = self.rules.rows
        return serve(arrived, works, self.measured.replica, rows, replicas, random, limit)


def sizes(world: World) -> list[dict[str, Any]]:
    """A plan and the waits at the peak for each fleet size."""
    rows = []
    for servers in SIZES:
        sized = world.of_size(servers)
        found = plan(sized.demand, sized.measured, sized.rules)
        waits = _figures(sized.at_peak(found.replicas, found.bots))
        rows.append({"servers": servers, "people": sized.demand.people} | asdict(found) | waits)
    return rows


def one_core(world: World) -> list[dict[str, Any]]:
    """The peak of ever more servers on a single replica."""
    rows = []
    for servers in GROWING:
        sized = world.of_size(servers)
        row = {"servers": servers, "peak": sized.demand.peak}
        rows.append(row | _figures(sized.at_peak(1, 1)))
    return rows


def losses(world: World) -> list[dict[str, Any]]:
    """The peak with just enough replicas, and with some of them missing."""
    tight = plan(world.demand, world.measured, replace(world.rules, busy=1.0))
    left = [tight.replicas - lost for lost in LOST if tight.replicas > lost]
    return [{"replicas": each} | _figures(world.at_peak(each, tight.bots)) for each in left]


def _figures(outcome: Outcome) -> dict[str, float]:
    wait, (p50, p99) = np.percentile(outcome.waits, 99), np.percentile(outcome.times, (50, 99))
    names = ("busy", "refused", "wait_p99", "p50", "p99")
    return dict(
        zip(names, map(float, (outcome.busy, outcome.refused, wait, p50, p99)), strict=True)
    )


def saturation(world: World) -> list[dict[str, Any]]:
    """Where each part saturates, in requests per second and in people per day."""
    return [
        {"part": part, "rate": rate, "people": people_at(rate, world.demand)}
        for part, rate in limits(world.demand, world.measured, world.rules).items()
    ]


QUESTIONS = {"sizes": sizes, "saturation": saturation, "one core": one_core, "losses": losses}
_UNITS = {"busy": "{:.0%}", "refused": "{:.1%}", "loop": "{:.0%}", "store": "{:.0%}",
          "wait_p99": "{:.2f} s", "p50": "{:.2f} s", "p99": "{:.2f} s", "cost": "{:.2f} €",
          "peak": "{:.1f}", "mean_replicas": "{:.1f}"}  # fmt: skip


def _table(title: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=title)
    for name in rows[0]:
        table.add_column(name, justify="right")
    for row in rows:
        cells = (
            value if isinstance(value, str) else _UNITS.get(name, "{:,.0f}").format(value)
            for name, value in row.items()
        )
        table.add_row(*cells)
    return table


def _speeds(text: str) -> Speeds:
    """`1=1500,64=60000`: characters per second by texts at once."""
    pairs = [pair.partition("=") for pair in text.split(",")]
    return Speeds(tuple(int(n) for n, _, _ in pairs), tuple(float(v) for _, _, v in pairs))


def _world(asked: argparse.Namespace) -> World:
    measured = Measured.load(asked.figures)
    if asked.speeds is not None:
        measured = replace(measured, replica=asked.speeds)
    demand = Demand(servers=asked.servers, people=asked.people, telegram=asked.telegram)
    rules = Rules(busy=asked.busy, rows=asked.rows, price=asked.price)
    return World(demand, measured, rules, asked.seed)


def main() -> None:
    """Compute, print, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", type=int, default=Demand.servers)
    parser.add_argument("--people", type=int, default=Demand.people, help="per day")
    parser.add_argument("--telegram", type=float, default=Demand.telegram, help="their share")
    parser.add_argument("--figures", type=Path, default=FIGURES, help="file of benchmarks.capacity")
    parser.add_argument("--speeds", type=_speeds, help="of a replica, instead: 1=1500,64=60000")
    parser.add_argument("--rows", type=int, default=Rules.rows, help="slots of a replica")
    parser.add_argument("--busy", type=float, default=Rules.busy, help="of a replica at the peak")
    parser.add_argument("--price", type=float, default=Rules.price, help="euros per core and hour")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save", type=Path, help="write the figures as JSON")
    asked = parser.parse_args()
    if asked.servers < 1 or asked.people < 1 or not 0 < asked.busy <= 1:
        parser.error("servers and people are at least 1; busy is above 0 and at most 1")
    world, console, found = _world(asked), Console(width=170), {}
    for title, question in QUESTIONS.items():
        found[title] = question(world)
        console.print(_table(title, found[title]))
    if asked.save is not None:
        asked.save.parent.mkdir(parents=True, exist_ok=True)
        asked.save.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
