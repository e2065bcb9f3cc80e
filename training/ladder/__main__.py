"""The command `python -m training.ladder`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from training.arguments import device_named, known
from training.failures import INTERRUPTED, fail, plain_failures, tell

if TYPE_CHECKING:
    from training.ladder.rows import Row
    from training.ladder.runs import Place


@plain_failures()
def main(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="ROW...", help="Only these rows.")
    ] = None,
    data: Annotated[Path, typer.Option(help="Folder that holds the data sets.")] = Path("data"),
    out: Annotated[Path, typer.Option(help="Folder of the runs and results of all scales.")] = Path(
        "runs/ladder"
    ),
    scale: Annotated[str, typer.Option(help="full, small or tiny.")] = "full",
    steps: Annotated[int | None, typer.Option(help="Steps of every row.")] = None,
    budget_seconds: Annotated[
        float | None, typer.Option(help="Stop safely after so long; run again to go on.")
    ] = None,
    validate: Annotated[
        bool, typer.Option("--validate", help="Measure the rows on the validation split, once.")
    ] = False,
    page: Annotated[
        Path | None, typer.Option(help="Markdown file for the table; its picture goes beside it.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    compiled: Annotated[
        bool, typer.Option("--compile/--no-compile", help="Compile where that works.")
    ] = True,
) -> None:
    """Train the rows of the ladder one after another, and write the table.

    Rows that have a result are not run again; one that was stopped goes on where it was.
    """
    from training.ladder.rows import SCALES, experiment_of, rows
    from training.ladder.runs import Place, carry_out
    from training.ladder.runs import validate as measure
    from training.run.stopping import StopRequest

    clock = StopRequest(budget_seconds)
    size = SCALES[known(scale, SCALES, "scale")].lasting(_positive(steps))
    ladder = rows(size)
    chosen = [ladder[known(name, ladder, "row")] for name in names or ladder]
    place = Place(out / scale, device_named(device), compiled)
    command = shlex.join(["python", "-m", "training.ladder", *_lasting(scale, steps, place)])
    for number, row in enumerate(chosen, start=1):
        experiment = experiment_of(row, ladder, size, data)
        tell(f"{number} of {len(chosen)}, {row.name}: {row.what}")
        if validate:
            measure(experiment, place)
        elif clock.due or carry_out(experiment, place, clock.left, tell) is None:
            fail(f"stopped before the end of {row.name}; the same command goes on", INTERRUPTED)
        _write(page or place.out / "README.md", scale, ladder, place, command)


def _positive(steps: int | None) -> int | None:
    if steps is not None and steps < 1:
        fail("--steps must be more than zero")
    return steps


def _lasting(scale: str, steps: int | None, place: Place) -> list[str]:
    """The options that change the rows' results."""
    words = ["--scale", scale]
    words += [] if steps is None else ["--steps", str(steps)]
    return [*words, *([] if place.compile else ["--no-compile"])]


def _write(page: Path, scale: str, ladder: Mapping[str, Row], place: Place, command: str) -> None:
    """The table in its page, and the picture beside it."""
    from training.ladder.markdown import write_part
    from training.ladder.page import ladder_part
    from training.ladder.picture import plot_ladder
    from training.ladder.results import Result

    found = {name: Result.load(place.result(name)) for name in ladder}
    results = {name: result for name, result in found.items() if result is not None}
    picture = page.with_name(f"ladder-{scale}.png")
    plot_ladder(results, picture)
    write_part(page, f"ladder {scale}", ladder_part(ladder, results, command, picture.name))


if __name__ == "__main__":
    typer.run(main)
