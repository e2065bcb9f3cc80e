"""Windows of tokens to learn from, in an order that a seed and a position determine.

Every epoch chains the paragraphs in a new order and cuts the chain into windows. So that a decoder
can be asked for an author, about a third of the paragraphs open with a marker (their style token,
or start), and a fifth of the windows begin at a sentence, behind a marker: half of these behind a
style token, each author as often as any other, however short the author's works are. The other
windows begin anywhere and carry no hint, as in the evaluation. Markers are read, never predicted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.text.tokenizer import SEPARATOR, START, Tokenizer
from training.data.cleaning import CorpusError
from training.data.corpus import Paragraph

IGNORE = -1
MARKED_PARAGRAPHS = 0.3
MARKED_WINDOWS = 0.2

Ids = NDArray[np.int64]


def encode_stream(tokenizer: Tokenizer, paragraphs: Sequence[Paragraph]) -> Ids:
    """The paragraphs in their order as one run of ids, a separator behind each; no markers."""
    parts = [[*tokenizer.encode(each.text), tokenizer.separator] for each in paragraphs]
    return np.concatenate([np.asarray(part, np.int64) for part in parts])


@dataclass
class Position:
    """Where training stands in the data: saved and restored with a run."""

    epoch: int = 0
    cursor: int = 0
    length: int = 0


@dataclass(frozen=True)
class Portion:
    """Paragraphs, and how many of them an epoch holds.

    times: repetitions of all paragraphs.
    share: share of the epoch's characters; each epoch draws its own paragraphs. Overrides `times`.
    """

    paragraphs: Sequence[Paragraph]
    times: int = 1
    share: float | None = None


class TrainingData:
    """Batches of windows over paragraphs to train on, on the device that reads them."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        portions: Sequence[Portion],
        seed: int,
        position: Position,
        *,
        reshuffle: bool = True,
        device: str | torch.device = "cpu",
    ) -> None:
        paragraphs = [paragraph for portion in portions for paragraph in portion.paragraphs]
        self._tokens = [
            np.asarray([*tokenizer.encode(paragraph.text), SEPARATOR], np.int64)
            for paragraph in paragraphs
        ]
        self._lengths = np.asarray([len(tokens) for tokens in self._tokens])
        self._styles = [tokenizer.style_id(paragraph.style) for paragraph in paragraphs]
        self._markers = np.zeros(tokenizer.size, bool)
        self._markers[list(tokenizer.markers)] = True
        self._ignored = torch.from_numpy(self._markers).to(device)
        self._portions, self._seed, self._reshuffle = portions, seed, reshuffle
        self._device = device
        self.position = position
        self._windows: Tensor | None = None

    def batch(self, length: int, size: int) -> tuple[Tensor, Tensor]:
        """Inputs and targets, int64 (size, length); targets hold IGNORE before a marker."""
        if length != self.position.length:
            first = self.position.length == 0
            self.position.epoch += 0 if first else 1
            self.position.cursor, self.position.length = 0, length
            self._windows = None
        if self._windows is None:
            self._windows = self._epoch_windows()
        if self.position.cursor + size > len(self._windows):
            self.position.epoch += 1
            self.position.cursor = 0
            self._windows = self._epoch_windows()
        chosen = self._windows[self.position.cursor : self.position.cursor + size]
        if len(chosen) < size:  # a corpus smaller than a batch
            chosen = chosen.repeat(-(-size // len(chosen)), 1)[:size]
        self.position.cursor += size
        targets = chosen[:, 1:]
        return chosen[:, :-1], targets.masked_fill(self._ignored[targets], IGNORE)

    def _epoch_windows(self) -> Tensor:
        """All windows of this epoch, shuffled, (count, length + 1) int64."""
        random = np.random.default_rng([self._seed, self.position.epoch * self._reshuffle])
        length = self.position.length
        stream, authors = self._chain(random)
        offset = int(random.integers(0, length))
        starts = np.arange(offset, len(stream) - length - 1, length)
        if not len(starts):
            raise CorpusError(
                f"the training text is shorter than one window of {length} characters"
            )
        windows: Ids = stream[starts[:, None] + np.arange(length + 1)]
        sentences = self._sentence_starts(stream, length)
        if len(sentences):
            marked = np.flatnonzero(random.random(len(starts)) < MARKED_WINDOWS)
            styled, plain = marked[::2], marked[1::2]
            windows[plain, 0] = START
            chosen = random.choice(sentences, len(plain))
            windows[plain, 1:] = stream[chosen[:, None] + np.arange(length)]
            chosen = _evenly(sentences, authors[sentences], len(styled), random)
            windows[styled, 0] = authors[chosen]
            windows[styled, 1:] = stream[chosen[:, None] + np.arange(length)]
        random.shuffle(windows)
        return torch.from_numpy(windows).to(self._device)

    def _sentence_starts(self, stream: Ids, length: int) -> Ids:
        """Where a sentence begins that a window can begin with; not where a marker stands."""
        starts = np.flatnonzero(stream[:-1] == SEPARATOR) + 1
        starts = starts[starts < len(stream) - length - 1]
        return starts[~self._markers[stream[starts]]]

    def _chain(self, random: np.random.Generator) -> tuple[Ids, Ids]:
        """The paragraphs in a new order as one run of ids, and the style token of each place."""
        parts: list[Ids] = []
        styles: list[Ids] = []
        paragraphs = self._epoch_paragraphs(random)
        for index in paragraphs[random.permutation(len(paragraphs))]:
            style = self._styles[index]
            if random.random() < MARKED_PARAGRAPHS:
                marker = style if random.random() < 0.5 else START
                parts.append(np.asarray([marker], np.int64))
                styles.append(np.asarray([style], np.int64))
            parts.append(self._tokens[index])
            styles.append(np.full(len(self._tokens[index]), style, np.int64))
        return np.concatenate(parts), np.concatenate(styles)

    def _epoch_paragraphs(self, random: np.random.Generator) -> Ids:
        """Which paragraphs this epoch holds, by their number; some more than once."""
        ends = np.cumsum([len(portion.paragraphs) for portion in self._portions])
        numbers = np.split(np.arange(ends[-1]), ends[:-1])
        whole = [
            np.tile(mine, portion.times)
            for portion, mine in zip(self._portions, numbers, strict=True)
            if portion.share is None
        ]
        shares = sum(portion.share or 0 for portion in self._portions)
        characters = self._lengths[np.concatenate(whole)].sum() / (1 - shares)
        drawn = [
            self._draw(random.permutation(mine), portion.share * characters)
            for portion, mine in zip(self._portions, numbers, strict=True)
            if portion.share is not None
        ]
        return np.concatenate([*whole, *drawn])

    def _draw(self, shuffled: Ids, characters: float) -> Ids:
        """The first of these paragraphs that reach the number of characters."""
        return shuffled[: int(np.searchsorted(self._lengths[shuffled].cumsum(), characters)) + 1]


def _evenly(places: Ids, authors: Ids, count: int, random: np.random.Generator) -> Ids:
    """Draw `count` positions, equally many of each author; `authors` names each position's."""
    order = np.argsort(authors, kind="stable")
    _, firsts, sizes = np.unique(authors[order], return_index=True, return_counts=True)
    author = random.integers(0, len(sizes), count)
    chosen: Ids = places[order[firsts[author] + random.integers(0, sizes[author])]]
    return chosen
