"""Line breaking for a paragraph as a whole, with hyphenation.

After D. E. Knuth and M. F. Plass, "Breaking Paragraphs into Lines" (Software: Practice and
Experience 11, 1981), without fitness classes: minimizes the sum over all lines of the cost of
stretched and shrunk spaces. Hyphenation points come from pyphen's dictionary (of LibreOffice)."""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import inf

import pyphen

# The width of a text, in any unit; widths of parts add up to the width of the whole.
Measure = Callable[[str], float]

# Limits of a space's shrinkage, and of its stretch before it looks bad, in widths of a space.
SHRINK, STRETCH = 0.3, 0.6
HYPHEN_PENALTY = 3_000.0
UGLY = 1e9
# Cost of a last line shorter than this fraction of the width.
SHORT_PENALTY, SHORT = 500.0, 0.12
# Longer words break anywhere; no Spanish word is longer.
LONGEST_WORD = 30  # characters
# Breaks compared for a line inside a single word.
FEW = 4
_LETTERS = re.compile(r"[^\W\d_]{5,}")


@dataclass(frozen=True)
class Piece:
    """A part of a line between two spaces.

    start: offset in the text.
    hyphen: whether to append a hyphen that the text does not have."""

    start: int
    text: str
    hyphen: bool = False

    @property
    def shown(self) -> str:
        """The text with its hyphen."""
        return self.text + "-" if self.hyphen else self.text


Line = tuple[Piece, ...]


@dataclass(frozen=True)
class _Break:
    """A possible break: before a word, or inside it after a number of characters.

    at: distance from the start of the paragraph if set in one line."""

    word: int
    within: int
    at: float


# A break, and the number of the line that starts there.
_State = tuple[int, int]


def set_lines(text: str, widths: Sequence[float], measure: Measure) -> list[Line]:
    """Break a text into lines.

    widths: of the lines; the last applies to all further lines.
    measure: returns the width of a text, in the unit of `widths`."""
    words = [(found.start(), found[0]) for found in re.finditer(r"\S+", text)]
    return _Paragraph(words, widths, measure).lines() if words else []


class _Paragraph:
    def __init__(
        self, words: Sequence[tuple[int, str]], widths: Sequence[float], measure: Measure
    ) -> None:
        self._words, self._widths = words, widths
        self._space, self._hyphen = measure(" "), measure("-")
        self._breaks: list[_Break] = []
        at = 0.0
        for number, (_, word) in enumerate(words):
            self._breaks.append(_Break(number, 0, at))
            begin = 0
            for within in divisions(word):
                at += measure(word[begin:within])
                self._breaks.append(_Break(number, within, at))
                begin = within
            at += measure(word[begin:]) + self._space
        self._breaks.append(_Break(len(words), 0, at))

    def lines(self) -> list[Line]:
        """The lines on the cheapest path from the first break to the last."""
        last = len(self._breaks) - 1
        costs: list[dict[int, float]] = [{} for _ in self._breaks]
        before: dict[_State, _State] = {}
        costs[0][0] = 0.0
        for start in range(last):
            for number, cost in costs[start].items():
                following = min(number + 1, len(self._widths) - 1)
                for end, more in self._lines_from(start, self._widths[number]):
                    if cost + more < costs[end].get(following, inf):
                        costs[end][following] = cost + more
                        before[end, following] = (start, number)
        state, lines = (last, min(costs[last], key=costs[last].__getitem__)), []
        while state[0]:
            earlier = before[state]
            lines.append(self._line(self._breaks[earlier[0]], self._breaks[state[0]]))
            state = earlier
        return lines[::-1]

    def _lines_from(self, start: int, width: float) -> Iterator[tuple[int, float]]:
        """Candidate lines from a break: the end of each and its cost."""
        last, begin = len(self._breaks) - 1, self._breaks[start]
        first = min(last, self._break_behind(begin.at + width / 2, start))
        full = self._break_behind(begin.at + width, start)
        if self._breaks[full - 1].word == begin.word:  # within one word the fullest line is best
            first = max(first, full - FEW)
        for end in range(first, last + 1):
            cost = self._cost(self._breaks[start], self._breaks[end], width)
            if cost is None:
                if end == first:  # nothing fits well; accept an overfull line
                    yield max(start + 1, end - 1), UGLY
                return
            yield end, cost

    def _break_behind(self, at: float, start: int) -> int:
        """Index of the first break behind a position, at least `start` + 1."""
        return bisect(self._breaks, at, start + 1, key=lambda each: each.at)

    def _cost(self, start: _Break, end: _Break, width: float) -> float | None:
        """The cost of a line; None if it does not fit."""
        spaces = end.word - start.word - (not end.within)
        slack = width - (end.at - start.at + (self._hyphen if end.within else -self._space))
        if slack < -SHRINK * self._space * spaces:
            return None
        if end.word == len(self._words) and slack > 0:
            return SHORT_PENALTY if width - slack < SHORT * width else 0.0
        give = STRETCH if slack > 0 else SHRINK
        ratio = abs(slack) / (give * self._space * max(spaces, 0.5))
        return (1.0 + 100.0 * ratio**3) ** 2 + (HYPHEN_PENALTY if end.within else 0.0)

    def _line(self, start: _Break, end: _Break) -> Line:
        pieces = []
        for number in range(start.word, end.word):
            begin = start.within if number == start.word else 0
            pieces.append(self._piece(number, begin, len(self._words[number][1])))
        if end.within:
            begin = start.within if end.word == start.word else 0
            pieces.append(self._piece(end.word, begin, end.within))
        return tuple(pieces)

    def _piece(self, number: int, begin: int, end: int) -> Piece:
        start, word = self._words[number]
        # A division after a dash needs no hyphen.
        hyphen = end < len(word) and word[end - 1] not in "-—"
        return Piece(start + begin, word[begin:end], hyphen)


@cache
def _dictionary() -> pyphen.Pyphen:
    return pyphen.Pyphen(lang="es", left=2, right=3)


def divisions(word: str) -> list[int]:
    """Hyphenation points of a word, as offsets in characters."""
    if len(word) > LONGEST_WORD:
        return list(range(1, len(word)))
    found = [
        match.start() + position
        for match in _LETTERS.finditer(word)
        for position in _dictionary().positions(match[0])
    ]
    dashes = [index + 1 for index in range(1, len(word) - 1) if word[index] in "-—"]
    return sorted({*found, *dashes})
