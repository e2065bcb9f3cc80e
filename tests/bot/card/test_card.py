"""Cards: every word once and in order, in lines that fit."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bot.card import Card, draw_card
from bot.card.layout import Line, divisions, set_lines
from bot.card.page import INK, RED

PROSE = (
    "En un lugar de la Mancha, de cuyo nombre no quiero acordarme, no ha mucho tiempo que vivía un "
    "hidalgo de los de lanza en astillero, adarga antigua, rocín flaco y galgo corredor. Una olla "
    "de algo más vaca que carnero, salpicón las más noches, duelos y quebrantos los sábados, "
    "lantejas los viernes, algún palomino de añadidura los domingos, consumían las tres partes de "
    "su hacienda."
)


def card(phrase: str = "En un lugar", continuation: str = " de la Mancha.") -> Card:
    return Card(phrase, continuation, "cervantes", 14, "c7d1aeb08b9d")


def picture(drawn: Card) -> Image.Image:
    return Image.open(io.BytesIO(draw_card(drawn)))


def joined(lines: list[Line]) -> str:
    """The text of the lines, with divided words rejoined."""
    text = ""
    for line in lines:
        text += " ".join(piece.text for piece in line)
        text += "" if line[-1].hyphen else " "
    return text


def natural(line: Line) -> int:
    return len(" ".join(piece.shown for piece in line))


def test_lines_fit_and_are_evenly_full() -> None:
    lines = set_lines(PROSE, [40], len)
    assert joined(lines).strip() == PROSE
    assert all(natural(line) <= 44 for line in lines)
    assert all(natural(line) >= 34 for line in lines[:-1])


def test_first_lines_can_be_narrower() -> None:
    lines = set_lines(PROSE, [20, 20, 40], len)
    assert all(natural(line) <= 23 for line in lines[:2])
    assert natural(lines[2]) > 30


@given(st.text(st.sampled_from("abñ —-. "), max_size=300), st.integers(1, 40))
def test_layout_loses_no_text(text: str, width: int) -> None:
    lines = set_lines(text, [width], len)
    shown = "".join(piece.text for line in lines for piece in line)
    assert shown == "".join(text.split())
    for line in lines:
        for piece in line:
            assert text[piece.start : piece.start + len(piece.text)] == piece.text


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("caballería", ["ca", "ba", "lle", "ría"]),
        ("«quebrantos»,", ["«que", "bran", "tos»,"]),
        ("sol", ["sol"]),
        ("dijo—respondió", ["dijo—", "res", "pon", "dió"]),
    ],
)
def test_divides_words_by_spanish_rules(word: str, parts: list[str]) -> None:
    cuts = [0, *divisions(word), len(word)]
    assert [word[a:b] for a, b in pairwise(cuts)] == parts


def colours(image: Image.Image) -> set[str]:
    """The colours in a picture."""
    found = image.convert("RGB").getcolors(2**24) or []
    return {"#{:02x}{:02x}{:02x}".format(*colour) for _, colour in found}


def test_phrase_is_red_and_rest_black() -> None:
    assert {INK, RED} <= colours(picture(card(PROSE[:60], PROSE[60:])))


def test_same_text_gives_same_picture() -> None:
    assert draw_card(card()) == draw_card(card())


def test_page_grows_with_text_up_to_limit() -> None:
    heights = [picture(card("En", f" {PROSE}" * times)).height for times in (1, 3, 6, 40)]
    assert heights == sorted(heights)
    assert heights[0] < heights[2] <= heights[3] <= 2000


def test_files_are_small() -> None:
    assert len(draw_card(card(PROSE, f" {PROSE}" * 5))) < 400_000


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=80), st.text(max_size=200), st.none() | st.text(max_size=20))
def test_renders_any_text(phrase: str, continuation: str, style: str | None) -> None:
    assert picture(Card(phrase, continuation, style, 1, "ab")).size[0] == 1200


@pytest.mark.parametrize("letter", ["i", "l", ".", "m", "W", "—"])
@pytest.mark.parametrize("length", [400, 4_000, 6_000])
def test_words_of_one_letter_fit_whatever_its_width(letter: str, length: int) -> None:
    shown = picture(card(letter * length, ""))
    assert shown.width == 1200
    assert shown.height <= 2000


def test_long_word_is_measured_once() -> None:
    measured = 0

    def measure(text: str) -> float:
        nonlocal measured
        measured += len(text)
        return len(text)

    set_lines("a" * 6_000, [40], measure)
    assert measured < 7_000
