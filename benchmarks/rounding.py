"""The cost of rounding to 8 bits: W528 of a checkpoint with the native kernel and with PyTorch.

python -m benchmarks.rounding --data data/reference [--checkpoint small] [--characters N]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from model.checkpoint.discovery import bundled_checkpoints, find_checkpoint
from model.cpu import available_cores
from model.native.decoder import NativeDecoder, load_native, set_threads
from model.pytorch.checkpoint import load_checkpoint
from model.pytorch.decoder import Decoder
from training.data.corpus import Corpus
from training.data.dataset import encode_stream
from training.report.evaluation import window_loss
from training.run.machine import describe_machine


class NativeForEvaluation:
    """The kernel behind the interface of PyTorch's decoder, for evaluation."""

    device = torch.device("cpu")

    def __init__(self, decoder: NativeDecoder) -> None:
        self.decoder, self.config = decoder, decoder.config

    def __call__(self, windows: Tensor) -> Tensor:
        """Logits (B, T, V) of windows (B, T)."""
        return torch.stack([torch.from_numpy(self.decoder.logits(w)) for w in windows.tolist()])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--checkpoint", default="small")
    parser.add_argument("--characters", type=int, help="of the validation text; default: all")
    arguments = parser.parse_args()

    path = find_checkpoint(arguments.checkpoint, bundled_checkpoints())
    set_threads(available_cores())
    native, pytorch = load_native(path), load_checkpoint(path)
    stream = encode_stream(native.tokenizer, Corpus.load(arguments.data).validation)
    stream = stream[: arguments.characters]
    console = Console()
    console.print(f"checkpoint {native.id}, {len(stream):,} characters, {describe_machine('cpu')}")
    decoders: dict[str, Decoder | NativeForEvaluation] = {
        "native": NativeForEvaluation(native.decoder),
        "pytorch": pytorch.decoder,
    }
    for name, decoder in decoders.items():
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task(name)
            loss = window_loss(
                decoder,  # type: ignore[arg-type]
                stream,
                progress=lambda done, total, _: progress.update(task, completed=done, total=total),  # noqa: B023
            )
        console.print(f"{name}: W528 {loss:.5f}")


if __name__ == "__main__":
    main()
