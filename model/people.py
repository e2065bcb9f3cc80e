"""Characters of the novels in a candidate: who may appear, and who may not meet."""

from __future__ import annotations

import re

from model.faults import Fault
from model.lexicon import Lexicon
from model.reading import Reading

_WORD = re.compile(r"[^\W\d_]+")


def out_of_place(reading: Reading, lexicon: Lexicon) -> Fault | None:
    """What is wrong with the characters whom the decoder brings in, None where nothing is.

    The sentence that continues the phrase has those of the phrase only; later ones may have others
    of the same author as those the text has so far.
    """
    names = lexicon.names
    new = {word for word in reading.written[reading.first :] if word in names}
    if not new:
        return None
    known = {word for word in _WORD.findall(reading.given) if word in names}
    new -= known
    if not new:
        return None
    homes = {names[name] for name in known}
    if len(homes | {names[name] for name in new}) > 1:
        return Fault.MIXED_BOOKS
    return Fault.STRANGER if reading.opens or not homes else None
