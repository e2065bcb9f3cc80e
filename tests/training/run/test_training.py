"""Runs of the tiny preset: they learn, stop safely and go on as if they had not stopped."""

from __future__ import annotations

import csv
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from typer.testing import Result

from model.checkpoint.checkpoint import read_checkpoint
from model.files import replacing
from model.pytorch.checkpoint import load_checkpoint
from tests.conftest import REPOSITORY
from tests.training.runs import options, train, train_until
from training.data.corpus import Corpus
from training.recipe.presets import PRESETS
from training.run.compiling import Compiled
from training.run.materials import Materials
from training.run.options import Options
from training.run.state import TrainingError
from training.run.trainer import Trainer

CLI = (sys.executable, "-c", "from training.cli import app; app()")


def command(*arguments: object) -> list[str]:
    """The command line of a real process."""
    return [*CLI, *map(str, arguments)]


def test_the_loss_falls_and_everything_is_written(corpus: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "run"
    outcome = train(corpus, out, steps=120)
    assert not outcome.stopped
    with (out / "losses.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[-1]["step"] == "120"
    assert float(rows[-1]["dev_loss"]) < 3.4  # log 60 = 4.1 before it learns anything
    assert (out / "losses.png").read_bytes().startswith(b"\x89PNG")
    loaded = load_checkpoint(out)
    assert loaded.metrics["steps"] == 120
    assert loaded.metrics["corpus"] == corpus.facts
    assert loaded.metrics["dev_loss"] == outcome.metrics["dev_loss"]
    assert "litteragpt train" in (out / "README.md").read_text("utf-8")


@pytest.mark.parametrize("step", [7, 15, 22])
def test_a_resumed_run_equals_the_uninterrupted_one_bit_for_bit(
    step: int, corpus: Corpus, tmp_path: Path
) -> None:
    train(corpus, tmp_path / "whole")
    assert train_until(corpus, tmp_path / "parts", step).stopped
    assert not train(corpus, tmp_path / "parts", resume=True).stopped
    whole, parts = (load_file(tmp_path / run / "state.safetensors") for run in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    weights = [(tmp_path / run / "model.safetensors").read_bytes() for run in ("whole", "parts")]
    assert weights[0] == weights[1]


def test_a_seed_makes_the_run(corpus: Corpus, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(corpus, tmp_path / name, steps=5, seed=seed)
    a, b, c = ((tmp_path / name / "model.safetensors").read_bytes() for name in "abc")
    assert a == b != c


def test_run_ends_at_the_earlier_of_steps_and_minutes(corpus: Corpus, tmp_path: Path) -> None:
    by_steps = train(corpus, tmp_path / "steps", steps=3, minutes=60.0)
    by_clock = train(corpus, tmp_path / "clock", steps=1_000_000, minutes=0.01)
    assert not by_steps.stopped
    assert not by_clock.stopped
    assert by_steps.metrics["steps"] == 3
    assert 0 < by_clock.metrics["steps"] < 1_000_000
    assert by_clock.metrics["seconds"] < 30


def test_folder_with_a_run_is_not_overwritten(corpus: Corpus, tmp_path: Path) -> None:
    train(corpus, tmp_path, steps=2)
    before = (tmp_path / "state.safetensors").read_bytes()
    with pytest.raises(TrainingError, match=r"holds a run already.*--resume.*another --out"):
        train(corpus, tmp_path, steps=2)
    assert (tmp_path / "state.safetensors").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 5}, "had seed = 0, this one has 5"),
        ({"preset": PRESETS["small"]}, "had preset"),
    ],
)
def test_the_state_of_another_run_is_refused(
    change: dict[str, object], said: str, corpus: Corpus, tmp_path: Path
) -> None:
    train(corpus, tmp_path, steps=2)
    changed = options(tmp_path, resume=True).__dict__ | change
    with pytest.raises(TrainingError, match=said):
        Trainer(Options(**changed), Materials(corpus), print)


def test_invalid_state_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    state = tmp_path / "state.safetensors"
    with pytest.raises(TrainingError, match="no run to resume"):
        train(corpus, tmp_path, resume=True)
    train(corpus, tmp_path, steps=2)
    content = state.read_bytes()
    state.write_bytes(content[: len(content) // 2])
    with pytest.raises(TrainingError, match="cannot be resumed from"):
        train(corpus, tmp_path, resume=True)
    save_file({"x": torch.zeros(1)}, state)
    with pytest.raises(TrainingError, match="not the state of a training run"):
        train(corpus, tmp_path, resume=True)


def test_failure_outside_the_compiler_is_raised() -> None:
    def loss(inputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        product = inputs @ targets
        return product, product

    with pytest.raises(RuntimeError):
        Compiled(loss, "cpu", lambda sentence: None)(torch.ones(3, 2), torch.ones(3, 2))


def test_a_machine_without_a_compiler_trains(corpus_folder: Path, tmp_path: Path) -> None:
    environment = os.environ | {
        "CXX": str(tmp_path / "no-such-compiler"),
        "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        command(
            *("train", "--preset", "tiny", "--data", corpus_folder, "--out", tmp_path / "run"),
            *("--steps", 2, "--device", "cpu"),
        ),
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("not compiled, so training is slower") == 1
    assert "Traceback" not in done.stderr
    assert load_checkpoint(tmp_path / "run").metrics["steps"] == 2


def test_ctrl_c_saves_and_explains_resuming(corpus_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = (
        *("train", "--preset", "tiny", "--data", corpus_folder, "--out", out),
        *("--steps", 1_000_000, "--no-compile"),
    )
    with subprocess.Popen(
        command(*arguments), cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    ) as process:  # fmt: skip
        while process.poll() is None and not out.exists():
            time.sleep(0.02)  # the folder is made when Ctrl-C is listened to
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    said = errors.strip().splitlines()[-1]
    assert "stopped and saved after" in said
    assert said.endswith("--resume")
    steps = load_checkpoint(out).metrics["steps"]
    more = subprocess.run(
        command(*arguments[:-2], steps + 5, "--no-compile", "--resume"),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert more.returncode == 0, more.stderr
    assert load_checkpoint(out).metrics["steps"] == steps + 5


def test_a_full_disk_is_one_sentence_and_loses_nothing(corpus_folder: Path, tmp_path: Path) -> None:
    """The limit on a file's size stands for the disk's: mounting a small one takes root."""
    out = tmp_path / "run"
    arguments = (
        *("train", "--preset", "tiny", "--data", corpus_folder, "--out", out),
        *("--no-compile", "--steps"),
    )
    first = subprocess.run(
        command(*arguments, 3), cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert first.returncode == 0, first.stderr
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    most = (out / "state.safetensors").stat().st_size // 2

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    full = subprocess.run(
        command(*arguments, 6, "--resume"),
        cwd=REPOSITORY,
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    assert full.returncode == 1, full.stderr
    assert "no space left on the disk; free some and go on with --resume" in full.stderr
    assert "Traceback" not in full.stderr
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_partial_file_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old", "utf-8")

    def write_half() -> None:
        with replacing(tmp_path / "file") as temporary:
            temporary.write_text("half", "utf-8")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_half()
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text("utf-8") == "old"


def test_the_command_trains_a_checkpoint_that_can_be_evaluated(
    corpus_folder: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    data = ("--data", corpus_folder)
    out = tmp_path / "mine"
    trained = run("train", "--preset", "tiny", *data, "--out", out, "--steps", 3, "--no-compile")
    assert trained.exit_code == 0, trained.output
    assert f"the checkpoint is in {out}" in trained.stdout
    lexicon = read_checkpoint(out).lexicon
    assert lexicon is not None
    assert lexicon.knows("de")
    measured = run("evaluate", out, *data, "--json", "--record")
    assert measured.exit_code == 0, measured.output
    assert json.loads(measured.stdout)["checkpoint"] == load_checkpoint(out).id


def test_command_refuses_invalid_arguments(
    corpus_folder: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    def refusal(*changes: object, data: Path = corpus_folder, preset: str = "tiny") -> str:
        fixed = ("train", "--preset", preset, "--data", data, "--out", tmp_path / "run")
        return refused(*fixed, "--no-compile", *changes)

    assert "choose one of reference, base, speedrun, small, medium, tiny" in refusal(
        preset="enormous"
    )
    assert "not both" in refusal("--steps", 3, "--minutes", 1)
    assert "more than zero" in refusal("--steps", 0)
    assert "more than zero" in refusal("--minutes", -1)
    assert "more than zero" in refusal("--minutes", "nan")
    assert "at least zero" in refusal("--seed", -1)
    assert "auto, cpu, cuda" in refusal("--device", "abacus")
    assert "missing" in refusal(data=tmp_path / "no-such")
    assert "no run to resume" in refusal("--resume")
    damaged = shutil.copytree(corpus_folder, tmp_path / "damaged")
    (damaged / "corpus.json").write_text("{", "utf-8")
    assert "damaged" in refusal(data=damaged)
    (tmp_path / "run").write_text("a file", "utf-8")
    assert str(tmp_path / "run") in refusal()


def test_missing_device_is_refused(
    corpus_folder: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    fixed = ("train", "--preset", "tiny", "--data", corpus_folder, "--out", tmp_path / "run")
    assert "no CUDA device" in refused(*fixed, "--device", "cuda")


def test_a_corpus_too_small_for_a_window_is_refused(
    corpus: Corpus, tmp_path: Path, refused: Callable[..., str]
) -> None:
    small = Corpus(corpus.name, corpus.tokenizer, (), corpus.dev, corpus.validation, corpus.facts)
    small.save(tmp_path / "data")
    fixed = ("train", "--preset", "tiny", "--data", tmp_path / "data", "--out", tmp_path / "run")
    assert "no training text" in refused(*fixed, "--no-compile")


def test_unwritable_folder_is_one_sentence(
    corpus_folder: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    fixed = ("train", "--preset", "tiny", "--data", corpus_folder, "--no-compile")
    assert "/proc/" in refused(*fixed, "--out", "/proc/no-such/run")
