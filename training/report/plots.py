"""Loss curves, because a curve is read faster than a column of numbers."""

from __future__ import annotations

import csv
from pathlib import Path

from model.files import replacing


def plot_losses(log: Path, picture: Path, title: str) -> bool:
    """Draw the losses of a training log (CSV) as PNG; False where matplotlib is not installed."""
    try:
        import matplotlib as mpl

        mpl.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        return False
    with log.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    figure, axes = plt.subplots(figsize=(8, 4.5), dpi=110)
    seen = [int(row["characters"]) / 1e6 for row in rows]
    axes.plot(seen, [float(row["loss"]) for row in rows], label="training", linewidth=1)
    dev = [
        (x, float(row["dev_loss"])) for x, row in zip(seen, rows, strict=True) if row["dev_loss"]
    ]
    if dev:
        axes.plot(*zip(*dev, strict=True), "o-", markersize=3, label="development part, averaged")
    axes.axhline(1.1533, color="grey", linestyle=":", label="published model, validation")
    floor = min([float(row["loss"]) for row in rows] + [loss for _, loss in dev])
    axes.set_ylim(min(1.0, floor - 0.05), max(1.8, floor + 0.3))
    axes.set(xlabel="characters read (millions)", ylabel="nats per character", title=title)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    with replacing(picture) as temporary:
        figure.savefig(temporary, format="png")
    plt.close(figure)
    return True
