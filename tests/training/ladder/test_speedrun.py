"""The speedrun: how long a recipe trains until a validation loss."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from model.pytorch.checkpoint import load_checkpoint
from training.data.corpus import Corpus
from training.report.evaluation import evaluate_corpus
from training.speedrun import Timed, main, speedrun_part

Speedrun = Callable[..., Result]


@pytest.fixture
def speedrun(corpus_folder: Path, tmp_path: Path) -> Speedrun:
    """Run `python -m training.speedrun` on the smallest recipe."""
    app = typer.Typer()
    app.command()(main)
    fixed = (
        *("--preset", "tiny", "--beside", "tiny", "--beside-set", "steps=5", "--no-compile"),
        *("--data", corpus_folder, "--out", tmp_path / "runs"),
    )

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(word) for word in (*fixed, *arguments)])

    return invoke


def test_each_seed_is_timed_and_measured_on_validation(
    speedrun: Speedrun, corpus: Corpus, tmp_path: Path
) -> None:
    page = tmp_path / "log.md"
    done = speedrun("--set", "steps=40", "--seeds", 2, "--target", 2.5, "--page", page)
    assert done.exit_code == 0, done.output
    text = page.read_text("utf-8")
    table = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| `tiny`")
    ]
    assert [(row[1], row[2], row[6]) for row in table] == [
        ("0", "40", "yes"), ("1", "40", "yes"), ("2", "5", "no"),
    ]  # fmt: skip
    for row in table:
        folder = tmp_path / "runs" / f"tiny-{row[1]}"
        assert row[5] == f"{evaluate_corpus(load_checkpoint(folder), corpus).loss:.4f}"
        metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
        assert row[3] == f"{metrics['seconds']:.1f}"
    assert "2 of 2 runs of `tiny` reached 2.5000" in text
    assert metrics["hardware"] in text


def test_speedrun_out_of_time_resumes(speedrun: Speedrun, tmp_path: Path) -> None:
    stopped = speedrun("--seeds", 1, "--set", "steps=150", "--budget-seconds", 0.5)
    assert stopped.exit_code == 130, stopped.output
    assert "stopped before the end of tiny-0" in stopped.stderr
    done = speedrun("--seeds", 1, "--set", "steps=150")
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "runs/tiny-0/metrics.json").read_text("utf-8"))["steps"] == 150


def test_run_short_of_the_target_is_not_counted() -> None:
    runs = [
        Timed("fast", seed, 10, seconds, 3.0, loss, "a card")
        for seed, seconds, loss in ((0, 10.0, 1.15), (1, 12.0, 1.16))
    ]
    beside = Timed("reference", 2, 100, 180.0, 5.0, 1.149, "a card")
    part = speedrun_part(runs, beside, 1.1533)
    assert "1 of 2 runs of `fast` reached 1.1533 on validation, in 11.0 ± 1.4" in part
    assert "`reference` came to 1.1490 in 180.0 seconds" in part
    assert part.count("a card") == 1


def test_invalid_run_is_one_sentence(speedrun: Speedrun) -> None:
    for arguments, said in (
        (("--seeds", 0), "--seeds must be more than zero"),
        (("--preset", "vast"), "unknown preset 'vast'"),
        (("--set", "layers=x"), "expected a whole number"),
        (("--data", "/no-such"), "missing"),
    ):
        refused = speedrun(*arguments)
        assert refused.exit_code == 1, refused.output
        assert said in refused.stderr
