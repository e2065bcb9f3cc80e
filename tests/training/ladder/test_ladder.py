"""The ladder: running, stopping, resuming, measuring and reporting rows."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner, Result

from model.pytorch.decoder import Decoder
from tests.conftest import vocabulary_of
from training.ladder.__main__ import main
from training.ladder.markdown import write_part
from training.ladder.results import (
    LadderError,
    Windows,
    difference,
    mean,
    standard_error,
)
from training.ladder.rows import ORIGIN, SCALES, preset_of, rows
from training.recipe.overrides import assignments, changed
from training.recipe.presets import PRESETS

Ladder = Callable[..., Result]


@pytest.fixture
def ladder(corpus_folder: Path, tmp_path: Path) -> Ladder:
    """Run `python -m training.ladder` at its smallest."""
    app = typer.Typer()
    app.command()(main)
    fixed = ("--scale", "tiny", "--no-compile", "--data", corpus_folder.parent)

    def invoke(*arguments: object) -> Result:
        words = (*fixed, "--out", tmp_path / "ladder", *arguments)
        return CliRunner().invoke(app, [str(word) for word in words])

    return invoke


def cells(page: Path, name: str) -> list[str]:
    """The cells of a row of the page's table."""
    (line,) = re.findall(rf"^\| `{name}` \|.*$", page.read_text("utf-8"), re.M)
    return [cell.strip() for cell in line.strip("|").split("|")]


@pytest.mark.parametrize("scale", SCALES)
def test_every_row_can_be_written_as_a_command(scale: str) -> None:
    size = SCALES[scale]
    ladder = rows(size)
    assert len(ladder) >= 15
    for row in ladder.values():
        preset = preset_of(row, ladder, size)
        assert changed(PRESETS[ORIGIN], assignments(preset, PRESETS[ORIGIN])) == preset
        if row.after is not None:
            before = preset_of(ladder[row.after], ladder, size)
            assert preset != before or row.seed, row.name
        assert all(list(ladder).index(name) < list(ladder).index(row.name) for name in row.teachers)


def test_full_ladder_keeps_the_published_size() -> None:
    size = SCALES["full"]
    ladder = rows(size)
    assert preset_of(ladder["yardstick"], ladder, size) == PRESETS["reference"]
    for row in ladder.values():
        with torch.device("meta"):
            decoder = Decoder(preset_of(row, ladder, size).config(vocabulary_of(115)))
        assert 19_000_000 < decoder.parameter_count <= 19_300_000, row.name


def test_rows_are_run_and_written_down(ladder: Ladder, tmp_path: Path) -> None:
    page = tmp_path / "docs" / "log.md"
    page.parent.mkdir()
    page.write_text("# Log\n\n<!-- ladder tiny -->\nold\n<!-- end of ladder tiny -->\n\nMore.\n")
    done = ladder("yardstick", "scale", "--page", page)
    assert done.exit_code == 0, done.output
    text = page.read_text("utf-8")
    assert text.startswith("# Log\n\n<!-- ladder tiny -->\n\n| row |")
    assert text.endswith("<!-- end of ladder tiny -->\n\nMore.\n")
    assert "old" not in text
    result = json.loads(
        (tmp_path / "ladder" / "tiny" / "results" / "scale.json").read_text("utf-8")
    )
    assert result["hardware"] in text
    assert cells(page, "scale")[1].endswith("(of `yardstick`): `scale_by_width=false`")
    assert cells(page, "scale")[2].startswith(f"{mean(result['dev']):.4f} ± ")
    assert cells(page, "yardstick")[4] == "—"
    assert "Not run: `yardstick-2`, `norm`" in text
    assert "python -m training.ladder --scale tiny --no-compile ROW" in text
    assert (page.parent / "ladder-tiny.png").read_bytes().startswith(b"\x89PNG")
    # What has a result is not run again.
    before = (tmp_path / "ladder" / "tiny" / "scale" / "model.safetensors").stat().st_mtime_ns
    assert ladder("scale", "--page", page).exit_code == 0
    assert (
        tmp_path / "ladder" / "tiny" / "scale" / "model.safetensors"
    ).stat().st_mtime_ns == before
    assert page.read_text("utf-8") == text


def test_the_command_of_a_row_does_the_same(
    ladder: Ladder, tmp_path: Path, run: Callable[..., Result]
) -> None:
    assert ladder("ema").exit_code == 0
    result = json.loads((tmp_path / "ladder" / "tiny" / "results" / "ema.json").read_text("utf-8"))
    words = shlex.split(result["command"])
    words[words.index("--out") + 1] = str(tmp_path / "again")
    again = run(*words[1:])
    assert again.exit_code == 0, again.output
    weights = [
        (folder / "model.safetensors").read_bytes()
        for folder in (tmp_path / "ladder" / "tiny" / "ema", tmp_path / "again")
    ]
    assert weights[0] == weights[1]


def test_row_out_of_time_resumes_where_it_stopped(ladder: Ladder, tmp_path: Path) -> None:
    steps = ("--steps", 400)
    stopped = ladder("yardstick", "scale", *steps, "--budget-seconds", 0.4)
    assert stopped.exit_code == 130, stopped.output
    assert "stopped before the end of yardstick; the same command goes on" in stopped.stderr
    saved = tmp_path / "ladder" / "tiny" / "yardstick"
    some = json.loads((saved / "metrics.json").read_text("utf-8"))["steps"]
    assert 0 < some < 400
    assert not (tmp_path / "ladder" / "tiny" / "results").exists()
    assert ladder("yardstick", *steps).exit_code == 0
    assert json.loads((saved / "metrics.json").read_text("utf-8"))["steps"] == 400
    refused = ladder("yardstick", "--steps", 7)
    assert refused.exit_code == 1
    assert "is of another recipe (reference reference seed 0" in refused.stderr


def test_validation_is_measured_once_on_request(ladder: Ladder, tmp_path: Path) -> None:
    page = tmp_path / "ladder" / "tiny" / "README.md"
    early = ladder("yardstick", "--validate")
    assert early.exit_code == 1
    assert "yardstick has not been run to its end yet" in early.stderr
    ladder("yardstick")
    assert cells(page, "yardstick")[5] == "—"
    assert ladder("yardstick", "--validate").exit_code == 0
    value = cells(page, "yardstick")[5]
    assert 3 < float(value) < 5
    (tmp_path / "ladder" / "tiny" / "yardstick" / "model.safetensors").unlink()
    assert ladder("yardstick", "--validate").exit_code == 0
    assert cells(page, "yardstick")[5] == value


def test_a_student_needs_its_teachers(ladder: Ladder, tmp_path: Path) -> None:
    refused = ladder("student")
    assert refused.exit_code == 1
    assert "student needs the checkpoint of teacher-1" in refused.stderr
    assert ladder("teacher-1", "teacher-2", "student").exit_code == 0
    metrics = json.loads(
        (tmp_path / "ladder" / "tiny" / "student" / "metrics.json").read_text("utf-8")
    )
    assert [name.split()[0] for name in metrics["teachers"]] == ["teacher-1", "teacher-2"]


def test_invalid_run_is_one_sentence(ladder: Ladder) -> None:
    for arguments, said in (
        (("no-such",), "unknown row 'no-such'; choose one of yardstick"),
        (("--steps", 0), "--steps must be more than zero"),
        (("--scale", "vast"), "choose one of full, small, tiny"),
        (("--data", "/no-such"), "missing"),
    ):
        refused = ladder(*arguments)
        assert refused.exit_code == 1, refused.output
        assert said in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1


def test_differences_are_taken_window_by_window() -> None:
    random = np.random.default_rng(0)
    text = random.normal(1.2, 0.3, 50)  # some stretches are harder than others
    one: Windows = [(text + random.normal(0, 0.01, 50)).tolist() for _ in range(8)]
    other: Windows = [(text + 0.05 + random.normal(0, 0.01, 50)).tolist() for _ in range(8)]
    value, error = difference(other, one)
    assert value == pytest.approx(mean(other) - mean(one))
    assert value == pytest.approx(0.05, abs=4 * error)
    assert error < 0.002 < 0.02 < standard_error(one)
    with pytest.raises(LadderError, match="different windows"):
        difference(one, other[:7])


def test_windows_that_overlap_count_once() -> None:
    """The same stretches seen at eight offsets say no more than at one."""
    text = np.random.default_rng(0).normal(1.2, 0.3, 40).tolist()
    alone, eightfold = standard_error([text]), standard_error([text] * 8)
    assert alone == pytest.approx(eightfold)
    assert alone == pytest.approx(np.std(text, ddof=1) / np.sqrt(40))
    assert standard_error([text, text[:-1]]) == pytest.approx(
        np.std(text[:-1], ddof=1) / np.sqrt(39)
    )


def test_a_page_without_the_part_gets_it_at_its_end(tmp_path: Path) -> None:
    page = tmp_path / "new" / "page.md"
    write_part(page, "a", "one")
    write_part(page, "b", r"\1 two")
    write_part(page, "a", "three")
    assert page.read_text("utf-8") == (
        "<!-- a -->\n\nthree\n\n<!-- end of a -->\n\n<!-- b -->\n\n\\1 two\n\n<!-- end of b -->\n"
    )
