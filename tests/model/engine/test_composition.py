"""Compositions with candidates: whole sentences, reproducible, independent of the batch."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.engine.backend import Backend
from model.engine.engine import Engine
from model.engine.generate import compose, generate
from model.engine.loaded_model import LoadedModel
from model.errors import PromptError
from model.native import library
from model.native.decoder import load_native
from model.pytorch.backend import load_pytorch
from model.text.prompt import (
    CANDIDATES,
    STANDARD_CANDIDATES,
    Options,
    candidates_of,
    new_seed,
    prepare,
)
from model.text.sentences import may_end, split_sentences
from tests.conftest import TINY_TOKENIZER, save_tiny
from tests.model.ahead import load_ahead

NATIVE = pytest.mark.skipif(library.load() is None, reason="the native kernel was not built")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("composition") / "tiny")


@pytest.fixture(
    params=[pytest.param(load_native, marks=NATIVE), load_pytorch, load_ahead],
    ids=["native", "pytorch", "ahead"],
)
def checkpoint(request: pytest.FixtureRequest, folder: Path) -> LoadedModel[Backend]:
    loaded: LoadedModel[Backend] = request.param(folder)
    return loaded


@pytest.fixture
def native(folder: Path) -> LoadedModel[Backend]:
    return load_native(folder)


def options(**changes: object) -> Options:
    """Short sentences, since an untrained decoder never ends them."""
    return Options(**{"sentence_limit": 50, "seed": 5, "candidates": 6, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("phrase", ["En un lugar", "Se fue. No volvió.", "Y entonces...", "«¿"])
def test_each_candidate_is_a_whole_sentence(checkpoint: LoadedModel[Backend], phrase: str) -> None:
    for seed in range(2):
        result = generate(checkpoint, phrase, options(seed=seed, sentences=3))
        assert len(result.sentences) == 3
        assert all(may_end(sentence) for sentence in result.sentences)
        assert result.text.endswith(" ".join(result.sentences))
        read = prepare(phrase, TINY_TOKENIZER).text
        assert split_sentences(read + result.continuation)[-2:] == list(result.sentences[1:])
        assert result.characters == len(result.text) - len(result.phrase)
        assert result.candidates == 18


def test_same_seed_and_count_give_same_text(checkpoint: LoadedModel[Backend]) -> None:
    first, again = (generate(checkpoint, "Hola", options()) for _ in range(2))
    assert first == again
    assert generate(checkpoint, "Hola", options(seed=6)).text != first.text
    assert generate(checkpoint, "Hola", options(candidates=5)).text != first.text


def test_streamed_sentences_join_to_continuation(
    checkpoint: LoadedModel[Backend],
) -> None:
    pieces: list[str] = []
    result = generate(checkpoint, "Era", options(sentences=3), pieces.append)
    assert len(pieces) == 3
    assert all(may_end(piece) for piece in pieces)
    assert result.phrase + "".join(pieces) == result.text


@NATIVE
@pytest.mark.parametrize("rows", [1, 4, 64])
def test_text_does_not_depend_on_slots_or_batch(native: LoadedModel[Backend], rows: int) -> None:
    engine = Engine(native, rows)
    texts = [
        compose(native, f"Frase {number} " * (1 + number % 3), options(seed=number, candidates=n))
        for number, n in enumerate((1, 7, 2, 16, 3))
    ]
    for text in texts:
        engine.add(text)
    while engine.busy:
        engine.step()
        assert engine.running <= rows
    for text in texts:
        assert text.finished
        alone = generate(native, text.prompt.phrase.text, text.options)
        assert (text.continuation, text.sampled) == (alone.continuation, alone.candidates)
        assert text.rejected == alone.rejected


@NATIVE
def test_candidates_beyond_context_do_not_depend_on_batch(
    tmp_path: Path,
) -> None:
    native = load_native(save_tiny(tmp_path / "tiny", context=32))
    chosen = options(sentences=4, candidates=5, sentence_limit=60)
    alone = generate(native, "Una frase que no es corta", chosen)
    engine = Engine(native, 2)
    text = compose(native, "Una frase que no es corta", chosen)
    engine.add(text)
    while engine.busy:
        engine.step()
    assert text.continuation == alone.continuation


def test_cancel_removes_all_candidates(checkpoint: LoadedModel[Backend]) -> None:
    engine = Engine(checkpoint, slots=4)
    gone, kept = (compose(checkpoint, word, options(candidates=8)) for word in ("Uno", "Dos"))
    engine.add(gone)
    engine.add(kept)
    for _ in range(5):
        engine.step()
    engine.cancel(gone)
    while engine.busy:
        assert gone not in engine.step()
    assert kept.finished
    assert not gone.finished


def test_faults_are_counted_by_rule(checkpoint: LoadedModel[Backend]) -> None:
    result = generate(checkpoint, "Hola", options(candidates=16, sentences=1, temperature=2.0))
    assert result.rejected
    assert all(0 < count <= result.candidates for count in result.rejected.values())
    assert not generate(checkpoint, "Hola", options(candidates=1)).rejected


@given(st.integers(0, 10**9 - 1), st.integers(-3, 200))
def test_seed_encodes_candidate_count(seed: int, affordable: int) -> None:
    chosen = Options(seed=seed, candidates=None).affording(affordable)
    assert chosen.candidates == candidates_of(chosen.seed)
    assert 1 <= chosen.candidates <= max(1, affordable)
    assert chosen.seed % 10**9 == seed
    assert chosen.affording(64) is chosen


def test_short_seed_means_standard_count() -> None:
    assert candidates_of(new_seed()) == STANDARD_CANDIDATES
    assert {candidates_of(seed) for seed in (0, 1, 10**9 - 1, 2**63 - 1)} == {STANDARD_CANDIDATES}


@pytest.mark.parametrize("candidates", [CANDIDATES[0] - 1, CANDIDATES[1] + 1])
def test_invalid_candidate_counts_are_refused(candidates: int) -> None:
    with pytest.raises(PromptError, match="candidates"):
        replace(Options(), candidates=candidates)
