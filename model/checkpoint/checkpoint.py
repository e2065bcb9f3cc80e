"""A checkpoint: a folder with the weights, the shape, the vocabulary and how they came to be.

    model.safetensors   config.json   tokenizer.json   metrics.json   README.md (model card)
    drafts.safetensors  where there is a table of guesses, see model/checkpoint/draft_table.py
    lexicon.safetensors where there is one to judge sentences by, see model/checkpoint/lexicon.py

Nothing in it is ever unpickled: weights are safetensors, the rest is JSON. Everything is checked
before a decoder is built, and each failure names the file and what was expected of it. This is all
done without torch; `model.pytorch.checkpoint` and `model.native` make decoders of what was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

from model.checkpoint.config import DecoderConfig
from model.checkpoint.draft_table import DraftTable, load_drafts
from model.checkpoint.filenames import CARD, CONFIG, DRAFTS, LEXICON, METRICS, TOKENIZER, WEIGHTS
from model.checkpoint.lexicon import Lexicon, load_lexicon
from model.checkpoint.weights import Floats, read_weights
from model.engine.backend import Backend
from model.errors import CheckpointError
from model.files import read_json_object, replacing, write_json, write_text
from model.ranking.ranking import Ranking
from model.text.tokenizer import Tokenizer

AnyDecoder = TypeVar("AnyDecoder", bound=Backend, covariant=True)
GivenDecoder = TypeVar("GivenDecoder", bound=Backend)


@dataclass(frozen=True)
class Checkpoint(Generic[AnyDecoder]):
    """A loaded checkpoint. `id` is the beginning of the SHA-256 of the weights file; `drafts` make
    writing faster and are no part of what is written; by `lexicon` sentences are judged."""

    name: str
    id: str
    path: Path
    decoder: AnyDecoder
    tokenizer: Tokenizer
    metrics: dict[str, Any]
    drafts: DraftTable | None = None
    lexicon: Lexicon | None = None

    @cached_property
    def ranking(self) -> Ranking:
        """What chooses among candidates; it remembers the words that it has met."""
        return Ranking(self.lexicon)

    @property
    def styles(self) -> tuple[str, ...]:
        """The styles on offer: those that a classifier recognises, where that was recorded."""
        return _confirmed(self.metrics, self.tokenizer)


@dataclass(frozen=True)
class StoredCheckpoint:
    """What a folder holds; `weights` are float32."""

    path: Path
    id: str
    config: DecoderConfig
    weights: dict[str, Floats]
    tokenizer: Tokenizer
    metrics: dict[str, Any]
    drafts: DraftTable | None = None
    lexicon: Lexicon | None = None

    @property
    def name(self) -> str:
        """What the folder is called."""
        return self.path.resolve().name

    def with_decoder(self, decoder: GivenDecoder) -> Checkpoint[GivenDecoder]:
        """The loaded checkpoint, once a decoder has been made of the weights."""
        return Checkpoint(
            self.name,
            self.id,
            self.path,
            decoder,
            self.tokenizer,
            self.metrics,
            self.drafts,
            self.lexicon,
        )


def read_checkpoint(folder: Path) -> StoredCheckpoint:
    """Read and check all files of a checkpoint; raises CheckpointError."""
    if not folder.is_dir():
        raise CheckpointError("no_folder", file=str(folder))
    config = DecoderConfig.load(folder / CONFIG)
    tokenizer = Tokenizer.load(folder / TOKENIZER)
    if tokenizer.size != config.vocabulary:
        raise CheckpointError(
            "vocabulary",
            file=str(folder / TOKENIZER),
            found=tokenizer.size,
            expected=config.vocabulary,
        )
    weights, identity = read_weights(folder / WEIGHTS, config)
    metrics = read_json_object(folder / METRICS)
    try:
        _confirmed(metrics, tokenizer)
    except ValueError as error:
        raise CheckpointError("content", file=str(folder / METRICS), problem=str(error)) from None
    drafts, lexicon = load_drafts(folder, config.vocabulary), load_lexicon(folder)
    return StoredCheckpoint(folder, identity, config, weights, tokenizer, metrics, drafts, lexicon)


@contextmanager
def writing_checkpoint(
    folder: Path, config: DecoderConfig, tokenizer: Tokenizer, metrics: dict[str, Any], card: str
) -> Iterator[Path]:
    """Write all files but the weights, and yield the path to write those to.

    They take their place last, so a folder that has weights is whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / CONFIG, config.to_json())
    write_json(folder / TOKENIZER, tokenizer.to_json())
    write_json(folder / METRICS, metrics)
    write_text(folder / CARD, card)
    for name in (DRAFTS, LEXICON):  # those of other weights would be worse than none
        (folder / name).unlink(missing_ok=True)
    with replacing(folder / WEIGHTS) as temporary:
        yield temporary


def _confirmed(metrics: dict[str, Any], tokenizer: Tokenizer) -> tuple[str, ...]:
    """The vocabulary's styles, less those that `confirmed_styles` of the metrics does not list.

    Raises ValueError where that is no list of styles of the vocabulary.
    """
    confirmed = metrics.get("confirmed_styles", tokenizer.styles)
    if not isinstance(confirmed, (list, tuple)) or not all(
        style in tokenizer.styles for style in confirmed
    ):
        raise ValueError("'confirmed_styles' must list styles of the vocabulary")
    return tuple(style for style in tokenizer.styles if style in confirmed)
