"""`python -m benchmarks.simulation QUESTION`: a day of the whole fleet, simulated.

    day       one day: load, latency, machines, money; a picture with --picture
    sizes     a day at each size from 100 servers to 100,000; a picture with --picture
    one       one bot process, one replica, one store: at which size does what break?
    telegram  one token of Telegram and ever more people: how many does it bear?
    losses    the peak without a machine to spare: one lost, two, three
    failures  the peak with the autoscaler: a replica, a bot process, Telegram's process dies
    check     predicted beside measured, with the real bot on this machine

What one part takes is read from a file of `benchmarks.capacity`; docs/scale.md says what else is
assumed, and every assumption is an option here or a field of `Demand`, `Fleet` or `Scaling`.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from benchmarks.simulation import plots, reality, scenarios
from benchmarks.simulation.bots import Fleet
from benchmarks.simulation.demand import DAY, HOUR, LOW, PEAK, Demand
from benchmarks.simulation.fleet import Failure
from benchmarks.simulation.measured import FIGURES, Measured, Speeds
from benchmarks.simulation.record import End
from benchmarks.simulation.report import PERCENTS, STAGES, Prices, Summary, series
from benchmarks.simulation.scenarios import World
from benchmarks.simulation.writing import Scaling

CONSOLE = Console(width=150)
COLUMNS = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
NAMES = {"acknowledged": "acknowledged", "first": "first character", "done": "answer"}


def day(world: World, asked: argparse.Namespace) -> Any:
    """One day."""
    begin, seconds = LOW, asked.hours * HOUR
    if asked.hours < 24:
        begin = PEAK - seconds / 2
    with Progress(*COLUMNS) as bar:
        task = bar.add_task("a day", total=seconds)
        record, summary = world.run(
            begin, seconds, progress=lambda now: bar.update(task, completed=now)
        )
    CONSOLE.print(_overview(summary, world))
    CONSOLE.print(_latency(summary, telegram=world.fleet.fraction == 1))
    found = series(record, world.fleet, begin)
    if asked.picture is not None:
        plots.draw_day(found, asked.picture, _note(world))
    return {"summary": asdict(summary), "series": found}


def sizes(world: World, asked: argparse.Namespace) -> Any:
    """A day at each size."""
    rows = _with_bar(scenarios.SIZES, lambda step: scenarios.sizes(world, scenarios.SIZES, step))
    table = _table(
        "a day at each size", "servers", "requests a day", "a second at the peak",
        "replicas: average, most", "bots", "acknowledged p99", "answer p50 / p99 at the peak",
        "answered", "euros a million",
    )  # fmt: skip
    for row in rows:
        acknowledged, done = row["peak_latency"]["acknowledged"], row["peak_latency"]["done"]
        table.add_row(
            f"{row['servers']:,}", f"{row['asked']:,.0f}", f"{row['peak_rate']:.1f}",
            f"{row['replicas']:.1f}, {row['most_replicas']:.0f}", f"{row['bots']}",
            f"{acknowledged[2]:.2f} s", f"{done[0]:.2f} / {done[2]:.2f} s",
            f"{100 * row['ends'][End.ANSWERED] / row['asked']:.1f} %",
            f"{sum(row['cost'].values()):.2f}",
        )  # fmt: skip
    CONSOLE.print(table)
    if asked.picture is not None:
        plots.draw_sizes(rows, asked.picture, _note(world, fraction=False))
    return rows


def one(world: World, _: argparse.Namespace) -> Any:
    """One of each, and ever more servers."""
    wanted = scenarios.GROWING
    rows = _with_bar(wanted, lambda step: scenarios.one_of_each(world, wanted, step))
    table = _table(
        "the busiest hour with one of each", "servers", "requests a second", "replica busy",
        "event loop", "store", "answer p50 / p99", "answered", "queue full",
    )  # fmt: skip
    for row in rows:
        done, loads, ends = row["latency"]["done"], row["loads"], row["ends"]
        table.add_row(
            f"{row['servers']:,}", f"{row['peak_rate']:.1f}", f"{100 * row['busy']:.0f} %",
            f"{100 * loads['event loop']:.0f} %", f"{100 * loads['store']:.0f} %",
            f"{done[0]:.2f} / {done[2]:.2f} s", f"{100 * ends[End.ANSWERED] / row['asked']:.1f} %",
            f"{100 * ends.get(End.QUEUE_FULL, 0) / row['asked']:.1f} %",
        )  # fmt: skip
    CONSOLE.print(table)
    return rows


def telegram(world: World, _: argparse.Namespace) -> Any:
    """One token, and ever more people."""
    wanted = scenarios.CROWDS
    rows = _with_bar(wanted, lambda step: scenarios.one_token(world, wanted, step))
    table = _table("two hours about the peak with one token", "people a day", "requests a second",
                   "answer p50 / p99", "answer p50 / p99 at the peak", "answered",
                   "queue full")  # fmt: skip
    for row in rows:
        done, peak = row["latency"]["done"], row["peak_latency"]["done"]
        table.add_row(
            f"{row['people']:,}", f"{row['peak_rate']:.1f}", f"{done[0]:.2f} / {done[2]:.2f} s",
            f"{peak[0]:.2f} / {peak[2]:.2f} s",
            f"{100 * row['ends'][End.ANSWERED] / row['asked']:.1f} %",
            f"{100 * row['ends'].get(End.QUEUE_FULL, 0) / row['asked']:.1f} %",
        )  # fmt: skip
    CONSOLE.print(table)
    return rows


def losses(world: World, asked: argparse.Namespace) -> Any:
    """Machines that are lost and not replaced."""
    replicas = asked.replicas or world.enough(PEAK, load=0.8)
    wanted = range(4)
    rows = _with_bar(wanted, lambda step: scenarios.losses(world, replicas, wanted, step))
    table = _deaths(f"the peak with {replicas} replicas, some of which die")
    for row in rows:
        table.add_row(str(row["lost"]), *_death(row))
    CONSOLE.print(table)
    return rows


def failures(world: World, _: argparse.Namespace) -> Any:
    """What dies at the peak, and what people notice."""
    moment = scenarios.DEATH
    wanted = {
        "nothing": (),
        "a replica": (Failure(moment, "replica"),),
        "three replicas": tuple(Failure(moment, "replica") for _ in range(3)),
        "the process with the first shard": (Failure(moment, "bot", 0),),
        "every process of Discord": tuple(Failure(moment, "bot", n) for n in range(world.bots - 1)),
        "Telegram's process": (Failure(moment, "telegram"),),
    }
    rows = _with_bar(wanted, lambda step: scenarios.failures(world, wanted, step))
    table = _deaths("the peak with the autoscaler")
    for row in rows:
        table.add_row(row["what"], *_death(row))
    CONSOLE.print(table)
    return rows


def _deaths(title: str) -> Table:
    heads = ("dies", "rerun", "answer p50 / p99 / p99.9 since", "replicas busy", "not heard",
             "queue full", "given up")  # fmt: skip
    return _table(title, *heads)


def _death(row: dict[str, Any]) -> list[str]:
    ends, after = row["ends"], row["after"]
    counts = (ends.get(end, 0) for end in (End.UNHEARD, End.QUEUE_FULL, End.GIVEN_UP))
    return [
        f"{row['reruns']:,.0f}",
        f"{after[0]:.2f} / {after[2]:.2f} / {after[3]:.2f} s",
        f"{100 * row['busy']:.0f} %",
        *(f"{count:,.0f}" for count in counts),
    ]


def check(world: World, _: argparse.Namespace) -> Any:
    """Predicted beside measured."""
    wanted = reality.cases(world.seed)
    found = asyncio.run(reality.observed(wanted))
    table = _table("predicted and measured", "people", "acknowledged p50 / p99",
                   "measured", "answer p50 / p99", "measured")  # fmt: skip
    rows = []
    for case, real in zip(wanted, found, strict=True):
        simulated = reality.predicted(case, world.measured)
        cells = [case.name]
        for ours, theirs in zip(simulated, real, strict=True):
            for times in (ours, theirs):
                low, high = np.percentile(times, (50, 99))
                cells.append(f"{low:.3f} / {high:.3f} s")
        table.add_row(*cells)
        rows.append(cells)
    CONSOLE.print(table)
    return rows


QUESTIONS: dict[str, Callable[[World, argparse.Namespace], Any]] = {
    "day": day,
    "sizes": sizes,
    "one": one,
    "telegram": telegram,
    "losses": losses,
    "failures": failures,
    "check": check,
}


def _with_bar(steps: Iterable[Any], run: Callable[[Callable[[int], None]], Any]) -> Any:
    with Progress(*COLUMNS) as bar:
        task = bar.add_task("runs", total=len(list(steps)))
        return run(lambda _: bar.advance(task))


def _table(title: str, *heads: str) -> Table:
    table = Table(title=title)
    for head in heads:
        table.add_column(head, justify="right")
    return table


def _overview(summary: Summary, world: World) -> Table:
    table = Table(title=_note(world), show_header=False)
    rows = {
        "requests": f"{summary.asked:,.0f}",
        **{end: f"{count:,.0f} ({100 * count / summary.asked:.2f} %)"
           for end, count in summary.ends.items()},
        "requests a second, busiest quarter of an hour": f"{summary.peak_rate:.0f}",
        "replicas on average, at most": f"{summary.replicas:.1f}, {summary.most_replicas:.0f}",
        "replicas busy": f"{100 * summary.busy:.0f} %",
        "bot processes": f"{summary.bots}",
        **{f"busiest minute of the {name}": f"{100 * load:.0f} %"
           for name, load in summary.loads.items()},
        "written again": f"{summary.reruns:,.0f}",
        **{f"euros for a million answers, {name}": f"{euros:.2f}"
           for name, euros in summary.cost.items()},
        "euros for a million answers": f"{summary.total_cost:.2f}",
    }  # fmt: skip
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def _latency(summary: Summary, *, telegram: bool) -> Table:
    table = _table("seconds", "", *(f"{percent} %" for percent in PERCENTS))
    for title, latency in (("", summary.latency), (", at the peak", summary.peak_latency)):
        for stage in STAGES:
            table.add_row(NAMES[stage] + title, *(f"{value:.2f}" for value in latency[stage]))
    if telegram:  # without its limit, where only a part is simulated, that would say nothing
        table.add_row("answer on Telegram", *(f"{value:.2f}" for value in summary.telegram_latency))
    return table


def _note(world: World, *, fraction: bool = True) -> str:
    demand = world.demand
    size = f"{demand.servers:,} servers, {demand.people:,} people a day, "
    part = world.fleet.fraction
    simulated = f"1/{1 / part:.0f} of it simulated, " if part < 1 else ""
    return (f"{size}{simulated}" if fraction else "") + f"seed {world.seed}"


def _speeds(text: str) -> Speeds:
    """`1=1500,64=60000`: characters a second by texts at once; first characters come with the
    speed of a text."""
    pairs = [pair.partition("=") for pair in text.split(",")]
    at_once = tuple(int(number) for number, _, _ in pairs)
    speed = tuple(float(value) for _, _, value in pairs)
    first = tuple(2 * number / value for number, value in zip(at_once, speed, strict=True))
    return Speeds(at_once, speed, first)


def _world(asked: argparse.Namespace) -> World:
    measured = Measured.load(asked.figures)
    if asked.speeds is not None:
        measured = replace(measured, replica=asked.speeds)
    demand = Demand(
        servers=asked.servers, people=asked.people, telegram=asked.telegram, direct=asked.direct
    )
    scaling = Scaling(target=asked.target, start=asked.start, spare=asked.spare)
    fleet = Fleet(
        shards=asked.shards, identify=asked.identify, rows=asked.rows, scaling=scaling,
        server_minute=asked.server_minute, fraction=asked.fraction,
    )  # fmt: skip
    prices = Prices(replica=asked.price_replica, core=asked.price_core)
    return World(demand, fleet, measured, prices, asked.seed)


def _arguments() -> argparse.Namespace:
    usual, limits = Fleet(), Scaling()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("question", choices=QUESTIONS)
    parser.add_argument("--servers", type=int, default=Demand.servers)
    parser.add_argument("--people", type=int, default=Demand.people)
    parser.add_argument("--telegram", type=float, default=Demand.telegram, help="their share")
    parser.add_argument("--direct", type=float, default=Demand.direct, help="in private, Discord")
    parser.add_argument("--fraction", type=float, default=1.0, help="simulate a part of the whole")
    parser.add_argument("--hours", type=float, default=DAY / HOUR, help="fewer are about the peak")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--figures", type=Path, default=FIGURES, help="what was measured")
    parser.add_argument("--speeds", type=_speeds, help="of a replica, instead: 1=1500,64=60000")
    parser.add_argument("--rows", type=int, default=usual.rows, help="texts at once")
    parser.add_argument("--replicas", type=int, default=0, help="for losses: how many")
    parser.add_argument("--shards", type=int, default=usual.shards, help="for each bot process")
    parser.add_argument("--identify", type=int, default=usual.identify, help="shards in 5 s")
    parser.add_argument("--server-minute", type=int, default=usual.server_minute)
    parser.add_argument("--target", type=float, default=limits.target, help="texts a replica")
    parser.add_argument("--start", type=float, default=limits.start, help="seconds of a machine")
    parser.add_argument("--spare", type=int, default=limits.spare, help="replicas more than needed")
    parser.add_argument("--price-replica", type=float, default=Prices.replica, help="euros an hour")
    parser.add_argument("--price-core", type=float, default=Prices.core, help="euros an hour")
    parser.add_argument("--save", type=Path, help="write everything as JSON")
    parser.add_argument("--picture", type=Path, help="draw it")
    asked = parser.parse_args()
    if not (0 < asked.fraction <= 1 and asked.servers > 0 and asked.people > 0):
        parser.error("a fraction is above 0 and at most 1; servers and people are above 0")
    return asked


def main() -> None:
    """Simulate, print, save."""
    gc.disable()  # nothing here refers to itself, and looking for that takes a sixth of the time
    asked = _arguments()
    found = QUESTIONS[asked.question](_world(asked), asked)
    if asked.save is not None:
        asked.save.parent.mkdir(parents=True, exist_ok=True)
        asked.save.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
