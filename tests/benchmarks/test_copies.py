"""The longest run that a text shares with a source, against a plain search."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.answers import copies
from benchmarks.answers.copies import Copy, WordNumbers, characters_of, longest_copies

SOME_TEXTS = st.lists(st.text("ab ", max_size=25), max_size=5)


def searched(text: str, sources: list[str]) -> Copy:
    """The first of the longest runs, the slow way."""
    best = Copy(0, 0)
    for start in range(len(text)):
        for end in range(start + best.length + 1, len(text) + 1):
            if any(text[start:end] in source for source in sources):
                best = Copy(start, end - start)
    return best


def found(texts: list[str], sources: list[str]) -> list[Copy]:
    return longest_copies(list(map(characters_of, texts)), map(characters_of, sources))


@given(SOME_TEXTS, SOME_TEXTS)
def test_runs_are_those_of_a_plain_search(texts: list[str], sources: list[str]) -> None:
    assert found(texts, sources) == [searched(text, sources) for text in texts]


@given(texts=SOME_TEXTS, sources=SOME_TEXTS, portion=st.integers(1, 40))
def test_sources_may_be_looked_through_in_portions(
    texts: list[str], sources: list[str], portion: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(copies, "_PORTION", portion)
        in_portions = found(texts, sources)
    assert in_portions == found(texts, sources)


def test_a_run_lies_in_one_text_and_in_one_source() -> None:
    assert found(["la casa", " de campo"], ["vino a la casa de campo", "uva"])[0] == Copy(0, 7)
    assert found(["una casa"], ["una c", "asa"]) == [Copy(0, 5)]


def test_marks_and_capitals_count() -> None:
    assert found(["¡Ay, Sancho!"], ["ay, sancho"]) == [Copy(6, 5)]


def test_unknown_words_are_equal_and_match_nothing() -> None:
    texts = [["a", "la", "venta"], ["nunca"]]
    numbers = WordNumbers(texts)
    source = numbers(["fue", "vino", "a", "la", "casa", "venta"])
    assert source.tolist() == [
        0,
        0,
        *numbers(["a", "la"]).tolist(),
        0,
        *numbers(["venta"]).tolist(),
    ]
    assert longest_copies([numbers(text) for text in texts], [source]) == [Copy(0, 2), Copy(0, 0)]
