"""Articles, demonstratives and possessives that do not go with the noun behind them."""

from __future__ import annotations

from model.checkpoint.lexicon import (
    FEMININE,
    FEMININE_PLURAL,
    MASCULINE,
    MASCULINE_PLURAL,
    Lexicon,
)
from model.ranking.reading import Reading

# Behind «la», «los» and «las» a verb may stand too, which the lexicon has seen there.
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


def disagrees(reading: Reading, lexicon: Lexicon) -> bool:
    """Whether a word that the decoder wrote stands behind an article or the like that the training
    text never has before it."""
    before = max(0, reading.first - 1)
    for place, word in enumerate(reading.words[before:-1], start=before + 1):
        form = _BEFORE_A_NOUN.get(word)
        if form is None or lexicon.refused(reading.words[place]) & form != form:
            continue
        if reading.adjoins(place):
            return True
    return False
