"""Word wrapping, independent of how the text is split into pieces."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st

from bot.texts.wrapping import Wrapper, fitted

PIECES = st.lists(st.text("ab ñ—", max_size=8), max_size=30)


@given(PIECES, st.integers(1, 20))
def test_only_spaces_become_line_ends(pieces: list[str], columns: int) -> None:
    wrapper = Wrapper(columns)
    shown = "".join(map(wrapper.feed, pieces)) + wrapper.end()
    assert shown.replace("\n", " ") == "".join(pieces)
    assert all(len(line) <= columns or " " not in line.strip() for line in shown.split("\n"))


@given(PIECES, st.integers(1, 20))
def test_result_is_independent_of_pieces(pieces: list[str], columns: int) -> None:
    whole, parts = Wrapper(columns), Wrapper(columns)
    text = whole.feed("".join(pieces)) + whole.end()
    assert "".join(map(parts.feed, pieces)) + parts.end() == text


def test_line_fills_window() -> None:
    wrapper = Wrapper(11)
    assert wrapper.feed("  uno dos tres cuatro") + wrapper.end() == "  uno dos\ntres cuatro"


def test_continuation_lines_are_indented() -> None:
    wrapper = Wrapper(11, "   ")
    assert wrapper.feed("uno dos tres cuatro") + wrapper.end() == "uno dos\n   tres\n   cuatro"


def test_other_streams_are_not_wrapped() -> None:
    assert fitted("  uno\n\n" + "dos " * 99, io.StringIO()) == "  uno\n\n" + "dos " * 99
