"""Setting a text in lines of one width, as a compositor does: all lines together, with hyphens.

Breaks are chosen for the paragraph as a whole, after D. E. Knuth and M. F. Plass, "Breaking
Paragraphs into Lines" (Software: Practice and Experience 11, 1981), without their fitness classes:
the sum over all lines of how far the spaces must give is the least there is. Spanish words divide
where pyphen's dictionary (of LibreOffice) says.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import inf

import pyphen

# How wide a piece of text is, in any unit: the sum of the widths of its parts.
Measure = Callable[[str], float]

# Of the space between words: how far it may shrink, and how far it stretches before that is ugly.
SHRINK, STRETCH = 0.3, 0.6
HYPHEN_PENALTY = 3_000.0
UGLY = 1e9
# A last line that is shorter than so much of the width looks forgotten.
SHORT_PENALTY, SHORT = 500.0, 0.12
# No Spanish word is longer; what is longer breaks anywhere.
LONGEST_WORD = 30  # characters
# Of a line inside a word, so many breaks are compared.
FEW = 4
_LETTERS = re.compile(r"[^\W\d_]{5,}")


@dataclass(frozen=True)
class Piece:
    """What stands in a line between two spaces.

    start: where it begins in the text; hyphen: whether one follows that the text does not have.
    """

    start: int
    text: str
    hyphen: bool = False

    @property
    def shown(self) -> str:
        """With its hyphen."""
        return self.text + "-" if self.hyphen else self.text


Line = tuple[Piece, ...]


@dataclass(frozen=True)
class _Break:
    """A place to break: before a word, or inside of one after so many characters.

    at: how far it would be from the beginning if all stood in one line.
    """

    word: int
    within: int
    at: float


# A break, and the number of the line that begins there.
_State = tuple[int, int]


def set_lines(text: str, widths: Sequence[float], measure: Measure) -> list[Line]:
    """The lines of a text. widths: of the first lines, the last one for all that follow, in the
    unit of `measure`."""
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
        """The lines of the cheapest way from the first break to the last."""
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
        """Every line worth a thought that begins at a break: where it ends and what it costs."""
        last, begin = len(self._breaks) - 1, self._breaks[start]
        first = min(last, self._break_behind(begin.at + width / 2, start))
        full = self._break_behind(begin.at + width, start)
        if self._breaks[full - 1].word == begin.word:  # within one word the fullest line is best
            first = max(first, full - FEW)
        for end in range(first, last + 1):
            cost = self._cost(self._breaks[start], self._breaks[end], width)
            if cost is None:
                if end == first:  # nothing fits well, and something has to stand there
                    yield max(start + 1, end - 1), UGLY
                return
            yield end, cost

    def _break_behind(self, at: float, start: int) -> int:
        """The first break behind a place, at least the one after `start`."""
        return bisect(self._breaks, at, start + 1, key=lambda each: each.at)

    def _cost(self, start: _Break, end: _Break, width: float) -> float | None:
        """What a line costs, None when it does not fit."""
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
        # What is divided at a dash needs no hyphen.
        hyphen = end < len(word) and word[end - 1] not in "-—"
        return Piece(start + begin, word[begin:end], hyphen)


@cache
def _dictionary() -> pyphen.Pyphen:
    return pyphen.Pyphen(lang="es", left=2, right=3)


def divisions(word: str) -> list[int]:
    """Where a word may be divided: numbers of characters from its beginning."""
    if len(word) > LONGEST_WORD:
        return list(range(1, len(word)))
    found = [
        match.start() + position
        for match in _LETTERS.finditer(word)
        for position in _dictionary().positions(match[0])
    ]
    dashes = [index + 1 for index in range(1, len(word) - 1) if word[index] in "-—"]
    return sorted({*found, *dashes})
