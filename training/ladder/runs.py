"""Training, resuming and measuring an experiment."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from model.checkpoint.filenames import WEIGHTS
from model.pytorch.checkpoint import load_checkpoint
from training.data.corpus import Corpus, Paragraph
from training.data.dataset import encode_stream
from training.ladder.results import LadderError, Result, Windows, rounded
from training.recipe.overrides import assignments
from training.recipe.presets import PRESETS, Preset
from training.report.evaluation import window_losses
from training.run.materials import gather
from training.run.options import Options
from training.run.trainer import STATE, Trainer

Say = Callable[[str], None]


@dataclass(frozen=True)
class Experiment:
    """A named run.

    preset: the preset `preset_name` with some fields changed.
    teachers: names of experiments of the same place.
    """

    name: str
    preset_name: str
    preset: Preset
    data: Path
    seed: int = 0
    teachers: tuple[str, ...] = ()

    @property
    def changes(self) -> list[str]:
        """The changed fields of the preset, as arguments of `--set`."""
        return assignments(self.preset, PRESETS[self.preset_name])

    @property
    def recipe(self) -> list[str]:
        """Everything that determines the run, in words."""
        return [
            self.preset_name,
            self.data.name,
            f"seed {self.seed}",
            *self.changes,
            *self.teachers,
        ]


@dataclass(frozen=True)
class Place:
    """The folders of runs and results, and the device."""

    out: Path
    device: str = "cpu"
    compile: bool = True
    save_seconds: float | None = None

    def run(self, name: str) -> Path:
        """The folder of a run and its checkpoint: large, and needed to go on."""
        return self.out / name

    def result(self, name: str) -> Path:
        """The file of a result: small, and all that a table is made of."""
        return self.out / "results" / f"{name}.json"


def command_of(experiment: Experiment, place: Place) -> str:
    """The command that does an experiment's training by itself."""
    words = ["litteragpt", "train", "--preset", experiment.preset_name]
    words += ["--data", str(experiment.data), "--out", str(place.run(experiment.name))]
    words += ["--seed", str(experiment.seed)]
    words += [word for change in experiment.changes for word in ("--set", change)]
    words += [word for name in experiment.teachers for word in ("--teacher", str(place.run(name)))]
    return shlex.join([*words, *([] if place.compile else ["--no-compile"])])


def carry_out(
    experiment: Experiment, place: Place, budget_seconds: float | None, say: Say
) -> Result | None:
    """Train, resuming a saved state, and measure on the development part.

    An existing result is returned. Returns None when the run was stopped before its end, by Ctrl-C
    or after `budget_seconds`. Raises LadderError where a teacher is missing or the result is of
    another recipe, and every error of a run.
    """
    done = Result.load(place.result(experiment.name))
    if done is not None:
        if done.recipe != experiment.recipe:
            raise LadderError(
                f"{place.result(experiment.name)}: is of another recipe ({' '.join(done.recipe)}); "
                f"choose another --out, or remove it and {place.run(experiment.name)}"
            )
        return done
    _check_teachers(experiment, place)
    out = place.run(experiment.name)
    options = Options(
        experiment.preset_name,
        experiment.preset,
        out,
        command_of(experiment, place),
        seed=experiment.seed,
        resume=(out / STATE).exists(),
        device=place.device,
        compile=place.compile,
        save_seconds=place.save_seconds,
        budget_seconds=budget_seconds,
    )
    teachers = [place.run(name) for name in experiment.teachers]
    materials = gather(experiment.data, experiment.preset, teachers=teachers, device=place.device)
    outcome = Trainer(options, materials, say).run()
    if outcome.stopped:
        return None
    metrics = outcome.metrics
    result = Result(
        experiment.name,
        experiment.recipe,
        options.command,
        metrics["parameters"],
        metrics["steps"],
        metrics["characters"],
        metrics["seconds"],
        metrics["compile_seconds"],
        metrics["train_loss"],
        metrics["hardware"],
        metrics["revision"],
        datetime.now(UTC).date().isoformat(),
        _measure(out, materials.corpus.dev, place.device),
    )
    result.save(place.result(experiment.name))
    return result


def validate(experiment: Experiment, place: Place) -> Result:
    """Measure a finished run on the validation split, the first time only."""
    result = Result.load(place.result(experiment.name))
    if result is None:
        raise LadderError(f"{experiment.name} has not been run to its end yet")
    if result.validation is None:
        validation = Corpus.load(experiment.data).validation
        windows = _measure(place.run(experiment.name), validation, place.device)
        result = replace(result, validation=windows)
        result.save(place.result(experiment.name))
    return result


def _check_teachers(experiment: Experiment, place: Place) -> None:
    for name in experiment.teachers:
        if not (place.result(name).exists() and (place.run(name) / WEIGHTS).exists()):
            raise LadderError(
                f"{experiment.name} needs the checkpoint of {name} in {place.run(name)}; run "
                f"{name} first, or again after {place.result(name)} is removed"
            )


def _measure(folder: Path, paragraphs: Sequence[Paragraph], device: str) -> Windows:
    checkpoint = load_checkpoint(folder, device)
    stream = encode_stream(checkpoint.tokenizer, paragraphs)
    return rounded(window_losses(checkpoint.decoder, stream))
