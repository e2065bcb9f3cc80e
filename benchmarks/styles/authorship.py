"""Who wrote this? A classifier of character n-grams, which knows the authors from text that the
decoder never read.

Frequencies of character n-grams are the plain and hard to beat way to tell authors apart
(Stamatatos, "On the robustness of authorship attribution based on character n-gram features",
2013). They see the names in a book as well as its manner, so a text can be shown without names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline

from training.data.corpus import Corpus, Paragraph

PIECE = 5  # sentences
FOLDS = 5
_CAPITALISED = re.compile(r"\b[A-ZÁÉÍÓÚÑÜ]\w*")

# Log-probabilities, (texts, authors).
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Piece:
    """Five sentences of an author; `paragraph` is where they were cut from."""

    author: str
    text: str
    paragraph: str


def held_back(corpus: Corpus) -> tuple[Paragraph, ...]:
    """The paragraphs that no checkpoint of this data set was trained on."""
    return (*corpus.dev, *corpus.validation, *corpus.held)


def pieces(paragraphs: Iterable[Paragraph], authors: Sequence[str]) -> list[Piece]:
    """What these authors have in these paragraphs, cut into fives; shorter rests are left out."""
    return [
        Piece(
            each.style, " ".join(each.sentences[start : start + PIECE]), f"{each.work} {each.index}"
        )
        for each in paragraphs
        if each.style in authors
        for start in range(0, len(each.sentences) - PIECE + 1, PIECE)
    ]


def known_well_enough(found: Sequence[Piece]) -> list[str]:
    """The authors with two paragraphs or more, so that one can be judged by the other."""
    paragraphs: dict[str, set[str]] = {}
    for piece in found:
        paragraphs.setdefault(piece.author, set()).add(piece.paragraph)
    return [author for author, held in paragraphs.items() if len(held) > 1]


def without_names(text: str) -> str:
    """Every word with a capital replaced by one mark, the first words of sentences too."""
    return _CAPITALISED.sub("X", text)


class Classifier:
    """Names the author of a text. `authors` are the columns of its scores."""

    def __init__(self, found: Sequence[Piece]) -> None:
        self._pipeline = _pipeline().fit(_texts(found), _authors(found))
        self.authors: list[str] = self._pipeline.classes_.tolist()

    def scores(self, texts: Sequence[str]) -> Scores:
        """Log-probabilities (texts, authors)."""
        scores: Scores = self._pipeline.predict_log_proba(texts)
        return scores


def cross_validated(found: Sequence[Piece]) -> Scores:
    """Scores (pieces, authors in alphabetical order) of each piece by a classifier that has read
    nothing of its paragraph: what can be hoped for at most."""
    paragraphs = [piece.paragraph for piece in found]
    scores: Scores = cross_val_predict(
        _pipeline(),
        _texts(found),
        _authors(found),
        groups=paragraphs,
        cv=StratifiedGroupKFold(min(FOLDS, len(set(paragraphs)))),
        method="predict_log_proba",
    )
    return scores


def pooled(scores: Scores, size: int) -> Scores:
    """Scores of samples of `size` texts, one behind the other; a rest is left out, unless it is all
    there is."""
    count = max(1, len(scores) // size)
    return np.stack([each.sum(axis=0) for each in np.split(scores[: count * size], count)])


def _pipeline() -> Pipeline:
    return make_pipeline(
        TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True, min_df=2),
        LogisticRegression(C=10.0, class_weight="balanced", max_iter=1000),
    )


def _texts(found: Sequence[Piece]) -> list[str]:
    return [piece.text for piece in found]


def _authors(found: Sequence[Piece]) -> list[str]:
    return [piece.author for piece in found]
