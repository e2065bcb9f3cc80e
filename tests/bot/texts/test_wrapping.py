"""Lines that end between words, whatever pieces the text comes in."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from bot.texts.wrapping import Wrapper, fitted

PIECES = st.lists(st.text("ab ñ—", max_size=8), max_size=30)


@given(PIECES, st.integers(1, 20))
def test_only_spaces_become_ends_of_lines(pieces: list[str], columns: int) -> None:
    wrapper = Wrapper(columns)
    shown = "".join(map(wrapper.feed, pieces)) + wrapper.end()
    assert shown.replace("\n", " ") == "".join(pieces)
    assert all(len(line) <= columns or " " not in line.strip() for line in shown.split("\n"))


@given(PIECES, st.integers(1, 20))
def test_what_is_shown_does_not_depend_on_the_pieces(pieces: list[str], columns: int) -> None:
    whole, parts = Wrapper(columns), Wrapper(columns)
    text = whole.feed("".join(pieces)) + whole.end()
    assert "".join(map(parts.feed, pieces)) + parts.end() == text


def test_a_line_is_as_long_as_the_window_allows() -> None:
    wrapper = Wrapper(11)
    assert wrapper.feed("  uno dos tres cuatro") + wrapper.end() == "  uno dos\ntres cuatro"


def test_a_line_that_goes_on_can_be_set_in() -> None:
    wrapper = Wrapper(11, "   ")
    assert wrapper.feed("uno dos tres cuatro") + wrapper.end() == "uno dos\n   tres\n   cuatro"


def test_what_goes_to_no_terminal_stays_as_it_is() -> None:
    assert fitted("  uno\n\n" + "dos " * 99, io.StringIO()) == "  uno\n\n" + "dos " * 99
