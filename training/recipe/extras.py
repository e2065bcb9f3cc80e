"""What is trained beside the decoder and in no checkpoint."""

from __future__ import annotations

import torch
from torch import nn

from training.recipe.presets import Preset


class Extras(nn.Module):
    """Heads for later characters and the vector of hidden ones, as a preset asks for them."""

    def __init__(self, preset: Preset, vocabulary: int, generator: torch.Generator) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Linear(preset.width, vocabulary, bias=False) for _ in range(preset.future)
        )
        self.mask: nn.Parameter | None = None
        if preset.masking and preset.masked_by == "token":
            self.mask = nn.Parameter(torch.empty(preset.width))
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.02, generator=generator)
