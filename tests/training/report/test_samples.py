"""Samples of each author in a checkpoint's card."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from model.checkpoint.discovery import bundled_checkpoints
from model.engine.generate import generate
from model.runtime import choose_runtime
from model.text.prompt import Options
from training.report.card import record_figures


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A copy of the bundled checkpoint."""
    return shutil.copytree(bundled_checkpoints() / "small", tmp_path / "small")


def test_card_shows_a_reproducible_text_per_author(small: Path, run: Callable[..., Result]) -> None:
    before = {path.name: path.read_bytes() for path in small.iterdir()}
    done = run("samples", small, "--phrase", "Era de noche", "--seed", 5)
    assert done.exit_code == 0, done.output
    card = (small / "README.md").read_text("utf-8")
    checkpoint = choose_runtime().load(small)
    for style in (*checkpoint.tokenizer.styles, None):
        again = generate(checkpoint, "Era de noche", Options(style=style, seed=5))
        assert f"**{style or 'no author given'}**: {again.text}\n" in card
    assert 'litteragpt escribe "Era de noche" --estilo AUTHOR --semilla 5' in card
    changed = {path.name for path in small.iterdir() if path.read_bytes() != before[path.name]}
    assert changed == {"README.md", "metrics.json"}


def test_samples_stay_when_other_figures_are_recorded(
    small: Path, run: Callable[..., Result]
) -> None:
    assert run("samples", small).exit_code == 0
    card = (small / "README.md").read_text("utf-8")
    assert run("samples", small).exit_code == 0
    assert (small / "README.md").read_text("utf-8") == card  # and not twice
    checkpoint = choose_runtime().load(small)
    figures = {**checkpoint.metrics["validation"], "w528": 1.2345}
    record_figures(checkpoint, validation=figures)
    anew = (small / "README.md").read_text("utf-8")
    assert "**1.2345**" in anew
    assert anew.partition("## Samples")[2] == card.partition("## Samples")[2] != ""


def test_a_checkpoint_without_a_training_run_keeps_its_card(
    tiny_checkpoint: Path, refused: Callable[..., str]
) -> None:
    assert "metrics.json" in refused("samples", tiny_checkpoint)
    assert (tiny_checkpoint / "README.md").read_text("utf-8") == "# tiny\n"


def test_invalid_sample_phrase_is_refused(
    tiny_checkpoint: Path, refused: Callable[..., str]
) -> None:
    assert "phrase is empty" in refused("samples", tiny_checkpoint, "--phrase", " ")
    assert "seed is -1" in refused("samples", tiny_checkpoint, "--seed", -1)
    assert "no checkpoint" in refused("samples", "no-such")
