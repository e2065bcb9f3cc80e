"""Marks that come in pairs: « », " ", ( ), [ ], ¿ ?, ¡ ! and the dashes of an aside."""

from __future__ import annotations

import re

from model.ranking.reading import Reading

_OPENERS = {"«": "»", "(": ")", "[": "]"}
_CLOSERS = {closer: opener for opener, closer in _OPENERS.items()}
_PAIRED = re.compile(r"[«»()\[\]\"]")
_ASKING = re.compile(r"[¿?¡!]+")
# A dash, and where it opens an aside what comes behind it.
_DASH = re.compile(r"—(?=([\w¿¡«\"]))?")
# A dash that begins a reply, behind at most four characters.
_SPEECH = re.compile(r"^[«»\"'(¿¡]*—.?$|: ?[«»\"]?—.?$|[.!?»] ?—[A-ZÁÉÍÓÚÜÑ¿¡«]$")


def is_unbalanced(reading: Reading) -> bool:
    """Whether the decoder left a mark open at the end of the sentence, or closed none.

    Marks of earlier sentences may be closed here or later. The phrase's own mistakes do not count.
    """
    return _pairs_are_open(reading) or _questions_are_open(reading) or _asides_are_open(reading)


def _pairs_are_open(reading: Reading) -> bool:
    if _PAIRED.search(reading.sentence) is None:
        return False
    before = reading.earlier
    open_marks: list[tuple[str, bool]] = []  # and whether the decoder wrote it now
    for found in _PAIRED.finditer(before + reading.sentence):
        mark, own = found[0], found.start() >= len(before) + reading.start
        opener = _CLOSERS.get(mark, mark)
        is_open = any(opener == each for each, _ in open_marks)
        if mark in _OPENERS or (mark == '"' and not is_open):
            open_marks.append((mark, own))
        elif is_open:
            while open_marks.pop()[0] != opener:
                pass
        elif own:
            return True
    return any(own for _, own in open_marks)


def _questions_are_open(reading: Reading) -> bool:
    """Questions and exclamations, which end with their sentence; «¿…!» and «¡…?» are fine.

    People who type seldom open them, so what the phrase began may be closed without.
    """
    is_open, unasked = False, reading.start > 0
    for found in _ASKING.finditer(reading.sentence):
        marks = found[0]
        if marks[0] in "¿¡":
            is_open = True
        if marks[-1] in "?!":
            if not (is_open or unasked) and found.start() >= reading.start:
                return True
            is_open = unasked = False
    return is_open


def _asides_are_open(reading: Reading) -> bool:
    """Whether a dash closes an aside that none opened. One that stays open is wrong only where
    nothing is spoken, for a reply may end on who gave it."""
    sentence, before = reading.sentence, reading.earlier
    is_open, spoken = False, False
    for found in _DASH.finditer(sentence):
        place, opens = found.start(), found[1] is not None
        if _SPEECH.search(sentence[max(0, place - 4) : place + 2]):
            is_open, spoken = False, True
        elif is_open or opens:
            is_open = not is_open
        elif place >= reading.start and "—" not in before:
            return True
    return is_open and not spoken and "—" not in before
