"""From a text file to a written sentence: a checkpoint goes on with a person's own texts."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import Result

from model.checkpoint.config import DecoderConfig
from model.checkpoint.filenames import LEXICON
from model.checkpoint.memory_keys import MemoryConfig, letters_of, symbols_of
from model.engine.generate import generate
from model.pytorch.backend import load_pytorch
from model.pytorch.checkpoint import TorchCheckpoint, load_checkpoint
from model.text.prompt import Options
from model.text.tokenizer import Tokenizer
from tests.conftest import LETTERS, REPOSITORY, TINY_TOKENIZER, save_tiny, tiny_config
from tests.training.editions import prose
from tests.training.runs import train, trainer
from training.data.cleaning import CorpusError
from training.data.corpus import Corpus, Paragraph
from training.data.leakage import Gate
from training.data.own_author import build_own
from training.recipe.tuning import tuning
from training.report.evaluation import evaluate_corpus
from training.run.materials import gather
from training.run.state import TrainingError

MEMORY = MemoryConfig((2, 4), (1,), 256, 8, symbols_of(TINY_TOKENIZER), letters_of(TINY_TOKENIZER))


def with_memory() -> DecoderConfig:
    """The tiny shape with a small memory."""
    return replace(tiny_config(), memory=MEMORY)


def save_base(folder: Path, config: DecoderConfig | None = None) -> Path:
    """A checkpoint of the tiny tokenizer whose rows all differ, a bias and tables included."""
    return save_tiny(folder, seed=3, config=config)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint to fine-tune; it knows cervantes and galdos."""
    return save_base(tmp_path_factory.mktemp("checkpoints") / "base")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data set of some 30,000 characters of Ana's."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "ana.txt").write_text(prose("ana", 30_000), "utf-8")
    build_own([folder / "ana.txt"], "ana").save(folder / "data")
    return folder / "data"


def gathered(data: Path, init: Path, mix: tuple[str, ...] = ()) -> Corpus:
    """The data set as a run that begins with `init` learns it."""
    preset = tuning(DecoderConfig.load(init / "config.json"), Corpus.load(data))
    return gather(data, preset, init=init, mix=mix).corpus


def logits(checkpoint: TorchCheckpoint, text: str, style: str | None) -> dict[str, float]:
    """By character, the logits behind a text."""
    tokenizer = checkpoint.tokenizer
    ids = [tokenizer.style_id(style), *tokenizer.encode(text)]
    with torch.no_grad():
        last = checkpoint.decoder(torch.tensor([ids]))[0, -1].tolist()
    return {each: last[tokenizer.character_ids[each]] for each in tokenizer.characters}


@pytest.mark.parametrize(
    "config",
    [tiny_config(), replace(tiny_config(), family="reference"), with_memory()],
    ids=["modern", "reference", "memory"],
)
def test_new_author_changes_no_known_author(
    config: DecoderConfig, data: Path, tmp_path: Path
) -> None:
    known = load_checkpoint(save_base(tmp_path / "base", config))
    preset = tuning(config, Corpus.load(data))
    materials = gather(data, preset, init=tmp_path / "base")
    tokenizer = materials.corpus.tokenizer
    assert tokenizer == Tokenizer(("cervantes", "galdos", "ana"), TINY_TOKENIZER.characters)
    decoder = trainer(materials, tmp_path / "run", preset=preset).state.decoder.eval()
    grown = replace(known, decoder=decoder, tokenizer=tokenizer)
    for style, before in ((None, None), ("galdos", "galdos"), ("ana", None)):
        expected = logits(known, "Era tarde. Y", before)
        assert logits(grown, "Era tarde. Y", style) == pytest.approx(expected, abs=1e-5)
    if config.memory is not None:
        tables = decoder.state_dict()["memory.tables"]
        assert torch.equal(tables, known.decoder.state_dict()["memory.tables"])


def litteragpt(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The program itself, as a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", "from bot.cli import main; main()", *map(str, arguments)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("config", [tiny_config(), with_memory()], ids=["plain", "memory"])
def test_from_a_text_file_to_a_written_sentence(
    config: DecoderConfig, tmp_path: Path, run: Callable[..., Result]
) -> None:
    base = save_base(tmp_path / "base", config)
    (tmp_path / "ana.txt").write_bytes(prose("ana", 30_000).encode("cp1252"))
    built = run(
        *("corpus", "build", "--text", tmp_path / "ana.txt", "--author", "Ana"),
        *("--out", tmp_path / "data"),
    )
    assert built.exit_code == 0, built.output
    trained = run(
        *("train", "--init", base, "--data", tmp_path / "data", "--out", tmp_path / "run"),
        *("--set", "steps=20", "--no-compile"),
    )
    assert trained.exit_code == 0, trained.output
    assert "drafts written" in trained.stdout
    assert not (tmp_path / "run" / LEXICON).exists()  # so few words would say that all are unknown
    *_, last = trained.stdout.splitlines()
    assert last.startswith("write with it: litteragpt escribe")
    # The command that was printed, with a seed; how well this decoder writes is another matter.
    following = shlex.split(last.partition(": ")[2])[1:]
    written = litteragpt(*following, "--semilla", "1", "--json")
    assert written.returncode == 0, written.stderr
    answer = json.loads(written.stdout)
    assert answer["estilo"] == "ana"
    assert len(answer["frases"]) == 2
    measure = ("--data", tmp_path / "data", "--json")
    before = run("evaluate", base, *measure)
    after = run("evaluate", tmp_path / "run", *measure, "--record")
    assert json.loads(after.stdout)["w528"] < json.loads(before.stdout)["w528"]
    card = (tmp_path / "run" / "README.md").read_text("utf-8")
    assert "`ana` validation split" in card
    assert "texts of `ana`" in card
    assert "public domain" not in card
    tables = [
        load_checkpoint(folder).decoder.state_dict().get("memory.tables", torch.zeros(1))
        for folder in (base, tmp_path / "run")
    ]
    assert torch.equal(*tables)
    metrics = load_checkpoint(tmp_path / "run").metrics
    assert metrics["preset"] == "fine-tuning"
    assert metrics["steps"] == 20
    assert metrics["init"].startswith("base (")


def test_own_author_can_be_fine_tuned_again(
    base: Path, data: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    fixed = ("train", "--data", data, "--no-compile", "--set", "steps=2")
    first = run(*fixed, "--init", base, "--out", tmp_path / "first")
    assert first.exit_code == 0, first.output
    # The same author needs no other style, another one does.
    (tmp_path / "luis.txt").write_text(prose("luis", 30_000), "utf-8")
    build_own([tmp_path / "luis.txt"], "luis").save(tmp_path / "luis")
    again = run(*fixed, "--init", tmp_path / "first", "--out", tmp_path / "again")
    assert again.exit_code == 0, again.output
    both = run(
        *("train", "--data", tmp_path / "luis", "--no-compile", "--set", "steps=2"),
        *("--init", tmp_path / "again", "--out", tmp_path / "both"),
    )
    assert both.exit_code == 0, both.output
    loaded = load_pytorch(tmp_path / "both")
    assert loaded.tokenizer.styles == ("cervantes", "galdos", "ana", "luis")
    assert generate(loaded, "Era", Options(style="luis", seed=1)).style == "luis"


def test_known_author_keeps_the_vocabulary(base: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(prose("ana", 30_000), "utf-8")
    build_own([tmp_path / "a.txt"], "Galdós").save(tmp_path / "data")
    assert gathered(tmp_path / "data", base).tokenizer == TINY_TOKENIZER


def test_offered_authors_stay_beside_the_new_one(data: Path, tmp_path: Path) -> None:
    base = save_base(tmp_path / "base")
    metrics = json.loads((base / "metrics.json").read_text("utf-8"))
    (base / "metrics.json").write_text(json.dumps(metrics | {"confirmed_styles": ["galdos"]}))
    preset = tuning(tiny_config(), Corpus.load(data))
    train(gather(data, preset, init=base), tmp_path / "run", preset=preset, steps=2)
    assert load_checkpoint(tmp_path / "run").styles == ("galdos", "ana")


def test_unwritable_characters_are_reported_in_one_line(
    base: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    text = prose("ana", 30_000).replace("camino", "çamino ☺").replace("á", "ã")
    (tmp_path / "a.txt").write_text(text, "utf-8")
    build_own([tmp_path / "a.txt"], "ana").save(tmp_path / "data")
    fixed = ("train", "--init", base, "--data", tmp_path / "data", "--out", tmp_path / "run")
    result = run(*fixed, "--set", "steps=2", "--no-compile")
    assert result.exit_code == 0, result.output
    (line,) = (each for each in result.stdout.splitlines() if "cannot write" in each)
    assert "ã by a (" in line
    assert "ç by c (" in line
    assert "left out ☺ (" in line
    measured = run("evaluate", tmp_path / "run", "--data", tmp_path / "data")
    assert measured.exit_code == 0, measured.output
    assert run("drafts", tmp_path / "run", "--data", tmp_path / "data").exit_code == 0


def test_a_text_in_another_script_is_refused(
    base: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    cyrillic = "".join(map(chr, range(0x430, 0x430 + len(LETTERS))))
    text = prose("ana", 30_000).translate(str.maketrans(LETTERS, cyrillic))
    (tmp_path / "a.txt").write_text(text, "utf-8")
    build_own([tmp_path / "a.txt"], "ana").save(tmp_path / "data")
    fixed = ("train", "--data", tmp_path / "data", "--no-compile")
    said = refused(*fixed, "--init", base, "--out", tmp_path / "run")
    assert "of the characters of ana are none that the checkpoint can write" in said
    assert "it cannot learn this text" in said
    assert not (tmp_path / "run").exists()


def test_mixed_data_set_excludes_validation_text(
    corpus_folder: Path, corpus: Corpus, tmp_path: Path
) -> None:
    tokenizer = Tokenizer(corpus.tokenizer.styles, TINY_TOKENIZER.characters)
    base = save_tiny(tmp_path / "base", tokenizer=tokenizer, context=64)
    # A text of one's own that holds some of what the other data set trains and is measured on.
    theirs = [*corpus.train[:4], *corpus.validation[:1]]
    quoted = "\n\n".join(" ".join(each.sentences).replace("Libro", "Mesa") for each in theirs)
    (tmp_path / "a.txt").write_text(f"{prose('ana', 30_000)}\n\n{quoted}", "utf-8")
    build_own([tmp_path / "a.txt"], "ana").save(tmp_path / "data")
    own = Corpus.load(tmp_path / "data")
    preset = tuning(DecoderConfig.load(base / "config.json"), own)
    materials = gather(tmp_path / "data", preset, init=base, mix=[f"{corpus_folder}=25%"])

    def leaks(kept: tuple[Paragraph, ...], taught: tuple[Paragraph, ...]) -> int:
        gate = Gate.of_texts(each.text for each in kept)
        return sum(len(gate.leaks(each.text)) for each in taught)

    (mixed,) = materials.mixed
    assert leaks(corpus.validation, own.train) > 0
    assert leaks(corpus.validation, materials.corpus.train) == 0
    assert leaks((*own.validation, *own.dev), mixed.corpus.train) == 0
    assert any("sentences are left out" in note for note in materials.notes)
    assert (materials.corpus.validation, materials.corpus.dev) == (own.validation, own.dev)
    assert sum(map(len, (p.sentences for p in mixed.corpus.train))) > 100


def test_incompatible_inputs_are_one_sentence(
    base: Path, data: Path, corpus_folder: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    fixed = ("train", "--data", data, "--out", tmp_path / "run", "--no-compile")
    assert "name a --preset (reference, base," in refused(*fixed)
    assert "no checkpoint 'nobody'" in refused(*fixed, "--init", "nobody")
    assert "no preset has 'rate'" in refused(*fixed, "--init", base, "--set", "rate=1")
    assert "choose another preset or --set context=96" in refused(
        *fixed, "--preset", "small", "--init", base
    )
    # Data sets that are mixed in add no author.
    assert "whom the vocabulary lacks" in refused(
        *fixed, "--init", base, "--mix", f"{corpus_folder}=25%"
    )
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_without_marks_learns_no_author(data: Path, tmp_path: Path) -> None:
    plain = Tokenizer((), TINY_TOKENIZER.characters, marked=False)
    base = save_tiny(tmp_path / "base", tokenizer=plain)
    with pytest.raises(TrainingError, match="without marks"):
        gathered(data, base)


def test_steps_follow_the_text_within_bounds(data: Path, base: Path) -> None:
    corpus = Corpus.load(data)
    config = replace(DecoderConfig.load(base / "config.json"), context=528)

    def steps(characters: int) -> int:
        facts = corpus.facts | {"characters": {"train": characters}}
        return tuning(config, replace(corpus, facts=facts)).steps

    assert steps(8_000) == steps(20_000) < steps(300_000) < steps(600_000)
    assert steps(10**8) == steps(10**9)


def test_untrained_author_is_refused(base: Path) -> None:
    asked = litteragpt("escribe", "Era", "--checkpoint", base, "--estilo", "ana")
    assert asked.returncode == 1
    assert "No conozco el estilo «ana»" in asked.stderr


def test_another_script_is_refused_when_measured(base: Path, data: Path) -> None:
    corpus = Corpus.load(data)
    paragraph = replace(corpus.validation[0], sentences=("Д" * 500 + ".",))
    strange = replace(corpus, validation=(paragraph,))
    strange = replace(strange, tokenizer=Tokenizer(("ana",), corpus.tokenizer.characters + "Д"))
    with pytest.raises(CorpusError, match="none that the checkpoint can write"):
        evaluate_corpus(load_checkpoint(base), strange)
