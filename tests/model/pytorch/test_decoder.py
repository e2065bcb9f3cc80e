"""The decoder against independent arithmetic, with and without cache."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from model.checkpoint.config import DecoderConfig
from model.engine.sequence import context_window
from model.pytorch.backend import arrange
from model.pytorch.cache import KVCache
from model.pytorch.decoder import Decoder
from tests.conftest import vocabulary_of
from training.recipe.presets import PRESETS

SMALL_REFERENCE = DecoderConfig(
    "reference", 40, 32, 48, 3, 4, 96, scale_by_width=True, final_norm=False
)
SMALL_MODERN = DecoderConfig("modern", 40, 32, 48, 3, 4, 80)


def random_decoder(config: DecoderConfig, seed: int = 0) -> Decoder:
    """A decoder with random weights, including biases and norms."""
    decoder = Decoder(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in decoder.named_parameters():
            parameter.normal_(std=0.2, generator=generator)
            if "norm" in name and name.endswith("weight"):
                parameter.add_(1.0)
    return decoder.eval().requires_grad_(False)


@pytest.mark.parametrize(
    ("preset", "vocabulary", "count"),
    [("reference", 115, 19_294_323), ("base", 115, 19_097_856), ("small", 115, 4_879_872)],
)
def test_parameter_counts_are_published_ones(preset: str, vocabulary: int, count: int) -> None:
    with torch.device("meta"):
        assert Decoder(PRESETS[preset].config(vocabulary_of(vocabulary))).parameter_count == count


def plain_layer_norm(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + 1e-5) * weight + bias


def plain_reference(weights: dict[str, Tensor], config: DecoderConfig, tokens: list[int]) -> Tensor:
    """The published model, head by head and position by position, logits (T, V)."""
    rows = [
        weights["token_embedding.weight"][t] + weights["position_embedding.weight"][p]
        for p, t in enumerate(tokens)
    ]
    x = torch.stack(rows)
    for layer in range(config.layers):
        at = {k.split(".", 2)[2]: v for k, v in weights.items() if k.startswith(f"blocks.{layer}.")}
        normed = plain_layer_norm(x, at["attention_norm.weight"], at["attention_norm.bias"])
        heads = []
        for head in range(config.heads):
            part = slice(head * config.head_width, (head + 1) * config.head_width)
            query, key, value = (
                normed @ at[f"attention.{name}.weight"][part].T
                for name in ("query", "key", "value")
            )
            mixed = []
            for position in range(len(tokens)):
                # The published scale: the width of the embedding, not of the head.
                scores = key[: position + 1] @ query[position] / math.sqrt(config.width)
                mixed.append(torch.softmax(scores, 0) @ value[: position + 1])
            heads.append(torch.stack(mixed))
        x = x + torch.cat(heads, -1) @ at["attention.out.weight"].T + at["attention.out.bias"]
        normed = plain_layer_norm(x, at["feed_forward_norm.weight"], at["feed_forward_norm.bias"])
        hidden = normed @ at["feed_forward.up.weight"].T + at["feed_forward.up.bias"]
        hidden = hidden.clamp(min=0)
        x = x + hidden @ at["feed_forward.down.weight"].T + at["feed_forward.down.bias"]
    # The published code builds a final LayerNorm and never calls it.
    return x @ weights["head.weight"].T + weights["head.bias"]


def plain_rms(x: Tensor, weight: Tensor) -> Tensor:
    return x / torch.sqrt((x**2).mean(-1, keepdim=True) + 1e-6) * weight


def plain_rope(x: Tensor, position: int, theta: float) -> Tensor:
    half = x.shape[-1] // 2
    turned = x.clone()
    for i in range(half):
        angle = position * theta ** (-2 * i / x.shape[-1])
        a, b = float(x[i]), float(x[i + half])
        turned[i] = a * math.cos(angle) - b * math.sin(angle)
        turned[i + half] = b * math.cos(angle) + a * math.sin(angle)
    return turned


def plain_modern(weights: dict[str, Tensor], config: DecoderConfig, tokens: list[int]) -> Tensor:
    """RMSNorm, RoPE, QK-norm and SwiGLU written out, logits (T, V)."""
    x = torch.stack([weights["token_embedding.weight"][t] for t in tokens])
    for layer in range(config.layers):
        at = {k.split(".", 2)[2]: v for k, v in weights.items() if k.startswith(f"blocks.{layer}.")}
        normed = plain_rms(x, at["attention_norm.weight"])
        heads = []
        for head in range(config.heads):
            part = slice(head * config.head_width, (head + 1) * config.head_width)
            query, key, value = (
                normed @ at[f"attention.{name}.weight"][part].T
                for name in ("query", "key", "value")
            )
            query = plain_rms(query, at["attention.query_norm.weight"])
            key = plain_rms(key, at["attention.key_norm.weight"])
            query = torch.stack([plain_rope(q, p, config.rope_theta) for p, q in enumerate(query)])
            key = torch.stack([plain_rope(k, p, config.rope_theta) for p, k in enumerate(key)])
            scores = query @ key.T / math.sqrt(config.head_width)
            future = torch.ones_like(scores, dtype=torch.bool).triu(1)
            heads.append(torch.softmax(scores.masked_fill(future, -torch.inf), -1) @ value)
        x = x + torch.cat(heads, -1) @ at["attention.out.weight"].T
        normed = plain_rms(x, at["feed_forward_norm.weight"])
        gate = normed @ at["feed_forward.gate.weight"].T
        up = normed @ at["feed_forward.up.weight"].T
        x = x + (gate * torch.sigmoid(gate) * up) @ at["feed_forward.down.weight"].T
    return plain_rms(x, weights["norm.weight"]) @ weights["head.weight"].T


@pytest.mark.parametrize(
    ("config", "plain"), [(SMALL_REFERENCE, plain_reference), (SMALL_MODERN, plain_modern)]
)
def test_logits_equal_independent_implementation(config, plain) -> None:  # type: ignore[no-untyped-def]
    decoder = random_decoder(config)
    tokens = torch.randint(config.vocabulary, (20,), generator=torch.Generator().manual_seed(1))
    expected = plain(decoder.state_dict(), config, tokens.tolist())
    torch.testing.assert_close(decoder(tokens[None])[0], expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("config", [SMALL_REFERENCE, SMALL_MODERN], ids=["reference", "modern"])
def test_arrange_changes_no_logits_or_weights(config: DecoderConfig) -> None:
    plain, arranged = random_decoder(config), random_decoder(config)
    arrange(arranged)
    tokens = torch.arange(20)[None]
    torch.testing.assert_close(arranged(tokens), plain(tokens), atol=1e-4, rtol=1e-4)
    for name, tensor in plain.state_dict().items():
        assert torch.equal(arranged.state_dict()[name], tensor)


def test_published_scale_and_missing_norm_matter() -> None:
    tokens = torch.arange(10)[None]
    published = random_decoder(SMALL_REFERENCE)(tokens)
    scaled = random_decoder(replace(SMALL_REFERENCE, scale_by_width=False))(tokens)
    normed = random_decoder(replace(SMALL_REFERENCE, final_norm=True))(tokens)
    assert not torch.allclose(published, scaled, atol=1e-2)
    assert not torch.allclose(published, normed, atol=1e-2)


@pytest.mark.parametrize("config", [SMALL_REFERENCE, SMALL_MODERN], ids=["reference", "modern"])
@torch.inference_mode()
def test_cached_logits_equal_uncached_with_sliding_window(
    config: DecoderConfig,
) -> None:
    decoder = random_decoder(config)
    cache = KVCache(config, 3, torch.device("cpu"), torch.float32)
    text = torch.randint(config.vocabulary, (90,), generator=torch.Generator().manual_seed(2))
    held, row = 0, 2
    for length in range(1, len(text) + 1):
        tokens = context_window(text[:length].tolist(), config.context)
        assert 0 < len(tokens) <= config.context
        if held == len(tokens) - 1 and held:
            logits = decoder.decode(
                torch.tensor(tokens[-1:]), cache, torch.tensor([row]), torch.tensor([held])
            )[0]
        else:
            logits = decoder.prefill(torch.tensor(tokens), cache, row)
        held = len(tokens)
        torch.testing.assert_close(
            logits, decoder(torch.tensor([tokens]))[0, -1], atol=1e-4, rtol=1e-4
        )


@torch.inference_mode()
def test_slots_of_different_lengths_are_independent() -> None:
    config = SMALL_MODERN
    decoder = random_decoder(config)
    cache = KVCache(config, 4, torch.device("cpu"), torch.float32)
    texts = {0: [1, 2, 3], 3: [4, 5, 6, 7, 8, 9], 1: [10]}
    for row, tokens in texts.items():
        decoder.prefill(torch.tensor([39] * 20), cache, row)  # stale content of an earlier text
        decoder.prefill(torch.tensor(tokens), cache, row)
    logits = decoder.decode(
        torch.tensor([20, 21, 22]),
        cache,
        torch.tensor(list(texts)),
        torch.tensor([len(tokens) for tokens in texts.values()]),
    )
    for index, (tokens, last) in enumerate(zip(texts.values(), (20, 21, 22), strict=True)):
        alone = decoder(torch.tensor([[*tokens, last]]))[0, -1]
        torch.testing.assert_close(logits[index], alone, atol=1e-4, rtol=1e-4)


def test_window_keeps_author_and_moves_by_quarters() -> None:
    tokens = list(range(1000))
    assert context_window(tokens[:64], 64) == tokens[:64]
    assert context_window(tokens[:65], 64) == [0, *tokens[17:65]]
    assert context_window(tokens[:80], 64) == [0, *tokens[17:80]]
    assert context_window(tokens[:81], 64) == [0, *tokens[33:81]]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@torch.inference_mode()
def test_gpu_logits_equal_cpu() -> None:
    decoder = random_decoder(SMALL_MODERN)
    tokens = torch.arange(30)[None]
    expected = decoder(tokens)
    torch.testing.assert_close(decoder.cuda()(tokens.cuda()).cpu(), expected, atol=1e-3, rtol=1e-3)
