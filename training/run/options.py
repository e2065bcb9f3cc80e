"""What a run is asked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training.recipe.presets import Preset


@dataclass(frozen=True)
class Options:
    """What a run is asked for. `steps` or `minutes` set its length, of both the one that is over
    first; see `Preset.steps`.

    `budget_seconds` of wall-clock time after it began, the run stops as Ctrl-C would stop it.
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
        """Seconds from one line of the log and save of the state to the next."""
        if self.save_seconds is not None:
            return self.save_seconds
        return 300.0 if self.device == "cpu" else 20.0

    def settings(self) -> dict[str, Any]:
        """What must be equal for a saved state to be this run's."""
        preset = asdict(self.preset)
        del preset["steps"]
        return {"preset": preset, "seed": self.seed}
