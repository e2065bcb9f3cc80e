"""Loading and saving checkpoints whose decoder is the PyTorch module.

`model.checkpoint.checkpoint` defines the files and their checks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from model.checkpoint.checkpoint import StoredCheckpoint, read_checkpoint, writing_checkpoint
from model.engine.loaded_model import LoadedModel, with_decoder
from model.pytorch.decoder import Decoder
from model.text.tokenizer import Tokenizer

TorchCheckpoint = LoadedModel[Decoder]


def load_checkpoint(folder: Path, device: torch.device | str = "cpu") -> TorchCheckpoint:
    """Load and check a checkpoint; the decoder is float32, without gradients, in evaluation mode.

    `model.pytorch.backend.load_pytorch` loads one that serves. Raises CheckpointError.
    """
    stored = read_checkpoint(folder)
    return with_decoder(stored, decoder_of(stored, device))


def decoder_of(stored: StoredCheckpoint, device: torch.device | str = "cpu") -> Decoder:
    """A decoder with the stored weights, float32, without gradients, in evaluation mode."""
    decoder = Decoder(stored.config)
    decoder.load_state_dict({name: torch.from_numpy(w) for name, w in stored.weights.items()})
    return decoder.requires_grad_(False).eval().to(device)


def save_checkpoint(
    folder: Path,
    decoder: Decoder,
    tokenizer: Tokenizer,
    metrics: dict[str, Any],
    card: str,
    dtype: torch.dtype = torch.bfloat16,
) -> None:
    """Write a checkpoint, the weights file last: a folder that has one is complete."""
    weights = {
        name: tensor.detach().to("cpu", dtype).contiguous()
        for name, tensor in decoder.state_dict().items()
    }
    with writing_checkpoint(folder, decoder.config, tokenizer, metrics, card) as temporary:
        save_file(weights, temporary, metadata={"format": "pt"})
