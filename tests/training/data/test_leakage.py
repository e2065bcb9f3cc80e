"""Nothing to learn from repeats forty letters of the validation text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import Result

from training.data.corpus import Corpus, without_leaks
from training.data.leakage import RUN, Gate, letters_of, stretches
from training.data.leakage_report import find_leaks

HELD = "La heroica ciudad dormía la siesta; el viento Sur, caliente y perezoso, empujaba nubes."


def test_quotation_is_found_despite_marks_and_capitals() -> None:
    gate = Gate.of_texts([HELD])
    quoted = "Leí: «LA HEROICA ciudad... dormía —la siesta— el viento sur caliente»"
    (stretch,) = stretches(gate.leaks(quoted))
    assert stretch == "laheroicaciudaddormíalasiestaelvientosurcaliente"


def test_one_letter_less_than_a_run_is_no_leak() -> None:
    letters = letters_of(HELD)
    gate = Gate.of_texts([HELD])
    assert gate.leaks(letters[5 : 5 + RUN]) == [(0, letters[5 : 5 + RUN])]
    assert gate.leaks(f"zz{letters[5 : 4 + RUN]}zz") == []


def test_runs_do_not_reach_from_one_text_into_the_next() -> None:
    gate = Gate.of_texts([HELD[:30], HELD[30:50]])
    assert gate.leaks(HELD) == []


def test_an_empty_gate_lets_everything_through() -> None:
    assert Gate.of_texts([]).leaks(HELD) == []


@given(st.text("ab", min_size=0, max_size=150), st.text("ab", min_size=0, max_size=150))
def test_the_gate_agrees_with_a_plain_search(held: str, learned: str) -> None:
    runs = {held[i : i + RUN] for i in range(len(held) - RUN + 1)}
    expected = [
        (i, learned[i : i + RUN])
        for i in range(len(learned) - RUN + 1)
        if learned[i : i + RUN] in runs
    ]
    assert Gate.of_texts([held]).leaks(learned) == expected


@pytest.mark.parametrize("width", [1, 2])
def test_planted_leak_is_removed_with_its_sentences(width: int, corpus: Corpus) -> None:
    gate = Gate.of_texts(p.text for p in corpus.validation)
    clean = corpus.train[0]
    held = next(
        p.sentences[i : i + width]
        for p in corpus.validation
        for i in range(len(p.sentences) - width)
        if all(len(letters_of(s)) >= RUN for s in p.sentences[i : i + width])
    )
    stolen = tuple(sentence.upper() for sentence in held)
    planted = replace(clean, sentences=(*clean.sentences[:7], *stolen, *clean.sentences[7:]))
    kept, removed = without_leaks([planted, corpus.train[1]], gate)
    assert kept == [clean, corpus.train[1]]
    assert removed == width


def test_the_command_passes_a_clean_corpus(corpus_folder: Path, run: Callable[..., Result]) -> None:
    result = run("corpus", "leakage", corpus_folder)
    assert result.exit_code == 0, result.output
    assert "no run of 40 letters" in result.stdout


def test_the_command_reports_a_planted_leak(
    corpus: Corpus, tmp_path: Path, run: Callable[..., Result]
) -> None:
    stolen = corpus.validation[2].sentences[4:6]
    first = replace(corpus.train[0], sentences=(*corpus.train[0].sentences, *stolen))
    replace(corpus, train=(first, *corpus.train[1:])).save(tmp_path)
    result = run("corpus", "leakage", tmp_path)
    assert result.exit_code == 1
    assert result.stdout == f"train, {first.work} {first.index}: {letters_of(' '.join(stolen))}\n"
    assert "leaks in 1 places" in result.stderr


def test_the_command_checks_other_texts(
    corpus: Corpus, corpus_folder: Path, tmp_path: Path, run: Callable[..., Result]
) -> None:
    (tmp_path / "clean.txt").write_text("Otra cosa muy distinta.", "utf-8")
    assert run("corpus", "leakage", corpus_folder, "--against", tmp_path).exit_code == 0
    leaking = tmp_path / "deep" / "leaking.txt"
    leaking.parent.mkdir()
    leaking.write_text(corpus.validation[0].text, "latin-1")
    for place in (tmp_path, leaking):
        result = run("corpus", "leakage", corpus_folder, "--against", place)
        assert result.exit_code == 1
        assert str(leaking) in result.stdout


def test_command_refuses_unreadable_texts(
    corpus_folder: Path, tmp_path: Path, refused: Callable[..., str]
) -> None:
    assert "holds no .txt file" in refused(
        "corpus", "leakage", corpus_folder, "--against", tmp_path
    )
    assert "No such file" in refused("corpus", "leakage", corpus_folder, "--against", "/no/such")


def test_the_real_data_sets_pass(real_reference: Corpus, real_five_works: Corpus) -> None:
    assert find_leaks(real_reference, []) == []
    assert find_leaks(real_five_works, []) == []
