"""The leakage gate asked about a built corpus, or about any other text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.text.normalize import normalize
from training.data.cleaning import CorpusError, decode_bytes
from training.data.corpus import Corpus, Paragraph
from training.data.leakage import Gate, stretches


@dataclass(frozen=True)
class Leak:
    """Where a stretch of text that is kept from training occurs, and its letters."""

    place: str
    letters: str


def find_leaks(corpus: Corpus, others: Sequence[Path]) -> list[Leak]:
    """Long runs that the validation split shares with training text, as lines of a report.

    Compares the training and development parts of `corpus` and the text files in `others` with the
    validation split, and the training part with the held-back paragraphs.

    Raises CorpusError where `others` names a folder without text files, OSError where a file cannot
    be read.
    """
    train, dev = _placed("train", corpus.train), _placed("dev", corpus.dev)
    leaks = _leaks(corpus.validation, (*train, *dev, *_files(others)))
    return leaks + (_leaks(corpus.held, train) if corpus.held else [])


def _leaks(kept: Sequence[Paragraph], texts: Sequence[tuple[str, str]]) -> list[Leak]:
    """What these texts, each with its place, share with the paragraphs that are kept from them."""
    gate = Gate.of_texts(paragraph.text for paragraph in kept)
    return [
        Leak(place, letters) for place, text in texts for letters in stretches(gate.leaks(text))
    ]


def _placed(split: str, paragraphs: Sequence[Paragraph]) -> list[tuple[str, str]]:
    return [(f"{split}, {each.work} {each.index}", each.text) for each in paragraphs]


def _files(others: Sequence[Path]) -> Iterator[tuple[str, str]]:
    for other in others:
        paths = sorted(other.rglob("*.txt")) if other.is_dir() else [other]
        if not paths:
            raise CorpusError(f"{other}: holds no .txt file to check")
        for path in paths:
            yield str(path), normalize(decode_bytes(path.read_bytes()))
