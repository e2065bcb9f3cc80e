"""The lexicon of a checkpoint (model/checkpoint/lexicon.py), counted in its training text and other
texts."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from random import Random

import numpy as np
from numpy.typing import NDArray

from model.checkpoint.bloom import Bloom
from model.checkpoint.lexicon import (
    BLOCK,
    BLOCK_PROBES,
    FEMININE,
    FEMININE_PLURAL,
    FINITE_PROBES,
    MASCULINE,
    MASCULINE_PLURAL,
    STEP,
    WORD_PROBES,
    Lexicon,
    text_tensor,
)
from model.checkpoint.weights import Tensors
from training.data.corpus import Paragraph
from training.data.word_counts import AuthorCounts, WordCounts

# Characters of the training text that yield copies, names and authors. The file takes a byte for
# each STEP of them.
CHARACTERS = 15_000_000
WORD_BITS, FINITE_BITS, BLOCK_BITS = 12, 12, 12
# Words of one letter that are words; the others are initials and numerals.
_LETTERS = frozenset("aáeéioóuy")
# Least share behind «no» or a pronoun, and largest share behind an article, of a finite verb. The
# limits are weaker for words with the ending of an imperfect.
_FINITE_LEAST, _FINITE_SHARE, _IMPERFECT_SHARE, _NOUN_SHARE = 3, 0.06, 0.02, 0.25
_INFINITE = re.compile(r"(?:[aeií]r|ndo)(?:l[aeo]s?|me|te|se|nos|os)?$")
_IMPERFECT = re.compile(r"ía(?:s|n|mos|is)?$")
# An article is wrong before a word that is frequent behind articles and rare behind this one.
_NOUN_LEAST, _NEVER = 20, 0.004
_FORMS = (MASCULINE, FEMININE, MASCULINE_PLURAL, FEMININE_PLURAL)
# A name is often capitalised inside a sentence, seldom lower-case, and mostly in the works of one
# author.
_NAME_LEAST, _NAME_SHARE, _HOME_SHARE = 3, 0.85, 0.85
# Least count of a protagonist's name, then the largest share of other authors' works that contain a
# protagonist's name, and any other name.
_PROTAGONIST, _COMMON, _KNOWN = 60, 0.5, 0.2
# Words that distinguish authors, and pseudo-words of the smoothing (see _log_odds).
_FREQUENT, _SMOOTHING, _MOST_ODDS = 3000, 200, 1.5


def make_lexicon(
    trained_on: Sequence[Paragraph],
    others: Iterable[Sequence[Paragraph]] = (),
    dictionary: Collection[str] = (),
    base: Lexicon | None = None,
) -> Lexicon:
    """The lexicon of a checkpoint that was trained on `trained_on`; words and their grammar are
    counted in `others` too, `dictionary` has more words (lower case), and `base` is the lexicon of
    the checkpoint that training began with."""
    counts, authors, chosen = WordCounts(), AuthorCounts(), _portion(trained_on)
    counts.add(trained_on)
    counted = {paragraph.work for paragraph in trained_on}
    for paragraphs in others:
        counts.add(paragraph for paragraph in paragraphs if paragraph.work not in counted)
        counted |= {paragraph.work for paragraph in paragraphs}
    authors.add(chosen)
    homes, styles = names_of(authors, counts.works), set(authors.words)
    if base is not None:
        homes = {name: base.styles[home] for name, home in base.names.items()} | homes
        styles |= set(base.styles)
    words = {word for word in counts.words if len(word) > 1 or word in _LETTERS}
    order = sorted(styles)
    tensors: Tensors = {
        "words": Bloom.of(_encoded(words.union(dictionary)), WORD_BITS, WORD_PROBES).bits,
        "finite": Bloom.of(_encoded(finite_verbs(counts)), FINITE_BITS, FINITE_PROBES).bits,
        "blocks": Bloom.of(sorted(set(_blocks(chosen))), BLOCK_BITS, BLOCK_PROBES).bits,
        "styles": text_tensor(order),
        "names": text_tensor(list(homes)),
        "homes": np.array([order.index(style) for style in homes.values()], np.uint16),
        **_grammar(counts, base.nouns if base is not None else {}),
        **_manners(authors, order, homes),
        **(_filters(base) if base is not None else {}),
    }
    return Lexicon(tensors)


def _filters(base: Lexicon) -> Tensors:
    """The filters of the lexicon that training began with, or those that it has of another one
    where they hold more."""
    filters: Tensors = {}
    for name in ("words", "finite"):
        known = [base.tensors[each] for each in (name, f"{name}_before") if each in base.tensors]
        filters[f"{name}_before"] = max(known, key=np.size)
    return filters


def _portion(paragraphs: Sequence[Paragraph]) -> list[Paragraph]:
    """All of them, or so many, chosen by chance, as hold CHARACTERS."""
    chosen = list(paragraphs)
    Random(0).shuffle(chosen)  # noqa: S311 (no secret)
    held = accumulate(len(paragraph.text) for paragraph in chosen)
    return chosen[: max(1, sum(1 for length in held if length <= CHARACTERS))]


def _encoded(words: Iterable[str]) -> Iterator[bytes]:
    return (word.encode() for word in sorted(words))


def _blocks(paragraphs: Iterable[Paragraph]) -> Iterator[bytes]:
    for paragraph in paragraphs:
        content = paragraph.text.encode()
        for place in range(0, len(content) - BLOCK + 1, STEP):
            yield content[place : place + BLOCK]


def finite_verbs(counts: WordCounts) -> list[str]:
    """Words that are frequent in the position of a finite verb and rare in that of a noun."""
    nouns: Counter[str] = Counter()
    for (_, word), count in counts.behind.items():
        nouns[word] += count
    return [
        word
        for word, count in counts.verbs.items()
        if not _INFINITE.search(word)
        and count >= _FINITE_LEAST
        and count
        >= (_IMPERFECT_SHARE if _IMPERFECT.search(word) else _FINITE_SHARE) * counts.words[word]
        and nouns[word] <= _NOUN_SHARE * counts.words[word]
    ]


def names_of(
    authors: AuthorCounts, works: Mapping[tuple[str, str], Collection[str]]
) -> dict[str, str]:
    """Name → author: capitalised words that one author uses and others hardly ever.

    Names that many works of other authors contain (Antonio, Francia) belong to no author. The limit
    is higher for a protagonist, whose name may be common: Andrés, Ana.
    """
    written: Counter[str] = Counter()
    for words in authors.words.values():
        written.update(words)
    named: Counter[str] = Counter()
    for names in authors.names.values():
        named.update(names)
    homes = {}
    for name, count in named.items():
        lower = written[name.lower()]
        if count < _NAME_LEAST or written[name] < _NAME_SHARE * (written[name] + lower):
            continue
        home = max(authors.words, key=lambda style: authors.words[style][name])
        general = _spread(name, home, works)
        rare = general < (_COMMON if count >= _PROTAGONIST else _KNOWN)
        if rare and authors.words[home][name] >= _HOME_SHARE * written[name]:
            homes[name] = home
    return homes


def _spread(name: str, home: str, works: Mapping[tuple[str, str], Collection[str]]) -> float:
    """The share of the works of other authors that have this name."""
    others = [names for (style, _), names in works.items() if style != home]
    return sum(name in names for names in others) / max(1, len(others))


def _grammar(counts: WordCounts, known: Mapping[str, int]) -> Tensors:
    """Which determiners never stand before a word that often stands behind one; of a word that does
    not do so here, `known` has the articles."""
    behind: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for (form, word), count in counts.behind.items():
        behind[word][form] += count
    nouns = dict(known)
    for word, forms in behind.items():
        total = sum(forms.values())
        if total < _NOUN_LEAST:
            continue
        nouns[word] = sum(form for form in _FORMS if forms[form] <= _NEVER * total)
    words = sorted(word for word, refused in nouns.items() if refused)
    return {
        "nouns": text_tensor(words),
        "refused": np.array([nouns[word] for word in words], np.uint8),
    }


def _manners(authors: AuthorCounts, styles: Sequence[str], names: Collection[str]) -> Tensors:
    """The log-odds of frequent words, names left out, for each author against all others."""
    lower: dict[str, Counter[str]] = {style: Counter() for style in styles}
    for style in styles:
        for word, count in authors.words[style].items():
            if word not in names:
                lower[style][word.lower()] += count
    total: Counter[str] = Counter()
    for words in lower.values():
        total.update(words)
    frequent = [word for word, _ in total.most_common(_FREQUENT)]
    each = np.array([[lower[style][word] for style in styles] for word in frequent], np.float64)
    sizes = np.array([sum(lower[style].values()) for style in styles], np.float64)
    return {
        "frequent": text_tensor(frequent),
        "odds": _log_odds(each.reshape(len(frequent), len(styles)), sizes),
    }


def _log_odds(each: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float32]:
    """each: counts (words, authors); sizes: (authors,), how many words are of each.

    Both shares are smoothed towards the share in all texts by a fixed number of pseudo-words, so
    that a short text has little weight.
    """
    everywhere = each.sum(1, keepdims=True)
    prior = _SMOOTHING * everywhere / max(1.0, sizes.sum())
    own = (each + prior) / (sizes + _SMOOTHING)
    rest = (everywhere - each + prior) / (sizes.sum() - sizes + _SMOOTHING)
    odds: NDArray[np.float64] = np.log(own / rest)
    return odds.clip(-_MOST_ODDS, _MOST_ODDS).astype(np.float32)
