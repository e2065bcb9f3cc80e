"""The bundled checkpoint and its greedy continuations."""

from __future__ import annotations

import os

import numpy as np
import pytest

from model.checkpoint.checkpoint import StoredCheckpoint, read_checkpoint
from model.checkpoint.discovery import bundled_checkpoints
from model.pytorch.checkpoint import TorchCheckpoint, load_checkpoint
from model.pytorch.session import TorchSession

# Keeps these libraries from fetching anything.
os.environ["HF_HUB_OFFLINE"] = "1"

SMALL = bundled_checkpoints() / "small"


@pytest.fixture(scope="session")
def small() -> TorchCheckpoint:
    return load_checkpoint(SMALL)


@pytest.fixture(scope="session")
def stored() -> StoredCheckpoint:
    return read_checkpoint(SMALL)


def likeliest(checkpoint: TorchCheckpoint, phrase: str, characters: int) -> list[int]:
    """The tokens of a phrase and its greedy continuation."""
    tokens = [checkpoint.tokenizer.start, *checkpoint.tokenizer.encode(phrase)]
    session = TorchSession(
        checkpoint.decoder, 1, np.zeros((1, checkpoint.tokenizer.size), np.float32)
    )
    session.prefill(0, tokens)
    for _ in range(characters):
        tokens += session.sample([0], [0], [0.0], [1.0], [0.0])[0]
        session.decode([0], tokens[-1:], [len(tokens) - 1], [0])
    return tokens
