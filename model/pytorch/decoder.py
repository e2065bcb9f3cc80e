"""The transformer decoder, in two families behind one interface.

`reference` is LitteraGPT as published (after A. Karpathy's lesson on a character-level GPT);
`modern` is the block of `Qwen3ForCausalLM`: RMSNorm (arXiv 1910.07467), RoPE (2104.09864), QK-norm
(2302.05442) and SwiGLU (2002.05202), so that other engines can load it. The decoder knows token
ids and positions, and nothing of text, requests or sampling.

Shapes: B texts in a batch, T tokens each, C width, H heads of width D, V ids in the vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from model.checkpoint.config import DecoderConfig
from model.checkpoint.draft_table import DraftTable
from model.checkpoint.memory_keys import LOOKBACK
from model.checkpoint.weights import Floats
from model.cuda.graphs import Abilities
from model.engine.backend import EngineName
from model.pytorch.cache import KVCache
from model.pytorch.memory import Memory
from model.pytorch.session import TorchSession
from model.text.automaton import Automaton

if TYPE_CHECKING:
    from model.cuda.session import CudaSession


@dataclass(frozen=True)
class Step:
    """Which cache rows and positions the tokens of one cached call belong to.

    rows: (B,) int64; positions: (B, T) int64; mask: (B, 1, T, upto) bool, true where a query may
    look, or None where every query may look at all `upto` keys.
    """

    cache: KVCache
    rows: Tensor
    positions: Tensor
    upto: int
    mask: Tensor | None


class RMSNorm(nn.Module):
    """x / rms(x) · weight, written out: five small operations cost a third of torch's own module,
    which matters when a step reads a single token."""

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
        self.fused: Tensor | None = None  # see Decoder.arrange
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
                layer, step.rows, step.positions, key, value, step.upto
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
        self.fused: Tensor | None = None  # see Decoder.arrange
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
    """Token ids to logits. Built untrained; `model.pytorch.checkpoint` fills in weights."""

    cosines: Tensor
    sines: Tensor

    def __init__(self, config: DecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.abilities: Abilities | None = None  # see model.cuda.selection
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
        """How many trainable numbers the decoder has."""
        return sum(parameter.numel() for parameter in self.parameters())

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.head.weight.device

    @property
    def engine(self) -> EngineName:
        """See model.engine.backend.Backend."""
        return "pytorch" if self.abilities is None else self.abilities.engine

    def session(
        self,
        rows: int,
        masks: Floats,
        drafts: DraftTable | None = None,
        automaton: Automaton | None = None,
    ) -> TorchSession | CudaSession:
        """See model.engine.backend.Backend."""
        if self.device.type == "cuda" and automaton is not None:
            from model.cuda.selection import open_session

            return open_session(self, rows, masks, automaton, drafts)
        return TorchSession(self, rows, masks)

    def arrange(self) -> None:
        """Lay the matrices out in memory the way a step of one token reads them fastest.

        Matrices that read the same input are joined into one, of which they become views, and all
        are stored by columns. Shapes and values stay as they are. Call it last, on the device.
        """
        for module in self.modules():
            if isinstance(module, Attention):
                module.fused = _join(module.query, module.key, module.value)
            elif isinstance(module, SwiGLU):
                module.fused = _join(module.gate, module.up)
        for module in self.modules():
            if isinstance(module, nn.Linear) and module.weight.is_contiguous():
                _join(module)

    def initialize(self, generator: torch.Generator) -> None:
        """Set fresh weights: normal 0.02; `modern` starts with silent residual branches."""
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
        """Logits (B, T, V) for tokens (B, T) int64 with T up to the context; nothing is kept."""
        logits: Tensor = self.head(self.hidden(tokens))
        return logits.float()

    def hidden(self, tokens: Tensor) -> Tensor:
        """What the head reads, (B, T, C), for tokens (B, T) int64; nothing is kept."""
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        return self._normed(self._blocks(tokens, positions[None], None))

    def prefill(self, tokens: Tensor, cache: KVCache, row: int) -> Tensor:
        """Read one text, tokens (T,) int64, into `row` of the cache; logits (V,) after its last."""
        length = tokens.shape[0]
        positions = torch.arange(length, device=tokens.device)[None]
        mask = (positions[0][:, None] >= positions)[None, None]
        rows = torch.tensor([row], device=tokens.device)
        x = self._blocks(tokens[None], positions, Step(cache, rows, positions, length, mask))
        return self._logits(x[0, -1])

    def decode(
        self,
        tokens: Tensor,
        cache: KVCache,
        rows: Tensor,
        positions: Tensor,
        bound: int | None = None,
    ) -> Tensor:
        """Read one more token in each row and return the logits after it, (B, V).

        tokens, rows, positions: (B,) int64; `positions` says how many tokens a row already holds.
        bound: above all positions; by default it is looked up, for which the host has to wait.
        """
        upto = int(positions.max()) + 1 if bound is None else bound
        mask = None
        if rows.numel() > 1 or bound is not None:
            keys = torch.arange(upto, device=tokens.device)
            mask = (keys <= positions[:, None])[:, None, None]  # (B, 1, 1, upto)
        step = Step(cache, rows, positions[:, None], upto, mask)
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
            read = step.cache.remember(step.rows, step.positions, tokens, LOOKBACK)
            rows = self.memory.rows(read)[:, LOOKBACK:]
        return self.embedding_norm(x + self.memory(rows))  # type: ignore[no-any-return]

    def _normed(self, x: Tensor) -> Tensor:
        return self.norm(x) if self.config.final_norm else x

    def _logits(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self._normed(x))
        return logits.float()


def _join(*layers: nn.Linear) -> Tensor:
    """Stack the layers' weights in one matrix stored by columns; they become views of it."""
    joined = torch.cat([layer.weight.data for layer in layers]).t().contiguous().t()
    sizes = [layer.out_features for layer in layers]
    for layer, part in zip(layers, torch.split(joined, sizes), strict=True):
        layer.weight.data = part
    return joined


def rotations(config: DecoderConfig) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary angles, two tensors (context, head width / 2) of float32."""
    half = torch.arange(0, config.head_width, 2, dtype=torch.float32) / config.head_width
    angles = torch.outer(torch.arange(config.context).float(), config.rope_theta**-half)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Turn the first half of each head against the second by the angles of its position."""
    first, second = x.float().chunk(2, dim=-1)
    turned = torch.cat((first * cosines - second * sines, second * cosines + first * sines), dim=-1)
    return turned.to(x.dtype)
