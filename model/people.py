"""Characters of the novels in a candidate: who may appear, and who may not meet."""

from __future__ import annotations

from model.faults import Fault
from model.lexicon import Lexicon
from model.reading import Reading


def out_of_place(reading: Reading, lexicon: Lexicon) -> Fault | None:
    """What is wrong with the characters whom the decoder brings in, None where nothing is.

    The sentence that continues the phrase has those of the phrase only; later ones may have others
    of the same author as those the text has so far.
    """
    names = lexicon.names
    new = {word for word in reading.written[reading.first :] if word in names} - reading.given
    if not new:
        return None
    homes = {names[name] for name in reading.given if name in names}
    if len(homes | {names[name] for name in new}) > 1:
        return Fault.MIXED_BOOKS
    return Fault.STRANGER if reading.opens or not homes else None
