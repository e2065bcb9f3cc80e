"""The rows of the ladder: experiments that each change one thing.

Each row changes the row that it comes `after`. The first rows correct the published recipe one by
one; the rows behind `muon` are independent trials; `together` combines the promising ones, and its
ensemble teaches the last row. Edit the list by results on the development part, never by
validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from training.ladder.runs import Experiment
from training.recipe.presets import PRESETS, Phase, Preset

ORIGIN = "reference"
YARDSTICK = "yardstick"


@dataclass(frozen=True)
class Scale:
    """The size of a ladder.

    shape: fields of the preset `reference`, which all rows inherit.
    swiglu: feed-forward width that keeps the parameter count with three matrices instead of two.
    deep: a deeper and narrower shape with the same parameter count.
    """

    shape: Mapping[str, Any]
    swiglu: int
    deep: Mapping[str, Any]
    dropouts: tuple[float, ...]
    decays: tuple[float, ...]
    teachers: int

    def lasting(self, steps: int | None) -> Scale:
        """The same with another number of steps, None for its own."""
        return self if steps is None else replace(self, shape={**self.shape, "steps": steps})


SCALES = {
    # The published shape, budget of parameters and number of steps.
    "full": Scale(
        shape={},
        swiglu=1376,
        deep={"width": 384, "layers": 11, "heads": 6, "feed_forward": 992},
        dropouts=(0.1, 0.2, 0.3),
        decays=(0.1, 0.3, 0.6, 1.2),
        teachers=4,
    ),
    # A core of a CPU for a minute or two a row.
    "small": Scale(
        shape={
            "width": 64,
            "layers": 3,
            "heads": 2,
            "feed_forward": 256,
            "context": 132,
            "phases": (Phase(0.0, 132, 16),),
            "steps": 250,
        },
        swiglu=168,
        deep={"width": 48, "layers": 5, "feed_forward": 128},
        dropouts=(0.0, 0.3),
        decays=(0.1, 0.6),
        teachers=2,
    ),
    # Seconds, for tests.
    "tiny": Scale(
        shape={
            "width": 16,
            "layers": 1,
            "heads": 2,
            "feed_forward": 32,
            "context": 32,
            "phases": (Phase(0.0, 32, 4),),
            "steps": 4,
        },
        swiglu=24,
        deep={"layers": 2, "feed_forward": 16},
        dropouts=(0.3,),
        decays=(0.1, 0.6),
        teachers=2,
    ),
}


@dataclass(frozen=True)
class Row:
    """One run, with the preset fields that it changes (`change`) of the row it comes after."""

    name: str
    what: str
    after: str | None = None
    change: Mapping[str, Any] = field(default_factory=dict)
    data: str = "reference"
    seed: int = 0
    teachers: tuple[str, ...] = ()


def rows(scale: Scale) -> dict[str, Row]:
    """The rows of a ladder in their order, by their names."""
    every = (*_mended(scale), *_grid(scale), *_alone(scale), *_taught(scale))
    return {row.name: row for row in every}


def preset_of(row: Row, ladder: Mapping[str, Row], scale: Scale) -> Preset:
    """The whole recipe of a row: all changes of the rows that it comes after, and its own."""
    changes: dict[str, Any] = {}
    each: Row | None = row
    while each is not None:
        changes = {**each.change, **changes}
        each = ladder[each.after] if each.after is not None else None
    return replace(PRESETS[ORIGIN], **{**scale.shape, **changes})


def experiment_of(row: Row, ladder: Mapping[str, Row], scale: Scale, data: Path) -> Experiment:
    """What a row does with the data sets in the folder `data`."""
    preset = preset_of(row, ladder, scale)
    return Experiment(row.name, ORIGIN, preset, data / row.data, row.seed, row.teachers)


def _mended(scale: Scale) -> tuple[Row, ...]:
    schedule = {"adam_rate": 1e-3, "warmup": 50, "decay": 0.6}
    return (
        Row(YARDSTICK, "the published recipe"),
        Row(f"{YARDSTICK}-2", "the same, another seed", YARDSTICK, seed=1),
        Row("scale", "attention divided by √(head width)", YARDSTICK, {"scale_by_width": False}),
        Row("norm", "the final norm is called", "scale", {"final_norm": True}),
        Row("schedule", "peak 1e-3, warm-up, linear decay", "norm", schedule),
        Row(
            "block",
            "RMSNorm, RoPE, QK-norm, SwiGLU, no biases",
            "schedule",
            {"family": "modern", "feed_forward": scale.swiglu},
        ),
        Row("muon", "Muon inside the blocks", "block", {"muon_rate": 0.01, "adam_rate": 3e-3}),
    )


def _grid(scale: Scale) -> list[Row]:
    """Weight decay × dropout."""
    return [
        Row(
            f"decay-{decay:g}-dropout-{dropout:g}",
            f"weight decay {decay:g}, dropout {dropout:g}",
            "muon",
            {"muon_decay": decay, "dropout": dropout},
        )
        for decay in scale.decays
        for dropout in scale.dropouts
        if (decay, dropout) != (0.1, 0.3)  # which is the row `muon`
    ]


def _alone(scale: Scale) -> tuple[Row, ...]:
    return (
        Row("ema", "running average of the weights", "muon", {"ema": 0.995}),
        Row("fixed-order", "every epoch in the same order", "muon", {"reshuffle": False}),
        Row("deep", "deeper and narrower", "muon", scale.deep),
    )


def _taught(scale: Scale) -> list[Row]:
    together = {"muon_decay": 0.6, "dropout": 0.2, "ema": 0.995}
    teachers = [
        Row(f"teacher-{seed}", f"`together`, seed {seed}", "together", seed=seed)
        for seed in range(1, scale.teachers + 1)
    ]
    student = Row(
        "student",
        f"`together`, taught by {scale.teachers}",
        "together",
        {"teacher_weight": 0.9},
        teachers=tuple(teacher.name for teacher in teachers),
    )
    what = "weight decay 0.6, dropout 0.2, EMA"
    return [Row("together", what, "muon", together), *teachers, student]
