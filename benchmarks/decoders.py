"""What `benchmarks.decoding` measures, one figure in a process of its own.

    python -m benchmarks.decoders DECODER SHAPE REQUESTS THREADS [EXPORTS]

`small` is the bundled checkpoint, `base` a larger shape that holds it (see `benchmarks.grown`).
`original` is what the published program did: no cache, the whole context read again for every
character, one text at a time.
"""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import psutil

from benchmarks import peers
from benchmarks.grown import grow
from model.checkpoint.checkpoint import StoredCheckpoint, read_checkpoint
from model.checkpoint.config import DecoderConfig
from model.checkpoint.discovery import bundled_checkpoints
from model.engine.backend import Backend
from model.engine.benchmark import PHRASE, Speed, measure_speed
from model.engine.loaded_model import LoadedModel, with_decoder
from model.runtime import choose_runtime

SHAPES = ("small", "base")
# `native + drafts` reads guesses along.
DECODERS = ("native + drafts", "native", "pytorch", "original")
CHARACTERS = 256  # of every text, or as many as are written in six seconds
BASE = DecoderConfig("modern", 107, 528, 512, 6, 8, 1376)


@dataclass(frozen=True)
class Measurement:
    """What one process found; memory in MiB, NaN for what cannot be said of a decoder."""

    characters_per_second: float
    first_character: float
    joining: float
    characters_per_processor_second: float
    memory: float


def stored(shape: str) -> StoredCheckpoint:
    """The bundled checkpoint, as it is or in the base shape."""
    bundled = read_checkpoint(bundled_checkpoints() / "small")
    return bundled if shape == "small" else grow(bundled, BASE, shape)


def weight_bytes(shape: str) -> int:
    """What a step reads of the weights, at one byte each."""
    config = stored(shape).config
    embedding = config.vocabulary * config.width
    return sum(int(np.prod(size)) for size in config.tensors().values()) - embedding


def load(decoder: str, shape: str, threads: int) -> LoadedModel[Backend]:
    """A decoder for a process that measures."""
    engine = "native" if decoder.startswith("native") else "pytorch"
    choose_runtime(engine, "cpu", threads)
    found = stored(shape)
    if engine == "native":
        from model.native.decoder import NativeDecoder

        native = with_decoder(found, NativeDecoder(found.config, found.weights))
        return native if "drafts" in decoder else replace(native, drafts=None)
    import torch

    from model.pytorch.backend import TorchBackend
    from model.pytorch.decoder import Decoder

    made = Decoder(found.config)
    made.load_state_dict({name: torch.from_numpy(w) for name, w in found.weights.items()})
    made.requires_grad_(False).eval()
    return with_decoder(found, TorchBackend(made))


def write_uncached(checkpoint: LoadedModel[Backend]) -> Speed:
    """Write the original's way."""
    import torch

    tokens = [checkpoint.tokenizer.start, *checkpoint.tokenizer.encode(PHRASE)]
    times = [time.perf_counter()]
    with torch.inference_mode():
        for _ in range(CHARACTERS):
            read = torch.tensor([tokens[-checkpoint.decoder.config.context :]])
            probabilities = checkpoint.decoder.decoder(read)[0, -1].softmax(-1)  # type: ignore[attr-defined]
            tokens.append(int(torch.multinomial(probabilities, 1)))
            times.append(time.perf_counter())
    return Speed(CHARACTERS / (times[-1] - times[0]), times[1] - times[0], math.nan, math.nan)


def write_peer(decoder: str, shape: str, requests: int, threads: int, exports: Path) -> Speed:
    """Let another engine write, with the weights exported for it."""
    tokenizer = stored(shape).tokenizer
    tokens = [tokenizer.start, *tokenizer.encode(PHRASE)]
    # Some write a hundred characters a second: a quarter of them tells as much.
    characters = CHARACTERS if decoder.startswith("llama.cpp") else CHARACTERS // 4
    found = peers.write(decoder, exports / shape, tokens, requests, characters, threads)
    return Speed(*found, math.nan, math.nan)


def measure(
    decoder: str, shape: str, requests: int, threads: int, exports: Path | None
) -> Measurement:
    """In this process."""
    if decoder in peers.PEERS and exports is not None:
        speed = write_peer(decoder, shape, requests, threads, exports)
    elif decoder == "original":
        speed = write_uncached(load(decoder, shape, threads))
    else:
        checkpoint = load(decoder, shape, threads)
        measure_speed(checkpoint, requests, 64)  # warms caches up and is not counted
        speed = measure_speed(checkpoint, requests, CHARACTERS)
    return Measurement(**asdict(speed), memory=psutil.Process().memory_info().rss / 2**20)


def main() -> None:
    """Print the figures as JSON."""
    decoder, shape, requests, threads, *exports = sys.argv[1:]
    folder = Path(exports[0]) if exports else None
    print(json.dumps(asdict(measure(decoder, shape, int(requests), int(threads), folder))))


if __name__ == "__main__":
    main()
