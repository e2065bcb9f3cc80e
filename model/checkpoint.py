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
from typing import Any, NoReturn

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from model.checkpoint_files import CARD, CONFIG, METRICS, TOKENIZER, WEIGHTS
from model.config import DecoderConfig
from model.decoder import Decoder
from model.errors import CheckpointError
from model.files import read_json_object, replacing, write_text
from model.tokenizer import Tokenizer

ID_LENGTH = 12
_FAR_LARGER = 20
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
        raise CheckpointError("no_folder", file=str(folder))
    config = DecoderConfig.load(folder / CONFIG)
    tokenizer = Tokenizer.load(folder / TOKENIZER)
    if tokenizer.size != config.vocabulary:
        raise CheckpointError(
            "vocabulary",
            file=str(folder / TOKENIZER),
            found=tokenizer.size,
            expected=config.vocabulary,
        )
    weights, identity = _read_weights(folder / WEIGHTS)
    _check_size(folder / CONFIG, config, weights)
    decoder = Decoder(config)
    _check_weights(folder / WEIGHTS, weights, decoder)
    decoder.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    decoder.requires_grad_(False).eval().to(device)
    decoder.arrange()
    return Checkpoint(
        folder.resolve().name,
        identity,
        folder,
        decoder,
        tokenizer,
        read_json_object(folder / METRICS),
    )


def _read_weights(path: Path) -> tuple[dict[str, Tensor], str]:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return load_file(path), digest[:ID_LENGTH]
    except FileNotFoundError:
        raise CheckpointError("missing", file=str(path)) from None
    except SafetensorError:
        raise CheckpointError("not_weights", file=str(path)) from None
    except OSError as error:
        raise CheckpointError("unreadable", file=str(path), reason=error.strerror) from None


def _check_size(path: Path, config: DecoderConfig, weights: dict[str, Tensor]) -> None:
    """Refuse a shape so much larger than the weights that building it could fill the memory.

    (Building it on the `meta` device would cost no memory, and a second of imports each start.)
    """
    held = sum(tensor.numel() for tensor in weights.values())
    block = 2 * config.width * (2 * config.width + config.feed_forward)
    if config.layers * block + 2 * config.vocabulary * config.width > _FAR_LARGER * held:
        problem = "describes a decoder far larger than the weights beside it"
        raise CheckpointError("content", file=str(path), problem=problem)


def _check_weights(path: Path, weights: dict[str, Tensor], decoder: Decoder) -> None:
    expected = {name: _shape(tensor) for name, tensor in decoder.state_dict().items()}
    found = {name: _shape(tensor) for name, tensor in weights.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            _refuse(path, name, found.get(name, "missing"), expected.get(name, "no such tensor"))
    for name, tensor in weights.items():
        if tensor.dtype not in _DTYPES:
            _refuse(path, name, str(tensor.dtype), "a floating-point type")
        if not bool(torch.isfinite(tensor).all()):
            _refuse(path, name, "not finite everywhere", "finite numbers")


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape))


def _refuse(path: Path, tensor: str, found: str, expected: str) -> NoReturn:
    raise CheckpointError("tensor", file=str(path), tensor=tensor, found=found, expected=expected)


def _write_json(path: Path, content: dict[str, Any]) -> None:
    write_text(path, json.dumps(content, ensure_ascii=False, indent=2) + "\n")
