"""The table of a ladder in Markdown."""

from __future__ import annotations

from collections.abc import Mapping

from training.ladder.markdown import header, row
from training.ladder.results import Result, difference, mean, standard_error
from training.ladder.rows import YARDSTICK, Row
from training.recipe.overrides import spelled

_HEAD = (
    "row",
    "what it changes",
    "W528, development part",
    "less the row it changes",
    "less the yardstick",
    "W528, validation",
    "parameters",
    "seconds",
)


def ladder_part(
    ladder: Mapping[str, Row], results: Mapping[str, Result], command: str, picture: str
) -> str:
    """The table of finished rows, the missing rows, the hardware and the command.

    results: by the rows' names.
    picture: address of the output of `plot_ladder`.
    """
    run = {name: results[name] for name in ladder if name in results}
    if not run:
        return "No row has been run yet."
    lines = [*header(_HEAD), *(row(_cells(ladder[name], results)) for name in run)]
    lines += ["", f"![Each row less the yardstick]({picture})", ""]
    if missing := [f"`{name}`" for name in ladder if name not in run]:
        lines += [f"Not run: {', '.join(missing)}.", ""]
    lines += [f"Each row is made by `{command} ROW`.", "", *_places(run)]
    return "\n".join(lines)


def _cells(described: Row, results: Mapping[str, Result]) -> list[str]:
    result = results[described.name]
    validation = "—" if result.validation is None else f"{mean(result.validation):.4f}"
    return [
        f"`{result.name}`",
        _changes(described),
        f"{mean(result.dev):.4f} ± {standard_error(result.dev):.4f}",
        _less(result, results.get(described.after or "")),
        _less(result, results.get(YARDSTICK) if described.after else None),
        validation,
        f"{result.parameters:,}",
        f"{result.seconds:,.0f} + {result.compile_seconds:,.0f}",
    ]


def _changes(described: Row) -> str:
    """In words, of which row, and as `--set` takes it."""
    of = f" (of `{described.after}`)" if described.after else ""
    fields = ", ".join(f"`{name}={spelled(value)}`" for name, value in described.change.items())
    return f"{described.what}{of}{': ' if fields else ''}{fields}"


def _less(result: Result, other: Result | None) -> str:
    """A difference and its standard error."""
    if other is None:
        return "—"
    value, error = difference(result.dev, other.dev)
    return f"{value:+.4f} ± {error:.4f}".replace("-", "−")


def _places(results: Mapping[str, Result]) -> list[str]:
    """On what and when each row was run, rows of the same place and day together."""
    groups: dict[str, list[str]] = {}
    for name, result in results.items():
        read = f"{result.characters / 1e6:.2f} million characters read"
        groups.setdefault(f"{result.hardware}; {result.date}; {read}", []).append(f"`{name}`")
    return [f"- {place}: {', '.join(names)}." for place, names in groups.items()]
