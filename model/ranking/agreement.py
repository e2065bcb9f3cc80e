"""Agreement of articles, demonstratives and possessives with the noun after them."""

from __future__ import annotations

from model.checkpoint.lexicon import (
    FEMININE,
    FEMININE_PLURAL,
    MASCULINE,
    MASCULINE_PLURAL,
    Lexicon,
)
from model.ranking.parsed_candidate import ParsedCandidate

# «la», «los» and «las» may also precede a verb; the lexicon knows those from the training text.
DETERMINERS = {
    **dict.fromkeys(("el", "un", "del", "al", "este", "aquel", "ese"), MASCULINE),
    **dict.fromkeys(("la", "una", "esta", "aquella", "esa"), FEMININE),
    **dict.fromkeys(("los", "unos", "estos", "aquellos", "esos"), MASCULINE_PLURAL),
    **dict.fromkeys(("las", "unas", "estas", "aquellas", "esas"), FEMININE_PLURAL),
}
_POSSESSIVES = {
    **dict.fromkeys(("mi", "tu", "su"), MASCULINE | FEMININE),
    **dict.fromkeys(("mis", "tus", "sus"), MASCULINE_PLURAL | FEMININE_PLURAL),
}
_BEFORE_A_NOUN = {**DETERMINERS, **_POSSESSIVES}


def disagrees(parsed: ParsedCandidate, lexicon: Lexicon) -> bool:
    """Whether a generated word follows a determiner that the training text never has before it."""
    before = max(0, parsed.first - 1)
    for place, word in enumerate(parsed.words[before:-1], start=before + 1):
        form = _BEFORE_A_NOUN.get(word)
        if form is None or lexicon.refused(parsed.words[place]) & form != form:
            continue
        if parsed.adjoins(place):
            return True
    return False
