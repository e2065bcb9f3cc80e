"""Words that a text need not have had: verbs with pronouns, superlatives and the like."""

from __future__ import annotations

import re
import unicodedata

from model.lexicon import Lexicon

_PRONOUNS = re.compile(r"(?<=[aeiourníóéá])(?:me|te|se|nos|os)?(?:l[aeo]s?)?$")
_LEAST_STEM = 3
_ACUTE = "\N{COMBINING ACUTE ACCENT}"


def is_known(word: str, lexicon: Lexicon) -> bool:
    """Whether the lexicon has this word (lower case), or the verb to which pronouns are added."""
    return lexicon.knows(word) or any(map(lexicon.knows, _verbs_of(word)))


def _verbs_of(word: str) -> list[str]:
    """What is left without the pronouns: «diciéndoselo» → «diciendo», «cayóme» → «cayó»."""
    found = _PRONOUNS.search(word)
    if found is None or not found[0] or found.start() < _LEAST_STEM:
        return []
    verb = word[: found.start()]
    return [verb, unaccented(verb)]


def unaccented(word: str) -> str:
    """The word without acute accents."""
    parts = unicodedata.normalize("NFD", word).replace(_ACUTE, "")
    return unicodedata.normalize("NFC", parts)
