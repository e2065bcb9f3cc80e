"""A checkpoint: a folder with the weights, the shape, the vocabulary and how they came to be.

    model.safetensors   config.json   tokenizer.json   metrics.json   README.md (model card)

Nothing in it is ever unpickled: weights are safetensors, the rest is JSON. Everything is checked
before a decoder is handed out, and each failure names the file and what was expected of it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.config import DecoderConfig
from model.decoder import Decoder
from model.errors import CheckpointError
from model.files import replacing, write_text
from model.tokenizer import Tokenizer

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
METRICS = "metrics.json"
CARD = "README.md"
ID_LENGTH = 12
_DTYPES = (torch.bfloat16, torch.float16, torch.float32)


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint. `id` is the beginning of the SHA-256 of the weights file."""

    name: str
    id: str
    path: Path
    decoder: Decoder
    tokenizer: Tokenizer
    metrics: dict[str, Any]


def save_checkpoint(
    folder: Path,
    decoder: Decoder,
    tokenizer: Tokenizer,
    metrics: dict[str, Any],
    card: str,
    dtype: torch.dtype = torch.bfloat16,
) -> None:
    """Write a checkpoint; the weights file comes last, so a folder that has one is whole."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / CONFIG, decoder.config.to_json())
    _write_json(folder / TOKENIZER, tokenizer.to_json())
    _write_json(folder / METRICS, metrics)
    write_text(folder / CARD, card)
    weights = {
        name: tensor.detach().to("cpu", dtype).contiguous()
        for name, tensor in decoder.state_dict().items()
    }
    with replacing(folder / WEIGHTS) as temporary:
        save_file(weights, temporary, metadata={"format": "pt"})


def load_checkpoint(folder: Path, device: torch.device | str = "cpu") -> Checkpoint:
    """Load and check a checkpoint; the decoder is float32 and in evaluation mode.

    Raises CheckpointError, and then nothing of it is kept.
    """
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no such folder; a checkpoint is a folder with {WEIGHTS}")
    config = DecoderConfig.load(folder / CONFIG)
    tokenizer = Tokenizer.load(folder / TOKENIZER)
    if tokenizer.size != config.vocabulary:
        raise CheckpointError(
            f"{folder / TOKENIZER}: a vocabulary of {tokenizer.size}, but {CONFIG} expects "
            f"{config.vocabulary}"
        )
    weights, identity = _read_weights(folder / WEIGHTS)
    with torch.device("meta"):
        decoder = Decoder(config)
    _check_weights(folder / WEIGHTS, weights, decoder)
    decoder = Decoder(config)
    decoder.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    decoder.requires_grad_(False).eval().to(device)
    return Checkpoint(
        folder.resolve().name, identity, folder, decoder, tokenizer, _read_metrics(folder / METRICS)
    )


def _read_weights(path: Path) -> tuple[dict[str, Tensor], str]:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return load_file(path), digest[:ID_LENGTH]
    except FileNotFoundError:
        raise CheckpointError(f"{path}: missing; a checkpoint has its weights there") from None
    except SafetensorError as error:
        raise CheckpointError(
            f"{path}: truncated or not a safetensors file, nothing else is read ({error})"
        ) from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from None


def _check_weights(path: Path, weights: dict[str, Tensor], decoder: Decoder) -> None:
    expected = {name: tuple(tensor.shape) for name, tensor in decoder.state_dict().items()}
    if missing := sorted(expected.keys() - weights.keys()):
        raise CheckpointError(f"{path}: {len(missing)} tensors missing, such as {missing[0]!r}")
    if foreign := sorted(weights.keys() - expected.keys()):
        raise CheckpointError(f"{path}: {len(foreign)} unknown tensors, such as {foreign[0]!r}")
    for name, tensor in weights.items():
        if tuple(tensor.shape) != expected[name]:
            raise CheckpointError(
                f"{path}: {name!r} has shape {tuple(tensor.shape)}, expected {expected[name]}"
            )
        if tensor.dtype not in _DTYPES:
            raise CheckpointError(f"{path}: {name!r} is {tensor.dtype}, expected a float type")
        if not bool(torch.isfinite(tensor).all()):
            raise CheckpointError(f"{path}: {name!r} holds values that are not finite")


def _read_metrics(path: Path) -> dict[str, Any]:
    try:
        metrics = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path}: missing; a checkpoint has its figures there") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read as JSON ({error})") from None
    if not isinstance(metrics, dict):
        raise CheckpointError(f"{path}: expected an object")
    return metrics


def _write_json(path: Path, content: dict[str, Any]) -> None:
    write_text(path, json.dumps(content, ensure_ascii=False, indent=2) + "\n")
