"""Marks that come in pairs: « », " ", ( ), [ ], ¿ ?, ¡ ! and the dashes of an aside."""

from __future__ import annotations

import re

from model.ranking.parsed_candidate import ParsedCandidate

_OPENERS = {"«": "»", "(": ")", "[": "]"}
_CLOSERS = {closer: opener for opener, closer in _OPENERS.items()}
_PAIRED = re.compile(r"[«»()\[\]\"]")
_ASKING = re.compile(r"[¿?¡!]+")
# A dash and, if it may open an aside, the character after it.
_DASH = re.compile(r"—(?=([\w¿¡«\"]))?")
# A dash that begins a reply, after at most four characters.
_SPEECH = re.compile(r"^[«»\"'(¿¡]*—.?$|: ?[«»\"]?—.?$|[.!?»] ?—[A-ZÁÉÍÓÚÜÑ¿¡«]$")


def is_unbalanced(parsed: ParsedCandidate) -> bool:
    """Whether the generated text leaves a mark open or closes one that is not open.

    Marks of earlier sentences may be closed here or later. Mistakes in the phrase do not count.
    """
    return _pairs_are_open(parsed) or _questions_are_open(parsed) or _asides_are_open(parsed)


def _pairs_are_open(parsed: ParsedCandidate) -> bool:
    if _PAIRED.search(parsed.sentence) is None:
        return False
    before = parsed.earlier
    open_marks: list[tuple[str, bool]] = []  # and whether the decoder generated it
    for found in _PAIRED.finditer(before + parsed.sentence):
        mark, own = found[0], found.start() >= len(before) + parsed.start
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


def _questions_are_open(parsed: ParsedCandidate) -> bool:
    """Whether a question or exclamation is not closed; «¿…!» and «¡…?» are valid pairs.

    Requesters often omit the opening mark, so a sentence that the phrase began may lack it.
    """
    is_open, unasked = False, parsed.start > 0
    for found in _ASKING.finditer(parsed.sentence):
        marks = found[0]
        if marks[0] in "¿¡":
            is_open = True
        if marks[-1] in "?!":
            if not (is_open or unasked) and found.start() >= parsed.start:
                return True
            is_open = unasked = False
    return is_open


def _asides_are_open(parsed: ParsedCandidate) -> bool:
    """Whether a dash closes an aside that none opened, or leaves one open.

    An open aside is valid in speech, since a reply may end with a speech tag.
    """
    sentence, before = parsed.sentence, parsed.earlier
    is_open, spoken = False, False
    for found in _DASH.finditer(sentence):
        place, opens = found.start(), found[1] is not None
        if _SPEECH.search(sentence[max(0, place - 4) : place + 2]):
            is_open, spoken = False, True
        elif is_open or opens:
            is_open = not is_open
        elif place >= parsed.start and "—" not in before:
            return True
    return is_open and not spoken and "—" not in before
