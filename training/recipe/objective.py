"""The training loss: the next character's cross-entropy, and distillation from teachers.

Teachers (arXiv 1503.02531) add the divergence from the mean of their probabilities, which takes
`teacher_weight` of the loss. They read the same characters.

Shapes: B windows of T characters, C width, V ids.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from model.pytorch.decoder import Decoder
from model.pytorch.device import fast_bfloat16
from training.data.dataset import IGNORE
from training.recipe.presets import Preset


class Objective:
    """The loss of a decoder under a preset."""

    def __init__(self, decoder: Decoder, preset: Preset, teachers: Sequence[Decoder]) -> None:
        self._decoder, self._preset, self._teachers = decoder, preset, tuple(teachers)
        # A compiled loss cannot query the device.
        self._halved = fast_bfloat16(decoder.device)

    def loss(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The loss to minimise, and the cross-entropy alone, which takes no gradient; () float32.

        inputs, targets: (B, T) int64; IGNORE in `targets` where there is nothing to predict.
        """
        with self._mixed_precision(inputs):
            logits = self._decoder.head(self._decoder.hidden(inputs)).float()  # (B, T, V)
        plain = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORE)
        loss = plain
        if self._teachers:
            weight = self._preset.teacher_weight
            loss = (1 - weight) * plain + weight * self._divergence(inputs, logits, targets)
        return loss, plain.detach()

    def _mixed_precision(self, tensor: Tensor) -> torch.autocast:
        return torch.autocast(tensor.device.type, torch.bfloat16, enabled=self._halved)

    def _divergence(self, inputs: Tensor, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean KL divergence from the teachers, times the square of the temperature."""
        temperature = self._preset.teacher_temperature
        with torch.no_grad(), self._mixed_precision(inputs):
            opinions = [F.softmax(each(inputs) / temperature, dim=-1) for each in self._teachers]
            taught = torch.stack(opinions).mean(0)
        own = F.log_softmax(logits / temperature, dim=-1)
        divergence = F.kl_div(own, taught, reduction="none").sum(-1)  # (B, T)
        counted = targets != IGNORE
        return (divergence * counted).sum() / counted.sum() * temperature**2
