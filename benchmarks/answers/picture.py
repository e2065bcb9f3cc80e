"""A picture of how long sentences are and how much is copied, beside the books."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("agg")
import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes

from benchmarks.answers.prose import Prose
from benchmarks.plots import OURS, THEIRS

_MOST_BINS = 30


def draw(written: Prose, books: Prose, picture: Path, note: str) -> None:
    """Two histograms as PNG: characters of a sentence, and of a text's longest copied run."""
    figure, (lengths, copies) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    _histogram(lengths, written.sentence_lengths, books.sentence_lengths)
    lengths.set_title("sentences", loc="left", fontsize=10)
    lengths.set(xlabel="characters of a sentence", ylabel="share of the sentences")
    _histogram(copies, written.copied_characters, books.copied_characters)
    copies.set_title("the longest run copied from the training texts", loc="left", fontsize=10)
    copies.set(xlabel="characters of an answer's longest run", ylabel="share of the answers")
    lengths.legend(frameon=False, fontsize=8)
    figure.supxlabel(note, fontsize=8)
    picture.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(picture, dpi=110)
    pyplot.close(figure)


def _histogram(axis: Axes, written: list[int], books: list[int]) -> None:
    """Both over the same bins, as shares, since there may be more of one than of the other."""
    least, most = min(*written, *books), max(*written, *books)
    width = 1 + (most - least) // _MOST_BINS
    edges = np.arange(least, most + width + 1, width) - 0.5
    for values, name, color, filled in (
        (books, "the books", THEIRS, True),
        (written, "the checkpoint", OURS, False),
    ):
        counts, _ = np.histogram(values, edges)
        axis.stairs(counts / len(values), edges, fill=filled, color=color, label=name)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=8)
