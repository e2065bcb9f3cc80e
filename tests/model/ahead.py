"""For the tests of writing ahead: a checkpoint as it would be written on a GPU, on any device."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.gpu.ways import Backing, Way
from model.checkpoint.checkpoint import Checkpoint
from model.engine.backend import Backend
from model.pytorch.checkpoint import load_checkpoint


def load_ahead(
    folder: Path,
    kernels: bool = False,
    graphs: bool = False,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Checkpoint[Backend]:
    """kernels, graphs: see model.cuda.graphs.Abilities; dtype: of matrices and cache."""
    loaded = load_checkpoint(folder, device)
    way = Way("", kernels=kernels, graphs=graphs)
    ahead: Checkpoint[Backend] = replace(loaded, decoder=Backing(loaded.decoder, way, dtype))  # type: ignore[arg-type]
    return ahead
