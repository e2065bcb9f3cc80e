"""What a step of training makes smaller: the next character's loss, and what is added to it.

- Teachers (arXiv 1503.02531): the divergence from the mean of their probabilities, which takes
  `teacher_weight` of the loss. They read the same characters, with none of them hidden.
- Characters further ahead (arXiv 2404.19737): a linear head each on what the decoder's own head
  reads. Their weight falls to nothing at two thirds of the run, and they are in no checkpoint.

Shapes: B windows of T characters, C width, V ids.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from model.pytorch.decoder import Decoder
from model.pytorch.device import fast_bfloat16
from model.text.tokenizer import Tokenizer
from training.data.dataset import IGNORE
from training.recipe.extras import Extras
from training.recipe.presets import Preset
from training.recipe.regularizers import InputMask, drop_branches

# From this share of a run on, nothing further ahead is predicted.
FUTURE_ENDS = 2 / 3


class Objective:
    """The loss of a decoder under a preset. It arms the decoder with the preset's regularisers."""

    def __init__(
        self,
        decoder: Decoder,
        extras: Extras,
        preset: Preset,
        tokenizer: Tokenizer,
        teachers: Sequence[Decoder],
    ) -> None:
        self._decoder, self._extras, self._preset = decoder, extras, preset
        self._teachers = tuple(teachers)
        # Asked here: a compiled loss cannot ask.
        self._halved = fast_bfloat16(decoder.device)
        self._mask = InputMask(preset, tokenizer, decoder.device)
        if extras.mask is not None:
            self._mask.attach(decoder.token_embedding, extras.mask)
        if preset.stochastic_depth:
            drop_branches(decoder, preset.stochastic_depth)

    def future_weight(self, fraction: float) -> Tensor | None:
        """The weight of what lies further ahead when `fraction` of the run is done, () float32.

        None where it is not predicted at all.
        """
        left = 1 - fraction / FUTURE_ENDS
        if not self._preset.future or left <= 0:
            return None
        # Filled on the device: copying a number there would wait for it.
        return torch.full((), self._preset.future_weight * left, device=self._decoder.device)

    def loss(
        self, inputs: Tensor, targets: Tensor, future_weight: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The loss to go down, and that of the next character alone; both () float32.

        inputs, targets: (B, T) int64, IGNORE where there is nothing to predict.
        """
        with self._mixed_precision(inputs):
            hidden = self._decoder.hidden(self._mask.tokens(inputs))
            logits = self._decoder.head(hidden).float()  # (B, T, V)
        plain = _cross_entropy(logits, targets)
        loss = plain
        if self._teachers:
            weight = self._preset.teacher_weight
            loss = (1 - weight) * plain + weight * self._divergence(inputs, logits, targets)
        if future_weight is not None:
            loss = loss + future_weight * self._future(hidden, targets)
        return loss, plain.detach()

    def _mixed_precision(self, tensor: Tensor) -> torch.autocast:
        return torch.autocast(tensor.device.type, torch.bfloat16, enabled=self._halved)

    def _future(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of the heads for later characters; hidden: (B, T, C)."""
        with self._mixed_precision(hidden):
            ahead = [head(hidden[:, :-far]) for far, head in enumerate(self._extras.heads, start=1)]
        losses = [
            _cross_entropy(logits.float(), targets[:, far:])
            for far, logits in enumerate(ahead, start=1)
        ]
        return torch.stack(losses).mean()

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


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORE)
