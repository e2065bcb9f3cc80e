"""Helpers for the native kernel: PyTorch's decoder with the kernel's rounding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from model.arrays import Floats
from model.checkpoint.config import DecoderConfig
from model.checkpoint.memory_keys import MemoryConfig
from model.native.decoder import NativeDecoder, NativeSession, set_threads
from model.pytorch.cache import KVCache
from model.pytorch.decoder import Decoder
from model.pytorch.memory import Memory


class RoundedLinear(nn.Module):
    """A linear layer whose weights (a row) and inputs (a vector) are rounded to 8 bits."""

    def __init__(self, plain: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = rounded(plain.weight), plain.bias

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(rounded(x), self.weight, self.bias)


class RoundedAttention(TorchFunctionMode):
    """Attention with queries, keys and values of 8 bits and weights of 14."""

    def __torch_function__(self, function, types, arguments=(), named=None):  # type: ignore[no-untyped-def]
        named = named or {}
        if function is not F.scaled_dot_product_attention:
            return function(*arguments, **named)
        query, keys, values = map(rounded, arguments)  # (B, H, T, D)
        scores = query @ keys.mT * named["scale"]
        weights = (scores - scores.amax(-1, keepdim=True)).exp()
        scales = values.abs().amax(-1) / 127  # (B, H, T)
        products = weights * scales.unsqueeze(-2)
        most = products.amax(-1, keepdim=True)
        products = torch.round(products * (16383 / most)) * (most / 16383)
        numbers = torch.where(scales[..., None] > 0, values / scales[..., None], 0)
        return products @ numbers / weights.sum(-1, keepdim=True)


def rounded(x: Tensor) -> Tensor:
    """Round to multiples of 1/127 of the largest number of each vector."""
    most = x.abs().amax(-1, keepdim=True)
    return torch.round(x * torch.where(most > 0, 127 / most, 0)) * (most / 127)


def round_layers(module: nn.Module) -> None:
    """Replace all linear layers by rounded ones, and round the rows of the memory's tables."""
    if isinstance(module, Memory):
        module.tables.copy_(rounded(module.tables))
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, RoundedLinear(child))
        else:
            round_layers(child)


def rounded_logits(decoder: Decoder, tokens: Sequence[int]) -> Floats:
    """Logits (T, V) after every token, of a decoder with rounded layers."""
    cache = KVCache(decoder.config, 1, torch.device("cpu"), torch.float32)
    row = torch.tensor([0])
    with torch.inference_mode(), RoundedAttention():
        made = [
            decoder.decode(torch.tensor([token]), cache, row, torch.tensor([position]))[0]
            for position, token in enumerate(tokens)
        ]
    return torch.stack(made).numpy()


def remembering(
    config: DecoderConfig,
    orders: tuple[int, ...],
    words: tuple[int, ...],
    rows: int = 97,
    width: int = 20,
) -> DecoderConfig:
    """The same shape with an n-gram memory in which two of three ids are letters."""
    ids = range(config.vocabulary)
    letters = tuple(97 + each if each % 3 else 0 for each in ids)
    symbols = tuple(1 + each for each in ids)
    memory = MemoryConfig(orders, words, rows, width, symbols, letters)
    return replace(config, memory=memory)


def native_of(decoder: Decoder, instructions: str | None = None) -> NativeDecoder:
    """The same weights in the kernel."""
    weights = {name: tensor.numpy() for name, tensor in decoder.state_dict().items()}
    return NativeDecoder(decoder.config, weights, instructions)


def memory_rows(decoder: NativeDecoder, tokens: Sequence[int]) -> list[list[int]]:
    """The kernel's n-gram rows after every token of a text."""
    assert decoder.config.memory is not None
    read = np.array(tokens, np.int32)
    found = np.empty((len(tokens), decoder.config.memory.tables), np.uint32)
    addresses = read.ctypes.data, found.ctypes.data
    tables = decoder.library.lg_memory_rows(decoder.handle, len(tokens), *addresses)
    assert tables == decoder.config.memory.tables
    rows: list[list[int]] = found.tolist()
    return rows


def session_of(decoder: NativeDecoder, rows: int) -> NativeSession:
    """A session whose only mask allows everything."""
    return decoder.session(rows, np.zeros((1, decoder.config.vocabulary), np.float32))


def some_tokens(config: DecoderConfig, count: int, seed: int = 0) -> list[int]:
    """Random tokens."""
    tokens: list[int] = np.random.default_rng(seed).integers(config.vocabulary, size=count).tolist()
    return tokens


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with `count` threads in the body; tests use one otherwise."""
    set_threads(count)
    try:
        yield
    finally:
        set_threads(1)
