"""The GPU kernels in the interpreter: logits, samples and speculative tokens.

Triton comes with PyTorch for CUDA. `make test-kernels` installs it where it is not; on a machine
with a GPU these are run there (tests/model/cuda/test_on_a_gpu.py), and not interpreted.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

if torch.cuda.is_available():
    pytest.skip("the kernels themselves can be run here", allow_module_level=True)
os.environ["TRITON_INTERPRET"] = "1"  # looked at when the kernels are imported
pytest.importorskip("triton", reason="there is no Triton here: make test-kernels")

from benchmarks.gpu.tuning import OTHERS, REPLAYS
from model.checkpoint.checkpoint import read_checkpoint
from model.checkpoint.config import DecoderConfig
from model.checkpoint.discovery import bundled_checkpoints
from model.cuda import selection, triton_step
from model.cuda.buffers import (
    AUTOMATON,
    BASE,
    POSITION,
    RING,
    SLOT,
    TOKENS,
    UNIFORMS,
    USED,
    SharedBuffers,
)
from model.cuda.session import COLUMNS, MOST, CudaSession, Plan, plan
from model.cuda.triton_step import KernelSteps, KernelWeights, supports
from model.engine.engine import Engine
from model.engine.generate import generate
from model.native.decoder import load_native
from model.native.library import load
from model.pytorch.backend import load_pytorch
from model.pytorch.checkpoint import TorchCheckpoint, load_checkpoint
from model.pytorch.sampling import sample
from model.text.automaton import Automaton
from model.text.constraints import constraint_masks
from model.text.prompt import Options
from tests.conftest import TINY_TOKENIZER, save_tiny
from tests.model.ahead import load_ahead
from tests.model.natives import remembering
from training.data.drafts import make_drafts

SMALL = bundled_checkpoints() / "small"
# No dimension is a multiple of a tile or block.
SHAPE = DecoderConfig("modern", TINY_TOKENIZER.size, 96, 96, 2, 3, 80)
SMALLEST = DecoderConfig("modern", TINY_TOKENIZER.size, 64, 32, 1, 1, 32)
SLOTS = 5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("fused") / "tiny", config=SHAPE)


@pytest.fixture(scope="module")
def loaded(folder: Path) -> TorchCheckpoint:
    return load_checkpoint(folder)


def buffers_of(loaded: TorchCheckpoint, rows: int = SLOTS) -> SharedBuffers:
    masks, automaton = constraint_masks(loaded.tokenizer), Automaton(loaded.tokenizer)
    return SharedBuffers(rows, 8, COLUMNS[-1], MOST, masks, automaton, torch.device("cpu"))


def steps_of(
    loaded: TorchCheckpoint, buffers: SharedBuffers, dtype: torch.dtype = torch.float32
) -> KernelSteps:
    return KernelSteps(KernelWeights(loaded.decoder, dtype), buffers, COLUMNS[-1], loaded.drafts)


# The interpreter multiplies bfloat16 matrices as integers; float16 is as wide.
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@torch.inference_mode()
def test_logits_equal_decoder_in_any_batch(
    loaded: TorchCheckpoint, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "CHECKED_TOKENS", 6)
    buffers = buffers_of(loaded)
    steps = steps_of(loaded, buffers, dtype)
    assert selection.check(loaded.decoder, steps, buffers)
    if dtype == torch.float32:
        text = torch.arange(40) * 5 % SHAPE.vocabulary
        buffers.columns[:40, 0], buffers.columns[:40, 1] = text.int(), 3
        buffers.columns[:40, 2] = torch.arange(40)
        steps.head_logits(40)  # more columns than a tile has
        expected = loaded.decoder(text[None])[0]
        torch.testing.assert_close(steps.logits[:40], expected, atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def test_check_detects_wrong_kernels(
    loaded: TorchCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "CHECKED_TOKENS", 4)
    buffers = buffers_of(loaded)
    steps = steps_of(loaded, buffers)
    steps._weights.layers[0].down.neg_()
    with pytest.raises(ValueError, match="off by"):
        selection.check(loaded.decoder, steps, buffers)


def place(buffers: SharedBuffers, slot: int, row: int, tokens: list[int], used: int) -> None:
    """Set a slot to these tokens and this number of consumed uniforms."""
    buffers.inputs[slot, SLOT], buffers.inputs[slot, BASE] = row, 2
    state = buffers.states[row]
    state[POSITION], state[AUTOMATON], state[USED] = len(tokens) - 1, 0, used
    for at, token in enumerate(tokens):
        state[TOKENS + at % RING] = token


@pytest.mark.skipif(load() is None, reason="the native kernel was not built")
def test_speculative_tokens_equal_native_kernel(tmp_path: Path) -> None:
    small = load_native(SMALL)
    shape = replace(SHAPE, vocabulary=small.tokenizer.size)
    folder = save_tiny(tmp_path / "tiny", config=shape, tokenizer=small.tokenizer)
    loaded = replace(load_checkpoint(folder), drafts=small.drafts)
    buffers = buffers_of(loaded)
    steps = steps_of(loaded, buffers)
    masks = np.zeros((1, shape.vocabulary), np.float32)
    session = small.decoder.session(1, masks, small.drafts)
    random, lengths = np.random.default_rng(0), list[int]()
    for number in range(12):
        texts = ["que ", "Pues se", "de la Man", "¿Qué", "caballero an", "el pobre señor cura"]
        text = texts[number % len(texts)]
        tokens = [small.tokenizer.start, *small.tokenizer.encode(text)]
        slot, uniforms = number % SLOTS, random.random(6).astype(np.float32) * 0.6
        place(buffers, slot, slot, tokens, used=3)
        buffers.float_inputs[slot, UNIFORMS + 1 : UNIFORMS + 7] = torch.from_numpy(uniforms)
        steps.speculate(SLOTS, 6)
        found = steps.tokens[7 * slot + 1 : 7 * slot + 7].tolist()
        expected = session.speculate(tokens[-7:], uniforms.tolist())
        assert found == expected + [-1] * (6 - len(expected))
        lengths.append(len(expected))
    assert max(lengths) > 3
    assert min(lengths) < 2


def test_speculation_stops_at_context(loaded: TorchCheckpoint) -> None:
    tokens = [1, 2, 3, 4, 5, 6, 7] * 20
    drafts = make_drafts(np.array(tokens, np.uint8))
    buffers = buffers_of(loaded)
    steps = steps_of(replace(loaded, drafts=drafts), buffers)
    for left in range(4):
        place(buffers, left, left, tokens[: SHAPE.context - left], used=2)
    steps.speculate(4, 3)
    assert [(steps.tokens[4 * slot : 4 * slot + 4] > 0).sum() for slot in range(4)] == [0, 1, 2, 3]


def test_samples_equal_pytorch(loaded: TorchCheckpoint) -> None:
    buffers = buffers_of(loaded)
    steps = steps_of(loaded, buffers)
    buffers.masks.zero_()
    buffers.masks[:, 7:20] = -torch.inf
    random = torch.Generator().manual_seed(0)
    for number in range(6):
        temperatures = torch.tensor([0.0, 0.3, 0.8, 1.0, 2.0]).roll(number)
        top_ps = torch.tensor([1.0, 0.95, 0.6, 0.01, 0.9])
        uniforms = torch.rand(SLOTS, generator=random)
        logits = 3 * torch.randn(SLOTS, SHAPE.vocabulary, generator=random)
        for slot in range(SLOTS):
            place(buffers, slot, slot, [1, 2, 3], used=4)
            buffers.sampling_params[slot, 0], buffers.sampling_params[slot, 1] = (
                temperatures[slot],
                top_ps[slot],
            )
            buffers.float_inputs[slot, UNIFORMS + 2] = uniforms[slot]
        steps.logits[:SLOTS] = logits
        buffers.outputs.zero_()
        steps.sample(SLOTS, 0)
        ids, likelihoods = sample(logits + buffers.masks[0], temperatures, top_ps, uniforms)
        expected = ids.int()
        assert buffers.outputs[:SLOTS, 0].tolist() == [1] * SLOTS
        assert torch.equal(buffers.outputs[:SLOTS, 1], expected)
        torch.testing.assert_close(buffers.likelihoods[:SLOTS, 0], likelihoods)
        states = buffers.states[:SLOTS]
        assert torch.equal(states[:, TOKENS + 3], expected)
        assert states[:, POSITION].tolist() == [3] * SLOTS
        assert states[:, USED].tolist() == [5] * SLOTS
        assert torch.equal(states[:, AUTOMATON], buffers.following[0, expected.long()])


def test_full_slot_samples_nothing(loaded: TorchCheckpoint) -> None:
    buffers = buffers_of(loaded)
    steps = steps_of(loaded, buffers)
    place(buffers, 0, 0, [5] * (SHAPE.context + 1), used=2)
    before = buffers.states.clone()
    steps.speculate(1, 2)
    steps.sample(1, 2)
    assert steps._slots[:3].tolist() == [buffers.spare] * 3
    assert buffers.outputs[0, 0] == 0
    assert torch.equal(buffers.states, before)


def test_speculation_changes_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "CHECKED_TOKENS", 3)
    folder = save_tiny(tmp_path / "tiny", config=SMALLEST)
    loaded = load_pytorch(folder)
    options = Options(seed=2, sentences=1, sentence_limit=40, temperature=0.5)
    plain = generate(loaded, "Hola", options)
    # A draft table made of the same text proposes all of it.
    tokens = [TINY_TOKENIZER.start, *TINY_TOKENIZER.encode(plain.text)]
    drafts = make_drafts(np.array(tokens * 5, np.uint8))
    launches = []
    for table, chosen in ((None, Plan(4, 0)), (drafts, Plan(4, 3))):
        monkeypatch.setattr("model.cuda.session.plan", lambda sequences, speculating: chosen)  # noqa: B023
        ahead = replace(load_ahead(folder, kernels=True), drafts=table)
        pieces = list[str]()
        assert generate(ahead, "Hola", options, pieces.append) == plain
        assert ahead.decoder.engine == "kernels"
        launches.append(len(pieces))
    assert launches[1] < 0.6 * launches[0]


def test_first_session_speculates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "CHECKED_TOKENS", 3)
    folder = save_tiny(tmp_path / "tiny", config=SMALLEST)
    drafts = make_drafts(np.array([1, 2, 3] * 20, np.uint8))
    for table in (drafts, None):
        ahead = replace(load_ahead(folder, kernels=True), drafts=table)
        session = Engine(ahead, slots=1)._session
        assert isinstance(session, CudaSession)
        assert session.exact
        assert session.uniforms_needed(1) == plan(1, table is not None).most


def test_supported_shapes() -> None:
    assert supports(SHAPE)
    assert supports(read_checkpoint(SMALL).config)
    assert not supports(replace(SHAPE, heads=6))  # halves of heads would be too narrow
    assert not supports(replace(SHAPE, vocabulary=300))
    assert not supports(replace(SHAPE, final_norm=False))
    assert not supports(remembering(SHAPE, (2,), ()))
    assert not supports(DecoderConfig("reference", 40, 32, 64, 2, 2, 96))


def test_tunable_constants_exist() -> None:
    assert REPLAYS <= MOST
    for name, others in OTHERS.items():
        assert type(getattr(triton_step, name)) is type(others[0])
        assert getattr(triton_step, name) not in others


def test_kernels_compile_for_hopper() -> None:
    """Compiling needs no GPU; see tests/model/cuda/compiling.py."""
    environment = {**os.environ, "TRITON_INTERPRET": "0"}
    command = [sys.executable, "-m", "tests.model.cuda.compiling"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert len(told) == 9
    for kernel in ("project_heads", "project_add", "gate", "head_logits"):
        assert "mma" in told[kernel]
