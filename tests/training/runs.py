"""Short runs of the tiny preset that are not compiled."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from training.data.corpus import Corpus
from training.recipe.presets import PRESETS, Preset
from training.run.materials import Materials
from training.run.options import Options
from training.run.trainer import Outcome, Trainer


def tiny(**changes: Any) -> Preset:
    """The tiny preset with other values."""
    return replace(PRESETS["tiny"], **changes)


def options(out: Path, **changes: Any) -> Options:
    """The options of such a run, with 30 steps by default."""
    settings = {"steps": 30, "compile": False, "command": "litteragpt train", **changes}
    preset = settings.pop("preset", PRESETS["tiny"])
    return Options("tiny", preset, out, **settings)


def trainer(materials: Corpus | Materials, out: Path, **changes: Any) -> Trainer:
    """A run that has not begun."""
    given = Materials(materials) if isinstance(materials, Corpus) else materials
    return Trainer(options(out, **changes), given, lambda sentence: None)


def train(materials: Corpus | Materials, out: Path, **changes: Any) -> Outcome:
    """Run to the end without a word."""
    return trainer(materials, out, **changes).run()


def train_until(materials: Corpus | Materials, out: Path, step: int, **changes: Any) -> Outcome:
    """Run and stop after `step`, as Ctrl-C would."""
    running = trainer(materials, out, **changes)
    plain = running._step

    def counted() -> tuple[float, float]:
        result = plain()
        running.stop.asked = running.state.progress.step >= step
        return result

    running._step = counted  # type: ignore[method-assign]
    return running.run()
