"""The progress of a run: a bar, occasional lines, a log and its curve."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from training.report.plots import plot_losses

LOG = "losses.csv"
PICTURE = "losses.png"


@dataclass(frozen=True)
class LogLine:
    """A line of the log.

    train_loss: mean since the previous line, nats per character.
    dev_loss: of the weights that would be kept, nats per character.
    rate: learning rate relative to the peak."""

    step: int
    seconds: float
    characters: int
    length: int
    loss: float
    dev_loss: float | str
    rate: float

    @property
    def words(self) -> str:
        """The line for a reader."""
        dev = f", development part {self.dev_loss:.4f}" if isinstance(self.dev_loss, float) else ""
        return (
            f"step {self.step}, {self.characters / 1e6:.2f} M characters, "
            f"{self.seconds / 60:.1f} min: loss {self.loss:.4f}{dev}"
        )


def write_line(out: Path, line: LogLine, title: str) -> None:
    """Append a line to the log in `out` and redraw the curve."""
    values = asdict(line)
    new = not (out / LOG).exists()
    with (out / LOG).open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, values)
        if new:
            writer.writeheader()
        writer.writerow(values)
    plot_losses(out / LOG, out / PICTURE, title)


def training_bar() -> Progress:
    """A bar whose tasks have the fields loss, speed (characters a second) and left (minutes)."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.1f} % · loss {task.fields[loss]:.4f}"),
        TextColumn("· {task.fields[speed]:,.0f} characters/s · {task.fields[left]} min left"),
        TimeElapsedColumn(),
    )
