"""A checkpoint that is sampled ahead, as on a GPU, on any device."""

from __future__ import annotations

from pathlib import Path

import torch

from model.cuda.graphs import Abilities
from model.cuda.selection import CudaSessions
from model.engine.backend import Backend
from model.engine.loaded_model import LoadedModel
from model.pytorch.backend import load_pytorch


def load_ahead(
    folder: Path,
    kernels: bool = False,
    graphs: bool = False,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> LoadedModel[Backend]:
    """kernels, graphs: see model.cuda.graphs.Abilities; dtype: of matrices and cache."""
    abilities = Abilities(kernels, graphs)
    return load_pytorch(folder, device, lambda decoder: CudaSessions(decoder, abilities, dtype))
