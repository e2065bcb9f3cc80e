"""The transformer decoder, in two families with one interface.

`reference` is LitteraGPT as published (after A. Karpathy's lesson on a character-level GPT).
`modern` is the block of `Qwen3ForCausalLM`: RMSNorm (arXiv 1910.07467), RoPE (2104.09864), QK-norm
(2302.05442) and SwiGLU (2002.05202), so that other engines can load it. The module knows token ids
and positions, and nothing about text, sampling or serving (see model.pytorch.backend).

Shapes: B sequences in a batch, T tokens each, C width, H heads of width D, V ids in the vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.checkpoint.config import DecoderConfig
from model.checkpoint.memory_keys import LOOKBACK
from model.pytorch.cache import KVCache
from model.pytorch.memory import Memory


@dataclass(frozen=True)
class Step:
    """The cache slots and positions of the tokens in one cached call."""

    cache: KVCache
    slots: Tensor  # (B,) int64
    positions: Tensor  # (B, T) int64
    upto: int
    # (B, 1, T, upto) bool, true where a query may look; None: at all `upto` keys.
    mask: Tensor | None


class RMSNorm(nn.Module):
    """x / rms(x) · weight, written out: for a single token it takes a third of the time of
    torch.nn.RMSNorm."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


class Attention(nn.Module):
    """Causal self-attention of either family."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        modern = config.family == "modern"
        width = config.width
        self.heads, self.head_width = config.heads, config.head_width
        self.scale = config.attention_scale
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=not modern)
        self.query_norm = RMSNorm(config.head_width, eps=1e-6) if modern else None
        self.key_norm = RMSNorm(config.head_width, eps=1e-6) if modern else None
        self.fused: Tensor | None = None  # see model.pytorch.backend.arrange
        self.weight_dropout = 0.0 if modern else config.dropout
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, x: Tensor, rotation: tuple[Tensor, Tensor] | None, step: Step | None, layer: int
    ) -> Tensor:
        batch, length, width = x.shape
        split = (batch, length, self.heads, self.head_width)
        if self.fused is None:
            parts: tuple[Tensor, ...] = (self.query(x), self.key(x), self.value(x))
        else:
            parts = torch.split(F.linear(x, self.fused), width, -1)
        query, key, value = (part.view(split).transpose(1, 2) for part in parts)  # (B, H, T, D)
        if self.query_norm is not None and self.key_norm is not None:
            query, key = self.query_norm(query.float()), self.key_norm(key.float())
        if rotation is not None:
            query, key = rotate(query, *rotation), rotate(key, *rotation)
        query, key = query.to(value.dtype), key.to(value.dtype)
        if step is None:
            mixed = F.scaled_dot_product_attention(
                query,
                key,
                value,
                is_causal=True,
                dropout_p=self.weight_dropout if self.training else 0.0,
                scale=self.scale,
            )
        else:
            keys, values = step.cache.extend(
                layer, step.slots, step.positions, key, value, step.upto
            )
            mixed = F.scaled_dot_product_attention(
                query, keys, values, attn_mask=step.mask, scale=self.scale
            )
        projected: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        return self.dropout(projected)  # type: ignore[no-any-return]


class SwiGLU(nn.Module):
    """`modern` feed-forward: down(silu(gate x) · up x)."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.gate = nn.Linear(config.width, config.feed_forward, bias=False)
        self.up = nn.Linear(config.width, config.feed_forward, bias=False)
        self.down = nn.Linear(config.feed_forward, config.width, bias=False)
        self.fused: Tensor | None = None  # see model.pytorch.backend.arrange
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        if self.fused is None:
            gate, up = self.gate(x), self.up(x)
        else:
            gate, up = F.linear(x, self.fused).chunk(2, -1)
        out: Tensor = self.dropout(self.down(F.silu(gate) * up))
        return out


class ReLUNetwork(nn.Module):
    """`reference` feed-forward: two biased layers with ReLU between."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.up = nn.Linear(config.width, config.feed_forward)
        self.down = nn.Linear(config.feed_forward, config.width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.dropout(self.down(F.relu(self.up(x))))
        return out


def _norm(config: DecoderConfig) -> nn.Module:
    if config.family == "modern":
        return RMSNorm(config.width, eps=1e-6)
    return nn.LayerNorm(config.width)


class Block(nn.Module):
    """One layer: attention and feed-forward, each on a normalised copy and added back."""

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.attention_norm = _norm(config)
        self.attention = Attention(config)
        self.feed_forward_norm = _norm(config)
        self.feed_forward = SwiGLU(config) if config.family == "modern" else ReLUNetwork(config)

    def forward(
        self, x: Tensor, rotation: tuple[Tensor, Tensor] | None, step: Step | None, layer: int
    ) -> Tensor:
        x = x + self.attention(self.attention_norm(x), rotation, step, layer)
        return x + self.feed_forward(self.feed_forward_norm(x))  # type: ignore[no-any-return]


class Decoder(nn.Module):
    """Token ids to logits. Built untrained; `model.pytorch.checkpoint` loads the weights."""

    cosines: Tensor
    sines: Tensor

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.token_embedding = nn.Embedding(config.vocabulary, config.width)
        if config.family == "reference":
            self.position_embedding = nn.Embedding(config.context, config.width)
        else:
            cosines, sines = rotations(config)
            self.register_buffer("cosines", cosines, persistent=False)
            self.register_buffer("sines", sines, persistent=False)
        self.memory = self.embedding_norm = None
        if config.memory is not None:
            self.memory = Memory(config.memory, config.width)
            self.embedding_norm = RMSNorm(config.width, eps=1e-6)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = _norm(config)
        self.head = nn.Linear(config.width, config.vocabulary, bias=config.family == "reference")

    @property
    def parameter_count(self) -> int:
        """The number of trainable parameters."""
        return sum(parameter.numel() for parameter in self.parameters())

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return self.head.weight.device

    def initialize(self, generator: torch.Generator) -> None:
        """Initialise the weights: normal 0.02; in `modern` the residual branches start at zero."""
        modern = self.config.family == "modern"
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif "norm" in name:
                nn.init.ones_(parameter)
            elif modern and name.endswith(("out.weight", "down.weight")):
                nn.init.zeros_(parameter)
            else:
                nn.init.normal_(parameter, std=0.02, generator=generator)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits (B, T, V) for tokens (B, T) int64 with T up to the context; no cache."""
        logits: Tensor = self.head(self.hidden(tokens))
        return logits.float()

    def hidden(self, tokens: Tensor) -> Tensor:
        """The input of the head, (B, T, C), for tokens (B, T) int64; no cache."""
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        return self._normed(self._blocks(tokens, positions[None], None))

    def prefill(self, tokens: Tensor, cache: KVCache, slot: int) -> Tensor:
        """Read a sequence, tokens (T,) int64, into a slot; return the logits (V,) after it."""
        length = tokens.shape[0]
        positions = torch.arange(length, device=tokens.device)[None]
        mask = (positions[0][:, None] >= positions)[None, None]
        slots = torch.tensor([slot], device=tokens.device)
        x = self._blocks(tokens[None], positions, Step(cache, slots, positions, length, mask))
        return self._logits(x[0, -1])

    def decode(
        self,
        tokens: Tensor,
        cache: KVCache,
        slots: Tensor,
        positions: Tensor,
        bound: int | None = None,
    ) -> Tensor:
        """Read one more token in each slot and return the logits after it, (B, V).

        tokens, slots, positions: (B,) int64; a position is the number of tokens before it.
        bound: above all positions; by default it is read from the device, which synchronises.
        """
        upto = int(positions.max()) + 1 if bound is None else bound
        mask = None
        if slots.numel() > 1 or bound is not None:
            keys = torch.arange(upto, device=tokens.device)
            mask = (keys <= positions[:, None])[:, None, None]  # (B, 1, 1, upto)
        step = Step(cache, slots, positions[:, None], upto, mask)
        return self._logits(self._blocks(tokens[:, None], positions[:, None], step)[:, 0])

    def _blocks(self, tokens: Tensor, positions: Tensor, step: Step | None) -> Tensor:
        x = self._embedded(tokens, step)
        rotation = None
        if self.config.family == "reference":
            x = x + self.position_embedding(positions)
        else:
            # (B, 1, T, D/2), broadcast over heads
            rotation = self.cosines[positions][:, None], self.sines[positions][:, None]
        for layer, block in enumerate(self.blocks):
            x = block(x, rotation, step, layer)
        return x

    def _embedded(self, tokens: Tensor, step: Step | None) -> Tensor:
        x: Tensor = self.token_embedding(tokens)  # (B, T, C)
        if self.memory is None or self.embedding_norm is None:
            return x
        if step is None:
            rows = self.memory.rows(tokens)
        else:
            read = step.cache.append_tokens(step.slots, step.positions, tokens, LOOKBACK)
            rows = self.memory.rows(read)[:, LOOKBACK:]
        return self.embedding_norm(x + self.memory(rows))  # type: ignore[no-any-return]

    def _normed(self, x: Tensor) -> Tensor:
        return self.norm(x) if self.config.final_norm else x

    def _logits(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self._normed(x))
        return logits.float()


def rotations(config: DecoderConfig) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary angles, two tensors (context, head width / 2) of float32."""
    half = torch.arange(0, config.head_width, 2, dtype=torch.float32) / config.head_width
    angles = torch.outer(torch.arange(config.context).float(), config.rope_theta**-half)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Rotate the first half of each head against the second by the angles of its position."""
    first, second = x.float().chunk(2, dim=-1)
    turned = torch.cat((first * cosines - second * sines, second * cosines + first * sines), dim=-1)
    return turned.to(x.dtype)
