"""A checkpoint in memory: its decoder, its vocabulary and the tables that go with them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from model.checkpoint.checkpoint import StoredCheckpoint, confirmed_styles
from model.checkpoint.config import DecoderConfig
from model.checkpoint.draft_table import DraftTable
from model.checkpoint.lexicon import Lexicon
from model.ranking.ranking import Ranking
from model.text.tokenizer import Tokenizer


class AnyDecoder(Protocol):
    """A decoder of any kind: a Backend that serves, or the module that training needs."""

    @property
    def config(self) -> DecoderConfig:
        """The shape."""


DecoderT = TypeVar("DecoderT", bound=AnyDecoder, covariant=True)
GivenT = TypeVar("GivenT", bound=AnyDecoder)


@dataclass(frozen=True)
class LoadedModel(Generic[DecoderT]):
    """A checkpoint whose weights are in a decoder."""

    name: str
    id: str  # the beginning of the SHA-256 of the weights file
    path: Path
    decoder: DecoderT
    tokenizer: Tokenizer
    metrics: dict[str, Any]
    drafts: DraftTable | None = None  # speeds generation up and changes no text
    lexicon: Lexicon | None = None  # the ranking judges sentences by it

    @cached_property
    def ranking(self) -> Ranking:
        """The ranking of candidates; it caches the words that it has looked up."""
        return Ranking(self.lexicon)

    @property
    def styles(self) -> tuple[str, ...]:
        """The styles on offer: those that a classifier recognises, if the metrics list them."""
        return confirmed_styles(self.metrics, self.tokenizer)


def with_decoder(stored: StoredCheckpoint, decoder: GivenT) -> LoadedModel[GivenT]:
    """A stored checkpoint with the decoder made of its weights, which can then be freed."""
    return LoadedModel(
        stored.name,
        stored.id,
        stored.path,
        decoder,
        stored.tokenizer,
        stored.metrics,
        stored.drafts,
        stored.lexicon,
    )
