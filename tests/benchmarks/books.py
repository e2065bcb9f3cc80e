"""A made-up data set: two authors with words of their own, so that they can be told apart."""

from __future__ import annotations

import random
from pathlib import Path

from tests.conftest import TINY_TOKENIZER
from training.data.corpus import FORMAT, PARAGRAPH_SENTENCES, Corpus, Paragraph

COMMON = "el la de que y a en un no se con por su para como".split()
WORDS = {
    "cervantes": "caballero andante escudero venta rocín yelmo ínsula doncella fermosa".split(),
    "galdos": "ministerio tertulia cesante brasero casino mostrador tranvía usurero".split(),
}


def sentence(choice: random.Random, author: str) -> str:
    """Nine to fourteen words."""
    words = choice.choices(COMMON + WORDS[author], k=choice.randint(9, 14))
    return " ".join(words).capitalize() + "."


def paragraph(author: str, index: int, seed: str = "") -> Paragraph:
    """Twenty sentences."""
    choice = random.Random(f"{seed} {author} {index}")  # noqa: S311
    sentences = tuple(sentence(choice, author) for _ in range(PARAGRAPH_SENTENCES))
    return Paragraph(f"{author}'s", author, index, sentences)


def made_up(train: int = 6, dev: int = 2, validation: int = 2, held: int = 0) -> Corpus:
    """The given number of paragraphs of each author in each part."""
    counts = {"train": train, "dev": dev, "validation": validation, "held": held}
    parts = {
        part: tuple(paragraph(author, index, part) for author in WORDS for index in range(count))
        for part, count in counts.items()
    }
    facts = {
        "format": FORMAT,
        "name": "made-up",
        "normalization": "NFC",
        "sha256_validation": "",
        "characters": {part: 0 for part, count in counts.items() if count},
    }
    return Corpus("made-up", TINY_TOKENIZER, facts=facts, **parts)


def saved(folder: Path, corpus: Corpus) -> Path:
    """The folder that it was written to."""
    corpus.save(folder)
    return folder
