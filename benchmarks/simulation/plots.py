"""Pictures of what the simulation found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

INK, RED, BLUE, GREY = "#3b2f2a", "#8c2d19", "#2f5d7c", "#b8b0a2"
DPI = 100
SECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)


def _plain(axis: Axes, title: str) -> None:
    axis.set_title(title, loc="left", fontsize=10)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=8)
    axis.grid(alpha=0.25, linewidth=0.5)


def draw_day(series: dict[str, Any], picture: Path, note: str) -> None:
    """Requests, latency and machines through the day."""
    figure, (load, wait, fleet) = pyplot.subplots(
        3, 1, figsize=(9, 8), sharex=True, layout="constrained"
    )
    hours = series["hours"]
    load.fill_between(hours, series["answered"], color=GREY, label="answered")
    load.plot(hours, series["asked"], color=RED, linewidth=1, label="asked")
    load.set_ylim(bottom=0)
    load.legend(fontsize=8, frameon=False, loc="upper right")
    _plain(load, "requests a second")
    lines = (
        ("acknowledged", 2, BLUE, ":", "acknowledged, 99 %"),
        ("done", 0, INK, "-", "answer, half of them"),
        ("done", 2, RED, "-", "answer, 99 %"),
        ("done", 3, RED, ":", "answer, 99.9 %"),
    )
    for stage, percent, color, style, label in lines:
        wait.plot(hours, series[stage][percent], style, color=color, linewidth=1.2, label=label)
    wait.set_yscale("log")
    wait.yaxis.set_minor_locator(NullLocator())
    wait.set_yticks(SECONDS, [f"{each:g}" for each in SECONDS])
    shown = [*series["acknowledged"][2], *series["done"][3]]
    wait.set_ylim(0.7 * min(shown), 3 * max(shown))
    wait.legend(fontsize=8, frameon=False, ncols=4, loc="upper right")
    _plain(wait, "seconds")
    fleet.plot(series["minutes"], series["replicas"], color=BLUE, linewidth=1)
    fleet.set_ylim(bottom=0)
    _plain(fleet, "replicas that write, of one core each")
    ticks = range(int(min(hours)) + 1, int(max(hours)) + 2, 3)
    fleet.set_xticks(list(ticks), [f"{hour % 24}" for hour in ticks])
    fleet.set_xlabel(f"hour, UTC\n{note}", fontsize=8)
    figure.savefig(picture, dpi=DPI)
    pyplot.close(figure)


def draw_sizes(rows: list[dict[str, Any]], picture: Path, note: str) -> None:
    """Machines, money and latency by the number of servers."""
    figure, (fleet, money, wait) = pyplot.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    servers = [row["servers"] for row in rows]
    fleet.plot(servers, [row["most_replicas"] for row in rows], "o-", color=RED, label="at most")
    fleet.plot(servers, [row["replicas"] for row in rows], "o-", color=BLUE, label="on average")
    fleet.plot(servers, [row["bots"] for row in rows], "s--", color=INK, label="bot processes")
    _plain(fleet, "replicas and processes")
    below = [0.0] * len(rows)
    for name, color in (("replicas", RED), ("bots", BLUE), ("store", GREY)):
        costs = [row["cost"][name] for row in rows]
        above = [a + b for a, b in zip(below, costs, strict=True)]
        money.fill_between(servers, below, above, color=color, label=name)
        below = above
    money.set_ylim(1, max(above) * 1.5)
    _plain(money, "euros for a million answers (assumed prices)")
    for index, style, label in ((0, "-", "half of them"), (2, "--", "99 %")):
        times = [row["peak_latency"]["done"][index] for row in rows]
        wait.plot(servers, times, f"o{style}", color=INK, label=label)
    wait.set_ylim(0, 1.3 * max(row["peak_latency"]["done"][2] for row in rows))
    _plain(wait, "answer at the busiest quarter of an hour, s")
    for axis in (fleet, money, wait):
        axis.set_xscale("log")
        axis.legend(fontsize=8, frameon=False)
    for axis in (fleet, money):
        axis.set_yscale("log")
    figure.supxlabel(f"servers of Discord, a hundred people a day each\n{note}", fontsize=8)
    figure.savefig(picture, dpi=DPI)
    pyplot.close(figure)
