"""The closing phrase of a long text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.requests.closing_phrase import ENOUGH, closing_phrase


def test_last_sentences_up_to_enough() -> None:
    sentences = [f"Ésta es la oración número {number}, que sigue a otra." for number in range(9)]
    phrase = closing_phrase(" ".join(sentences), 400)
    assert phrase == " ".join(sentences[-4:])
    assert len(" ".join(sentences[-3:])) < ENOUGH


def test_long_sentence_alone() -> None:
    long = "y siguió " * 30 + "andando."
    assert closing_phrase("Empezó. Y " + long, 400) == "Y " + long


def test_last_words_of_an_overlong_sentence() -> None:
    phrase = closing_phrase("y siguió " * 90 + "andando.", 100)
    assert phrase.endswith("siguió y siguió andando.")
    assert phrase.startswith(("y ", "siguió "))
    assert len(phrase) <= 100


@given(st.text(), st.integers(1, 400))
def test_limit_is_never_exceeded(text: str, limit: int) -> None:
    assert len(closing_phrase(text, limit)) <= limit
