"""Characters of the novels in a candidate: who may appear, and who may not meet."""

from __future__ import annotations

from model.checkpoint.lexicon import Lexicon
from model.ranking.reading import Reading


def brings_strangers(reading: Reading, lexicon: Lexicon) -> bool:
    """Whether the decoder brings in characters whom nothing has prepared.

    The sentence that continues the phrase has those of the phrase only; later ones may have others
    where the text so far has characters, and `mixes_books` tells whether they go together.
    """
    new = _new_names(reading, lexicon)
    if not new or _homes(new | _known_names(reading, lexicon), lexicon) > 1:
        return False
    return reading.opens or not _known_names(reading, lexicon)


def mixes_books(reading: Reading, lexicon: Lexicon) -> bool:
    """Whether the decoder brings in characters of another author than those of the text so far, or
    of two authors."""
    new = _new_names(reading, lexicon)
    return bool(new) and _homes(new | _known_names(reading, lexicon), lexicon) > 1


def _new_names(reading: Reading, lexicon: Lexicon) -> frozenset[str]:
    found = lexicon.names.keys() & reading.written[reading.first :]
    return frozenset(found) - reading.given if found else frozenset()


def _known_names(reading: Reading, lexicon: Lexicon) -> frozenset[str]:
    return frozenset(lexicon.names.keys() & reading.given)


def _homes(names: frozenset[str], lexicon: Lexicon) -> int:
    return len({lexicon.names[name] for name in names})
