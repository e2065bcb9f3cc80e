"""Checkpoints that grow: characters, authors, layers and a memory."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from model.pytorch.checkpoint import TorchCheckpoint, load_checkpoint
from model.pytorch.decoder import Decoder
from model.text.tokenizer import Tokenizer
from tests.conftest import TINY_TOKENIZER, save_tiny
from tests.training.runs import tiny, train, trainer
from training.data.corpus import Corpus
from training.recipe.presets import Preset
from training.run.growth import check_growth, grow, joint_vocabulary
from training.run.materials import gather
from training.run.state import TrainingError

MEMORY: dict[str, Any] = {
    "memory_orders": (2, 3),
    "memory_words": (1, 2),
    "memory_rows": 64,
    "memory_width": 8,
}
WIDER = Tokenizer(("cervantes", "galdos", "nadie"), TINY_TOKENIZER.characters + "æ")


def grown(init: TorchCheckpoint, preset: Preset, tokenizer: Tokenizer) -> Decoder:
    config = preset.config(tokenizer)
    check_growth(init, config)
    decoder = Decoder(config)
    decoder.initialize(torch.Generator().manual_seed(0))
    grow(decoder, init, tokenizer)
    return decoder.eval().requires_grad_(False)


def logits(decoder: Decoder, tokenizer: Tokenizer, style: str | None) -> dict[str, float]:
    """The logits of TINY_TOKENIZER's characters behind a phrase."""
    ids = [tokenizer.style_id(style), *tokenizer.encode("Era de noche. Llovía")]
    found = decoder(torch.tensor([ids]))[0, -1]
    return {each: float(found[tokenizer.character_ids[each]]) for each in TINY_TOKENIZER.characters}


@pytest.fixture
def untrained(tmp_path: Path) -> TorchCheckpoint:
    """A checkpoint of the tiny preset's shape."""
    return load_checkpoint(save_tiny(tmp_path / "tiny", context=64))


@pytest.mark.parametrize("changes", [{}, {"layers": 3}], ids=["as it is", "one layer more"])
def test_a_grown_vocabulary_and_new_layers_write_as_before(
    untrained: TorchCheckpoint, changes: dict[str, Any]
) -> None:
    decoder = grown(untrained, tiny(**changes), WIDER)
    for style, before in (("galdos", "galdos"), (None, None), ("nadie", None)):
        expected = logits(untrained.decoder, TINY_TOKENIZER, before)
        assert logits(decoder, WIDER, style) == pytest.approx(expected, abs=1e-5)


def test_new_memory_is_neutral_and_existing_memory_is_kept(
    untrained: TorchCheckpoint, tmp_path: Path
) -> None:
    decoder = grown(untrained, tiny(**MEMORY), TINY_TOKENIZER)
    before = torch.tensor(list(logits(untrained.decoder, TINY_TOKENIZER, None).values()))
    after = torch.tensor(list(logits(decoder, TINY_TOKENIZER, None).values()))
    assert torch.corrcoef(torch.stack((before, after)))[0, 1] > 0.9

    config = tiny(**MEMORY).config(TINY_TOKENIZER)
    memorising = load_checkpoint(save_tiny(tmp_path / "memory", context=64, config=config))
    wider = grown(memorising, tiny(**MEMORY, layers=3), WIDER)
    expected = logits(memorising.decoder, TINY_TOKENIZER, "galdos")
    assert logits(wider, WIDER, "galdos") == pytest.approx(expected, abs=1e-5)


def test_impossible_growth_is_one_sentence(untrained: TorchCheckpoint, tmp_path: Path) -> None:
    def refusal(init: TorchCheckpoint, preset: Preset) -> str:
        with pytest.raises(TrainingError) as raised:
            check_growth(init, preset.config(TINY_TOKENIZER))
        return str(raised.value)

    assert "has width = 32, the preset 16" in refusal(untrained, tiny(width=16))
    assert "has 2 layers, the preset 1; a decoder grows" in refusal(untrained, tiny(layers=1))
    config = tiny(**MEMORY).config(TINY_TOKENIZER)
    memorising = load_checkpoint(save_tiny(tmp_path / "memory", context=64, config=config))
    assert "another n-gram memory" in refusal(memorising, tiny())
    assert "another n-gram memory" in refusal(memorising, tiny(**MEMORY | {"memory_rows": 65}))


def test_a_run_with_a_memory_goes_on_from_a_plain_checkpoint(
    corpus: Corpus, corpus_folder: Path, tmp_path: Path
) -> None:
    train(corpus, tmp_path / "plain", steps=40)
    preset = tiny(**MEMORY, adam_rate=1e-3, muon_rate=1e-3)
    materials = gather(corpus_folder, preset, init=tmp_path / "plain")
    outcome = train(materials, tmp_path / "memory", preset=preset, steps=20)
    plain = load_checkpoint(tmp_path / "plain").metrics["dev_loss"]
    assert outcome.metrics["dev_loss"] < plain
    tables = load_checkpoint(tmp_path / "memory").decoder.state_dict()["memory.tables"]
    assert tables.count_nonzero() == tables.numel()


def test_frozen_tables_stay_as_they_are(
    corpus: Corpus, corpus_folder: Path, tmp_path: Path
) -> None:
    train(corpus, tmp_path / "a", preset=tiny(**MEMORY), steps=5)
    shutil.copytree(tmp_path / "a", tmp_path / "init")
    preset = tiny(**MEMORY, memory_rate=0.0)
    materials = gather(corpus_folder, preset, init=tmp_path / "init")
    before = trainer(materials, tmp_path / "b", preset=preset).state.decoder.state_dict()
    train(materials, tmp_path / "b", preset=preset, steps=5)
    after = load_checkpoint(tmp_path / "b").decoder.state_dict()
    assert torch.equal(before["memory.tables"], after["memory.tables"])
    assert not torch.equal(before["memory.mix.weight"], after["memory.mix.weight"])


def test_a_joint_vocabulary_keeps_the_order_it_knows() -> None:
    assert joint_vocabulary(TINY_TOKENIZER, TINY_TOKENIZER) == TINY_TOKENIZER
    other = Tokenizer(("nadie", "galdos"), "æ ." + TINY_TOKENIZER.characters[:3])
    assert joint_vocabulary(TINY_TOKENIZER, other) == WIDER
