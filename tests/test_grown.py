"""The benchmarks' larger shape: the small model inside it writes as it does outside."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.decoders import BASE, stored
from benchmarks.grown import grow
from model.checkpoint.checkpoint import StoredCheckpoint
from model.pytorch.decoder import Decoder


def _logits(found: StoredCheckpoint, tokens: list[int]) -> np.ndarray:
    decoder = Decoder(found.config)
    decoder.load_state_dict({name: torch.from_numpy(held) for name, held in found.weights.items()})
    with torch.inference_mode():
        return decoder.eval()(torch.tensor([tokens]))[0].numpy()


def test_a_grown_checkpoint_gives_the_same_logits() -> None:
    small, base = stored("small"), stored("base")
    assert base.config.width == 2 * small.config.width
    text = small.tokenizer.encode("Era una noche de invierno, y el cura")
    tokens = [small.tokenizer.start, *text]
    np.testing.assert_allclose(_logits(base, tokens), _logits(small, tokens), atol=2e-3)


def test_incompatible_shape_is_refused() -> None:
    small = stored("small")
    with pytest.raises(ValueError, match="head_width"):
        grow(small, replace(BASE, heads=4), "base")
    with pytest.raises(ValueError, match="vocabulary"):
        grow(small, replace(BASE, vocabulary=115), "base")
