"""A picture of the output of `benchmarks.decoding --save`.

python -m benchmarks.plots FILE PICTURE
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
from matplotlib import pyplot
from matplotlib.ticker import NullFormatter

# The same for all, so that bars can be compared across shapes.
LIMITS = (10, 100_000)
OURS, THEIRS = "#8c2d19", "#b8b0a2"


def draw(found: dict[str, Any], picture: Path) -> None:
    """Bars of characters a second, for each shape and for one and sixteen texts at once."""
    wanted = [(shape, requests) for shape in ("small", "base") for requests in (1, 16)]
    figure, axes = pyplot.subplots(2, 2, figsize=(10, 6.5), layout="constrained")
    for axis, (shape, requests) in zip(axes.flat, wanted, strict=True):
        bars = {
            each["decoder"]: [m["characters_per_second"] for m in each["measurements"]]
            for each in found["figures"]
            if (each["shape"], each["requests"], each["disturbed"]) == (shape, requests, False)
        }
        names = list(bars)[::-1]  # the first at the top
        medians = [statistics.median(bars[name]) for name in names]
        colors = [OURS if name.startswith("native") else THEIRS for name in names]
        axis.barh(names, medians, color=colors)
        for place, value in enumerate(medians):
            axis.annotate(f" {value:,.0f}", (value, place), va="center", fontsize=8)
        axis.set_xscale("log")
        axis.set_xlim(LIMITS)
        axis.xaxis.set_major_formatter("{x:,.0f}")
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_title(f"{shape}, {requests} at once", loc="left", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    figure.supxlabel(f"characters a second in all\n{found['machine']}", fontsize=8)
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text("utf-8")), Path(sys.argv[2]))
