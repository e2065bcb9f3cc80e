"""A candidate: one of several sampled sentences, of which the best is kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Candidate:
    """One version of the next sentence."""

    phrase: str  # as the decoder reads it
    # The text before the sentence: the phrase and the sentences chosen so far, or "" for the
    # sentence that continues the phrase.
    before: str
    sentence: str  # including the part of the phrase that it continues
    own: str  # the generated end of the sentence, never ""
    likelihood: float  # mean natural log-probability per character at temperature 1; nan if unknown
    cut: bool  # ended at its length limit, within a clause
    style: str | None  # the requested author
