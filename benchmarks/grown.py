"""A small checkpoint inside the weights of a larger shape, which then writes the same texts.

How long a step takes does not depend on what the weights are; how often a guess comes true does.
So a shape that nobody has trained yet is measured with weights that write like a trained one: the
small model's, in wider matrices whose other entries are zero. What it is trained to write one day
will be easier to guess, not harder.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from model.arrays import Floats
from model.checkpoint.checkpoint import StoredCheckpoint
from model.checkpoint.config import DecoderConfig

# Norms over the width: half of the numbers being zero, their mean square is half of what it was.
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
        # A layer more adds nothing to what it is given; its norms only have to be there.
        weights[tensor] = np.zeros(size, np.float32) if held is None else _padded(held, size)
    shrink = math.sqrt(small.width / config.width)
    for tensor in weights:
        if tensor == "norm.weight" or tensor.endswith(_NORMS):
            weights[tensor] *= shrink
    return replace(stored, path=stored.path.with_name(name), config=config, weights=weights)


def _padded(weights: Floats, size: tuple[int, ...]) -> Floats:
    missing = [(0, most - held) for most, held in zip(size, weights.shape, strict=True)]
    return np.pad(weights, missing)
