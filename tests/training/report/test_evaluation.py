"""W528 and bits per byte, against values worked out by hand."""

from __future__ import annotations

import io
import json
import math
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from typer.testing import Result

from model.checkpoint.config import DecoderConfig
from model.pytorch.checkpoint import load_checkpoint, save_checkpoint
from model.pytorch.decoder import Decoder
from model.pytorch.device import fast_bfloat16
from model.text.tokenizer import SEPARATOR, Tokenizer
from tests.conftest import CHARACTERS, TINY_TOKENIZER, save_tiny
from training.data.corpus import Corpus
from training.data.dataset import Ids, encode_stream
from training.report.evaluation import (
    WINDOW,
    EvaluationError,
    evaluate_corpus,
    window_loss,
    window_losses,
)
from training.report.evaluation_bar import evaluation_bar

FIGURES = ("bits_per_byte", "characters", "offsets", "precision", "checkpoint")
STYLES = ("cervantes", "anonimo", "galdos", "baroja", "clarin")


def indifferent(tokenizer: Tokenizer, context: int = WINDOW) -> Decoder:
    """A decoder that gives every id the same probability for any input."""
    decoder = Decoder(DecoderConfig("reference", tokenizer.size, context, 16, 1, 2, 16))
    decoder.initialize(torch.Generator().manual_seed(0))
    with torch.no_grad():
        decoder.head.weight.zero_()
        decoder.head.bias.zero_()
    return decoder.eval()


@pytest.mark.parametrize("context", [WINDOW, 2 * WINDOW, 96])
def test_uniform_decoder_costs_the_log_of_its_vocabulary(context: int) -> None:
    stream = np.full(3 * WINDOW, SEPARATOR, np.int64)
    loss = window_loss(indifferent(TINY_TOKENIZER, context), stream)
    assert loss == pytest.approx(math.log(TINY_TOKENIZER.size), rel=1e-6)


def test_the_separator_is_counted_as_the_space_it_stands_for() -> None:
    decoder = indifferent(TINY_TOKENIZER)
    with torch.no_grad():
        decoder.head.bias[SEPARATOR] = math.log(3)
    stream = np.asarray(TINY_TOKENIZER.encode("Aa. " * 500 + "Aa."), np.int64)
    assert (stream[3::4] == SEPARATOR).all()
    # Of every four characters one is the separator; it weighs 3, each of the others 1.
    expected = math.log(TINY_TOKENIZER.size + 2) - math.log(3) / 4
    assert window_loss(decoder, stream) == pytest.approx(expected, rel=1e-6)


def test_every_offset_is_read_and_windows_do_not_overlap() -> None:
    tokenizer = TINY_TOKENIZER
    decoder = indifferent(tokenizer)
    weights = torch.linspace(-2, 2, tokenizer.size)
    with torch.no_grad():
        decoder.head.bias.copy_(weights)
    stream = np.random.default_rng(0).integers(0, tokenizer.size, 2000)
    costs = -torch.log_softmax(weights.double(), 0).numpy()[stream]
    expected = [
        costs[start + 1 : start + 1 + WINDOW]
        for offset in range(0, WINDOW, 66)
        for start in range(offset, 2000 - WINDOW, WINDOW)
    ]
    assert window_loss(decoder, stream) == pytest.approx(np.mean(expected), rel=1e-6)


def plain_losses(decoder: Decoder, stream: Ids) -> list[list[float]]:
    """Each window's loss by the definition: one at a time, float32, sums in float64."""
    tokens, length = torch.from_numpy(stream), min(WINDOW, decoder.config.context)
    found: list[list[float]] = []
    for offset in range(0, WINDOW, 66):
        found.append([])
        for start in range(offset, len(stream) - length, length):
            window = tokens[start : start + length + 1]
            with torch.no_grad():
                costs = -torch.log_softmax(decoder(window[None, :-1])[0].double(), -1)
            found[-1].append(float(costs[torch.arange(length), window[1:]].mean()))
    return found


@pytest.fixture
def threads() -> Iterator[int]:
    """Three threads for torch, of which tests otherwise have one."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield 3
    torch.set_num_threads(before)


@pytest.fixture
def lively(tmp_path: Path) -> Decoder:
    """A decoder whose losses differ from window to window."""
    return load_checkpoint(save_tiny(tmp_path / "lively", context=WINDOW)).decoder


@pytest.fixture
def stream() -> Ids:
    """Ids that make sixteen or so windows."""
    return np.random.default_rng(1).integers(0, TINY_TOKENIZER.size, 3 * WINDOW)


def test_threads_change_no_figure(lively: Decoder, stream: Ids, threads: int) -> None:
    expected = plain_losses(lively, stream)
    found = window_losses(lively, stream)
    assert [len(some) for some in found] == [len(some) for some in expected]
    for mine, plain in zip(found, expected, strict=True):
        assert mine == pytest.approx(plain, rel=1e-5)
    flat = [loss for some in expected for loss in some]
    assert window_loss(lively, stream) == pytest.approx(np.mean(flat), rel=1e-6)
    assert torch.get_num_threads() == threads


def test_bfloat16_costs_less_than_it_may(lively: Decoder, stream: Ids) -> None:
    exact, rounded = window_loss(lively, stream), window_loss(lively, stream, bf16=True)
    assert rounded != exact
    assert rounded == pytest.approx(exact, abs=3e-3)  # its weights are far livelier than trained


def test_progress_is_reported_from_the_start(lively: Decoder, stream: Ids) -> None:
    told: list[tuple[int, int, float]] = []
    loss = window_loss(lively, stream, progress=lambda *seen: told.append(seen))
    windows = sum(len(some) for some in plain_losses(lively, stream))
    done, totals, means = zip(*told, strict=True)
    assert set(totals) == {windows}
    assert done[0] == 0
    assert math.isnan(means[0])
    assert list(done[1:]) == [*range(4, windows, 4), windows]
    assert means[-1] == pytest.approx(loss)


def test_after_ctrl_c_no_further_windows_are_read(
    lively: Decoder, stream: Ids, threads: int
) -> None:
    read: list[int] = []
    hook = lively.register_forward_hook(lambda *_: read.append(1))

    def stop(done: int, _total: int, _loss: float) -> None:
        if done:
            raise KeyboardInterrupt

    with hook, pytest.raises(KeyboardInterrupt):
        window_loss(lively, np.tile(stream, 20), progress=stop)
    assert len(read) < 20
    assert torch.get_num_threads() == threads


def test_a_text_shorter_than_a_window_is_refused() -> None:
    with pytest.raises(EvaluationError, match="at least 529 characters"):
        window_loss(indifferent(TINY_TOKENIZER), np.zeros(WINDOW, np.int64))


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A uniform decoder that can write the data set of the tests."""
    tokenizer = Tokenizer(STYLES, "".join(sorted(set(CHARACTERS))))
    metrics = {"parameters": 1, "dev_loss": None}
    save_checkpoint(tmp_path / "even", indifferent(tokenizer), tokenizer, metrics, "# even\n")
    return tmp_path / "even"


def test_bits_per_byte_count_the_bytes_of_the_text(checkpoint: Path, corpus: Corpus) -> None:
    loaded = load_checkpoint(checkpoint)
    result = evaluate_corpus(loaded, corpus)
    text = "".join(f"{p.text} " for p in corpus.validation)
    assert result.characters == len(text) == len(encode_stream(loaded.tokenizer, corpus.validation))
    assert result.loss == pytest.approx(math.log(loaded.tokenizer.size))
    bits = math.log2(loaded.tokenizer.size) * len(text) / len(text.encode())
    assert result.bits_per_byte == pytest.approx(bits)


def test_the_command_prints_json(
    checkpoint: Path, corpus_folder: Path, corpus: Corpus, run: Callable[..., Result]
) -> None:
    result = run("evaluate", checkpoint, "--data", corpus_folder, "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert set(figures) == {"w528", *FIGURES, "corpus", "part"}
    assert (figures["corpus"], figures["part"], figures["offsets"]) == (
        "reference",
        "validation",
        8,
    )
    assert figures["precision"] == ("bfloat16" if fast_bfloat16("cpu") else "float32")
    assert figures["checkpoint"] == load_checkpoint(checkpoint).id
    assert figures["characters"] == corpus.facts["characters"]["validation"]


def test_command_reads_any_text_and_reports_drops(
    checkpoint: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("\ufeffEra  tarde.\r\n“Ven”, dijo… 😀Ω\n" * 60, "utf-8")
    result = run("evaluate", checkpoint, "--text", text, "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert set(figures) == {"w528", *FIGURES, "dropped"}
    assert figures["dropped"] == 120
    assert figures["characters"] == len(('Era tarde. "Ven", dijo... ' * 60).strip())
    assert "120 that it cannot write left out" in run("evaluate", checkpoint, "--text", text).stdout


def test_fewer_offsets_give_an_estimate(
    checkpoint: Path, corpus_folder: Path, run: Callable[..., Result]
) -> None:
    few = ("evaluate", checkpoint, "--data", corpus_folder, "--offsets", 2)
    figures = json.loads(run(*few, "--json").stdout)
    assert set(figures) == {"estimate", *FIGURES, "corpus", "part"}
    assert figures["offsets"] == 2
    assert "an estimate" in run(*few).stdout


def test_another_part_can_be_read(
    checkpoint: Path,
    corpus: Corpus,
    corpus_folder: Path,
    tmp_path: Path,
    run: Callable[..., Result],
    refused: Callable[..., str],
) -> None:
    facts = corpus.facts | {"characters": corpus.facts["characters"] | {"held": 1}}
    held = corpus.train[:7]
    replace(corpus, held=held, train=corpus.train[7:], facts=facts).save(tmp_path / "all")
    for part, paragraphs in (("held", held), ("dev", corpus.dev)):
        args = ("evaluate", checkpoint, "--data", tmp_path / "all", "--part", part, "--json")
        figures = json.loads(run(*args).stdout)
        text = "".join(f"{p.text} " for p in paragraphs)
        assert (figures["part"], figures["characters"]) == (part, len(text))
        bits = figures["w528"] / math.log(2) * len(text) / len(text.encode())
        assert figures["bits_per_byte"] == pytest.approx(bits)
    data = ("--data", corpus_folder)
    assert "no part 'held'" in refused("evaluate", checkpoint, *data, "--part", "held")
    assert "unknown part" in refused("evaluate", checkpoint, *data, "--part", "train")
    assert "not both" in refused("evaluate", checkpoint, "--text", "x", "--part", "dev")


def test_the_precision_can_be_chosen(
    checkpoint: Path, corpus_folder: Path, run: Callable[..., Result], refused: Callable[..., str]
) -> None:
    data = ("--data", corpus_folder, "--offsets", 1)
    for precision in ("float32", "bfloat16"):
        result = run("evaluate", checkpoint, *data, "--precision", precision, "--json")
        assert json.loads(result.stdout)["precision"] == precision
    assert "unknown precision" in refused("evaluate", checkpoint, *data, "--precision", "int8")


def test_a_log_gets_lines_with_the_time_left(
    checkpoint: Path, corpus_folder: Path, run: Callable[..., Result]
) -> None:
    lines = run("evaluate", checkpoint, "--data", corpus_folder).stderr.splitlines()
    pattern = r"evaluating: [\d.]+ % · loss \d\.\d{4} so far · \d+:\d\d left"
    assert [line for line in lines if not re.fullmatch(pattern, line)] == []
    assert 2 <= len(lines) <= 12
    assert "100.0 %" in lines[-1]


def test_a_terminal_gets_a_bar() -> None:
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=80)
    with evaluation_bar(console) as progress:
        progress(0, 8, math.nan)
        progress(2, 8, 1.25)
        progress(6, 8, 1.5)
    assert "75.0 % · loss 1.5000 so far · 0:00 left" in shown.getvalue()


def test_without_a_data_set_the_reference_of_the_cache_is_read(
    checkpoint: Path,
    corpus_folder: Path,
    tmp_path: Path,
    run: Callable[..., Result],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    shutil.copytree(corpus_folder, tmp_path / "litteragpt" / "reference")
    named = run("evaluate", checkpoint, "--data", corpus_folder, "--json")
    assert run("evaluate", checkpoint, "--json").stdout == named.stdout


def test_recording_writes_the_figures_into_metrics_and_card(
    checkpoint: Path, corpus_folder: Path, corpus: Corpus, run: Callable[..., Result]
) -> None:
    metrics = {
        "preset": "tiny",
        "parameters": 1234,
        "dev_loss": 1.5,
        "characters": 9,
        "steps": 2,
        "corpus": corpus.facts,
        "seconds": 60.0,
        "hardware": "a machine",
        "revision": None,
        "command": "litteragpt train",
    }
    (checkpoint / "metrics.json").write_text(json.dumps(metrics), "utf-8")
    before = load_checkpoint(checkpoint).id
    result = run("evaluate", checkpoint, "--data", corpus_folder, "--json", "--record")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures["precision"] == "float32"
    recorded = load_checkpoint(checkpoint).metrics["validation"]
    assert recorded == {
        **{key: figures[key] for key in ("w528", "bits_per_byte", "characters")},
        "corpus": "reference",
    }
    card = (checkpoint / "README.md").read_text("utf-8")
    assert f"**{figures['w528']:.4f}**" in card
    assert "1,234 parameters" in card
    assert load_checkpoint(checkpoint).id == before


def test_recording_needs_the_metrics_of_a_training_run(
    checkpoint: Path, corpus_folder: Path, refused: Callable[..., str]
) -> None:
    assert "metrics.json" in refused("evaluate", checkpoint, "--data", corpus_folder, "--record")
    assert (checkpoint / "README.md").read_text("utf-8") == "# even\n"


def test_command_refuses_unusable_input(
    checkpoint: Path,
    corpus_folder: Path,
    tmp_path: Path,
    refused: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty-cache"))
    data = ("--data", corpus_folder)
    assert "corpus download" in refused("evaluate", checkpoint)
    assert "either --data" in refused("evaluate", checkpoint, *data, "--text", "x")
    for unlike in (("--part", "dev"), ("--offsets", 1), ("--precision", "bfloat16")):
        assert "--record needs" in refused("evaluate", checkpoint, *data, *unlike, "--record")
    assert "--record needs" in refused("evaluate", checkpoint, "--text", "x", "--record")
    assert "no checkpoint" in refused("evaluate", "no-such", *data)
    assert "auto, cpu, cuda" in refused("evaluate", checkpoint, *data, "--device", "abacus")
    assert "no checkpoint" in refused("evaluate", tmp_path / "no-such", *data)
    assert "corpus.json" in refused("evaluate", checkpoint, "--data", tmp_path)
    assert "cannot be read" in refused("evaluate", checkpoint, "--text", tmp_path / "no-such")
    (tmp_path / "short.txt").write_text("Era tarde.", "utf-8")
    assert "too short" in refused("evaluate", checkpoint, "--text", tmp_path / "short.txt")
    (tmp_path / "empty.txt").touch()
    assert "too short" in refused("evaluate", checkpoint, "--text", tmp_path / "empty.txt")


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_damaged_checkpoint_is_refused(
    name: str, checkpoint: Path, corpus_folder: Path, refused: Callable[..., str]
) -> None:
    content = (checkpoint / name).read_bytes()
    (checkpoint / name).write_bytes(content[: len(content) // 2])
    assert name in refused("evaluate", checkpoint, "--data", corpus_folder)
    (checkpoint / name).unlink()
    assert name in refused("evaluate", checkpoint, "--data", corpus_folder)


def test_a_vocabulary_without_the_corpus_characters_is_refused(
    tmp_path: Path, corpus_folder: Path, corpus: Corpus, refused: Callable[..., str]
) -> None:
    folder = save_tiny(tmp_path / "tiny")
    foreign = shutil.copytree(corpus_folder, tmp_path / "foreign")
    path = foreign / "validation.jsonl"
    path.write_text(path.read_text("utf-8").replace("camino", "cæmino"), "utf-8")
    tokenizer = json.loads((foreign / "tokenizer.json").read_text("utf-8"))
    tokenizer["characters"] += "æ"
    (foreign / "tokenizer.json").write_text(json.dumps(tokenizer), "utf-8")
    assert "cannot write æ" in refused("evaluate", folder, "--data", foreign)
