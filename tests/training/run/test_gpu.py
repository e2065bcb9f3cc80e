"""Training on a GPU: it is not waited for between two steps, and a run goes on as on a CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.runs import tiny, train, train_until, trainer
from training.data.corpus import Corpus
from training.recipe.presets import Phase

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
]

EVERYTHING = tiny(
    phases=(Phase(0.0, 64, 8),), masking=0.1, future=1, stochastic_depth=0.1, ema=None, swa=0.2
)


@pytest.mark.parametrize("masked_by", ["token", "character"])
def test_a_step_does_not_wait_for_the_gpu(masked_by: str, corpus: Corpus, tmp_path: Path) -> None:
    preset = tiny(phases=(Phase(0.0, 64, 8),), masking=0.1, masked_by=masked_by, future=1)
    running = trainer(corpus, tmp_path, preset=preset, device="cuda")
    for _ in range(3):  # the first steps load kernels and the data
        running._step()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            running._step()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_run_on_a_gpu_learns_and_resumes(corpus: Corpus, tmp_path: Path) -> None:
    """The same but for rounding: a GPU does not always add in the same order."""
    asked = {"preset": EVERYTHING, "device": "cuda", "steps": 60}
    whole = train(corpus, tmp_path / "whole", **asked)
    assert whole.metrics["dev_loss"] < 3.0
    assert train_until(corpus, tmp_path / "parts", 25, **asked).stopped
    parts = train(corpus, tmp_path / "parts", resume=True, **asked)
    assert parts.metrics["dev_loss"] == pytest.approx(whole.metrics["dev_loss"], abs=0.05)
    assert parts.metrics["steps"] == 60


def test_a_compiled_run_is_timed_without_its_compilation(corpus: Corpus, tmp_path: Path) -> None:
    done = train(corpus, tmp_path, preset=EVERYTHING, device="cuda", steps=20, compile=True)
    assert done.metrics["compile_seconds"] > 0
    assert done.metrics["dev_loss"] < 4.0
