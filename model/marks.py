"""Marks that come in pairs: « », " ", ( ), [ ], ¿ ?, ¡ ! and the dashes of an aside."""

from __future__ import annotations

import re

from model.reading import Reading

_OPENERS = {"«": "»", "(": ")", "[": "]"}
_CLOSERS = {closer: opener for opener, closer in _OPENERS.items()}
_ASKED = {"?": "¿", "!": "¡"}
_DASH = re.compile("—")


def is_unbalanced(reading: Reading) -> bool:
    """Whether the decoder left a mark open at the end of the sentence, or closed none.

    Marks of earlier sentences may be closed here. Of the phrase's own mistakes nothing is told.
    """
    return (
        _pairs_are_open(reading)
        or _questions_are_open(reading)
        or _asides_are_open(reading.sentence, reading.start)
    )


def _pairs_are_open(reading: Reading) -> bool:
    if not any(mark in reading.sentence or mark in reading.candidate.before for mark in '«»()[]"'):
        return False
    open_marks: list[str] = []
    start = len(reading.given) and len(reading.candidate.before) + reading.start
    text = reading.candidate.before + reading.sentence
    for place, mark in enumerate(text):
        if mark in _OPENERS or (mark == '"' and '"' not in open_marks):
            open_marks.append(mark)
        elif mark == '"':
            _close(open_marks, mark)
        elif mark in _CLOSERS and not _close(open_marks, _CLOSERS[mark]) and place >= start:
            return True
    return bool(open_marks)


def _close(open_marks: list[str], opener: str) -> bool:
    """Forget the last such mark and what was opened after it; whether there was one."""
    if opener not in open_marks:
        return False
    while open_marks.pop() != opener:
        pass
    return True


def _questions_are_open(reading: Reading) -> bool:
    """Questions and exclamations, which end with their sentence; «¿…!» and «¡…?» are fine.

    People who type seldom open them, so what the phrase began may be closed without.
    """
    sentence, start = reading.sentence, reading.start
    asked = reading.start > 0
    is_open = False
    for place, mark in enumerate(sentence):
        if mark in "¿¡":
            is_open = True
        elif mark in _ASKED:
            unasked = not is_open and not (place and sentence[place - 1] in "!?")
            if unasked and place >= start and not asked:
                return True
            is_open = asked = False
    return is_open


def _asides_are_open(sentence: str, start: int) -> bool:
    """Whether a dash closes an aside that none opened, or opens one within another; or whether an
    aside of a narrating sentence stays open, which only what is spoken may leave so."""
    if "—" not in sentence:
        return False
    is_open = False
    for place in (found.start() for found in _DASH.finditer(sentence)):
        if not place or sentence[:place].strip("«\"'( ¿¡") == "":
            continue  # begins what is spoken
        opens = sentence[place - 1] == " " and sentence[place + 1 : place + 2].isalnum()
        if place >= start and opens == is_open:
            return True
        is_open = opens
    return False
