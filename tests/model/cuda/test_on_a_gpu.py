"""Tests that need a GPU: captured steps, real kernels, equal texts."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace

import pytest
import torch

from model.checkpoint.discovery import bundled_checkpoints
from model.engine.backend import Backend
from model.engine.engine import Engine
from model.engine.generate import compose, generate
from model.engine.loaded_model import LoadedModel
from model.engine.result import Result
from model.pytorch.backend import load_pytorch
from model.runtime import choose_runtime
from model.text.prompt import Options
from tests.model.ahead import load_ahead

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
]

SMALL = bundled_checkpoints() / "small"
PHRASES = ("En un lugar de la Mancha", "La heroica ciudad", "Pues señor", "—¿Quién es?", "Yo")


def load(kernels: bool, graphs: bool, dtype: torch.dtype = torch.bfloat16) -> LoadedModel[Backend]:
    """The bundled checkpoint with these abilities."""
    return load_ahead(SMALL, kernels, graphs, "cuda", dtype)


def write(checkpoint: LoadedModel[Backend], count: int, rows: int) -> list[str]:
    """Some texts of one engine."""
    engine = Engine(checkpoint, rows)
    sequences = [
        compose(checkpoint, PHRASES[seed % len(PHRASES)], Options(seed=seed))
        for seed in range(count)
    ]
    for sequence in sequences:
        engine.add(sequence)
    while engine.busy:
        engine.step()
    return [sequence.text for sequence in sequences]


def test_kernels_are_captured(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        checkpoint = choose_runtime("auto", "cuda").load(SMALL)
        result = generate(checkpoint, PHRASES[0], Options(seed=1))
    assert len(result.sentences) == 2
    assert caplog.messages == []
    assert checkpoint.decoder.engine == "kernels-graphs"


def test_setting_disables_kernels() -> None:
    checkpoint = choose_runtime("pytorch", "cuda").load(SMALL)
    assert len(generate(checkpoint, PHRASES[0], Options(seed=1)).sentences) == 2
    assert checkpoint.decoder.engine == "pytorch-graphs"


@pytest.mark.parametrize("kernels", [True, False])
def test_captured_step_equals_called_step(kernels: bool) -> None:
    captured, called = load(kernels, graphs=True), load(kernels, graphs=False)
    assert write(captured, 6, 3) == write(called, 6, 3)
    assert captured.decoder.engine.endswith("-graphs")
    assert not called.decoder.engine.endswith("-graphs")


def test_speculation_and_batch_change_no_text() -> None:
    checkpoint = load(kernels=True, graphs=True)
    alone = write(checkpoint, 12, 1)
    assert write(replace(checkpoint, drafts=None), 12, 1) == alone
    assert write(checkpoint, 12, 12) == alone
    assert write(checkpoint, 80, 80)[:12] == alone


def test_float32_text_equals_cpu() -> None:
    ahead, plain = load(False, True, torch.float32), load_pytorch(SMALL)
    options = Options(seed=3, sentences=1)
    told: list[Result] = [generate(each, PHRASES[1], options) for each in (ahead, plain)]
    assert told[0] == told[1]


def test_load_during_generation() -> None:
    checkpoint, others = load(kernels=True, graphs=True), list[list[str]]()
    expected = write(checkpoint, 20, 20)
    loader = threading.Thread(target=lambda: others.append(write(load(True, True), 4, 2)))
    loader.start()
    while loader.is_alive():
        assert write(checkpoint, 20, 20) == expected
    assert others == [expected[:4]]
