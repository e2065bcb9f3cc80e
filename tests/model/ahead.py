"""For the tests of writing ahead: the decoder of a checkpoint as it would write on a GPU, here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from model.automaton import Automaton
from model.backend import Backend, Runner, Session
from model.checkpoint import load_checkpoint
from model.cuda import open_session
from model.cuda_session import CudaSession
from model.decoder import Decoder
from model.drafting import DraftTable
from model.graphs import Abilities
from model.stored import Checkpoint
from model.weights import Floats


class Ahead:
    """A decoder on any device whose sessions are those of a GPU; see model.backend.Backend."""

    def __init__(self, decoder: Decoder, dtype: torch.dtype) -> None:
        self.decoder, self.dtype = decoder, dtype
        self.config, self.parameter_count = decoder.config, decoder.parameter_count
        self.device = decoder.device

    @property
    def engine(self) -> str:
        return self.decoder.engine

    def session(
        self,
        rows: int,
        masks: Floats,
        drafts: DraftTable | None = None,
        automaton: Automaton | None = None,
    ) -> Session | Runner:
        assert automaton is not None
        session: CudaSession = open_session(
            self.decoder, rows, masks, automaton, drafts, dtype=self.dtype
        )
        return session


def load_ahead(
    folder: Path, kernels: bool = False, dtype: torch.dtype = torch.float32
) -> Checkpoint[Backend]:
    """A checkpoint that is written ahead, on the CPU and called, not captured."""
    loaded = load_checkpoint(folder)
    loaded.decoder.abilities = Abilities(kernels=kernels, graphs=False)
    ahead: Checkpoint[Backend] = replace(loaded, decoder=Ahead(loaded.decoder, dtype))  # type: ignore[type-var]
    return ahead
