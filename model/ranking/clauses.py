"""Whole clauses: a finite verb, an end that ends, and a good join with the phrase."""

from __future__ import annotations

import re

from model.ranking.reading import Reading
from model.ranking.verbs import INFINITIVE, Verbs

# Words that something must follow.
_UNFINISHED = frozenset(
    """
    que cuando porque aunque mientras si como pues donde cual cuyo cuya cuyos cuyas sino pero y e
    o u ni de del a al en con por para sin sobre entre desde hasta hacia contra según tras ante bajo
    el la los las lo un una unos unas mi tu su mis tus sus muy tan se me te le les nos
    """.split()
)
# Behind these a phrase is open too, though a sentence may end on some of them.
_OPEN = _UNFINISHED | frozenset(
    """
    es era son eran fue está estaba están ser estar había ha he han hay tiene más menos qué cómo
    cuándo dónde quién cada todo toda todos todas este esta estos estas ese esa aquel aquella
    """.split()
)
_SUBORDINATE = frozenset(
    "cuando si aunque como mientras porque donde desde antes después apenas al que ojalá".split()
)
# With these a finished clause goes on.
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
# A verb that so many words stand before comes soon enough, or far too late.
_NEAR, _FAR = 6, 16
# How bad it is where something hangs on a finished clause, or follows it without a link.
_HANGING, _LOOSE = 0.7, 0.5


def is_tag_alone(sentence: str) -> bool:
    """Whether a sentence only says who spoke: «—dijo Sancho.»"""
    return _TAG_ALONE.match(sentence) is not None


def dangles(reading: Reading) -> bool:
    """Whether the sentence ends on a word that something must follow. An ellipsis breaks off on
    purpose."""
    if not reading.words or reading.words[-1] not in _UNFINISHED:
        return False
    tail = reading.sentence[reading.spans[-1][1] :]
    return "..." not in tail and not any(map(str.isdigit, tail))


def is_fragment(reading: Reading, verbs: Verbs) -> bool:
    """Whether a sentence that is no mere exclamation or reply has no finite verb."""
    if any(reading.finite) or verbs.has_finite(reading.words):
        return False
    return len(reading.words) >= _SHORT_ENOUGH or not _is_spoken(reading.sentence)


def verbs_missing(reading: Reading) -> int:
    """How many finite verbs a sentence lacks: each clause wants one, and «que», «cuando» or the
    like opens a clause more."""
    wanted = 1 + sum(map(_SUBORDINATE.__contains__, reading.words))
    return max(0, wanted - sum(reading.finite))


def joins_badly(reading: Reading) -> float:
    """How badly the first written words go with the part of the phrase before them, from 0 to 1.

    Behind a whole clause comes a mark or a word that goes on with it; behind anything else a finite
    verb is due within a few words.
    """
    if not reading.inherited or not reading.own_words:
        return 0.0
    before, finite, first = reading.words[: reading.first], reading.finite, reading.first
    told = any(finite[:first]) and before[0] not in _SUBORDINATE
    if told and before[-1] in _OPEN:
        return 0.0
    if not told:
        distance = finite.index(True, first) - first if any(finite[first:]) else _FAR
        return min(1.0, max(0, distance - _NEAR) / (_FAR - _NEAR))
    if reading.candidate.own[0] in ",;:.!?" or reading.own_words[0] in _GOES_ON:
        return 0.0
    if finite[first - 1] and INFINITIVE.search(reading.own_words[0]):
        return 0.0  # «Te quiero» «decir»
    if finite[first]:
        return 1.0
    return _HANGING if reading.own_words[0] in _HANGS_ON else _LOOSE


def _is_spoken(sentence: str) -> bool:
    return sentence[:1] in '—«¿¡"' or sentence[-1:] in "!?"
