"""Weights of a checkpoint in a larger shape, for `--init`.

A decoder may grow by characters and authors of its vocabulary, by layers, and by an n-gram memory.
At first it writes nearly as before: new layers add nothing, and so does a new memory.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from model.checkpoint.config import DecoderConfig
from model.pytorch.checkpoint import TorchCheckpoint
from model.pytorch.decoder import Decoder
from model.text.tokenizer import START, Tokenizer
from training.run.state import TrainingError

_BY_TOKEN = ("token_embedding.weight", "head.weight", "head.bias")
_GROWING = ("vocabulary", "layers", "memory", "dropout")


def joint_vocabulary(known: Tokenizer, wanted: Tokenizer) -> Tokenizer:
    """The vocabulary `known` with the authors and characters that only `wanted` has."""
    authors = dict.fromkeys((*known.styles, *wanted.styles))
    characters = dict.fromkeys(known.characters + wanted.characters)
    return Tokenizer(tuple(authors), "".join(characters))


@torch.no_grad()
def grow(decoder: Decoder, init: TorchCheckpoint, tokenizer: Tokenizer) -> None:
    """Fill a fresh decoder for `tokenizer` with the weights of `init`; see check_growth."""
    old, new = init.decoder.state_dict(), decoder.state_dict()
    for name, tensor in old.items():
        if name in _BY_TOKEN:
            new[name].copy_(_by_token(tensor, new[name], init.tokenizer, tokenizer))
        elif not name.startswith("memory."):
            new[name].copy_(tensor)
    if decoder.memory is None or decoder.embedding_norm is None:
        return
    if init.decoder.memory is not None:
        decoder.memory.load_state_dict(init.decoder.memory.state_dict())
    else:
        decoder.memory.mix.weight.zero_()
        embedding = old["token_embedding.weight"]
        decoder.embedding_norm.weight.fill_(float(embedding.square().mean().sqrt()))


def check_growth(init: TorchCheckpoint, wanted: DecoderConfig) -> None:
    """Raise TrainingError where `init` cannot grow into the shape `wanted`."""
    had = init.decoder.config
    for name, value in wanted.to_json().items():
        if name not in _GROWING and had.to_json()[name] != value:
            raise TrainingError(
                f"{init.path}: has {name} = {had.to_json()[name]!r}, the preset {value!r}; choose "
                f"another preset or --set {name}={had.to_json()[name]}"
            )
    if had.layers > wanted.layers:
        raise TrainingError(
            f"{init.path}: has {had.layers} layers, the preset {wanted.layers}; a decoder grows, "
            f"it does not shrink: --set layers={had.layers}"
        )
    if had.memory is not None and _shape(had) != _shape(wanted):
        raise TrainingError(
            f"{init.path}: has another n-gram memory than the preset; choose its preset, or --set "
            "the fields memory_… of its metrics.json"
        )


def _shape(config: DecoderConfig) -> object:
    """A memory without the vocabulary, which may grow, and without what only training knows."""
    return config.memory and replace(config.memory, symbols=(), letters=(), dropout=0.0)


def _by_token(old: Tensor, new: Tensor, before: Tokenizer, after: Tokenizer) -> Tensor:
    """Rows (V, C), or biases (V,), by the tokens of `after`: an author that `before` lacks begins
    as no author."""
    rows = new.clone()
    rows[START], rows[after.separator] = old[START], old[before.separator]
    for style in after.styles:
        known = style if style in before.styles else None
        rows[after.style_id(style)] = old[before.style_id(known)]
    for character, token in after.character_ids.items():
        if (place := before.character_ids.get(character)) is not None:
            rows[token] = old[place]
    return rows
