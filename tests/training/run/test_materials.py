"""Runs that begin with weights, learn from teachers and read several data sets."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import Result

from model.pytorch.checkpoint import load_checkpoint
from tests.conftest import save_tiny
from tests.training.runs import tiny, train, train_until, trainer
from training.data.corpus import Corpus, build
from training.report.evaluation import window_loss
from training.run.materials import gather
from training.run.state import TrainingError


@pytest.fixture(scope="session")
def five_works_folder(editions: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`five-works` of the same editions."""
    folder = tmp_path_factory.mktemp("built") / "five-works"
    build("five-works", editions, lambda work: None).save(folder)
    return folder


@pytest.fixture(scope="session")
def learned(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of the tiny preset that has learned something."""
    out = tmp_path_factory.mktemp("runs") / "learned"
    train(corpus, out, steps=120)
    return out


@pytest.fixture(scope="session")
def another(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second one, of another seed and shape."""
    out = tmp_path_factory.mktemp("runs") / "another"
    train(corpus, out, steps=60, seed=7, preset=tiny(width=16))
    return out


def test_run_begins_with_the_given_weights(
    corpus_folder: Path, learned: Path, tmp_path: Path
) -> None:
    materials = gather(corpus_folder, tiny(), init=learned)
    given = load_file(learned / "model.safetensors")
    begun = trainer(materials, tmp_path / "a").state.decoder.state_dict()
    assert begun.keys() == given.keys()
    assert all(torch.equal(begun[name], given[name].float()) for name in given)
    steps = {"steps": 5, "preset": tiny(adam_rate=1e-4, muon_rate=1e-4)}
    tuned = train(materials, tmp_path / "a", **steps)
    fresh = train(gather(corpus_folder, tiny()), tmp_path / "b", **steps)
    assert tuned.metrics["dev_loss"] < fresh.metrics["dev_loss"] - 0.5
    assert tuned.metrics["init"].startswith("learned (")
    assert "learned" in (tmp_path / "a" / "README.md").read_text("utf-8")


def test_a_student_of_several_teachers_comes_closer_to_them(
    corpus_folder: Path, learned: Path, another: Path, tmp_path: Path
) -> None:
    preset = tiny(teacher_weight=1.0)
    taught = gather(corpus_folder, preset, teachers=[learned, another])
    corpus = taught.corpus
    # Text that the student is never asked to predict rightly: it learns from opinions alone.
    outcome = train(taught, tmp_path / "taught", preset=preset, steps=60)
    assert [name.split()[0] for name in outcome.metrics["teachers"]] == ["learned", "another"]
    alone = train(corpus, tmp_path / "alone", preset=preset, steps=60)
    stream = trainer(corpus, tmp_path / "none").dev
    assert stream is not None
    inputs = torch.from_numpy(stream[:64])[None]

    def probabilities(folder: Path) -> torch.Tensor:
        return torch.softmax(load_checkpoint(folder).decoder(inputs), -1)

    ensemble = (probabilities(learned) + probabilities(another)) / 2
    distances = [
        float((ensemble - probabilities(tmp_path / name)).abs().sum(-1).mean())
        for name in ("taught", "alone")
    ]
    assert distances[0] < distances[1]
    assert outcome.metrics["dev_loss"] < alone.metrics["dev_loss"] + 0.3


def test_full_run_resumes_bit_for_bit_with_same_inputs(
    corpus_folder: Path, five_works_folder: Path, learned: Path, another: Path, tmp_path: Path
) -> None:
    materials = gather(
        corpus_folder,
        tiny(),
        mix=[f"{five_works_folder}=2", f"{five_works_folder}=25%"],
        init=learned,
        teachers=[another],
    )
    train(materials, tmp_path / "whole")
    assert train_until(materials, tmp_path / "parts", 13).stopped
    train(materials, tmp_path / "parts", resume=True)
    whole, parts = (load_file(tmp_path / run / "state.safetensors") for run in ("whole", "parts"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    for less in (
        replace(materials, teachers=()),
        replace(materials, init=None),
        replace(materials, mixed=materials.mixed[:1]),
    ):
        with pytest.raises(TrainingError, match="resume with the same options"):
            trainer(less, tmp_path / "parts", resume=True)


def test_vocabulary_of_the_checkpoint_grows_with_the_data(
    corpus_folder: Path, learned: Path, tmp_path: Path
) -> None:
    larger = _with_more_characters(corpus_folder, tmp_path / "larger")
    wide = gather(larger, tiny())
    train(wide, tmp_path / "wide", steps=2)
    assert wide.corpus.tokenizer.size == Corpus.load(corpus_folder).tokenizer.size + 1
    for option in ({"init": tmp_path / "wide"}, {"teachers": [tmp_path / "wide"]}):
        materials = gather(corpus_folder, tiny(), **option)  # type: ignore[arg-type]
        assert materials.corpus.tokenizer == wide.corpus.tokenizer
    train(gather(corpus_folder, tiny(), init=tmp_path / "wide"), tmp_path / "tuned", steps=2)
    assert load_checkpoint(tmp_path / "tuned").tokenizer == wide.corpus.tokenizer
    with pytest.raises(TrainingError, match="has another vocabulary than"):
        gather(corpus_folder, tiny(), init=learned, teachers=[tmp_path / "wide"])
    grown = gather(larger, tiny(), init=learned).corpus.tokenizer
    assert grown.character_ids == wide.corpus.tokenizer.character_ids
    with pytest.raises(TrainingError, match="holds æ, which the vocabulary lacks"):
        gather(corpus_folder, tiny(), mix=[f"{larger}=2"])


def _with_more_characters(folder: Path, to: Path) -> Path:
    """A data set whose vocabulary holds one character more."""
    shutil.copytree(folder, to)
    tokenizer = json.loads((to / "tokenizer.json").read_text("utf-8"))
    tokenizer["characters"] += "æ"
    (to / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    return to


def test_incompatible_inputs_are_one_sentence(
    corpus_folder: Path, learned: Path, another: Path, tmp_path: Path
) -> None:
    def refusal(**asked: object) -> str:
        with pytest.raises(TrainingError) as raised:
            gather(corpus_folder, tiny(), **asked)  # type: ignore[arg-type]
        return str(raised.value)

    assert "has width = 16, the preset 32; choose another preset or --set width=16" in refusal(
        init=another
    )
    foreign = save_tiny(tmp_path / "foreign", context=64)
    assert "has the author anonimo, whom the vocabulary lacks" in refusal(teachers=[foreign])
    longer = tiny(context=96, phases=(replace(tiny().phases[0], length=96),))
    with pytest.raises(TrainingError, match="reads 64 characters at most and cannot teach with"):
        gather(corpus_folder, longer, teachers=[learned])
    for mix in ("data", "data=", "data=0", "data=0%", "data=100%", "data=1.5", "=3"):
        assert "write FOLDER=3 for three times over, or FOLDER=25%" in refusal(mix=[mix])
    assert "must leave something for --data" in refusal(mix=[f"{corpus_folder}=50%"] * 2)


def test_a_data_set_of_another_split_is_not_mixed_in(
    corpus: Corpus, corpus_folder: Path, tmp_path: Path
) -> None:
    for part in ("dev", "validation"):
        other = replace(corpus, **{part: getattr(corpus, part)[1:]})
        other.save(tmp_path / part)
        with pytest.raises(TrainingError, match="another validation or development part"):
            gather(corpus_folder, tiny(), mix=[f"{tmp_path / part}=2"])


def test_the_command_takes_them_all(
    corpus_folder: Path,
    five_works_folder: Path,
    learned: Path,
    another: Path,
    tmp_path: Path,
    run: Callable[..., Result],
) -> None:
    out = tmp_path / "run"
    fixed = ("train", "--preset", "tiny", "--data", five_works_folder, "--out", out)
    result = run(
        *(*fixed, "--steps", 4, "--no-compile", "--init", learned, "--set", "teacher_weight=0.3"),
        *("--teacher", another, "--teacher", learned, "--mix", f"{corpus_folder}=25%"),
    )
    assert result.exit_code == 0, result.output
    metrics = load_checkpoint(out).metrics
    assert metrics["mixed"] == ["reference 25%"]
    assert metrics["recipe"]["teacher_weight"] == 0.3
    assert len(metrics["teachers"]) == 2
    card = (out / "README.md").read_text("utf-8")
    assert "taught by" in card
    assert "reference 25%" in card


def test_run_out_of_time_stops_and_resumes(
    corpus_folder: Path, tmp_path: Path, run: Callable[..., Result], refused: Callable[..., str]
) -> None:
    out = tmp_path / "run"
    fixed = ("train", "--preset", "tiny", "--data", corpus_folder, "--out", out, "--no-compile")
    stopped = run(*fixed, "--steps", 100_000, "--budget-seconds", 0.5)
    assert stopped.exit_code == 130
    assert "stopped and saved after" in stopped.stderr
    steps = load_checkpoint(out).metrics["steps"]
    assert 0 < steps < 100_000
    done = run(*fixed, "--steps", steps + 3, "--resume", "--budget-seconds", 600)
    assert done.exit_code == 0, done.output
    assert load_checkpoint(out).metrics["steps"] == steps + 3
    assert "must be more than zero" in refused(*fixed, "--budget-seconds", 0)


def test_fine_tuning_keeps_validation_loss(
    corpus: Corpus, corpus_folder: Path, learned: Path, tmp_path: Path
) -> None:
    preset = tiny(adam_rate=1e-3, muon_rate=2e-3)
    materials = gather(corpus_folder, preset, init=learned)
    train(materials, tmp_path / "tuned", preset=preset, steps=30)
    stream = trainer(corpus, tmp_path / "none").dev
    assert stream is not None
    before, after = (
        window_loss(load_checkpoint(folder).decoder, stream)
        for folder in (learned, tmp_path / "tuned")
    )
    assert after < before + 0.02
