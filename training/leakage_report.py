"""The leakage gate asked about a built corpus, or about any other text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.text import normalize
from training.cleaning import CorpusError, decode_bytes
from training.corpus import Corpus
from training.leakage import Gate, stretches


@dataclass(frozen=True)
class Leak:
    """Where a stretch of the validation text occurs, and its letters."""

    place: str
    letters: str


def find_leaks(corpus: Corpus, others: Sequence[Path]) -> list[Leak]:
    """What the training and development parts of `corpus`, and the text files among and below
    `others`, share with its validation split.

    Raises CorpusError where `others` names a folder without text files, OSError where a file cannot
    be read.
    """
    gate = Gate.of_texts(paragraph.text for paragraph in corpus.validation)
    return [
        Leak(place, letters)
        for place, text in (*_learned(corpus), *_files(others))
        for letters in stretches(gate.leaks(text))
    ]


def _learned(corpus: Corpus) -> Iterator[tuple[str, str]]:
    for split, paragraphs in (("train", corpus.train), ("dev", corpus.dev)):
        for paragraph in paragraphs:
            yield f"{split}, {paragraph.work} {paragraph.index}", paragraph.text


def _files(others: Sequence[Path]) -> Iterator[tuple[str, str]]:
    for other in others:
        paths = sorted(other.rglob("*.txt")) if other.is_dir() else [other]
        if not paths:
            raise CorpusError(f"{other}: holds no .txt file to check")
        for path in paths:
            yield str(path), normalize(decode_bytes(path.read_bytes()))
