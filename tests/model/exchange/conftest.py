"""The bundled checkpoint, and what it writes when the likeliest character always comes next."""

from __future__ import annotations

import os

import numpy as np
import pytest

from model.checkpoint.checkpoint import StoredCheckpoint, read_checkpoint
from model.checkpoint.discovery import bundled_checkpoints
from model.pytorch.checkpoint import TorchCheckpoint, load_checkpoint

# Nothing is fetched, whatever these libraries would like to look up.
os.environ["HF_HUB_OFFLINE"] = "1"

SMALL = bundled_checkpoints() / "small"


@pytest.fixture(scope="session")
def small() -> TorchCheckpoint:
    return load_checkpoint(SMALL)


@pytest.fixture(scope="session")
def stored() -> StoredCheckpoint:
    return read_checkpoint(SMALL)


def likeliest(checkpoint: TorchCheckpoint, phrase: str, characters: int) -> list[int]:
    """Phrase and continuation as tokens, whatever they are."""
    tokens = [checkpoint.tokenizer.start, *checkpoint.tokenizer.encode(phrase)]
    session = checkpoint.decoder.session(1, np.zeros((1, checkpoint.tokenizer.size), np.float32))
    session.prefill(0, tokens)
    for _ in range(characters):
        tokens += session.draw([0], [0], [0.0], [1.0], [0.0])[0]
        session.decode([0], tokens[-1:], [len(tokens) - 1], [0])
    return tokens
