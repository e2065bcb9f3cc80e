"""From logits to the next token of each text."""

from __future__ import annotations

import torch
from torch import Tensor


def sample(
    logits: Tensor, temperature: Tensor, top_p: Tensor, uniform: Tensor
) -> tuple[Tensor, Tensor]:
    """Draw one id per row: ids (B,) int64, and their log-probabilities at temperature 1, (B,).

    logits: (B, V) float32, -inf for what must not be drawn; temperature, top_p, uniform: (B,).
    Temperature 0 takes the most likely id. `top_p` keeps the smallest set of ids that holds that
    much probability (nucleus sampling, arXiv 1904.09751). `uniform` in [0, 1) decides the draw, so
    that a text follows from its own seed whatever else is in the batch.
    """
    # So cold that dividing by it may overflow is as good as zero.
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
    # Rounding may put the draw behind the last kept id; take that one.
    last = (kept > 0).sum(-1, keepdim=True) - 1
    drawn = order.gather(-1, torch.minimum(places, last))
    return drawn[:, 0], logits.log_softmax(-1).gather(-1, drawn)[:, 0]
