"""How well a decoder predicts a text: W528 in nats per character, and bits per byte.

W528 is the figure to set beside the published 1.1533: windows of 528 characters that do not
overlap, each read without anything before it, averaged over eight fixed offsets (0, 66, … 462),
dropout off and no author given. The separator counts as the space it stands for.

On a CPU every thread reads windows of its own. Threads that share an operation wait at its end for
the slowest of them, which takes a third more CPU time where other processes run too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from model.errors import LitteraError
from model.pytorch.checkpoint import TorchCheckpoint
from model.pytorch.decoder import Decoder
from training.data.cleaning import decode_bytes
from training.data.corpus import Corpus, Paragraph
from training.data.dataset import Ids, encode_stream
from training.data.own_author import writable

WINDOW = 528
OFFSETS = tuple(range(0, WINDOW, 66))
# Windows of one forward pass, by device. The bound on threads with windows of their own keeps the
# memory of all passes together under a gigabyte.
_BATCH_WINDOWS = {"cpu": 4, "cuda": 16}
_MOST_WORKERS = 16

Part = Literal["validation", "dev", "held"]
# Called with how many windows were read, of how many, and their mean loss (NaN before the first).
Progress = Callable[[int, int, float], None]


class EvaluationError(LitteraError):
    """A text cannot be evaluated."""


@dataclass(frozen=True)
class Evaluation:
    """Result over one text.

    loss: nats per character, which is W528 when all eight `offsets` were read. `dropped` characters
    could not be written and were not counted.
    """

    loss: float
    bits_per_byte: float
    characters: int
    dropped: int
    offsets: int
    bf16: bool

    @property
    def precision(self) -> str:
        """Of the matrix products."""
        return "bfloat16" if self.bf16 else "float32"

    @property
    def complete(self) -> bool:
        """Whether `loss` is W528, and not an estimate of it."""
        return self.offsets == len(OFFSETS)


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


def window_losses(
    decoder: Decoder,
    stream: Ids,
    offsets: tuple[int, ...] = OFFSETS,
    progress: Progress | None = None,
    *,
    bf16: bool = False,
) -> list[NDArray[np.float64]]:
    """Nats per character of each window of `stream`, one array for each offset.

    A decoder with a context under 528 is given as much of each window as it can read. bf16: matrix
    products in bfloat16; see model.pytorch.device.fast_bfloat16. Raises EvaluationError when the
    stream is shorter than one window.
    """
    length = min(WINDOW, decoder.config.context)
    starts = [range(offset, len(stream) - length, length) for offset in offsets]
    every = [start for some in starts for start in some]
    if not every:
        raise EvaluationError(f"the text is too short: at least {length + 1} characters are needed")
    tokens, losses = torch.from_numpy(stream), np.empty(len(every))

    def losses_of(batch: Sequence[int]) -> NDArray[np.float64]:
        windows = torch.stack([tokens[start : start + length + 1] for start in batch])
        return _losses(decoder, windows.to(decoder.device), bf16)

    size, done = _BATCH_WINDOWS[decoder.device.type], 0
    batches = [every[index : index + size] for index in range(0, len(every), size)]
    if progress is not None:
        progress(0, len(every), math.nan)
    with _workers(decoder.device) as pool:
        for found in pool.map(losses_of, batches):
            losses[done : done + len(found)] = found
            done += len(found)
            if progress is not None:
                progress(done, len(every), float(losses[:done].mean()))
    ends = np.cumsum([len(some) for some in starts])
    return np.split(losses, ends[:-1])


@contextmanager
def _workers(device: torch.device) -> Iterator[Executor]:
    """Threads to read windows in: of a CPU all that torch has, each for itself; one for a GPU."""
    threads = torch.get_num_threads()
    count = min(threads, _MOST_WORKERS) if device.type == "cpu" else 1
    pool = ThreadPoolExecutor(count)
    torch.set_num_threads(threads // count)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)  # after Ctrl-C no further windows are read
        torch.set_num_threads(threads)


@torch.inference_mode()
def _losses(decoder: Decoder, windows: Tensor, bf16: bool) -> NDArray[np.float64]:
    with torch.autocast(windows.device.type, torch.bfloat16, enabled=bf16):
        logits = decoder(windows[:, :-1])
    losses = F.cross_entropy(logits.transpose(1, 2), windows[:, 1:], reduction="none")  # (B, T)
    return losses.double().mean(1).cpu().numpy()


@dataclass(frozen=True)
class Reading:
    """How a text is read. offsets: number of offsets, up to 8; bf16: as in `window_losses`."""

    offsets: int = len(OFFSETS)
    bf16: bool = False
    progress: Progress | None = None


WHOLE = Reading()


def evaluate_corpus(
    checkpoint: TorchCheckpoint,
    corpus: Corpus,
    part: Part = "validation",
    reading: Reading = WHOLE,
) -> Evaluation:
    """Evaluate on a part of a built corpus.

    Of a person's own texts, what the checkpoint cannot write is replaced or left out; of the others
    that is an EvaluationError, for figures on them are compared. So is a part that is empty.
    """
    parts: dict[Part, tuple[Paragraph, ...]] = {
        "validation": corpus.validation,
        "dev": corpus.dev,
        "held": corpus.held,
    }
    paragraphs = parts[part]
    if not paragraphs:
        raise EvaluationError(f"the data set {corpus.name} has no part {part!r}")
    if corpus.own:
        measured = replace(corpus, train=(), dev=(), validation=paragraphs)
        shown, lost = writable(measured, checkpoint.tokenizer)
        stream = encode_stream(checkpoint.tokenizer, shown.validation)
        return _evaluate(checkpoint, stream, lost.characters, reading)
    unknown = set().union(*(p.text for p in paragraphs)) - set(checkpoint.tokenizer.characters)
    if unknown:
        raise EvaluationError(
            f"the checkpoint cannot write {' '.join(sorted(unknown))}, which occur in the "
            f"{part} text of {corpus.name}"
        )
    return _evaluate(checkpoint, encode_stream(checkpoint.tokenizer, paragraphs), 0, reading)


def evaluate_text(checkpoint: TorchCheckpoint, path: Path, reading: Reading = WHOLE) -> Evaluation:
    """Evaluate on a text file, normalised as a prompt would be."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise EvaluationError(f"{path}: cannot be read ({error.strerror})") from None
    shown = checkpoint.tokenizer.represent(decode_bytes(raw))
    stream = np.asarray(checkpoint.tokenizer.encode(shown.text), np.int64)
    return _evaluate(checkpoint, stream, len(shown.dropped), reading)


def _evaluate(
    checkpoint: TorchCheckpoint, stream: Ids, dropped: int, reading: Reading
) -> Evaluation:
    offsets = OFFSETS[: reading.offsets]
    loss = window_loss(checkpoint.decoder, stream, offsets, reading.progress, bf16=reading.bf16)
    text = checkpoint.tokenizer.decode(stream.tolist())
    bits_per_byte = loss / math.log(2) / (len(text.encode("utf-8")) / len(text))
    return Evaluation(loss, bits_per_byte, len(text), dropped, len(offsets), reading.bf16)
