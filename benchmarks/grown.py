"""A small checkpoint inside the weights of a larger shape, which then writes the same texts.

The time of a step does not depend on the weights, but the acceptance of speculative tokens does. So
a shape without a trained checkpoint is measured with the small model's weights, in wider matrices
whose other entries are zero. The texts of a trained one will be easier to predict, not harder.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from model.arrays import Floats
from model.checkpoint.checkpoint import StoredCheckpoint
from model.checkpoint.config import DecoderConfig

# Norms over the width: half of the entries are zero, which halves the mean square.
_NORMS = ("attention_norm.weight", "feed_forward_norm.weight")


def grow(stored: StoredCheckpoint, config: DecoderConfig, name: str) -> StoredCheckpoint:
    """The same function in a larger shape; raises ValueError where that cannot be done.

    Heads must be as wide and positions turned as before, and the vocabulary stays: a token more
    could be drawn.
    """
    small = stored.config
    alike = ("family", "vocabulary", "head_width", "rope_theta", "final_norm", "scale_by_width")
    if different := [each for each in alike if getattr(small, each) != getattr(config, each)]:
        raise ValueError(f"a shape with another {different[0]} cannot hold these weights")
    if config.family != "modern":
        raise ValueError("a LayerNorm would subtract another mean")
    weights = {}
    for tensor, size in config.tensors().items():
        held = stored.weights.get(tensor)
        # An additional layer adds nothing to the residual stream; its norms must only exist.
        weights[tensor] = np.zeros(size, np.float32) if held is None else _padded(held, size)
    shrink = math.sqrt(small.width / config.width)
    for tensor in weights:
        if tensor == "norm.weight" or tensor.endswith(_NORMS):
            weights[tensor] *= shrink
    return replace(stored, path=stored.path.with_name(name), config=config, weights=weights)


def _padded(weights: Floats, size: tuple[int, ...]) -> Floats:
    missing = [(0, most - held) for most, held in zip(size, weights.shape, strict=True)]
    return np.pad(weights, missing)
