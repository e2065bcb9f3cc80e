"""Cutting of texts to a limit."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.cutting import ELLIPSIS, cut_answer, cut_words

WORDS = st.text(alphabet="ab ñ.", max_size=60)


def test_answer_ends_at_the_last_sentence_that_fits() -> None:
    continuation = " vez. Dos más. Tres."
    assert cut_answer("Una", continuation, lambda text: len(text) <= 15) == " vez. Dos más."


def test_answer_without_fitting_sentence_ends_at_a_word() -> None:
    cut = cut_answer("Una", " vez y otra vez.", lambda text: len(text) <= 10)
    assert cut == f" vez y{ELLIPSIS}"


def test_text_without_space_is_cut_within_the_word() -> None:
    assert cut_words("abcdef", lambda text: len(text) <= 4) == "abcd"


@given(WORDS, st.integers(0, 60))
def test_cut_is_the_longest_beginning_between_words(text: str, limit: int) -> None:
    cut = cut_words(text, lambda each: len(each) <= limit)
    assert text.startswith(cut)
    assert len(cut) <= limit
    ends = [at for at, character in enumerate(text) if character == " " and 0 < at <= limit]
    if len(text) <= limit:
        assert cut == text
    elif ends:
        assert len(cut) == max(ends)
