"""The levers of a preset, alone and in runs that resume bit for bit."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.pytorch.decoder import Decoder
from model.text.tokenizer import START
from tests.conftest import TINY_TOKENIZER
from tests.training.runs import tiny, train, train_until, trainer
from training.data.corpus import Corpus
from training.data.dataset import IGNORE, Portion, Position, TrainingData
from training.recipe.muon import BatchedMuon
from training.recipe.objective import Objective
from training.recipe.optimizers import make_optimizers
from training.recipe.presets import Preset

FIRST = TINY_TOKENIZER.size - len(TINY_TOKENIZER.characters)


def decoder_of(preset: Preset) -> Decoder:
    """An untrained decoder in which every weight matters."""
    decoder = Decoder(preset.config(TINY_TOKENIZER))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.normal_(std=0.2, generator=generator)
    return decoder


def objective_of(preset: Preset, teachers: tuple[Decoder, ...] = ()) -> tuple[Objective, Decoder]:
    """The loss of an untrained decoder, and the decoder."""
    decoder = decoder_of(preset)
    return Objective(decoder, preset, teachers), decoder


def batch(rows: int = 4, length: int = 24) -> tuple[Tensor, Tensor]:
    """Random characters after a marker, and their targets."""
    generator = torch.Generator().manual_seed(2)
    shape = (rows, length + 1)
    windows = torch.randint(FIRST, TINY_TOKENIZER.size, shape, generator=generator)
    windows[:, 0] = START
    return windows[:, :-1], windows[:, 1:]


def logits_of(decoder: Decoder, inputs: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return decoder(inputs)  # type: ignore[no-any-return]


# Averages


def test_card_names_the_kept_weights(corpus: Corpus, tmp_path: Path) -> None:
    for name, changes, said in (
        ("none", {"ema": None}, "those of the last step"),
        ("ema", {}, "an average over the last steps"),
    ):
        train(corpus, tmp_path / name, preset=replace(tiny(), **changes), steps=2)
        assert f"The weights are {said}" in (tmp_path / name / "README.md").read_text("utf-8")


def test_average_follows_the_weights(corpus: Corpus, tmp_path: Path) -> None:
    running = trainer(corpus, tmp_path, preset=tiny(ema=0.9), steps=10)
    expected = running.state.decoder.head.weight.detach().clone()
    plain = running._step

    def watched() -> tuple[float, float]:
        step = running.state.progress.step
        result = plain()
        new = 1 - min(0.9, (1 + step) / (10 + step))
        expected.lerp_(running.state.decoder.head.weight.detach(), new)
        return result

    running._step = watched  # type: ignore[method-assign]
    running.run()
    assert torch.allclose(running.averaged().head.weight, expected, atol=1e-6)
    kept = load_file(tmp_path / "model.safetensors")["head.weight"].float()
    assert kept.numpy() == pytest.approx(expected.numpy(), rel=0.01)


# The order of the data


@pytest.mark.parametrize("reshuffle", [True, False])
def test_epoch_order_changes_only_with_reshuffling(reshuffle: bool, corpus: Corpus) -> None:
    position = Position()
    data = TrainingData(corpus.tokenizer, [Portion(corpus.train)], 0, position, reshuffle=reshuffle)
    epochs: dict[int, list[Tensor]] = {}
    while position.epoch < 2:
        inputs, _ = data.batch(64, 64)
        epochs.setdefault(position.epoch, []).append(inputs)
    first, second = (torch.cat(epochs[number]) for number in (0, 1))
    assert torch.equal(first, second) is not reshuffle


def epoch_of(corpus: Corpus, *portions: Portion) -> list[int]:
    """Count of each paragraph in an epoch, by its index over all portions."""
    data = TrainingData(corpus.tokenizer, portions, 0, Position())
    chosen = data._epoch_paragraphs(np.random.default_rng(0))
    number = sum(len(portion.paragraphs) for portion in portions)
    return np.bincount(chosen, minlength=number).tolist()  # type: ignore[no-any-return]


def test_portion_repeats_or_takes_its_share(corpus: Corpus) -> None:
    main, other = corpus.train[:10], corpus.train[10:]
    assert epoch_of(corpus, Portion(main), Portion(other, times=3)) == [1] * 10 + [3] * len(other)
    counts = epoch_of(corpus, Portion(main), Portion(other, share=0.3))
    assert counts[:10] == [1] * 10
    assert set(counts[10:]) == {0, 1}
    lengths = [len(paragraph.text) for paragraph in (*main, *other)]
    drawn = sum(length for length, count in zip(lengths[10:], counts[10:], strict=True) if count)
    assert drawn / (drawn + sum(lengths[:10])) == pytest.approx(0.3, abs=0.05)


def test_style_windows_are_even_over_authors(corpus: Corpus) -> None:
    tokenizer = corpus.tokenizer
    few = [each for each in corpus.train if each.style == "galdos"][:1]
    many = [each for each in corpus.train if each.style == "cervantes"]
    data = TrainingData(tokenizer, [Portion(few), Portion(many, times=50)], 0, Position())
    inputs, _ = data.batch(16, 20_000)
    counts = np.bincount(inputs[:, 0], minlength=tokenizer.size)
    galdos, cervantes = (int(counts[tokenizer.style_id(each.style)]) for each in (few[0], many[0]))
    assert min(galdos, cervantes) > 200
    # Windows that begin anywhere add a few markers of the paragraphs of the longer work.
    assert 0.6 < galdos / cervantes < 1.3
    text = few[0].text
    for window in inputs[inputs[:, 0] == tokenizer.style_id("galdos")]:
        assert tokenizer.decode(window[1:].tolist())[:8] in text


# Optimisers


def test_weight_decays_apply_to_their_matrices() -> None:
    preset = tiny(adam_decay=0.5, muon_decay=2.0, adam_rate=0.1, muon_rate=0.1)
    decoder = decoder_of(preset)
    before = {name: value.detach().clone() for name, value in decoder.named_parameters()}
    for optimizer in make_optimizers(decoder, preset):
        for parameter in decoder.parameters():
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
    for name, value in decoder.named_parameters():
        inside = name.startswith("blocks.") and value.ndim == 2
        kept = 1 - 0.1 * (2.0 if inside else 0.5 if value.ndim == 2 else 0.0)
        assert torch.allclose(value, before[name] * kept), name
    assert {optimizer.defaults["lr"] for optimizer in make_optimizers(decoder, preset)} == {0.1}


def test_batched_muon_matches_torch() -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(24, 16), (16, 24), (24, 16), (16, 16), (24, 16)]
    start = [torch.randn(shape, generator=generator) for shape in shapes]
    optimizers = []
    for kind in (torch.optim.Muon, BatchedMuon):
        parameters = [torch.nn.Parameter(value.clone()) for value in start]
        optimizers.append(kind(parameters, lr=0.05, weight_decay=0.3))
    for _ in range(4):
        gradients = [torch.randn(shape, generator=generator) for shape in shapes]
        for optimizer in optimizers:
            for parameter, gradient in zip(
                optimizer.param_groups[0]["params"], gradients, strict=True
            ):
                parameter.grad = gradient.clone()
            optimizer.step()
    one, other = (optimizer.param_groups[0]["params"] for optimizer in optimizers)
    for mine, theirs, first in zip(one, other, start, strict=True):
        assert torch.allclose(mine, theirs, atol=2e-3)  # bfloat16 inside
        assert (mine - first).abs().max() > 0.05
    states = [optimizer.state_dict()["state"] for optimizer in optimizers]
    for number in range(len(shapes)):
        momenta = [state[number]["momentum_buffer"] for state in states]
        assert torch.allclose(momenta[0], momenta[1], atol=1e-6)


def test_batched_muon_skips_missing_gradients() -> None:
    parameters = [torch.nn.Parameter(torch.ones(4, 4)) for _ in range(2)]
    parameters[0].grad = torch.eye(4)
    BatchedMuon(parameters, lr=0.1).step()
    assert torch.equal(parameters[1], torch.ones(4, 4))
    assert not torch.equal(parameters[0], torch.ones(4, 4))


# Teachers


def test_student_loss_is_divergence_from_mean_teacher() -> None:
    preset = tiny(teacher_weight=0.7, teacher_temperature=2.0, dropout=0.0)
    others = [decoder_of(preset).requires_grad_(False).eval() for _ in range(2)]
    with torch.no_grad():
        others[0].head.weight.mul_(8)
        others[1].head.weight.mul_(-5)
    objective, decoder = objective_of(preset, tuple(others))
    inputs, targets = batch()
    targets = targets.clone()
    targets[0, :3] = IGNORE
    loss, plain = objective.loss(inputs, targets)

    taught = sum(torch.softmax(logits_of(each, inputs) / 2, -1) for each in others) / 2
    assert isinstance(taught, Tensor)
    own = torch.log_softmax(logits_of(decoder, inputs) / 2, -1)
    divergence = (taught * (taught.log() - own)).sum(-1)[targets != IGNORE].mean()
    assert float(divergence.detach()) > 0.01
    expected = 0.3 * plain + 0.7 * 4 * divergence
    assert torch.allclose(loss, expected, rtol=1e-4)


def test_self_distillation_has_zero_divergence() -> None:
    preset = tiny(teacher_weight=1.0, dropout=0.0)
    teacher = decoder_of(preset).requires_grad_(False).eval()
    objective, _ = objective_of(preset, (teacher,))
    loss, plain = objective.loss(*batch())
    assert float(loss) == pytest.approx(0.0, abs=1e-5)
    assert float(plain) > 1


# All of them

LEVERS: dict[str, dict[str, Any]] = {
    "everything": {"reshuffle": False, "accumulation": 2, "adam_decay": 0.1, "ema": None},
    "adam": {"muon_rate": None, "ema": 0.9},
}


@pytest.mark.parametrize("name", LEVERS)
@pytest.mark.parametrize("step", [9, 21])
def test_resumed_run_with_levers_is_bit_exact(
    name: str, step: int, corpus: Corpus, tmp_path: Path
) -> None:
    preset = replace(tiny(), **LEVERS[name])
    train(corpus, tmp_path / "whole", preset=preset)
    assert train_until(corpus, tmp_path / "parts", step, preset=preset).stopped
    assert not train(corpus, tmp_path / "parts", preset=preset, resume=True).stopped
    for file in ("state.safetensors", "model.safetensors"):
        whole, parts = (load_file(tmp_path / run / file) for run in ("whole", "parts"))
        assert whole.keys() == parts.keys()
        assert all(torch.equal(whole[key], parts[key]) for key in whole), file


def test_resumes_a_state_with_keys_of_older_revisions(corpus: Corpus, tmp_path: Path) -> None:
    train(corpus, tmp_path / "whole")
    assert train_until(corpus, tmp_path / "parts", 9).stopped
    path = tmp_path / "parts" / "state.safetensors"
    tensors = load_file(path)
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    settings, progress = json.loads(metadata["settings"]), json.loads(metadata["progress"])
    settings["preset"] |= {"masking": 0.0, "swa": None, "future": 0}
    progress["averaged"] = 0
    metadata = {"settings": json.dumps(settings), "progress": json.dumps(progress)}
    save_file(tensors, path, metadata)
    train(corpus, tmp_path / "parts", resume=True)
    whole, parts = (load_file(tmp_path / run / "model.safetensors") for run in ("whole", "parts"))
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


@pytest.mark.parametrize("name", LEVERS)
def test_run_with_levers_learns(name: str, corpus: Corpus, tmp_path: Path) -> None:
    outcome = train(corpus, tmp_path, preset=replace(tiny(), **LEVERS[name]), steps=60)
    assert outcome.metrics["dev_loss"] < 0.7 * math.log(corpus.tokenizer.size)
