"""Characters of the novels in a candidate: unintroduced ones and mixtures of books."""

from __future__ import annotations

from model.checkpoint.lexicon import Lexicon
from model.ranking.parsed_candidate import ParsedCandidate


def brings_strangers(parsed: ParsedCandidate, lexicon: Lexicon) -> bool:
    """Whether a candidate introduces characters without context.

    The sentence that continues the phrase may name only the phrase's characters. Later sentences
    may add others if the text already has some; `mixes_books` checks that they belong together.
    """
    new = _new_names(parsed, lexicon)
    if not new or _homes(new | _known_names(parsed, lexicon), lexicon) > 1:
        return False
    return parsed.opens or not _known_names(parsed, lexicon)


def mixes_books(parsed: ParsedCandidate, lexicon: Lexicon) -> bool:
    """Whether a candidate introduces characters of a second author."""
    new = _new_names(parsed, lexicon)
    return bool(new) and _homes(new | _known_names(parsed, lexicon), lexicon) > 1


def _new_names(parsed: ParsedCandidate, lexicon: Lexicon) -> frozenset[str]:
    found = lexicon.names.keys() & parsed.written[parsed.first :]
    return frozenset(found) - parsed.given if found else frozenset()


def _known_names(parsed: ParsedCandidate, lexicon: Lexicon) -> frozenset[str]:
    return frozenset(lexicon.names.keys() & parsed.given)


def _homes(names: frozenset[str], lexicon: Lexicon) -> int:
    return len({lexicon.names[name] for name in names})
