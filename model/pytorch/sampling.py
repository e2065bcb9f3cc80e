"""Sampling the next token of each sequence from its logits."""

from __future__ import annotations

import torch
from torch import Tensor


def sample(
    logits: Tensor, temperature: Tensor, top_p: Tensor, uniform: Tensor
) -> tuple[Tensor, Tensor]:
    """Sample one id per sequence: ids (B,) int64, and log-probabilities at temperature 1, (B,).

    logits: (B, V) float32, -inf for excluded ids.
    temperature: (B,); 0 selects the most likely id.
    top_p: (B,); keeps the smallest set of ids with that probability (nucleus sampling, arXiv
    1904.09751).
    uniform: (B,) in [0, 1), selects the id, so that a text depends on its own seed and not on the
    batch.
    """
    # Dividing by a smaller temperature may overflow: it counts as zero.
    greedy = temperature < 1e-3
    safe = temperature.masked_fill(greedy, 1.0)
    probabilities, order = torch.softmax(logits / safe[:, None], -1).sort(-1, descending=True)
    before = probabilities.cumsum(-1) - probabilities
    kept = probabilities.masked_fill(before >= top_p[:, None], 0.0)
    # The most likely id survives any top_p; with temperature 0 it is the only one.
    kept[:, 0] = probabilities[:, 0]
    kept[:, 1:].masked_fill_(greedy[:, None], 0.0)
    cumulative = kept.cumsum(-1)
    places = (cumulative <= uniform[:, None] * cumulative[:, -1:]).sum(-1, keepdim=True)
    # Rounding may put the target after the last kept id: take that one.
    last = (kept > 0).sum(-1, keepdim=True) - 1
    drawn = order.gather(-1, torch.minimum(places, last))
    return drawn[:, 0], logits.log_softmax(-1).gather(-1, drawn)[:, 0]
