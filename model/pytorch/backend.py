"""The backend that serves a PyTorch decoder; see model.engine.backend.Backend.

On a CPU it opens a TorchSession. For a GPU the caller hands it `AheadSessions`
(model.cuda.selection), so that this module does not depend on CUDA.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from model.arrays import Floats
from model.checkpoint.checkpoint import read_checkpoint
from model.checkpoint.draft_table import DraftTable
from model.engine.backend import AheadSession, EngineName, Session
from model.engine.loaded_model import LoadedModel, with_decoder
from model.pytorch.checkpoint import decoder_of
from model.pytorch.decoder import Attention, Decoder, SwiGLU
from model.pytorch.session import TorchSession
from model.text.automaton import Automaton


class AheadSessions(Protocol):
    """Opens sessions that sample ahead, for one decoder."""

    @property
    def engine(self) -> EngineName:
        """The engine in use; "pytorch" until the first session has found out."""

    def open(
        self, slots: int, masks: Floats, automaton: Automaton, drafts: DraftTable | None
    ) -> AheadSession:
        """A session of `slots` sequences; for the rest see model.engine.backend.Backend."""


class TorchBackend:
    """A PyTorch decoder that serves.

    The weights are laid out for single-token steps (see `arrange`), so the decoder must be on its
    device and is not to be trained any more.
    """

    def __init__(self, decoder: Decoder, ahead: AheadSessions | None = None) -> None:
        arrange(decoder)
        self.decoder, self._ahead = decoder, ahead
        self.config, self.parameter_count = decoder.config, decoder.parameter_count
        self.device = decoder.device

    @property
    def engine(self) -> EngineName:
        """See model.engine.backend.Backend."""
        return "pytorch" if self._ahead is None else self._ahead.engine

    def session(
        self,
        slots: int,
        masks: Floats,
        drafts: DraftTable | None = None,
        automaton: Automaton | None = None,
    ) -> Session | AheadSession:
        """See model.engine.backend.Backend."""
        if self._ahead is not None and automaton is not None:
            return self._ahead.open(slots, masks, automaton, drafts)
        return TorchSession(self.decoder, slots, masks)


def load_pytorch(
    folder: Path,
    device: torch.device | str = "cpu",
    ahead: Callable[[Decoder], AheadSessions] | None = None,
) -> LoadedModel[TorchBackend]:
    """Load and check a checkpoint for serving; raises CheckpointError.

    ahead: makes the factory of sessions that sample ahead.
    """
    stored = read_checkpoint(folder)
    decoder = decoder_of(stored, device)
    return with_decoder(stored, TorchBackend(decoder, None if ahead is None else ahead(decoder)))


def arrange(decoder: Decoder) -> None:
    """Lay the matrices out in memory the way a step of one token reads them fastest.

    Matrices with the same input are stacked into one and become views of it, and all are stored
    column-major. Shapes and values stay the same.
    """
    for module in decoder.modules():
        if isinstance(module, Attention):
            module.fused = _stack(module.query, module.key, module.value)
        elif isinstance(module, SwiGLU):
            module.fused = _stack(module.gate, module.up)
    for module in decoder.modules():
        if isinstance(module, nn.Linear) and module.weight.is_contiguous():
            _stack(module)


def _stack(*layers: nn.Linear) -> Tensor:
    """Stack the layers' weights in one column-major matrix, of which they become views."""
    joined = torch.cat([layer.weight.data for layer in layers]).t().contiguous().t()
    sizes = [layer.out_features for layer in layers]
    for layer, part in zip(layers, torch.split(joined, sizes), strict=True):
        layer.weight.data = part
    return joined
