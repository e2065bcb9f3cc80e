"""Sets of numbers as people write them: `0-3,8`."""

from __future__ import annotations

import re
from collections.abc import Iterable

_RANGE = re.compile(r"(\d+)(?:-(\d+))?")


def read_ranges(text: str, limit: int) -> tuple[int, ...]:
    """The numbers that are named, in order, with commas or spaces between them or their ranges.
    Raises ValueError for anything else and for a number that is not below `limit`."""
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
    """The shortest way to name these: `0-3,8`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ",".join("-".join(map(str, run)) for run in runs)
