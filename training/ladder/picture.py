"""The ladder as a picture: how much lower or higher each row is than the yardstick."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from model.files import replacing
from training.ladder.results import Result, difference
from training.ladder.rows import YARDSTICK


def plot_ladder(results: Mapping[str, Result], picture: Path) -> bool:
    """Draw the rows in their order as PNG; False where the yardstick or matplotlib is missing."""
    try:
        import matplotlib as mpl

        mpl.use("Agg")
        import matplotlib.pyplot as plt
    except ImportError:
        return False
    if YARDSTICK not in results:
        return False
    names = list(results)
    pairs = [difference(results[name].dev, results[YARDSTICK].dev) for name in names]
    figure, axes = plt.subplots(figsize=(8, 1.2 + 0.27 * len(names)), dpi=110)
    axes.errorbar(
        [value for value, _ in pairs],
        range(len(names)),
        xerr=[2 * error for _, error in pairs],
        fmt="o",
        markersize=4,
        linewidth=1,
    )
    axes.axvline(0, color="grey", linestyle=":")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("W528 on the development part less the yardstick's (± 2 standard errors)")
    axes.grid(alpha=0.3)
    figure.tight_layout()
    picture.parent.mkdir(parents=True, exist_ok=True)
    with replacing(picture) as temporary:
        figure.savefig(temporary, format="png")
    plt.close(figure)
    return True
