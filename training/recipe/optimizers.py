"""Muon for the matrices inside the blocks, AdamW for all other parameters.

Muon (K. Jordan, 2024) orthogonalises the momentum of a matrix; embeddings, head, norms and biases
are not maps between equal spaces and use AdamW (arXiv 1711.05101). The tables of the n-gram memory
have their own rate. Both optimisers update many tensors at a time.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from model.pytorch.decoder import Decoder
from training.recipe.muon import BatchedMuon
from training.recipe.presets import Preset


def make_optimizers(decoder: Decoder, preset: Preset) -> list[torch.optim.Optimizer]:
    """The optimisers of a preset; each group's `initial_lr` is its peak learning rate."""
    inner: list[Tensor] = []
    decayed: list[Tensor] = []
    plain: list[Tensor] = []
    tables: list[Tensor] = []
    for name, parameter in decoder.named_parameters():
        if name == "memory.tables":
            tables.append(parameter.requires_grad_(preset.memory_rate > 0))
        elif preset.muon_rate is not None and parameter.ndim == 2 and name.startswith("blocks."):
            inner.append(parameter)
        elif parameter.ndim == 2:
            decayed.append(parameter)
        else:
            plain.append(parameter)
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": preset.adam_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    if preset.memory_rate > 0 and tables:
        rate, decay = preset.memory_rate, preset.memory_decay
        groups.append({"params": tables, "lr": rate, "weight_decay": decay})
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(
            groups,
            lr=preset.adam_rate,
            betas=(0.9, 0.999) if preset.muon_rate is None else (0.9, 0.95),
            eps=1e-8 if preset.muon_rate is None else 1e-10,
            fused=True,
        )
    ]
    if preset.muon_rate is not None:
        rate, decay = preset.muon_rate, preset.muon_decay
        optimizers.append(BatchedMuon(inner, lr=rate, weight_decay=decay))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    return optimizers


def rate_factor(preset: Preset, step: int, progress: float) -> float:
    """The factor of the peak learning rates at `step`, with the share `progress` of the run done.

    Linear warm-up over `warmup` steps, then flat, then linear to a hundredth over the last `decay`.
    """
    warm = min(1.0, (step + 1) / preset.warmup) if preset.warmup else 1.0
    if preset.decay <= 0:
        return warm
    return warm * max(0.01, min(1.0, (1.0 - progress) / preset.decay))
