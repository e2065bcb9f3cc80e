"""Fixtures for all tests: one thread (machines may be small) and tiny checkpoints."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

from model.checkpoint.config import DecoderConfig
from model.checkpoint.memory_keys import MemoryConfig, letters_of, symbols_of
from model.pytorch.checkpoint import save_checkpoint
from model.pytorch.decoder import Decoder
from model.text.tokenizer import Tokenizer

torch.set_num_threads(1)

REPOSITORY = Path(__file__).parent.parent
SHARED_CORPUS = REPOSITORY.parent / "shared" / "corpus"

LETTERS = "abcdefghijklmnñopqrstuvwxyzáéíóúü"
CHARACTERS = " " + "0123456789.,;:!?¡¿«»()\"'—-" + LETTERS + LETTERS.upper()
TINY_TOKENIZER = Tokenizer(("cervantes", "galdos"), "".join(sorted(set(CHARACTERS))))
# Full stops become rare among these letters, and without other punctuation sentences reach their
# limit.
FOREIGN = "".join(map(chr, range(0x430, 0x460))) + "".join(map(chr, range(0x4E00, 0x4F00)))
ENDLESS_TOKENIZER = Tokenizer(
    TINY_TOKENIZER.styles,
    "".join(each for each in TINY_TOKENIZER.characters if each not in "!?,;:—-") + FOREIGN,
)


def vocabulary_of(size: int) -> Tokenizer:
    """A vocabulary of `size` tokens without markers."""
    return Tokenizer((), " ." + "".join(map(chr, range(0x4E00, 0x4E00 + size - 2))), marked=False)


def tiny_config(tokenizer: Tokenizer = TINY_TOKENIZER, context: int = 96) -> DecoderConfig:
    """The architecture of the tests' decoders."""
    return DecoderConfig("modern", tokenizer.size, context, 32, 2, 2, 64)


def tiny_memory(tokenizer: Tokenizer = TINY_TOKENIZER, context: int = 96) -> DecoderConfig:
    """The same with an n-gram memory."""
    symbols, letters = symbols_of(tokenizer), letters_of(tokenizer)
    memory = MemoryConfig((1, 2, 3, 5), (1, 2), 211, 12, symbols, letters)
    return replace(tiny_config(tokenizer, context), memory=memory)


def save_tiny(
    folder: Path,
    seed: int = 0,
    context: int = 96,
    tokenizer: Tokenizer = TINY_TOKENIZER,
    config: DecoderConfig | None = None,
) -> Path:
    """Save an untrained checkpoint with large random weights; return the folder."""
    decoder = Decoder(config or tiny_config(tokenizer, context))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in decoder.parameters():
            if parameter.ndim >= 2:
                parameter.normal_(std=0.15, generator=generator)
    metrics = {"preset": "tiny", "parameters": decoder.parameter_count, "dev_loss": None}
    save_checkpoint(folder, decoder, tokenizer, metrics, "# tiny\n")
    return folder


@pytest.fixture
def tiny_checkpoint(tmp_path: Path) -> Path:
    """A checkpoint folder named `tiny`, alone in its parent."""
    return save_tiny(tmp_path / "checkpoints" / "tiny")


@pytest.fixture
def memory_checkpoint(tmp_path: Path) -> Path:
    """A checkpoint folder named `memory`, with an n-gram memory."""
    return save_tiny(tmp_path / "checkpoints" / "memory", config=tiny_memory())
