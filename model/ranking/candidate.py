"""A candidate: one of several drawn sentences, of which the best is kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """One way to write the next sentence.

    phrase: as the decoder reads it; before: all the text before this sentence, "" for the sentence
    that continues the phrase, else the phrase and the sentences chosen so far; sentence: the whole
    sentence, with the part of the phrase that it continues; own: its end, which the decoder wrote,
    never ""; likelihood: the mean natural log-probability of a written character at temperature 1,
    nan where unknown; cut: closed at its length limit, within a clause; style: the author who was
    asked for.
    """

    phrase: str
    before: str
    sentence: str
    own: str
    likelihood: float
    cut: bool
    style: str | None
