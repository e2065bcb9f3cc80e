"""How well a decoder predicts a text: W528 in nats per character, and bits per byte.

W528 is the figure to set beside the published 1.1533: windows of 528 characters that do not
overlap, each read without anything before it, averaged over eight fixed offsets (0, 66, … 462),
dropout off and no author given. The separator counts as the space it stands for.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from model.checkpoint import TorchCheckpoint
from model.decoder import Decoder
from model.device import fast_bfloat16
from model.errors import LitteraError
from training.cleaning import decode_bytes
from training.corpus import Corpus
from training.dataset import Ids, encode_stream
from training.own_author import writable

WINDOW = 528
OFFSETS = tuple(range(0, WINDOW, 66))
# How many characters one forward pass reads: enough to fill two cores, little memory.
_BATCH_WINDOWS = 16

Progress = Callable[[int, int], None]


class EvaluationError(LitteraError):
    """A text cannot be evaluated."""


@dataclass(frozen=True)
class Evaluation:
    """Result over one text. `dropped` characters could not be written and were not counted."""

    w528: float
    bits_per_byte: float
    characters: int
    dropped: int


def window_loss(
    decoder: Decoder,
    stream: Ids,
    offsets: tuple[int, ...] = OFFSETS,
    progress: Progress | None = None,
    *,
    bf16: bool = False,
) -> float:
    """Mean nats per character over the windows of `stream` at every offset; see `window_losses`."""
    windows = window_losses(decoder, stream, offsets, progress, bf16=bf16)
    return float(np.concatenate(windows).mean())


@torch.no_grad()
def window_losses(
    decoder: Decoder,
    stream: Ids,
    offsets: tuple[int, ...] = OFFSETS,
    progress: Progress | None = None,
    *,
    bf16: bool = False,
) -> list[NDArray[np.float64]]:
    """Nats per character of each window of `stream`, one array for each offset.

    A decoder with a context under 528 is given as much of each window as it can read. Raises
    EvaluationError when the stream is shorter than one window.
    """
    length = min(WINDOW, decoder.config.context)
    starts = [range(offset, len(stream) - length, length) for offset in offsets]
    every = [start for some in starts for start in some]
    if not every:
        raise EvaluationError(f"the text is too short: at least {length + 1} characters are needed")
    tokens = torch.from_numpy(stream)
    losses: list[NDArray[np.float64]] = []
    for index in range(0, len(every), _BATCH_WINDOWS):
        batch = every[index : index + _BATCH_WINDOWS]
        windows = torch.stack([tokens[start : start + length + 1] for start in batch])
        losses.append(_losses(decoder, windows.to(decoder.device), bf16))
        if progress is not None:
            progress(index + len(batch), len(every))
    ends = np.cumsum([len(some) for some in starts])
    return np.split(np.concatenate(losses), ends[:-1])


def _losses(decoder: Decoder, windows: Tensor, bf16: bool) -> NDArray[np.float64]:
    with torch.autocast(
        windows.device.type, torch.bfloat16, enabled=bf16 and fast_bfloat16(windows.device)
    ):
        logits = decoder(windows[:, :-1])
    losses = F.cross_entropy(logits.transpose(1, 2), windows[:, 1:], reduction="none")  # (B, T)
    return losses.double().mean(1).cpu().numpy()


def _evaluate(
    checkpoint: TorchCheckpoint, stream: Ids, dropped: int, progress: Progress | None
) -> Evaluation:
    loss = window_loss(checkpoint.decoder, stream, progress=progress)
    text = checkpoint.tokenizer.decode(stream.tolist())
    bytes_per_character = len(text.encode("utf-8")) / len(text)
    return Evaluation(loss, loss / math.log(2) / bytes_per_character, len(text), dropped)


def evaluate_corpus(
    checkpoint: TorchCheckpoint, corpus: Corpus, progress: Progress | None = None
) -> Evaluation:
    """Evaluate on the validation split of a built corpus.

    Of a person's own texts, what the checkpoint cannot write is replaced or left out; of the others
    that is an EvaluationError, for figures on them are compared.
    """
    if corpus.own:
        measured = replace(corpus, train=(), dev=())
        corpus, lost = writable(measured, checkpoint.tokenizer)
        stream = encode_stream(checkpoint.tokenizer, corpus.validation)
        return _evaluate(checkpoint, stream, lost.characters, progress)
    paragraphs = corpus.validation
    unknown = set().union(*(p.text for p in paragraphs)) - set(checkpoint.tokenizer.characters)
    if unknown:
        raise EvaluationError(
            f"the checkpoint cannot write {' '.join(sorted(unknown))}, which occur in the "
            f"validation text of {corpus.name}"
        )
    return _evaluate(checkpoint, encode_stream(checkpoint.tokenizer, paragraphs), 0, progress)


def evaluate_text(
    checkpoint: TorchCheckpoint, path: Path, progress: Progress | None = None
) -> Evaluation:
    """Evaluate on a text file, normalised as a prompt would be."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise EvaluationError(f"{path}: cannot be read ({error.strerror})") from None
    shown = checkpoint.tokenizer.represent(decode_bytes(raw))
    stream = np.asarray(checkpoint.tokenizer.encode(shown.text), np.int64)
    return _evaluate(checkpoint, stream, len(shown.dropped), progress)
