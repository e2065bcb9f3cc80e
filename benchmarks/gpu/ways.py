"""The ways in which a GPU can write, each as a backend that falls back to no other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track

from benchmarks.decoders import stored
from model.checkpoint.checkpoint import StoredCheckpoint, read_checkpoint
from model.checkpoint.discovery import bundled_checkpoints
from model.cuda.graphs import Abilities
from model.cuda.selection import CudaSessions
from model.engine.backend import Backend
from model.engine.benchmark import PHRASE, Speed, measure_engine
from model.engine.engine import Engine
from model.engine.loaded_model import LoadedModel, with_decoder
from model.pytorch.backend import TorchBackend
from model.pytorch.decoder import Decoder


@dataclass(frozen=True)
class Way:
    """How to write.

    kernels, graphs: see `model.cuda.graphs.Abilities`.
    drafts: with the draft table.
    ahead: with a runner instead of token by token.
    """

    name: str
    kernels: bool = False
    graphs: bool = False
    drafts: bool = False
    ahead: bool = True


ON_GPU = (
    Way("kernels in graphs, guesses", kernels=True, graphs=True, drafts=True),
    Way("kernels in graphs", kernels=True, graphs=True),
    Way("kernels, not captured", kernels=True),
    Way("PyTorch in graphs", graphs=True),
)
ANYWHERE = (Way("PyTorch, not captured"), Way("PyTorch, token by token", ahead=False))


class Backing(TorchBackend):
    """A backend that writes in one way only.

    dtype: of matrices and KV cache where it writes ahead.
    """

    def __init__(self, decoder: Decoder, way: Way, dtype: torch.dtype) -> None:
        self.way = way
        self.sessions = CudaSessions(decoder, Abilities(way.kernels, way.graphs), dtype)
        super().__init__(decoder, self.sessions if way.ahead else None)

    @property
    def fallen(self) -> bool:
        """Whether the machine turned out not to support this way."""
        return self.sessions.abilities != Abilities(self.way.kernels, self.way.graphs)


def find(shape: str) -> StoredCheckpoint:
    """A checkpoint by its folder, its bundled name, or its shape."""
    for folder in (Path(shape), bundled_checkpoints() / shape):
        if folder.is_dir():
            return read_checkpoint(folder)
    return stored(shape)


def backed(found: StoredCheckpoint, way: Way, device: torch.device) -> LoadedModel[Backend]:
    """The checkpoint with a backend of this way."""
    decoder = Decoder(found.config)
    decoder.load_state_dict({name: torch.from_numpy(w) for name, w in found.weights.items()})
    decoder.requires_grad_(False).eval().to(device)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    checkpoint: LoadedModel[Backend] = with_decoder(found, Backing(decoder, way, dtype))
    return checkpoint if way.drafts else replace(checkpoint, drafts=None)


@dataclass
class Row:
    """A way, its engine and its speeds by the number of texts at once."""

    way: Way
    engine: Engine
    speeds: dict[int, list[Speed]]

    @property
    def fell_back(self) -> bool:
        """Whether a slower way was measured instead."""
        backing = self.engine.checkpoint.decoder
        return isinstance(backing, Backing) and backing.fallen


def measure_all(
    rows: list[Row], sizes: list[int], rounds: int, characters: int, seconds: float
) -> None:
    """Measure everything for some rounds, after an uncounted one."""
    for number in track(range(rounds + 1), "rounds", console=Console(stderr=True)):
        for row in rows:
            for size in sizes:
                # Slots cache prefixes; the first character needs a phrase that was not read before.
                phrase = f"{'Dos Tres Cuatro Cinco'.split()[number % 4]} veces {number}: {PHRASE}"
                speed = measure_engine(row.engine, size, characters, seconds, phrase)
                if number:
                    row.speeds[size].append(speed)
