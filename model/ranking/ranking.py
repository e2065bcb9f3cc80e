"""Judges candidates for a sentence, and chooses the one that is kept.

Rules come first: a candidate that violates none is kept while there is one. Among those that
violate as much, a score compares. The best few are as good as each other, as far as a score can
tell, so a random number decides among them; else different seeds would write the same text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from model.checkpoint.lexicon import Lexicon
from model.ranking.agreement import disagrees
from model.ranking.candidate import Candidate
from model.ranking.clauses import dangles, is_fragment, is_tag_alone, joins_badly, verbs_missing
from model.ranking.faults import Fault
from model.ranking.marks import is_unbalanced
from model.ranking.people import brings_strangers, mixes_books
from model.ranking.reading import Reading
from model.ranking.repetition import begins_alike, stutters
from model.ranking.verbs import Verbs, without_pronouns

__all__ = ["FAULTS", "SCORES", "Candidate", "Fault", "Judgement", "Ranking"]

# How bad a violated rule is. A judgement, not a measurement: what no reader forgives counts double,
# a changed or invented word and books that are mixed; in the trial all counted the same.
FAULTS: dict[Fault, int] = {
    Fault.ALTERED_WORD: 2,
    Fault.UNKNOWN_WORD: 2,
    Fault.MIXED_BOOKS: 2,
    **dict.fromkeys(
        (
            Fault.UNBALANCED,
            Fault.STUTTER,
            Fault.STRANGER,
            Fault.COPIED,
            Fault.TOO_LONG,
            Fault.TOO_SHORT,
            Fault.FRAGMENT,
            Fault.DANGLING,
            Fault.TAG_ALONE,
            Fault.SAME_BEGINNING,
            Fault.DISAGREEMENT,
        ),
        1,
    ),
}

# All in natural logarithms of probability for each character, as the likelihood is, which differs
# by 0.09 (standard deviation) among the candidates for a sentence (19 phrases, 16 each, `small`).
SCORES = {
    "long": 0.0008,  # for each character beyond LONG: as in the trial
    "short": 0.004,  # for each character that lacks to SHORT: as much as 5 characters too many
    "join": 0.15,  # for the worst join: the likelihood hardly sees it, readers did in 45 of 200
    "verb": 0.08,  # for each verb that lacks, MOST_VERBS at most: fragments were 35 of 200
    "stock": 0.03,  # for each stock noun, MOST_STOCK at most: 158 of them stood in 200 texts
    "manner": 0.3,  # for each unit of log-odds a word of the author who was asked for
}
LONG, SHORT = 90, 45
MOST_VERBS, MOST_STOCK = 2, 3
# Fewer words are no sentence; with more of them hardly one of a sampled text hangs together.
LEAST_WORDS, MOST_WORDS = 4, 60
# The likelihood of a sampled sentence. It stands where none is known, and counts as if so many
# characters more had been written: the mean of a few characters says little («.» alone).
LIKELIHOOD, STEADYING = -0.8, 20
# What the readings named as filler, and what goes with it.
STOCK = frozenset(
    """
    cabeza casa casas mano manos mundo caballero caballeros andante andantes ojos alma corazón
    señor señora merced vuestra escudero
    """.split()
)
# The best few: one in eight of the candidates, from SEVERAL on two, and MOST_CHOSEN at most, none
# of them worse than the best by more than CLOSE, about one standard deviation.
SHARE, SEVERAL, MOST_CHOSEN, CLOSE = 8, 4, 5, 0.08

Rules = dict[Fault, Callable[[Reading], bool]]


@dataclass(frozen=True)
class Judgement:
    """faults: the violated rules, each once; score: higher is better, and compares candidates whose
    faults weigh the same."""

    faults: tuple[Fault, ...]
    score: float


class Ranking:
    """Judges by the lexicon of a checkpoint; without one, by the rules that need none.

    off: rules that are switched off.
    """

    def __init__(self, lexicon: Lexicon | None, off: frozenset[Fault] = frozenset()) -> None:
        self._lexicon, self._verbs = lexicon, Verbs(lexicon)
        rules = self._rules_of_text() | (self._rules_of(lexicon) if lexicon is not None else {})
        # A list in order: to look members of an enumeration up costs as much as a rule.
        self._rules = [(fault, rules[fault]) for fault in Fault if fault in rules.keys() - off]

    def judge(self, candidate: Candidate) -> Judgement:
        """The rules that a candidate violates, in the order of `Fault`, and its score."""
        reading = Reading(candidate, self._verbs)
        faults = tuple([fault for fault, violates in self._rules if violates(reading)])
        return Judgement(faults, self._score(reading))

    def choose(self, judgements: Sequence[Judgement], uniform: float) -> int:
        """The place of the one that is kept; uniform: a random number in [0, 1).

        It decides among the best few of those whose faults weigh least. Candidates with the same
        score are the same sentence, as far as anyone can tell, and count once.
        """
        weights = [sum(FAULTS[fault] for fault in each.faults) for each in judgements]
        least = min(weights)
        best: dict[float, int] = {}
        for place, each in enumerate(judgements):
            if weights[place] == least:
                best.setdefault(each.score, place)
        scores = sorted(best, reverse=True)
        count = max(len(judgements) // SHARE, 2 if len(judgements) >= SEVERAL else 1)
        near = [score for score in scores[: min(count, MOST_CHOSEN)] if score >= scores[0] - CLOSE]
        return best[near[int(uniform * len(near))]]

    def _rules_of_text(self) -> Rules:
        return {
            Fault.UNBALANCED: is_unbalanced,
            Fault.STUTTER: stutters,
            Fault.TOO_LONG: lambda reading: (
                reading.candidate.cut or len(reading.words) > MOST_WORDS
            ),
            Fault.TOO_SHORT: lambda reading: len(reading.words) < LEAST_WORDS,
            Fault.DANGLING: dangles,
            Fault.TAG_ALONE: lambda reading: is_tag_alone(reading.sentence),
            Fault.SAME_BEGINNING: begins_alike,
        }

    def _rules_of(self, lexicon: Lexicon) -> Rules:
        return {
            Fault.ALTERED_WORD: lambda reading: _alters(reading, lexicon),
            Fault.UNKNOWN_WORD: lambda reading: _invents(reading, lexicon),
            Fault.STRANGER: lambda reading: brings_strangers(reading, lexicon),
            Fault.MIXED_BOOKS: lambda reading: mixes_books(reading, lexicon),
            Fault.COPIED: lambda reading: lexicon.has_copied(reading.candidate.own),
            # Too many verbs are known from a lexicon alone.
            Fault.FRAGMENT: lambda reading: is_fragment(reading, self._verbs),
            Fault.DISAGREEMENT: lambda reading: disagrees(reading, lexicon),
        }

    def _score(self, reading: Reading) -> float:
        candidate, length = reading.candidate, len(reading.sentence)
        stock = sum(word not in reading.given for word in STOCK.intersection(reading.own_words))
        return (
            self._score_by_lexicon(reading)
            + _steadied(candidate.likelihood, len(candidate.own))
            - SCORES["long"] * max(0, length - LONG)
            - SCORES["short"] * max(0, SHORT - length)
            - SCORES["stock"] * min(MOST_STOCK, stock)
        )

    def _score_by_lexicon(self, reading: Reading) -> float:
        """What needs to know verbs or authors."""
        if self._lexicon is None:
            return 0.0
        style, manner = reading.candidate.style, 0.0
        if style is not None:
            manner = self._lexicon.manner(reading.own_words, style)
        return (
            SCORES["manner"] * manner
            - SCORES["join"] * joins_badly(reading)
            - SCORES["verb"] * min(MOST_VERBS, verbs_missing(reading))
        )


def _steadied(likelihood: float, characters: int) -> float:
    if math.isnan(likelihood):
        return LIKELIHOOD
    return (likelihood * characters + LIKELIHOOD * STEADYING) / (characters + STEADYING)


def _alters(reading: Reading, lexicon: Lexicon) -> bool:
    """Whether letters are stuck to the last word of the phrase, and make no word of it.

    Where the word was to be completed, one may come of it; elsewhere a mask keeps it whole.
    """
    stuck = reading.inherited[-1:].isalpha() and reading.candidate.own[:1].isalpha()
    return stuck and not lexicon.knows(reading.words[reading.first])


def _invents(reading: Reading, lexicon: Lexicon) -> bool:
    """Whether the decoder wrote a word that neither the lexicon nor the text before it has."""
    if all(map(lexicon.knows, reading.own_words)):
        return False
    given = {word.lower() for word in reading.given}
    return any(
        not lexicon.knows(word)
        and word not in given
        and not written.isupper()
        and not any(map(lexicon.knows, without_pronouns(word)))
        for word, written in zip(reading.own_words, reading.written[reading.first :], strict=True)
    )
