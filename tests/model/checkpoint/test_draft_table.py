"""Speculative tokens save steps and change no text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from model.checkpoint.checkpoint import read_checkpoint
from model.checkpoint.discovery import bundled_checkpoints
from model.checkpoint.draft_table import DraftTable
from model.checkpoint.filenames import DRAFTS
from model.engine.backend import Backend
from model.engine.engine import Engine
from model.engine.generate import compose
from model.engine.loaded_model import LoadedModel
from model.errors import CheckpointError
from model.native.decoder import NativeSession, load_native
from model.native.library import load
from model.pytorch.backend import load_pytorch
from model.text.prompt import Options
from tests.conftest import save_tiny
from training.data.drafts import make_drafts

pytestmark = pytest.mark.skipif(load() is None, reason="the kernel was not built")

SMALL = bundled_checkpoints() / "small"
PHRASES = ("En un lugar de la Mancha", "La heroica ciudad", "Pues señor", "—¿Quién es?", "Yo")


@pytest.fixture(scope="module")
def small() -> LoadedModel[Backend]:
    return load_native(SMALL)


def write(
    checkpoint: LoadedModel[Backend], options: Sequence[Options], rows: int = 1
) -> tuple[list[str], int]:
    """The texts of one engine, and the number of steps."""
    engine, steps = Engine(checkpoint, rows), 0
    sequences = [
        compose(checkpoint, PHRASES[index % len(PHRASES)], each)
        for index, each in enumerate(options)
    ]
    for sequence in sequences:
        engine.add(sequence)
    while engine.busy:
        engine.step()
        steps += 1
    return [sequence.text for sequence in sequences], steps


def guesser(slots: np.ndarray) -> NativeSession:
    """A session with this draft table."""
    checkpoint = load_native(SMALL)
    masks = np.zeros((1, checkpoint.decoder.config.vocabulary), np.float32)
    return checkpoint.decoder.session(1, masks, DraftTable(slots))


@pytest.mark.parametrize("temperature", [0.0, 0.5, 0.8, 1.3])
@pytest.mark.parametrize("rows", [1, 3, 16])
def test_draft_table_changes_no_text(
    small: LoadedModel[Backend], temperature: float, rows: int
) -> None:
    options = [Options(seed=seed, temperature=temperature) for seed in range(rows + 1)]
    fast, steps = write(small, options, rows)
    slow, more_steps = write(replace(small, drafts=None), options, rows)
    assert fast == slow
    assert steps < 0.8 * more_steps


def test_draft_table_changes_no_text_beyond_context(small: LoadedModel[Backend]) -> None:
    options = [Options(seed=seed, sentences=5, sentence_limit=300) for seed in range(3)]
    fast, _ = write(small, options, 2)
    assert max(map(len, fast)) > small.decoder.config.context
    assert fast == write(replace(small, drafts=None), options, 2)[0]


def test_wrong_speculative_tokens_change_no_text(small: LoadedModel[Backend]) -> None:
    slots = np.random.default_rng(0).integers(0, small.tokenizer.size, 1 << 17, np.uint32) << 8
    # Every second entry claims any context: the check bits cannot be computed here.
    keys = np.random.default_rng(1).integers(0, 1 << 16, 1 << 17, np.uint32) << 16
    nonsense = replace(small, drafts=DraftTable(slots | keys | np.uint32(255)))
    options = [Options(seed=seed) for seed in range(4)]
    assert write(nonsense, options, 2)[0] == write(replace(small, drafts=None), options, 2)[0]


def test_only_certain_successors_are_proposed() -> None:
    often, rarely = [10, 11, 12, 13, 14, 15], [20, 21, 22, 23]
    session = guesser(make_drafts(np.array([*often * 50, *rarely * 2, 30] * 3), bits=10).slots)
    assert session.speculate([14, 15, 10, 11, 12], [0.1] * 4) == [13, 14, 15, 10]
    assert session.speculate([14, 15, 10, 11, 12], [0.1, 0.1, 0.999]) == [13, 14]
    assert session.speculate([10, 11], [0.1]) == []  # too short a context
    assert session.speculate([40, 41, 42, 43], [0.1]) == []
    assert session.speculate([], [0.1]) == []


def test_uncertain_longer_context_beats_shorter_one() -> None:
    # 4 follows 1 2 3, but the successor of 9 1 2 3 is uncertain.
    run = [8, 1, 2, 3, 4] * 60 + [
        token for chance in range(5, 25) for token in (9, 1, 2, 3, chance, 7)
    ]
    session = guesser(make_drafts(np.array(run), bits=12).slots)
    assert session.speculate([8, 1, 2, 3], [0.1]) == [4]
    assert session.speculate([9, 1, 2, 3], [0.1]) == []


def test_common_prefix_is_not_read_again(
    small: LoadedModel[Backend], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    plain = NativeSession.extend

    def counted(self, rows, tokens, *rest, **named):  # type: ignore[no-untyped-def]
        read.append(len(tokens))
        plain(self, rows, tokens, *rest, **named)

    monkeypatch.setattr(NativeSession, "extend", counted)
    engine = Engine(replace(small, drafts=None), slots=2)
    phrase = "En un lugar de la Mancha, de cuyo nombre no quiero acordarme"
    texts = []
    for seed, begin in ((1, phrase), (2, "Otra cosa"), (3, phrase), (4, phrase + " nunca")):
        sequence = compose(small, begin, Options(seed=seed, sentences=1))
        engine.add(sequence)
        read.clear()
        engine.step()
        texts.append((sequence, list(read)))
        while engine.busy:
            engine.step()
    *first, (last,) = [reads for _, reads in texts]
    assert first == [[61], [10], [1]]
    assert 1 <= last <= len(" nunca")
    for sequence, _ in texts:
        alone = Engine(replace(small, drafts=None), slots=1)
        again = compose(small, sequence.prompt.text, sequence.options)
        alone.add(again)
        while alone.busy:
            alone.step()
        assert again.text == sequence.text


def test_pytorch_and_missing_table_generate(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    assert read_checkpoint(folder).drafts is None
    options = [Options(seed=1, sentence_limit=60)]
    before = write(load_pytorch(folder), options)
    make_drafts(np.arange(20).repeat(20)).save(folder)
    assert load_pytorch(folder).drafts is not None
    assert write(load_pytorch(folder), options) == before


@pytest.mark.parametrize(
    "tensors",
    [
        {"slots": np.zeros(100, np.uint32)},
        {"slots": np.zeros(1, np.uint32)},
        {"slots": np.zeros((16, 16), np.uint32)},
        {"slots": np.zeros(128, np.int64)},
        {"slots": np.full(128, 0x1FFFF, np.uint32)},  # token 255
        {"other": np.zeros(128, np.uint32)},
    ],
)
def test_invalid_table_is_refused(tmp_path: Path, tensors: dict[str, np.ndarray]) -> None:
    folder = save_tiny(tmp_path / "tiny")
    save_file(tensors, folder / DRAFTS)
    with pytest.raises(CheckpointError) as refused:
        read_checkpoint(folder)
    assert DRAFTS in str(refused.value)


def test_foreign_file_is_refused(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    (folder / DRAFTS).write_bytes(b"\x80\x04nonsense")
    with pytest.raises(CheckpointError, match=r"drafts\.safetensors"):
        read_checkpoint(folder)
