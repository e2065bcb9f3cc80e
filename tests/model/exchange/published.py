"""The published LitteraGPT (0.1.0), as a plain module, for comparison with imported checkpoints.

One module for every head, no cache, a mask in every head, scores divided by the root of the whole
width, and a final LayerNorm that is never called. Classes and attributes have the names that stand
in its checkpoint.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor, nn

# The map of the published vocabulary: 115 characters, in code-point order.
CHARACTERS = (
    " !\"'()*+,-.0123456789:;<?ABCDEFGHIJKLMNOPQRSTUVWXYZ[]_abcdefghijklmnopqrstuvwxyz{}"
    "¡«º»¿ÁÉÍÑÓÚàáçèéêíïñóöúü\u0300\u0301\u0303\u0308–‘’“”"
)


class Head(nn.Module):
    def __init__(self, width: int, size: int, context: int) -> None:
        super().__init__()
        self.key = nn.Linear(width, size, bias=False)
        self.query = nn.Linear(width, size, bias=False)
        self.value = nn.Linear(width, size, bias=False)
        self.register_buffer("tril", torch.ones(context, context).tril())
        self.dropout = nn.Dropout(0.3)

    def forward(self, x: Tensor) -> Tensor:
        length, width = x.shape[1:]
        scores = self.query(x) @ self.key(x).mT / width**0.5
        hidden = self.get_buffer("tril")[:length, :length] == 0
        weights = scores.masked_fill(hidden, -torch.inf).softmax(-1)
        mixed: Tensor = self.dropout(weights) @ self.value(x)
        return mixed


class MultiHeadAttention(nn.Module):
    def __init__(self, width: int, heads: int, context: int) -> None:
        super().__init__()
        self.heads = nn.ModuleList(Head(width, width // heads, context) for _ in range(heads))
        self.proj = nn.Linear(width, width)
        self.dropout = nn.Dropout(0.3)

    def forward(self, x: Tensor) -> Tensor:
        joined = torch.cat([head(x) for head in self.heads], -1)
        out: Tensor = self.dropout(self.proj(joined))
        return out


class FeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(width, 4 * width), nn.ReLU(), nn.Linear(4 * width, width), nn.Dropout(0.3)
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net(x)
        return out


class Block(nn.Module):
    def __init__(self, width: int, heads: int, context: int) -> None:
        super().__init__()
        self.sa = MultiHeadAttention(width, heads, context)
        self.ffwd = FeedForward(width)
        self.layer_norm1 = nn.LayerNorm(width)
        self.layer_norm2 = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.sa(self.layer_norm1(x))
        return x + self.ffwd(self.layer_norm2(x))  # type: ignore[no-any-return]


class BigramLanguageModel(nn.Module):
    def __init__(
        self, width: int, heads: int, layers: int, context: int, vocabulary: int = len(CHARACTERS)
    ) -> None:
        super().__init__()
        self.token_embedding_table = nn.Embedding(vocabulary, width)
        self.position_embedding_table = nn.Embedding(context, width)
        self.blocks = nn.Sequential(*(Block(width, heads, context) for _ in range(layers)))
        self.layer_norm_final = nn.LayerNorm(width)
        self.lm_head = nn.Linear(width, vocabulary)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.token_embedding_table(tokens)
        x = x + self.position_embedding_table.weight[: tokens.shape[1]]
        logits: Tensor = self.lm_head(self.blocks(x))
        return logits


def lively(seed: int = 0, **shape: int) -> BigramLanguageModel:
    """A model with random weights in evaluation mode; tiny by default."""
    model = BigramLanguageModel(**({"width": 48, "heads": 3, "layers": 2, "context": 40} | shape))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.2, generator=generator)
    return model.eval()


def write_token_map(path: Path, characters: str = CHARACTERS) -> Path:
    """The vocabulary as the published one is stored."""
    content = {character: id for id, character in enumerate(characters)}
    path.write_text(json.dumps(content, indent=4), "utf-8")
    return path
