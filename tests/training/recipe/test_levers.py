"""Each lever of a preset does what it says, and a run with all of them resumes bit for bit."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from model.pytorch.checkpoint import load_checkpoint
from model.pytorch.decoder import Decoder
from model.text.tokenizer import START
from tests.conftest import TINY_TOKENIZER
from tests.training.runs import tiny, train, train_until, trainer
from training.data.corpus import Corpus
from training.data.dataset import IGNORE, Portion, Position, TrainingData
from training.recipe.extras import Extras
from training.recipe.muon import BatchedMuon
from training.recipe.objective import Objective
from training.recipe.optimizers import make_optimizers
from training.recipe.presets import Preset
from training.recipe.regularizers import StochasticDepth

FIRST = TINY_TOKENIZER.size - len(TINY_TOKENIZER.characters)


def decoder_of(preset: Preset) -> Decoder:
    """An untrained decoder in which every weight matters."""
    decoder = Decoder(preset.config(TINY_TOKENIZER))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.normal_(std=0.2, generator=generator)
    return decoder


def objective_of(
    preset: Preset, teachers: tuple[Decoder, ...] = ()
) -> tuple[Objective, Decoder, Extras]:
    """The loss of such a decoder, the decoder and what is trained beside it."""
    decoder = decoder_of(preset)
    extras = Extras(preset, TINY_TOKENIZER.size, torch.Generator().manual_seed(1))
    return Objective(decoder, extras, preset, TINY_TOKENIZER, teachers), decoder, extras


def batch(rows: int = 4, length: int = 24) -> tuple[Tensor, Tensor]:
    """Random characters behind a marker, and what follows them."""
    generator = torch.Generator().manual_seed(2)
    shape = (rows, length + 1)
    windows = torch.randint(FIRST, TINY_TOKENIZER.size, shape, generator=generator)
    windows[:, 0] = START
    return windows[:, :-1], windows[:, 1:]


def logits_of(decoder: Decoder, inputs: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return decoder(inputs)  # type: ignore[no-any-return]


# Input masking


def test_hidden_characters_are_replaced_by_the_learned_vector_while_training_only() -> None:
    _, decoder, extras = objective_of(tiny(masking=0.3))
    inputs, _ = batch(rows=200)
    plain = F.embedding(inputs, decoder.token_embedding.weight)
    embedded = decoder.train().token_embedding(inputs)
    hidden = (embedded == extras.mask).all(-1)
    assert torch.equal(embedded[~hidden], plain[~hidden])
    assert hidden[:, 1:].float().mean() == pytest.approx(0.3, abs=0.03)
    assert not hidden[:, 0].any(), "a marker was hidden"
    assert torch.equal(decoder.eval().token_embedding(inputs), plain)


def test_other_characters_stand_in_for_hidden_ones() -> None:
    preset = tiny(masking=0.3, masked_by="character")
    objective, decoder, extras = objective_of(preset)
    inputs, targets = batch(rows=200)
    read: list[Tensor] = []
    decoder.token_embedding.register_forward_pre_hook(lambda _, given: read.append(given[0]))
    objective.loss(inputs, targets, None)
    changed = read[0] != inputs
    share = 0.3 * (1 - 1 / len(TINY_TOKENIZER.characters))
    assert changed[:, 1:].float().mean() == pytest.approx(share, abs=0.03)
    assert not changed[:, 0].any(), "a marker was hidden"
    assert read[0].min() == START
    assert (read[0][changed] >= FIRST).all()
    assert extras.mask is None


def test_the_vector_is_learned_and_in_no_checkpoint(corpus: Corpus, tmp_path: Path) -> None:
    running = trainer(corpus, tmp_path, preset=tiny(masking=0.2), steps=3)
    assert running.state.extras.mask is not None
    before = running.state.extras.mask.detach().clone()
    running.run()
    assert not torch.equal(running.state.extras.mask, before)
    weights = load_file(tmp_path / "model.safetensors")
    assert weights.keys() == load_checkpoint(tmp_path).decoder.config.tensors().keys()


# Characters further ahead


def test_the_heads_predict_later_characters_and_weigh_what_they_should() -> None:
    preset = tiny(future=2, future_weight=0.4, dropout=0.0)
    objective, decoder, extras = objective_of(preset)
    inputs, targets = batch()
    targets = targets.clone()
    targets[1, 5] = IGNORE
    weight = objective.future_weight(0.0)
    assert weight is not None
    loss, plain = objective.loss(inputs, targets, weight)

    with torch.autocast("cpu", torch.bfloat16):
        hidden = decoder.hidden(inputs)
        later = [head(hidden).float() for head in extras.heads]
    own = F.cross_entropy(
        logits_of(decoder, inputs).flatten(0, 1), targets.flatten(), ignore_index=-1
    )
    expected = []
    for far, logits in enumerate(later, start=1):
        # At position t stands what is `far` behind the next character.
        losses = [
            -torch.log_softmax(logits[row, t], -1)[targets[row, t + far]]
            for row in range(4)
            for t in range(24 - far)
            if targets[row, t + far] != IGNORE
        ]
        expected.append(torch.stack(losses).mean())
    assert float(plain) == pytest.approx(float(own), rel=1e-5)
    assert float(loss) == pytest.approx(float(own + 0.4 * sum(expected) / 2), rel=1e-5)


def test_their_weight_falls_to_nothing_at_two_thirds() -> None:
    objective, _, _ = objective_of(tiny(future=1, future_weight=0.6))
    weights = [objective.future_weight(fraction) for fraction in (0.0, 1 / 3, 2 / 3, 0.9)]
    assert weights[0] is not None
    assert weights[1] is not None
    assert (float(weights[0]), float(weights[1])) == pytest.approx((0.6, 0.3))
    assert weights[2:] == [None, None]
    assert objective_of(tiny())[0].future_weight(0.0) is None


def test_the_heads_are_trained_for_two_thirds_and_in_no_checkpoint(
    corpus: Corpus, tmp_path: Path
) -> None:
    preset = tiny(future=2)
    train_until(corpus, tmp_path, 20, preset=preset)
    two_thirds = load_file(tmp_path / "state.safetensors")
    train(corpus, tmp_path, preset=preset, resume=True)
    whole = load_file(tmp_path / "state.safetensors")
    head = "extra.heads.1.weight"
    fresh = trainer(corpus, tmp_path / "fresh", preset=preset).state.extras.state_dict()
    assert not torch.equal(two_thirds[head], fresh["heads.1.weight"])
    assert torch.equal(two_thirds[head], whole[head])
    weights = load_file(tmp_path / "model.safetensors")
    assert weights.keys() == load_checkpoint(tmp_path).decoder.config.tensors().keys()


# Averages


def test_swa_is_the_mean_of_the_last_steps(corpus: Corpus, tmp_path: Path) -> None:
    running = trainer(corpus, tmp_path, preset=tiny(ema=None, swa=0.5), steps=10)
    seen: list[Tensor] = []
    plain = running._step

    def watched() -> tuple[float, float]:
        result = plain()
        seen.append(running.state.decoder.head.weight.detach().clone())
        if len(seen) <= 5:
            assert running.averaged() is running.state.decoder
        return result

    running._step = watched  # type: ignore[method-assign]
    running.run()
    mean = torch.stack(seen[5:]).mean(0)
    assert torch.allclose(running.averaged().head.weight, mean, atol=1e-6)
    kept = load_file(tmp_path / "model.safetensors")["head.weight"].float()
    assert kept.numpy() == pytest.approx(mean.numpy(), rel=0.01)


def test_the_card_says_which_weights_were_kept(corpus: Corpus, tmp_path: Path) -> None:
    for name, changes, said in (
        ("none", {"ema": None}, "those of the last step"),
        ("swa", {"ema": None, "swa": 0.5}, "an average over the last steps"),
        ("ema", {}, "an average over the last steps"),
    ):
        train(corpus, tmp_path / name, preset=replace(tiny(), **changes), steps=2)
        assert f"The weights are {said}" in (tmp_path / name / "README.md").read_text("utf-8")


# Stochastic depth


def test_branches_are_left_out_or_scaled_up_for_whole_texts() -> None:
    part = StochasticDepth(0.25, torch.nn.Identity())
    branch = torch.ones(4000, 3, 2)
    out = part.train()(branch)
    kept = out[:, 0, 0] != 0
    assert torch.equal(out, torch.where(kept[:, None, None], 4 / 3, 0.0).expand_as(out))
    assert kept.float().mean() == pytest.approx(0.75, abs=0.03)
    assert torch.equal(part.eval()(branch), branch)


def test_stochastic_depth_rises_with_the_layers_and_leaves_no_trace() -> None:
    preset = tiny(stochastic_depth=0.4)
    _, decoder, _ = objective_of(preset)
    shares = [part.share for part in decoder.modules() if isinstance(part, StochasticDepth)]
    assert shares == [0.2, 0.2, 0.4, 0.4]
    plain = decoder_of(tiny())
    assert decoder.state_dict().keys() == plain.state_dict().keys()
    inputs, _ = batch()
    assert torch.equal(decoder.eval()(inputs), plain.eval()(inputs))
    decoder.train()
    assert not torch.equal(decoder(inputs), decoder(inputs))


# The order of the data


@pytest.mark.parametrize("reshuffle", [True, False])
def test_an_epoch_is_in_the_order_of_the_one_before_only_without_reshuffling(
    reshuffle: bool, corpus: Corpus
) -> None:
    position = Position()
    data = TrainingData(corpus.tokenizer, [Portion(corpus.train)], 0, position, reshuffle=reshuffle)
    epochs: dict[int, list[Tensor]] = {}
    while position.epoch < 2:
        inputs, _ = data.batch(64, 64)
        epochs.setdefault(position.epoch, []).append(inputs)
    first, second = (torch.cat(epochs[number]) for number in (0, 1))
    assert torch.equal(first, second) is not reshuffle


def epoch_of(corpus: Corpus, *portions: Portion) -> list[int]:
    """How often an epoch holds each paragraph, by its place among those of all portions."""
    data = TrainingData(corpus.tokenizer, portions, 0, Position())
    chosen = data._epoch_paragraphs(np.random.default_rng(0))
    number = sum(len(portion.paragraphs) for portion in portions)
    return np.bincount(chosen, minlength=number).tolist()  # type: ignore[no-any-return]


def test_a_portion_is_repeated_or_takes_its_share(corpus: Corpus) -> None:
    main, other = corpus.train[:10], corpus.train[10:]
    assert epoch_of(corpus, Portion(main), Portion(other, times=3)) == [1] * 10 + [3] * len(other)
    counts = epoch_of(corpus, Portion(main), Portion(other, share=0.3))
    assert counts[:10] == [1] * 10
    assert set(counts[10:]) == {0, 1}
    lengths = [len(paragraph.text) for paragraph in (*main, *other)]
    drawn = sum(length for length, count in zip(lengths[10:], counts[10:], strict=True) if count)
    assert drawn / (drawn + sum(lengths[:10])) == pytest.approx(0.3, abs=0.05)


def test_windows_behind_a_style_token_are_drawn_evenly_over_authors(corpus: Corpus) -> None:
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


def test_decays_are_of_the_matrices_that_they_name() -> None:
    preset = tiny(adam_decay=0.5, muon_decay=2.0, adam_rate=0.1, muon_rate=0.1)
    decoder = decoder_of(preset)
    extras = Extras(tiny(future=1), TINY_TOKENIZER.size, torch.Generator())
    before = {name: value.detach().clone() for name, value in decoder.named_parameters()}
    head = extras.heads[0].weight.detach().clone()
    for optimizer in make_optimizers(decoder, extras, preset):
        for parameter in (*decoder.parameters(), *extras.parameters()):
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
    for name, value in decoder.named_parameters():
        inside = name.startswith("blocks.") and value.ndim == 2
        kept = 1 - 0.1 * (2.0 if inside else 0.5 if value.ndim == 2 else 0.0)
        assert torch.allclose(value, before[name] * kept), name
    assert torch.equal(extras.heads[0].weight, head)
    assert {optimizer.defaults["lr"] for optimizer in make_optimizers(decoder, extras, preset)} == {
        0.1
    }


def test_batched_muon_is_torchs_muon() -> None:
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


def test_batched_muon_leaves_alone_what_has_no_gradient() -> None:
    parameters = [torch.nn.Parameter(torch.ones(4, 4)) for _ in range(2)]
    parameters[0].grad = torch.eye(4)
    BatchedMuon(parameters, lr=0.1).step()
    assert torch.equal(parameters[1], torch.ones(4, 4))
    assert not torch.equal(parameters[0], torch.ones(4, 4))


# Teachers


def test_a_student_is_pulled_towards_the_mean_of_its_teachers() -> None:
    preset = tiny(teacher_weight=0.7, teacher_temperature=2.0, dropout=0.0)
    others = [decoder_of(preset).requires_grad_(False).eval() for _ in range(2)]
    with torch.no_grad():
        others[0].head.weight.mul_(8)
        others[1].head.weight.mul_(-5)
    objective, decoder, _ = objective_of(preset, tuple(others))
    inputs, targets = batch()
    targets = targets.clone()
    targets[0, :3] = IGNORE
    loss, plain = objective.loss(inputs, targets, None)

    taught = sum(torch.softmax(logits_of(each, inputs) / 2, -1) for each in others) / 2
    assert isinstance(taught, Tensor)
    own = torch.log_softmax(logits_of(decoder, inputs) / 2, -1)
    divergence = (taught * (taught.log() - own)).sum(-1)[targets != IGNORE].mean()
    assert float(divergence.detach()) > 0.01
    expected = 0.3 * plain + 0.7 * 4 * divergence
    assert torch.allclose(loss, expected, rtol=1e-4)


def test_who_is_taught_by_itself_loses_nothing_by_it() -> None:
    preset = tiny(teacher_weight=1.0, dropout=0.0)
    teacher = decoder_of(preset).requires_grad_(False).eval()
    objective, _, _ = objective_of(preset, (teacher,))
    loss, plain = objective.loss(*batch(), None)
    assert float(loss) == pytest.approx(0.0, abs=1e-5)
    assert float(plain) > 1


# All of them

LEVERS: dict[str, dict[str, Any]] = {
    "everything": {
        "masking": 0.1,
        "future": 2,
        "ema": None,
        "swa": 0.4,
        "stochastic_depth": 0.2,
        "adam_decay": 0.1,
    },
    "noise": {"masking": 0.1, "masked_by": "character", "reshuffle": False, "accumulation": 2},
    "adam": {"muon_rate": None, "future": 1, "ema": 0.9},
}


@pytest.mark.parametrize("name", LEVERS)
@pytest.mark.parametrize("step", [9, 21])
def test_a_resumed_run_with_levers_is_the_same_bit_for_bit(
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


@pytest.mark.parametrize("name", LEVERS)
def test_a_run_with_levers_learns(name: str, corpus: Corpus, tmp_path: Path) -> None:
    outcome = train(corpus, tmp_path, preset=replace(tiny(), **LEVERS[name]), steps=60)
    assert outcome.metrics["dev_loss"] < 0.7 * math.log(corpus.tokenizer.size)
