"""Normalization of books and of typed text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.text.normalize import nearest, normalize


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("“Hola”", '"Hola"'),
        ("‘sí’", "'sí'"),
        ("espera…", "espera..."),
        ("espera.....", "espera..."),
        ("--Hola --dijo", "—Hola —dijo"),
        ("– Hola ― dijo", "— Hola — dijo"),
        ("--—Hola—--", "—Hola—"),
        ("a\u00a0b\u2003c\td\r\ne", "a b c d e"),
        ("n\u0303andu\u0301", "ñandú"),
        ("a\u200bb\u202ec\u0000d\ufeff", "abcd"),
        ("z\u0351\u0352\u0353a\u035bl\u0361go", "zalgo"),
        ("\ud800suelto", "suelto"),
        ("   ", ""),
    ],
)
def test_typed_text_is_normalised_like_the_books(typed: str, written: str) -> None:
    assert normalize(typed) == written


@given(st.text(st.characters()))
def test_normalize_is_idempotent(text: str) -> None:
    once = normalize(text)
    assert normalize(once) == once
    assert once == unicodedata.normalize("NFC", once)
    assert "  " not in once
    assert once == once.strip()


def test_rare_letters_map_to_plain_ones() -> None:
    assert [nearest(character) for character in "ã𝓐ﬁñ"] == ["a", "A", "fi", "n"]
