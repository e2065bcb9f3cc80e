"""Ranking: judges the candidates for a sentence and chooses one.

Rules come first: the candidates with the least weight of faults remain. A score compares those. It
cannot separate the best few, so a random number chooses among them; otherwise different seeds would
give the same text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from model.checkpoint.lexicon import Lexicon
from model.ranking.agreement import disagrees
from model.ranking.book_characters import brings_strangers, mixes_books
from model.ranking.candidate import Candidate
from model.ranking.clauses import dangles, is_fragment, is_tag_alone, joins_badly, verbs_missing
from model.ranking.fault import Fault
from model.ranking.paired_marks import is_unbalanced
from model.ranking.parsed_candidate import ParsedCandidate
from model.ranking.repetition import begins_alike, stutters
from model.ranking.verbs import Verbs, without_pronouns

__all__ = ["FAULTS", "SCORES", "Candidate", "Fault", "Judgement", "Ranking"]

# The weight of each fault. A judgement, not a measurement: altered and invented words and mixed
# books count double, since no reader forgives them; in the trial all counted the same.
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

# In natural log-probability per character, like the likelihood, whose standard deviation among the
# candidates for a sentence is 0.09 (19 phrases, 16 candidates each, `small`).
SCORES = {
    "long": 0.0008,  # per character beyond LONG: as in the trial
    "short": 0.004,  # per character missing to SHORT: as much as 5 characters too many
    "join": 0.15,  # for the worst join: readers saw it in 45 of 200, the likelihood hardly does
    "verb": 0.08,  # per missing verb, up to MOST_VERBS: fragments were 35 of 200
    "stock": 0.03,  # per stock noun, up to MOST_STOCK: 200 texts had 158
    "manner": 0.3,  # per unit of log-odds per word, for the requested author
}
LONG, SHORT = 90, 45
MOST_VERBS, MOST_STOCK = 2, 3
# Fewer words are no sentence; longer sampled sentences are hardly ever coherent.
LEAST_WORDS, MOST_WORDS = 4, 60
# The prior likelihood of a sentence, and its weight in characters: the mean over a few characters
# («.» alone) says little.
LIKELIHOOD, STEADYING = -0.8, 20
# Nouns that readers named as filler, and their companions.
STOCK = frozenset(
    """
    cabeza casa casas mano manos mundo caballero caballeros andante andantes ojos alma corazón
    señor señora merced vuestra escudero
    """.split()
)
# The best few: one in eight of the candidates, at least two of SEVERAL or more, up to MOST_CHOSEN,
# all within CLOSE of the best, about one standard deviation.
SHARE, SEVERAL, MOST_CHOSEN, CLOSE = 8, 4, 5, 0.08

Rules = dict[Fault, Callable[[ParsedCandidate], bool]]


@dataclass(frozen=True)
class Judgement:
    """The faults and the score of a candidate."""

    faults: tuple[Fault, ...]  # each once
    score: float  # higher is better; compares candidates whose faults weigh the same


class Ranking:
    """Judges candidates. Without a lexicon only the rules that need none apply.

    off: disabled rules.
    """

    def __init__(self, lexicon: Lexicon | None, off: frozenset[Fault] = frozenset()) -> None:
        self._lexicon, self._verbs = lexicon, Verbs(lexicon)
        rules = self._rules_of_text() | (self._rules_of(lexicon) if lexicon is not None else {})
        # An ordered list: looking up members of an enumeration costs as much as a rule.
        self._rules = [(fault, rules[fault]) for fault in Fault if fault in rules.keys() - off]

    def judge(self, candidate: Candidate) -> Judgement:
        """The faults of a candidate, in the order of `Fault`, and its score."""
        parsed = ParsedCandidate(candidate, self._verbs)
        faults = tuple([fault for fault, violates in self._rules if violates(parsed)])
        return Judgement(faults, self._score(parsed))

    def choose(self, judgements: Sequence[Judgement], uniform: float) -> int:
        """The index of the chosen candidate.

        uniform: a random number in [0, 1) that selects among the best few of those whose faults
        weigh least. Equal scores mean equal sentences in practice, and count once.
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
            Fault.TOO_LONG: lambda parsed: parsed.candidate.cut or len(parsed.words) > MOST_WORDS,
            Fault.TOO_SHORT: lambda parsed: len(parsed.words) < LEAST_WORDS,
            Fault.DANGLING: dangles,
            Fault.TAG_ALONE: lambda parsed: is_tag_alone(parsed.sentence),
            Fault.SAME_BEGINNING: begins_alike,
        }

    def _rules_of(self, lexicon: Lexicon) -> Rules:
        return {
            Fault.ALTERED_WORD: lambda parsed: _alters(parsed, lexicon),
            Fault.UNKNOWN_WORD: lambda parsed: _invents(parsed, lexicon),
            Fault.STRANGER: lambda parsed: brings_strangers(parsed, lexicon),
            Fault.MIXED_BOOKS: lambda parsed: mixes_books(parsed, lexicon),
            Fault.COPIED: lambda parsed: lexicon.has_copied(parsed.candidate.own),
            # Without a lexicon too many verbs are unknown.
            Fault.FRAGMENT: lambda parsed: is_fragment(parsed, self._verbs),
            Fault.DISAGREEMENT: lambda parsed: disagrees(parsed, lexicon),
        }

    def _score(self, parsed: ParsedCandidate) -> float:
        candidate, length = parsed.candidate, len(parsed.sentence)
        stock = sum(word not in parsed.given for word in STOCK.intersection(parsed.own_words))
        return (
            self._score_by_lexicon(parsed)
            + _steadied(candidate.likelihood, len(candidate.own))
            - SCORES["long"] * max(0, length - LONG)
            - SCORES["short"] * max(0, SHORT - length)
            - SCORES["stock"] * min(MOST_STOCK, stock)
        )

    def _score_by_lexicon(self, parsed: ParsedCandidate) -> float:
        """The terms that need the lexicon's verbs or authors."""
        if self._lexicon is None:
            return 0.0
        style, manner = parsed.candidate.style, 0.0
        if style is not None:
            manner = self._lexicon.manner(parsed.own_words, style)
        return (
            SCORES["manner"] * manner
            - SCORES["join"] * joins_badly(parsed)
            - SCORES["verb"] * min(MOST_VERBS, verbs_missing(parsed))
        )


def _steadied(likelihood: float, characters: int) -> float:
    if math.isnan(likelihood):
        return LIKELIHOOD
    return (likelihood * characters + LIKELIHOOD * STEADYING) / (characters + STEADYING)


def _alters(parsed: ParsedCandidate, lexicon: Lexicon) -> bool:
    """Whether letters attached to the last word of the phrase give an unknown word.

    Without a completion mark a constraint keeps the word whole.
    """
    stuck = parsed.inherited[-1:].isalpha() and parsed.candidate.own[:1].isalpha()
    return stuck and not lexicon.knows(parsed.words[parsed.first])


def _invents(parsed: ParsedCandidate, lexicon: Lexicon) -> bool:
    """Whether a generated word is neither in the lexicon nor in the text before it."""
    if all(map(lexicon.knows, parsed.own_words)):
        return False
    given = {word.lower() for word in parsed.given}
    return any(
        not lexicon.knows(word)
        and word not in given
        and not written.isupper()
        and not any(map(lexicon.knows, without_pronouns(word)))
        for word, written in zip(parsed.own_words, parsed.written[parsed.first :], strict=True)
    )
