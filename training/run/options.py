"""The options of a run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.recipe.presets import Preset


@dataclass(frozen=True)
class Options:
    """The options of a run.

    steps, minutes: the length; with both, the shorter one. Default: `Preset.steps`.
    budget_seconds: wall-clock time after which the run stops as with Ctrl-C.
    save_seconds: time between two saves.
    dev_offsets: offsets of the development loss in the log.
    """

    preset_name: str
    preset: Preset
    out: Path
    command: str
    steps: int | None = None
    minutes: float | None = None
    seed: int = 0
    resume: bool = False
    device: str = "cpu"
    compile: bool = True
    save_seconds: float | None = None
    dev_offsets: int = 1
    budget_seconds: float | None = None

    @property
    def between_saves(self) -> float:
        """Seconds between two saves of the state, each with a line of the log."""
        if self.save_seconds is not None:
            return self.save_seconds
        return 300.0 if self.device == "cpu" else 20.0

    def settings(self) -> dict[str, Any]:
        """Values that a saved state must share with this run."""
        preset = asdict(self.preset)
        del preset["steps"]
        return {"preset": preset, "seed": self.seed}
