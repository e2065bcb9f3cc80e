"""The result of a row, a small file, and the comparison of two results.

Losses are stored per window. Rows measured on the same windows are compared in pairs, which cancels
the difficulty of each stretch of text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.errors import LitteraError
from model.files import write_json

# For each offset the loss of each window, nats per character.
Windows = list[list[float]]


class LadderError(LitteraError):
    """A row cannot be run or measured."""


@dataclass(frozen=True)
class Result:
    """A finished row.

    recipe: the preset's name and its changed fields.
    validation: None until it is measured.
    """

    name: str
    recipe: list[str]
    command: str
    parameters: int
    steps: int
    characters: int
    seconds: float
    compile_seconds: float
    train_loss: float
    hardware: str
    revision: str | None
    date: str
    dev: Windows
    validation: Windows | None = None

    def save(self, path: Path) -> None:
        """Write it as JSON, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, asdict(self))

    @classmethod
    def load(cls, path: Path) -> Result | None:
        """Read the output of `save`; None without a file. Raises LadderError for a damaged file."""
        try:
            content: dict[str, Any] = json.loads(path.read_text("utf-8"))
            return cls(**content)
        except FileNotFoundError:
            return None
        except (TypeError, ValueError) as error:
            raise LadderError(f"{path}: damaged ({error}); remove it") from None


def mean(windows: Windows) -> float:
    """W528 of these windows."""
    return float(np.concatenate([np.asarray(each) for each in windows]).mean())


def standard_error(windows: Windows) -> float:
    """Standard error of `mean`, nats per character.

    Windows of different offsets overlap, so the n-th windows of all offsets count as one sample:
    only stretches of text as long as a window are independent.
    """
    stretches = _stretches(windows)
    return float(stretches.std(ddof=1) / np.sqrt(len(stretches)))


def difference(windows: Windows, others: Windows) -> tuple[float, float]:
    """Mean and standard error of `windows` less `others`, pair by pair.

    Raises LadderError where they are not losses of the same windows.
    """
    if [len(each) for each in windows] != [len(each) for each in others]:
        raise LadderError("rows that were measured on different windows cannot be compared")
    pairs = [
        (np.asarray(mine) - np.asarray(other)).tolist()
        for mine, other in zip(windows, others, strict=True)
    ]
    return mean(pairs), standard_error(pairs)


def rounded(windows: Sequence[NDArray[np.float64]]) -> Windows:
    """As it is kept."""
    return [each.round(5).tolist() for each in windows]


def _stretches(windows: Windows) -> NDArray[np.float64]:
    shortest = min(len(each) for each in windows)
    stretches: NDArray[np.float64] = np.asarray([each[:shortest] for each in windows]).mean(0)
    return stretches
