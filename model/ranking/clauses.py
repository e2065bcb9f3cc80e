"""Complete clauses: a finite verb, a possible last word, a good join with the phrase."""

from __future__ import annotations

import re

from model.ranking.parsed_candidate import ParsedCandidate
from model.ranking.verbs import INFINITIVE, Verbs

# Words that cannot end a sentence.
_UNFINISHED = frozenset(
    """
    que cuando porque aunque mientras si como pues donde cual cuyo cuya cuyos cuyas sino pero y e
    o u ni de del a al en con por para sin sobre entre desde hasta hacia contra según tras ante bajo
    el la los las lo un una unos unas mi tu su mis tus sus muy tan se me te le les nos
    """.split()
)
# A phrase that ends on these is open too, though some of them can end a sentence.
_OPEN = _UNFINISHED | frozenset(
    """
    es era son eran fue está estaba están ser estar había ha he han hay tiene más menos qué cómo
    cuándo dónde quién cada todo toda todos todas este esta estos estas ese esa aquel aquella
    """.split()
)
_SUBORDINATE = frozenset(
    "cuando si aunque como mientras porque donde desde antes después apenas al que ojalá".split()
)
# These continue a complete clause.
_GOES_ON = frozenset(
    """
    y e o ni pero porque cuando mientras como aunque pues sino si para por con sin en a al hasta
    desde sobre entre hacia tras según ante bajo donde
    """.split()
)
_HANGS_ON = frozenset("que de del cuyo cuya".split())
_TAG_VERB = (
    "dijo|dice|decía|respondió|contestó|replicó|repuso|exclamó|preguntó|añadió|murmuró|gritó"
    "|prosiguió|observó|pensó|repitió|interrumpió|continuó|balbuceó|declaró|indicó|manifestó"
)
_TAG_ALONE = re.compile(rf"^[«\"]?— ?(?:{_TAG_VERB})\b[^—,;:¿¡«]{{0,60}}\.$")
_SHORT_ENOUGH = 6
# A finite verb after this many words is early enough, or far too late.
_NEAR, _FAR = 6, 16
# The penalty for a dependent continuation of a complete clause, and for one without a link.
_HANGING, _LOOSE = 0.7, 0.5


def is_tag_alone(sentence: str) -> bool:
    """Whether a sentence is only a speech tag: «—dijo Sancho.»"""
    return _TAG_ALONE.match(sentence) is not None


def dangles(parsed: ParsedCandidate) -> bool:
    """Whether the sentence ends on a word that cannot end one, without an ellipsis."""
    if not parsed.words or parsed.words[-1] not in _UNFINISHED:
        return False
    tail = parsed.sentence[parsed.spans[-1][1] :]
    return "..." not in tail and not any(map(str.isdigit, tail))


def is_fragment(parsed: ParsedCandidate, verbs: Verbs) -> bool:
    """Whether a sentence other than a short exclamation or reply lacks a finite verb."""
    if any(parsed.finite) or verbs.has_finite(parsed.words):
        return False
    return len(parsed.words) >= _SHORT_ENOUGH or not _is_spoken(parsed.sentence)


def verbs_missing(parsed: ParsedCandidate) -> int:
    """How many finite verbs are missing: one per clause, and «que», «cuando» and the like each open
    a clause."""
    wanted = 1 + sum(map(_SUBORDINATE.__contains__, parsed.words))
    return max(0, wanted - sum(parsed.finite))


def joins_badly(parsed: ParsedCandidate) -> float:
    """How badly the first generated words join the phrase's part of the sentence, from 0 to 1.

    After a complete clause, a mark or a linking word must follow; otherwise a finite verb within a
    few words.
    """
    if not parsed.inherited or not parsed.own_words:
        return 0.0
    before, finite, first = parsed.words[: parsed.first], parsed.finite, parsed.first
    complete = any(finite[:first]) and before[0] not in _SUBORDINATE
    if complete and before[-1] in _OPEN:
        return 0.0
    if not complete:
        distance = finite.index(True, first) - first if any(finite[first:]) else _FAR
        return min(1.0, max(0, distance - _NEAR) / (_FAR - _NEAR))
    if parsed.candidate.own[0] in ",;:.!?" or parsed.own_words[0] in _GOES_ON:
        return 0.0
    if finite[first - 1] and INFINITIVE.search(parsed.own_words[0]):
        return 0.0  # «Te quiero» «decir»
    if finite[first]:
        return 1.0
    return _HANGING if parsed.own_words[0] in _HANGS_ON else _LOOSE


def _is_spoken(sentence: str) -> bool:
    return sentence[:1] in '—«¿¡"' or sentence[-1:] in "!?"
