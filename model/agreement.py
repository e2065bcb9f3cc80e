"""Articles, demonstratives and possessives that do not go with the noun behind them."""

from __future__ import annotations

from model.lexicon import Form, Lexicon
from model.reading import Reading

# Behind «la», «los» and «las» a verb may stand too, which the lexicon has seen there.
DETERMINERS: dict[str, Form] = {
    **dict.fromkeys(("el", "un", "del", "al", "este", "aquel", "ese"), Form.MASCULINE),
    **dict.fromkeys(("la", "una", "esta", "aquella", "esa"), Form.FEMININE),
    **dict.fromkeys(("los", "unos", "estos", "aquellos", "esos"), Form.MASCULINE_PLURAL),
    **dict.fromkeys(("las", "unas", "estas", "aquellas", "esas"), Form.FEMININE_PLURAL),
}
_POSSESSIVES: dict[str, Form] = {
    **dict.fromkeys(("mi", "tu", "su"), Form.SINGULAR),
    **dict.fromkeys(("mis", "tus", "sus"), Form.PLURAL),
}
_BEFORE_A_NOUN = {**DETERMINERS, **_POSSESSIVES}


def disagrees(reading: Reading, lexicon: Lexicon) -> bool:
    """Whether a word that the decoder wrote stands behind an article or the like that the training
    text never has before it."""
    words, ends = reading.words, reading.ends
    for place in range(max(1, reading.first), len(words)):
        form = _BEFORE_A_NOUN.get(words[place - 1])
        if form is None or ends[place] - len(words[place]) - ends[place - 1] != 1:
            continue
        if lexicon.refused(words[place]) & form == form:
            return True
    return False
