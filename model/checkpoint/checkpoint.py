"""A checkpoint: a folder with the weights, shape, vocabulary and training record of a decoder.

    model.safetensors   config.json   tokenizer.json   metrics.json   README.md (model card)
    drafts.safetensors  optional: the draft table, see model/checkpoint/draft_table.py
    lexicon.safetensors optional: facts for the ranking, see model/checkpoint/lexicon.py

Nothing is unpickled: weights are safetensors, the rest is JSON. All files are checked before a
decoder is built; each error names the file and the expected content. No torch here:
`model.pytorch.checkpoint` and `model.native` build decoders from a StoredCheckpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.arrays import Floats
from model.checkpoint.config import DecoderConfig
from model.checkpoint.draft_table import DraftTable, load_drafts
from model.checkpoint.filenames import CARD, CONFIG, DRAFTS, LEXICON, METRICS, TOKENIZER, WEIGHTS
from model.checkpoint.lexicon import Lexicon, load_lexicon
from model.checkpoint.weights import read_weights
from model.errors import CheckpointError
from model.files import read_json_object, replacing, write_json, write_text
from model.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class StoredCheckpoint:
    """The content of a checkpoint's folder."""

    path: Path
    id: str
    config: DecoderConfig
    weights: dict[str, Floats]  # float32, by the names of DecoderConfig.tensors
    tokenizer: Tokenizer
    metrics: dict[str, Any]
    drafts: DraftTable | None = None
    lexicon: Lexicon | None = None

    @property
    def name(self) -> str:
        """The name of the folder."""
        return self.path.resolve().name


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
        confirmed_styles(metrics, tokenizer)
    except ValueError as error:
        raise CheckpointError("content", file=str(folder / METRICS), problem=str(error)) from None
    drafts, lexicon = load_drafts(folder, config.vocabulary), load_lexicon(folder)
    return StoredCheckpoint(folder, identity, config, weights, tokenizer, metrics, drafts, lexicon)


@contextmanager
def writing_checkpoint(
    folder: Path, config: DecoderConfig, tokenizer: Tokenizer, metrics: dict[str, Any], card: str
) -> Iterator[Path]:
    """Write all files except the weights; yield the path to which the caller writes those.

    The weights are moved into place last, so a folder that has them is complete.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / CONFIG, config.to_json())
    write_json(folder / TOKENIZER, tokenizer.to_json())
    write_json(folder / METRICS, metrics)
    write_text(folder / CARD, card)
    for name in (DRAFTS, LEXICON):  # they belonged to the replaced weights
        (folder / name).unlink(missing_ok=True)
    with replacing(folder / WEIGHTS) as temporary:
        yield temporary


def confirmed_styles(metrics: dict[str, Any], tokenizer: Tokenizer) -> tuple[str, ...]:
    """The styles of the vocabulary that the metrics' `confirmed_styles` lists, or all without it.

    Raises ValueError unless it lists styles of the vocabulary.
    """
    confirmed = metrics.get("confirmed_styles", tokenizer.styles)
    if not isinstance(confirmed, (list, tuple)) or not all(
        style in tokenizer.styles for style in confirmed
    ):
        raise ValueError("'confirmed_styles' must list styles of the vocabulary")
    return tuple(style for style in tokenizer.styles if style in confirmed)
