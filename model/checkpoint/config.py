"""The shape of a decoder: everything needed to build one without its weights."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from model.checkpoint.memory_keys import MemoryConfig
from model.errors import CheckpointError
from model.files import read_json_object

Family = Literal["reference", "modern"]
MOST_THETA = 1e12
MAXIMA = {"vocabulary": 4096, "context": 16384, "width": 4096, "layers": 64, "heads": 64}


@dataclass(frozen=True)
class DecoderConfig:
    """Shape and family of a decoder.

    `reference` is the published LitteraGPT: learned positions, pre-LayerNorm, ReLU, dropout on
    attention and on both outputs. `modern` is the shape of `Qwen3ForCausalLM`: RMSNorm, RoPE,
    QK-norm, SwiGLU, no biases, untied head. A `modern` decoder may have an n-gram memory.
    """

    family: Family
    vocabulary: int
    context: int
    width: int
    layers: int
    heads: int
    feed_forward: int
    dropout: float = 0.0
    rope_theta: float = 10_000.0
    # The published code divides attention scores by √width instead of √(head width), and builds a
    # final LayerNorm that it never calls. `reference` reproduces both; these fields correct them.
    scale_by_width: bool = False
    final_norm: bool = True
    memory: MemoryConfig | None = None

    def __post_init__(self) -> None:
        if self.family not in get_args(Family):
            raise ValueError(f"family is {self.family!r}, expected one of {get_args(Family)}")
        for name, most in {**MAXIMA, "feed_forward": 16384}.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
                raise ValueError(f"{name} is {value!r}, expected a whole number from 1 to {most}")
        if self.width % self.heads or (self.width // self.heads) % 2:
            raise ValueError(
                f"width {self.width} does not split into {self.heads} heads of even width"
            )
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout is {self.dropout}, expected 0 to 1")
        if not 0 < self.rope_theta <= MOST_THETA:
            raise ValueError(f"rope_theta is {self.rope_theta}, expected above 0, to {MOST_THETA}")
        for name in ("scale_by_width", "final_norm"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} is {getattr(self, name)!r}, expected true or false")
        self._check_memory()

    def _check_memory(self) -> None:
        if self.memory is None:
            return
        if self.family != "modern":
            raise ValueError("only a decoder of the family 'modern' may have a memory")
        for name in ("symbols", "letters"):
            count = len(getattr(self.memory, name))
            if count != self.vocabulary:
                raise ValueError(f"memory.{name} has {count} entries, expected {self.vocabulary}")

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.width // self.heads

    @property
    def attention_scale(self) -> float:
        """The factor of attention scores."""
        return 1 / math.sqrt(self.width if self.scale_by_width else self.head_width)

    def tensors(self) -> dict[str, tuple[int, ...]]:
        """The name and shape of every tensor in a checkpoint of this shape."""
        width, hidden = (self.width,), (self.feed_forward,)
        table = (self.vocabulary, self.width)
        block = {f"attention.{name}.weight": width * 2 for name in ("query", "key", "value", "out")}
        block["feed_forward.up.weight"] = hidden + width
        block["feed_forward.down.weight"] = width + hidden
        whole = {"token_embedding.weight": table, "head.weight": table, "norm.weight": width}
        vectors = {"attention_norm.weight": width, "feed_forward_norm.weight": width}
        if self.family == "modern":
            block["feed_forward.gate.weight"] = hidden + width
            head = (self.head_width,)
            vectors |= {"attention.query_norm.weight": head, "attention.key_norm.weight": head}
        else:
            whole["position_embedding.weight"] = (self.context, self.width)
            vectors |= {"attention_norm.bias": width, "feed_forward_norm.bias": width}
            vectors |= {"attention.out.bias": width, "feed_forward.down.bias": width}
            vectors["feed_forward.up.bias"] = hidden
        if self.memory is not None:
            memory = self.memory
            whole["memory.tables"] = (memory.tables, memory.rows, memory.width)
            whole["memory.mix.weight"] = (self.width, memory.inputs)
            whole["embedding_norm.weight"] = width
        ends = {} if self.family == "modern" else {"norm.bias": width, "head.bias": table[:1]}
        return {
            **whole,
            **ends,
            **{
                f"blocks.{layer}.{name}": shape
                for layer in range(self.layers)
                for name, shape in (block | vectors).items()
            },
        }

    def to_json(self) -> dict[str, Any]:
        """The content of `config.json`."""
        content = asdict(self)
        if self.memory is None:
            del content["memory"]
        return content

    @classmethod
    def load(cls, path: Path) -> DecoderConfig:
        """Read `config.json`; raises CheckpointError naming the file and the wrong value."""
        content = read_json_object(path)
        known = {field.name for field in fields(cls)}
        if foreign := sorted(set(content) - known):
            problem = f"unknown entry {foreign[0]!r}, expected only {', '.join(sorted(known))}"
            raise CheckpointError("content", file=str(path), problem=problem)
        try:
            if content.get("memory") is not None:
                content["memory"] = MemoryConfig.from_json(content["memory"])
            return cls(**content)
        except (TypeError, ValueError) as error:
            raise CheckpointError("content", file=str(path), problem=str(error)) from None
