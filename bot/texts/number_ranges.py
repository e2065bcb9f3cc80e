"""Number sets in the notation `0-3,8`."""

from __future__ import annotations

import re
from collections.abc import Iterable

_RANGE = re.compile(r"(\d+)(?:-(\d+))?")


def read_ranges(text: str, limit: int) -> tuple[int, ...]:
    """The numbers in a list of numbers and ranges, sorted.

    Raises ValueError for other text and for a number of `limit` or more."""
    numbers: set[int] = set()
    for word in text.replace(",", " ").split():
        match = _RANGE.fullmatch(word)
        if match is None:
            raise ValueError(f"{word!r} is neither a number nor a range")
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last < limit:
            raise ValueError(f"{word!r} is out of bounds")
        numbers.update(range(first, last + 1))
    return tuple(sorted(numbers))


def write_ranges(numbers: Iterable[int]) -> str:
    """The shortest notation for these numbers."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ",".join("-".join(map(str, run)) for run in runs)
