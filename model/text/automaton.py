"""The rules of `Sequence.constraint` as a finite automaton, for use on a GPU.

A state holds everything that those rules need of an unfinished sentence; every token leads to the
next state. `model.text.sentences` defines the rules; the tests compare both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from model.arrays import Integers
from model.text.constraints import Constraint
from model.text.sentences import ABBREVIATIONS, CLOSERS, OPENERS, TERMINALS, WINDOW, is_abbreviation
from model.text.tokenizer import Tokenizer

_LETTER = re.compile(r"[^\W\d_]")
_BEGINNINGS = frozenset(word[:end] for word in ABBREVIATIONS for end in range(1, len(word) + 1))
_SEPARATOR = "\n"  # represents the separator; texts have no line breaks


@dataclass(frozen=True)
class _State:
    """The state of an unfinished sentence. `kind` is one of

    start       empty, or opening marks only
    word        in a word; `letters` are its letters, "--" if two or more begin no abbreviation
    abbreviated after the full stop of an abbreviation
    end         after a possible end with `count` closing marks
    complete    after the phrase's last word, which must not grow; `letters` is one letter if a full
                stop would belong to an abbreviation
    pending     after a possible end, a space and opening marks, `count` characters in total
    inside      anywhere else
    """

    kind: str
    letters: str = ""
    count: int = 0

    def then(self, character: str) -> _State:
        """The state after one more character."""
        if character == _SEPARATOR:
            if self.kind == "end":
                return _START
            character = " "
        if self.kind == "start" and character in OPENERS:
            return self
        if self.kind == "pending" and (character in OPENERS or character == " "):
            return _pending(self.count + 1)
        if self.kind == "end" and character == " ":
            return _pending(self.count + 1)
        if self.kind in ("end", "abbreviated") and character in CLOSERS:
            return _State("end", count=min(self.count + 1, WINDOW))
        if character in TERMINALS:
            return _State("abbreviated" if character == "." and self._abbreviates else "end")
        if _LETTER.match(character):
            letters = self.letters + character
            return _State("word", letters if len(letters) == 1 or letters in _BEGINNINGS else "--")
        return _INSIDE

    @property
    def _abbreviates(self) -> bool:
        return len(self.letters) == 1 or self.letters in ABBREVIATIONS

    @property
    def constraint(self) -> Constraint:
        """The result of `Sequence.constraint` in this state."""
        known = {
            "start": Constraint.STARTS,
            "end": Constraint.MAY_END,
            "pending": Constraint.CONTINUES,
            "complete": Constraint.COMPLETE,
        }
        return known.get(self.kind, Constraint.INSIDE)


_START, _INSIDE = _State("start"), _State("inside")
# The first states, in this order.
_FIRST = (_START, _State("complete"), _State("complete", "-"))


def _pending(count: int) -> _State:
    """Pending, within the window that `continues` looks back."""
    return _State("pending", count=count) if count < WINDOW else _INSIDE


@dataclass(frozen=True)
class Automaton:
    """The automaton of a vocabulary, built on first use. State 0 is a new sentence."""

    tokenizer: Tokenizer

    @property
    def following(self) -> Integers:
        """The next state per state and token, (S, V)."""
        return self._tables[0][:, :-1]

    @property
    def constraints(self) -> Integers:
        """The Constraint of each state, (S,)."""
        return self._tables[1]

    def read(self, sentence: str, *, complete: bool = False) -> int:
        """The state after an unfinished sentence of the vocabulary's characters.

        complete: whether its last word is complete.
        """
        if complete:
            return 1 + is_abbreviation(sentence + ".")
        state, following = 0, self._rows
        ids = self.tokenizer.character_ids | {" ": self.tokenizer.size}
        for character in sentence:
            state = following[state][ids[character]]
        return state

    @cached_property
    def _tables(self) -> tuple[Integers, Integers]:
        return _tables(self.tokenizer)

    @cached_property
    def _rows(self) -> list[list[int]]:
        rows: list[list[int]] = self._tables[0].tolist()
        return rows


@cache
def _tables(tokenizer: Tokenizer) -> tuple[Integers, Integers]:
    """Follow every token, and a space that ends no sentence, from every reachable state."""
    symbols = [*tokenizer.pieces, " "]
    symbols[tokenizer.separator] = _SEPARATOR
    queue, rows = list(_FIRST), list[list[int]]()
    numbers = {state: number for number, state in enumerate(queue)}
    for state in queue:  # grows during the loop
        reached = [state.then(symbol) if symbol else state for symbol in symbols]
        for after in reached:
            if numbers.setdefault(after, len(numbers)) == len(queue):
                queue.append(after)
        rows.append([numbers[after] for after in reached])
    constraints = [state.constraint for state in queue]
    return np.array(rows, np.int32), np.array(constraints, np.int32)
