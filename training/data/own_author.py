"""A data set of the operator's own texts, whose author becomes a style of the checkpoint.

It has its own validation and development parts, since only text of this author measures how well a
checkpoint learned the author. Fine-tuning keeps the checkpoint's vocabulary, so unknown characters
are replaced or dropped (`writable`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from model.text.normalize import nearest
from model.text.tokenizer import Tokenizer
from training.data.cleaning import CorpusError
from training.data.corpus import (
    DEV_SHARE,
    PARAGRAPH_SENTENCES,
    VALIDATION_SHARE,
    Corpus,
    Paragraph,
    assembled,
    paragraphs,
    shuffled,
    without_text_of,
)
from training.data.own_text import read_prose

LEAST_CHARACTERS = 20_000
LEAST_SENTENCES = 4 * PARAGRAPH_SENTENCES
# The loss over fewer characters is mostly noise.
LEAST_PART = 2_000
LEAST_TO_TRAIN_ON = 8_000
MOST_LOST = 0.02
LONGEST_NAME = 32
# Names of data sets, and words for no author or all of them.
RESERVED = frozenset({"all", "reference", "fiveworks", "start", "none", "ninguno", "todos"})
_SHOWN = 12


def style_name(author: str) -> str:
    """The style of a name in the form that requesters type: plain lower-case letters and digits.

    Accents, spaces and marks go («Rosalía de Castro» is rosaliadecastro). Raises CorpusError where
    nothing usable is left.
    """
    name = re.sub(r"[\s.,'’·_-]+", "", "".join(map(nearest, author.lower())))
    if not re.fullmatch(rf"[a-z][a-z0-9]{{0,{LONGEST_NAME - 1}}}", name):
        raise CorpusError(
            f"--author cannot be {author!r}; write a name that begins with a letter and has only "
            f"letters and digits, {LONGEST_NAME} at most, such as pardobazan"
        )
    if name in RESERVED:
        raise CorpusError(
            f"--author cannot be {name!r}, which means something else; choose another"
        )
    return name


def build_own(files: Sequence[Path], author: str) -> Corpus:
    """The data set of these text files, all by one author.

    Raises CorpusError for a name or a file that cannot be used and for too little text, OSError for
    a file that cannot be read.
    """
    style = style_name(author)
    prose: dict[str, Path] = {}
    for path in files:
        text = read_prose(path)
        if text in prose:
            raise CorpusError(f"{path}: holds the same text as {prose[text]}")
        prose[text] = path
    everything = [
        paragraph
        for number, text in enumerate(prose, start=1)
        for paragraph in paragraphs(f"{style}-{number}", style, text)
    ]
    _check_size(everything)
    validation, rest = _divided(everything, VALIDATION_SHARE)
    rest, removed = without_text_of(validation, rest)
    dev, train = _divided(rest, DEV_SHARE)
    left = _characters(train)
    if left < LEAST_TO_TRAIN_ON:
        raise CorpusError(
            f"only {left:,} characters are left to train on, because the text repeats itself or "
            "its sentences are very long; give more text"
        )
    splits = {"train": train, "dev": dev, "validation": validation}
    return assembled(style, [style], splits, removed, author=style)


def _characters(items: Sequence[Paragraph]) -> int:
    return sum(len(paragraph.text) + 1 for paragraph in items)


def _check_size(items: Sequence[Paragraph]) -> None:
    characters, sentences = _characters(items), sum(len(each.sentences) for each in items)
    if characters < LEAST_CHARACTERS or sentences < LEAST_SENTENCES:
        raise CorpusError(
            f"too little text: {characters:,} characters of prose in {sentences:,} sentences "
            f"(headings and notes do not count); at least {LEAST_CHARACTERS:,} in "
            f"{LEAST_SENTENCES} sentences are needed, and more than 200,000 are better"
        )


def _divided(items: Sequence[Paragraph], share: float) -> tuple[list[Paragraph], list[Paragraph]]:
    """Paragraphs that hold `share` of the characters and at least LEAST_PART, and the others."""
    order, wanted = shuffled(items), max(LEAST_PART, share * _characters(items))
    count, held = 0, 0
    while held < wanted and count < len(order):
        held += len(order[count].text) + 1
        count += 1
    return order[:count], order[count:]


@dataclass(frozen=True)
class Lost:
    """What of a text a vocabulary cannot write: how often each character that is left out occurs,
    and for each that is replaced how often, and by what."""

    dropped: Mapping[str, int]
    replaced: Mapping[str, tuple[int, str]]

    @property
    def characters(self) -> int:
        """The number of dropped characters."""
        return sum(self.dropped.values())

    @property
    def words(self) -> str:
        """One line for a reader, empty where nothing is lost."""
        parts = []
        if self.replaced:
            told = [f"{each} by {new} ({n:,})" for each, (n, new) in self.replaced.items()]
            parts.append(f"replaced {_some(told)}")
        if self.dropped:
            told = [f"{each} ({count:,})" for each, count in self.dropped.items()]
            parts.append(f"left out {_some(told)}")
        return "; ".join(parts)


def _some(told: Sequence[str]) -> str:
    more = f" and {len(told) - _SHOWN} others" if len(told) > _SHOWN else ""
    return ", ".join(told[:_SHOWN]) + more


def writable(corpus: Corpus, tokenizer: Tokenizer) -> tuple[Corpus, Lost]:
    """`corpus` converted to this vocabulary.

    Raises CorpusError where more than MOST_LOST of the characters would be left out.
    """
    foreign = set(corpus.tokenizer.characters) - set(tokenizer.characters)
    counts = Counter[str]()
    for paragraph in corpus.everything if foreign else ():
        counts.update(each for each in paragraph.text if each in foreign)
    dropped: dict[str, int] = {}
    replaced: dict[str, tuple[int, str]] = {}
    for character, count in counts.most_common():
        shown = tokenizer.represent(character)
        if shown.dropped or not shown.text:
            dropped[character] = count
        else:
            replaced[character] = (count, shown.text)
    lost, total = Lost(dropped, replaced), _characters(corpus.everything)
    if lost.characters > MOST_LOST * total:
        raise CorpusError(
            f"{lost.characters / total:.0%} of the characters of {corpus.name} are none that the "
            f"checkpoint can write ({_some(list(dropped))}); it cannot learn this text"
        )
    if not counts:
        return replace(corpus, tokenizer=tokenizer), lost
    train, dev, validation = (
        _represented(part, tokenizer) for part in (corpus.train, corpus.dev, corpus.validation)
    )
    as_written = replace(corpus, tokenizer=tokenizer, train=train, dev=dev, validation=validation)
    return as_written, lost


def _represented(items: Sequence[Paragraph], tokenizer: Tokenizer) -> tuple[Paragraph, ...]:
    shown = []
    for each in items:
        sentences = (tokenizer.represent(sentence).text for sentence in each.sentences)
        shown.append(replace(each, sentences=tuple(filter(None, sentences))))
    return tuple(paragraph for paragraph in shown if paragraph.sentences)
