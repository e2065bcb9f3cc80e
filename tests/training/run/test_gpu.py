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

ONE_PHASE = tiny(phases=(Phase(0.0, 64, 8),))


def test_step_does_not_synchronize(corpus: Corpus, tmp_path: Path) -> None:
    running = trainer(corpus, tmp_path, preset=ONE_PHASE, device="cuda")
    for _ in range(3):  # the first steps load kernels and the data
        running._step()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            running._step()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_gpu_run_learns_and_resumes(corpus: Corpus, tmp_path: Path) -> None:
    """The same but for rounding: a GPU does not always add in the same order."""
    asked = {"preset": ONE_PHASE, "device": "cuda", "steps": 60}
    whole = train(corpus, tmp_path / "whole", **asked)
    assert whole.metrics["dev_loss"] < 3.0
    assert train_until(corpus, tmp_path / "parts", 25, **asked).stopped
    parts = train(corpus, tmp_path / "parts", resume=True, **asked)
    assert parts.metrics["dev_loss"] == pytest.approx(whole.metrics["dev_loss"], abs=0.05)
    assert parts.metrics["steps"] == 60


def test_compilation_is_timed_separately(corpus: Corpus, tmp_path: Path) -> None:
    done = train(corpus, tmp_path, preset=ONE_PHASE, device="cuda", steps=20, compile=True)
    assert done.metrics["compile_seconds"] > 0
    assert done.metrics["dev_loss"] < 4.0
