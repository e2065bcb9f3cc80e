"""Measures of texts against values worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.answers.prose import Text, measure
from tests.benchmarks.books import made_up
from training.data.corpus import Corpus, Paragraph


def text(written: str) -> Text:
    return Text(written, (written,))


def learned(*sentences: str) -> Paragraph:
    return Paragraph("a book", "galdos", 0, sentences)


@pytest.fixture
def corpus() -> Corpus:
    """One that was learned from one paragraph and is validated on another."""
    return replace(
        made_up(),
        train=(learned("En un lugar de la Mancha vivía un hidalgo.", "Era flaco."),),
        dev=(),
        validation=(learned("Hubo gigantes."),),
    )


def test_words_are_looked_for_in_the_training_part_and_in_all(corpus: Corpus) -> None:
    prose = measure([text("Un hidalgo GIGANTES xurdió, xurdió; flaco.")], corpus)
    assert prose.words == 6
    assert prose.in_training == pytest.approx(3 / 6)
    assert prose.in_corpus == pytest.approx(4 / 6)
    assert prose.unknown == ["xurdió"]


def test_repeated_and_shared_runs_are_distinct(corpus: Corpus) -> None:
    again = "uno dos tres cuatro"
    alone = measure([text(f"{again}, {again}"), text("seis siete ocho nueve diez")], corpus)
    assert alone.repeated == pytest.approx(1 / 7)  # five runs of four words, and two
    assert alone.shared == 0
    both = measure([text(f"{again} cinco"), text(f"Mas {again}")], corpus)
    assert both.repeated == 0
    assert both.shared == pytest.approx(2 / 4)


def test_copies_are_of_one_paragraph_and_exact(corpus: Corpus) -> None:
    prose = measure([text("Fue un lugar de la Mancha, un hidalgo."), text("Ñ")], corpus)
    assert prose.copies == [" un lugar de la Mancha", ""]
    assert prose.copied_characters == [22, 0]
    assert prose.copied_words == [5, 0]


def test_sentences_are_measured_with_the_phrase_they_began_with(corpus: Corpus) -> None:
    prose = measure([Text(" a la venta. Entró.", ("Vino a la venta.", "Entró."))], corpus)
    assert prose.sentence_lengths == [16, 6]


def test_texts_without_four_words_repeat_nothing(corpus: Corpus) -> None:
    prose = measure([text("Era flaco.")], corpus)
    assert (prose.repeated, prose.shared) == (0, 0)
