"""The ways in which a GPU can write, each as a backend that falls back to no other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track

from benchmarks.decoders import stored
from model.checkpoint.checkpoint import Checkpoint, StoredCheckpoint, read_checkpoint
from model.checkpoint.discovery import bundled_checkpoints
from model.checkpoint.draft_table import DraftTable
from model.checkpoint.weights import Floats
from model.cuda.graphs import Abilities
from model.cuda.selection import open_session
from model.engine.backend import Backend, EngineName, Runner, Session
from model.engine.benchmark import PHRASE, Speed, measure_engine
from model.engine.engine import Engine
from model.pytorch.decoder import Decoder
from model.pytorch.session import TorchSession
from model.text.automaton import Automaton


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


class Backing:
    """A `model.engine.backend.Backend` that writes in one way only.

    dtype: of matrices and KV cache where it writes ahead.
    """

    def __init__(self, decoder: Decoder, way: Way, dtype: torch.dtype) -> None:
        self.decoder, self.way, self.dtype = decoder, way, dtype
        self.config, self.parameter_count = decoder.config, decoder.parameter_count
        self.device = decoder.device
        decoder.abilities = Abilities(way.kernels, way.graphs)

    def session(
        self,
        rows: int,
        masks: Floats,
        drafts: DraftTable | None = None,
        automaton: Automaton | None = None,
    ) -> Session | Runner:
        """Open a session of this way."""
        if not self.way.ahead or automaton is None:
            return TorchSession(self.decoder, rows, masks)
        return open_session(self.decoder, rows, masks, automaton, drafts, dtype=self.dtype)

    @property
    def engine(self) -> EngineName:
        """The engine that computes."""
        return self.decoder.engine

    @property
    def fallen(self) -> bool:
        """Whether the machine turned out not to support this way."""
        return self.decoder.abilities != Abilities(self.way.kernels, self.way.graphs)


def find(shape: str) -> StoredCheckpoint:
    """A checkpoint by its folder, its bundled name, or its shape."""
    for folder in (Path(shape), bundled_checkpoints() / shape):
        if folder.is_dir():
            return read_checkpoint(folder)
    return stored(shape)


def backed(found: StoredCheckpoint, way: Way, device: torch.device) -> Checkpoint[Backend]:
    """The checkpoint with a backend of this way."""
    decoder = Decoder(found.config)
    decoder.load_state_dict({name: torch.from_numpy(w) for name, w in found.weights.items()})
    decoder.requires_grad_(False).eval().to(device)
    decoder.arrange()
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    checkpoint: Checkpoint[Backend] = found.with_decoder(Backing(decoder, way, dtype))
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
