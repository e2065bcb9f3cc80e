"""Number sets in the notation `0-3,8`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.texts.number_ranges import read_ranges, write_ranges


@given(st.sets(st.integers(0, 99)))
def test_round_trip(numbers: set[int]) -> None:
    assert read_ranges(write_ranges(numbers), 100) == tuple(sorted(numbers))


@pytest.mark.parametrize(
    ("numbers", "written"),
    [([], ""), ([5], "5"), ([3, 0, 2, 1, 8], "0-3,8"), ([1, 2, 4], "1-2,4")],
)
def test_writes_runs_as_ranges(numbers: list[int], written: str) -> None:
    assert write_ranges(numbers) == written


@pytest.mark.parametrize("text", ["a", "1-", "-1", "2-1", "1--2", "100", "0-100", "1.5", "½"])
def test_refuses_other_text(text: str) -> None:
    with pytest.raises(ValueError, match="is"):
        read_ranges(text, 100)
