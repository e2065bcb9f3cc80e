"""Checkpoints whose decoder runs on torch: loading, for training and for any device, and saving.

What a checkpoint is and how it is checked is in `model.checkpoint.checkpoint`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from model.checkpoint.checkpoint import Checkpoint, read_checkpoint, writing_checkpoint
from model.pytorch.decoder import Decoder
from model.text.tokenizer import Tokenizer

TorchCheckpoint = Checkpoint[Decoder]


def load_checkpoint(folder: Path, device: torch.device | str = "cpu") -> TorchCheckpoint:
    """Load and check a checkpoint; the decoder is float32 and in evaluation mode.

    Raises CheckpointError, and then nothing of it is kept.
    """
    stored = read_checkpoint(folder)
    decoder = Decoder(stored.config)
    weights = {name: torch.from_numpy(array) for name, array in stored.weights.items()}
    decoder.load_state_dict(weights)
    decoder.requires_grad_(False).eval().to(device)
    decoder.arrange()
    return stored.with_decoder(decoder)


def save_checkpoint(
    folder: Path,
    decoder: Decoder,
    tokenizer: Tokenizer,
    metrics: dict[str, Any],
    card: str,
    dtype: torch.dtype = torch.bfloat16,
) -> None:
    """Write a checkpoint; the weights file comes last, so a folder that has one is whole."""
    weights = {
        name: tensor.detach().to("cpu", dtype).contiguous()
        for name, tensor in decoder.state_dict().items()
    }
    with writing_checkpoint(folder, decoder.config, tokenizer, metrics, card) as temporary:
        save_file(weights, temporary, metadata={"format": "pt"})
