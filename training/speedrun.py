"""The command `python -m training.speedrun`: the time from the start to a validation loss.

The number of steps is fixed beforehand, so no measurement decides when to stop: the loss is checked
after the last step. Only training is timed, from the first batch to the last step, without
compiling, saving and measuring. The published recipe runs beside it, since machines differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, Annotated

import typer

from training.arguments import device_named, known
from training.failures import INTERRUPTED, fail, plain_failures, tell
from training.ladder.markdown import header, row, write_part

if TYPE_CHECKING:
    from training.ladder.runs import Experiment, Place

PUBLISHED = 1.1533


@dataclass(frozen=True)
class Timed:
    """One run: seconds of training and of compiling, W528 on validation, and where it ran."""

    recipe: str
    seed: int
    steps: int
    seconds: float
    compile_seconds: float
    w528: float
    place: str


@plain_failures()
def main(
    data: Annotated[Path, typer.Option(help="The data set `reference`.")] = Path("data/reference"),
    out: Annotated[Path, typer.Option(help="Folder of the runs and results.")] = Path(
        "runs/speedrun"
    ),
    preset: Annotated[str, typer.Option(help="The recipe that is to be fast.")] = "speedrun",
    change: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Another value for a field of it."),
    ] = None,
    seeds: Annotated[int, typer.Option(help="How many runs of it.")] = 5,
    beside: Annotated[str, typer.Option(help="The recipe that runs beside it, once.")] = (
        "reference"
    ),
    beside_change: Annotated[
        list[str] | None,
        typer.Option("--beside-set", metavar="NAME=VALUE", help="A field of that one."),
    ] = None,
    target: Annotated[float, typer.Option(help="W528 to be reached, nats.")] = PUBLISHED,
    budget_seconds: Annotated[
        float | None, typer.Option(help="Stop safely after so long; run again to go on.")
    ] = None,
    page: Annotated[Path | None, typer.Option(help="Markdown file for the table.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    compiled: Annotated[
        bool, typer.Option("--compile/--no-compile", help="Compile where that works.")
    ] = True,
) -> None:
    """Time a recipe from the start to a validation loss, beside the published one."""
    from training.ladder.runs import Place
    from training.run.stopping import StopRequest

    if seeds < 1:
        fail("--seeds must be more than zero")
    clock = StopRequest(budget_seconds)
    experiments = [
        *(_experiment(preset, change or (), data, seed) for seed in range(seeds)),
        _experiment(beside, beside_change or (), data, seeds),
    ]
    # No saves during the timed part.
    place = Place(out, device_named(device), compiled, save_seconds=3600)
    runs = []
    for experiment in experiments:
        tell(f"{experiment.name}, {experiment.preset.steps:,} steps")
        timed = None if clock.due else _timed(experiment, place, clock.left)
        if timed is None:
            fail(
                f"stopped before the end of {experiment.name}; the same command goes on",
                INTERRUPTED,
            )
        runs.append(timed)
    part = speedrun_part(runs[:-1], runs[-1], target)
    tell(part)
    write_part(page or out / "README.md", "speedrun", part)


def _experiment(preset: str, changes: Sequence[str], data: Path, seed: int) -> Experiment:
    from training.ladder.runs import Experiment
    from training.recipe.overrides import changed
    from training.recipe.presets import PRESETS

    recipe = changed(PRESETS[known(preset, PRESETS, "preset")], changes)
    return Experiment(f"{preset}-{seed}", preset, recipe, data, seed)


def _timed(experiment: Experiment, place: Place, seconds_left: float | None) -> Timed | None:
    """Run an experiment to its end and measure it; None if the time was too short."""
    from training.ladder.results import mean as mean_loss
    from training.ladder.runs import carry_out, validate

    if carry_out(experiment, place, seconds_left, tell) is None:
        return None
    result = validate(experiment, place)
    return Timed(
        experiment.preset_name,
        experiment.seed,
        result.steps,
        result.seconds,
        result.compile_seconds,
        mean_loss(result.validation or []),
        f"{result.hardware}; {result.date}",
    )


def speedrun_part(runs: Sequence[Timed], beside: Timed, target: float) -> str:
    """The runs as a Markdown table, with a summary."""
    seconds = [run.seconds for run in runs]
    reached = sum(run.w528 <= target for run in runs)
    spread = f" ± {stdev(seconds):.1f} (standard deviation)" if len(seconds) > 1 else ""
    names = ("recipe", "seed", "steps", "seconds", "compiling", "W528, validation", "reached")
    return "\n".join(
        [
            *header(names),
            *(row(_cells(run, target)) for run in (*runs, beside)),
            "",
            f"{reached} of {len(runs)} runs of `{runs[0].recipe}` reached {target:.4f} on "
            f"validation, in {mean(seconds):.1f}{spread} seconds of training; `{beside.recipe}` "
            f"came to {beside.w528:.4f} in {beside.seconds:.1f} seconds.",
            "",
            *(f"- {place}." for place in dict.fromkeys(run.place for run in (*runs, beside))),
        ]
    )


def _cells(run: Timed, target: float) -> tuple[str, ...]:
    return (
        f"`{run.recipe}`",
        str(run.seed),
        f"{run.steps:,}",
        f"{run.seconds:.1f}",
        f"{run.compile_seconds:.1f}",
        f"{run.w528:.4f}",
        "yes" if run.w528 <= target else "no",
    )


if __name__ == "__main__":
    typer.run(main)
