"""Guesses save steps and change no text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from model.checkpoint.checkpoint import Checkpoint, read_checkpoint
from model.checkpoint.discovery import bundled_checkpoints
from model.checkpoint.draft_table import DraftTable
from model.checkpoint.filenames import DRAFTS
from model.engine.backend import Backend
from model.engine.engine import Engine
from model.engine.generate import compose
from model.errors import CheckpointError
from model.native.decoder import NativeSession, load_native
from model.native.library import load
from model.pytorch.checkpoint import load_checkpoint
from model.text.prompt import Options
from tests.conftest import save_tiny
from training.data.drafts import make_drafts

pytestmark = pytest.mark.skipif(load() is None, reason="the kernel was not built")

SMALL = bundled_checkpoints() / "small"
PHRASES = ("En un lugar de la Mancha", "La heroica ciudad", "Pues señor", "—¿Quién es?", "Yo")


@pytest.fixture(scope="module")
def small() -> Checkpoint[Backend]:
    return load_native(SMALL)


def write(
    checkpoint: Checkpoint[Backend], options: Sequence[Options], rows: int = 1
) -> tuple[list[str], int]:
    """The texts of one engine, and how many steps they took."""
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
    """A session that guesses from this table."""
    checkpoint = load_native(SMALL)
    masks = np.zeros((1, checkpoint.decoder.config.vocabulary), np.float32)
    return checkpoint.decoder.session(1, masks, DraftTable(slots))


@pytest.mark.parametrize("temperature", [0.0, 0.5, 0.8, 1.3])
@pytest.mark.parametrize("rows", [1, 3, 16])
def test_texts_are_the_same_with_and_without_drafts(
    small: Checkpoint[Backend], temperature: float, rows: int
) -> None:
    options = [Options(seed=seed, temperature=temperature) for seed in range(rows + 1)]
    fast, steps = write(small, options, rows)
    slow, more_steps = write(replace(small, drafts=None), options, rows)
    assert fast == slow
    assert steps < 0.8 * more_steps


def test_texts_beyond_the_context_are_the_same_too(small: Checkpoint[Backend]) -> None:
    options = [Options(seed=seed, sentences=5, sentence_limit=300) for seed in range(3)]
    fast, _ = write(small, options, 2)
    assert max(map(len, fast)) > small.decoder.config.context
    assert fast == write(replace(small, drafts=None), options, 2)[0]


def test_wrong_guesses_harm_nothing(small: Checkpoint[Backend]) -> None:
    slots = np.random.default_rng(0).integers(0, small.tokenizer.size, 1 << 17, np.uint32) << 8
    # Every second slot knows whatever context comes: it cannot be checked here which one does.
    keys = np.random.default_rng(1).integers(0, 1 << 16, 1 << 17, np.uint32) << 16
    nonsense = replace(small, drafts=DraftTable(slots | keys | np.uint32(255)))
    options = [Options(seed=seed) for seed in range(4)]
    assert write(nonsense, options, 2)[0] == write(replace(small, drafts=None), options, 2)[0]


def test_what_always_followed_is_guessed_and_the_rest_is_not() -> None:
    often, rarely = [10, 11, 12, 13, 14, 15], [20, 21, 22, 23]
    session = guesser(make_drafts(np.array([*often * 50, *rarely * 2, 30] * 3), bits=10).slots)
    assert session.draft([14, 15, 10, 11, 12], [0.1] * 4) == [13, 14, 15, 10]
    assert session.draft([14, 15, 10, 11, 12], [0.1, 0.1, 0.999]) == [13, 14]
    assert session.draft([10, 11], [0.1]) == []  # too short a context
    assert session.draft([40, 41, 42, 43], [0.1]) == []
    assert session.draft([], [0.1]) == []


def test_a_longer_context_that_is_unsure_is_believed_before_a_shorter_one() -> None:
    # Behind 1 2 3 comes 4, but behind 9 1 2 3 it is anybody's guess.
    run = [8, 1, 2, 3, 4] * 60 + [
        token for chance in range(5, 25) for token in (9, 1, 2, 3, chance, 7)
    ]
    session = guesser(make_drafts(np.array(run), bits=12).slots)
    assert session.draft([8, 1, 2, 3], [0.1]) == [4]
    assert session.draft([9, 1, 2, 3], [0.1]) == []


def test_a_text_that_begins_like_an_earlier_one_is_not_read_again(
    small: Checkpoint[Backend], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    plain = NativeSession.extend

    def counted(self, rows, tokens, *rest, **named):  # type: ignore[no-untyped-def]
        read.append(len(tokens))
        plain(self, rows, tokens, *rest, **named)

    monkeypatch.setattr(NativeSession, "extend", counted)
    engine = Engine(replace(small, drafts=None), rows=2)
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
        alone = Engine(replace(small, drafts=None), rows=1)
        again = compose(small, sequence.prompt.text, sequence.options)
        alone.add(again)
        while alone.busy:
            alone.step()
        assert again.text == sequence.text


def test_a_checkpoint_without_drafts_and_one_on_pytorch_write_as_well(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    assert read_checkpoint(folder).drafts is None
    options = [Options(seed=1, sentence_limit=60)]
    before = write(load_checkpoint(folder), options)
    make_drafts(np.arange(20).repeat(20)).save(folder)
    assert load_checkpoint(folder).drafts is not None
    assert write(load_checkpoint(folder), options) == before


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
def test_a_table_that_is_none_is_refused(tmp_path: Path, tensors: dict[str, np.ndarray]) -> None:
    folder = save_tiny(tmp_path / "tiny")
    save_file(tensors, folder / DRAFTS)
    with pytest.raises(CheckpointError) as refused:
        read_checkpoint(folder)
    assert DRAFTS in str(refused.value)


def test_a_file_that_is_no_table_at_all_is_refused(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "tiny")
    (folder / DRAFTS).write_bytes(b"\x80\x04nonsense")
    with pytest.raises(CheckpointError, match=r"drafts\.safetensors"):
        read_checkpoint(folder)
