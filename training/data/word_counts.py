"""Word counts, from which training/data/lexicon.py makes a lexicon."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from model.ranking.agreement import DETERMINERS
from training.data.corpus import Paragraph

_WORD = re.compile(r"[^\W\d_]+")
_BEHIND_A_DETERMINER = re.compile(rf"\b({'|'.join(DETERMINERS)}) (?=([^\W\d_]+))")
# Mostly finite verbs stand behind these; «la», «lo», «los» and «las» are articles too.
_BEFORE_A_VERB = ("no", "me", "te", "se", "le", "les", "nos", "os")
_BEHIND_THOSE = re.compile(rf"\b(?:{'|'.join(_BEFORE_A_VERB)}) (?=([^\W\d_]+))")
_NO_VERBS = frozenset((*_BEFORE_A_VERB, "la", "lo", "los", "las"))
# A capital that no beginning of a sentence explains.
_NAME = re.compile(r"(?<=[^\W\d_A-ZÁÉÍÓÚÜÑ] )[A-ZÁÉÍÓÚÜÑ][^\W\d_]+|(?<=, )[A-ZÁÉÍÓÚÜÑ][^\W\d_]+")


@dataclass
class WordCounts:
    """Counts of all texts: words in lower case; behind: for each determiner's form and word how
    often the word stands behind one; verbs: how often a word stands where mostly finite verbs do;
    works: for each author and work its words with a capital inside a sentence."""

    words: Counter[str] = field(default_factory=Counter)
    behind: Counter[tuple[int, str]] = field(default_factory=Counter)
    verbs: Counter[str] = field(default_factory=Counter)
    works: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def add(self, paragraphs: Iterable[Paragraph]) -> None:
        """Count these paragraphs too."""
        for paragraph in paragraphs:
            work = (paragraph.style, paragraph.work)
            self.works.setdefault(work, set()).update(_NAME.findall(paragraph.text))
            text = paragraph.text.lower()
            self.words.update(_WORD.findall(text))
            self.verbs.update(_BEHIND_THOSE.findall(text))
            self.behind.update(
                (DETERMINERS[determiner], word)
                for determiner, word in _BEHIND_A_DETERMINER.findall(text)
            )
        for word in _NO_VERBS:
            del self.verbs[word]


@dataclass
class AuthorCounts:
    """Counts for each author: words as they are written; names: words with a capital inside a
    sentence."""

    words: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    names: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def add(self, paragraphs: Iterable[Paragraph]) -> None:
        """Count these paragraphs too."""
        for paragraph in paragraphs:
            text = paragraph.text
            self.words[paragraph.style].update(_WORD.findall(text))
            self.names[paragraph.style].update(_NAME.findall(text))
